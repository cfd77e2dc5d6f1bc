"""What PyTorch really keeps for the backward pass, and what it holds at once in inference."""

from __future__ import annotations

from typing import Any

import torch
from torch.multiprocessing.reductions import StorageWeakRef
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

import netspec


def _inputs(model: netspec.Model, batch: int) -> list[torch.Tensor]:
    return [
        torch.zeros(batch, *kind.shape, dtype=torch.int64) if kind.layout == "ids" else torch.randn(batch, *kind.shape)
        for kind in model.inputs.values()
    ]


def _own(module: torch.nn.Module) -> set[int]:
    return {t.untyped_storage()._cdata for t in (*module.parameters(), *module.buffers())}


def kept_for_backward(model: netspec.Model, batch: int, device: str = "cpu", dtype: Any = torch.float32) -> int:
    """Bytes of the storages that one forward pass in training saves, each once, parameters and buffers left out."""
    with torch.device(device):
        module = model.to_torch().train().to(dtype)
        inputs = [x.to(dtype) if x.is_floating_point() else x for x in _inputs(model, batch)]
    own, kept = _own(module), {}

    def pack(tensor: torch.Tensor) -> torch.Tensor:
        storage = tensor.untyped_storage()
        if storage._cdata not in own:
            kept[storage._cdata] = (storage.nbytes(), tensor)
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda t: t):
        result = module(*inputs)
    del result
    return sum(size for size, _ in kept.values())


class _Live(TorchDispatchMode):
    """The bytes of all storages that are alive after each operator, and the most that there were."""

    def __init__(self, known: set[int]) -> None:
        super().__init__()
        self.known, self.peak = known, 0
        self.live: dict[int, tuple[StorageWeakRef, int]] = {}

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = func(*args, **(kwargs or {}))
        for tensor in tree_leaves(result):
            if isinstance(tensor, torch.Tensor):
                self.hold(tensor)
        self.live = {key: (ref, size) for key, (ref, size) in self.live.items() if not ref.expired()}
        self.peak = max(self.peak, sum(size for _, size in self.live.values()))
        return result

    def hold(self, tensor: torch.Tensor) -> None:
        storage = tensor.untyped_storage()
        if storage._cdata not in self.known:
            self.live[storage._cdata] = (StorageWeakRef(storage), storage.nbytes())


def peak_of_inference(model: netspec.Model, batch: int, device: str = "meta") -> int:
    """The most bytes of activations, the input among them, that eager PyTorch holds at once."""
    with torch.device(device):
        module = model.to_torch().eval()
        inputs = _inputs(model, batch)
    live = _Live(_own(module))
    for x in inputs:
        live.hold(x)
    with torch.no_grad(), live:
        result = module(*inputs)
    del result
    return live.peak
