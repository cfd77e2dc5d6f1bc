"""The conditions under which a network is judged: batch, number format, optimizer, device, and who counts MACs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal, TypeAlias, get_args

from netspec.analysis.devices import device_named

__all__ = ["BYTES", "COUNTERS", "DTYPES", "OPTIMIZERS", "STATES", "Conditions", "DType", "Optimizer"]

DType: TypeAlias = Literal["fp32", "bf16", "fp16"]
Optimizer: TypeAlias = Literal["sgd", "momentum", "adam", "adamw", "rmsprop", "adagrad"]
DTYPES: tuple[DType, ...] = get_args(DType)
OPTIMIZERS: tuple[Optimizer, ...] = get_args(Optimizer)
COUNTERS = ("netspec", "fvcore", "thop", "torchinfo", "ptflops")
"""Who counts multiply-accumulates: netspec's convention, or that of a tool (`dialects.DIALECTS`)."""
BYTES: Mapping[str, int] = MappingProxyType({"fp32": 4, "bf16": 2, "fp16": 2})
"""The size of one value in each number format."""
STATES: Mapping[str, int] = MappingProxyType(
    {"sgd": 0, "momentum": 1, "adam": 2, "adamw": 2, "rmsprop": 1, "adagrad": 1}
)
"""Values that each optimizer keeps for every trained parameter: a velocity, or averages of gradients and squares."""


@dataclass(frozen=True, slots=True)
class Conditions:
    """One input in float32, without training, unless the caller asks for something else.

    `optimizer` None is inference. `device` is a name of `devices.DEVICES`, or a device by its figures ("50T,900G,24G").
    `macs` is one of `COUNTERS`. Raises ValueError for anything else, and for a batch that is not positive.
    """

    batch: int = 1
    dtype: DType = "fp32"
    optimizer: Optimizer | None = None
    device: str | None = None
    macs: str = "netspec"

    def __post_init__(self) -> None:
        if self.batch < 1:
            raise ValueError(f"the batch must be at least 1, found {self.batch}")
        for what, value, known in (
            ("number format", self.dtype, DTYPES),
            ("optimizer", self.optimizer, (None, *OPTIMIZERS)),
            ("counter of MACs", self.macs, COUNTERS),
        ):
            if value not in known:
                raise ValueError(f"unknown {what} {value!r}; there are {', '.join(map(str, filter(None, known)))}")
        if self.device is not None:
            device_named(self.device)
