"""Optimizers that torch does not have, or not for every parameter: Lion, LAMB, LARS, and Muon with AdamW beside it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch
    from torch import Tensor

__all__ = ["lamb", "lars", "lion", "muon"]

Step = Callable[["Tensor", "Tensor", "dict[str, Any]", "dict[str, Any]"], None]
"""(parameter, gradient, state, group): changes the parameter and its state in place."""


@cache
def _stepping() -> Any:
    import torch

    class Stepping(torch.optim.Optimizer):
        """An optimizer that changes one parameter after the other."""

        def __init__(self, groups: Iterable[Any], change: Step, **defaults: Any) -> None:
            self.change = change
            super().__init__(groups, defaults)

        @torch.no_grad()
        def step(self, closure: Any = None) -> Any:
            loss = None
            if closure is not None:
                with torch.enable_grad():
                    loss = closure()
            for group in self.param_groups:
                for parameter in group["params"]:
                    if parameter.grad is not None:
                        self.change(parameter, parameter.grad, self.state[parameter], group)
            return loss

    return Stepping


def _zeros(state: dict[str, Any], like: Tensor, *names: str) -> list[Tensor]:
    import torch

    for name in names:
        if name not in state:
            state[name] = torch.zeros_like(like)
    return [state[name] for name in names]


def lion(groups: Any, *, lr: float, betas: tuple[float, float]) -> torch.optim.Optimizer:
    """Chen et al. 2023, algorithm 2, with decoupled decay."""

    def change(parameter: Tensor, gradient: Tensor, state: dict[str, Any], group: dict[str, Any]) -> None:
        first, second = group["betas"]
        (average,) = _zeros(state, parameter, "average")
        parameter.mul_(1 - group["lr"] * group["weight_decay"])
        parameter.add_(average.lerp(gradient, 1 - first).sign_(), alpha=-group["lr"])
        average.lerp_(gradient, 1 - second)

    made: torch.optim.Optimizer = _stepping()(groups, change, lr=lr, betas=betas, weight_decay=0.0)
    return made


def _trust(parameter: Tensor, update: Tensor) -> Tensor:
    """The norm of the parameter over that of its update; 1 where either is 0."""
    import torch

    weight, change = parameter.norm(), update.norm()
    return torch.where((weight > 0) & (change > 0), weight / change, 1.0)


def lamb(groups: Any, *, lr: float, betas: tuple[float, float], eps: float) -> torch.optim.Optimizer:
    """You et al. 2020, algorithm 2, with bias correction. Parameters that do not decay are not scaled by their norm, as in
    the implementations of NVIDIA and timm."""

    def change(parameter: Tensor, gradient: Tensor, state: dict[str, Any], group: dict[str, Any]) -> None:
        first, second = group["betas"]
        average, squares = _zeros(state, parameter, "average", "squares")
        state["updates"] = updates = state.get("updates", 0) + 1
        average.lerp_(gradient, 1 - first)
        squares.mul_(second).addcmul_(gradient, gradient, value=1 - second)
        size = (squares / (1 - second**updates)).sqrt_().add_(group["eps"])
        update = average / (1 - first**updates) / size
        if group["weight_decay"]:
            update = update.add_(parameter, alpha=group["weight_decay"])
            update = update * _trust(parameter, update)
        parameter.add_(update, alpha=-group["lr"])

    made: torch.optim.Optimizer = _stepping()(groups, change, lr=lr, betas=betas, eps=eps, weight_decay=0.0)
    return made


def lars(groups: Any, *, lr: float, momentum: float, trust: float) -> torch.optim.Optimizer:
    """You et al. 2017: momentum, with the rate of each weight scaled by trust |w| / (|g| + decay |w|). Parameters that do not
    decay are not scaled."""
    import torch

    def change(parameter: Tensor, gradient: Tensor, state: dict[str, Any], group: dict[str, Any]) -> None:
        decay = group["weight_decay"]
        if decay:
            weight, slope = parameter.norm(), gradient.norm()
            local = torch.where((weight > 0) & (slope > 0), group["trust"] * weight / (slope + decay * weight), 1.0)
            gradient = gradient.add(parameter, alpha=decay) * local
        (velocity,) = _zeros(state, parameter, "velocity")
        velocity.mul_(group["momentum"]).add_(gradient)
        parameter.add_(velocity, alpha=-group["lr"])

    made: torch.optim.Optimizer = _stepping()(groups, change, lr=lr, momentum=momentum, trust=trust, weight_decay=0.0)
    return made


@cache
def _muon_beside_adamw() -> Any:
    import torch

    class MuonBesideAdamW(torch.optim.Optimizer):
        """torch's Muon for some groups and AdamW for the others, as one optimizer."""

        def __init__(self, matrices: list[Any], others: list[Any], muon: dict[str, Any], adamw: dict[str, Any]) -> None:
            made: list[Any] = [torch.optim.Muon(matrices, **muon)] if matrices else []
            made += [torch.optim.AdamW(others, **adamw)] if others else []
            self.inner = made
            super().__init__([group for one in made for group in one.param_groups], {})
            self._share()

        def _share(self) -> None:
            """The inner optimizers work on the groups and the state of this one."""
            start = 0
            for one in self.inner:
                one.param_groups = self.param_groups[start : start + len(one.param_groups)]
                one.state = self.state
                start += len(one.param_groups)

        def load_state_dict(self, state_dict: Any) -> None:
            super().load_state_dict(state_dict)
            self._share()

        def step(self, closure: Any = None) -> Any:
            loss = closure() if closure is not None else None
            for one in self.inner:
                one.step()
            return loss

    return MuonBesideAdamW


def muon(
    groups: list[dict[str, Any]], *, lr: float, momentum: float, nesterov: bool, betas: tuple[float, float]
) -> torch.optim.Optimizer:
    """Jordan et al. 2024, with the scale of Liu et al. 2025, under which the rate is that of AdamW. Groups whose `matrices`
    is true are Muon's; the others AdamW's."""
    split: dict[bool, list[Any]] = {True: [], False: []}
    for group in groups:
        kept = {name: value for name, value in group.items() if name != "matrices"}
        split[group["matrices"]].append(kept)
    own = {"lr": lr, "momentum": momentum, "nesterov": nesterov, "adjust_lr_fn": "match_rms_adamw"}
    made: torch.optim.Optimizer = _muon_beside_adamw()(split[True], split[False], own, {"lr": lr, "betas": betas})
    return made
