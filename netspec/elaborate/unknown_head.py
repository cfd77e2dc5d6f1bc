"""A layer that does not exist: what was probably meant, and how netspec writes it."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING

from netspec.diagnostics import Edit, Fix, nearest
from netspec.diagnostics.foreign import ALIASES, PLACES, translated
from netspec.elaborate.slips import arguments_length
from netspec.elaborate.state import Frame
from netspec.ops import CATALOGUE, JOINS
from netspec.source import Span
from netspec.syntax import tree as t

if TYPE_CHECKING:
    from netspec.elaborate.elaborator import Elaborator

__all__ = ["report_unknown_head"]


def report_unknown_head(run: Elaborator, layer: t.Layer, frame: Frame) -> None:
    if run.unknown_blocks:
        return
    helps, fixes = _meant(layer, frame)
    if _is_setting(layer, run):
        return
    if frame.label(layer.head) is not None and not run.first_time(("a bare label", layer.span.line)):
        return
    run.error(
        "NS201",
        f"there is no layer or block `{layer.head}`",
        layer.head_span,
        helps=helps or ["`netspec ops` lists the layers"],
        fixes=fixes,
    )


def _is_setting(layer: t.Layer, run: Elaborator) -> bool:
    """Whether the line is one of a recipe that stands outside of `train { … }`; reports the first of several."""
    from netspec.settings import SETTINGS

    if layer.head not in SETTINGS:
        return False
    if not run.first_time("a setting outside of a recipe"):
        return True
    source = layer.span.source
    start, end = source.text.rfind("\n", 0, layer.span.start) + 1, layer.span.end
    rows = []
    for row in re.finditer(r"[^\n]*\n?", source.text[start:]):
        word = re.match(r"[ \t]*([A-Za-z_]\w*)", row.group())
        if word is None or word[1] not in SETTINGS:
            break
        rows.append(row.group().strip())
        end = start + row.start() + len(row.group().rstrip())
    text = "train {\n" + "".join(f"  {row}\n" for row in rows) + "}"
    help_ = "settings of the training stand in `train { … }`"
    alone = run.train is None and "train" not in re.findall(r"^[ \t]*(\w+)", source.text, re.MULTILINE) and rows
    fixes = [Fix.replace(Span(source, start, end), text, help_)] if alone else []
    section = re.search(r"(?m)^[ \t]*train[ \t]*\{[ \t]*\n", source.text)
    if section is not None and rows and not start <= section.start() < end:
        stop = min(end + 1, len(source.text))
        inside = Span(source, section.end(), section.end())
        moved = (Edit(inside, "".join(f"  {row}\n" for row in rows)), Edit(Span(source, start, stop), ""))
        fixes = [Fix(help_, moved)]
    run.error("NS201", f"`{layer.head}` is a setting, and no layer", layer.head_span, helps=[help_], fixes=fixes)
    return True


def _meant(layer: t.Layer, frame: Frame) -> tuple[list[str], list[Fix]]:
    head, span = layer.head, layer.head_span
    stem = re.sub(r"\d+(x\d+)*$", "", head.lower())
    digits = head[len(stem) :]

    def one(help_: str, text: str, where: Span = span, *, safe: bool = False) -> tuple[list[str], list[Fix]]:
        return [help_], [Fix.replace(where, text, help_, "safe" if safe else "review")]

    if (joined := _hyphenated(layer)) is not None:
        return one(f"it is one word: `{joined[1]}`", joined[1], joined[0])
    slots = re.fullmatch(r"([A-Za-z]+)(\d+(?:x\d+)?)_(\d+)(?:_(\d+))?", head)
    if slots and slots[1].lower() in CATALOGUE and layer.width is None and layer.stride is None:
        text = f"{slots[1]}{slots[2]}-{slots[3]}" + (f"/{slots[4]}" if slots[4] else "")
        return one(f"the slots are marked by `-` and `/`: `{text}`", text, safe=True)
    if (number := _number_behind(layer, stem, digits)) is not None:
        return one(*number, safe=True)
    if frame.label(head) is not None and layer.arguments is None:
        help_ = f"`{head}` is a label: go on from it with `from {head}`"
        return [help_], [Fix(help_, _all_from(layer, frame))]
    if head in JOINS and (joined_ := _bracketed(layer, frame)) is not None:
        return one(f"branches stand in brackets: `{joined_[1]}`", joined_[1], joined_[0])
    if head.lower() in _STATEMENTS and head != head.lower():
        return one(f"words of the language are written small: `{head.lower()}`", head.lower(), safe=True)
    if head.lower() in PLACES:
        return [PLACES[head.lower()]], _placed(layer)
    foreign = head.lower() if head.lower() in ALIASES else stem if stem in ALIASES else None
    if foreign is not None and not any(nearest(head, [b]) for b in frame.file.blocks):
        return _translated(layer, foreign, digits if foreign == stem else "")
    if kernel := _kernel_variable(head, frame):
        text = f"{kernel[0]}({kernel[1]})"
        return one(f"a kernel from a variable stands in parentheses: `{text}-…`", text)
    return _nearest(head, stem, digits, frame, one)


Answer = tuple[list[str], list[Fix]]


def _number_behind(layer: t.Layer, stem: str, digits: str) -> tuple[str, str] | None:
    """`FC10` and `dropout5`, whose numbers are no kernels: the help, and the head as it is written."""
    if stem not in CATALOGUE or not digits:
        return None
    op = CATALOGUE[stem]
    kinds = {o.slot for o in op.options.values()}
    if "width" in kinds and layer.width is None:
        text = f"{layer.head[: len(stem)]}-{digits}"
        return f"the number of units is written after a hyphen: `{op.name}-{digits}`", text
    if "value" in kinds and not layer.values and layer.arguments is None:
        return f"write the number after a space: `{op.name} {digits}`", f"{stem} {digits}"
    return None


def _bracketed(layer: t.Layer, frame: Frame) -> tuple[Span, str] | None:
    """`add a` and `concat(a, b)`: where it stands, and the join with its branches in brackets."""
    span, head = layer.head_span, layer.head
    if layer.values and not layer.arguments and all(isinstance(v, t.Name) for v in layer.values):
        names = [v.span.text for v in layer.values]
        labels = [name for name in names if frame.label(name) is not None] or names
        parts, where = [f"from {name}" for name in labels], layer.span
    elif layer.arguments:
        parts = [_as_branch(argument, frame) for argument in layer.arguments]
        where = Span(span.source, span.start, span.end + arguments_length(layer))
    else:
        return None
    return where, f"{head} [ {'; '.join([*(['identity'] if len(parts) == 1 else []), *parts])} ]"


def _nearest(head: str, stem: str, digits: str, frame: Frame, one: Callable[[str, str], Answer]) -> Answer:
    """The layer or block with the nearest name."""
    known = [*frame.file.blocks, *CATALOGUE]
    near = nearest(head, known)
    if near is None and (near := nearest(stem, known)):
        text = f"{near}{digits}"
        return one(f"did you mean `{CATALOGUE[near].name if near in CATALOGUE else near}`?", text)
    if near:
        name = CATALOGUE[near].name if near in CATALOGUE else near
        kernel_slot = near in CATALOGUE and any(o.slot == "kernel" for o in CATALOGUE[near].options.values())
        return one(f"did you mean `{name}`?", f"{name}{digits}" if kernel_slot and not near.endswith(digits) else name)
    return [], []


_STATEMENTS = (
    "input",
    "let",
    "default",
    "expect",
    "train",
    "net",
    "output",
    "use",
    "block",
    "residual",
    "repeat",
    "from",
)


def _placed(layer: t.Layer) -> list[Fix]:
    """What takes the place of a line that has no layer of its own here, where that is clear."""
    head, values = layer.head.lower(), [v.span.text for v in layer.values]
    if head == "return":
        from netspec.training.slips import line_taken_out

        return list(line_taken_out(layer.span, PLACES[head]))
    text = ""
    if head == "import" and len(values) == 1 and values[0].isidentifier():
        text = f'use "{values[0]}.net"'
    elif head == "view":
        text = "flatten"
    return [Fix.replace(layer.span, text, f"write `{text}`")] if text else []


def _all_from(layer: t.Layer, frame: Frame) -> tuple[Edit, ...]:
    """The edits that put `from` before the label, and before the others that stand alone in the same brackets."""
    text, at = layer.span.source.text, layer.head_span.start
    low = max(text.rfind("[", 0, at), text.rfind("\n", 0, at)) + 1
    high = min((i for i in (text.find("]", at), (text + "\n").find("\n", at)) if i >= 0), default=len(text))
    alone = re.finditer(r"(?:^|(?<=;))[ \t]*([A-Za-z_]\w*)[ \t]*(?=;|$)", text[low:high])
    places = {low + m.start(1) for m in alone if frame.label(m[1]) is not None} | {at}
    return tuple(Edit(Span(layer.span.source, place, place), "from ") for place in sorted(places))


def _hyphenated(layer: t.Layer) -> tuple[Span, str] | None:
    """`max-pool`, `fully-connected 10`: where the two words stand, and the layer that they mean."""
    if not isinstance(layer.width, t.Name):
        return None
    word = (layer.head + layer.width.text).lower()
    name = ALIASES.get(word) or (CATALOGUE[word].name if word in CATALOGUE else None)
    if name is None:
        return None
    units = any(option.slot == "width" for option in CATALOGUE[name.lower()].options.values())
    if units and len(layer.values) == 1 and name.lower() in ("fc", "linear"):
        return layer.head_span.to(layer.values[0].span), f"{name}-{layer.values[0].span.text}"
    return layer.head_span.to(layer.width.span), name


def _as_branch(argument: t.Expr, frame: Frame) -> str:
    text = argument.span.text
    called = re.fullmatch(r"(\w+)\((\w+)\)", text)
    if called and frame.label(called[2]) is not None:
        block = called[1] in frame.file.blocks
        return f"from {called[2]} -> {called[1]}{'()' if block else ''}"
    return f"from {text}" if frame.label(text) is not None else text


def _translated(layer: t.Layer, foreign: str, digits: str) -> tuple[list[str], list[Fix]]:
    """The layer as netspec writes it, where its values say enough."""
    name = ALIASES[foreign]
    kernel = any(option.slot == "kernel" for option in CATALOGUE[name.lower()].options.values())
    if (
        layer.arguments is None
        and kernel
        and not digits
        and layer.width is not None
        and "kernel" not in layer.span.text
    ):
        text = f"{name}3-{layer.width.span.text}"
        help_ = f"netspec calls it `{name}`, with its kernel behind the name: `{text}`"
        return [help_], [Fix.replace(layer.head_span, f"{name}3", help_)]
    if layer.arguments is None:
        help_ = f"netspec calls it `{name}`"
        return [help_], [Fix.replace(layer.head_span, f"{name}{digits}", help_)]
    values = [v.span.text for v in layer.arguments]
    written = translated(layer.head, values, {o.name: o.value.span.text for o in layer.argument_options})
    if written is None:
        return [f"netspec calls it `{name}`"], []
    help_ = f"netspec writes it `{written}`"
    stop = layer.head_span.end + arguments_length(layer)
    return [help_], [Fix.replace(Span(layer.span.source, layer.span.start, stop), written, help_)]


def _kernel_variable(head: str, frame: Frame) -> tuple[str, str] | None:
    """`convk` where k is a variable: (conv, k)."""
    for name in frame.visible():
        stem = head.removesuffix(name)
        if stem != head and stem.lower() in CATALOGUE:
            return stem, name
    return None
