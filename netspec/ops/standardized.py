"""Weight standardization: each filter is used with mean 0 and variance 1, whatever its weights are (Qiao et al. 2019)."""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING

from netspec.graph import Param
from netspec.ops.kinds import BadValue, Kind, found_text
from netspec.values import Value, Word

if TYPE_CHECKING:
    from netspec.ops.emitter import Emitter

__all__ = ["Standardization", "gain", "standardized_class", "standardized_weight"]


class Standardization(Kind[str]):
    """`no`, `yes`, or `scaled`: divided by the root of the number of inputs, with a trained gain for each filter."""

    words = True
    noun = "yes, no or scaled"

    def read(self, value: Value) -> str:
        word = value.name if isinstance(value, Word) and not value.called else value
        if isinstance(word, bool):
            return "yes" if word else "no"
        if isinstance(word, str) and word.lower() in ("yes", "no", "scaled"):
            return word.lower()
        if isinstance(word, str):
            raise BadValue(f"`{word}` is not {self.noun}", code="NS205", word=word, choices=("yes", "no", "scaled"))
        raise BadValue(f"expected {self.noun}, found {found_text(value)}")


def gain(weight: Param) -> Param:
    """The gain of each filter (Brock et al. 2021)."""
    return Param("gain", (weight.shape[0], *(1 for _ in weight.shape[1:])), "ones")


def standardized_class(rank: int, scaled: bool) -> tuple[str, str]:
    """The class in PyTorch, and its source."""
    return _source(f"{'Scaled' if scaled else ''}StandardizedConv{rank}d", rank, scaled)


def _source(name: str, rank: int, scaled: bool) -> tuple[str, str]:
    axes = ", ".join(map(str, range(1, rank + 2)))
    ones = ", ".join("1" for _ in range(rank + 1))
    doc = (
        "mean 0 and variance 1/n for n inputs, times a trained gain (Brock et al. 2021)"
        if scaled
        else "mean 0 and variance 1 (Qiao et al. 2019)"
    )
    gain_of_filters = f"\n        self.gain = nn.Parameter(torch.ones(self.out_channels, {ones}))" if scaled else ""
    scale = "\n        weight = weight * (self.gain * self.weight[0].numel() ** -0.5)" if scaled else ""
    source = f'''
class {name}(nn.Conv{rank}d):
    """A convolution whose filters have {doc}."""

    def __init__(self, *sizes: int, eps: float = 1e-6, **options: object) -> None:
        super().__init__(*sizes, **options)
        self.eps = eps{gain_of_filters}

    def forward(self, x: Tensor) -> Tensor:
        variance, mean = torch.var_mean(self.weight, dim=({axes}), correction=0, keepdim=True)
        weight = (self.weight - mean) * (variance + self.eps).rsqrt(){scale}
        return self._conv_forward(x, weight, self.bias)
'''
    return name, source


def standardized_weight(emit: Emitter, weight: str, shape: tuple[int, ...], eps: float, *, scaled: bool) -> str:
    """The weights as they are used."""
    axes = list(range(1, len(shape)))
    centered = emit.node("Sub", [weight, emit.reduce("ReduceMean", weight, axes, keepdims=1)])
    variance = emit.reduce("ReduceMean", emit.node("Mul", [centered, centered]), axes, keepdims=1)
    root = emit.node("Sqrt", [emit.node("Add", [variance, emit.scalar(eps, "eps")])])
    y = emit.node("Div", [centered, root])
    if not scaled:
        return y
    factor = emit.scalar(prod(shape[1:]) ** -0.5, "scale")
    return emit.node("Mul", [y, emit.node("Mul", [emit.param("gain"), factor])])
