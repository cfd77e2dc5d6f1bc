"""Layers that do not fit: their diagnostics, with the edits that would mend them, and their rows in the report."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from netspec.diagnostics import Fix
from netspec.elaborate.edits import change_fixes
from netspec.elaborate.state import Frame
from netspec.graph import Failed, TensorType
from netspec.ops.op import Leftover, Misfit, Op
from netspec.source import Span

if TYPE_CHECKING:
    from netspec.elaborate.elaborator import Elaborator

__all__ = ["report_leftovers", "report_misfit", "row_of_failure"]

_ROWS = {"height": "row", "width": "column", "length": "position", "depth": "slice", "tokens": "token"}
_MOST_ROWS = 1000


def report_misfit(run: Elaborator, misfit: Misfit, op: type[Op], span: Span, spans: dict[str, Span]) -> None:
    where = spans.get(misfit.option, span) if misfit.option else span
    fixes = change_fixes(op, span, misfit.changes)
    run.error(
        misfit.code, misfit.message, where, label=misfit.label, notes=misfit.notes, helps=misfit.helps, fixes=fixes
    )


def row_of_failure(run: Elaborator, frame: Frame, name: str | None, span: Span, inputs: tuple[TensorType, ...]) -> None:
    """Keeps a row for a layer that failed, at its place among the layers that are known."""
    failed = run.graph.failed
    if len(failed) < _MOST_ROWS:
        text = " ".join(span.text.split())
        failed.append(Failed(len(run.graph.nodes), frame.region.path + (name or text.split(" ")[0]), span, inputs))


def report_leftovers(run: Elaborator, leftovers: tuple[Leftover, ...], op: type[Op], span: Span, frame: Frame) -> None:
    """Windows that do not tile their input: an error under `fit exact`, else a warning where input is dropped."""
    exact = frame.fit == "exact"
    told = [x for x in leftovers if exact or x.dropped]
    if not told:
        return
    arithmetic = dict.fromkeys(x.arithmetic for x in told)
    notes = [f"{' and '.join(x.axis for x in told if x.arithmetic == a)}: {a}" for a in arithmetic]
    several = len(arithmetic) > 1
    helps = list(dict.fromkeys(f"{x.axis}: {h}" if several else h for x in told for h in x.helps))
    fixes: list[Fix] = [] if several else change_fixes(op, span, told[0].changes)
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
