"""Layers that do not fit: their diagnostics, with the edits that would mend them, and their rows in the report."""

from __future__ import annotations

import re
from dataclasses import replace
from math import isqrt, prod
from typing import TYPE_CHECKING, Any

from netspec.diagnostics import Edit, Fix, Label
from netspec.elaborate.edits import change_fixes, changed
from netspec.elaborate.state import Frame, Tensor
from netspec.graph import Failed, TensorType
from netspec.ops import CATALOGUE
from netspec.ops.kinds import BadValue
from netspec.ops.op import Change, Leftover, Misfit, Op
from netspec.ops.shape import Reshape
from netspec.source import Span
from netspec.values import Size

if TYPE_CHECKING:
    from netspec.elaborate.builder import ElaborationContext

__all__ = ["report_leftovers", "report_misfit", "report_no_input", "row_of_failure"]

_ROWS = {"height": "row", "width": "column", "length": "position", "depth": "slice", "tokens": "token"}
_MOST_ROWS = 1000
_KERNELS, _FEWEST_FILTERS = (1, 3, 5, 7, 9, 11), 16


def report_misfit(
    run: ElaborationContext,
    misfit: Misfit,
    op: Op,
    inputs: tuple[Tensor, ...],
    span: Span,
    spans: dict[str, Span],
    frame: Frame,
) -> None:
    types = tuple(tensor.type for tensor in inputs if tensor.type is not None)
    if misfit.code == "NS301" and _is_channels_last(run, misfit, span):
        return
    where = spans.get(misfit.option, span) if misfit.option else span
    good = [c for c in misfit.changes if _outcome(run, op, types, c) is not None]
    wrong = {c.help for c in misfit.changes} - {c.help for c in good}
    helps = [h for h in misfit.helps if h not in wrong]
    swapped = _swapped(run, misfit, op, types, span)
    helps = [*(fix.title for fix in swapped), *helps]
    fixes = [*swapped, *change_fixes(type(op), span, good, frame.region), *_as_tokens(run, misfit, op, types, span)]
    if isinstance(op, Reshape) and inputs[0].node is not None:
        fixes += _resized_values(run, op, inputs[0].node, spans.get("size", span))
        helps += [fix.title for fix in fixes]
    run.error(misfit.code, misfit.message, where, label=misfit.label, notes=misfit.notes, helps=helps, fixes=fixes)


def _infers(run: ElaborationContext, op: type[Op], values: dict[str, Any], types: tuple[TensorType, ...]) -> bool:
    """Whether an op with these options takes the inputs."""
    try:
        other = op(**values)
        other.validate()
        run.infer(other, types)
    except Misfit:
        return False
    return True


def _swapped(run: ElaborationContext, misfit: Misfit, op: Op, types: tuple[TensorType, ...], span: Span) -> list[Fix]:
    """For `conv64-3`, whose window is too large, `conv3-64`."""
    head = re.match(r"([A-Za-z]+)(\d+)-(\d+)(?!\w)", span.text)
    if misfit.code != "NS301" or head is None or int(head[3]) not in _KERNELS or int(head[2]) < _FEWEST_FILTERS:
        return []
    values = {name: getattr(op, name) for name in op.options}
    if not {"kernel", "width"} <= set(values):
        return []
    text = f"{head[1]}{head[3]}-{head[2]}"
    if not _infers(run, type(op), {**values, "kernel": (int(head[3]),), "width": int(head[2])}, types):
        return []
    return [
        Fix.replace(Span(span.source, span.start, span.start + head.end()), text, f"the kernel stands first: `{text}`")
    ]


def _as_tokens(run: ElaborationContext, misfit: Misfit, op: Op, types: tuple[TensorType, ...], span: Span) -> list[Fix]:
    """For a layer of sequences behind an image, `tokens` before it."""
    if (
        misfit.code != "NS303"
        or len(types) != 1
        or types[0].layout != "map"
        or span.source.text[: span.start].rstrip().endswith(":")
    ):
        return []
    tokens = CATALOGUE["tokens"]()
    try:
        kind = run.infer(tokens, types)[0]
    except Misfit:
        return []
    if not _infers(run, type(op), {name: getattr(op, name) for name in op.options}, (kind,)):
        return []
    title = next((h for h in misfit.helps if "`tokens`" in h), f"`tokens` before it makes a sequence of {kind}")
    text = span.source.text
    lead = text[text.rfind("\n", 0, span.start) + 1 : span.start]
    new = "tokens -> " if lead.strip() else f"tokens\n{lead}"
    return [Fix(title, (Edit(Span(span.source, span.start, span.start), new),))]


def _is_channels_last(run: ElaborationContext, misfit: Misfit, span: Span) -> bool:
    """Whether the input was taken for channels last (NS309): then a window that does not fit is no second mistake."""
    items = run.diagnostics.items
    place = next((i for i, d in enumerate(items) if d.code in ("NS309", "NS310")), None)
    if place is None:
        return False
    note = f"`{' '.join(span.text.split())}` at line {span.line} does not fit: {misfit.message}"
    if not items[place].is_error:
        items[place] = replace(items[place], severity="error", notes=(*items[place].notes, note))
    return True


def _resized_values(run: ElaborationContext, op: Reshape, source: int, where: Span) -> list[Fix]:
    """For values that do not fill a shape: as many units in the layer before, or another size along one axis."""
    node, fixes = run.graph.nodes[source], []
    while node.kind not in ("FC", "linear") and len(node.inputs) == 1:
        node = run.graph.nodes[node.inputs[0]]
    count, have = prod(op.size), run.graph.nodes[source].type.size
    wanted = str(count) if re.fullmatch(r"[\d_x×]+", where.text) else _product(where.text)
    text = changed(node.span.text, type(node.op), "width", wanted) if "width" in node.op.options else None
    if text is not None:
        title = f"`{text}` in place of `{node.span.text}` at line {node.span.line} gives {count:,} values"
        fixes.append(Fix.replace(node.span, text, title))
    size = list(op.size)
    square = isqrt(have // size[0]) if len(size) == 3 and size[0] and have % size[0] == 0 else 0
    shapes = [[size[0], square, square]] if square and square**2 * size[0] == have else []
    for i in range(len(size)):
        rest = count // size[i]
        if have % rest == 0:
            shapes.append([*size[:i], have // rest, *size[i + 1 :]])
    if re.fullmatch(r"[\dx×]+", where.text):
        for shape in shapes:
            new = "x".join(map(str, shape))
            fixes.append(Fix.replace(where, new, f"`reshape {new}` holds the {have:,} values"))
    return fixes


def _product(sizes: str) -> str:
    """`(w, h - 1)` as a product, in parentheses: `(w * (h - 1))`."""
    bare = sizes.strip()[1:-1] if re.fullmatch(r"\([^()]*(?:\([^()]*\)[^()]*)*\)", sizes.strip()) else sizes
    factors = [part.strip() for part in re.split(r",(?![^()]*\))", bare) if part.strip() != "1"]
    return f"({' * '.join(f'({f})' if re.search('[-+]', f) else f for f in factors)})"


def _outcome(
    run: ElaborationContext, op: Op, types: tuple[TensorType, ...], change: Change
) -> tuple[Leftover, ...] | None:
    """What is left over with a change; None where the layer does not fit with it either."""
    number: Any = change.value
    if re.fullmatch(r"-?\d+", change.value):
        number = int(change.value)
    elif re.fullmatch(r"\d+(x\d+)+", change.value):
        number = Size(map(int, change.value.split("x")))
    try:
        value = op.options[change.option].kind.read(number)
        other = type(op)(**{**{name: getattr(op, name) for name in op.options}, change.option: value})
        other.validate()
        return run.infer(other, types)[1]
    except (Misfit, BadValue, KeyError):
        return None


def row_of_failure(
    run: ElaborationContext, frame: Frame, name: str | None, span: Span, inputs: tuple[TensorType, ...]
) -> None:
    """Keeps a row for a layer that failed, at its place among the layers that are known."""
    failed = run.graph.failed
    if len(failed) < _MOST_ROWS:
        text = " ".join(span.text.split())
        head = re.match(r"[^\s({\[]+", text)
        shown = name or (head.group() if head else text.split(" ")[0])
        failed.append(Failed(len(run.graph.nodes), frame.region.path + shown, span, inputs))


def report_leftovers(
    run: ElaborationContext,
    leftovers: tuple[Leftover, ...],
    op: Op,
    types: tuple[TensorType, ...],
    span: Span,
    frame: Frame,
) -> None:
    """Windows that do not tile their input: an error under `fit exact`, else a warning where input is dropped."""
    exact = frame.fit == "exact"
    told = [x for x in leftovers if exact or x.dropped]
    if not told or any(d.code in ("NS309", "NS310") for d in run.diagnostics):
        return
    arithmetic = dict.fromkeys(x.arithmetic for x in told)
    notes = [f"{' and '.join(x.axis for x in told if x.arithmetic == a)}: {a}" for a in arithmetic]
    several = len(arithmetic) > 1
    tried = {c: _outcome(run, op, types, c) for x in told for c in x.changes}
    wrong = {c.help for c, left in tried.items() if left != ()}
    helps = list(dict.fromkeys(f"{x.axis}: {h}" if several else h for x in told for h in x.helps if h not in wrong))
    fixes: list[Fix] = []
    if not several:
        fixes = change_fixes(type(op), span, [c for c in told[0].changes if c.help not in wrong], frame.region)
    if exact:
        axes = " and ".join(x.axis for x in told)
        run.error(
            "NS302", f"the window does not tile the {axes} of its input", span, notes=notes, helps=helps, fixes=fixes
        )
        return
    parts = [f"{x.dropped} {_ROWS[x.axis]}{'s' if x.dropped > 1 else ''}" for x in told]
    verb = "is" if len(parts) == 1 and told[0].dropped == 1 else "are"
    keywords: dict[str, Any] = {"notes": [*notes, *run.trail()], "helps": helps, "fixes": fixes}
    run.diagnostics.warning(
        "NS305", f"{' and '.join(parts)} of the input {verb} never seen", span, label="rounded down", **keywords
    )


def report_no_input(run: ElaborationContext, span: Span) -> None:
    """The first layer has no tensor: there is no input, or it stands further down."""
    later = next((i for i in run.inputs_ahead if i.source is span.source and i.start > span.start), None)
    if later is None:
        helps = ["declare it: `input 3x224x224` (channels first)"]
        run.error("NS308", "there is no input before the first layer", span, helps=helps)
        return
    text, row = span.source.text, text_line(span.source.text, later.start)
    above = text.rfind("\n", 0, span.start) + 1
    help_ = f"move `{later.text}` up, before this line"
    alone = text[row[0] : row[1]].strip() == later.text
    moved = (Edit(Span(span.source, above, above), f"{later.text}\n"), Edit(Span(span.source, *row), ""))
    run.error(
        "NS308", "the input stands below the first layer", span,
        secondary=[Label(later, "the input")], helps=[help_], fixes=[Fix(help_, moved)] if alone else [],
    )  # fmt: skip


def text_line(text: str, at: int) -> tuple[int, int]:
    """The range of the line at an offset, with its end."""
    return text.rfind("\n", 0, at) + 1, min((text + "\n").index("\n", at) + 1, len(text))
