"""Activations: elementwise, or along the feature axis (maxout, glu, softmax)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from netspec.graph import Param, TensorType
from netspec.ops.dense import require_numbers
from netspec.ops.features import AXIS, named_axis
from netspec.ops.kinds import Choice, Flag, Integer, Number
from netspec.ops.op import Misfit, Op, Option, TorchCode
from netspec.ops.python_text import call, unless
from netspec.ops.reach import SAME, Reach, whole

if TYPE_CHECKING:
    from netspec.ops.emitter import Emitter

__all__ = ["ALL"]


class Activation(Op):
    """The base of activations: same shape, no parameters."""

    any_size = True
    torch_name = ""
    onnx_name = ""
    squashes = False
    """Whether its output can no longer be used as logits."""

    def output(self, *inputs: TensorType) -> TensorType:
        require_numbers(self, inputs[0])
        return inputs[0]

    def torch(self, *inputs: TensorType) -> TorchCode:
        return TorchCode.module(f"nn.{self.torch_name}()")

    def onnx(self, emit: Emitter) -> str:
        return emit.node(self.onnx_name, emit.inputs)


class ReLU(Activation):
    """max(x, 0)."""

    torch_in_place = True
    name, example = "relu", "relu"
    torch_name, onnx_name = "ReLU", "Relu"


class ReLU6(Activation):
    """min(max(x, 0), 6)."""

    torch_in_place = True
    name, example = "relu6", "relu6"
    torch_name = "ReLU6"

    def onnx(self, emit: Emitter) -> str:
        return emit.node("Clip", [*emit.inputs, emit.scalar(0.0, "low"), emit.scalar(6.0, "high")])


class LeakyReLU(Activation):
    """max(x, slope x)."""

    torch_in_place = True
    name, example = "leaky_relu", "leaky_relu 0.1"
    aliases = ("leakyrelu", "lrelu")
    slope = Option(Number(0, 1), 0.01, slot="value", doc="slope for negative values")

    def describe(self, x: TensorType) -> str:
        return f"slope {self.slope:g}"

    def torch(self, *inputs: TensorType) -> TorchCode:
        return TorchCode.module(call("nn.LeakyReLU", self.slope))

    def onnx(self, emit: Emitter) -> str:
        return emit.node("LeakyRelu", emit.inputs, alpha=self.slope)


class PReLU(Activation):
    """max(x, 0) + a min(x, 0) with a learned slope a per channel (He et al. 2015)."""

    name, example = "prelu", "prelu"
    param_rule = "one slope per channel (shared=yes: a single slope)"
    init = Option(Number(), 0.25, slot="value", doc="initial slope")
    shared = Option(Flag(), False, doc="use a single slope for all channels")

    def slopes(self, x: TensorType) -> int:
        return 1 if self.shared else x.features

    def params(self, *inputs: TensorType) -> tuple[Param, ...]:
        return (Param("weight", (self.slopes(inputs[0]),), self.init),)

    def torch(self, *inputs: TensorType) -> TorchCode:
        (x,) = inputs
        text = call("nn.PReLU", self.slopes(x), init=unless(self.init, 0.25))
        turned = x.layout == "sequence" and not self.shared
        return TorchCode((("", text),), "{m}({0}.transpose(1, 2)).transpose(1, 2)" if turned else None)

    def onnx(self, emit: Emitter) -> str:
        (x,) = emit.types
        slope = emit.param("weight")
        if x.layout == "map" and not self.shared:
            slope = emit.reshape(slope, [-1, *(1 for _ in x.spatial)])
        return emit.node("PRelu", [*emit.inputs, slope])


class ELU(Activation):
    """x if x > 0, otherwise alpha (exp(x) - 1) (Clevert et al. 2016)."""

    name, example = "elu", "elu"
    alpha = Option(Number(0, open_low=True), 1.0, slot="value", doc="scale of the negative part")

    def torch(self, *inputs: TensorType) -> TorchCode:
        return TorchCode.module(call("nn.ELU", alpha=unless(self.alpha, 1.0)))

    def onnx(self, emit: Emitter) -> str:
        return emit.node("Elu", emit.inputs, alpha=self.alpha)


class SELU(Activation):
    """The scaled ELU of self-normalizing networks (Klambauer et al. 2017)."""

    name, example = "selu", "selu"
    torch_name, onnx_name = "SELU", "Selu"


class CELU(Activation):
    """max(x, 0) + min(0, alpha (exp(x/alpha) - 1)) (Barron 2017)."""

    name, example = "celu", "celu"
    alpha = Option(Number(0, open_low=True), 1.0, slot="value", doc="scale of the negative part")

    def torch(self, *inputs: TensorType) -> TorchCode:
        return TorchCode.module(call("nn.CELU", alpha=unless(self.alpha, 1.0)))

    def onnx(self, emit: Emitter) -> str:
        if not emit.half:
            return emit.node("Celu", emit.inputs, alpha=self.alpha)
        # Celu takes float32 alone: celu(x) = alpha * elu(x / alpha)
        alpha = emit.scalar(self.alpha, "alpha")
        scaled = emit.node("Div", [*emit.inputs, alpha])
        return emit.node("Mul", [emit.node("Elu", [scaled], alpha=1.0), alpha])


class GELU(Activation):
    """x times the standard normal cumulative distribution function at x (Hendrycks & Gimpel 2016)."""

    name, example = "gelu", "gelu"
    approximate = Option(Choice("none", "tanh"), "none", doc="tanh: the approximation from the paper")

    def torch(self, *inputs: TensorType) -> TorchCode:
        return TorchCode.module(call("nn.GELU", approximate=unless(self.approximate, "none")))

    def onnx(self, emit: Emitter) -> str:
        (x,) = emit.inputs
        if self.approximate == "tanh":
            cube = emit.node("Mul", [emit.node("Mul", [emit.node("Mul", [x, x]), x]), emit.scalar(0.044715, "c")])
            y = emit.node("Mul", [emit.node("Add", [x, cube]), emit.scalar(0.7978845608028654, "root_2_by_pi")])
            y = emit.node("Tanh", [y])
        else:
            y = emit.node("Erf", [emit.node("Mul", [x, emit.scalar(0.7071067811865476, "root_half")])])
        y = emit.node("Add", [y, emit.scalar(1.0, "one")])
        return emit.node("Mul", [emit.node("Mul", [x, y]), emit.scalar(0.5, "half")])


class SiLU(Activation):
    """x sigmoid(x)."""

    name, example = "silu", "silu"
    aliases = ("swish",)
    torch_name = "SiLU"

    def onnx(self, emit: Emitter) -> str:
        return emit.node("Mul", [*emit.inputs, emit.node("Sigmoid", emit.inputs)])


class Mish(Activation):
    """x tanh(softplus(x)) (Misra 2019)."""

    name, example = "mish", "mish"
    torch_name = "Mish"

    def onnx(self, emit: Emitter) -> str:
        return emit.node("Mul", [*emit.inputs, emit.node("Tanh", [emit.node("Softplus", emit.inputs)])])


class Sigmoid(Activation):
    """1 / (1 + exp(-x))."""

    name, example, squashes = "sigmoid", "sigmoid", True
    aliases = ("logistic",)
    torch_name = onnx_name = "Sigmoid"


class Tanh(Activation):
    """The hyperbolic tangent."""

    name, example, squashes = "tanh", "tanh", True
    torch_name = onnx_name = "Tanh"


class HardSigmoid(Activation):
    """min(max(x + 3, 0), 6) / 6."""

    name, example, squashes = "hardsigmoid", "hardsigmoid", True
    torch_name = "Hardsigmoid"

    def onnx(self, emit: Emitter) -> str:
        return emit.node("HardSigmoid", emit.inputs, alpha=1 / 6, beta=0.5)


class HardSwish(Activation):
    """x hardsigmoid(x) (Howard et al. 2019)."""

    name, example = "hardswish", "hardswish"
    aliases = ("hswish", "h_swish")
    torch_name, onnx_name = "Hardswish", "HardSwish"

    def onnx(self, emit: Emitter) -> str:
        if emit.opset >= 14:
            return emit.node("HardSwish", emit.inputs)
        return emit.node("Mul", [*emit.inputs, emit.node("HardSigmoid", emit.inputs, alpha=1 / 6, beta=0.5)])


class HardTanh(Activation):
    """min(max(x, low), high)."""

    name, example, squashes = "hardtanh", "hardtanh", True
    low = Option(Number(), -1.0, doc="minimum value")
    high = Option(Number(), 1.0, doc="maximum value")

    def validate(self) -> None:
        if self.low >= self.high:
            raise Misfit("NS205", f"low ({self.low:g}) must be less than high ({self.high:g})", option="low")

    def torch(self, *inputs: TensorType) -> TorchCode:
        return TorchCode.module(call("nn.Hardtanh", min_val=unless(self.low, -1.0), max_val=unless(self.high, 1.0)))

    def onnx(self, emit: Emitter) -> str:
        return emit.node("Clip", [*emit.inputs, emit.scalar(self.low, "low"), emit.scalar(self.high, "high")])


class Softplus(Activation):
    """log(1 + exp(x))."""

    name, example = "softplus", "softplus"
    torch_name = onnx_name = "Softplus"


class Softsign(Activation):
    """x / (1 + |x|)."""

    name, example, squashes = "softsign", "softsign", True
    torch_name = onnx_name = "Softsign"


class Maxout(Activation):
    """The maximum of each group of `n` adjacent features (Goodfellow et al. 2013)."""

    any_size = False
    name, example = "maxout", "maxout 2"
    shape_rule = "features / n"
    n = Option(Integer(1), 2, slot="value", doc="number of features per group")

    def output(self, *inputs: TensorType) -> TensorType:
        (x,) = inputs
        require_numbers(self, x)
        if x.features % self.n:
            raise Misfit(
                "NS304",
                f"{x.features} features cannot be divided into groups of {self.n}",
                option="n",
                indivisible=(x.features, self.n),
                notes=(f"{x.features} / {self.n} = {x.features / self.n:.2f}",),
            )
        return x.with_features(x.features // self.n)

    def describe(self, x: TensorType) -> str:
        return f"of {self.n}"

    def torch(self, *inputs: TensorType) -> TorchCode:
        (x,) = inputs
        axis = x.feature_axis
        return TorchCode.expression(f"{{0}}.unflatten({axis}, (-1, {self.n})).amax(dim={axis + 1})")

    def onnx(self, emit: Emitter) -> str:
        (x,) = emit.types
        axis = x.feature_axis
        split = [-1, *x.shape]
        split[axis : axis + 1] = [x.features // self.n, self.n]
        return emit.reduce("ReduceMax", emit.reshape(emit.inputs[0], split), [axis + 1], keepdims=0)


class GLU(Activation):
    """The first half of the features times the sigmoid of the second half (Dauphin et al. 2017)."""

    name, example = "glu", "glu"
    shape_rule = "features / 2"

    def output(self, *inputs: TensorType) -> TensorType:
        (x,) = inputs
        require_numbers(self, x)
        if x.features % 2:
            raise Misfit(
                "NS304", f"glu needs an even number of features, found {x.features}", indivisible=(x.features, 2)
            )
        return x.with_features(x.features // 2)

    def torch(self, *inputs: TensorType) -> TorchCode:
        return TorchCode.module(f"nn.GLU(dim={inputs[0].feature_axis})")

    def onnx(self, emit: Emitter) -> str:
        half = emit.types[0].features // 2
        axis = emit.types[0].feature_axis
        value = emit.slice(emit.inputs[0], axis, 0, half)
        gate = emit.slice(emit.inputs[0], axis, half, 2 * half)
        return emit.node("Mul", [value, emit.node("Sigmoid", [gate])])


class Softmax(Activation):
    """exp(x_i) / sum of exp(x_j) along the feature axis, or along the given one."""

    name, example, squashes = "softmax", "softmax", True
    torch_name = onnx_name = "Softmax"
    axis = Option(AXIS, "channels", doc="the axis along which the values sum to 1")

    def output(self, *inputs: TensorType) -> TensorType:
        require_numbers(self, inputs[0])
        named_axis(inputs[0], self.axis)
        return inputs[0]

    def reach(self, x: TensorType) -> tuple[Reach, ...] | None:
        place = named_axis(x, self.axis) - (1 if x.layout == "sequence" else 2)
        if self.axis in ("channels", "features"):
            return (SAME,) * x.rank
        return tuple(whole(n) if i == place else SAME for i, n in enumerate(x.spatial))

    def describe(self, x: TensorType) -> str:
        return "" if self.axis in ("channels", "features") else f"along {self.axis}"

    def torch(self, *inputs: TensorType) -> TorchCode:
        return TorchCode.module(f"nn.{self.torch_name}(dim={named_axis(inputs[0], self.axis)})")

    def onnx(self, emit: Emitter) -> str:
        return emit.node(self.onnx_name, emit.inputs, axis=named_axis(emit.types[0], self.axis))


class LogSoftmax(Softmax):
    """The logarithm of softmax, computed in a numerically stable way."""

    name, example = "log_softmax", "log_softmax"
    aliases = ("logsoftmax",)
    torch_name = onnx_name = "LogSoftmax"


ALL: tuple[type[Op], ...] = (
    ReLU, ReLU6, LeakyReLU, PReLU, ELU, SELU, CELU, GELU, SiLU, Mish, Sigmoid, Tanh, HardSigmoid, HardSwish, HardTanh,
    Softplus, Softsign, Maxout, GLU, Softmax, LogSoftmax,
)  # fmt: skip
