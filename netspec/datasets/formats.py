"""Detects the format of data."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from netspec.datasets.arrays import ArraySet, fitted_arrays
from netspec.datasets.image_set import ImageSet, fitted_images
from netspec.datasets.mask_source import fitted_masks
from netspec.datasets.packed import is_packed, open_packed
from netspec.datasets.parquet import parquet_in, read_parquet
from netspec.datasets.pools import TRAIN, Source
from netspec.datasets.shard_files import is_remote, local_shard, named_shards
from netspec.datasets.shards import open_shards, shards_in
from netspec.datasets.small_sets import SMALL_SETS, open_small_set
from netspec.datasets.table import read_table
from netspec.datasets.table_data import open_table
from netspec.diagnostics import SpecError, nearest

if TYPE_CHECKING:
    from netspec.datasets.examples import DataOptions
    from netspec.datasets.wanted import Wanted

__all__ = ["BUILT_IN", "open_source", "open_stored"]

Stored: TypeAlias = ImageSet | ArraySet | Source

BUILT_IN = ("digits", "digit_rows", "synthetic", *SMALL_SETS)
"""The data that comes with netspec, by name."""


def open_source(where: str, wanted: Wanted, options: DataOptions) -> Source:
    """The data of a net. Raises SpecError (NS502, NS601, NS602, NS603, NS604)."""
    found = open_stored(where, wanted, options)
    if isinstance(found, ImageSet):
        return (fitted_images if found.masks is None else fitted_masks)(found, wanted, options)
    return fitted_arrays(found, wanted.inputs, options) if isinstance(found, ArraySet) else found


def open_stored(where: str, wanted: Wanted, options: DataOptions) -> Stored:
    """Images or arrays as they are stored, or what a net takes of other data. Raises SpecError (NS502, NS601, NS602, NS603, NS604)."""
    labeled = wanted.labeled
    if where == "digits":
        from netspec.datasets.digits import open_digits

        return open_digits(wanted.inputs)
    if where == "digit_rows":
        from netspec.datasets.digits import open_digit_rows

        return open_digit_rows(wanted.inputs, options)
    if where == "synthetic":
        if wanted.free:
            raise SpecError.of("NS601", "synthetic data has the shapes of a network", helps=[wanted.formats])
        from netspec.datasets.synthetic import open_synthetic

        return open_synthetic(wanted, options)
    if where in SMALL_SETS:
        return open_small_set(where, wanted.inputs, wanted.output, wanted.task, options)
    if is_remote(where):
        return open_shards(named_shards(where), where, labeled=labeled)
    path = Path(where)
    try:
        if path.is_dir():
            return open_packed(path, wanted, options) if is_packed(path) else _open_folder(path, wanted, options)
        if path.is_file() and (source := _open_file(path, wanted)) is not None:
            return source
        if files := named_shards(where):
            return open_shards(files, where, labeled=labeled)
        exists = path.exists()
    except (OSError, ValueError) as error:  # no permission, a name that is too long, a folder deleted in the meantime
        said = getattr(error, "strerror", None) or str(error)
        raise SpecError.of("NS601", f"{where} cannot be read", notes=[said[:200]]) from None
    if not exists:
        near = nearest(where, BUILT_IN)
        raise SpecError.of(
            "NS601", f"no such file or folder: {where}", notes=[wanted.described],
            helps=[*([f"did you mean `{near}`?"] if near else []), wanted.formats],
        )  # fmt: skip
    raise SpecError.of(
        "NS601", f"unrecognized data format: {where}", notes=[wanted.described], helps=[*_other_file(path), wanted.formats],
    )  # fmt: skip


def _open_file(path: Path, wanted: Wanted) -> Stored | None:
    """None if its extension is not known."""
    match path.suffix.lower():
        case ".npz":
            from netspec.datasets.npz import open_npz

            return open_npz(path, wanted)
        case ".csv" | ".tsv":
            return open_table(read_table(path), path.parent, wanted)
        case ".parquet":
            return open_table(read_parquet([path]), path.parent, wanted)
        case ".tar":
            return open_shards([local_shard(path)], str(path), labeled=wanted.labeled)
        case ".txt" | ".text" if wanted.takes_ids:
            from netspec.datasets.text import open_text

            return open_text([(path, TRAIN)], wanted)
    return None


def _other_file(path: Path) -> list[str]:
    name = path.name.lower()
    if name.endswith((".zip", ".tar.gz", ".tgz", ".7z", ".rar")):
        return ["unpack it first and give the folder"]
    if name.endswith((".pkl", ".pickle", ".pt", ".pth")):
        return ["loading a pickle runs the code in it, so netspec does not open it; store its arrays with np.savez"]
    if name.endswith(".npy"):
        return ["give the folder with x.npy and y.npy, or store both in one file: np.savez(…, x=x, y=y)"]
    if re.search(r"idx\d[-_.]ubyte", name) or name.endswith(".bin"):
        return ["give the folder that contains the files"]
    if name.endswith((".json", ".jsonl", ".arrow", ".h5", ".hdf5", ".mat")):
        return ["convert it to arrays and store them with np.savez"]
    return []


def _open_folder(path: Path, wanted: Wanted, options: DataOptions) -> Stored:
    from netspec.datasets import cifar, huggingface, idx, npz
    from netspec.datasets.class_folders import AUDIO, IMAGES, TEXTS, has_files
    from netspec.datasets.image_folder import open_image_folder
    from netspec.datasets.mask_folder import has_masks, open_mask_folder

    inputs, output, labeled = wanted.inputs, wanted.output, wanted.labeled
    for folder in _candidates(path):
        if huggingface.is_huggingface(folder):
            return huggingface.open_huggingface(folder, wanted)
        if idx.has_idx(folder):
            return idx.open_idx(folder, inputs)
        if cifar.has_cifar(folder):
            return cifar.open_cifar(folder, inputs, output)
        if cifar.has_pickled_cifar(folder):
            raise cifar.pickled_cifar(folder)
        if has_masks(folder):
            return open_mask_folder(folder)
        if tables := parquet_in(folder):
            return open_table(read_parquet(tables, folder), folder, wanted)
    if wanted.takes_ids:
        from netspec.datasets.text import open_text, open_text_folder, text_parts

        if files := text_parts(path):
            return open_text(files, wanted)
        if has_files(path, TEXTS):
            return open_text_folder(path, wanted)
    elif has_files(path, IMAGES):
        return open_image_folder(path, labeled=labeled)
    elif shards := shards_in(path):
        return open_shards(shards, str(path), labeled=labeled)
    if not wanted.free and has_files(path, AUDIO):
        from netspec.datasets.audio_folder import open_audio_folder

        return open_audio_folder(path, wanted, options)
    if npz.has_npy(path):
        return npz.open_npy_folder(path, wanted)
    entries = sorted(p.name + ("/" if p.is_dir() else "") for p in path.iterdir())
    found = ", ".join(entries[:8]) + (f" and {len(entries) - 8} more" if len(entries) > 8 else "")
    raise SpecError.of(
        "NS601",
        f"no recognized data in {path}",
        notes=[f"it contains {found}" if entries else "it is empty", wanted.described],
        helps=[*_inner(path), wanted.formats],
    )


def _candidates(path: Path) -> list[Path]:
    """The folder and, if it contains only one folder, that one too: archives often wrap their files (`MNIST/raw`)."""
    found = [path]
    for _ in range(2):
        folders = [p for p in found[-1].iterdir() if p.is_dir() and not p.name.startswith((".", "__"))]
        if len(folders) != 1:
            break
        found += folders
    return found


def _inner(path: Path) -> list[str]:
    (file, *_) = [*sorted(p for p in path.iterdir() if p.suffix.lower() in (".npz", ".csv", ".tsv")), None]
    return [] if file is None else [f"give the file: {file}"]
