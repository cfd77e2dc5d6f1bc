"""IDX files (LeCun): MNIST, Fashion-MNIST, EMNIST, KMNIST and others."""

from __future__ import annotations

import gzip
import re
import struct
import zlib
from collections.abc import Mapping
from math import prod
from pathlib import Path
from typing import TYPE_CHECKING, Any

from netspec.datasets.arrays import Arrays, ArraySet
from netspec.datasets.fit import only_input
from netspec.diagnostics import SpecError
from netspec.files import open_regular
from netspec.graph import TensorType
from netspec.reading.bounds import unfolded_bound

if TYPE_CHECKING:
    import numpy as np

__all__ = ["has_idx", "is_of_images", "open_idx", "read_idx"]

_NAME = re.compile(
    r"(?P<set>.*?)(?P<part>train|t10k|test)[-_](?P<what>images|labels)[-._]idx\d[-_.]ubyte(\.gz)?", re.ASCII
)
_MOST_BYTES = 1 << 33


def has_idx(folder: Path) -> bool:
    return any(_NAME.fullmatch(p.name) for p in folder.iterdir())


def is_of_images(path: Path) -> bool:
    match = _NAME.fullmatch(path.name)
    return match is not None and match["what"] == "images"


def open_idx(folder: Path, inputs: Mapping[str, TensorType]) -> ArraySet:
    """Raises SpecError (NS601, NS602)."""
    name, _ = only_input(inputs, str(folder))
    files: dict[str, dict[str, Path]] = {}
    for path in sorted(folder.iterdir()):
        match = _NAME.fullmatch(path.name)
        if match:
            key = ("train" if match["part"] == "train" else "test") + match["what"]
            kept = files.setdefault(match["set"], {})
            if key not in kept or kept[key].suffix == ".gz":
                kept[key] = path
    if len(files) > 1:
        raise SpecError.of(
            "NS601",
            f"{folder} has {len(files)} datasets",
            notes=[", ".join(s.rstrip("-_.") or "an unnamed one" for s in files)],
            helps=["put the files of each dataset into a separate folder"],
        )
    (found,) = files.values()
    if "trainimages" not in found:
        raise SpecError.of(
            "NS601", f"{folder} has no training images", notes=[", ".join(p.name for p in found.values())]
        )
    parts = {}
    for part in ("train", "test"):
        images, labels = found.get(f"{part}images"), found.get(f"{part}labels")
        if images is None or labels is None:
            if images is not labels:
                there = images or labels
                raise SpecError.of("NS601", f"the {'labels' if images else 'images'} for {there} are missing")
            continue
        shown = {name: str(images), "target": str(labels)}
        parts[part] = Arrays({name: read_idx(images, 3)[:, None]}, read_idx(labels, 1), shown)
    return ArraySet(str(folder), parts)


def read_idx(path: Path, axes: int) -> np.ndarray[Any, Any]:
    """The bytes of an IDX file with the given number of axes. Raises SpecError (NS601)."""
    import numpy as np

    def unreadable(reason: str) -> SpecError:
        return SpecError.of("NS601", f"{path} cannot be read as IDX", notes=[reason], helps=["download it again"])

    try:
        with open_regular(path) as stored, gzip.GzipFile(fileobj=stored) if path.suffix == ".gz" else stored as file:
            head = file.read(4 + 4 * axes)
            if len(head) < 4 + 4 * axes:
                raise unreadable(f"its header is truncated after {len(head)} bytes")
            if head[:3] != b"\0\0\x08":
                raise unreadable(
                    f"it begins with {head[:4].hex(' ')}, but an IDX file of bytes begins with 00 00 08 {axes:02x}"
                )
            if head[3] != axes:
                raise unreadable(f"it has {head[3]} axes, but {'images have 3' if axes == 3 else 'labels have 1'}")
            shape = struct.unpack(f">{axes}I", head[4:])
            size = prod(shape)
            if size > min(_MOST_BYTES, unfolded_bound(path.stat().st_size)):
                raise unreadable(f"the size in its header, {'x'.join(map(str, shape))}, is too large")
            content = file.read(size + 1)
    except (OSError, EOFError, zlib.error) as error:
        raise unreadable(str(error)[:200]) from None
    if len(content) != size:
        there = f"{len(content)} bytes" if len(content) < size else "more"
        raise unreadable(f"its header specifies {'x'.join(map(str, shape))}, so {size} bytes, but it has {there}")
    return np.frombuffer(content, dtype=np.uint8).reshape(shape).copy()
