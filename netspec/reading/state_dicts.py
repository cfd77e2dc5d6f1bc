"""Tensors of safetensors files and torch state dicts. Only tensors and plain values are unpickled, and every tensor is
verified to be dense and within the size of the file before it is used."""

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

__all__ = ["BEST_WEIGHTS", "StoredTensors", "read_state", "tensors_of", "weights_file"]

_SAFE = (".safetensors", ".sft")
_STORED_NUMBERS = {"F64", "F32", "F16", "BF16", "I64", "I32"}
"""The dtypes of safetensors that are plain numbers. Smaller integers and 8-bit floats have separate scales."""
_NUMBERS = ("float64", "float32", "float16", "bfloat16", "int64", "int32")


class StoredTensors(Mapping[str, Any]):
    """Tensors by name, read as NumPy arrays on demand. `where` is their name in messages."""

    def __init__(
        self,
        where: str,
        shapes: Mapping[str, tuple[int, ...]],
        rows: Callable[[str, int, int], np.ndarray[Any, Any]],
    ) -> None:
        self.where, self.shapes = where, dict(shapes)
        self._rows = rows

    def rows(self, name: str, start: int, stop: int) -> np.ndarray[Any, Any]:
        """A range along the first axis; a scalar is returned whole. Raises SpecError (NS503) for anything but a dense
        tensor of numbers."""
        return self._rows(name, start, stop)

    def __getitem__(self, name: str) -> np.ndarray[Any, Any]:
        shape = self.shapes[name]
        return self.rows(name, 0, shape[0] if shape else 1)

    def __iter__(self) -> Iterator[str]:
        return iter(self.shapes)

    def __len__(self) -> int:
        return len(self.shapes)


BEST_WEIGHTS = "best.safetensors"
"""The file with the best weights of a run, in its folder."""


def weights_file(path: Path) -> Path:
    """The file itself, or the best weights of a run, whose folder stands for them. Raises SpecError (NS503)."""
    if not path.is_dir():
        return path
    best = path / BEST_WEIGHTS
    if not best.is_file():
        is_run = (path / "run.json").is_file()
        raise SpecError.of(
            "NS503", f"{path} has no best weights yet" if is_run else f"{path} is neither a file with weights nor a run",
            helps=[f"give one of its files, such as {path / 'last.safetensors'}"] if is_run else ["give a safetensors file, a torch state dict, or the folder of a run"],
        )  # fmt: skip
    return best


def read_state(path: Path) -> StoredTensors:
    """The tensors of a file, or of the best weights of a run, in the order of the file. Raises SpecError (NS001, NS502,
    NS503)."""
    path = weights_file(path)
    try:
        with open_regular(path):
            pass
    except FileNotFoundError:
        raise SpecError.of("NS001", f"no such file: {path}") from None
    except OSError as error:
        raise SpecError.of("NS001", f"{path} cannot be read: {error.strerror or error}") from None
    if path.suffix in _SAFE:
        return _from_safetensors(path)
    return tensors_of(_torch_state(path), str(path))


def tensors_of(state: Mapping[str, Any], where: str) -> StoredTensors:
    """Tensors or arrays in memory; other entries are ignored. Raises SpecError (NS503) for names that are not strings."""
    odd = next((name for name in state if not isinstance(name, str)), None)
    if odd is not None:
        raise SpecError.of(
            "NS503", f"{where} does not contain a state dict", notes=[f"the tensor name {odd!r} is not a string"]
        )
    nested = next((name for name, tensor in state.items() if getattr(tensor, "is_nested", False)), None)
    if nested is not None:  # it has no shape to match a layer by
        raise _refused(nested, where, "it is nested (a list of tensors of different sizes)")
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
    """The reason why a tensor or array is not a dense array of real numbers, or None."""
    kind = str(tensor.dtype).removeprefix("torch.")
    if hasattr(tensor, "detach"):
        layout = str(tensor.layout).removeprefix("torch.")
        if layout != "strided":
            return f"it is sparse ({layout}); store it dense: tensor.to_dense()"
        if tensor.device.type == "meta":
            return "it has no values (it is on the meta device)"
        if tensor.is_quantized:
            return f"it is quantized ({kind}); store it as float32: tensor.dequantize()"
        if tensor.numel() * tensor.element_size() > tensor.untyped_storage().nbytes():
            return f"the file does not contain its {tensor.numel():,} values"
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
            warnings.simplefilter("ignore")  # about layouts and dtypes that are rejected below
            state = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # torch.load raises arbitrary exceptions for corrupt files
        raise SpecError.of(
            "NS503",
            f"{path} is not a torch state dict",
            notes=[_said(error)],
            helps=["save the weights with safetensors or torch.save(module.state_dict(), …)"],
        ) from None
    if isinstance(state, Mapping) and isinstance(state.get("state_dict"), Mapping):
        state = state["state_dict"]
    if not isinstance(state, Mapping):
        raise SpecError.of("NS503", f"{path} does not contain a state dict")
    return state


def _said(error: Exception) -> str:
    first = next(iter(str(error).strip().splitlines()), "")[:200]
    if "Weights only load failed" in first:  # torch continues with an explanation of how to run the code in the file
        return "it contains more than tensors and plain values, which netspec does not unpickle"
    return first if isinstance(error, (Unfolds, OSError, RuntimeError)) else f"{type(error).__name__}: {first}"


def _from_safetensors(path: Path) -> StoredTensors:
    from safetensors import SafetensorError, safe_open

    try:
        file: Any = safe_open(path, framework="numpy")
        parts = {name: file.get_slice(name) for name in file.keys()}  # noqa: SIM118
        shapes = {name: tuple(part.get_shape()) for name, part in parts.items()}
        kinds = {name: part.get_dtype() for name, part in parts.items()}
        halves: Any = None
        if "BF16" in kinds.values():  # a dtype that NumPy lacks
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
