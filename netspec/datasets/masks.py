"""Masks: images whose pixels are class indices, read with the image that they belong to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from netspec.datasets.cutting import Cuts, nearest
from netspec.datasets.decoding import Frame, Stored, corrupt, measure, opened
from netspec.datasets.examples import IGNORED
from netspec.datasets.fit import covering, sizes
from netspec.datasets.images import ImagePool, StoredImages
from netspec.datasets.pools import Taken
from netspec.diagnostics import SpecError

if TYPE_CHECKING:
    import numpy as np
    from PIL import Image

__all__ = ["VOID", "MaskPool", "Meaning", "pixels_of", "require_same_size"]

VOID = 255
"""The pixel value that belongs to no class, as in PASCAL VOC and Cityscapes: the outline of an object, say."""


@dataclass(frozen=True)
class Meaning:
    """How pixel values become targets. `white`: masks are black and white, and white (255) is class 1. `values`: targets
    are the numbers 0 and 1 in a channel, for `loss bce`. `void`: whether a pixel may belong to no class. `ignore`: another value
    that is not counted."""

    classes: int
    white: bool = False
    values: bool = False
    void: bool = True
    ignore: int | None = None

    def targets(self, pixels: np.ndarray[Any, Any], shown: str) -> np.ndarray[Any, Any]:
        """H x W class indices (int64), or 1 x H x W numbers (float32). Raises SpecError (NS602)."""
        import numpy as np

        found = pixels.astype(np.int64)
        if self.white:
            found = np.where(found == VOID, 1, np.where(found == 0, 0, self.classes))
        elif self.void and self.classes <= VOID:
            found = np.where(found == VOID, IGNORED, found)
        found = np.where(pixels == self.ignore, IGNORED, found) if self.ignore is not None else found
        wrong = np.argwhere(found >= self.classes)
        if len(wrong):
            raise self._out_of_range(pixels, wrong[0].tolist(), shown)
        return found[None].astype(np.float32) if self.values else found

    def _out_of_range(self, pixels: np.ndarray[Any, Any], place: list[int], shown: str) -> SpecError:
        value, (row, column) = int(pixels[place[0], place[1]]), place
        where = f"row {row}, column {column}"
        if self.white:
            return SpecError.of(
                "NS602", f"{shown} is not black and white", notes=[f"the pixel in {where} is {value}; in the other masks all are 0 or {VOID}"],
                helps=["save masks as PNG, and scale them without interpolation"],
            )  # fmt: skip
        helps = [f"number the classes from 0 to {self.classes - 1}, or give the net more outputs"]
        if value == VOID:  # a loss that cannot leave pixels out
            notes = [f"{VOID} marks pixels that belong to no class, which only `loss cross_entropy` can leave out"]
            helps = ["train with `loss cross_entropy` and one output for each class", "or give these pixels a class"]
        else:
            notes = [f"the pixel in {where} has class {value}, but the net has {self.classes} classes"]
        return SpecError.of("NS602", f"{shown} does not match the output of the net", notes=notes, helps=helps)


class MaskPool(ImagePool):
    """Images and, as targets, the masks in the same rows of `masks`, scaled and cropped together. A mask that cannot be
    read is treated like an image that cannot be decoded."""

    def __init__(self, images: StoredImages, masks: StoredImages, name: str, frame: Frame, meaning: Meaning) -> None:
        super().__init__(images, name, frame)
        self._masks, self._meaning = masks, meaning

    def _read(self, row: int, cuts: Cuts | None, place: int) -> Any:
        image, shown = super()._read(row, cuts, place), self._masks.shown(row)
        pixels = pixels_of(self._masks.stored(row), shown)
        header = measure(self._images.stored(row), self._images.shown(row))
        require_same_size((header.height, header.width), pixels.shape, self._images.shown(row), shown)
        return image, self._meaning.targets(_framed(pixels, self._frame, cuts, place), shown)

    def _taken(self, kept: list[Any], rows: np.ndarray[Any, Any], replaced: tuple[str, ...]) -> Taken:
        import numpy as np
        import torch

        target = torch.from_numpy(np.stack([target for _, target in kept])) if kept else torch.zeros(0)
        return super()._taken([image for image, _ in kept], rows, replaced)._replace(target=target)


def require_same_size(image: tuple[int, int], mask: tuple[int, ...], image_shown: str, mask_shown: str) -> None:
    """Raises SpecError (NS602)."""
    if image != mask:
        raise SpecError.of(
            "NS602", f"{mask_shown} and its image have different sizes",
            notes=[f"the mask is {sizes(mask)}, but {image_shown} is {sizes(image)}"],
            helps=["a mask has one pixel for each pixel of its image; scale it without interpolation"],
        )  # fmt: skip


def _framed(pixels: np.ndarray[Any, Any], frame: Frame, cuts: Cuts | None, place: int) -> np.ndarray[Any, Any]:
    """H x W pixel values, cut and scaled like an image (see `decode`), but to the nearest pixel."""
    import numpy as np

    if cuts is not None:
        return pixels[nearest(cuts.box(place, *pixels.shape), cuts.size)]  # type: ignore[no-any-return]
    height, width = covering(pixels.shape[0], pixels.shape[1], (frame.height, frame.width), frame.pixels)
    if (height, width) != pixels.shape:
        rows = ((np.arange(height) + 0.5) * pixels.shape[0] / height).astype(np.int64)
        columns = ((np.arange(width) + 0.5) * pixels.shape[1] / width).astype(np.int64)
        pixels = pixels[rows[:, None], columns]
    top, left = (height - frame.height) // 2, (width - frame.width) // 2
    return pixels[top : top + frame.height, left : left + frame.width]


def pixels_of(stored: Stored, shown: str) -> np.ndarray[Any, Any]:
    """H x W: the indices of a palette, the gray values, or 0 and 1. Raises SpecError (NS602 for colors, NS603)."""
    import numpy as np

    try:
        with opened(stored) as image:
            if image.format in ("JPEG", "MPO"):
                raise _lossy(shown)
            array = np.asarray(_indexed(image, shown))
    except SpecError:
        raise
    except Exception as error:  # Pillow raises arbitrary exceptions for corrupt files
        raise corrupt(shown, error) from None
    if array.min(initial=0) < 0:
        raise SpecError.of("NS602", f"{shown} has negative pixel values", helps=["store class indices from 0"])
    return array


def _lossy(shown: str) -> SpecError:
    return SpecError.of(
        "NS602", f"{shown} is a JPEG image, not a mask", notes=["JPEG compression changes pixel values, and so the classes"],
        helps=["save masks as PNG"],
    )  # fmt: skip


def _indexed(image: Image.Image, shown: str) -> Image.Image:
    """The image with one number for each pixel. Colors are accepted where all are gray."""
    import numpy as np

    if image.mode in ("P", "L", "1") or image.mode[0] == "I":
        return image
    if image.mode in ("LA", "PA"):
        return image.getchannel(0)
    if image.mode in ("RGB", "RGBA"):
        red, green, blue = (np.asarray(image.getchannel(c)) for c in "RGB")
        if np.array_equal(red, green) and np.array_equal(red, blue):
            return image.getchannel("R")
    raise SpecError.of(
        "NS602", f"{shown} is not a mask of class indices", notes=[f"its pixels are colors ({image.mode})"],
        helps=["save it as a gray PNG whose pixel values are the classes (0, 1, 2, …), or as a PNG with a palette"],
    )  # fmt: skip
