"""Writes an ONNX file without holding its weights: the protobuf framing around raw tensors, done by hand.

A protobuf message is its fields one after the other, each a tag, a length and its bytes, in any order. So the
weights are appended to the serialised graph as further `initializer` fields, streamed from their source.
Past 2 GB, protobuf's bound, they go to a second file beside it, as ONNX defines. It is named after its content
(`NAME.onnx.XXXXXXXX.data`): the two files are renamed one after the other, and a model whose name is written last can
never refer to the weights of another.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from netspec.diagnostics import SpecError
from netspec.files import atomic_write, beside
from netspec.graph import Param
from netspec.weights import WeightSource

if TYPE_CHECKING:
    import numpy as np
    import onnx

__all__ = ["INLINE_LIMIT", "in_half", "write"]

INLINE_LIMIT = 2**31 - 2**24
_GRAPH_FIELD, _INITIALIZER_FIELD, _RAW_DATA_FIELD = 7, 5, 9
_ITEM_SIZE = {"float16": 2, "float32": 4, "int64": 8}
_ALIGNMENT = 4096


def write(
    model: onnx.ModelProto, params: Sequence[tuple[str, Param]], source: WeightSource, path: Path, *, half: bool = False
) -> None:
    """With `half`, weights are stored in float16. Raises SpecError (NS501) where the file cannot be written; the old one stays as it was."""
    if half:
        params = [(name, replace(p, dtype="float16") if p.dtype == "float32" else p) for name, p in params]
    total = sum(_bytes(param) for _, param in params)
    if total > INLINE_LIMIT:
        _write_external(model, params, source, path)
        return
    with atomic_write(path) as file:
        _write_inline(model, params, source, file)


def _bytes(param: Param) -> int:
    return param.size * _ITEM_SIZE[param.dtype]


def _tag(field: int) -> bytes:
    return _varint(field << 3 | 2)


def _varint(value: int) -> bytes:
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def _header(name: str, param: Param) -> onnx.TensorProto:
    from onnx import TensorProto

    kind = {"int64": TensorProto.INT64, "float16": TensorProto.FLOAT16, "float32": TensorProto.FLOAT}[param.dtype]
    return TensorProto(name=name, dims=param.shape, data_type=kind)


def _write_inline(
    model: onnx.ModelProto, params: Sequence[tuple[str, Param]], source: WeightSource, file: BinaryIO
) -> None:
    graph = model.graph.SerializeToString(deterministic=True)
    shell = type(model)()
    shell.CopyFrom(model)
    shell.ClearField("graph")
    frames = []
    for name, param in params:
        head = (
            _header(name, param).SerializeToString(deterministic=True) + _tag(_RAW_DATA_FIELD) + _varint(_bytes(param))
        )
        frames.append(_tag(_INITIALIZER_FIELD) + _varint(len(head) + _bytes(param)) + head)
    length = len(graph) + sum(len(f) for f in frames) + sum(_bytes(param) for _, param in params)
    file.write(shell.SerializeToString(deterministic=True))
    file.write(_tag(_GRAPH_FIELD) + _varint(length) + graph)
    for frame, (name, param) in zip(frames, params, strict=True):
        file.write(frame)
        _write_values(source, name, param, file)


def _write_values(source: WeightSource, name: str, param: Param, file: BinaryIO) -> None:
    half = param.dtype == "float16"
    for piece in source.pieces(name, replace(param, dtype="float32") if half else param):
        if half:
            piece = in_half(piece, name)
        file.write(piece.astype(param.dtype if param.dtype != "float32" else "<f4", copy=False).data)


def in_half(values: np.ndarray[Any, Any], name: str) -> np.ndarray[Any, Any]:
    """Values of a weight as float16. Raises SpecError (NS503) where one is out of its range."""
    import numpy as np

    with np.errstate(over="ignore"):
        half: np.ndarray[Any, Any] = values.astype(np.float16)
    if not np.isfinite(half).all():
        largest = float(np.abs(values).max())
        raise SpecError.of(
            "NS503", f"`{name}` cannot be stored in half precision",
            notes=[f"its largest value is {largest:.4g}, and float16 ends at 65504"], helps=["leave out `--fp16`"],
        )  # fmt: skip
    return half


def _write_external(
    model: onnx.ModelProto, params: Sequence[tuple[str, Param]], source: WeightSource, path: Path
) -> None:
    from onnx import TensorProto

    unnamed = path.with_name(path.name + ".data")
    tensors = []
    with atomic_write(unnamed) as file:
        weights: Any = _Summed(file)
        for name, param in params:
            weights.write(b"\0" * (-weights.tell() % _ALIGNMENT))
            tensor = _header(name, param)
            tensor.data_location = TensorProto.EXTERNAL
            for key, value in (("offset", weights.tell()), ("length", _bytes(param))):
                entry = tensor.external_data.add()
                entry.key, entry.value = key, str(value)
            _write_values(source, name, param, weights)
            tensors.append(tensor)
    data = unnamed.replace(beside(path, weights.sum))
    with atomic_write(path) as file:
        for tensor in tensors:
            entry = tensor.external_data.add()
            entry.key, entry.value = "location", data.name
            model.graph.initializer.append(tensor)
        file.write(model.SerializeToString(deterministic=True))


class _Summed:
    """A file and the checksum of what is written to it."""

    def __init__(self, file: BinaryIO) -> None:
        self.file, self.sum, self.tell = file, 0, file.tell

    def write(self, data: bytes) -> None:
        self.sum = zlib.crc32(data, self.sum)
        self.file.write(data)
