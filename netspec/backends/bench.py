"""Latency, throughput and memory of one network on several engines, measured alike."""

from __future__ import annotations

import os
import resource
import statistics
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, NamedTuple

from netspec.analysis.analysis import Analysis
from netspec.analysis.conditions import Conditions
from netspec.analysis.samples import sample_inputs
from netspec.backends.onnx import write_onnx
from netspec.backends.onnx.runtime import PROVIDERS, open_session
from netspec.backends.peaks import processor_peaks
from netspec.backends.torch.live import to_torch
from netspec.diagnostics import SpecError
from netspec.optional import require_torch
from netspec.weights.loading import load_weights

if TYPE_CHECKING:
    from netspec.analysis.devices import Device
    from netspec.graph import Graph

__all__ = ["Estimate", "Figures", "estimates", "measure"]

WARM_UP = 3


class Figures(NamedTuple):
    """One engine at one batch size; `error` says why there are no figures. Memory is what the engine's peak adds.

    `processor` is what it runs on: `cpu` or `cuda`."""

    engine: str
    processor: str
    batch: int
    median_ms: float
    p95_ms: float
    throughput: float
    peak_mb: float | None
    error: str = ""


class Estimate(NamedTuple):
    """The roofline's estimate for a forward pass of a batch in float32, and the device whose peaks it takes."""

    ms: float
    bound: str
    device: Device

    def ratio(self, row: Figures) -> float:
        """How many times as long the measurement is."""
        return row.median_ms / self.ms


def measure(
    graph: Graph,
    batches: list[int],
    providers: list[str] | None,
    runs: int,
    weights: Path | None,
    *,
    compiled: bool = True,
    graphs: bool = False,
) -> list[Figures]:
    """Every engine at every batch size; with `graphs` also CUDA graphs. Raises SpecError where no engine can be had, and NS604
    for graphs without a CUDA GPU."""
    torch = require_torch()
    device = "cuda" if torch.cuda.is_available() else "cpu"
    if graphs and device == "cpu":
        raise SpecError.of("NS604", "`--cuda-graphs` requires a CUDA GPU", helps=["remove `--cuda-graphs`"])
    module = to_torch(graph).eval()
    load_weights(module, graph, weights, 0)
    module = module.to(device)
    rows: list[Figures] = []
    with TemporaryDirectory() as folder, torch.inference_mode():
        path = Path(folder) / "model.onnx"
        write_onnx(graph, path, weights)
        engines: dict[str, Callable[..., Any]] = {f"torch {device}": module}
        if compiled:
            engines[f"torch.compile {device}"] = torch.compile(module)
        if graphs:
            engines[f"CUDA graphs {device}"] = _replaying(torch, module)
        for batch in batches:
            _require_memory(graph, batch)
            inputs = sample_inputs(graph, batch)
            tensors = [torch.from_numpy(v).to(device) for v in inputs.values()]
            for name, engine in engines.items():
                call = partial(engine, *tensors)
                rows.append(_timed((name, device, batch), call, runs, torch if device == "cuda" else None))
            for name in providers or PROVIDERS:
                row = _onnx(name, path, batch, inputs, runs, asked=providers is not None)
                rows += [row] if row else []
    return rows


def _replaying(torch: Any, module: Any) -> Callable[..., Any]:
    """The module as CUDA graphs, one for each batch size. Each call may overwrite the result of the one before it."""
    compiled = torch.compile(module, mode="reduce-overhead", dynamic=False)

    def call(*tensors: Any) -> Any:
        torch.compiler.cudagraph_mark_step_begin()
        return compiled(*tensors)

    return call


def estimates(graph: Graph, rows: list[Figures], asked: str | None = None) -> dict[tuple[str, int], Estimate]:
    """For each processor and batch size the estimate; a network that moves nothing has none.

    A device that is asked for stands for the processor that PyTorch runs on, the first; the others have no estimate then.
    Raises ValueError for an unknown device.
    """
    processors = [rows[0].processor] if asked is not None else list(dict.fromkeys(row.processor for row in rows))
    found = {}
    for processor in processors:
        device = processor_peaks(processor, asked)
        for batch in dict.fromkeys(row.batch for row in rows):
            analysis = Analysis(graph, Conditions(batch, device=device.condition))
            seconds, bound = analysis.total("time"), analysis.total("bound")
            if isinstance(seconds, float) and seconds:
                found[processor, batch] = Estimate(1e3 * seconds, str(bound), device)
    return found


def _require_memory(graph: Graph, batch: int) -> None:
    """Raises SpecError (NS008) for a batch whose inputs and largest layer alone are more than this machine has."""
    values = sum(graph.nodes[i].type.size for _, i in graph.inputs) + max(node.type.size for node in graph.nodes)
    there = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    if 4 * batch * values > there:
        raise SpecError.of(
            "NS008", f"a batch of {batch:,} does not fit into memory",
            notes=[f"it takes at least {4e-9 * batch * values:,.1f} GB, and this machine has {there / 1e9:,.1f} GB"],
        )  # fmt: skip


def _onnx(name: str, path: Path, batch: int, inputs: dict[str, Any], runs: int, *, asked: bool) -> Figures | None:
    case = (f"onnxruntime {name}", "cpu" if name == "cpu" else "cuda", batch)
    try:
        session, _ = open_session(path, [name])
    except SpecError as error:
        found = error.diagnostics[0]
        return Figures(*case, 0, 0, 0, None, next(iter(found.notes), found.message)) if asked else None
    return _timed(case, lambda: session.run(None, inputs), runs, None)


def _timed(case: tuple[str, str, int], call: Callable[[], Any], runs: int, cuda: Any) -> Figures:
    """The figures of a case: engine, processor and batch. Warm-up first; on a GPU every run is waited for."""
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    try:
        for _ in range(WARM_UP):
            call()
        if cuda is not None:
            cuda.cuda.synchronize()
            cuda.cuda.reset_peak_memory_stats()
        times = []
        for _ in range(runs):
            start = time.perf_counter()
            call()
            if cuda is not None:
                cuda.cuda.synchronize()
            times.append(1e3 * (time.perf_counter() - start))
    except Exception as error:  # an engine that cannot run this network does not end the comparison
        said = str(error).splitlines()[0][:120] if str(error) else ""
        return Figures(*case, 0, 0, 0, None, f"{type(error).__name__}: {said}")
    median = statistics.median(times)
    peak = (
        cuda.cuda.max_memory_allocated() / 1e6
        if cuda is not None
        else (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1e3
    )
    p95 = sorted(times)[max(0, round(0.95 * runs) - 1)]
    return Figures(*case, median, p95, 1e3 * case[2] / median, peak)
