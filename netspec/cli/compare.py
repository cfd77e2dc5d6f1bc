"""netspec compare"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from netspec.cli.output import echo_json

if TYPE_CHECKING:
    from netspec.training.comparison import Difference, Summary
    from netspec.training.scores import Score

__all__ = ["command"]


@click.command("compare")
@click.argument("runs", metavar="RUN...", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option(
    "--curves", metavar="OUT.svg", type=click.Path(path_type=Path), help="Plot the curves of all runs to this file."
)
@click.option("--json", "as_json", is_flag=True, help="Print all results as JSON.")
def command(runs: tuple[Path, ...], curves: Path | None, as_json: bool) -> None:
    """Compare runs: size, cost, scores, and the settings in which they differ."""
    if curves is not None and curves.suffix != ".svg":
        raise click.UsageError("--curves needs a file name ending in .svg.")
    from netspec.training.comparison import compare

    found, differences = compare(runs)
    if as_json:
        echo_json(_as_json(found, differences))
    else:
        _print(found, differences)
    if curves is not None:
        from netspec.training.curves import draw_curves

        draw_curves(curves, {run.name: run.rows for run in found})


def _as_json(runs: Sequence[Summary], differences: Sequence[Difference]) -> dict[str, Any]:
    listed = [{name: value for name, value in asdict(run).items() if name not in ("rows", "settings")} for run in runs]
    return {
        "runs": listed,
        "differences": {d.setting: {run.name: run.settings.get(d.setting) for run in runs} for d in differences},
    }


def _print(runs: Sequence[Summary], differences: Sequence[Difference]) -> None:
    from netspec.cli.eval_console import new_table, table_console

    console = table_console()
    table = new_table("run", "params", "MACs", "epochs", "best val.", "test", "seconds", "examples/s")
    for run in runs:
        epochs = f"{run.epochs}" if run.finished else f"{run.epochs} …"
        table.add_row(
            run.name, _short(run.params), _short(run.macs), epochs, _score(run.best), _score(run.test),
            f"{run.seconds:,.{0 if run.seconds >= 100 else 2}f}", f"{run.throughput:,.0f}",
        )  # fmt: skip
    console.print(table)
    if any(not run.finished for run in runs):
        console.print("…: not finished", style="dim")
    if len(runs) > 1:
        console.print()
        _print_differences(runs, differences)


def _print_differences(runs: Sequence[Summary], differences: Sequence[Difference]) -> None:
    from rich import box
    from rich.table import Table
    from rich.text import Text

    from netspec.cli.eval_console import table_console

    console = table_console()
    if not differences:
        console.print("all settings are the same")
        return
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False, header_style="bold")
    table.add_column("differing settings", no_wrap=True)
    table.add_column("value", overflow="fold", ratio=3)
    table.add_column("runs", overflow="fold", ratio=2)
    for difference in differences:
        for number, (value, names) in enumerate(difference.values.items()):
            text = Text("not set", "dim") if value is None else Text(_cut(value))
            table.add_row("" if number else difference.setting, text, Text(", ".join(names)))
    console.print(table)


def _cut(text: str) -> str:
    """Shortens long values, such as the layers of a net."""
    return text if len(text) <= 200 else f"{text[:199]}…"


def _short(count: int) -> str:
    for unit, size in (("G", 10**9), ("M", 10**6), ("k", 10**3)):
        if count >= size:
            return f"{count / size:.3g}{unit}"
    return str(count)


def _score(score: Score | None) -> str:
    if score is None:
        return "-"
    return f"{score.loss:.4g}" if score.accuracy is None else f"{score.accuracy:.2%}"
