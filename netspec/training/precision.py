"""Numbers in double precision, which Apple's GPUs lack."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["doubled"]


def doubled(values: Tensor) -> Tensor:
    """The values in float64, on their device, or on the CPU if they are on an mps device."""
    return (values.cpu() if values.device.type == "mps" else values).double()
