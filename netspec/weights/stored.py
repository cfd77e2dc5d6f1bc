"""Weights from a file: safetensors, or a torch state dict. Nothing is ever unpickled without `weights_only`."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from netspec.diagnostics import SpecError
from netspec.graph import Graph, Param
from netspec.optional import require_torch
from netspec.weights import state_entries

if TYPE_CHECKING:
    import numpy as np

__all__ = ["StoredWeights", "read_tensors", "stored_weights"]

_CHUNK = 1 << 22


class StoredWeights:
    """Tensors read when they are asked for, `slices(name, start, stop)` along the first axis."""

    def __init__(self, slices: Callable[[str, int, int], np.ndarray[Any, Any]], names: Iterable[str]) -> None:
        self.slices = slices
        self.names = frozenset(names)

    def pieces(self, name: str, param: Param) -> Iterator[np.ndarray[Any, Any]]:
        rows = param.shape[0] if param.shape else 1
        step = max(1, _CHUNK * rows // max(1, param.size))
        for start in range(0, rows, step):
            piece = self.slices(name, start, min(rows, start + step))
            yield piece.astype(param.dtype, copy=False).ravel()


def stored_weights(graph: Graph, weights: str | Path | Mapping[str, Any]) -> StoredWeights:
    """Raises SpecError (NS001, NS502, NS503)."""
    if isinstance(weights, Mapping):
        return _from_mapping(graph, weights, "the weights")
    path = Path(weights)
    if not path.is_file():
        raise SpecError.of(
            "NS001", f"there is no file {path}" if not path.exists() else f"{path} is a folder, not a file"
        )
    if path.suffix in (".safetensors", ".sft"):
        return _from_safetensors(graph, path)
    return _from_mapping(graph, _torch_state(path), str(path))


def read_tensors(path: Path) -> Mapping[str, Any]:
    """Every tensor of a checkpoint as a numpy array, by name in its own order. Raises SpecError (NS001, NS502, NS503)."""
    if not path.is_file():
        raise SpecError.of(
            "NS001", f"there is no file {path}" if not path.exists() else f"{path} is a folder, not a file"
        )
    if path.suffix not in (".safetensors", ".sft"):
        state = _torch_state(path)
        return {name: _as_array(tensor) for name, tensor in state.items() if hasattr(tensor, "shape")}
    from safetensors import SafetensorError
    from safetensors.numpy import load_file

    try:
        return load_file(path)
    except (SafetensorError, OSError, ValueError, TypeError) as error:
        raise SpecError.of("NS503", f"{path} cannot be read as safetensors", notes=[str(error)[:200]]) from None


def _as_array(tensor: Any) -> Any:
    if not hasattr(tensor, "detach"):
        return tensor
    tensor = tensor.detach().cpu()
    return tensor.float().numpy() if tensor.is_floating_point() else tensor.numpy()


def _torch_state(path: Path) -> Mapping[str, Any]:
    torch = require_torch()
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # torch.load raises whatever the file provokes
        first = str(error).strip().split("\n")[0][:200]
        raise SpecError.of(
            "NS503",
            f"{path} is no torch state dict",
            notes=[first],
            helps=["save weights with safetensors, or torch.save(module.state_dict(), …)"],
        ) from None
    if isinstance(state, Mapping) and isinstance(state.get("state_dict"), Mapping):
        state = state["state_dict"]
    if not isinstance(state, Mapping):
        raise SpecError.of("NS503", f"{path} holds no state dict")
    return state


def _from_mapping(graph: Graph, state: Mapping[str, Any], shown: str) -> StoredWeights:
    import numpy as np

    shapes = {name: tuple(tensor.shape) for name, tensor in state.items() if hasattr(tensor, "shape")}
    _compare(graph, shapes, shown)

    def slices(name: str, start: int, stop: int) -> np.ndarray[Any, Any]:
        array = np.asarray(_as_array(state[name]))
        return array[start:stop] if array.ndim else array

    return StoredWeights(slices, shapes)


def _from_safetensors(graph: Graph, path: Path) -> StoredWeights:
    from safetensors import SafetensorError, safe_open

    try:
        file: Any = safe_open(path, framework="numpy")
        shapes = {name: tuple(file.get_slice(name).get_shape()) for name in file.keys()}  # noqa: SIM118
        kinds = {file.get_slice(name).get_dtype() for name in shapes}
    except (SafetensorError, OSError, ValueError) as error:
        raise SpecError.of("NS503", f"{path} cannot be read as safetensors", notes=[str(error)[:200]]) from None
    _compare(graph, shapes, str(path))
    if kinds - {"F64", "F32", "F16", "I64", "I32"}:
        from safetensors.torch import load_file

        return _from_mapping(graph, load_file(path), str(path))

    def slices(name: str, start: int, stop: int) -> np.ndarray[Any, Any]:
        if not shapes[name]:
            return file.get_tensor(name)  # type: ignore[no-any-return]
        return file.get_slice(name)[start:stop]  # type: ignore[no-any-return]

    return StoredWeights(slices, shapes)


def _compare(graph: Graph, shapes: Mapping[str, tuple[int, ...]], shown: str) -> None:
    """Raises SpecError (NS503) naming every tensor that does not find its place."""
    wanted = {name: param for name, _, param in state_entries(graph)}
    optional = {name for name, _, param in state_entries(graph) if param.dtype == "int64"}
    aux = {name for name, node, _ in state_entries(graph) if node.aux}
    missing = [n for n in wanted if n not in shapes and n not in optional and n not in aux]
    extra = [n for n in shapes if n not in wanted]
    wrong = [n for n in wanted if n in shapes and shapes[n] != wanted[n].shape]
    notes = [f"`{n}` is {_times(shapes[n])} there and {_times(wanted[n].shape)} in the spec" for n in wrong[:8]]
    notes += [_listing("missing", missing), _listing("left over", extra)]
    if missing or wrong or extra:
        raise SpecError.of(
            "NS503", f"{shown} does not fit the spec", notes=[n for n in notes if n],
            helps=["tensors are named after the spec's layers: `conv1.weight`, `stem.bias`"],
        )  # fmt: skip


def _times(shape: tuple[int, ...]) -> str:
    return "x".join(map(str, shape)) or "a single value"


def _listing(what: str, names: list[str]) -> str:
    if not names:
        return ""
    rest = f" and {len(names) - 6} more" if len(names) > 6 else ""
    return f"{what}: {', '.join(names[:6])}{rest}"
