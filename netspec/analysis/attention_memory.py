"""What attention of PyTorch keeps for the backward pass on a CPU, and what it holds while it runs.

Without trained biases and dropout, and with values as wide as keys, one kernel computes it all ("flash"); it keeps its inputs, its
result and a logarithm for each row. Otherwise the scores are computed one after another ("math"), and their softmax is kept.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import prod

from netspec.graph import TensorType
from netspec.ops.attend import Attend
from netspec.ops.attention import Attention
from netspec.ops.positions import Decomposed, Distance, Generated, Places, Relative
from netspec.ops.scores import Scored
from netspec.ops.windowing import written

__all__ = ["Held", "attend_held", "attend_workspace", "attention_held", "attention_workspace"]

_INDEX, _FLOAT = 8, 4


@dataclass(frozen=True, slots=True)
class Held:
    """Of one example: values and bytes besides the inputs and the output; of the batch: fixed values and bytes."""

    inputs: tuple[int, ...]
    """Which of the inputs."""
    output: bool
    values: int
    bytes: int
    fixed: int
    fixed_bytes: int


@dataclass(frozen=True, slots=True)
class _Sizes:
    """Values of queries, keys, values, result and scores, in all windows."""

    q: int
    k: int
    v: int
    out: int
    scores: int


def _sizes(op: Scored, at: Places, value_size: int, copies: int) -> _Sizes:
    q, out = (copies * at.rows * op.heads * size for size in (at.size, value_size))
    k, v = (copies * at.columns * op.groups * size for size in (at.size, value_size))
    return _Sizes(q, k, v, out, copies * op.heads * at.rows * at.columns)


def _is_math(op: Scored, at: Places, value_size: int) -> bool:
    trained = op.positions is not None and not op.positions.rotates
    return trained or op.dropout > 0 or value_size != at.size


def _core(op: Scored, at: Places, sizes: _Sizes, q: TensorType, math: bool) -> tuple[int, int, int, int]:
    """Values, bytes, fixed values and fixed bytes between the projections, without queries, keys and values as they come."""
    values = 0
    fixed, fixed_bytes = _of_positions(op, at)
    if op.positions is not None and op.positions.rotates:
        values += sizes.q + sizes.k + (0 if math else sizes.out)
        fixed += 2 * (at.rows + at.columns) * (at.size // 2)
    if op.similarity == "cosine":  # both norms, the unit vectors, the scaled queries
        norms = 2 * q.copies * (op.heads * at.rows + op.groups * at.columns)
        values += norms + sizes.q + (0 if math else sizes.q + sizes.k)
        fixed += 2 * op.heads
    if isinstance(op.positions, Decomposed):
        values += len(at.queries) * q.copies * op.heads * prod(at.queries) * at.size
    if math:
        grouped = op.heads // op.groups
        values += sizes.q + grouped * (sizes.k + sizes.v) + (3 if op.dropout else 1) * sizes.scores
        return values, 0, fixed, fixed_bytes
    windows = q.windows
    if windows is not None and written(windows.shift):
        values += q.copies * at.rows * at.columns
    elif op.causal:
        fixed += at.rows * at.columns
    return values, _FLOAT * q.copies * op.heads * at.rows, fixed, fixed_bytes


def _of_positions(op: Scored, at: Places) -> tuple[int, int]:
    """Fixed values and bytes: rows of tables, and what is computed for every offset."""
    positions = op.positions
    pairs = at.rows * at.columns
    if isinstance(positions, (Relative, Distance)):
        return 0, _INDEX * pairs
    if isinstance(positions, Generated):
        offsets = prod(2 * n - 1 for n in at.queries)
        return offsets * (len(at.queries) + positions.width + op.heads), _INDEX * pairs
    if isinstance(positions, Decomposed):
        cells = sum(n * m for n, m in zip(at.queries, at.keys, strict=True))
        return cells * at.size, _INDEX * cells
    return 0, 0


def attend_held(op: Attend, inputs: tuple[TensorType, ...]) -> Held:
    """In feature maps the features of a token are apart: the flash kernel does not take them, and values need no copy."""
    at, value_size = op.at(inputs), op.head_sizes(inputs)[1]
    sizes = _sizes(op, at, value_size, inputs[0].copies)
    math = _is_math(op, at, value_size) or (any(x.layout == "map" for x in inputs) and op.similarity == "dot")
    values, size, fixed, fixed_bytes = _core(op, at, sizes, inputs[0], math)
    view = math and (inputs[2].layout == "map" or op.heads == 1) and op.groups == op.heads
    values -= sizes.v if view else 0
    kept = {0, 1} if not math or op.similarity == "cosine" else set()
    kept |= {2} if not math or view else set()
    return Held(tuple(sorted(kept)), not math, values, size, fixed, fixed_bytes)


def attention_held(op: Attention, x: TensorType) -> Held:
    """The tokens (a copy, of feature maps), queries, keys and values, and the result."""
    size = op.size(x)
    at = op.places(x, x, size)
    sizes = _sizes(op, at, size, x.copies)
    math = _is_math(op, at, size)
    values, kept, fixed, fixed_bytes = _core(op, at, sizes, x, math)
    copied = x.size if x.layout == "map" else 0
    if not math or op.similarity == "cosine":
        values += sizes.q + sizes.k + sizes.v
        if op.bias == "qv":
            values += sizes.q + (0 if math else sizes.v)
    values += sizes.out if op.project else 0
    return Held(() if copied else (0,), not op.project and not math, values + copied, kept, fixed, fixed_bytes)


def attention_workspace(op: Attention, x: TensorType) -> int:
    """Values for one example, besides the result, at the moment at which most are held in inference.

    What positions compute for the whole batch at once is not counted.
    """
    size = op.size(x)
    at = op.places(x, x, size)
    sizes = _sizes(op, at, size, x.copies)
    biased = sizes.q + sizes.v if op.bias == "qv" else 0
    projected = sizes.q + sizes.k + sizes.v + biased
    result, tokens = x.copies * prod(x.spatial) * op.result(x), x.size if x.layout == "map" else 0
    held = projected if op.is_sized else 0  # by its names, until the end
    inside = projected + _inside(op, at, sizes, x)
    return max(held + sizes.out, inside - result, tokens + projected - biased - result)


def attend_workspace(op: Attend, inputs: tuple[TensorType, ...]) -> int:
    """Values for one example, besides the inputs and the result."""
    at, value_size = op.at(inputs), op.head_sizes(inputs)[1]
    sizes = _sizes(op, at, value_size, inputs[0].copies)
    if value_size != at.size or (any(x.layout == "map" for x in inputs) and op.similarity == "dot"):
        return sizes.q + op.heads // op.groups * sizes.k + 2 * sizes.scores
    return max(0, _inside(op, at, sizes, inputs[0]) - sizes.out)


def _inside(op: Scored, at: Places, sizes: _Sizes, x: TensorType) -> int:
    """Values that are held between the projections, besides queries, keys and values as they come, the result among them."""
    rotary = op.positions is not None and op.positions.rotates
    turned = sizes.q + sizes.k if op.similarity == "cosine" or rotary else 0
    windows = x.windows
    mask = x.copies * at.rows * at.columns if windows is not None and written(windows.shift) else 0
    both = (
        sizes.scores
        if isinstance(op.positions, Decomposed) or (mask and op.positions is not None and not rotary)
        else 0
    )
    bias = both or mask
    logarithms = x.copies * op.heads * at.rows
    return turned + max(bias + sizes.out + logarithms, both + mask, 2 * sizes.out if rotary else 0)
