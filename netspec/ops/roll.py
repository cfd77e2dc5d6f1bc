"""roll: values moved along an axis; what leaves at one end comes in at the other."""

from __future__ import annotations

from typing import TYPE_CHECKING

from netspec.graph import TensorType
from netspec.ops.emitter import TO_THE_END
from netspec.ops.features import AxisNames, amount_of, axis_label, named_axes
from netspec.ops.kinds import PerAxis
from netspec.ops.op import Misfit, Op, Option, TorchCode
from netspec.ops.reach import Reach

if TYPE_CHECKING:
    from netspec.ops.emitter import Emitter

__all__ = ["Roll"]


class Roll(Op):
    """Moves values along the axes, down and to the right by positive numbers; what leaves at one end comes in at the other
    (the cyclic shift of Liu et al. 2021)."""

    any_size = True
    name, example = "roll", "roll(-3, -3)"
    shift = Option(
        PerAxis(-1_000_000, gathers=True), slot="value", doc="positions to move by, for all axes or for each"
    )
    axis = Option(AxisNames(), ("spatial",), doc="the axis or axes; spatial: all but the channels")

    def shifts(self, x: TensorType) -> dict[int, int]:
        """The shift along each axis of the batched tensor. Raises Misfit."""
        axes = named_axes(x, self.axis)
        if len(self.shift) not in (1, len(axes)):
            named = ", ".join(axis_label(x, axis) for axis in axes)
            raise Misfit("NS307", f"{len(self.shift)} shifts for {len(axes)} axes: {named}", option="shift")
        return dict(zip(axes, self.shift if len(self.shift) > 1 else self.shift * len(axes), strict=True))

    def output(self, *inputs: TensorType) -> TensorType:
        (x,) = inputs
        if x.layout == "ids":
            raise Misfit("NS303", "roll needs numbers, not ids", label=f"the input is {x.noun}")
        for axis, shift in self.shifts(x).items():
            if abs(shift) >= x.shape[axis - 1]:
                message = f"a shift by {shift} along {amount_of(axis_label(x, axis), x.shape[axis - 1])}"
                raise Misfit("NS205", message, option="shift", label=f"the input is {x.noun}")
        return x

    def reach(self, x: TensorType) -> tuple[Reach, ...] | None:
        first = 1 if x.layout == "sequence" else 2
        moved = {axis for axis, shift in self.shifts(x).items() if shift}
        return None if any(axis in moved for axis in range(first, first + x.rank)) else super().reach(x)

    def describe(self, x: TensorType) -> str:
        return ", ".join(f"{axis_label(x, axis)} {shift:+d}" for axis, shift in self.shifts(x).items())

    def torch(self, *inputs: TensorType) -> TorchCode:
        shifts = self.shifts(inputs[0])
        return TorchCode.expression(f"{{0}}.roll({tuple(shifts.values())}, dims={tuple(shifts)})")

    def onnx(self, emit: Emitter) -> str:
        y = emit.inputs[0]
        for axis, shift in self.shifts(emit.types[0]).items():
            if shift:
                end, start = emit.slice(y, axis, -shift, TO_THE_END), emit.slice(y, axis, 0, -shift)
                y = emit.node("Concat", [end, start], axis=axis)
        return y
