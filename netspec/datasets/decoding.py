"""Decodes an image file to an array, with Pillow, or simplejpeg for JPEG, bounded, and independent of the file format.

Alpha is dropped, palettes are applied, CMYK is converted to RGB and 16 bits to 8, and the EXIF rotation is applied. An
animation is read as its first frame. The content of the file counts, not its name.
"""

from __future__ import annotations

import math
import os
import warnings
from dataclasses import dataclass
from functools import cache
from hashlib import blake2b
from typing import TYPE_CHECKING, Any, BinaryIO, TypeAlias

from netspec.datasets.fit import Part, scaled_part
from netspec.diagnostics import SpecError
from netspec.optional import not_installed

if TYPE_CHECKING:
    import numpy as np
    from PIL import Image

    from netspec.datasets.cutting import Cuts

__all__ = [
    "Frame",
    "Header",
    "corrupt",
    "decode",
    "examined",
    "inspect",
    "measure",
    "opened",
    "part_read",
    "require_pillow",
]

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


def examined(stored: Stored, shown: str) -> tuple[Header, bytes]:
    """The header of an image that is decoded whole, and a digest of its pixels; an empty one if they are all equal. Raises
    SpecError (NS603)."""
    try:
        with opened(stored) as image:
            header = _header(image)
            pixels = _converted(image, _MODES[header.channels])
            ranges = [pixels.getchannel(band).getextrema() for band in pixels.getbands()]
            if all(low == high for low, high in ranges):
                return header, b""
            digest = blake2b(repr(pixels.size).encode(), digest_size=16)
            digest.update(pixels.tobytes())
            return header, digest.digest()
    except Exception as error:
        raise corrupt(shown, error) from None


@dataclass(frozen=True)
class _Part:
    """What is read of an image: the part of it (left, top, right, bottom), and the size (height, width) that it is scaled to.
    `exact`: pixels outside of the part do not count where it is scaled."""

    box: tuple[float, float, float, float]
    size: tuple[int, int]
    exact: bool

    @property
    def least(self) -> float:
        """The image may be decoded at this part of its size: twice as large as what is wanted of it."""
        left, top, right, bottom = self.box
        return 2 * max(self.size[0] / (bottom - top), self.size[1] / (right - left))

    def of(self, picture: Image.Image, header: Header) -> Image.Image:
        """The part of the decoded picture, scaled."""
        from PIL import Image

        across, down = picture.width / header.width, picture.height / header.height
        left, top, right, bottom = (v * f for v, f in zip(self.box, (across, down, across, down), strict=True))
        size = (self.size[1], self.size[0])
        if self.exact and picture.size == (header.width, header.height):
            cut = (round(left), round(top), round(right), round(bottom))
            return picture.crop(cut).resize(size, Image.Resampling.BILINEAR)
        whole = (left, top, right, bottom) == (0, 0, *picture.size) and picture.size == size
        return picture if whole else picture.resize(size, Image.Resampling.BILINEAR, (left, top, right, bottom))


def _part(header: Header, frame: Frame, cuts: Cuts | None, row: int) -> _Part:
    height, width = header.height, header.width
    if cuts is not None:
        top, left, h, w = cuts.box(row, height, width)
        return _Part((left, top, left + w, top + h), cuts.size, exact=True)
    x, y, across, down = scaled_part(height, width, (frame.height, frame.width), frame.pixels)
    return _Part((x, y, x + across, y + down), (frame.height, frame.width), exact=False)


def part_read(header: Header, frame: Frame, cuts: Cuts | None, row: int) -> Part:
    """What `decode` reads of an image."""
    left, top, right, bottom = _part(header, frame, cuts, row).box
    return left, top, right - left, bottom - top


def decode(stored: Stored, frame: Frame, shown: str, cuts: Cuts | None = None, row: int = 0) -> np.ndarray[Any, Any]:
    """A CxHxW array of uint8: the image in its frame, or the part for row `row` of `cuts`. Raises SpecError (NS602, NS603)."""
    import numpy as np

    try:
        if frame.resize and (quick := _quick(stored, frame, cuts, row)) is not None:
            return quick
        with opened(stored) as image:
            header = _header(image)
            if not frame.resize and (header.height, header.width) != (frame.height, frame.width):
                raise _misfit(shown, header, frame)
            part = _part(header, frame, cuts, row)
            turn = _turn(image)
            if frame.resize and image.format == "JPEG":
                image.draft(None, (math.ceil(image.width * part.least), math.ceil(image.height * part.least)))
            picture = _converted(image, _MODES[frame.channels])
            if turn is not None:
                picture = picture.transpose(_transpose(turn))
            array = np.asarray(part.of(picture, header))
    except SpecError:
        raise
    except Exception as error:
        raise corrupt(shown, error) from None
    return array[None] if array.ndim == 2 else array.transpose(2, 0, 1)


def _transpose(turn: int) -> Image.Transpose:
    from PIL import Image

    return Image.Transpose(turn)


def _quick(stored: Stored, frame: Frame, cuts: Cuts | None, row: int) -> np.ndarray[Any, Any] | None:
    """A JPEG that simplejpeg decodes; None for what is left to Pillow: other formats and color spaces, rotated and corrupt
    images, or without simplejpeg."""
    import numpy as np
    from PIL import Image

    jpeg = _simplejpeg()
    if jpeg is None or frame.channels not in (1, 3):
        return None
    data = _content(stored)
    if data is None or b"Exif" in data[:_TAIL] or b"MPF" in data[:_TAIL]:
        return None
    try:
        height, width, space, _ = jpeg.decode_jpeg_header(data)
        if height * width > _MOST_PIXELS or space not in ("YCbCr", "Gray"):
            return None
        header = Header(frame.channels, height, width)
        part = _part(header, frame, cuts, row)
        least = (math.ceil(height * part.least), math.ceil(width * part.least)) if part.least <= 0.5 else (0, 0)
        pixels = jpeg.decode_jpeg(
            data, colorspace="RGB" if frame.channels == 3 else "GRAY", min_height=least[0], min_width=least[1]
        )
    except ValueError:
        return None
    array = np.asarray(part.of(Image.fromarray(pixels[:, :, 0] if frame.channels == 1 else pixels), header))
    return array[None] if array.ndim == 2 else array.transpose(2, 0, 1)


@cache
def _simplejpeg() -> Any:
    try:
        import simplejpeg
    except ImportError:
        return None
    return simplejpeg


def _content(stored: Stored) -> bytes | None:
    """The bytes of a JPEG file; None for others."""
    if isinstance(stored, str):
        with open(stored, "rb", buffering=0) as file:  # noqa: PTH123
            return _content_of(file)
    place = stored.tell()
    found = _content_of(stored)
    stored.seek(place)
    return found


def _content_of(file: Any) -> bytes | None:
    start: bytes = file.read(2)
    return start + file.read() if start == b"\xff\xd8" else None


def opened(stored: Stored) -> Image.Image:
    """The image, not decoded yet. Pillow raises arbitrary exceptions, here and when it decodes."""
    from PIL import Image, UnidentifiedImageError

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", Image.DecompressionBombWarning)  # our own bound is lower
        try:
            image = Image.open(stored, formats=_FORMATS)
        except UnidentifiedImageError:
            if not _size(stored):
                raise OSError(0, "the file is empty") from None
            raise
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


def _size(stored: Stored) -> int:
    """In bytes."""
    return os.stat(stored).st_size if isinstance(stored, str) else stored.seek(0, os.SEEK_END)  # noqa: PTH116


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
