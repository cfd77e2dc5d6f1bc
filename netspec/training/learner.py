"""The module during training: its logits, its auxiliary heads, its initial weights."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from netspec.backends.torch import module_paths
from netspec.diagnostics import SpecError
from netspec.graph import Graph
from netspec.model import Model
from netspec.recipe import Chosen
from netspec.training.heads import Head
from netspec.training.plan import Plan

if TYPE_CHECKING:
    import torch
    from torch import Tensor

__all__ = [
    "Start",
    "logits_module",
    "modules_by_layer",
    "moving_average",
    "outputs_of",
    "probabilities",
    "starting_weights",
]


def modules_by_layer(module: torch.nn.Module, graph: Graph) -> dict[str, torch.nn.Module]:
    """The module of each layer that is one, by the layer's name."""
    known = dict(module.named_modules())
    return {layer: known[path] for layer, path in module_paths(graph).items() if path in known}


def logits_module(plan: Plan, module: torch.nn.Module) -> torch.nn.Module:
    """Replaces the final softmax or sigmoid by the identity, in place; the weights keep their names."""
    from torch import nn

    ends = [head.output for head in (*plan.heads, *plan.auxiliary) if head.squashed]
    paths = module_paths(plan.graph) if ends else {}
    for node in ends:
        module.set_submodule(paths[node.name], nn.Identity(), strict=True)
    return module


def probabilities(head: Head, logits: Tensor) -> Tensor:
    """The output of the net as written in the spec."""
    node = head.output
    if not head.squashed:
        return logits
    if node.op.name == "sigmoid":
        return logits.sigmoid()
    axis = node.type.feature_axis
    return logits.softmax(axis) if node.op.name == "softmax" else logits.log_softmax(axis)


def outputs_of(plan: Plan, result: Any) -> list[tuple[Head, Tensor]]:
    """What a module returned: each head with its output and, in training, the auxiliary heads."""
    tensors = result if isinstance(result, tuple) else (result,)
    return [(head, tensors[place]) for head, place in plan.places if place < len(tensors)]


@dataclass(frozen=True)
class Start:
    """Initial tensors and a description of their origin."""

    state: Mapping[str, Any]
    story: str


def starting_weights(model: Model, path: Path) -> Start:
    """The tensors of a file that match the net by name and shape; the others keep their initial values (transfer learning).

    Raises SpecError (NS503) if none match.
    """
    import numpy as np
    import torch

    from netspec.reading.state_dicts import read_state
    from netspec.weights import state_entries
    from netspec.weights.stored import as_param

    held = read_state(path)
    wanted = {name: param for name, _, param in state_entries(model.graph)}
    fits = {n: as_param(held[n], n, p, held.where) for n, p in wanted.items() if held.shapes.get(n) == p.shape}
    fresh = [n for n in wanted if n not in fits]
    if not any(wanted[n].trainable for n in fits):
        raise SpecError.of(
            "NS503", f"no tensor of {path} matches the net",
            notes=[f"the file has {', '.join(list(held)[:4])} …", f"the net has {', '.join(list(wanted)[:4])} …"],
            helps=["to rename the tensors of another checkpoint, use `netspec weights map`"],
        )  # fmt: skip
    state = {name: torch.as_tensor(np.array(array)).to(_dtype(wanted[name].dtype)) for name, array in fits.items()}
    story = f"{len(fits)} of {len(wanted)} tensors from {path}"
    if fresh:
        story += f"; not loaded: {', '.join(fresh[:6])}" + (f" and {len(fresh) - 6} more" if len(fresh) > 6 else "")
    return Start(state, story)


def _dtype(name: str) -> torch.dtype:
    import torch

    return torch.int64 if name == "int64" else torch.float32


def moving_average(module: torch.nn.Module, chosen: Chosen | None) -> Any:
    """The exponential moving average of the weights and buffers, as `ema` of a recipe asks; None without one."""
    from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

    if chosen is None:
        return None
    decay: float = chosen.values["decay"]
    average: Any = get_ema_multi_avg_fn
    return AveragedModel(
        module, multi_avg_fn=_warming(decay) if chosen.values["warmup"] else average(decay), use_buffers=True
    )


def _warming(decay: float) -> Any:
    """The update of an average whose decay rises from 2/11 as (1 + n)/(10 + n), after n updates, up to `decay`."""
    import torch

    @torch.no_grad()
    def update(averages: list[Tensor], values: list[Tensor], count: Any) -> None:
        share = min(decay, (1 + int(count)) / (10 + int(count)))
        for average, value in zip(averages, values, strict=True):
            if average.is_floating_point():
                average.lerp_(value, 1 - share)
            else:
                average.copy_(value)

    return update
