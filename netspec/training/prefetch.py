"""Batches on the device before they are needed: each is copied there while the one before it is computed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch

    from netspec.datasets import Batch

__all__ = ["ahead", "prefetched"]


def prefetched(batches: Iterator[Batch], device: torch.device) -> Iterator[Batch]:
    """The batches, on a CUDA GPU read and copied one ahead; elsewhere as they come, since nothing is copied on a CPU, and MPS has
    no streams."""
    return ahead(batches, device) if device.type == "cuda" else batches


def ahead(batches: Iterator[Batch], device: torch.device) -> Iterator[Batch]:
    """The batches on a device with streams. An error in reading a batch is raised in its place, after the batches before it.

    A copy waits for all that is queued when it begins, and so for the last use of whatever memory it is given; the computation
    of the batch before it is queued later, and runs beside it.
    """
    import torch

    module: Any = torch.get_device_module(device)
    side = module.Stream(device)

    def read() -> Batch | Exception | None:
        try:
            batch = next(batches, None)
            if batch is None:
                return None
            pinned = batch.pin_memory()  # from other memory the copy would hold up this process
        except Exception as error:
            return error
        side.wait_stream(module.current_stream(device))
        with module.stream(side):
            return pinned.to(device)

    coming = read()
    while coming is not None:
        if isinstance(coming, Exception):
            raise coming
        module.current_stream(device).wait_stream(side)
        now, coming = coming, read()
        yield now
