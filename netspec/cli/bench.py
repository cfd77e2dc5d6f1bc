"""netspec bench"""

from __future__ import annotations

import sys
from itertools import groupby
from pathlib import Path
from textwrap import wrap
from typing import TYPE_CHECKING, Any

import click

from netspec.cli.condition_options import require_device
from netspec.cli.output import columns, echo, echo_json, printing_console
from netspec.cli.specs import checked_model, limit_option, parameter_option

if TYPE_CHECKING:
    from netspec.analysis.devices import Device
    from netspec.backends.bench import Estimate, Figures

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
@click.option("--cuda-graphs", "graphs", is_flag=True, help="Also benchmark torch.compile with CUDA graphs.")
@click.option(
    "--device",
    metavar="NAME",
    help="Peaks for the estimate beside the measurement: a device such as h100, or FLOPS,BANDWIDTH such as 90G,20G. "
    "Default: those of the GPU's datasheet, or measured by a matrix product and a copy.",
)
@click.option("--format", "form", type=click.Choice(["table", "json"]), default="table", help="Output format.")
@parameter_option
@limit_option
def command(file: str, batch: str, definitions: tuple[str, ...], limits: tuple[str, ...], **wanted: Any) -> None:
    """Benchmark inference with PyTorch eager, torch.compile and ONNX Runtime, on the same weights and inputs.

    Latency is the median and the 95th percentile over the runs. Memory is the peak increase during a run, if it can be
    measured. The roofline's estimate of the time stands beside it; the ratio is measured / estimated.
    """
    batches = _read_batches(batch)
    providers = [p.strip() for p in wanted["providers"].split(",")] if wanted["providers"] else None
    require_device(wanted["device"])
    model = checked_model(file, definitions, limits)
    from netspec.backends.bench import estimates, measure

    how = {"compiled": wanted["compiled"], "graphs": wanted["graphs"]}
    rows = measure(model.graph, batches, providers, wanted["runs"], wanted["weights"], **how)
    expected = estimates(model.graph, rows, wanted["device"])
    if wanted["form"] == "json":
        echo_json([_record(row, expected.get((row.processor, row.batch))) for row in rows])
    else:
        _print_table(rows, expected)


def _read_batches(text: str) -> list[int]:
    """Raises UsageError."""
    try:
        batches = [int(n) for n in text.split(",")]
        if min(batches) < 1:
            raise ValueError
    except ValueError:
        raise click.UsageError(f"--batch takes whole numbers such as 1,8,32, found `{text}`.") from None
    return batches


def _record(row: Figures, estimate: Estimate | None) -> dict[str, Any]:
    """A row of the JSON output, with the estimate and the peaks that it was made with."""
    if estimate is None:
        return {**row._asdict(), "estimate": None, "ratio": None}
    device = estimate.device
    said = {"ms": estimate.ms, "bound": estimate.bound, "device": device.name, "flops_per_s": device.fp32,
            "bytes_per_s": device.bandwidth, "source": device.source}  # fmt: skip
    return {**row._asdict(), "estimate": said, "ratio": None if row.error else estimate.ratio(row)}


def _print_table(rows: list[Figures], expected: dict[tuple[str, int], Estimate]) -> None:
    from rich import box
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False, header_style="bold")
    table.add_column("engine", no_wrap=True)
    for title in ("batch", "median ms", "p95 ms", "images/s", "peak MB", "ratio"):
        table.add_column(title, justify="right", no_wrap=True)
    for case, same in groupby(rows, lambda row: row.batch):
        measured = list(same)
        for row in measured:
            table.add_row(*_cells(row, expected.get((row.processor, case))))
        for (processor, batch), estimate in expected.items():
            if batch == case:
                per_second = f"{1e3 * batch / estimate.ms:,.1f}"
                table.add_row(f"estimate {processor}", str(batch), _ms(estimate.ms), "", per_second, "", "")
    console = printing_console(sys.stdout)
    console.print(table)
    for device in dict.fromkeys(estimate.device for estimate in expected.values()):
        echo(_said(device))


def _cells(row: Figures, estimate: Estimate | None) -> tuple[str, ...]:
    if row.error:
        return (row.engine, str(row.batch), row.error[:40], "", "", "", "")
    memory = f"{row.peak_mb:,.0f}" if row.peak_mb is not None else "-"
    ratio = f"{estimate.ratio(row):,.1f}x" if estimate is not None else "-"
    times = (_ms(row.median_ms), _ms(row.p95_ms), f"{row.throughput:,.1f}")
    return (row.engine, str(row.batch), *times, memory, ratio)


def _ms(value: float) -> str:
    return f"{value:.2f}" if value >= 0.1 else f"{value:.2g}"


def _said(device: Device) -> str:
    """Where the estimate comes from."""
    if device.name == "measured":
        origin = f"measured on {device.title}: {device.source}"
    else:
        origin = "as given" if device.source == "given" else f"{device.title}: {device.source}"
    peaks = f"{device.fp32 / 1e9:,.0f} GFLOP/s and {device.bandwidth / 1e9:,.1f} GB/s"
    text = f"The estimate is the roofline's, with {peaks} ({origin}); the ratio is measured / estimated."
    return "\n".join(wrap(text, min(80, columns(sys.stdout))))
