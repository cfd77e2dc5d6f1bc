"""The ONNX of attention between its projections."""

from __future__ import annotations

from typing import TYPE_CHECKING

from netspec.ops.positions import Places

if TYPE_CHECKING:
    from netspec.ops.emitter import Emitter
    from netspec.ops.scores import Scored

__all__ = ["attended"]

_HIDDEN = -1e9


def attended(op: Scored, emit: Emitter, at: Places, tensors: tuple[str, str, str], value_size: int, prefix: str) -> str:
    """softmax(QK^T scale + bias) V, of tokens; parameters have the prefix."""
    q, k, v = tensors
    q = _heads(emit, q, at.rows, op.heads, at.size)
    k = _heads(emit, k, at.columns, op.groups, at.size)
    v = _heads(emit, v, at.columns, op.groups, value_size)
    if op.positions is not None and op.positions.rotates:
        q, k = op.positions.rotated(emit, at, q), op.positions.rotated(emit, at, k)
    scale = at.size**-0.5 if op.scale is None else op.scale
    plain = q
    if op.similarity == "cosine":
        plain = q = emit.node("Mul", [_unit(emit, q), _cosine_scale(emit, prefix)])
        k, scale = _unit(emit, k), 1.0
    grouped = op.groups != op.heads
    if grouped:
        q = emit.reshape(q, [-1, op.groups, op.heads // op.groups * at.rows, at.size])
    scores = emit.node("MatMul", [q, emit.node("Transpose", [k], perm=[0, 1, 3, 2])])
    if grouped:
        scores = emit.reshape(scores, [-1, op.heads, at.rows, at.columns])
    if scale != 1:
        scores = emit.node("Mul", [scores, emit.scalar(float(scale), "scale")])
    if op.positions is not None and not op.positions.rotates:
        scores = emit.node("Add", [scores, op.positions.bias(emit, at, plain, f"{prefix}biases.0.")])
    weights = emit.node("Softmax", [_masked(op, emit, at, scores)], axis=-1)
    if grouped:
        weights = emit.reshape(weights, [-1, op.groups, op.heads // op.groups * at.rows, at.columns])
    y = emit.node("MatMul", [weights, v])
    if grouped:
        y = emit.reshape(y, [-1, op.heads, at.rows, value_size])
    return emit.reshape(emit.node("Transpose", [y], perm=[0, 2, 1, 3]), [-1, at.rows, op.heads * value_size])


def _heads(emit: Emitter, x: str, tokens: int, heads: int, size: int) -> str:
    return emit.node("Transpose", [emit.reshape(x, [-1, tokens, heads, size])], perm=[0, 2, 1, 3])


def _unit(emit: Emitter, x: str) -> str:
    norm = emit.reduce("ReduceL2", x, [-1], keepdims=1)
    return emit.node("Div", [x, emit.node("Max", [norm, emit.scalar(1e-12, "least")])])


def _cosine_scale(emit: Emitter, prefix: str) -> str:
    return emit.node("Min", [emit.node("Exp", [emit.param(f"{prefix}log_scale")]), emit.scalar(100.0, "most")])


def _masked(op: Scored, emit: Emitter, at: Places, scores: str) -> str:
    """The scores without those of keys that are left out, for all windows alike or for each of them."""
    hidden, windows = op.masked(emit.types[0], at)
    if not any(cell for rows in hidden for row in rows for cell in row):
        return scores
    values = [_HIDDEN if cell else 0.0 for rows in hidden for row in rows for cell in row]
    if windows == 1:
        return emit.node("Add", [scores, emit.floats(values, "mask", shape=(at.rows, at.columns))])
    mask = emit.floats(values, "mask", shape=(windows, 1, at.rows, at.columns))
    scores = emit.reshape(scores, [-1, windows, op.heads, at.rows, at.columns], keeps_batch=False)
    scores = emit.node("Add", [scores, mask])
    return emit.reshape(scores, [-1, op.heads, at.rows, at.columns], keeps_batch=False)
