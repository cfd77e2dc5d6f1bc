"""`like=`: the sizes of another tensor, so that a layer fits whatever size comes in."""

from __future__ import annotations

from typing import Any

from netspec.graph import TensorType
from netspec.ops.kinds import Reference
from netspec.ops.op import Misfit, Option

__all__ = ["like_option", "require_one_size", "require_same_axes"]


def like_option(what: str) -> Option[str | None]:
    return Option(Reference(), None, doc=f"label of a tensor, {what}")


def require_one_size(name: str, example: str, size: Any, like: str | None) -> None:
    """Raises Misfit unless either a size is given or a tensor that has it."""
    if size is None and like is None:
        helps = (f"write `{name} {example}`, or the label of a tensor: `{name} like=x`",)
        raise Misfit("NS206", f"`{name}` is missing its size", helps=helps)
    if size is not None and like is not None:
        message = f"`{name}` has a size, and `like={like}` gives it another"
        raise Misfit("NS207", message, option="like", helps=("take one of the two out",))


def require_same_axes(x: TensorType, *like: TensorType) -> None:
    """Raises Misfit where the other tensor has other spatial axes."""
    for other in like:
        if other.rank != x.rank or (other.layout == "sequence") != (x.layout == "sequence"):
            raise Misfit(
                "NS307", f"{x.noun} cannot have the sizes of {other.noun}", option="like", label=f"the input is {x.noun}",
                notes=(f"it has {_axes(other)}, the input has {_axes(x)}",),
            )  # fmt: skip


def _axes(x: TensorType) -> str:
    if x.layout == "sequence":
        return "tokens"
    return f"{x.rank} spatial {'axis' if x.rank == 1 else 'axes'}" if x.rank else "no spatial axes"
