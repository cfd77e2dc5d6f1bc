"""Slices and permutations of the features: channel_shuffle, chunk and slice; named axes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from netspec.graph import TensorType
from netspec.ops.divisors import divisor_changes
from netspec.ops.emitter import TO_THE_END
from netspec.ops.kinds import MAX_INT, BadValue, Choice, Integer, Kind
from netspec.ops.op import Change, Misfit, Op, Option, TorchCode
from netspec.ops.reach import SAME, Reach, sliding
from netspec.ops.windows import AXES
from netspec.values import Value

if TYPE_CHECKING:
    from netspec.ops.emitter import Emitter

__all__ = [
    "AXIS",
    "AxisNames",
    "ChannelShuffle",
    "Chunk",
    "Slice",
    "amount_of",
    "axis_label",
    "named_axes",
    "named_axis",
]


class ChannelShuffle(Op):
    """Interleaves the channels of the groups (Zhang et al. 2018)."""

    any_size = True
    name, example = "channel_shuffle", "channel_shuffle 2"
    groups = Option(Integer(), slot="value", doc="number of groups")

    def output(self, *inputs: TensorType) -> TensorType:
        (x,) = inputs
        if x.layout == "ids":
            raise Misfit("NS303", "channel_shuffle needs numbers, not ids")
        if x.features % self.groups:
            raise Misfit(
                "NS304",
                f"{x.features} channels cannot be divided into {self.groups} groups",
                option="groups",
                indivisible=(x.features, self.groups),
                changes=(changes := divisor_changes("groups", "possible values", self.groups, x.features)),
                helps=(changes[0].help,),
            )
        return x

    def describe(self, x: TensorType) -> str:
        return f"{self.groups} group{'' if self.groups == 1 else 's'}"

    def torch(self, *inputs: TensorType) -> TorchCode:
        (x,) = inputs
        axis = x.feature_axis
        return TorchCode.expression(
            f"{{0}}.unflatten({axis}, ({self.groups}, -1)).transpose({axis}, {axis + 1}).flatten({axis}, {axis + 1})"
        )

    def onnx(self, emit: Emitter) -> str:
        (x,) = emit.types
        axis = x.feature_axis
        split = [-1, *x.shape]
        split[axis : axis + 1] = [self.groups, x.features // self.groups]
        if emit.open_sizes and x.layout == "map":  # all positions as one axis
            split[axis + 2 :] = [-1]
        perm = list(range(len(split)))
        perm[axis], perm[axis + 1] = axis + 1, axis
        y = emit.node("Transpose", [emit.reshape(emit.inputs[0], split)], perm=perm)
        return emit.reshape_like(y, emit.inputs[0], x.shape)


class FeatureSlice(Op):
    """The base of chunk and slice: a range along one axis."""

    any_size = True

    def run(self, x: TensorType) -> tuple[int, int, int]:
        """(axis in the batched tensor, start, stop)."""
        raise TypeError(self.name)

    @property
    def stride(self) -> int:
        """The distance between the values that are taken."""
        return 1

    def output(self, *inputs: TensorType) -> TensorType:
        (x,) = inputs
        axis, start, stop = self.run(x)
        shape = list(x.shape)
        shape[axis - 1] = (stop - start + (self.stride - 1)) // self.stride
        return TensorType(x.layout, tuple(shape))

    def reach(self, x: TensorType) -> tuple[Reach, ...] | None:
        axis, start, _ = self.run(x)
        first = 1 if x.layout == "sequence" else 2
        return tuple(sliding(1, self.stride, -start) if first + i == axis else SAME for i in range(x.rank))


class Chunk(FeatureSlice):
    """The i-th of n equal parts of the features, numbered from 0."""

    name, example = "chunk", "chunk(0, 2)"
    shape_rule = "features / n"
    i = Option(Integer(0), slot="value", doc="index of the part, from 0")
    n = Option(Integer(1), slot="value", doc="number of parts")

    def run(self, x: TensorType) -> tuple[int, int, int]:
        if self.i >= self.n:
            raise Misfit(
                "NS205",
                f"part {self.i} is out of range: there are {self.n} parts",
                option="i",
                helps=(
                    help_ := f"parts are numbered from 0 to {self.n - 1}: the last is `chunk({self.n - 1}, {self.n})`",
                ),
                changes=(Change(help_, "i", str(self.n - 1)),),
            )
        if x.features % self.n:
            raise Misfit(
                "NS304",
                f"{x.features} features cannot be divided into {self.n} equal parts",
                option="n",
                indivisible=(x.features, self.n),
                notes=(f"{x.features} / {self.n} = {x.features / self.n:.2f}",),
                changes=(changes := divisor_changes("n", "possible values", self.n, x.features)),
                helps=(changes[0].help, f"or give the layer before {-(-x.features // self.n) * self.n} features"),
            )
        size = x.features // self.n
        return x.feature_axis, self.i * size, (self.i + 1) * size

    def onnx(self, emit: Emitter) -> str:
        return emit.slice(emit.inputs[0], *self.run(emit.types[0]))

    def torch(self, *inputs: TensorType) -> TorchCode:
        return TorchCode.expression(f"{{0}}.chunk({self.n}, dim={inputs[0].feature_axis})[{self.i}]")

    def describe(self, x: TensorType) -> str:
        return f"part {self.i} of {self.n}"


def named_axis(x: TensorType, name: str) -> int:
    """The index of a named axis of a batched tensor. Raises Misfit if the tensor has no such axis."""
    if name in ("channels", "features"):
        return x.feature_axis
    names = {"sequence": ("tokens",), "map": AXES.get(x.rank, ())}.get(x.layout, ())
    first = 1 if x.layout == "sequence" else 2
    if name not in names:
        have = ", ".join((*names, "channels"))
        raise Misfit(
            "NS307",
            f"the input has no axis `{name}`",
            option="axis",
            label=f"the input is {x.noun}",
            helps=(f"its axes are {have}",),
        )
    return first + names.index(name)


_AXES = ("channels", "features", "tokens", "length", "depth", "height", "width")
AXIS = Choice(*_AXES)


class AxisNames(Kind[tuple[str, ...]]):
    """One or several axes by name: `channels`, `(height, width)`; `spatial` for all but the channels."""

    gathers = True
    noun = f"one or several of {', '.join(_AXES)}, or spatial"
    each = Choice(*_AXES, "spatial")

    def takes_word(self, word: str) -> bool:
        return word.lower() in self.each.choices

    def read(self, value: Value) -> tuple[str, ...]:
        names = tuple(self.each.read(v) for v in (value if isinstance(value, (tuple, list)) else (value,)))
        if len(set(names)) < len(names) or (len(names) > 1 and "spatial" in names):
            raise BadValue(f"{', '.join(names)}: an axis is named twice", code="NS205")
        return names


def amount_of(name: str, size: int) -> str:
    """`30 channels`, `a height of 30`."""
    return f"{size} {name}" if name.endswith("s") else f"a {name} of {size}"


def axis_label(x: TensorType, axis: int) -> str:
    """What an axis of a batched tensor is called."""
    if axis == x.feature_axis:
        return "channels" if x.layout == "map" else "features"
    return "tokens" if x.layout == "sequence" else AXES[x.rank][axis - 2]


def named_axes(x: TensorType, names: tuple[str, ...]) -> tuple[int, ...]:
    """The indices of named axes of a batched tensor, in order. Raises Misfit if the tensor has no such axis."""
    if names == ("spatial",):
        if not x.rank:
            raise Misfit("NS307", "a vector has no spatial axis", option="axis", helps=("its only axis is `features`",))
        first = 1 if x.layout == "sequence" else 2
        return tuple(range(first, first + x.rank))
    return tuple(sorted({named_axis(x, name) for name in names}))


class Slice(FeatureSlice):
    """The values from `start` up to but not including `stop` along one axis, or every `step`-th of them."""

    name, example = "slice", "slice(0, 16)"
    shape_rule = "(stop - start) / step along the axis, rounded up"
    start = Option(Integer(0), slot="value", doc="first index, from 0")
    stop = Option(
        Integer(-MAX_INT), None, slot="value", doc="one past the last index; negative: from the end (default: the end)"
    )
    axis = Option(AXIS, "channels", doc="the axis to slice")
    step = Option(Integer(), 1, doc="distance between the indices")

    def run(self, x: TensorType) -> tuple[int, int, int]:
        axis = named_axis(x, self.axis)
        size = x.shape[axis - 1]
        stop = size if self.stop is None else self.stop if self.stop > 0 else size + self.stop
        if self.start >= stop or (self.stop is not None and self.stop > size):
            to = "the end" if self.stop is None else self.stop
            raise Misfit(
                "NS205", f"the range {self.start} to {to} is not within {amount_of(self.axis, size)}",
                option="start" if self.stop is None else "stop", label=f"the input is {x.noun}",
            )  # fmt: skip
        return axis, self.start, stop

    @property
    def stride(self) -> int:
        return self.step

    def torch(self, *inputs: TensorType) -> TorchCode:
        (x,) = inputs
        axis, start, _ = self.run(x)
        text = f"{start}:{'' if self.stop is None else self.stop}" + (f":{self.step}" if self.step != 1 else "")
        return TorchCode.expression(f"{{0}}[{', '.join([':'] * axis)}, {text}]")

    def onnx(self, emit: Emitter) -> str:
        axis, start, _ = self.run(emit.types[0])
        return emit.slice(emit.inputs[0], axis, start, TO_THE_END if self.stop is None else self.stop, self.step)

    def describe(self, x: TensorType) -> str:
        _, start, stop = self.run(x)
        return f"{self.axis} {start} to {stop - 1}" + (f", step {self.step}" if self.step != 1 else "")
