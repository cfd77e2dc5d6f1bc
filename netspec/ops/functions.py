"""Functions of one value: abs, exp, the threshold unit and the like. They follow a layer as `act=` does, or stand alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

from netspec.graph import TensorType
from netspec.ops.activation import Activation
from netspec.ops.op import Op, TorchCode

if TYPE_CHECKING:
    from netspec.ops.emitter import Emitter

__all__ = ["ALL", "Function"]


class Function(Activation):
    """The base of functions that PyTorch has as a function, not as a module."""

    def torch(self, *inputs: TensorType) -> TorchCode:
        return TorchCode.expression(f"torch.{self.torch_name}({{0}})")


class Absolute(Function):
    """|x|."""

    name, example = "abs", "abs"
    torch_name, onnx_name = "abs", "Abs"


class Square(Function):
    """x^2."""

    name, example = "square", "square"
    torch_name = "square"

    def onnx(self, emit: Emitter) -> str:
        return emit.node("Mul", [*emit.inputs, *emit.inputs])


class SquareRoot(Function):
    """The square root of x, which must not be negative."""

    torch_in_place = False
    name, example = "sqrt", "relu -> sqrt"
    torch_name, onnx_name = "sqrt", "Sqrt"


class Exponential(Function):
    """e^x."""

    name, example = "exp", "exp"
    torch_name, onnx_name = "exp", "Exp"


class Logarithm(Function):
    """The natural logarithm of x, which must be positive."""

    name, example = "log", "softplus -> log"
    torch_name, onnx_name = "log", "Log"


class Sine(Function):
    """The sine of x, in radians (Sitzmann et al. 2020)."""

    name, example, squashes = "sin", "sin", True
    torch_name, onnx_name = "sin", "Sin"


class Cosine(Function):
    """The cosine of x, in radians."""

    name, example, squashes = "cos", "cos", True
    torch_name, onnx_name = "cos", "Cos"


class Sign(Function):
    """-1 for negative values, 0 for 0, 1 for positive ones. Its gradient is 0."""

    name, example, squashes = "sign", "sign", True
    torch_name, onnx_name = "sign", "Sign"


class Step(Function):
    """1 for positive values, otherwise 0: the threshold unit of the perceptron (Rosenblatt 1958). Its gradient is 0."""

    name, example, squashes = "step", "step", True
    aliases = ("heaviside",)

    def torch(self, *inputs: TensorType) -> TorchCode:
        return TorchCode.expression("torch.relu(torch.sign({0}))")

    def onnx(self, emit: Emitter) -> str:
        return emit.node("Relu", [emit.node("Sign", emit.inputs)])


ALL: tuple[type[Op], ...] = (Absolute, Square, SquareRoot, Exponential, Logarithm, Sine, Cosine, Sign, Step)
