"""Writes packed data: files as they are, or examples as a net takes them.

Everything is appended to files in `NAME.part` beside the result, data before the record that it is there, so what is interrupted at
any moment goes on where it was. Whole, the folder gets its name.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from netspec.announcing import announce
from netspec.datasets.arrays import count_of
from netspec.datasets.batch_loading import batches
from netspec.datasets.images import StoredImages
from netspec.datasets.packed import DESCRIPTION, FORMAT
from netspec.datasets.pools import LEFT_OUT
from netspec.datasets.targets import Selected, StoredTargets
from netspec.diagnostics import SpecError
from netspec.files import atomic_write, cannot_write, open_regular, write_arrays
from netspec.reading.stored_array import StoredArray

if TYPE_CHECKING:
    import numpy as np

    from netspec.datasets.arrays import ArraySet
    from netspec.datasets.examples import DataOptions
    from netspec.datasets.image_set import ImageSet
    from netspec.datasets.pools import Source
    from netspec.graph import TensorType

__all__ = ["pack_arrays", "pack_examples", "pack_images", "require_new"]

_STATE = "state.json"
_BYTES, _ROWS = 1 << 26, 4096
"""So much is written before it is recorded."""


class _Appended:
    """A file that grows; what is not recorded yet is cut off when it is opened again."""

    def __init__(self, path: Path, size: int) -> None:
        self._file = path.open("ab")
        if self._file.tell() < size:
            raise OSError(f"{path.name} has become shorter since it was begun")
        self._file.truncate(size)

    def add(self, content: Any) -> None:
        self._file.write(content)

    def keep(self) -> None:
        self._file.flush()
        os.fsync(self._file.fileno())

    def close(self) -> None:
        self._file.close()


def _records(path: Path) -> np.ndarray[Any, Any]:
    """The whole numbers of a file that grows; the last one may be cut off."""
    import numpy as np

    content = path.read_bytes() if path.exists() else b""
    return np.frombuffer(content[: len(content) // 8 * 8], "<u8")


class _Blob:
    """Contents one after another, and where each ends."""

    def __init__(self, folder: Path, word: str, done: int) -> None:
        ends = _records(folder / f"{word}.ends")[:done]
        self.size = int(ends[-1]) if done else 0
        self._content = _Appended(folder / f"{word}.bin", self.size)
        self._ends = _Appended(folder / f"{word}.ends", 8 * done)
        self._waiting: list[int] = []

    def add(self, content: bytes) -> None:
        self._content.add(content)
        self.size += len(content)
        self._waiting.append(self.size)

    def keep(self) -> None:
        import numpy as np

        self._content.keep()
        self._ends.add(np.array(self._waiting, "<u8").tobytes())
        self._ends.keep()
        self._waiting.clear()

    def close(self) -> None:
        self._content.close()
        self._ends.close()


def require_new(out: Path) -> None:
    """Raises SpecError (NS501) where the folder exists already."""
    if out.exists():
        raise SpecError.of("NS501", f"{out} exists already", helps=["remove it, or choose another folder"])


@contextmanager
def _written_to(folder: Path) -> Iterator[None]:
    """Raises SpecError (NS501) for an OSError."""
    try:
        yield
    except OSError as error:
        raise cannot_write(folder, error) from None


def _staging(out: Path, state: Mapping[str, Any] | None) -> Path:
    """The folder to write to: what another call has begun for the same source and options, else an empty one. Raises SpecError
    (NS501)."""
    folder = out.with_name(out.name + ".part")
    require_new(out)
    text = json.dumps(state, sort_keys=True)
    with _written_to(folder):
        if state is None or not (folder / _STATE).is_file() or (folder / _STATE).read_text("utf-8") != text:
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir(parents=True)
            (folder / _STATE).write_text(text, "utf-8")
    return folder


def _announce(done: int, count: int) -> None:
    announce(f"packed {done:,} of {count:,} examples")


def _finish(folder: Path, out: Path, arrays: Mapping[str, Any], said: Mapping[str, Any]) -> None:
    """Raises SpecError (NS501)."""
    with _written_to(folder):
        for name, array in arrays.items():
            if array is not None:
                write_arrays(folder / f"{name}.npy", {name: array})
        (folder / DESCRIPTION).write_text(json.dumps({"format": FORMAT, **said, "targets": arrays["targets"] is not None}), "utf-8")  # fmt: skip
        (folder / _STATE).unlink()
        folder.rename(out)


# Files as they are


def pack_images(found: ImageSet, out: Path) -> int:
    """Packs the files of images, and of their masks, and returns how many bytes they have. Raises SpecError (NS501)."""
    folder = _staging(out, {"digest": found.digest, "kind": "files", "count": len(found.images)})
    kinds: dict[str, StoredImages] = {"images": found.images} | ({"masks": found.masks} if found.masks else {})
    words = [name for word in kinds for name in (word, f"{word}-names")]
    with _written_to(folder), ExitStack() as opened:
        done = min(len(_records(folder / f"{word}.ends")) for word in words)
        blobs = {word: opened.enter_context(closing(_Blob(folder, word, done))) for word in words}
        _append(kinds, blobs, done, len(found.images))
        size = sum(blob.size for word, blob in blobs.items() if word in kinds)
    _finish(
        folder, out, {"part": found.part, "keys": found.keys, "targets": found.targets},
        {"kind": "files", "count": len(found.images), "classes": found.classes, "digest": found.digest, "masks": found.masks is not None},
    )  # fmt: skip
    return size


def _append(kinds: Mapping[str, StoredImages], blobs: Mapping[str, _Blob], done: int, count: int) -> None:
    written, last = 0, done

    def keep(row: int) -> None:
        for blob in blobs.values():
            blob.keep()
        _announce(row, count)

    _announce(done, count)
    for row, contents in enumerate(_contents(kinds, range(done, count)), done):
        for (word, images), content in zip(kinds.items(), contents, strict=True):
            blobs[word].add(content)
            blobs[f"{word}-names"].add(images.shown(row).encode("utf-8", "replace"))
            written += len(content)
        if written >= _BYTES or row + 1 - last >= _ROWS:
            keep(row + 1)
            written, last = 0, row + 1
    keep(count)


def _contents(kinds: Mapping[str, StoredImages], rows: Iterable[int]) -> Iterator[list[bytes]]:
    """The contents of the files of each row, read by some threads that are a little ahead."""
    with ThreadPoolExecutor(8) as threads:
        left = iter(rows)
        waiting = [threads.submit(_read, kinds, row) for row in islice(left, 64)]
        while waiting:
            yield waiting.pop(0).result()
            waiting += [threads.submit(_read, kinds, row) for row in islice(left, 1)]


def _read(kinds: Mapping[str, StoredImages], row: int) -> list[bytes]:
    return [_content(images, row) for images in kinds.values()]


def _content(images: StoredImages, row: int) -> bytes:
    """The bytes of a file; none of one that cannot be read, which stays one that cannot be decoded."""
    stored = images.stored(row)
    if not isinstance(stored, str):
        return stored.read()
    try:
        with open_regular(Path(stored)) as file:
            return file.read()
    except OSError:
        return b""


# Examples as a net takes them


def pack_examples(
    source: Source, kinds: Mapping[str, TensorType], out: Path, options: DataOptions
) -> tuple[int, list[str]]:
    """Packs the inputs that a net takes, without corrupt ones where these are to be left out; returns how many bytes they have,
    and the examples that are left out. Raises SpecError (NS501, NS603, NS604)."""
    import numpy as np

    if source.read_targets:
        raise SpecError.of(
            "NS604", f"the targets of {source.name} are read with its inputs, and cannot be packed for a spec",
            helps=["leave out the spec: files are then packed as they are"],
        )  # fmt: skip
    if source.further:
        raise SpecError.of(
            "NS604", f"{source.name} has targets for several outputs, which cannot be packed",
            helps=["train on the data itself: `np.savez` and folders of `.npy` files are read where they are"],
        )  # fmt: skip
    shapes = source.pool.shapes
    state = {"digest": source.fingerprint, "kind": "arrays", "shapes": {n: list(s) for n, s in shapes.items()}, "corrupt": options.corrupt}  # fmt: skip
    folder = _staging(out, state)
    good = np.flatnonzero(source.part != LEFT_OUT)
    types = {name: value.numpy().dtype for name, value in source.pool.take(good[:0]).inputs.items()}
    sizes = {n: int(np.prod(shape)) * types[n].itemsize for n, shape in shapes.items()}
    with _written_to(folder):
        rows = _write_examples(source, good, sizes, folder, options)
    missing = [*source.skipped, *(source.pool.shown(int(row)) for row in np.setdiff1d(good, rows))]
    given = [
        {"name": n, "dtype": types[n].str, "shape": list(shapes[n]), "layout": kinds[n].layout, "sizes": list(kinds[n].shape)}
        for n in shapes
    ]  # fmt: skip
    (folder / "rows").unlink()
    _finish(
        folder, out,
        {"part": source.part[rows], "keys": source.keys[rows], "targets": None if source.targets is None else source.targets[rows]},
        {"kind": "arrays", "count": len(rows), "classes": source.classes, "digest": source.fingerprint, "inputs": given, "skipped": missing, "decodes": source.pool.decodes, "sample_rate": source.sample_rate},
    )  # fmt: skip
    return len(rows) * sum(sizes.values()), missing


def _write_examples(
    source: Source, good: np.ndarray[Any, Any], sizes: Mapping[str, int], folder: Path, options: DataOptions
) -> np.ndarray[Any, Any]:
    """Appends the inputs of the rows that are not there yet, and returns all that are. Raises OSError, SpecError (NS603)."""
    import numpy as np

    rows = _records(folder / "rows").astype(np.int64)
    kept = [rows]
    left = good[np.searchsorted(good, rows[-1], side="right") :] if len(rows) else good
    record = _Appended(folder / "rows", 8 * len(rows))
    files = {n: _Appended(folder / f"input-{i}.bin", len(rows) * size) for i, (n, size) in enumerate(sizes.items())}
    done = len(good) - len(left)
    _announce(done, len(good))
    try:
        for tried, read, inputs in _taken(source, left, options):
            for name, file in files.items():
                file.add(inputs[name].contiguous().numpy().data)
                file.keep()
            record.add(read.astype("<u8").tobytes())
            record.keep()
            kept.append(read)
            done += tried
            _announce(done, len(good))
    finally:
        for file in (*files.values(), record):
            file.close()
    return np.concatenate(kept)


def _taken(
    source: Source, left: np.ndarray[Any, Any], options: DataOptions
) -> Iterator[tuple[int, np.ndarray[Any, Any], Mapping[str, Any]]]:
    """How many rows were tried, which were read, and their inputs, some at a time; those that cannot be decoded are left out where
    the options say so."""
    import numpy as np

    size = max(1, min(256, _BYTES // max(1, 4 * sum(int(np.prod(s)) for s in source.pool.shapes.values()))))
    plan = [list(range(i, min(i + size, len(left)))) for i in range(0, len(left), size)]
    examples = Selected(source.pool, left, {"": StoredTargets(np.zeros(len(source.part), dtype=np.int64))})
    stream = batches(examples, plan, options.workers)
    place = 0
    while place < len(plan):
        try:
            for batch in stream:
                yield len(plan[place]), left[plan[place]], batch.inputs
                place += 1
        except SpecError as error:
            if options.corrupt == "stop" or error.diagnostics[0].code != "NS603":
                raise
            yield len(plan[place]), *_good_ones(source, left[plan[place]])
            place += 1
            stream = batches(examples, plan[place:], options.workers)


def _good_ones(source: Source, rows: np.ndarray[Any, Any]) -> tuple[np.ndarray[Any, Any], Mapping[str, Any]]:
    import numpy as np
    import torch

    kept, inputs = [], []
    for row in rows.tolist():
        try:
            inputs.append(source.pool.take(np.array([row])).inputs)
            kept.append(row)
        except SpecError:
            continue
    none = source.pool.take(rows[:0]).inputs
    return np.array(kept, dtype=np.int64), {n: torch.cat([none[n], *(one[n] for one in inputs)]) for n in none}


# Arrays


def pack_arrays(found: ArraySet, out: Path) -> int:
    """Arrays as a folder of `.npy` files; returns how many bytes they have. Raises SpecError (NS501, NS601, NS604)."""
    import numpy as np

    if found.unread:
        raise SpecError.of(
            "NS604", f"{found.name} holds more than inputs and their targets, and cannot be packed without a net",
            notes=[f"it also holds {', '.join(f'`{name}`' for name in found.unread[:12])}"],
            helps=["give the SPEC of a network that takes it: netspec data pack SOURCE SPEC -o FOLDER"],
        )  # fmt: skip
    for one in found.parts.values():
        count_of(one, found.name)
    folder = _staging(out, None)
    short = {"train": "train", "validation": "val", "test": "test"}
    arrays: dict[str, Any] = {"classes": np.array(found.classes)} if found.classes else {}
    for part, held in found.parts.items():
        ending = f"_{short[part]}" if len(found.parts) > 1 else ""
        arrays |= {f"{name}{ending}": rows for name, rows in held.inputs.items()}
        if held.targets is not None:
            arrays[f"y{ending}"] = held.targets
    for name, array in arrays.items():
        _save(folder / f"{name}.npy", array)
    (folder / _STATE).unlink()
    folder.rename(out)
    return sum(array.nbytes for array in arrays.values())


def _save(path: Path, array: np.ndarray[Any, Any] | StoredArray) -> None:
    from numpy.lib import format as numpy_format

    if not isinstance(array, StoredArray):
        write_arrays(path, {path.stem: array})
        return
    head = {"descr": numpy_format.dtype_to_descr(array.dtype), "fortran_order": False, "shape": array.shape}
    with atomic_write(path) as file:
        numpy_format.write_array_header_1_0(file, head)
        for _, piece in array.pieces():
            file.write(piece.data)
