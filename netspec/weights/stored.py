"""Weights from a file or a mapping, checked against the graph."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from netspec.diagnostics import SpecError
from netspec.graph import Graph, Param
from netspec.reading.state_dicts import StoredTensors, read_state, tensors_of
from netspec.weights import state_entries

if TYPE_CHECKING:
    import numpy as np

__all__ = ["StoredWeights", "as_param", "stored_weights"]

_CHUNK = 1 << 22


class StoredWeights:
    """Tensors that are read on demand, a part along the first axis at a time."""

    def __init__(self, tensors: StoredTensors) -> None:
        self.tensors = tensors
        self.names = frozenset(tensors)

    def pieces(self, name: str, param: Param) -> Iterator[np.ndarray[Any, Any]]:
        rows = param.shape[0] if param.shape else 1
        step = max(1, _CHUNK * rows // max(1, param.size))
        for start in range(0, rows, step):
            yield as_param(
                self.tensors.rows(name, start, min(rows, start + step)), name, param, self.tensors.where
            ).ravel()


def as_param(array: np.ndarray[Any, Any], name: str, param: Param, where: str) -> np.ndarray[Any, Any]:
    """Stored values as a parameter holds them. Raises SpecError (NS503) where one is NaN, infinite, or too large."""
    import numpy as np

    with np.errstate(over="ignore", invalid="ignore"):
        values: np.ndarray[Any, Any] = array.astype(param.dtype, copy=False)
    if array.dtype.kind == "f" and not np.isfinite(values if values.dtype.kind == "f" else array).all():
        whole = np.isfinite(array).all()
        raise SpecError.of(
            "NS503",
            f"`{name}` of {where} holds {'values beyond the range of float32' if whole else 'NaN or infinity'}",
            notes=[] if whole else ["a network with such a weight answers NaN"],
        )
    return values


def stored_weights(graph: Graph, weights: str | Path | Mapping[str, Any]) -> StoredWeights:
    """Raises SpecError (NS001, NS502, NS503)."""
    tensors = tensors_of(weights, "the weights") if isinstance(weights, Mapping) else read_state(Path(weights))
    _compare(graph, tensors.shapes, tensors.where)
    return StoredWeights(tensors)


def _compare(graph: Graph, shapes: Mapping[str, tuple[int, ...]], shown: str) -> None:
    """Raises SpecError (NS503) that lists all tensors that do not match."""
    wanted = {name: param for name, _, param in state_entries(graph)}
    optional = {name for name, _, param in state_entries(graph) if param.dtype == "int64"}
    aux = {name for name, node, _ in state_entries(graph) if node.aux}
    missing = [n for n in wanted if n not in shapes and n not in optional and n not in aux]
    extra = [n for n in shapes if n not in wanted]
    wrong = [n for n in wanted if n in shapes and shapes[n] != wanted[n].shape]
    notes = [f"`{n}` is {_times(shapes[n])} in the file and {_times(wanted[n].shape)} in the spec" for n in wrong[:8]]
    notes += [_listing("missing", missing), _listing("left over", extra)]
    if missing or wrong or extra:
        raise SpecError.of(
            "NS503", f"{shown} does not match the spec", notes=[n for n in notes if n],
            helps=["tensors must be named after the layers of the spec: `conv1.weight`, `stem.bias`"],
        )  # fmt: skip


def _times(shape: tuple[int, ...]) -> str:
    return "x".join(map(str, shape)) or "a single value"


def _listing(what: str, names: list[str]) -> str:
    if not names:
        return ""
    rest = f" and {len(names) - 6} more" if len(names) > 6 else ""
    return f"{what}: {', '.join(names[:6])}{rest}"
