"""Numbers that are written after a layer and belong in its name: `conv 3 8`, `maxpool 2`, `FC 10`."""

from __future__ import annotations

from netspec.diagnostics import Fix
from netspec.ops import NORMALIZATIONS
from netspec.ops.op import Op
from netspec.syntax import tree as t

__all__ = ["LARGEST_KERNEL", "numbers_in_name", "renamed_with_numbers"]

LARGEST_KERNEL = 11
"""Of the kernels in use; of two loose numbers a larger one is the width."""


def _has(op: type[Op], slot: str) -> bool:
    return any(option.slot == slot for option in op.options.values())


def numbers_in_name(op: type[Op], layer: t.Layer, head: str) -> Fix | str:
    """`conv 3 8`, `conv3 64`, `maxpool 3 2` and `embed 1000 64` with their numbers in the name; `head` is how it is spelled."""
    numbers = [v.span.text for v in layer.values if isinstance(v, t.Literal_)]
    if op.name == "embed":
        return _embedding(layer, head, numbers)
    bare = not head[-1].isdigit() and layer.arguments is None
    if len(numbers) == 2 and _has(op, "width") and bare:
        numbers = sorted(numbers, key=lambda n: n.isdigit() and int(n) > LARGEST_KERNEL)  # `conv 64 3`
    signs = ["", "-", "/"] if _has(op, "width") else ["", "/"]
    signs = signs if bare else signs[1:]
    if layer.width is not None:
        head, signs = f"{head}-{layer.width.span.text}", ["/"]
    text = head + "".join(sign + n for sign, n in zip(signs, numbers, strict=False))
    incomplete = _has(op, "width") and len(numbers) < 2 and bare
    title = f"write the numbers after the name without a space: `{text}{'-64' if incomplete else ''}`"
    if incomplete or len(numbers) > len(signs):
        return title
    return Fix.replace(layer.head_span.to(layer.values[len(numbers) - 1].span), text, title)


def _embedding(layer: t.Layer, head: str, numbers: list[str]) -> Fix | str:
    """`embed 1000 64`: of the two numbers the larger one is the vocabulary."""
    if len(numbers) != 2 or len(layer.values) != 2 or layer.width is not None or layer.options:
        return f"the width follows a hyphen, and the vocabulary has a name: `{head}-64 vocab=10000`"
    width, vocab = sorted(numbers, key=lambda n: int(n) if n.isdigit() else 0)
    text = f"{head}-{width} vocab={vocab}"
    return Fix.replace(layer.head_span.to(layer.values[-1].span), text, f"write `{text}`")


def renamed_with_numbers(op: type[Op], layer: t.Layer, head: str) -> Fix | None:
    """A layer under another name with loose numbers, `pool 2`: both are corrected at once. None where there is nothing to
    correct but the name."""
    numbers = [v for v in layer.values if isinstance(v, t.Literal_) and v.kind in ("int", "size")]
    if not numbers or len(numbers) != len(layer.values) or layer.arguments is not None or layer.width is not None:
        return None
    if _has(op, "kernel") or op.name == "embed":
        found = numbers_in_name(op, layer, head)
        return found if isinstance(found, Fix) else None
    if len(numbers) > 1 or _has(op, "value") or not (_has(op, "width") or op.name in NORMALIZATIONS):
        return None
    text = f"{head}-{numbers[0].span.text}" if _has(op, "width") else head
    return Fix.replace(layer.head_span.to(numbers[-1].span), text, f"netspec writes it `{text}`")
