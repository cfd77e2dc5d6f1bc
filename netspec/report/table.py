"""The report as a table for the terminal."""

from __future__ import annotations

from collections.abc import Iterator
from io import StringIO
from typing import TYPE_CHECKING, TypeAlias

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from netspec.analysis.totals import CONVENTION
from netspec.graph import Failed, Graph, Node, Region
from netspec.values import show

if TYPE_CHECKING:
    from netspec.model import Model

__all__ = ["as_text", "print_report"]

FULL_ROWS = 200
"""Longer networks show each block as one row, and past that so many rows, unless all layers are asked for."""

Row: TypeAlias = tuple[Text | str, ...]


def as_text(model: Model, *, columns: int) -> str:
    out = StringIO()
    print_report(
        model, Console(file=out, width=columns, markup=False, color_system=None, legacy_windows=False), everything=True
    )
    return out.getvalue()


def print_report(model: Model, console: Console, *, everything: bool = False) -> None:
    """Layer, what it is, output shape, parameters, MACs; then the totals with their convention."""
    graph = model.graph
    inputs = ", ".join(f"{name} {kind}" if len(graph.inputs) > 1 else str(kind) for name, kind in model.inputs.items())
    console.print(Text.assemble((model.name, "bold"), f"   input {inputs}"))
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
        rows.insert(cut, ("…", f"{left_out:,} more rows", "", "", ""))
    console.print(_table(rows))
    if folded:
        console.print(Text(f"{len(graph.layers):,} layers, a row for each block; --all shows every layer", style="dim"))
    if graph.failed:
        console.print(Text("no totals: they depend on the layers in error", style="dim"))
    else:
        _print_totals(model, console)


def _with_failures(graph: Graph, rows: list[Row]) -> Iterator[Row]:
    """The rows of the layers that are known, and where they belong a marked row for each layer in error."""
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
    yield Text(f"✗ {failed.name}", style="bold red"), Text(f"{shown}{took}, line {failed.span.line}"), "?", "?", "?"
    if failed.followers:
        plural = "s" if failed.followers > 1 else ""
        yield Text("…", style="dim"), f"{failed.followers:,} layer{plural} behind it, not known", "", "", ""


def _folded(region: Region) -> Iterator[Node | Region]:
    """The layers of a net, each of its blocks and labelled groups as one."""
    for member in region.members:
        if isinstance(member, Node):
            if member.inputs:
                yield member
        elif not member.named:
            yield from _folded(member)
        elif any(True for _ in member.nodes()):
            yield member


def _table(rows: list[Row]) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False, padding=(0, 1), header_style="bold")
    table.add_column("layer", no_wrap=True, overflow="ellipsis")
    table.add_column("what", overflow="fold", ratio=None)
    for title in ("output", "params", "MACs"):
        table.add_column(title, no_wrap=True, justify="right")
    for row in rows:
        table.add_row(*row)
    return table


def _row(graph: Graph, member: Node | Region) -> Row:
    if isinstance(member, Region):
        nodes = list(member.nodes())
        arguments = ", ".join(show(value) for _, value in member.arguments)
        words = f"{member.block}({arguments}), " if member.block else ""
        name = Text(member.path.rstrip("."), style="dim" if nodes[-1].aux else "")
        output = Text(str(nodes[-1].type), style="cyan")
        params, macs = sum(n.n_params for n in nodes), sum(n.macs for n in nodes)
        return name, Text(f"{words}{len(nodes)} layers"), output, _number(params), _number(macs)
    name = Text(member.name, style="dim" if member.aux else "")
    params_text = "shared" if member.shares is not None and member.params else _number(member.n_params)
    return name, Text(what(graph, member)), Text(str(member.type), style="cyan"), params_text, _number(member.macs)


def what(graph: Graph, node: Node) -> str:
    """Kernel, filters, stride and padding; the kind too, where the name does not say it."""
    words = node.op.describe(graph.nodes[node.inputs[0]].type)
    local = node.name.rpartition(".")[2]
    if not local.lower().startswith(node.kind.lower()):
        words = f"{node.kind} {words}".strip()
    if node.shares is not None:
        words = f"{words}, weights of {graph.nodes[node.shares].name}".lstrip(", ")
    if len(node.inputs) > 1:
        words = f"{words} of {', '.join(graph.nodes[i].name for i in node.inputs)}".strip()
    return words


def _number(value: int) -> Text:
    return Text(f"{value:,}") if value else Text("-", style="dim")


def memory_text(size: int) -> str:
    """Bytes in the unit that suits them (1 MB = 10^6 bytes)."""
    for unit, factor in (("GB", 10**9), ("MB", 10**6), ("kB", 10**3)):
        if size >= factor:
            return f"{size / factor:.2f} {unit}"
    return f"{size} bytes"


def _print_totals(model: Model, console: Console) -> None:
    total = model.totals
    rows = [("parameters", total.params), ("MACs", total.macs), ("FLOPs", total.flops)]
    if total.buffers:
        rows.insert(1, ("buffers", total.buffers))
    if total.aux_params:
        rows.insert(1, ("auxiliary", total.aux_params))
    width = max(len(f"{v:,}") for _, v in rows)
    console.print()
    for name, value in rows:
        note = {
            "parameters": "all trainable",
            "buffers": "running statistics, not trained",
            "auxiliary": "parameters of auxiliary heads, in training only",
        }.get(name, "")
        console.print(
            Text.assemble((f"{name:<11}", "bold"), f"{value:>{width},}", (f"   {note}" if note else "", "dim"))
        )
    console.print(
        Text.assemble(
            (f"{'memory':<11}", "bold"),
            f"{memory_text(total.memory):>{width}}",
            ("   weights and every layer's output, float32", "dim"),
        )
    )
    console.print(Text(CONVENTION, style="dim"))
