"""Tensors of safetensors files and torch state dicts. Nothing is unpickled but tensors and plain values, and no tensor
is touched before it is known to be dense numbers that the file holds."""

from __future__ import annotations

import warnings
import zipfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from netspec.diagnostics import SpecError
from netspec.files import open_regular
from netspec.reading.bounds import Unfolds, require_modest_archive

if TYPE_CHECKING:
    import numpy as np

__all__ = ["StoredTensors", "read_state", "tensors_of"]

_SAFE = (".safetensors", ".sft")
_STORED_NUMBERS = {"F64", "F32", "F16", "BF16", "I64", "I32"}
"""Kinds of safetensors that are numbers as they stand. Smaller integers and 8-bit floats have scales, kept elsewhere."""
_NUMBERS = ("float64", "float32", "float16", "bfloat16", "int64", "int32")


class StoredTensors(Mapping[str, Any]):
    """Tensors by name, each read as a NumPy array when it is asked for. `where` is what a message calls them."""

    def __init__(
        self,
        where: str,
        shapes: Mapping[str, tuple[int, ...]],
        rows: Callable[[str, int, int], np.ndarray[Any, Any]],
    ) -> None:
        self.where, self.shapes = where, dict(shapes)
        self._rows = rows

    def rows(self, name: str, start: int, stop: int) -> np.ndarray[Any, Any]:
        """A part along the first axis; a tensor without axes is given whole. Raises SpecError (NS503) for what is no
        dense tensor of numbers."""
        return self._rows(name, start, stop)

    def __getitem__(self, name: str) -> np.ndarray[Any, Any]:
        shape = self.shapes[name]
        return self.rows(name, 0, shape[0] if shape else 1)

    def __iter__(self) -> Iterator[str]:
        return iter(self.shapes)

    def __len__(self) -> int:
        return len(self.shapes)


def read_state(path: Path) -> StoredTensors:
    """The tensors of a file, in its own order. Raises SpecError (NS001, NS502, NS503)."""
    try:
        with open_regular(path):
            pass
    except FileNotFoundError:
        raise SpecError.of("NS001", f"there is no file {path}") from None
    except OSError as error:
        raise SpecError.of("NS001", f"{path} cannot be read: {error.strerror or error}") from None
    if path.suffix in _SAFE:
        return _from_safetensors(path)
    return tensors_of(_torch_state(path), str(path))


def tensors_of(state: Mapping[str, Any], where: str) -> StoredTensors:
    """Tensors or arrays in memory; entries that are neither are left alone. Raises SpecError (NS503) for names that are
    no text."""
    odd = next((name for name in state if not isinstance(name, str)), None)
    if odd is not None:
        raise SpecError.of(
            "NS503", f"{where} holds no state dict", notes=[f"a tensor is named {odd!r}, which is not text"]
        )
    shapes = {name: tuple(tensor.shape) for name, tensor in state.items() if hasattr(tensor, "shape")}

    def rows(name: str, start: int, stop: int) -> np.ndarray[Any, Any]:
        import numpy as np

        tensor = state[name]
        if (reason := _unusable(tensor)) is not None:
            raise _refused(name, where, reason)
        part = tensor[start:stop] if shapes[name] else tensor
        return np.asarray(_as_array(part))

    return StoredTensors(where, shapes, rows)


def _refused(name: str, where: str, reason: str) -> SpecError:
    return SpecError.of("NS503", f"`{name}` of {where} cannot be used as weights", notes=[reason])


def _unusable(tensor: Any) -> str | None:
    """Why a tensor (or array) is no dense array of real numbers; None where it is one."""
    kind = str(tensor.dtype).removeprefix("torch.")
    if hasattr(tensor, "detach"):
        layout = str(tensor.layout).removeprefix("torch.")
        if layout != "strided":
            return f"it is sparse ({layout}); store it dense: tensor.to_dense()"
        if tensor.device.type == "meta":
            return "it has a shape and no values (the meta device)"
        if tensor.is_quantized:
            return f"it is quantized ({kind}); store it as float32: tensor.dequantize()"
        if tensor.numel() * tensor.element_size() > tensor.untyped_storage().nbytes():
            return f"it has {tensor.numel():,} values, which the file does not hold"
    if kind.startswith("complex"):
        return "its values are complex"
    if kind not in _NUMBERS:
        return f"its values are {kind}; store them as float32"
    return None


def _as_array(tensor: Any) -> Any:
    if not hasattr(tensor, "detach"):
        return tensor
    tensor = tensor.detach().cpu()
    return tensor.float().numpy() if str(tensor.dtype) == "torch.bfloat16" else tensor.numpy()


def _torch_state(path: Path) -> Mapping[str, Any]:
    from netspec.optional import require_torch

    torch = require_torch()
    try:
        if zipfile.is_zipfile(path):
            require_modest_archive(path)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of layouts and kinds that are refused below
            state = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # torch.load raises whatever the file provokes
        raise SpecError.of(
            "NS503",
            f"{path} is no torch state dict",
            notes=[_said(error)],
            helps=["save weights with safetensors, or torch.save(module.state_dict(), …)"],
        ) from None
    if isinstance(state, Mapping) and isinstance(state.get("state_dict"), Mapping):
        state = state["state_dict"]
    if not isinstance(state, Mapping):
        raise SpecError.of("NS503", f"{path} holds no state dict")
    return state


def _said(error: Exception) -> str:
    first = next(iter(str(error).strip().splitlines()), "")[:200]
    if "Weights only load failed" in first:  # torch goes on to explain how to run what the file says
        return "it holds more than tensors and plain values, and nothing else is unpickled"
    return first if isinstance(error, (Unfolds, OSError, RuntimeError)) else f"{type(error).__name__}: {first}"


def _from_safetensors(path: Path) -> StoredTensors:
    from safetensors import SafetensorError, safe_open

    try:
        file: Any = safe_open(path, framework="numpy")
        parts = {name: file.get_slice(name) for name in file.keys()}  # noqa: SIM118
        shapes = {name: tuple(part.get_shape()) for name, part in parts.items()}
        kinds = {name: part.get_dtype() for name, part in parts.items()}
        halves: Any = None
        if "BF16" in kinds.values():  # a kind that NumPy lacks
            from netspec.optional import require_torch

            require_torch()
            halves = safe_open(path, framework="pt")
    except (SafetensorError, OSError, ValueError, TypeError) as error:
        raise SpecError.of("NS503", f"{path} cannot be read as safetensors", notes=[str(error)[:200]]) from None

    def rows(name: str, start: int, stop: int) -> np.ndarray[Any, Any]:
        kind = kinds[name]
        if kind not in _STORED_NUMBERS:
            raise _refused(name, str(path), f"its values are {kind}; store them as float32")
        held = halves if kind == "BF16" else file
        part = held.get_slice(name)[start:stop] if shapes[name] else held.get_tensor(name)
        return part.float().numpy() if kind == "BF16" else part  # type: ignore[no-any-return]

    return StoredTensors(str(path), shapes, rows)
