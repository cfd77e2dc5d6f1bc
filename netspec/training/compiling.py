"""Whether and how a net is compiled for training."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

if TYPE_CHECKING:
    import torch

__all__ = ["Compiled", "begin_replay", "compilation", "compiled_module", "replayed"]

Compiled: TypeAlias = bool | Literal["graphs"]
"""`graphs`: compiled, and what the GPU computes is recorded once for each size of a batch and replayed (CUDA graphs)."""


def compilation(asked: Compiled | None, device: torch.device, *, split: bool) -> tuple[Compiled, list[str]]:
    """How to compile on a device, and notes. By default on a CUDA GPU, unless weights are split, if the compiler works there;
    what it cannot compile later is then computed without it, with a warning of PyTorch."""
    import torch

    if asked is not None:
        return asked, []
    if device.type != "cuda" or split:
        return False, []
    if (why := _failure(device)) is not None:
        return False, [f"training without torch.compile, which does not work here: {why}"]
    settings: Any = torch._dynamo.config
    settings.suppress_errors = True
    return True, []


def _failure(device: torch.device) -> str | None:
    """Why nothing can be compiled for a device, such as a missing C compiler; None if it can."""
    import torch

    double: Any = torch.compile(_double, fullgraph=True)
    try:
        double(torch.ones(8, device=device))
    except Exception as error:
        return f"{type(error).__name__}: {next(iter(str(error).strip().splitlines()), '')[:200]}"
    return None


def _double(values: Any) -> Any:
    return 2 * values


def compiled_module(module: torch.nn.Module, how: Compiled) -> Any:
    """The module as it is called in training."""
    import torch

    if not how:
        return module
    return torch.compile(module, mode="reduce-overhead", dynamic=False) if how == "graphs" else torch.compile(module)


def begin_replay() -> None:
    """Before an update or a forward pass: memory of what graphs gave before it may be used again."""
    import torch

    torch.compiler.cudagraph_mark_step_begin()  # type: ignore[no-untyped-call]


def replayed(module: Any) -> Callable[..., Any]:
    """Calls a module of which each result is kept, where the next call would overwrite it."""

    def call(*inputs: Any) -> Any:
        begin_replay()
        result = module(*inputs)
        return tuple(one.clone() for one in result) if isinstance(result, tuple) else result.clone()

    return call
