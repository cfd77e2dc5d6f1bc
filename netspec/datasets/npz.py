"""`.npz` files and folders of `.npy` files with NumPy arrays. Nothing is ever unpickled; large arrays stay on disk."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from netspec.datasets import arrays
from netspec.datasets.named_arrays import named_arrays, names_of_arrays
from netspec.diagnostics import SpecError
from netspec.graph import TensorType

if TYPE_CHECKING:
    import numpy as np

    from netspec.datasets.arrays import ArraySet
    from netspec.datasets.wanted import Wanted

__all__ = ["has_npy", "inputs_of_npz", "open_npy_folder", "open_npz"]


def open_npz(path: Path, wanted: Wanted) -> ArraySet:
    """Raises SpecError (NS601)."""
    from netspec.reading.arrays import open_archive

    if path.suffix == ".npy" or not zipfile.is_zipfile(path):
        _refuse_single(path)
    with open_archive(path, "NS601", arrays.LARGE) as stored:
        return named_arrays(str(path), stored, wanted)


def inputs_of_npz(path: Path, inputs: Mapping[str, TensorType]) -> dict[str, np.ndarray[Any, Any]]:
    """The inputs alone, of all splits one after the other. Raises SpecError (NS601)."""
    import numpy as np

    from netspec.reading.arrays import open_archive

    with open_archive(path, "NS601") as stored:
        found = names_of_arrays(str(path), list(stored), inputs)
        return {name: np.concatenate([np.asarray(stored[names[name]]) for names in found.values()]) for name in inputs}


def _refuse_single(path: Path) -> None:
    """Raises SpecError (NS601) for a file with one array."""
    from netspec.reading.arrays import read_array

    read_array(path, "NS601")
    raise SpecError.of(
        "NS601", f"{path} contains a single array", helps=["store x and y in one file: np.savez(…, x=x, y=y)"]
    )


class _Folder(Mapping[str, Any]):
    """The arrays of the `.npy` files of a folder, by their names."""

    def __init__(self, folder: Path) -> None:
        self._files = {path.stem: path for path in sorted(folder.iterdir()) if _is_npy(path)}

    def __getitem__(self, name: str) -> Any:
        from netspec.reading.arrays import open_array

        return open_array(self._files[name], "NS601", arrays.LARGE)

    def __iter__(self) -> Iterator[str]:
        return iter(self._files)

    def __len__(self) -> int:
        return len(self._files)


def _is_npy(path: Path) -> bool:
    return path.suffix == ".npy" and not path.name.startswith(".") and path.is_file()


def has_npy(folder: Path) -> bool:
    return any(map(_is_npy, folder.iterdir()))


def open_npy_folder(folder: Path, wanted: Wanted) -> ArraySet:
    """`x.npy` and `y.npy`, or named like the arrays of an `.npz`. Raises SpecError (NS601)."""
    return named_arrays(str(folder), _Folder(folder), wanted)
