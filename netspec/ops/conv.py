"""Convolutions whose filters are the same everywhere: conv, dwconv and sepconv."""

from __future__ import annotations

from dataclasses import replace
from math import prod
from typing import TYPE_CHECKING, Any

from netspec.graph import Param, TensorType
from netspec.ops.convolution import Convolution
from netspec.ops.divisors import divisor_changes, multiple_changes
from netspec.ops.kinds import Flag, Integer, Number, Padding, PerAxis, Table
from netspec.ops.layer_word import LayerWord
from netspec.ops.op import Change, Misfit, Op, Option, TorchCode
from netspec.ops.partial_conv import PARTIAL_CONV, partial_weight
from netspec.ops.python_text import call, each, padding_module, unless
from netspec.ops.standardized import Standardization, gain, standardized_class, standardized_weight
from netspec.ops.stated import (
    Nested,
    fixed_module,
    nested_shape,
    stated_biases,
    stated_module,
    stated_param,
    stated_weights,
)
from netspec.ops.windows import onnx_padding, per_axis

if TYPE_CHECKING:
    from netspec.ops.emitter import Emitter

__all__ = ["Conv", "DepthwiseConv", "SeparableConv", "SharedConvolution"]


class SharedConvolution(Convolution):
    """A convolution with the same filters at every position."""

    torch_keeps_no_output = True

    dilation = Option(PerAxis(), (1,), doc="spacing between kernel elements")
    weights = stated_weights("filter")
    biases = stated_biases("filter")
    standardize = Option(
        Standardization(), "no",
        doc="each filter with mean 0 and variance 1 (Qiao et al. 2019); scaled: with variance 1/n for n inputs and a trained "
        "gain (NFNet, Brock et al. 2021)",
    )  # fmt: skip
    eps = Option(Number(0, 1, open_low=True), 1e-6, doc="with `standardize`: added to the variance of a filter")
    trained = Option(Flag(), True, doc="whether its weights and biases are trained; no: they are buffers")

    @property
    def spacing(self) -> tuple[int, ...]:
        return self.dilation

    def validate(self) -> None:
        if not self.bias and self.biases is not None:
            raise Misfit("NS207", "biases are stated for a layer without them", option="biases")
        if self.standardize == "no" and self.eps != 1e-6:
            raise Misfit("NS207", "eps is for `standardize`", option="eps", helps=("write `standardize=yes`",))
        if self.trained:
            return
        if self.standardize != "no":
            raise Misfit("NS207", "`standardize` is for weights that are trained", option="standardize")
        missing = "weights" if self.weights is None else "biases" if self.bias and self.biases is None else ""
        if missing:
            raise Misfit(
                "NS206", f"a {self.name} that is not trained needs its {missing}", option="trained",
                helps=("state them: `weights=[…] bias=no`", "to keep initial weights, `freeze` the layer in `train { … }`"),
            )  # fmt: skip

    def params(self, *inputs: TensorType) -> tuple[Param, ...]:
        weight, *bias = self.tensors(*inputs)
        found = (
            stated_param(weight, "weights", self.stated(weight)),
            *(stated_param(param, "biases", self.biases) for param in bias),
            *((gain(weight),) if self.standardize == "scaled" else ()),
        )
        return found if self.trained else tuple(replace(param, trainable=False) for param in found)

    def stated(self, weight: Param) -> Nested | None:
        """The values that are stated for the weights."""
        return self.weights

    def tensors(self, *inputs: TensorType) -> tuple[Param, ...]:
        """The weights, and the biases if there are any."""
        return super().params(*inputs)

    def torch(self, *inputs: TensorType) -> TorchCode:
        (x,) = inputs
        window = self.geometry(x)
        options = {
            "kernel_size": each(window.kernel),
            "stride": unless(each(window.stride), 1),
            "padding": unless(each(window.before), 0) if window.symmetric else None,
            "dilation": unless(each(window.dilation), 1),
            "groups": unless(self.group_count(x), 1),
            "bias": unless(self.bias, True),
        }
        text, helpers = self.module(x, options)
        modules: list[tuple[str, str]] = [("", text)]
        if not window.symmetric:
            modules.insert(0, ("pad", padding_module(window.before, window.after)))
        code = TorchCode(tuple(modules), _sequence_call(x, len(modules) > 1), helpers)
        code = stated_module(code, self.weights, self.biases)
        return code if self.trained else fixed_module(code)

    def module(self, x: TensorType, options: dict[str, Any]) -> tuple[str, tuple[tuple[str, str], ...]]:
        """The constructor in PyTorch, and the classes that it needs."""
        if self.standardize == "no":
            return call(f"nn.Conv{x.rank}d", x.features, self.filters(x), **options), ()
        helper = standardized_class(x.rank, self.standardize == "scaled")
        options = {**options, "eps": unless(self.eps, 1e-6)}
        return call(helper[0], x.features, self.filters(x), **options), (helper,)

    def onnx(self, emit: Emitter) -> str:
        (x,) = emit.types
        window = self.geometry(x)
        inputs = [emit.channels_first(), self.onnx_weight(emit), *([emit.param("bias")] if self.bias else [])]
        y = emit.node(
            "Conv", inputs, kernel_shape=list(window.kernel), strides=list(window.stride),
            dilations=list(window.dilation), group=self.group_count(x),
            **onnx_padding(window, self.pad, open_sizes=emit.open_sizes),
        )  # fmt: skip
        return emit.channels_back(y)

    def onnx_weight(self, emit: Emitter) -> str:
        weight = emit.param("weight")
        if self.standardize == "no":
            return weight
        shape = self.tensors(*emit.types)[0].shape
        return standardized_weight(emit, weight, shape, self.eps, scaled=self.standardize == "scaled")

    def remarks(self, x: TensorType) -> list[str]:
        standardized = {"no": [], "yes": ["standardized"], "scaled": ["standardized and scaled"]}[self.standardize]
        return super().remarks(x) + standardized + ([] if self.trained else ["not trained"])


def _sequence_call(x: TensorType, padded: bool) -> str | None:
    if x.layout != "sequence":
        return None
    inner = "{m_pad}({0}.transpose(1, 2))" if padded else "{0}.transpose(1, 2)"
    return f"{{m}}({inner}).transpose(1, 2)"


class Conv(SharedConvolution):
    """Applies `width` filters at every position; each filter spans all channels (of its group)."""

    name = "conv"
    example = "conv3-64/2 pad=1 bias=no norm=bn act=relu"
    param_rule = "K x K x (channels/groups) x width weights and width biases"

    groups = Option(Integer(), 1, doc="number of independent groups of channels")
    connections = Option(Table(), None, doc="input channels of each filter (LeNet-5, Table I)")

    def group_count(self, x: TensorType) -> int:
        return self.groups

    def check_channels(self, x: TensorType) -> None:
        groups, filters = self.group_count(x), self.filters(x)
        for what, n in (("input channels", x.features), ("filters", filters)):
            if n % groups:
                raise Misfit(
                    "NS304",
                    f"{n} {what} cannot be divided into {groups} groups",
                    option="groups",
                    indivisible=(n, groups),
                    notes=(f"{n} / {groups} = {n / groups:.2f}",),
                    changes=(
                        changes := (
                            *divisor_changes("groups", "groups that divide both", groups, x.features, filters),
                            *(
                                multiple_changes("width", "possible numbers of filters", groups, n)
                                if what == "filters"
                                else ()
                            ),
                        )
                    ),
                    helps=tuple(dict.fromkeys(change.help for change in changes)),
                )
        if self.connections is not None:
            self.check_connections(x)

    def check_connections(self, x: TensorType) -> None:
        rows = self.connections or ()
        if self.standardize != "no":
            raise Misfit("NS207", "`connections` and `standardize` cannot be combined", option="connections")
        if self.groups != 1:
            raise Misfit("NS207", "`connections` and `groups` cannot be combined", option="connections")
        if len(rows) != self.width:
            raise Misfit(
                "NS307",
                f"`connections` has {len(rows)} rows for {self.width} filters",
                option="connections",
                helps=("give one row per filter",),
            )
        high = max(max(row) for row in rows)
        if high >= x.features:
            raise Misfit(
                "NS205",
                f"`connections` contains channel {high}",
                option="connections",
                notes=(f"the input has channels 0 to {x.features - 1}",),
            )

    def links(self, x: TensorType) -> int:
        return super().links(x) if self.connections is None else sum(map(len, self.connections))

    def tensors(self, *inputs: TensorType) -> tuple[Param, ...]:
        if self.connections is None:
            return super().tensors(*inputs)
        (x,) = inputs
        kernel = per_axis(self.kernel, x.rank, "kernel")
        fan_in = max(map(len, self.connections)) * prod(kernel)
        weight = Param("weight", (self.links(x), *kernel), "random", fan_in=fan_in)
        return (weight, Param("bias", (self.filters(x),), "zeros")) if self.bias else (weight,)

    def remarks(self, x: TensorType) -> list[str]:
        return super().remarks(x) + ([] if self.connections is None else [f"{self.links(x)} connected pairs"])

    def module(self, x: TensorType, options: dict[str, Any]) -> tuple[str, tuple[tuple[str, str], ...]]:
        if self.connections is None:
            return super().module(x, options)
        table = [list(row) for row in self.connections]
        options = {**options, "kernel_size": self.geometry(x).kernel, "groups": None}
        return call("PartialConv", x.features, table, **options), (PARTIAL_CONV,)

    def onnx_weight(self, emit: Emitter) -> str:
        weight = super().onnx_weight(emit)
        if self.connections is None:
            return weight
        (x,) = emit.types
        return partial_weight(emit, weight, self.connections, (self.width, x.features, *self.geometry(x).kernel))


class DepthwiseConv(SharedConvolution):
    """A convolution of each channel separately (groups = channels); a larger `-width` gives several outputs per channel."""

    name = "dwconv"
    aliases = ("depthwise",)
    example = "dwconv3/2 pad=same"
    shape_rule = "as for conv; the channels of the input, or width"
    param_rule = "K x K weights and one bias per output channel"

    weights = stated_weights("filter", "; or a single kernel for all of them: a list for each row")
    width = Option(
        Integer(), None, slot="width", doc="output channels, a multiple of the input channels (default: the same)"
    )

    def filters(self, x: TensorType) -> int:
        return self.width or x.features

    def stated(self, weight: Param) -> Nested | None:
        """A single kernel is that of every channel."""
        if self.weights is None or nested_shape(self.weights) != weight.shape[2:]:
            return self.weights
        return ((self.weights,),) * weight.shape[0]

    def group_count(self, x: TensorType) -> int:
        return x.features

    def check_channels(self, x: TensorType) -> None:
        if self.filters(x) % x.features:
            near = max(1, round(self.filters(x) / x.features)) * x.features
            raise Misfit(
                "NS304",
                f"the {self.filters(x)} filters are not a multiple of the {x.features} input channels",
                option="width",
                indivisible=(self.filters(x), x.features),
                helps=(f"write `-{near}`, or omit the width",),
                changes=(Change(f"write `-{near}`, or omit the width", "width", str(near)),),
            )


class SeparableConv(Op):
    """A depthwise convolution followed by a pointwise (1x1) one (Chollet 2017). `norm` and `act` apply after the second."""

    name = "sepconv"
    example = "sepconv3-128 pad=same act=relu"
    shape_rule = "as for conv"
    param_rule = "K x K x channels plus channels x width weights, and the biases of both"

    kernel = Option(PerAxis(), slot="kernel", doc="kernel size of the depthwise convolution")
    width = Option(Integer(), slot="width", doc="number of output channels")
    stride = Option(PerAxis(), (1,), slot="stride", doc="stride of the depthwise convolution")
    pad = Option(Padding(), (0,), doc="zero padding on both sides")
    dilation = Option(PerAxis(), (1,), doc="spacing between the elements of the depthwise kernel")
    bias = Option(Flag(), True, doc="whether both convolutions have biases")
    norm = Option(LayerWord("a normalization"), None, doc="normalization layer after it")
    act = Option(LayerWord("an activation"), None, doc="activation layer after it")

    def expand(self, x: TensorType) -> tuple[tuple[str, Op, tuple[str, ...]], ...] | None:
        window = ("kernel", "stride", "pad", "dilation", "bias")
        depthwise = DepthwiseConv(**{name: getattr(self, name) for name in window})
        pointwise = Conv(kernel=(1,), width=self.width, bias=self.bias)
        return ("depthwise", depthwise, window), ("pointwise", pointwise, ("width", "bias"))
