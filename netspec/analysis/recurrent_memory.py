"""What recurrent layers of PyTorch keep for the backward pass on a CPU: cell by cell (RNN, GRU), or in oneDNN's workspace (LSTM)."""

from __future__ import annotations

from netspec.graph import Graph, TensorType
from netspec.ops.activation import GLU, Activation, Maxout, Softmax
from netspec.ops.join import Elementwise
from netspec.ops.recurrent import GRU, LSTM, Recurrent
from netspec.ops.regularization import Dropout

__all__ = ["in_pages", "lstm_workspace", "recurrent_values", "tokens_first"]

_PAGE = 4096
_FLOAT = 4
"""Bytes of the gradients of states, which are float32 in every number format."""


def recurrent_values(op: Recurrent, x: TensorType) -> int:
    """Values for one example besides the network's own tensors and the workspace: copies of what goes into each layer, tokens
    first, and the states; for every token and unit of an RNN its state, of a GRU its gates too."""
    tokens, parts = x.shape[0], op.layers * op.directions
    joined = (op.layers - 1) * tokens * op.width * op.directions  # what goes into the layers after the first
    if not isinstance(op, LSTM):
        per_unit = 7 * tokens if isinstance(op, GRU) else tokens + 1
        return op.directions * x.size + joined + per_unit * op.width * parts
    # Of one direction, what goes into a layer is the output of the one before it, and the last output is the network's.
    outputs = tokens * op.width * (parts if op.bidirectional else op.layers - 1)
    return x.size + (joined if op.bidirectional else 0) + outputs + 4 * op.width * parts


def lstm_workspace(op: LSTM, x: TensorType, size: int) -> tuple[int, ...]:
    """The bytes for one example of each region of the workspace in which oneDNN keeps gates and states of an LSTM, with `size`
    bytes per value: gates, outputs, states, cells, and the gradients of inputs, states and cells (oneDNN 3, rnn_utils). A region
    begins on a page: `in_pages` is the size of all of them."""
    tokens, width = x.shape[0], op.width
    regions: list[int] = []
    for _, features in op.parts(x):
        widest = max(features, width)
        states = 2 * (tokens + 1)
        gradient = states * _row(widest, _FLOAT) * _FLOAT
        regions += [
            tokens * _row(4 * width, size) * size,
            tokens * _row(width, size) * size,
            states * _row(widest, size) * size,
            states * width * size,
            gradient,
            gradient,
            states * width * _FLOAT,
        ]
    return tuple(regions)


def _row(values: int, size: int) -> int:
    """The values from one row of a matrix to the next: whole cache lines of 64 bytes, and no multiple of 256 values."""
    line = 64 // size
    row = -(-values // line) * line
    return row + line if row % 256 == 0 else row


def in_pages(regions: tuple[int, ...], batch: int) -> int:
    """The bytes of regions that begin on pages, given those of one example."""
    return sum(-(-batch * region // _PAGE) * _PAGE for region in regions)


def tokens_first(graph: Graph) -> list[bool]:
    """Whether each tensor is stored with the tokens before the batch: recurrent layers compute so, and layers that compute
    value by value give what they get."""
    found: list[bool] = []
    for node in graph.nodes:
        inputs = [found[i] for i in node.inputs]
        elementwise = isinstance(node.op, (Activation, Dropout, Elementwise)) and not isinstance(
            node.op, (GLU, Maxout, Softmax)
        )
        found.append(
            isinstance(node.op, Recurrent) or (bool(inputs) and all(inputs) and (elementwise or node.op.vanishes))
        )
    return found
