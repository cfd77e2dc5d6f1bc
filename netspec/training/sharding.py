"""Weights that are sharded over processes: torch's FSDP2 (Zhao et al. 2023), with whole weights in every file.

Every function here that gathers weights is a collective operation: all processes call it, and the first gets the result.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from netspec.diagnostics import SpecError
from netspec.graph import Graph
from netspec.training.plan import Plan

if TYPE_CHECKING:
    import torch
    from torch import Tensor

__all__ = [
    "gathered_state",
    "gathered_weights",
    "load_gathered_state",
    "load_whole_weights",
    "not_finite",
    "require_shardable",
    "shard_strategy",
    "sharded",
    "whole",
]

_LEAST = 100_000
"""Weights of a part that is gathered on its own; smaller ones stay with the whole net, since each gathering costs latency."""


def require_shardable(plan: Plan) -> None:
    """Raises SpecError (NS604) for what needs every weight as a whole on each process."""
    whole = {
        "`ema`": plan.ema is not None,
        "`regularize max_norm`": any(line.word == "max_norm" for line in plan.penalties),
        f"`optimizer {plan.optimizer.word}`": plan.optimizer.word in ("lamb", "lars", "muon"),
        "`pretrain`": plan.pretrain_epochs is not None,
        "`precision fp16`": plan.precision == "fp16",
    }
    for name, asked in whole.items():
        if asked:
            help_ = "write `precision bf16`" if "fp16" in name else f"use `--strategy ddp`, or remove {name}"
            raise SpecError.of("NS604", f"{name} is not supported with `--strategy fsdp`", helps=[help_])


def shard_strategy(plan: Plan, processes: int) -> Any:
    """Fabric's strategy for FSDP2: the net is sharded by parts (see `_parts`), and what is left as one."""
    from lightning_fabric.strategies.model_parallel import ModelParallelStrategy

    def shard(module: torch.nn.Module, mesh: Any) -> torch.nn.Module:
        from torch.distributed.fsdp import fully_shard

        data = mesh["data_parallel"]
        for part in [] if _lends_weights(plan.graph) else list(_parts(module)):
            fully_shard(part, mesh=data)
        fully_shard(module, mesh=data)
        return module

    return ModelParallelStrategy(shard, data_parallel_size=processes, tensor_parallel_size=1)


def sharded(fabric: Any) -> bool:
    """Whether the weights are sharded, so that every process takes part in every forward pass."""
    return type(fabric.strategy).__name__ == "ModelParallelStrategy"


def _lends_weights(graph: Graph) -> bool:
    """Whether layers use the weights of others, which are then gathered for the whole net."""
    return any(node.shares is not None or any(i < 0 for i in node.inputs) for node in graph.nodes)


def _parts(module: torch.nn.Module) -> Iterator[torch.nn.Module]:
    """The outermost blocks and layers with many weights; of lists of blocks, their items."""
    from torch import nn

    for child in module.children():
        if isinstance(child, (nn.ModuleList, nn.ModuleDict)):
            yield from _parts(child)
        elif sum(p.numel() for p in child.parameters()) >= _LEAST:
            yield child


def _whole() -> Any:
    from torch.distributed.checkpoint.state_dict import StateDictOptions

    return StateDictOptions(full_state_dict=True, cpu_offload=True)


def whole(value: Any) -> Tensor | None:
    """A sum over sharded weights as an ordinary tensor; its gradient stays that of each shard."""
    result: Tensor | None = value.full_tensor() if hasattr(value, "full_tensor") else value
    return result


def gathered_weights(fabric: Any, module: torch.nn.Module) -> dict[str, Tensor]:
    """The whole state dict; of sharded weights on the CPU of the first process, and empty on the others."""
    if not sharded(fabric):
        return dict(module.state_dict())
    from torch.distributed.checkpoint.state_dict import get_model_state_dict

    gathered: Any = get_model_state_dict(module, options=_whole())
    return dict(gathered)


def gathered_state(
    fabric: Any, module: torch.nn.Module, optimizer: torch.optim.Optimizer
) -> tuple[dict[str, Any], ...]:
    """The whole state dicts of the module and of its optimizer. Of sharded weights they are on the CPU of the first process,
    and that of the optimizer goes by names of parameters; before the first update it is empty, because torch would take a step
    of weight decay to have one."""
    if not sharded(fabric):
        return module.state_dict(), optimizer.state_dict()
    if not optimizer.state:
        return gathered_weights(fabric, module), {}
    from torch.distributed.checkpoint.state_dict import get_state_dict

    weights, moments = get_state_dict(module, optimizer, options=_whole())
    return dict(weights), dict(moments)


def load_gathered_state(
    fabric: Any,
    module: torch.nn.Module,
    optimizer: torch.optim.Optimizer,
    weights: dict[str, Any],
    moments: dict[str, Any],
) -> None:
    """What `gathered_state` returned on the first process. Raises ValueError for an optimizer of another strategy."""
    if not moments and sharded(fabric):
        load_whole_weights(fabric, module, weights)
        return
    by_name = all(isinstance(name, str) for group in moments["param_groups"] for name in group["params"])
    if by_name != sharded(fabric):
        other = "--strategy fsdp" if by_name else "--strategy ddp, or one device"
        raise ValueError(f"its optimizer was saved with {other}: resume it like that")
    if not by_name:
        module.load_state_dict(weights)
        optimizer.load_state_dict(moments)
        return
    from torch.distributed.checkpoint.state_dict import set_state_dict

    set_state_dict(module, optimizer, model_state_dict=weights, optim_state_dict=moments, options=_whole())


def load_whole_weights(fabric: Any, module: torch.nn.Module, weights: Mapping[str, Tensor]) -> None:
    """A whole state dict, of which each process takes its shards."""
    if not sharded(fabric):
        module.load_state_dict(weights)
        return
    from torch.distributed.checkpoint.state_dict import set_model_state_dict

    set_model_state_dict(module, dict(weights), options=_whole())


def not_finite(module: torch.nn.Module, fabric: Any) -> str | None:
    """The first parameter with a value that is not finite in any shard."""
    import torch

    parameters = dict(module.named_parameters())
    mine = torch.stack([(~torch.isfinite(_own(p))).any().float() for p in parameters.values()])
    found = fabric.all_reduce(mine, reduce_op="max")
    return next((name for name, bad in zip(parameters, found.tolist(), strict=True) if bad), None)


def _own(parameter: Any) -> Tensor:
    held: Any = parameter.detach()
    own: Tensor = held.to_local() if hasattr(held, "to_local") else held
    return own
