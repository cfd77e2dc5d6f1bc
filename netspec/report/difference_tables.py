"""The difference of two networks as tables, as Markdown for a review, and as data."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from fractions import Fraction
from typing import Any

from netspec.analysis.detail import Detail
from netspec.analysis.difference import Change, ChangeKind, Difference, FigureChange
from netspec.analysis.figures import FIGURES, Value
from netspec.analysis.units import bytes_text, number_text
from netspec.report.table_formats import Entry, Heading, Row, Table

__all__ = [
    "affected_text", "by_text", "change_name", "change_words", "changes_table", "counts_text", "difference_data",
    "totals_table",
]  # fmt: skip

_MARKS: dict[ChangeKind, str] = {"added": "+", "removed": "-", "changed": "~", "affected": " ", "repeated": "~"}
_STYLES: dict[ChangeKind, str] = {"added": "cyan", "removed": "bold red", "affected": "dim"}
_TOTALS = (
    Heading("figure", "total"), Heading("before", "before", right=True), Heading("after", "after", right=True),
    Heading("change", "change", right=True),
)  # fmt: skip
_CHANGES = (
    Heading("layer", "layer", narrow="cut"), Heading("change", "change", narrow="fold"),
    Heading("params", "params", right=True), Heading("macs", "MACs", right=True),
)  # fmt: skip
MOST = 200
"""Rows of changes that are shown unless all are asked for."""


def totals_table(found: Difference, title: str = "") -> Table:
    """The figures of both, and by how much they differ."""
    return Table(title, _TOTALS, [_figure_row(figure) for figure in found.figures])


def _figure_row(change: FigureChange) -> Row:
    figure = FIGURES[change.name]
    entries = [Entry(figure.title), Entry(figure.text(change.before), change.before)]
    entries += [Entry(figure.text(change.after), change.after), Entry(by_text(change), change.change)]
    return Row(entries)


def by_text(change: FigureChange) -> str:
    """`+5,309,696 (+3.8%)`; "-" where nothing changed."""
    if change.before == change.after:
        return "-"
    by = change.change
    if by is None:
        return ""
    if FIGURES[change.name].unit == "bytes":
        text = f"{'-' if by < 0 else '+'}{bytes_text(abs(int(by)))}"
    else:
        text = f"{by:+,}" if isinstance(by, int) else f"{'+' if by > 0 else ''}{number_text(by)}"
    before = change.before
    share = 100 * by / abs(before) if isinstance(before, (int, float)) and before else None
    return text if share is None else f"{text} ({share:+.1f}%)" if abs(share) < 1000 else f"{text} ({share:+,.0f}%)"


def changes_table(found: Difference, title: str = "", *, everything: bool = False, hint: bool = False) -> Table:
    """What was added, removed and changed. Layers that only have tensors of other sizes are shown where their parameters or
    MACs differ, or with `everything`; with a `hint` of the option that does this."""
    rows = [row for change in found.changes for row in _rows(change, "", 0, everything)]
    left_out = 0 if everything else max(0, len(rows) - MOST)
    if left_out:
        rows = rows[:MOST]
    notes = [note for note in (counts_text(found), affected_text(found, everything, hint), _renamed(found)) if note]
    if left_out:
        notes.insert(0, f"{left_out:,} more rows{'; --all shows them' if hint else ''}")
    return Table(title, _CHANGES, [*map(_detail_row, found.details), *rows], notes)


def _detail_row(detail: Detail) -> Row:
    return Row([Entry(f"~ {detail.what}"), Entry(f"{detail.before} → {detail.after}"), Entry(""), Entry("")])


def _rows(change: Change, prefix: str, level: int, everything: bool) -> Iterator[Row]:
    params, macs = (after - before for before, after in (change.params, change.macs))
    if change.kind == "affected" and not params and not macs and not everything:
        return
    style = _STYLES.get(change.kind, "")
    name = change_name(change, prefix)
    copies = f" x{change.times}" if change.times > 1 else ""
    yield Row(
        [
            Entry(f"{_MARKS[change.kind]} {name}{copies}", style=style),
            Entry(change_words(change)),
            _signed(params),
            _signed(macs),
        ],
        level,
    )
    inner_prefix = f"{change.names[0][1] or change.names[0][0]}." if change.names else prefix
    for inner in change.inner:
        yield from _rows(inner, inner_prefix, level + 1, everything)


def change_name(change: Change, prefix: str) -> str:
    """The name (of the first of several), without that of the part around it."""
    if not change.names:
        return "these together"
    before, after = change.names[0]
    if before and after and before.rpartition(".")[2] != after.rpartition(".")[2]:
        return f"{before.removeprefix(prefix)} → {after.removeprefix(prefix)}"
    return (after or before).removeprefix(prefix)


def change_words(change: Change) -> str:
    """What changed, or what was added or removed."""
    if change.kind == "repeated":
        return f"{len(change.inner)} changes that repeat"
    if change.kind in ("added", "removed"):
        layers = max(change.layers) // change.times
        what = change.what[0] or change.what[1]
        return f"{what}, {layers} layers" if layers > 1 else what
    own = [d for d in change.details if d.what not in ("output", "input")] or list(change.details)
    return "; ".join(f"{d.what} {d.before} → {d.after}" for d in own)


def _signed(value: int) -> Entry:
    return Entry(f"{value:+,}", value) if value else Entry("-", 0, "dim")


def counts_text(found: Difference) -> str:
    """`2 layers added, 32 changed`."""
    kinds: Sequence[ChangeKind] = ("added", "removed", "changed")
    counts = [(found.count(kind), kind) for kind in kinds]
    said = [f"{count:,} {kind}" for count, kind in counts if count]
    if not said:
        return ""
    plural = "s" if next(count for count, _ in counts if count) != 1 else ""
    first, *rest = said
    number, kind = first.split(" ")
    return ", ".join((f"{number} layer{plural} {kind}", *rest))


def affected_text(found: Difference, everything: bool, hint: bool) -> str:
    count = found.count("affected")
    if not count:
        return ""
    one = count == 1
    text = f"{count:,} layer{'' if one else 's'} {'is' if one else 'are'} the same on tensors of other sizes"
    option = " (--all shows every one)" if hint else ""
    return text if everything else f"{text}; shown where their counts differ{option}"


def _renamed(found: Difference) -> str:
    """Names, where nothing else differs."""
    if not found.equal or not found.renamed:
        return ""
    count = len(found.renamed)
    first = ", ".join(f"{before} → {after}" for before, after in found.renamed[:3])
    return f"{count:,} layer{'s have' if count > 1 else ' has'} another name: {first}{', …' if count > 3 else ''}"


# Data


def difference_data(found: Difference) -> dict[str, Any]:
    """The difference as plain data; `params` and `macs` of a change are those of all its copies, [before, after]."""
    return {
        "schema": 1,
        "equal": found.equal,
        "names": list(found.names),
        "figures": {
            f.name: {"before": _json(f.before), "after": _json(f.after), "change": f.change} for f in found.figures
        },
        "layers": {kind: found.count(kind) for kind in ("added", "removed", "changed", "affected")},
        "details": [_detail(detail) for detail in found.details],
        "changes": [_data(change) for change in found.changes],
        "renamed": [list(pair) for pair in found.renamed],
    }


def _json(value: Value | None) -> Any:
    """A value as JSON has it: sizes as lists, fractions as text."""
    if isinstance(value, tuple):
        return [_json(v) for v in value]
    return str(value) if isinstance(value, Fraction) else value


def _detail(detail: Detail) -> dict[str, str]:
    return {"what": detail.what, "before": detail.before, "after": detail.after}


def _data(change: Change) -> dict[str, Any]:
    return {
        "kind": change.kind,
        "times": change.times,
        "names": [list(names) for names in change.names],
        "what": list(change.what),
        "layers": list(change.layers),
        "params": list(change.params),
        "macs": list(change.macs),
        "details": [_detail(detail) for detail in change.details],
        "inner": [_data(inner) for inner in change.inner],
    }
