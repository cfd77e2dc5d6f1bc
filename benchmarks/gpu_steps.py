"""Parts of benchmarks/gpu.py: training steps on one batch, and inference."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from torch.nn import functional as F

import netspec

__all__ = ["WAYS", "inference", "step_rate", "throughput"]

WAYS = ("fp32", "bf16 channels-last", "bf16 channels-last compiled", "bf16 channels-last compiled, CUDA graphs")


def throughput(call: Callable[[], object], images: int, device: str, runs: int) -> float:
    """Images a second: the median of `runs` after warm-up, each waited for."""

    def wait() -> None:
        if device == "cuda":
            torch.cuda.synchronize()

    for _ in range(3):
        call()
    wait()
    times = []
    for _ in range(runs):
        start = time.perf_counter()
        call()
        wait()
        times.append(time.perf_counter() - start)
    return images / statistics.median(times)


def step_rate(way: str, module: torch.nn.Module, x: torch.Tensor, y: torch.Tensor, runs: int) -> float:
    """Images a second of forward pass, backward pass and SGD with momentum."""
    half, graphs = way != "fp32", way.endswith("CUDA graphs")
    module = module.to(x.device).train()
    if half:
        module, x = module.to(memory_format=torch.channels_last), x.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    runner: Any = module
    if "compiled" in way:
        runner = compiled(module, x.device.type, **({"mode": "reduce-overhead", "dynamic": False} if graphs else {}))
    optimizer = torch.optim.SGD(module.parameters(), lr=0.1, momentum=0.9)

    def step() -> None:
        if graphs:
            torch.compiler.cudagraph_mark_step_begin()
        optimizer.zero_grad(set_to_none=True)
        with torch.autocast(x.device.type, dtype=torch.bfloat16, enabled=half):
            loss = F.cross_entropy(runner(x), y)
        loss.backward()
        optimizer.step()

    return throughput(step, len(x), x.device.type, runs)


def compiled(module: torch.nn.Module, device: str, **options: Any) -> Any:
    """Through torch.compile; on a CPU without its code generator, whose compiler takes minutes there."""
    return torch.compile(module, **options, **({} if device == "cuda" else {"backend": "aot_eager"}))


def inference(model: netspec.Model, batch: int, runs: int, provider: str | None) -> dict[str, object]:
    """Images a second with PyTorch, eager and compiled, or (a provider) with ONNX Runtime; where there is none, what is missing."""
    from netspec.backends.bench import measure

    cuda = torch.cuda.is_available()
    providers = ["cpu"] if provider is None else [provider]
    measured = partial(measure, model.graph, [batch], providers, runs, None)
    rows = measured(compiled=cuda and provider is None, graphs=cuda and provider is None)
    wanted = [row for row in rows if ("onnxruntime" in row.engine) == (provider is not None)]
    return {f"{row.engine}, batch {row.batch}": row.error or round(row.throughput, 1) for row in wanted}
