"""Lazily decoded images: a pool of them, and how their sizes fit the net."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, Protocol

from netspec.datasets.decoded_pool import DecodedPool
from netspec.datasets.decoding import Frame, Header, Stored, decode, inspect, measure, part_read, require_pillow
from netspec.datasets.fit import CHANNELS, image_size, input_line, sizes
from netspec.datasets.pools import Taken
from netspec.diagnostics import SpecError
from netspec.graph import TensorType

if TYPE_CHECKING:
    import numpy as np

    from netspec.datasets.cutting import Cuts
    from netspec.datasets.examples import DataOptions

__all__ = ["ImagePool", "StoredImages", "fitted_frame", "headers"]

_MOST_HEADERS = 10_000


class StoredImages(Protocol):
    """Numbered image files."""

    def __len__(self) -> int: ...

    def stored(self, row: int) -> Stored: ...

    def shown(self, row: int) -> str:
        """The name used in messages."""
        ...


class ImagePool(DecodedPool):
    """Images converted to a frame."""

    def __init__(self, images: StoredImages, name: str, frame: Frame) -> None:
        self._images, self._name, self._frame = images, name, frame
        self.shapes: Mapping[str, tuple[int, ...]] = {name: frame.shape}

    def __len__(self) -> int:
        return len(self._images)

    def shown(self, row: int) -> str:
        return self._images.shown(row)

    def parts(self, rows: np.ndarray[Any, Any], cuts: Cuts | None) -> np.ndarray[Any, Any]:
        import numpy as np

        found = [measure(self._images.stored(row), self._images.shown(row)) for row in rows.tolist()]
        return np.array([part_read(header, self._frame, cuts, place) for place, header in enumerate(found)]).reshape(
            -1, 4
        )

    def _read(self, row: int, cuts: Cuts | None, place: int) -> Any:
        """What is stored for a row, the `place`-th of a batch. Raises SpecError (NS602, NS603)."""
        return decode(self._images.stored(row), self._frame, self._images.shown(row), cuts, place)

    def _taken(self, kept: list[Any], rows: np.ndarray[Any, Any], replaced: tuple[str, ...]) -> Taken:
        import numpy as np
        import torch

        stacked = np.stack(kept) if kept else np.empty((0, *self._frame.shape), dtype=np.uint8)
        return Taken({self._name: torch.from_numpy(stacked)}, rows, replaced)


def headers(images: StoredImages, options: DataOptions) -> tuple[dict[int, Header], dict[int, SpecError]]:
    """The header of each image, or the reason why it is corrupt. In very large datasets, if corrupt images stop the run
    anyway, only a few thousand evenly spaced images are checked."""
    require_pillow()
    skip = options.corrupt == "skip"
    step = 1 if skip else -(-len(images) // _MOST_HEADERS)

    def look(row: int) -> Header | SpecError:
        try:
            return (inspect if skip else measure)(images.stored(row), images.shown(row))
        except SpecError as error:
            return error

    good: dict[int, Header] = {}
    bad: dict[int, SpecError] = {}
    with warnings.catch_warnings(), ThreadPoolExecutor(max(2, min(8, options.workers or 0))) as threads:
        warnings.simplefilter("ignore")
        rows = range(0, len(images), max(1, step))
        for row, found in zip(rows, threads.map(look, rows, chunksize=64), strict=True):
            if isinstance(found, Header):
                good[row] = found
            elif skip:
                bad[row] = found
            else:
                raise found
    return good, bad


def fitted_frame(kind: TensorType, found: Sequence[Header], options: DataOptions, shown: str) -> Frame:
    """The frame that the images of a dataset are converted to for this input. Raises SpecError (NS602, NS604)."""
    resize = options.resize or options.pixels is not None
    own = 1 if all(h.channels == 1 for h in found) else 3
    measured = {(h.height, h.width) for h in found}
    for channels in (own, 4 - own):  # gray and color images are converted as needed
        if resize:
            target = image_size(kind, channels)
            if target is not None:
                return _checked(Frame(*target, resize=True, pixels=options.pixels))
        elif len(measured) == 1:
            ((height, width),) = measured
            if kind.layout == "map" and kind.rank == 2 and kind.features in CHANNELS:
                channels = kind.features
            image = TensorType("map", (channels, height, width))
            cut = options.cut and kind.layout == "map" and kind.features == channels
            if cut or image.shape == kind.shape or (kind.layout == "vector" and image.size == kind.size) or (
                kind.layout == "sequence" and kind.shape == (height, width * channels)
            ):  # fmt: skip
                return Frame(channels, height, width)
    raise _misfit(kind, own, sorted(measured), shown)


def _checked(frame: Frame) -> Frame:
    if frame.pixels is not None and frame.pixels < max(frame.height, frame.width):
        raise SpecError.of(
            "NS604",
            f"images of {frame.pixels} pixels are smaller than the input of the net",
            notes=[f"the input is {frame.height}x{frame.width}"],
            helps=[f"scale them to at least {max(frame.height, frame.width)} pixels"],
        )
    return frame


def _misfit(kind: TensorType, channels: int, measured: list[tuple[int, int]], shown: str) -> SpecError:
    if len(measured) == 1:
        said, helps = f"the images are {channels}x{sizes(measured[0])}", [f"write `{input_line((channels, *measured[0]))}` in the spec"]  # fmt: skip
    else:
        (low, *_, high) = measured
        said = f"the images have {len(measured)} different sizes, from {sizes(low)} to {sizes(high)}"
        helps = (
            []
            if kind.layout == "map"
            else [f"write `{input_line((channels, 64, 64))}` in the spec, or choose another size"]
        )
    if image_size(kind, channels) or image_size(kind, 4 - channels):
        helps.append("or use `--resize` to scale the images to the input size of the net" if helps else "use `--resize` to scale the images to the input size of the net")  # fmt: skip
    return SpecError.of(
        "NS602",
        f"the images of {shown} do not match the input of the net",
        notes=[said, f"the input of the net is {kind.noun}"],
        helps=helps,
    )
