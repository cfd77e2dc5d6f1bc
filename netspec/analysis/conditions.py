"""The conditions under which a network is judged: batch, number format, optimizer, device, and who counts MACs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal, TypeAlias, get_args

__all__ = ["BYTES", "DTYPES", "OPTIMIZERS", "STATES", "Conditions", "DType", "Optimizer"]

DType: TypeAlias = Literal["fp32", "bf16", "fp16"]
Optimizer: TypeAlias = Literal["sgd", "momentum", "adam", "adamw", "rmsprop", "adagrad"]
DTYPES: tuple[DType, ...] = get_args(DType)
OPTIMIZERS: tuple[Optimizer, ...] = get_args(Optimizer)
BYTES: Mapping[str, int] = MappingProxyType({"fp32": 4, "bf16": 2, "fp16": 2})
"""The size of one value in each number format."""
STATES: Mapping[str, int] = MappingProxyType(
    {"sgd": 0, "momentum": 1, "adam": 2, "adamw": 2, "rmsprop": 1, "adagrad": 1}
)
"""Values that each optimizer keeps for every trained parameter: a velocity, or averages of gradients and squares."""


@dataclass(frozen=True, slots=True)
class Conditions:
    """One input in float32, without training, unless the caller asks for something else.

    `optimizer` None is inference. `device` is a name of `devices.DEVICES`. `macs` is who counts multiply-accumulates:
    "netspec", or the name of a tool in `dialects.DIALECTS`.
    """

    batch: int = 1
    dtype: DType = "fp32"
    optimizer: Optimizer | None = None
    device: str | None = None
    macs: str = "netspec"
