"""`normalize`: what is done to the input before the first layer, with constants or with statistics of the training set."""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING

from netspec.graph import Param, TensorType
from netspec.ops.dense import require_numbers
from netspec.ops.kinds import Choice, Integer, Number, Numbers
from netspec.ops.op import Misfit, Op, Option, TorchCode
from netspec.ops.python_text import call
from netspec.ops.reach import Reach
from netspec.ops.traced import untraced

if TYPE_CHECKING:
    from netspec.ops.emitter import Emitter

__all__ = ["Normalize"]

MOST = 4096
"""Values of an example whose principal components are computed: their covariance matrix has as many rows and columns."""

NORMALIZE = (
    "Normalize",
    '''
class Normalize(nn.Module):
    """Centers and scales the input: (x - mean) / std."""

    def __init__(self, mean: list[float], std: list[float], rank: int) -> None:
        super().__init__()
        self.register_buffer("mean", torch.tensor(mean, dtype=torch.float32).reshape(-1, *[1] * rank))
        self.register_buffer("std", torch.tensor(std, dtype=torch.float32).reshape(-1, *[1] * rank))

    def forward(self, x: Tensor) -> Tensor:
        return (x - self.mean) / self.std
''',
)


STANDARDIZE = (
    "Standardize",
    '''
class Standardize(nn.Module):
    """(x - mean) / std with statistics of the training set, which are loaded with the weights."""

    def __init__(self, mean: tuple[int, ...], std: tuple[int, ...]) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(mean))
        self.register_buffer("std", torch.ones(std))

    def forward(self, x: Tensor) -> Tensor:
        return (x - self.mean) / self.std
''',
)


DECORRELATE = (
    "Decorrelate",
    '''
class Decorrelate(nn.Module):
    """matrix (x - mean) with statistics of the training set, which are loaded with the weights."""

    def __init__(self, components: int, values: int, shape: tuple[int, ...] | None = None) -> None:
        super().__init__()
        self.shape = shape or (components,)
        self.register_buffer("mean", torch.zeros(values))
        self.register_buffer("matrix", torch.eye(components, values))

    def forward(self, x: Tensor) -> Tensor:
        return F.linear(x.flatten(1) - self.mean, self.matrix).reshape(-1, *self.shape)
''',
)


class Normalize(Op):
    """Centers and scales the input, (x - mean) / std, or decorrelates it, with constants or with statistics of the training set.

    `mean=` and `std=` are one number for all channels or one per channel. `normalize channel` uses the mean and
    standard deviation of each channel of the training set. `normalize image` subtracts its mean image and does not divide
    (Krizhevsky et al. 2012). The other forms multiply all values of an example, less their mean, by one matrix: `normalize pca`
    gives the coordinates on the principal axes of the training set, largest variance first, as a vector; `normalize whiten`
    divides each by the root of its variance; `normalize zca` turns the whitened vector back into an example of the same
    shape (Krizhevsky 2009, appendix A). These statistics change nothing until training sets them, and are stored with the weights.
    """

    any_size = True
    name, example = "normalize", "normalize mean=(0.485, 0.456, 0.406) std=(0.229, 0.224, 0.225)"
    aliases = ("centre", "center")
    shape_rule = "same as the input; pca and whiten: a vector of `components` values"
    param_rule = "none; mean and std (pca, whiten, zca: mean and matrix) are buffers"

    source = Option(
        Choice("given", "channel", "image", "pca", "whiten", "zca"),
        "given",
        slot="value",
        doc="constants (given), or statistics of the training set",
    )
    mean = Option(Numbers(), None, doc="subtracted (default: 0)")
    std = Option(Numbers(positive=True), None, doc="divided by (default: 1)")
    components = Option(Integer(), None, doc="of pca and whiten: how many, those of largest variance (default: all)")
    eps = Option(Number(0, open_low=True), 1e-5, doc="of whiten and zca: added to each variance")

    @property
    def rotates(self) -> bool:
        """Whether it multiplies by a matrix: the principal axes of the training set."""
        return self.source in ("pca", "whiten", "zca")

    @property
    def given(self) -> tuple[tuple[str, tuple[float, ...]], ...]:
        """The constants, with the name of their buffer."""
        return ("mean", self.mean or (0.0,)), ("std", self.std or (1.0,))

    def validate(self) -> None:
        for option in ("mean", "std"):
            if self.source != "given" and self.__dict__[option] is not None:
                raise Misfit(
                    "NS207",
                    f"`normalize {self.source}` computes `{option}` from the training set, so it cannot be set",
                    option=option,
                    helps=(f"use either `normalize {self.source}` or `normalize mean=… std=…`",),
                )
        for option, takers in (("components", ("pca", "whiten")), ("eps", ("whiten", "zca"))):
            if self.source not in takers and self.__dict__[option] != self.options[option].default:
                raise Misfit(
                    "NS207",
                    f"`normalize {self.source}` does not use `{option}`",
                    option=option,
                    helps=(f"`{option}` is an option of " + " and ".join(f"`normalize {s}`" for s in takers),),
                )

    def output(self, *inputs: TensorType) -> TensorType:
        (x,) = inputs
        require_numbers(self, x)
        if self.rotates:
            return self._rotated(x)
        for name, values in self.given:
            if len(values) not in (1, x.features):
                raise Misfit(
                    "NS307",
                    f"{len(values)} values for {x.features} channels",
                    option=name,
                    helps=("give one value, or one per channel",),
                )
        return x

    def _rotated(self, x: TensorType) -> TensorType:
        if untraced(x.size) > MOST:
            raise Misfit(
                "NS307",
                f"`normalize {self.source}` takes examples of up to {MOST:,} values",
                label=f"the input is {x.noun}: {x.size:,} values",
                notes=(f"its matrix would have {x.size:,} rows and columns",),
                helps=("use `normalize channel` or `normalize image`",),
            )
        if self.components is not None and untraced(self.components) > untraced(x.size):
            raise Misfit(
                "NS307",
                f"{self.components} components of {x.size} values",
                option="components",
                helps=(f"there are at most {x.size}",),
            )
        return x if self.source == "zca" else TensorType("vector", (self.components or x.size,))

    def shapes(self, x: TensorType) -> dict[str, tuple[int, ...]]:
        """The shapes of the buffers. Those that are no matrix broadcast against one example; the feature axis of a sequence
        is the last."""
        if self.rotates:
            return {"mean": (x.size,), "matrix": (self.components or x.size, x.size)}
        ones = () if x.layout == "sequence" else (1,) * x.rank
        if self.source == "image":
            return {"mean": x.shape, "std": (1, *ones)}
        if self.source == "channel":
            return {"mean": (x.features, *ones), "std": (x.features, *ones)}
        return {name: (len(values), *ones) for name, values in self.given}

    def params(self, *inputs: TensorType) -> tuple[Param, ...]:
        initial = {"mean": "zeros", "std": "ones", "matrix": "identity"}
        constants = dict(self.given) if self.source == "given" else {}
        shapes = self.shapes(inputs[0])
        return tuple(Param(n, shape, constants.get(n, initial[n]), trainable=False) for n, shape in shapes.items())

    def macs(self, *inputs: TensorType) -> int:
        return prod(self.shapes(inputs[0])["matrix"]) if self.rotates else 0

    def reach(self, x: TensorType) -> tuple[Reach, ...] | None:
        return None if self.rotates else super().reach(x)

    def describe(self, x: TensorType) -> str:
        of = {
            "channel": "(x - mean) / std, statistics of the training set",
            "image": "x - mean, mean image of the training set",
            "pca": "principal components of the training set",
            "whiten": "principal components of the training set, variance 1",
            "zca": "whitened by the principal components of the training set",
        }
        return of.get(self.source, "(x - mean) / std")

    def torch(self, *inputs: TensorType) -> TorchCode:
        (x,) = inputs
        if self.rotates:
            sizes = {"components": self.components or x.size, "values": x.size}
            shape = {"shape": x.shape} if self.source == "zca" and len(x.shape) > 1 else {}
            return TorchCode((("", call("Decorrelate", **sizes, **shape)),), None, (DECORRELATE,))
        if self.source != "given":
            return TorchCode((("", call("Standardize", **self.shapes(x))),), None, (STANDARDIZE,))
        rank = 0 if x.layout == "sequence" else x.rank
        numbers = {name: list(values) for name, values in self.given}
        return TorchCode((("", call("Normalize", **numbers, rank=rank)),), None, (NORMALIZE,))

    def onnx(self, emit: Emitter) -> str:
        if not self.rotates:
            return emit.node("Div", [emit.node("Sub", [*emit.inputs, emit.param("mean")]), emit.param("std")])
        (x,) = emit.types
        flat = emit.inputs[0] if len(x.shape) == 1 else emit.reshape(emit.inputs[0], [-1, x.size])
        y = emit.node("Gemm", [emit.node("Sub", [flat, emit.param("mean")]), emit.param("matrix")], transB=1)
        return emit.reshape(y, [-1, *x.shape]) if self.source == "zca" and len(x.shape) > 1 else y
