"""The images of data sets without their labels: what is predicted of the files that a net is trained on."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from netspec.datasets import cifar, idx, mask_folder

if TYPE_CHECKING:
    import numpy as np

__all__ = ["holds_images", "image_files", "read_images"]


def image_files(folder: Path) -> list[Path]:
    """The files that hold the images of an IDX or CIFAR data set, or the folders of images beside masks, by name; none for other
    folders."""
    files = sorted(p for p in folder.iterdir() if holds_images(p) and p.is_file())
    once = [p for p in files if p.suffix != ".gz" or p.with_suffix("") not in files]
    return once or mask_folder.image_folders(folder)


def holds_images(file: Path) -> bool:
    """Whether a file has the name of one with the images of an IDX or CIFAR data set."""
    return idx.is_of_images(file) or cifar.labels_in(file) > 0


def read_images(file: Path) -> np.ndarray[Any, Any]:
    """N x channels x height x width, in bytes. Raises SpecError (NS601)."""
    if idx.is_of_images(file):
        return idx.read_idx(file, 3)[:, None]
    return cifar.read_records(file, cifar.labels_in(file))[1]
