"""What the processor of this machine really reaches: a matrix product and a copy, for the roofline's estimate."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from netspec.analysis.devices import Device, device_named, gpu_named
from netspec.optional import require_torch

__all__ = ["measured_peaks", "processor_peaks"]

_SIZES = {"cpu": (1024, 2**26), "cuda": (8192, 2**30)}
"""The side of the matrices, and the bytes that are copied: more than the caches hold."""
_TRIALS = 10


def processor_peaks(processor: str, asked: str | None) -> Device:
    """The peaks of a processor, `cpu` or `cuda`: those of the device `asked` for; those of its datasheet, for a GPU whose
    name is in the table; else measured. Raises ValueError for an unknown device."""
    if asked is not None:
        return device_named(asked)
    known = gpu_named(require_torch().cuda.get_device_name()) if processor == "cuda" else None
    return known or measured_peaks(processor)


def measured_peaks(processor: str) -> Device:
    """The best of several float32 matrix products, in FLOPs per second, and of several copies, in bytes read and written
    per second. The memory of the device is not asked for: it has no part in the time."""
    torch = require_torch()
    side, size = _SIZES[processor]
    with torch.inference_mode():
        a, b = (torch.rand(side, side, device=processor) for _ in range(2))
        product = torch.empty(side, side, device=processor)
        source, target = (torch.zeros(size // 4, device=processor) for _ in range(2))
        wait = torch.cuda.synchronize if processor == "cuda" else None
        flops = 2 * side**3 / _fastest(lambda: torch.mm(a, b, out=product), wait)
        bandwidth = 2 * size / _fastest(lambda: target.copy_(source), wait)
    said = f"float32 matrix product of side {side:,}, copy of {size >> 20:,} MiB"
    title = f"this {'GPU' if processor == 'cuda' else 'CPU'}"
    return Device("measured", title, flops, flops, bandwidth, 1, said)


def _fastest(call: Callable[[], Any], wait: Callable[[], None] | None) -> float:
    """Seconds; the first call warms up."""
    times = []
    for _ in range(_TRIALS + 1):
        start = time.perf_counter()
        call()
        if wait is not None:
            wait()
        times.append(time.perf_counter() - start)
    return min(times[1:])
