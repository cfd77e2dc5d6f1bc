"""Which form of data stands at a place."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from netspec.diagnostics import SpecError, nearest
from netspec.graph import TensorType

if TYPE_CHECKING:
    from netspec.datasets.examples import DataOptions, Task
    from netspec.datasets.pools import Source

__all__ = ["open_source"]

_WORDS = ("digits", "synthetic")
_FORMS = (
    "the data is one of: digits, synthetic, a folder of images in a folder a class (also train/, val/, test/ on top), "
    "MNIST's IDX files, CIFAR's binaries, an .npz, a Hugging Face dataset saved to disk"
)


def open_source(
    where: str, inputs: Mapping[str, TensorType], output: TensorType, task: Task, options: DataOptions
) -> Source:
    """Raises SpecError (NS502, NS601, NS602, NS603, NS604)."""
    if where == "digits":
        from netspec.datasets.digits import open_digits

        return open_digits(inputs, options)
    if where == "synthetic":
        from netspec.datasets.synthetic import open_synthetic

        return open_synthetic(inputs, output, task, options)
    path = Path(where)
    try:
        if path.is_dir():
            return _open_folder(path, inputs, output, task, options)
        if path.is_file() and path.suffix.lower() == ".npz":
            from netspec.datasets.npz import open_npz

            return open_npz(path, inputs, options)
        exists = path.exists()
    except (OSError, ValueError) as error:  # no permission, a name that is too long, a folder that goes meanwhile
        said = getattr(error, "strerror", None) or str(error)
        raise SpecError.of("NS601", f"{where} cannot be read", notes=[said[:200]]) from None
    if not exists:
        near = nearest(where, _WORDS)
        raise SpecError.of(
            "NS601", f"there is no data at {where}", helps=[*([f"did you mean `{near}`?"] if near else []), _FORMS]
        )
    raise SpecError.of("NS601", f"{where} is no data that netspec reads", helps=[*_other_file(path), _FORMS])


def _other_file(path: Path) -> list[str]:
    name = path.name.lower()
    if name.endswith((".zip", ".tar", ".tar.gz", ".tgz", ".7z", ".rar")):
        return ["unpack it first, and name the folder"]
    if name.endswith((".pkl", ".pickle", ".pt", ".pth")):
        return ["a pickle runs the code that it holds, and none is opened: store its arrays with np.savez"]
    if name.endswith(".npy"):
        return ["store inputs and targets together: np.savez(…, x=x, y=y)"]
    if re.search(r"idx\d[-_.]ubyte", name) or name.endswith(".bin"):
        return ["name the folder that the files stand in"]
    if name.endswith((".csv", ".tsv", ".json", ".jsonl", ".parquet", ".arrow", ".h5", ".hdf5", ".mat")):
        return ["read it with a program of yours, and store its arrays with np.savez"]
    return []


def _open_folder(
    path: Path, inputs: Mapping[str, TensorType], output: TensorType, task: Task, options: DataOptions
) -> Source:
    from netspec.datasets import cifar, huggingface, idx
    from netspec.datasets.image_folder import has_images, open_image_folder

    for folder in _candidates(path):
        if huggingface.is_huggingface(folder):
            return huggingface.open_huggingface(folder, inputs, options)
        if idx.has_idx(folder):
            return idx.open_idx(folder, inputs, options)
        if cifar.has_cifar(folder):
            return cifar.open_cifar(folder, inputs, output, options)
        if cifar.has_pickled_cifar(folder):
            raise cifar.pickled_cifar(folder)
    if has_images(path):
        return open_image_folder(path, inputs, task, options)
    entries = sorted(p.name + ("/" if p.is_dir() else "") for p in path.iterdir())
    found = ", ".join(entries[:8]) + (f" and {len(entries) - 8} more" if len(entries) > 8 else "")
    raise SpecError.of(
        "NS601",
        f"{path} has no data that netspec reads",
        notes=[f"it holds {found}" if entries else "it is empty"],
        helps=[*_inner(path), _FORMS],
    )


def _candidates(path: Path) -> list[Path]:
    """The folder, and while it holds a single one, that one: archives and downloads wrap their files (`MNIST/raw`)."""
    found = [path]
    for _ in range(2):
        folders = [p for p in found[-1].iterdir() if p.is_dir() and not p.name.startswith((".", "__"))]
        if len(folders) != 1:
            break
        found += folders
    return found


def _inner(path: Path) -> list[str]:
    (arrays, *_) = [*sorted(path.glob("*.npz")), None]
    return [] if arrays is None else [f"name the file: {arrays}"]
