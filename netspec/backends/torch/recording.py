"""The generated module in a form that notes the tensor of every layer: the same statements, with a call around each."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from netspec.backends.torch.forward import NOTE
from netspec.backends.torch.live import executed
from netspec.backends.torch.members import Plan
from netspec.backends.torch.source_file import written
from netspec.graph import Graph
from netspec.optional import require_torch

if TYPE_CHECKING:
    import torch

__all__ = ["recorded_source", "recording_torch"]


def recorded_source(graph: Graph) -> tuple[str, str, dict[tuple[str, str], list[int]]]:
    """The name of the net's class, a source whose forward pass notes the tensor of every layer, and what the notes mean.

    These are the nodes for each path of a module and name of a layer in it, in the order in which a shared part comes to
    them. Auxiliary heads, which run in training only, are left out.
    """
    file = written(graph, recorded=True)
    notes: dict[tuple[str, str], list[int]] = {}
    for path, name, node in _noted(file.root, ""):
        notes.setdefault((path, name), []).append(node)
    return file.main, file.source, notes


def _noted(part: Plan, path: str) -> Iterator[tuple[str, str, int]]:
    """(path of the module, name of the layer in it, node), in the order of the forward pass."""
    for item in part.items:
        if item.part is None:
            yield path.rstrip("."), item.name, item.gives[0]
        elif not item.is_aux:
            owner = item.part.region.shares
            yield from _noted(item.part, owner.path if owner is not None else f"{path}{item.name}.")


def recording_torch(
    graph: Graph, note: Callable[[int, torch.Tensor], torch.Tensor], *, seed: int | None = None
) -> torch.nn.Module:
    """The same network, whose forward pass calls `note` with the index and the tensor of every node that computes one, and
    goes on with what it returns. There is no call for nodes that do nothing (`identity`), and none for auxiliary heads."""
    require_torch()
    name, source, notes = recorded_source(graph)
    paths: dict[int, str] = {}
    calls: dict[tuple[str, str], int] = {}

    def noted(module: torch.nn.Module, layer: str, value: torch.Tensor) -> torch.Tensor:
        key = (paths[id(module)], layer)
        nodes = notes.get(key)
        if nodes is None:  # an auxiliary head, in training
            return value
        calls[key] = calls.get(key, -1) + 1  # a shared part is called several times
        return note(nodes[calls[key] % len(nodes)], value)

    module = executed(graph, name, source, seed, {NOTE: noted})
    paths.update({id(part): path for path, part in module.named_modules()})
    return module
