"""The report as a table for the terminal."""

from __future__ import annotations

from io import StringIO
from typing import TYPE_CHECKING

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from netspec.analysis.totals import CONVENTION
from netspec.graph import Graph, Node

if TYPE_CHECKING:
    from netspec.model import Model

__all__ = ["as_text", "print_report"]

ALL_ROWS = 400
"""Longer networks show so many layers and say how many they leave out, unless all are asked for."""


def as_text(model: Model, *, columns: int) -> str:
    out = StringIO()
    print_report(model, Console(file=out, width=columns, color_system=None, legacy_windows=False), everything=True)
    return out.getvalue()


def print_report(model: Model, console: Console, *, everything: bool = False) -> None:
    """Layer, what it is, output shape, parameters, MACs; then the totals with their convention."""
    graph = model.graph
    inputs = ", ".join(f"{name} {kind}" if len(graph.inputs) > 1 else str(kind) for name, kind in model.inputs.items())
    title = Text.assemble((model.name, "bold"), f"   input {inputs}")
    console.print(title)
    layers = graph.layers
    shown = layers if everything or len(layers) <= ALL_ROWS else [*layers[: ALL_ROWS - 20], *layers[-10:]]
    table = _table(graph, shown, len(layers) - len(shown))
    console.print(table)
    _print_totals(model, console)


def _table(graph: Graph, shown: list[Node], left_out: int) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False, padding=(0, 1), header_style="bold")
    table.add_column("layer", no_wrap=True, overflow="ellipsis")
    table.add_column("what", overflow="fold", ratio=None)
    table.add_column("output", no_wrap=True, justify="right")
    table.add_column("params", no_wrap=True, justify="right")
    table.add_column("MACs", no_wrap=True, justify="right")
    for i, node in enumerate(shown):
        if left_out and i == ALL_ROWS - 20:
            table.add_row("…", f"{left_out:,} more layers (`--all` shows them)", "", "", "")
        table.add_row(*_row(graph, node))
    return table


def _row(graph: Graph, node: Node) -> tuple[Text | str, ...]:
    name = Text(node.name, style="dim" if node.aux else "")
    shared = f"weights of {graph.nodes[node.shares].name}" if node.shares is not None else ""
    params = "shared" if shared else _number(node.n_params)
    return name, Text(what(graph, node)), Text(str(node.type), style="cyan"), params, _number(node.macs)


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
