"""Joins of branches: sums, products and the like, matmul and concat. They are written with brackets, not as layers."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from netspec.graph import TensorType
from netspec.ops.features import AXIS, named_axis
from netspec.ops.kinds import Flag, Number
from netspec.ops.op import Misfit, Op, Option, TorchCode
from netspec.ops.python_text import number
from netspec.ops.reach import Reach

if TYPE_CHECKING:
    from netspec.ops.emitter import Emitter

__all__ = ["ALL", "Add", "Concat", "Divide", "Elementwise", "MatrixProduct", "Maximum", "Multiply", "Subtract"]


class Elementwise(Op):
    """What joins value by value have in common: branches of one shape, in which an axis of size 1 is repeated."""

    any_size = True
    shape_rule = "the shape of the branches; an axis of size 1 is repeated along that of another branch"
    branches: ClassVar[int] = 0
    """How many it takes; 0: any number."""
    torch_format, onnx_name = "", ""
    number = Option(Number(), None, slot="branch", doc="a number in the place of a branch")
    first: bool | Option[bool] = False
    """Whether the number comes before the branch, where that matters."""

    def output(self, *inputs: TensorType) -> TensorType:
        self.require_branches(inputs)
        joined: TensorType | None = inputs[0]
        for x in inputs[1:]:
            joined = repeated_in(joined, x) if joined is not None else None
        if joined is None:
            raise self.unequal(inputs)
        return joined

    def require_branches(self, inputs: tuple[TensorType, ...]) -> None:
        ids = next((i for i, x in enumerate(inputs) if x.layout == "ids"), None)
        if ids is not None:
            raise Misfit(
                "NS303", f"{self.name} needs numbers, not ids", label=f"branch {ids + 1} outputs {inputs[ids].noun}",
                helps=("embed the ids first: `embed-64 vocab=10000`",),
            )  # fmt: skip
        found = len(inputs) + (self.number is not None)
        if self.branches and found != self.branches:
            raise Misfit(
                "NS307", f"{self.name} takes {self.branches} branches, found {found}",
                helps=(f"nest it, as the order matters: `{self.name} [ {self.name} [ a; b ]; c ]`",) if found > 2 else (),
            )  # fmt: skip

    def unequal(self, inputs: tuple[TensorType, ...]) -> Misfit:
        widest = max(inputs, key=lambda t: int.__add__(t.size, 0))
        odd = next((i for i, x in enumerate(inputs) if repeated_in(x, widest) != widest), 0)
        vectors = {t.layout for t in inputs} == {"vector", "map"} and len({t.features for t in inputs}) == 1
        x = inputs[odd]
        return Misfit(
            "NS306",
            f"the branches of {self.name} must have the same shape",
            label=f"branch {odd + 1} outputs {x}, another branch outputs {widest}",
            notes=_nouns(inputs),
            helps=(f"FC makes a vector; `linear-{x.features}` or `conv1-{x.features}` keeps {x.features}x1x1",)
            if vectors
            else (),
        )

    def describe(self, x: TensorType) -> str:
        if self.number is None:
            return ""
        return f"{self.number:g} {self.sign} x" if self.first else f"{self.sign} {self.number:g}".replace("+ -", "- ")

    def torch(self, *inputs: TensorType) -> TorchCode:
        parts = [f"{{{i}}}" for i in range(len(inputs))]
        if self.number is not None:
            parts.insert(0 if self.first else len(parts), number(self.number))
        return TorchCode.expression(self.expression(parts))

    def expression(self, parts: list[str]) -> str:
        return f" {self.torch_format} ".join(parts).replace("+ -", "- ")

    def onnx(self, emit: Emitter) -> str:
        parts = list(emit.inputs)
        if self.number is not None:
            parts.insert(0 if self.first else len(parts), emit.scalar(float(self.number), "number"))
        y, *rest = parts
        for x in rest:
            y = emit.node(self.onnx_name, [y, x])
        return y


def repeated(sizes: list[int]) -> int | None:
    """The size along an axis on which some branches have the size 1; None where they do not agree otherwise.

    Sizes can be traced or open: what is equal as a form, or plainly 1, decides nothing. A plain number is the size of all that
    are equal to it: an open size that equals it here, and is 1 elsewhere, gives one network.
    """
    rest = sorted((size for size in sizes if type(size) is not int or size != 1), key=lambda s: type(s) is not int) or [
        1
    ]
    if all(size == rest[0] for size in rest[1:]):
        return rest[0]
    rest = [size for size in rest if size != 1]
    return rest[0] if all(size == rest[0] for size in rest[1:]) else None


def repeated_in(x: TensorType, widest: TensorType) -> TensorType | None:
    """The type that two branches give together."""
    if x.layout != widest.layout or len(x.shape) != len(widest.shape):
        return None
    sizes = [repeated([a, b]) for a, b in zip(x.shape, widest.shape, strict=True)]
    return TensorType(x.layout, tuple(s for s in sizes if s is not None)) if None not in sizes else None


class Add(Elementwise):
    """The sum of the branches."""

    torch_keeps_no_output = True
    name, example = "add", "add [ conv3-64 pad=1; identity ]"
    torch_format, sign, onnx_name = "+", "+", "Add"


class _Ordered(Elementwise):
    """Two branches, the order of which matters."""

    branches = 2
    first = Option(Flag(), False, slot="branch", doc="whether the number comes before the branch")


class Subtract(_Ordered):
    """The first branch minus the second."""

    torch_keeps_no_output = True
    name, example = "sub", "sub [ identity; mean channels ]"
    torch_format, sign, onnx_name = "-", "-", "Sub"


class Multiply(Elementwise):
    """The product of the branches: a gate Cx1x1 for each channel (squeeze and excitation), or 1xHxW for each position."""

    name, example = "mul", "mul [ identity; { gap; conv1-4; relu; conv1-64; sigmoid } ]"
    torch_format, sign, onnx_name = "*", "×", "Mul"


class Divide(_Ordered):
    """The first branch divided by the second."""

    name, example = "div", "div [ identity; { norm channels; add [ identity; 1e-6 ] } ]"
    torch_format, sign, onnx_name = "/", "÷", "Div"


class Maximum(Elementwise):
    """The larger value of the branches, at each place."""

    name, example = "maximum", "maximum [ conv3-64 pad=1; identity ]"
    sign, onnx_name = "max", "Max"
    torch_name, bound = "torch.maximum", "min"

    def torch(self, *inputs: TensorType) -> TorchCode:
        text = "{0}"
        for i in range(1, len(inputs)):
            text = f"{self.torch_name}({text}, {{{i}}})"
        if self.number is not None:
            text = f"{text}.clamp({self.bound}={number(self.number)})"
        return TorchCode.expression(text)


class Minimum(Maximum):
    """The smaller value of the branches, at each place."""

    name, example = "minimum", "minimum [ identity; 6 ]"
    sign, onnx_name = "min", "Min"
    torch_name, bound = "torch.minimum", "max"


class MatrixProduct(Op):
    """The matrix product of two branches: tokens x features, or the last two axes of an image for each channel.

    Queries times keys: `matmul [ q; from k -> permute(1, 0) ]`.
    """

    any_size = True
    name, example = "matmul", "matmul [ identity; permute(1, 0) ]"
    sign = "@"
    shape_rule = "rows of the first branch x columns of the second; the columns of the first are the rows of the second"

    def output(self, *inputs: TensorType) -> TensorType:
        if len(inputs) != 2:
            raise Misfit("NS307", f"matmul takes 2 branches, found {len(inputs)}")
        a, b = inputs
        if a.layout != b.layout or len(a.shape) != len(b.shape) or len(a.shape) < 2 or a.layout == "ids":
            raise Misfit(
                "NS306", "the branches of matmul must be two sequences, or two images",
                label=f"branch 1 outputs {a}, branch 2 outputs {b}", notes=_nouns(inputs),
            )  # fmt: skip
        note = ""
        if a.shape[-1] != b.shape[-2]:
            note = f"{a.shape[-1]} columns meet {b.shape[-2]} rows"
        elif a.shape[:-2] != b.shape[:-2]:
            note = f"the other axes are {a.shape[:-2]} and {b.shape[:-2]}"
        if note:
            raise Misfit(
                "NS306", f"the sizes of a matrix product do not fit: {a.shape[-2]}x{a.shape[-1]} times {b.shape[-2]}x{b.shape[-1]}",
                label=f"branch 1 outputs {a}, branch 2 outputs {b}", notes=(note,),
                helps=("`permute(1, 0)` transposes a sequence",) if a.layout == "sequence" else (),
            )  # fmt: skip
        return TensorType(a.layout, (*a.shape[:-1], b.shape[-1]))

    def macs(self, *inputs: TensorType) -> int:
        a, b = inputs
        return a.size * b.shape[-1]

    def reach(self, x: TensorType) -> tuple[Reach, ...] | None:
        return None

    def torch(self, *inputs: TensorType) -> TorchCode:
        return TorchCode.expression("{0} @ {1}")

    def onnx(self, emit: Emitter) -> str:
        return emit.node("MatMul", emit.inputs)


def _nouns(inputs: tuple[TensorType, ...]) -> tuple[str, ...]:
    return tuple(f"branch {i + 1}: {x.noun}" for i, x in enumerate(inputs))


class Concat(Op):
    """Concatenates the branches along the channels or along the given axis."""

    any_size = True
    name, example = "concat", "concat [ conv1-64; conv3-128 pad=1 ]"
    shape_rule = "the sum of the sizes along the axis; the other sizes must agree"
    axis = Option(AXIS, "channels", doc="the axis to concatenate along")

    def output(self, *inputs: TensorType) -> TensorType:
        first = inputs[0]
        axis = named_axis(first, self.axis) - 1
        for i, x in enumerate(inputs):
            others = [s for j, s in enumerate(x.shape) if j != axis]
            if x.layout != first.layout or others != [s for j, s in enumerate(first.shape) if j != axis]:
                raise Misfit(
                    "NS306",
                    f"the branches of concat must have the same sizes except along {self.axis}",
                    label=f"branch {i + 1} outputs {x}, branch 1 outputs {first}",
                    notes=_nouns(inputs),
                )
        shape = list(first.shape)
        shape[axis] = sum(x.shape[axis] for x in inputs)
        return TensorType(first.layout, tuple(shape))

    def describe(self, x: TensorType) -> str:
        return f"along {'features' if self.axis == 'channels' and x.layout != 'map' else self.axis}"

    def torch(self, *inputs: TensorType) -> TorchCode:
        parts = ", ".join(f"{{{i}}}" for i in range(len(inputs)))
        return TorchCode.expression(f"torch.cat([{parts}], dim={named_axis(inputs[0], self.axis)})")

    def onnx(self, emit: Emitter) -> str:
        return emit.node("Concat", emit.inputs, axis=named_axis(emit.types[0], self.axis))


ALL: tuple[type[Op], ...] = (Add, Subtract, Multiply, Divide, Maximum, Minimum, MatrixProduct, Concat)
