"""The report as a table for the terminal."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TypeAlias

from netspec.analysis.description import description
from netspec.analysis.totals import CONVENTION, totals
from netspec.diagnostics.display import wrapped
from netspec.graph import Failed, Graph, Node, Region
from netspec.report.columns import Cell, Column, in_columns, painted
from netspec.values import show

__all__ = ["as_text", "report_lines"]

FULL_ROWS = 200
"""Longer networks show one row per block, and at most this many rows, unless all layers are requested."""

_COLUMNS = (
    Column("layer", narrow="cut"), Column("what", narrow="fold"),
    Column("output", right=True), Column("params", right=True), Column("MACs", right=True),
)  # fmt: skip
_BLANK = Cell("")

Row: TypeAlias = tuple[Cell, Cell, Cell, Cell, Cell]


def as_text(graph: Graph, *, columns: int) -> str:
    return "".join(f"{line}\n" for line in report_lines(graph, columns=columns, color=False, everything=True))


def report_lines(graph: Graph, *, columns: int, color: bool, everything: bool = False) -> Iterator[str]:
    """Name, description, output shape, parameters and MACs of each layer, then the totals with their conventions."""
    yield from _title(graph, columns, color)
    rows, folded = _rows(graph, everything=everything)
    yield from in_columns(_COLUMNS, rows, room=columns, color=color)
    if folded:
        note = f"{len(graph.layers):,} layers, one row per block; use --all to show every layer"
        yield from _notes(note, columns, color)
    if graph.failed:
        yield from _notes("totals unavailable: some layers have errors", columns, color)
    else:
        yield from _totals(graph, columns, color)


def _title(graph: Graph, columns: int, color: bool) -> Iterator[str]:
    several = len(graph.inputs) > 1
    inputs = ", ".join(
        f"{name} {graph.nodes[i].type}" if several else str(graph.nodes[i].type) for name, i in graph.inputs
    )
    first, *rest = wrapped(f"   input {inputs}", columns, lead=graph.name, hang=4)
    yield painted(graph.name, "bold", color=color) + first[len(graph.name) :]
    yield from rest


def _notes(text: str, columns: int, color: bool) -> Iterator[str]:
    return (painted(line, "dim", color=color) for line in wrapped(text, columns))


def _rows(graph: Graph, *, everything: bool) -> tuple[list[Row], bool]:
    """The rows, and whether each represents a block rather than a layer."""
    members: list[Node | Region] = list(graph.layers)
    folded = not everything and len(members) > FULL_ROWS
    if folded:
        members = list(_folded(graph.root))
    left_out = max(0, len(members) - FULL_ROWS) if folded else 0
    cut = len(members) - left_out - 10 if left_out else len(members)
    rows = [_row(graph, member) for member in (*members[:cut], *members[cut + left_out :])]
    if graph.failed and not folded:
        rows = list(_with_failures(graph, rows))
    if left_out:
        rows.insert(cut, (Cell("…"), Cell(f"{left_out:,} more rows"), _BLANK, _BLANK, _BLANK))
    return rows, folded


def _with_failures(graph: Graph, rows: list[Row]) -> Iterator[Row]:
    """The rows of the known layers, with a marked row in place of each layer with an error."""
    waiting = list(graph.failed)
    for node, row in zip(graph.layers, rows, strict=True):
        while waiting and waiting[0].place <= node.index:
            yield from _failure(waiting.pop(0))
        yield row
    for failed in waiting:
        yield from _failure(failed)


def _failure(failed: Failed) -> Iterator[Row]:
    text = " ".join(failed.span.text.split())
    shown = text if len(text) <= 40 else f"{text[:39]}…"
    took = f" on {', '.join(map(str, failed.inputs))}" if failed.inputs else ""
    unknown = Cell("?")
    where = Cell(f"{shown}{took}, line {failed.span.line}")
    yield Cell(f"✗ {failed.name}", "bold red"), where, unknown, unknown, unknown
    if failed.followers:
        plural = "s" if failed.followers > 1 else ""
        yield (
            Cell("…", "dim"),
            Cell(f"{failed.followers:,} layer{plural} after it {'are' if plural else 'is'} unknown"),
            _BLANK,
            _BLANK,
            _BLANK,
        )


def _folded(region: Region) -> Iterator[Node | Region]:
    """The layers of a net, with each block and labeled group as one."""
    for member in region.members:
        if isinstance(member, Node):
            if member.inputs:
                yield member
        elif not member.named:
            yield from _folded(member)
        elif any(True for _ in member.nodes()):
            yield member


def _row(graph: Graph, member: Node | Region) -> Row:
    if isinstance(member, Region):
        nodes = list(member.nodes())
        arguments = ", ".join(show(value) for _, value in member.arguments)
        words = f"{member.block}({arguments}), " if member.block else ""
        name = Cell(member.path.rstrip("."), "dim" if nodes[-1].aux else "")
        output = Cell(str(nodes[-1].type), "cyan")
        counts = _number(sum(n.n_params for n in nodes)), _number(sum(n.macs for n in nodes))
        return name, Cell(f"{words}{len(nodes)} layers"), output, *counts
    name = Cell(member.name, "dim" if member.aux else "")
    params = Cell("shared") if member.shares is not None and member.params else _number(member.n_params)
    output = Cell(str(member.type), "cyan")
    return name, Cell(description(graph, member)), output, params, _number(member.macs)


def _number(value: int) -> Cell:
    return Cell(f"{value:,}") if value else Cell("-", "dim")


def memory_text(size: int) -> str:
    """Bytes in a suitable unit (1 MB = 10^6 bytes)."""
    for unit, factor in (("GB", 10**9), ("MB", 10**6), ("kB", 10**3)):
        if size >= factor:
            return f"{size / factor:.2f} {unit}"
    return f"{size} bytes"


def _totals(graph: Graph, columns: int, color: bool) -> Iterator[str]:
    total = totals(graph, graph.nodes)
    rows = [("parameters", f"{total.params:,}", "all trainable")]
    if total.aux_params:
        rows.append(("auxiliary", f"{total.aux_params:,}", "parameters of auxiliary heads, only used in training"))
    if total.buffers:
        rows.append(("buffers", f"{total.buffers:,}", "running statistics, not trained"))
    rows += [("MACs", f"{total.macs:,}", ""), ("FLOPs", f"{total.flops:,}", "")]
    room = max(len(value) for _, value, _ in rows)
    rows.append(("memory", memory_text(total.memory), "weights and layer outputs, float32"))
    yield ""
    for name, value, note in rows:
        lead = f"{name:<11}{value:>{room}}"
        first, *rest = wrapped(note, columns, lead=f"{lead}   ", hang=len(lead) + 3)
        said = painted(first[len(lead) :], "dim", color=color)
        yield (painted(f"{name:<11}", "bold", color=color) + lead[11:] + said).rstrip()
        yield from (painted(line, "dim", color=color) for line in rest)
    yield from _notes(CONVENTION, columns, color)
