"""The conditions under which a network is judged: batch, number format, optimizer, device, and who counts MACs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias, get_args

__all__ = ["DTYPES", "OPTIMIZERS", "Conditions", "DType", "Optimizer"]

DType: TypeAlias = Literal["fp32", "bf16", "fp16"]
Optimizer: TypeAlias = Literal["sgd", "momentum", "adam"]
DTYPES: tuple[DType, ...] = get_args(DType)
OPTIMIZERS: tuple[Optimizer, ...] = get_args(Optimizer)


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
