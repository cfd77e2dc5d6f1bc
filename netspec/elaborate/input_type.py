"""The type of an input: its sizes, and the word that says what kind of input it is."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from netspec.diagnostics.facts import Instead, Misspelt
from netspec.elaborate.facts import UndefinedName, scope_of
from netspec.elaborate.origins import origin
from netspec.elaborate.state import FAILED, Frame
from netspec.graph import TensorType
from netspec.ops.open_size import is_open
from netspec.symbolic import Constant, Symbolic
from netspec.syntax import tree as t
from netspec.values import Quantity, kind_of, show

if TYPE_CHECKING:
    from netspec.elaborate.context import ElaborationContext

__all__ = ["SIZES_OF", "input_type", "size_origins"]

SIZES_OF = {"rgb": 2, "gray": 2, "grey": 2, "int": 1, "sequence": 2}
"""How many sizes each of these words follows."""
_WORDS = ("rgb", "gray", "grey", "int", "sequence")


def input_type(run: ElaborationContext, statement: t.Input, frame: Frame) -> TensorType | None:
    """The type of what comes in; None where there is none, which is reported."""
    for word in statement.words:
        if word.text.lower() not in _WORDS:
            _report_word(run, statement, word, frame)
            return None
    sizes = _sizes(run, statement, frame)
    if sizes is None:
        return None
    words = [w.text.lower() for w in statement.words]
    if any(s < 1 or s > run.limits.integer for s in sizes):
        text = "x".join(str(s) if s <= run.limits.integer else "…" for s in sizes)
        run.error(
            "NS205", f"an input of {text} has no sensible size", statement.size_span, helps=["every size is at least 1"]
        )
        return None
    return _typed(run, statement, sizes, words)


def _sizes(run: ElaborationContext, statement: t.Input, frame: Frame) -> tuple[int, ...] | None:
    """The values of the sizes as they are written: numbers, and names and expressions whose value may itself be a size."""
    if _has_batch(run, statement, frame):
        return None
    sizes: list[int] = []
    for expr in statement.sizes:
        value = _value(run, expr, frame)
        if value is FAILED:
            return None
        for size in value if isinstance(value, (tuple, list)) else (value,):
            if isinstance(size, bool) or not isinstance(size, (int, float)) or not _is_whole(size):
                what = f"`{' '.join(expr.span.text.split())}` is {kind_of(value)}, {show(value)}"
                run.error("NS204", f"the sizes of an input are whole numbers, but {what}", expr.span)
                return None
            sizes.append(int(size) if isinstance(size, (float, Quantity)) else size)
    if not sizes:
        run.error("NS205", "an input has at least one size", statement.size_span)
    return tuple(sizes) or None


def _is_whole(size: float) -> bool:
    return not isinstance(size, float) or size == int(size)


def size_origins(run: ElaborationContext, statement: t.Input, kind: TensorType, frame: Frame) -> dict[str, Symbolic]:
    """How each size was written, by its axis: `{"1": size}`; of those with a constant, nothing."""
    written = [origin(expr, frame, run.graph.functions) for expr in statement.sizes]
    first = len(kind.shape) - len(written)  # of `rgb` the channels are not written
    if first < 0 or any(isinstance(expr, t.Sequence_) for expr in statement.sizes):
        return {}
    return {str(first + i): symbolic for i, symbolic in enumerate(written) if not isinstance(symbolic, Constant)}


def _value(run: ElaborationContext, expr: t.Expr, frame: Frame) -> Any:
    if isinstance(expr, t.Name) and expr.text not in (*frame.visible(), "yes", "no", "none"):
        facts = UndefinedName(expr.text, expr.span, scope_of(frame))
        net = run.graph.root.block
        helps = [f"declare it: `net {net}({expr.text} = 64)`"]
        run.error("NS208", f"`{expr.text}` is not defined", expr.span, helps=helps, facts=facts)
        return FAILED
    return run.evaluate(expr, frame)


def _has_batch(run: ElaborationContext, statement: t.Input, frame: Frame) -> bool:
    """Reports a batch before the sizes: `(None, 3, 224, 224)`, `Nx3x224x224`, `(-1, 3, 224, 224)`."""
    first, *rest = statement.sizes
    name = first.text if isinstance(first, t.Name) and first.text not in frame.visible() else ""
    minus = isinstance(first, t.Unary) and first.operator == "-"
    if not rest or not (minus or name == "None" or (name in ("N", "B") and len(rest) > 2)):
        return False
    span = statement.size_span
    text = span.source.text[rest[0].span.start : span.end].lstrip("( ")
    text = f"({text}" if span.text.startswith("(") and span.text.endswith(")") else text
    facts = Instead(span, text, f"write `input {f'{statement.name} ' if statement.name else ''}{text}`")
    notes = ["a spec states the size of one example, without the batch"]
    run.error("NS310", "an input has no batch", first.span, notes=notes, facts=facts)
    return True


def _report_word(run: ElaborationContext, statement: t.Input, word: t.Name, frame: Frame) -> None:
    """A word after the size that is no kind of input; or sizes that are written together with it."""
    facts: Instead | Misspelt = Misspelt(word.span, word.text, _WORDS, f"there are {', '.join(_WORDS)}")
    written, whole = statement.size_span.text, statement.size_span.to(word.span)
    message = f"an input is not `{word.text}`"
    spaced = [w.text for w in statement.words]
    if len(spaced) > 1 and spaced[::2] == ["x"] * len(spaced[::2]) and len(spaced) % 2 == 0:  # `3 x size x size`
        text = "x".join([written, *map(_part, spaced[1::2])])
        message = "a name in the size of an input needs parentheses"
        facts = Instead(statement.size_span.to(statement.words[-1].span), text, f"write `{text}`")
    elif word.span.start == statement.size_span.end and re.fullmatch(r"(?:X\d+)+", word.text):
        text = written + word.text.replace("X", "x")
        facts = Instead(whole, text, f"the sign between sizes is a lower-case `x`: `{text}`")
    elif word.span.start == statement.size_span.end and re.match(r"x\w", word.text):
        text = written + "".join(f"x{part}" for part in _parts(word.text[1:], set(frame.visible())))
        message = "a name in the size of an input needs parentheses"
        facts = Instead(whole, text, f"write `{text}`")
    run.error("NS208", message, word.span, facts=facts)


def _parts(text: str, names: set[str]) -> list[str]:
    """Sizes that are written without parentheses, `sizexsize`, as they should be: split so that the names are known ones."""
    signs = [i for i, c in enumerate(text) if c == "x" and 0 < i < len(text) - 1]
    for cut in signs:
        if text[:cut] in names or text[:cut].isdecimal():
            return [_part(text[:cut]), *_parts(text[cut + 1 :], names)]
    if text in names or not signs:
        return [_part(text)]
    return [_part(part) for part in text.split("x")]


def _part(text: str) -> str:
    return text if text.isdecimal() else f"({text})"


def _typed(run: ElaborationContext, statement: t.Input, sizes: tuple[int, ...], words: list[str]) -> TensorType | None:
    text = "x".join(map(str, sizes))

    def wrong(message: str, *helps: str) -> TensorType | None:
        run.error("NS307", message, statement.size_span, helps=helps)
        return None

    if len(words) > 1:
        run.error(
            "NS207",
            f"an input is one of {' and '.join(words)}",
            statement.words[1].span,
            helps=["leave one of them out"],
        )
        return None
    word = words[0] if words else ""
    if word in ("rgb", "gray", "grey"):
        if len(sizes) != 2:
            return wrong(f"{word} needs a height and a width, found {text}", f"write `input 224x224 {word}`")
        return TensorType("map", (3 if word == "rgb" else 1, *sizes))
    if word == "int":
        if len(sizes) != 1:
            return wrong(f"integers come in a row: one size, found {text}", "write `input ids 77 int`")
        return TensorType("ids", sizes)
    if word == "sequence":
        if len(sizes) != 2:
            return wrong(f"a sequence is tokens x features, found {text}", "write `input 77x64 sequence`")
        return TensorType("sequence", sizes)
    if len(sizes) > 4:
        return wrong(f"an input has at most channels and three spatial sizes, found {text}")
    if any(map(is_open, sizes)):
        return TensorType("vector" if len(sizes) == 1 else "map", sizes)
    if len(sizes) == 3 and sizes[2] in (1, 3, 4) and sizes[0] > 4 and sizes[1] > 4:
        flipped = f"{sizes[2]}x{sizes[0]}x{sizes[1]}"
        help_ = f"for an image of {sizes[0]}x{sizes[1]} write `input {flipped}`"
        run.diagnostics.warning(
            "NS309", f"{text} reads as {sizes[0]} channels of {sizes[1]}x{sizes[2]}", statement.size_span,
            label="channels come first", facts=Instead(statement.size_span, flipped, help_),
        )  # fmt: skip
    if len(sizes) == 2 and sizes[0] == sizes[1] > 4 and statement.numbers is not None:
        help_ = f"for gray images of {text} write `input 1x{text}`"
        run.diagnostics.warning(
            "NS309", f"{text} reads as a signal: {sizes[0]} channels of length {sizes[1]}", statement.size_span,
            label="channels come first", facts=Instead(statement.size_span, f"1x{text}", help_),
        )  # fmt: skip
    if len(sizes) == 4:
        _warn_of_batch(run, statement, sizes)
    return TensorType("vector" if len(sizes) == 1 else "map", sizes)


def _warn_of_batch(run: ElaborationContext, statement: t.Input, sizes: tuple[int, ...]) -> None:
    """Warns of `1x3x224x224` and `32x224x224x3`, which look like a batch of images and read as a volume."""
    batch, *rest = sizes
    last = rest[2] in (1, 3) and min(rest[:2]) > 4
    if not last and not (rest[0] in (1, 3) and min(rest[1:]) > 4):
        return
    channels, height, width = (rest[2], *rest[:2]) if last else rest
    image = f"{channels}x{height}x{width}"
    help_ = f"for images of {height}x{width} write `input {image}`"
    run.diagnostics.warning(
        "NS310", f"{'x'.join(map(str, sizes))} reads as {batch} channel{'s' if batch > 1 else ''} of a volume",
        statement.size_span, label=f"depth {rest[0]}, height {rest[1]}, width {rest[2]}",
        notes=["a spec states the size of one example, without the batch"], facts=Instead(statement.size_span, image, help_),
    )  # fmt: skip
