"""What devices can do at most: operations and bytes per second, and their memory, as their makers state them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

__all__ = ["DEVICES", "Device", "device_named", "gpu_named"]

_UNITS = {"": 1, "K": 10**3, "M": 10**6, "G": 10**9, "T": 10**12, "P": 10**15}
_NUMBER = re.compile(r"(\d+(?:\.\d+)?)([KMGTP]?)")


@dataclass(frozen=True, slots=True)
class Device:
    """Peaks of dense arithmetic: FLOPs per second in float32 (`fp32`) and in bfloat16 and float16 (`half`), bytes per second
    from and to its memory, and the bytes of that memory."""

    name: str
    title: str
    fp32: float
    half: float
    bandwidth: float
    memory: int
    source: str

    def flops(self, dtype: str) -> float:
        """FLOPs per second in a number format."""
        return self.fp32 if dtype == "fp32" else self.half

    @property
    def condition(self) -> str:
        """The device as `device_named` and `Conditions` take it."""
        return self.name if self.name in DEVICES else f"{self.fp32:.0f},{self.bandwidth:.0f}"


def _device(
    name: str, title: str, fp32: float, half: float, bandwidth: float, memory: int, source: str
) -> tuple[str, Device]:
    """From TFLOP/s, GB/s and GB."""
    return name, Device(name, title, fp32 * 1e12, half * 1e12, bandwidth * 1e9, memory * 10**9, source)


DEVICES: Mapping[str, Device] = MappingProxyType(
    dict(
        (
            _device("h200", "NVIDIA H200 SXM", 67, 989, 4800, 141, "H200 datasheet; tensor cores without sparsity"),
            _device("h100", "NVIDIA H100 SXM", 67, 989, 3350, 80, "H100 datasheet; tensor cores without sparsity"),
            _device("a100", "NVIDIA A100 SXM 80 GB", 19.5, 312, 2039, 80, "A100 datasheet; tensor cores without sparsity"),
            _device("v100", "NVIDIA V100 SXM2 32 GB", 15.7, 125, 900, 32, "V100 datasheet; bf16 is not supported"),
            _device("l4", "NVIDIA L4", 30.3, 121, 300, 24, "L4 datasheet; tensor cores without sparsity"),
            _device("t4", "NVIDIA T4", 8.1, 65, 320, 16, "T4 datasheet; bf16 is not supported"),
            _device("rtx4090", "NVIDIA GeForce RTX 4090", 82.6, 165.2, 1008, 24,
                    "Ada GPU architecture whitepaper; float16 with float32 sums, without sparsity"),
            _device("rtx3090", "NVIDIA GeForce RTX 3090", 35.6, 71, 936, 24,
                    "Ampere GA102 architecture whitepaper; float16 with float32 sums, without sparsity"),
            _device("cpu", "a desktop CPU", 0.896, 0.896, 51.2, 32,
                    "8 cores x 3.5 GHz x 2 units x 8 lanes x 2 operations (AVX2); two channels of DDR4-3200"),
        )
    )
)  # fmt: skip
"""By the name that `--device` takes."""


_GPUS: Mapping[str, str] = MappingProxyType({
    "NVIDIA H200": "h200", "NVIDIA H100 80GB HBM3": "h100", "NVIDIA A100-SXM4-80GB": "a100",
    "Tesla V100-SXM2-32GB": "v100", "NVIDIA L4": "l4", "Tesla T4": "t4",
    "NVIDIA GeForce RTX 4090": "rtx4090", "NVIDIA GeForce RTX 3090": "rtx3090",
})  # fmt: skip
"""What the driver calls them. Other variants (PCIe, less memory) have other peaks."""


def gpu_named(reported: str) -> Device | None:
    """The device of the table that a CUDA driver calls so; None where its datasheet is not in the table."""
    return DEVICES.get(_GPUS.get(reported, ""))


def device_named(text: str) -> Device:
    """A device of the table, or one by its figures: `FLOPS,BANDWIDTH[,MEMORY]` such as `50T,900G,24G`.

    Raises ValueError for anything else.
    """
    if (known := DEVICES.get(text.lower())) is not None:
        return known
    parts = [_NUMBER.fullmatch(part.strip()) for part in text.split(",")]
    if len(parts) not in (2, 3) or not all(parts):
        raise ValueError(f"unknown device; there are {', '.join(DEVICES)}, or figures such as 50T,900G,24G")
    values = [float(part[1]) * _UNITS[part[2]] for part in parts if part is not None]
    if min(values) <= 0:
        raise ValueError("the figures of a device must be positive")
    memory = int(values[2]) if len(values) == 3 else DEVICES["h100"].memory
    return Device(text, text, values[0], values[0], values[1], memory, "given")
