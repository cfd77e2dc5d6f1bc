"""Packed data: the folder that `netspec data pack` writes.

`packed.json` describes it. Files are stored one after another in `images.bin` (and `masks.bin`), where each ends in
`images.ends`; arrays, rows of the inputs of a net, in `input-0.bin` and so on. `part.npy`, `keys.npy` and `targets.npy` are those of
the source, so splits are the same.
"""

from __future__ import annotations

import io
import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from netspec.datasets.examples import DataOptions
from netspec.datasets.fit import only_input
from netspec.datasets.image_set import ImageSet
from netspec.datasets.pools import Source
from netspec.datasets.stored_pool import StoredPool
from netspec.diagnostics import SpecError
from netspec.files import read_bounded
from netspec.graph import TensorType
from netspec.reading.pieces import Pieces
from netspec.reading.stored_array import StoredArray

if TYPE_CHECKING:
    import numpy as np

    from netspec.datasets.wanted import Wanted

__all__ = ["DESCRIPTION", "FORMAT", "PackedFiles", "is_packed", "open_packed"]

DESCRIPTION, FORMAT = "packed.json", "netspec data 1"
_LARGEST = 1 << 28


@dataclass(frozen=True)
class PackedFiles:
    """Files in one: their contents and their names."""

    contents: Pieces
    ends: np.ndarray[Any, Any]
    names: Pieces
    name_ends: np.ndarray[Any, Any]

    def __len__(self) -> int:
        return len(self.ends)

    def stored(self, row: int) -> io.BytesIO:
        return io.BytesIO(_piece(self.contents, self.ends, row))

    def shown(self, row: int) -> str:
        return _piece(self.names, self.name_ends, row).decode("utf-8", "replace")


def _piece(file: Pieces, ends: np.ndarray[Any, Any], row: int) -> bytes:
    start = int(ends[row - 1]) if row else 0
    return file.read(0, start, int(ends[row]) - start)


def is_packed(folder: Path) -> bool:
    return (folder / DESCRIPTION).is_file()


def open_packed(folder: Path, wanted: Wanted, options: DataOptions) -> ImageSet | Source:
    """Raises SpecError (NS601, NS602)."""
    try:
        said = json.loads(read_bounded(folder / DESCRIPTION, _LARGEST))
        if said["format"] != FORMAT:
            raise ValueError(f"its format is {str(said['format'])[:60]}, and this version reads {FORMAT}")
        return _images(folder, said) if said["kind"] == "files" else _arrays(folder, said, wanted, options)
    except (OSError, ValueError, LookupError, TypeError, RecursionError) as error:
        cause = getattr(error, "strerror", None) or str(error) or type(error).__name__
        raise SpecError.of(
            "NS601", f"{folder} is not whole", notes=[cause[:200]], helps=["pack it again: netspec data pack SOURCE -o FOLDER"]
        ) from None  # fmt: skip


def _stored(folder: Path, said: Any, name: str) -> Any:
    """An array with a row for each example. Raises OSError, ValueError."""
    import numpy as np

    array = np.load(folder / f"{name}.npy", allow_pickle=False)
    if array.shape[:1] != (said["count"],):
        raise ValueError(f"{name}.npy does not hold {said['count']:,} rows")
    return array


def _targets(folder: Path, said: Any) -> Any:
    return _stored(folder, said, "targets") if said["targets"] else None


def _images(folder: Path, said: Any) -> ImageSet:
    masks = _files(folder, "masks", said["count"]) if said["masks"] else None
    return ImageSet(
        str(folder), _files(folder, "images", said["count"]), _targets(folder, said), _stored(folder, said, "part"),
        _stored(folder, said, "keys"), said["digest"], tuple(map(str, said["classes"])), masks,
    )  # fmt: skip


def _files(folder: Path, word: str, count: int) -> PackedFiles:
    import numpy as np

    ends = [np.fromfile(folder / f"{name}.ends", "<u8") for name in (word, f"{word}-names")]
    files = [folder / f"{name}.bin" for name in (word, f"{word}-names")]
    for one, file in zip(ends, files, strict=True):
        if len(one) != count or (count and int(one[-1]) != file.stat().st_size) or (one[1:] < one[:-1]).any():
            raise ValueError(f"{file.name} does not hold {count:,} files")
    return PackedFiles(Pieces([str(files[0])]), ends[0], Pieces([str(files[1])]), ends[1])


def _arrays(folder: Path, said: Any, wanted: Wanted, options: DataOptions) -> Source:
    import numpy as np

    arrays, kinds = {}, {}
    if not said["inputs"]:
        raise ValueError("it has no inputs")
    for number, given in enumerate(said["inputs"]):
        name, kind = given["name"], TensorType(given["layout"], tuple(given["sizes"]))
        if not wanted.free:
            name = only_input(wanted.inputs, str(folder))[0] if len(said["inputs"]) == 1 else name
            if name not in wanted.inputs:
                raise SpecError.of("NS602", f"{folder} was packed for a net with the input `{name}`")
            kind = wanted.inputs[name]
        file = folder / f"input-{number}.bin"
        arrays[name] = StoredArray(Pieces([str(file)]), 0, np.dtype(given["dtype"]), (said["count"], *given["shape"]))
        kinds[name] = kind
        if arrays[name].nbytes != file.stat().st_size:
            raise ValueError(f"{file.name} does not hold {said['count']:,} examples")
    shown = dict.fromkeys(arrays, f"the examples of {folder}")
    return Source(
        str(folder), StoredPool(arrays, kinds, shown, options, decodes=said["decodes"]), _targets(folder, said),
        _stored(folder, said, "part"), _stored(folder, said, "keys"), said["digest"], tuple(map(str, said["classes"])), list(said["skipped"]),
        sample_rate=said.get("sample_rate"),
    )  # fmt: skip
