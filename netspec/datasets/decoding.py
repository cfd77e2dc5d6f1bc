"""Decodes an image file to an array, with Pillow, bounded, and independent of the file format.

Alpha is dropped, palettes are applied, CMYK is converted to RGB and 16 bits to 8, and the EXIF rotation is applied. An
animation is read as its first frame. The content of the file counts, not its name.
"""

from __future__ import annotations

import os
import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, BinaryIO, TypeAlias

from netspec.datasets.fit import covering
from netspec.diagnostics import SpecError
from netspec.optional import not_installed

if TYPE_CHECKING:
    import numpy as np
    from PIL import Image

__all__ = ["Frame", "Header", "corrupt", "decode", "inspect", "measure", "opened", "require_pillow"]

Stored: TypeAlias = "str | BinaryIO"
"""A path or an open file."""

_FORMATS = ("PNG", "JPEG", "BMP", "GIF", "WEBP", "TIFF", "PPM")
_MOST_PIXELS = 1 << 26
_MODES = {1: "L", 3: "RGB", 4: "RGBA"}
_TURNS = {2: 0, 3: 3, 4: 1, 5: 5, 6: 4, 7: 6, 8: 2}
"""The Pillow `Transpose` that undoes each EXIF orientation."""
_TAIL = 1 << 12


@dataclass(frozen=True)
class Frame:
    """The channels and size that every image is converted to. Without `resize` it must already have this size."""

    channels: int
    height: int
    width: int
    resize: bool = False
    pixels: int | None = None

    @property
    def shape(self) -> tuple[int, int, int]:
        return self.channels, self.height, self.width


@dataclass(frozen=True)
class Header:
    """The properties of an image from its first bytes."""

    channels: int
    height: int
    width: int


def require_pillow() -> None:
    """Raises SpecError (NS502)."""
    try:
        import PIL.Image  # noqa: F401
    except ImportError:
        raise not_installed("Pillow", "train") from None


def measure(stored: Stored, shown: str) -> Header:
    """Raises SpecError (NS603)."""
    try:
        with opened(stored) as image:
            return _header(image)
    except Exception as error:  # Pillow raises arbitrary exceptions for corrupt files
        raise corrupt(shown, error) from None


def inspect(stored: Stored, shown: str) -> Header:
    """The header of an image that can very likely be decoded: the checksums of a PNG and the end marker of a JPEG are
    verified; other formats are decoded. Raises SpecError (NS603)."""
    try:
        with opened(stored) as image:
            header = _header(image)
            if image.format == "PNG":
                image.verify()
            elif image.format not in ("JPEG", "MPO") or not _has_end(stored):
                image.load()
            return header
    except Exception as error:
        raise corrupt(shown, error) from None


def decode(stored: Stored, frame: Frame, shown: str) -> np.ndarray[Any, Any]:
    """A CxHxW array of uint8. Raises SpecError (NS602, NS603)."""
    import numpy as np
    from PIL import Image

    try:
        with opened(stored) as image:
            header = _header(image)
            if not frame.resize and (header.height, header.width) != (frame.height, frame.width):
                raise _misfit(shown, header, frame)
            size = covering(header.height, header.width, (frame.height, frame.width), frame.pixels)
            turn = _turn(image)
            if frame.resize and image.format == "JPEG":
                wanted = (2 * size[0], 2 * size[1]) if turn in (2, 4, 5, 6) else (2 * size[1], 2 * size[0])
                image.draft(None, wanted)  # decodes at a reduced size that is still at least twice the target
            picture = _converted(image, _MODES[frame.channels])
            if turn is not None:
                picture = picture.transpose(Image.Transpose(turn))
            if picture.size != (size[1], size[0]):
                picture = picture.resize((size[1], size[0]), Image.Resampling.BILINEAR)
            left, top = (size[1] - frame.width) // 2, (size[0] - frame.height) // 2
            array = np.asarray(picture)[top : top + frame.height, left : left + frame.width]
    except SpecError:
        raise
    except Exception as error:
        raise corrupt(shown, error) from None
    return array[None] if array.ndim == 2 else array.transpose(2, 0, 1)


def opened(stored: Stored) -> Image.Image:
    """The image, not decoded yet. Pillow raises arbitrary exceptions, here and when it decodes."""
    from PIL import Image

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", Image.DecompressionBombWarning)  # our own bound is lower
        image = Image.open(stored, formats=_FORMATS)
    if image.width * image.height > _MOST_PIXELS:
        image.close()
        raise ValueError(f"{image.width} x {image.height} exceeds the limit of {_MOST_PIXELS:,} pixels")
    return image


def _header(image: Image.Image) -> Header:
    width, height = image.size
    if _turn(image) in (2, 4, 5, 6):
        width, height = height, width
    return Header(1 if image.mode[0] in "1LIF" and image.mode != "LAB" else 3, height, width)


def _turn(image: Image.Image) -> int | None:
    """The EXIF orientation. In a PNG it must be before the pixels; Pillow itself rotates a TIFF."""
    if image.format not in ("JPEG", "MPO", "WEBP", "PNG") or "exif" not in image.info:
        return None
    try:
        return _TURNS.get(image.getexif().get(0x0112, 1))
    except Exception:  # unreadable metadata is ignored
        return None


def _converted(image: Image.Image, mode: str) -> Image.Image:
    import numpy as np
    from PIL import Image

    if image.mode == "F":
        raise ValueError("its pixels are floating-point numbers in an unknown range")
    if image.mode[0] == "I":  # 16 bits, possibly stored as 32: Pillow would clip them at 255
        deep = np.asarray(image).astype(np.int64)
        if deep.min(initial=0) < 0 or deep.max(initial=0) > 65535:
            raise ValueError("its pixels have more than 16 bits")
        return Image.fromarray(((deep + 128) // 257).astype(np.uint8)).convert(mode)
    return image.convert(mode)


def _has_end(stored: Stored) -> bool:
    """Whether the end marker of a JPEG is in its last bytes."""
    if isinstance(stored, str):
        with open(stored, "rb") as file:  # noqa: PTH123
            return _has_end(file)
    place = stored.tell()
    stored.seek(0, os.SEEK_END)
    stored.seek(max(0, stored.tell() - _TAIL))
    tail = stored.read()
    stored.seek(place)
    return b"\xff\xd9" in tail


def corrupt(shown: str, error: Exception) -> SpecError:
    """NS603, with what Pillow said."""
    said = f"{type(error).__name__}: {error}" if str(error).strip() else type(error).__name__
    if isinstance(error, OSError) and error.strerror:
        said = error.strerror
    elif type(error).__name__ == "UnidentifiedImageError":
        said = "the format is not one of " + ", ".join(_FORMATS)
    return SpecError.of(
        "NS603",
        f"{shown} cannot be decoded",
        notes=[said[:200]],
        helps=["repair or remove it, or use `--corrupt skip` to leave such images out"],
    )


def _misfit(shown: str, header: Header, frame: Frame) -> SpecError:
    return SpecError.of(
        "NS602",
        f"{shown} does not match the input of the net",
        notes=[f"it is {header.height}x{header.width}, but the other images are {frame.height}x{frame.width}"],
        helps=["use `--resize` to scale all images to the input size of the net"],
    )
