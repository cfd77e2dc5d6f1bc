"""Normalization: bn, ln, gn, instancenorm, LRN and l2norm."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from netspec.graph import Param, TensorType
from netspec.ops.dense import require_numbers
from netspec.ops.divisors import divisor_changes
from netspec.ops.kinds import Flag, Integer, Number
from netspec.ops.normalize import Normalize
from netspec.ops.op import Misfit, Op, Option, TorchCode
from netspec.ops.python_text import along_tokens, call, number, unless
from netspec.ops.response_norm import GlobalResponseNorm
from netspec.ops.traced import untraced

if TYPE_CHECKING:
    from netspec.ops.emitter import Emitter

__all__ = ["ALL", "BatchNorm"]

_EPS = Number(0, 1, open_low=True)


def affine(features: int) -> tuple[Param, ...]:
    return Param("weight", (features,), "ones"), Param("bias", (features,), "zeros")


class BatchNorm(Op):
    """Normalizes each channel with statistics of the batch during training, and with running statistics afterward (Ioffe & Szegedy 2015)."""

    torch_keeps_no_output = True
    any_size = True
    name, example = "bn", "bn"
    decays = False
    aliases = ("batchnorm", "batch_norm")
    param_rule = "a scale and a shift per channel; the running mean, running variance and step counter are buffers"

    eps = Option(_EPS, 1e-5, doc="added to the variance")
    momentum = Option(Number(0, 1), 0.1, doc="weight of the new batch in the running statistics")
    affine = Option(Flag(), True, doc="whether to scale and shift the result")

    def output(self, *inputs: TensorType) -> TensorType:
        require_numbers(self, inputs[0])
        return inputs[0]

    def params(self, *inputs: TensorType) -> tuple[Param, ...]:
        n = inputs[0].features
        return (
            *(affine(n) if self.affine else ()),
            Param("running_mean", (n,), "zeros", trainable=False),
            Param("running_var", (n,), "ones", trainable=False),
            Param("num_batches_tracked", (), "zeros", trainable=False, dtype="int64"),
        )

    def torch(self, *inputs: TensorType) -> TorchCode:
        (x,) = inputs
        text = call(
            f"nn.BatchNorm{max(1, x.rank)}d", x.features, eps=unless(self.eps, 1e-5),
            momentum=unless(self.momentum, 0.1), affine=unless(self.affine, True),
        )  # fmt: skip
        return TorchCode((("", text),), along_tokens(x))

    def onnx(self, emit: Emitter) -> str:
        n = emit.types[0].features
        scale = emit.param("weight") if self.affine else emit.floats([1.0] * n, "scale")
        shift = emit.param("bias") if self.affine else emit.floats([0.0] * n, "shift")
        statistics = [emit.param("running_mean"), emit.param("running_var")]
        how: dict[str, Any] = {"epsilon": self.eps}
        if emit.train and emit.opset >= 14:
            how |= {"training_mode": 1, "momentum": 1 - self.momentum, "extra_outputs": ("mean", "var")}
        y = emit.node("BatchNormalization", [emit.channels_first(), scale, shift, *statistics], **how)
        return emit.channels_back(y)


class LayerNorm(Op):
    """Normalizes over the features of each token, or over the channels at each position (Ba et al. 2016)."""

    any_size = True
    name, example = "ln", "ln"
    decays = False
    aliases = ("layernorm", "layer_norm")
    param_rule = "a scale and a shift per feature"

    eps = Option(_EPS, 1e-5, doc="added to the variance")
    affine = Option(Flag(), True, doc="whether to scale and shift the result")
    bias = Option(Flag(), True, doc="whether to shift the result, beside the scale")

    def output(self, *inputs: TensorType) -> TensorType:
        require_numbers(self, inputs[0])
        return inputs[0]

    def params(self, *inputs: TensorType) -> tuple[Param, ...]:
        own = affine(inputs[0].features) if self.affine else ()
        return own if self.bias else own[:1]

    def torch(self, *inputs: TensorType) -> TorchCode:
        (x,) = inputs
        text = call(
            "nn.LayerNorm", x.features, eps=unless(self.eps, 1e-5), elementwise_affine=unless(self.affine, True),
            bias=unless(self.bias, True),
        )  # fmt: skip
        return TorchCode((("", text),), "{m}({0}.movedim(1, -1)).movedim(-1, 1)" if x.layout == "map" else None)

    def onnx(self, emit: Emitter) -> str:
        n = emit.types[0].features
        x = emit.features_last()
        if emit.opset >= 17:
            scale = [emit.param("weight") if self.affine else emit.floats([1.0] * n, "scale")]
            scale += [emit.param("bias")] if self.affine and self.bias else []
            return emit.features_back(emit.node("LayerNormalization", [x, *scale], axis=-1, epsilon=self.eps))
        centered = emit.node("Sub", [x, emit.reduce("ReduceMean", x, [-1], keepdims=1)])
        variance = emit.reduce("ReduceMean", emit.node("Mul", [centered, centered]), [-1], keepdims=1)
        root = emit.node("Sqrt", [emit.node("Add", [variance, emit.scalar(self.eps, "eps")])])
        y = emit.node("Div", [centered, root])
        if self.affine:
            y = emit.node("Mul", [y, emit.param("weight")])
            y = emit.node("Add", [y, emit.param("bias")]) if self.bias else y
        return emit.features_back(y)


class GroupNorm(Op):
    """Normalizes over groups of channels, separately for each example (Wu & He 2018)."""

    any_size = True
    torch_keeps_no_output = True
    name, example = "gn", "gn 32"
    decays = False
    aliases = ("groupnorm", "group_norm")
    param_rule = "a scale and a shift per channel"

    groups = Option(Integer(), 32, slot="value", doc="number of groups of channels")
    eps = Option(_EPS, 1e-5, doc="added to the variance")
    affine = Option(Flag(), True, doc="whether to scale and shift the result")

    def output(self, *inputs: TensorType) -> TensorType:
        (x,) = inputs
        require_numbers(self, x)
        if x.features % self.groups:
            raise Misfit(
                "NS304", f"{x.features} channels cannot be divided into {self.groups} groups", option="groups",
                indivisible=(x.features, self.groups),
                changes=(changes := divisor_changes("groups", "possible values", self.groups, x.features)),
                helps=(changes[0].help,),
            )  # fmt: skip
        # a check, whatever names the sizes are made of
        if untraced(x.features) == untraced(self.groups) and all(untraced(s) == 1 for s in x.spatial):
            raise Misfit(
                "NS307", "gn over a single value always gives 0", label=f"the input is {x.noun}",
                helps=("use fewer groups or `ln`",),
            )  # fmt: skip
        return x

    def params(self, *inputs: TensorType) -> tuple[Param, ...]:
        return affine(inputs[0].features) if self.affine else ()

    def describe(self, x: TensorType) -> str:
        return f"{self.groups} group{'' if self.groups == 1 else 's'}"

    def torch(self, *inputs: TensorType) -> TorchCode:
        (x,) = inputs
        text = call(
            "nn.GroupNorm", self.groups, x.features, eps=unless(self.eps, 1e-5), affine=unless(self.affine, True)
        )
        return TorchCode((("", text),), along_tokens(x))

    def onnx(self, emit: Emitter) -> str:
        (x,) = emit.types
        first = emit.channels_first()
        y = emit.reshape(first, [-1, self.groups, -1 if emit.open_sizes else x.size // self.groups])
        ones, zeros = emit.floats([1.0] * self.groups, "ones"), emit.floats([0.0] * self.groups, "zeros")
        y = emit.node("InstanceNormalization", [y, ones, zeros], epsilon=self.eps)
        y = emit.reshape_like(y, first, (x.features, *x.spatial))
        if self.affine:
            per_channel = [-1, *(1 for _ in x.spatial)]
            y = emit.node("Mul", [y, emit.reshape(emit.param("weight"), per_channel)])
            y = emit.node("Add", [y, emit.reshape(emit.param("bias"), per_channel)])
        return emit.channels_back(y)


class InstanceNorm(Op):
    """Normalizes each channel of each example separately (Ulyanov et al. 2016)."""

    any_size = True
    name, example = "instancenorm", "instancenorm"
    decays = False
    aliases = ("instance", "instance_norm")
    param_rule = "none (affine=yes: a scale and a shift per channel)"

    eps = Option(_EPS, 1e-5, doc="added to the variance")
    affine = Option(Flag(), False, doc="whether to scale and shift the result")

    def output(self, *inputs: TensorType) -> TensorType:
        (x,) = inputs
        require_numbers(self, x)
        if x.rank == 0:
            raise Misfit(
                "NS303",
                "instancenorm needs spatial positions to normalize over",
                label=f"the input is {x.noun}",
                helps=("use `ln` for vectors",),
            )
        if all(s == 1 for s in x.spatial):
            raise Misfit(
                "NS307", "instancenorm over a single position always gives 0", label=f"the input is {x.noun}",
                helps=("use `ln` or `bn` instead",),
            )  # fmt: skip
        return x

    def params(self, *inputs: TensorType) -> tuple[Param, ...]:
        return affine(inputs[0].features) if self.affine else ()

    def torch(self, *inputs: TensorType) -> TorchCode:
        (x,) = inputs
        text = call(
            f"nn.InstanceNorm{x.rank}d", x.features, eps=unless(self.eps, 1e-5), affine=unless(self.affine, False)
        )
        return TorchCode((("", text),), along_tokens(x))

    def onnx(self, emit: Emitter) -> str:
        n = emit.types[0].features
        scale = emit.param("weight") if self.affine else emit.floats([1.0] * n, "ones")
        shift = emit.param("bias") if self.affine else emit.floats([0.0] * n, "zeros")
        y = emit.node("InstanceNormalization", [emit.channels_first(), scale, shift], epsilon=self.eps)
        return emit.channels_back(y)


class LocalResponseNorm(Op):
    """x / (k + alpha/size * sum of squares over `size` adjacent channels)^beta (Krizhevsky et al. 2012).

    Like Caffe, PyTorch and ONNX, it divides the paper's alpha by `size`.
    """

    any_size = True
    name, example = "LRN", "LRN 5 alpha=1e-4 beta=0.75 k=2"
    aliases = ("local_response_norm", "localresponsenorm")

    size = Option(Integer(1, 1023, odd=True), 5, slot="value", doc="number of adjacent channels")
    alpha = Option(Number(0, open_low=True), 1e-4, doc="scale of the sum of squares")
    beta = Option(Number(0, open_low=True), 0.75, doc="exponent")
    k = Option(Number(0), 2.0, doc="added to the scaled sum")

    def output(self, *inputs: TensorType) -> TensorType:
        (x,) = inputs
        if x.layout != "map":
            raise Misfit("NS303", "LRN needs an image or a signal", label=f"the input is {x.noun}")
        return x

    def describe(self, x: TensorType) -> str:
        return f"size {self.size}, alpha {self.alpha:g}, beta {self.beta:g}, k {self.k:g}"

    def torch(self, *inputs: TensorType) -> TorchCode:
        text = call("nn.LocalResponseNorm", self.size, alpha=self.alpha, beta=self.beta, k=self.k)
        # torch calls view on a volume, which must be contiguous
        return TorchCode((("", text),), "{m}({0}.contiguous())" if inputs[0].rank == 3 else None)

    def onnx(self, emit: Emitter) -> str:
        (x,) = emit.types
        y = emit.inputs[0]
        if x.rank != 2:  # ONNX Runtime's LRN supports only images
            y = emit.reshape(y, [-1, x.features, x.size // x.features, 1])
        y = emit.node("LRN", [y], size=self.size, alpha=self.alpha, beta=self.beta, bias=self.k)
        return y if x.rank == 2 else emit.reshape(y, [-1, *x.shape])


class L2Norm(Op):
    """Divides by the Euclidean norm along the feature axis."""

    any_size = True
    name, example = "l2norm", "l2norm"
    aliases = ("l2_norm", "l2_normalize")

    eps = Option(_EPS, 1e-12, doc="lower bound of the norm")

    def output(self, *inputs: TensorType) -> TensorType:
        require_numbers(self, inputs[0])
        return inputs[0]

    def torch(self, *inputs: TensorType) -> TorchCode:
        eps = "" if self.eps == 1e-12 else f", eps={number(self.eps)}"
        return TorchCode.expression(f"F.normalize({{0}}, dim={inputs[0].feature_axis}{eps})")

    def onnx(self, emit: Emitter) -> str:
        length = emit.reduce("ReduceL2", emit.inputs[0], [emit.types[0].feature_axis], keepdims=1)
        return emit.node("Div", [*emit.inputs, emit.node("Max", [length, emit.scalar(self.eps, "eps")])])


ALL: tuple[type[Op], ...] = (
    BatchNorm,
    LayerNorm,
    GroupNorm,
    InstanceNorm,
    LocalResponseNorm,
    Normalize,
    L2Norm,
    GlobalResponseNorm,
)
