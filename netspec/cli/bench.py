"""netspec bench"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click

from netspec.cli.output import echo_json, printing_console
from netspec.cli.specs import checked_model, limit_option, parameter_option, stop_on_error
from netspec.diagnostics import SpecError

__all__ = ["command"]


@click.command("bench")
@click.argument("file", metavar="SPEC")
@click.option("--batch", default="1", show_default=True, metavar="N,N", help="Batch sizes.")
@click.option(
    "--providers", metavar="NAMES", help="ONNX Runtime providers: cuda, tensorrt, cpu. Default: all available."
)
@click.option(
    "--runs", type=click.IntRange(3), default=20, show_default=True, help="Number of timed runs after warm-up."
)
@click.option(
    "--weights",
    metavar="FILE|RUN",
    type=click.Path(path_type=Path),
    help="Weights to load: a file, or the folder of a run; default: initial weights.",
)
@click.option("--compile/--no-compile", "compiled", default=True, help="Also benchmark torch.compile (default).")
@click.option("--format", "form", type=click.Choice(["table", "json"]), default="table", help="Output format.")
@parameter_option
@limit_option
def command(file: str, batch: str, definitions: tuple[str, ...], limits: tuple[str, ...], **wanted: Any) -> None:
    """Benchmark inference with PyTorch eager, torch.compile and ONNX Runtime, on the same weights and inputs.

    Latency is the median and the 95th percentile over the runs. Memory is the peak increase during a run, if it can be
    measured.
    """
    try:
        batches = [int(n) for n in batch.split(",")]
        if min(batches) < 1:
            raise ValueError
    except ValueError:
        raise click.UsageError(f"--batch takes whole numbers such as 1,8,32, found `{batch}`.") from None
    providers = [p.strip() for p in wanted["providers"].split(",")] if wanted["providers"] else None
    model = checked_model(file, definitions, limits)
    try:
        from netspec.backends.bench import measure

        rows = measure(model.graph, batches, providers, wanted["runs"], wanted["weights"], compiled=wanted["compiled"])
    except SpecError as error:
        stop_on_error(error)
    if wanted["form"] == "json":
        echo_json([row._asdict() for row in rows])
    else:
        _print_table(rows)


def _print_table(rows: list[Any]) -> None:
    from rich import box
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False, header_style="bold")
    table.add_column("engine", no_wrap=True)
    for title in ("batch", "median ms", "p95 ms", "images/s", "peak MB"):
        table.add_column(title, justify="right", no_wrap=True)
    for row in rows:
        if row.error:
            table.add_row(row.engine, str(row.batch), row.error[:40], "", "", "")
            continue
        memory = f"{row.peak_mb:,.0f}" if row.peak_mb is not None else "-"
        table.add_row(
            row.engine, str(row.batch), f"{row.median_ms:.2f}", f"{row.p95_ms:.2f}", f"{row.throughput:,.1f}", memory
        )
    printing_console(sys.stdout).print(table)
