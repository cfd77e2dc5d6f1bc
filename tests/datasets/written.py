"""Datasets written to disk in the forms that netspec reads, and the nets that take them."""

from __future__ import annotations

import gzip
import struct
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from netspec.datasets import Batch, Collection, DataOptions, Examples, Goal, Task, Wanted, open_collection
from netspec.diagnostics import SpecError
from netspec.graph import TensorType

GRAY = TensorType("map", (1, 8, 8))
COLOR = TensorType("map", (3, 8, 8))


def classes(count: int) -> TensorType:
    return TensorType("vector", (count,))


def opened(
    where: Path | str,
    kind: TensorType = GRAY,
    output: TensorType | None = None,
    task: Task = "class",
    **options: Any,
) -> Collection:
    return open_collection(
        str(where), Wanted({"input": kind}, {"output": Goal(output or classes(10), task)}), DataOptions(**options)
    )


def refused(code: str, where: Path | str, *arguments: Any, **options: Any) -> str:
    """What the error says that opening ends in."""
    with pytest.raises(SpecError) as caught:
        opened(where, *arguments, **options)
    assert caught.value.diagnostics[0].code == code, str(caught.value)
    return words(caught.value)


def words(error: SpecError) -> str:
    """What an error says, its lines not broken."""
    (found,) = error.diagnostics
    return "\n".join((found.message, *found.notes, *found.helps))


def every(examples: Examples | None) -> Batch:
    assert examples is not None
    return examples.batch(range(len(examples)))


def pictures(count: int, *size: int, seed: int = 0) -> np.ndarray[Any, Any]:
    return np.random.RandomState(seed).randint(0, 256, (count, *size), dtype=np.uint8)


def save_images(folder: Path, per_class: dict[str, int], *size: int, suffix: str = ".png", seed: int = 0) -> None:
    """A folder a class. Every image's first pixel is its number in the order of classes and names."""
    number = 0
    for name, count in per_class.items():
        (folder / name).mkdir(parents=True, exist_ok=True)
        for i in range(count):
            array = pictures(1, *size, seed=seed + number)[0]
            array.reshape(-1)[: (1 if array.ndim == 2 else 3)] = number
            Image.fromarray(array).save(folder / name / f"{i:04d}{suffix}")
            number += 1


def write_idx(path: Path, array: np.ndarray[Any, Any]) -> None:
    content = struct.pack(f">HBB{array.ndim}I", 0, 8, array.ndim, *array.shape) + array.astype(np.uint8).tobytes()
    path.write_bytes(gzip.compress(content) if path.suffix == ".gz" else content)


def png(width: int, height: int) -> bytes:
    """A PNG whose checksums are right and whose pixels are missing."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(b"\0" * 99)) + chunk(b"IEND", b"")
