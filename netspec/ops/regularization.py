"""Regularization during training: dropout, dropout2d, droppath and noise. In inference they return their input."""

from __future__ import annotations

from typing import TYPE_CHECKING

from netspec.graph import TensorType
from netspec.ops.dense import require_numbers
from netspec.ops.kinds import Number
from netspec.ops.op import Misfit, Op, Option, TorchCode
from netspec.ops.python_text import number

if TYPE_CHECKING:
    from netspec.ops.emitter import Emitter

__all__ = ["DropPath", "Dropout", "Dropout2d", "Noise", "Regularizer"]

_PROBABILITY = Number(0, 1, open_high=True)


class Regularizer(Op):
    """A layer that disturbs its input in training, and vanishes in inference."""

    any_size = vanishes = True

    def output(self, *inputs: TensorType) -> TensorType:
        require_numbers(self, inputs[0])
        return inputs[0]

    def onnx(self, emit: Emitter) -> str:
        return emit.inputs[0]


class Drop(Regularizer):
    """A layer that drops values with a probability."""

    p = Option(_PROBABILITY, 0.5, slot="value", doc="drop probability")

    def describe(self, x: TensorType) -> str:
        return f"p = {self.p:g}"


class Dropout(Drop):
    """Sets each value to zero with probability p and scales the others by 1/(1-p) (Srivastava et al. 2014)."""

    name, example = "dropout", "dropout 0.5"

    def torch(self, *inputs: TensorType) -> TorchCode:
        return TorchCode.module(f"nn.Dropout({number(self.p)})")

    def onnx(self, emit: Emitter) -> str:
        if not emit.train or not self.p:
            return emit.inputs[0]
        return emit.node("Dropout", [*emit.inputs, emit.scalar(self.p, "p"), emit.flag(True, "training")])


class Dropout2d(Drop):
    """Drops whole channels (Tompson et al. 2015)."""

    name, example = "dropout2d", "dropout2d 0.2"
    aliases = ("spatial_dropout",)

    def output(self, *inputs: TensorType) -> TensorType:
        (x,) = inputs
        if x.layout != "map":
            raise Misfit(
                "NS303",
                "dropout2d needs an image or a signal",
                label=f"the input is {x.noun}",
                helps=("use `dropout` instead",),
            )
        return x

    def torch(self, *inputs: TensorType) -> TorchCode:
        return TorchCode.module(f"nn.Dropout{inputs[0].rank}d({number(self.p)})")


DROP_PATH = (
    "DropPath",
    '''
class DropPath(nn.Module):
    """Drops the whole tensor during training, independently for each example (stochastic depth)."""

    def __init__(self, p: float) -> None:
        super().__init__()
        self.p = p

    def forward(self, x: Tensor) -> Tensor:
        if not self.training or self.p == 0:
            return x
        keep = torch.rand(x.shape[0], *[1] * (x.dim() - 1), device=x.device) >= self.p
        return x * keep.to(x.dtype) / (1 - self.p)
''',
)


class DropPath(Drop):
    """Drops the whole tensor, independently for each example (stochastic depth, Huang et al. 2016)."""

    name, example = "droppath", "droppath 0.1"
    aliases = ("drop_path", "stochastic_depth")
    differing = frozenset({"p"})
    p = Option(_PROBABILITY, 0.1, slot="value", doc="drop probability")

    def torch(self, *inputs: TensorType) -> TorchCode:
        return TorchCode((("", f"DropPath({number(self.p)})"),), None, (DROP_PATH,))


NOISE = (
    "Noise",
    '''
class Noise(nn.Module):
    """Adds Gaussian noise during training."""

    def __init__(self, std: float) -> None:
        super().__init__()
        self.std = std

    def forward(self, x: Tensor) -> Tensor:
        return x + self.std * torch.randn_like(x) if self.training else x
''',
)


class Noise(Regularizer):
    """Adds Gaussian noise."""

    name, example = "noise", "noise 0.1"
    aliases = ("gaussian_noise",)
    std = Option(Number(0), 0.1, slot="value", doc="standard deviation")

    def describe(self, x: TensorType) -> str:
        return f"std {self.std:g}"

    def torch(self, *inputs: TensorType) -> TorchCode:
        return TorchCode((("", f"Noise({number(self.std)})"),), None, (NOISE,))
