"""Recurrent layers: rnn, lstm and gru, over the tokens of a sequence."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from netspec.graph import Param, TensorType
from netspec.ops.kinds import Flag, Integer
from netspec.ops.op import Op, Option, TorchCode
from netspec.ops.reach import Reach
from netspec.ops.sequence import require_sequence

if TYPE_CHECKING:
    from netspec.ops.emitter import Emitter

__all__ = ["GRU", "LSTM", "RNN"]


class Recurrent(Op):
    """The base of the recurrent layers."""

    shape_rule = "tokens x width (bidirectional: tokens x 2 width)"
    param_rule = "gates x width x (features + width) weights and two biases per gate, for each layer and direction"
    weight_layer = True
    gates = 1
    torch_name, onnx_name = "RNN", "RNN"
    onnx_gates: tuple[int, ...] = (0,)
    """The index in torch of each gate, in the order of ONNX."""

    width = Option(Integer(), slot="width", doc="size of the hidden state")
    layers = Option(Integer(1, 1000), 1, doc="number of stacked layers")
    bidirectional = Option(Flag(), False, doc="whether to add a second direction and concatenate both outputs")
    bias = Option(Flag(), True, doc="whether the gates have biases")

    @property
    def directions(self) -> int:
        return 2 if self.bidirectional else 1

    def output(self, *inputs: TensorType) -> TensorType:
        (x,) = inputs
        require_sequence(self, x)
        return x.with_features(self.width * self.directions)

    def parts(self, x: TensorType) -> list[tuple[str, int]]:
        """(suffix of the names in torch, input features) for each layer and direction."""
        return [
            (f"l{layer}{'_reverse' * direction}", x.features if layer == 0 else self.width * self.directions)
            for layer in range(self.layers)
            for direction in range(self.directions)
        ]

    def params(self, *inputs: TensorType) -> tuple[Param, ...]:
        rows = self.gates * self.width
        params: list[Param] = []
        for suffix, features in self.parts(inputs[0]):
            params.append(Param(f"weight_ih_{suffix}", (rows, features), "random", fan_in=2 * features))
            params.append(Param(f"weight_hh_{suffix}", (rows, self.width), "random", fan_in=2 * self.width))
            if self.bias:
                params += [Param(f"bias_ih_{suffix}", (rows,), "zeros"), Param(f"bias_hh_{suffix}", (rows,), "zeros")]
        return tuple(params)

    def macs(self, *inputs: TensorType) -> int:
        """The matrix products of the gates, for every token."""
        tokens = inputs[0].shape[0]
        return tokens * sum(self.gates * self.width * (f + self.width) for _, f in self.parts(inputs[0]))

    def connection_count(self, *inputs: TensorType) -> int:
        """MACs plus one for every gate with a bias, for every token."""
        biased = self.gates * self.width * self.directions * self.layers * inputs[0].shape[0]
        return self.macs(*inputs) + (biased if self.bias else 0)

    def reach(self, x: TensorType) -> tuple[Reach, ...] | None:
        return None

    def describe(self, x: TensorType) -> str:
        parts = [
            f"{self.width} units",
            f"{self.layers} layers" if self.layers > 1 else "",
            "both directions" if self.bidirectional else "",
        ]
        return ", ".join(p for p in parts if p)

    def torch(self, *inputs: TensorType) -> TorchCode:
        options = (
            (f", num_layers={self.layers}" if self.layers > 1 else "")
            + ("" if self.bias else ", bias=False")
            + ", batch_first=True"
            + (", bidirectional=True" if self.bidirectional else "")
        )
        return TorchCode((("", f"nn.{self.torch_name}({inputs[0].features}, {self.width}{options})"),), "{m}({0})[0]")

    def onnx(self, emit: Emitter) -> str:
        (x,) = emit.types
        y = emit.node("Transpose", emit.inputs, perm=[1, 0, 2])  # ONNX: tokens, batch, features
        rows = [g * self.width + i for g in self.onnx_gates for i in range(self.width)]
        order = emit.ints(rows, "gates") if len(self.onnx_gates) > 1 else None
        parts = self.parts(x)
        for layer in range(self.layers):
            mine = [suffix for suffix, _ in parts[layer * self.directions : (layer + 1) * self.directions]]
            weights = [self.stacked(emit, f"weight_{kind}_", mine, order) for kind in ("ih", "hh")]
            biases = []
            if self.bias:
                both = [self.stacked(emit, f"bias_{kind}_", mine, order) for kind in ("ih", "hh")]
                biases = [emit.node("Concat", both, axis=1)]
            y = emit.node(
                self.onnx_name,
                [y, *weights, *biases],
                hidden_size=self.width,
                direction="bidirectional" if self.bidirectional else "forward",
                **self.onnx_options(),
            )
            # tokens, directions, batch, width -> tokens, batch, directions * width; at last batch, tokens, …: in one Transpose,
            # because ONNX Runtime crashes on one that swaps batch and tokens before a MatMul in half precision
            last = layer == self.layers - 1
            y = emit.node("Transpose", [y], perm=[2, 0, 1, 3] if last else [0, 2, 1, 3])
            y = emit.reshape(y, [0, 0, self.directions * self.width])
        return y

    def onnx_options(self) -> dict[str, Any]:
        return {}

    def stacked(self, emit: Emitter, prefix: str, suffixes: list[str], order: str | None) -> str:
        """One tensor for both directions, with the gates in the order of ONNX."""
        tensors = []
        for suffix in suffixes:
            tensor = emit.param(prefix + suffix)
            if order is not None:
                tensor = emit.node("Gather", [tensor, order], axis=0)
            tensors.append(emit.node("Unsqueeze", [tensor, emit.ints([0], "axes")]))
        return tensors[0] if len(tensors) == 1 else emit.node("Concat", tensors, axis=0)


class RNN(Recurrent):
    """h' = tanh(W x + U h + b) at every token (Elman 1990)."""

    name, example = "rnn", "rnn-128"


class LSTM(Recurrent):
    """Long short-term memory (Hochreiter & Schmidhuber 1997; with forget gates)."""

    name, example = "lstm", "lstm-128 bidirectional=yes"
    gates = 4
    torch_name = onnx_name = "LSTM"
    onnx_gates = (0, 3, 1, 2)  # torch: input, forget, cell, output; ONNX: input, output, forget, cell


class GRU(Recurrent):
    """Gated recurrent unit (Cho et al. 2014)."""

    name, example = "gru", "gru-128"
    gates = 3
    torch_name = onnx_name = "GRU"
    onnx_gates = (1, 0, 2)  # torch: reset, update, new; ONNX: update, reset, new

    def onnx_options(self) -> dict[str, Any]:
        return {"linear_before_reset": 1}
