"""tensor: values that do not depend on the input, trained or fixed."""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING

from netspec.graph import Layout, Param, TensorType
from netspec.ops.kinds import Choice, Flag, Number, PerAxis
from netspec.ops.op import Misfit, Op, Option, TorchCode
from netspec.ops.python_text import number
from netspec.ops.stated import listed, stated_param, stated_values

if TYPE_CHECKING:
    from netspec.ops.emitter import Emitter

__all__ = ["ALL"]

CONSTANT = (
    "Constant",
    '''
class Constant(nn.Module):
    """The same tensor for every example of a batch, trained or fixed."""

    def __init__(self, values: Tensor, trained: bool = True) -> None:
        super().__init__()
        if trained:
            self.weight = nn.Parameter(values.float())
        else:
            self.register_buffer("weight", values.float())

    def forward(self, x: Tensor) -> Tensor:
        return self.weight.expand(x.shape[0], *self.weight.shape)
''',
)
_LAYOUTS: dict[tuple[str, int], Layout] = {
    ("map", 1): "vector", ("map", 2): "map", ("map", 3): "map", ("map", 4): "map", ("sequence", 2): "sequence",
}  # fmt: skip


class ConstantTensor(Op):
    """A tensor of the given sizes, the same for every example: trained (positions, queries, prototypes) or fixed. What comes
    in is not used."""

    any_size = True
    ignores_input = True
    name, example = "tensor", "add [ identity; tensor 64x32x32 init=0.1 ]"
    decays = False
    shape_rule = "the given sizes"
    param_rule = "its values (trained=no: they are a buffer)"
    size = Option(PerAxis(gathers=True, most=4), slot="value", doc="channels, then spatial sizes; or features")
    kind = Option(Choice("map", "sequence"), "map", doc="sequence: tokens, then features")
    init = Option(Number(), 0.0, doc="initial value")
    values = stated_values()
    trained = Option(Flag(), True, doc="whether the values are trained")

    def output(self, *inputs: TensorType) -> TensorType:
        layout = _LAYOUTS.get((self.kind, len(self.size)))
        if layout is None:
            raise Misfit("NS307", f"a sequence has two sizes, tokens and features, not {len(self.size)}", option="size")
        return TensorType(layout, self.size)

    def params(self, *inputs: TensorType) -> tuple[Param, ...]:
        param = Param("weight", self.size, self.init, fan_in=prod(self.size), trainable=self.trained)
        return (stated_param(param, "values", self.values),)

    def describe(self, x: TensorType) -> str:
        return "trained" if self.trained else "fixed"

    def torch(self, *inputs: TensorType) -> TorchCode:
        sizes = f"({', '.join(map(str, self.size))}{',' if len(self.size) == 1 else ''})"
        values = (
            f"torch.full({sizes}, {number(self.init)})"
            if self.values is None
            else f"torch.tensor({listed(self.values)})"
        )
        return TorchCode((("", f"Constant({values}{'' if self.trained else ', trained=False'})"),), None, (CONSTANT,))

    def onnx(self, emit: Emitter) -> str:
        batch = emit.slice(emit.node("Shape", emit.inputs, hint="shape"), 0, 0, 1)
        shape = emit.node("Concat", [batch, emit.ints(list(self.size), "size")], axis=0)
        return emit.node("Expand", [emit.param("weight"), shape])


ALL: tuple[type[Op], ...] = (ConstantTensor,)
