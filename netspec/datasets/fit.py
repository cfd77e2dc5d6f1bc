"""How stored inputs fit the inputs of the net: sizes, types, channels."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from math import isqrt, prod
from typing import TYPE_CHECKING, Any, TypeAlias

from netspec.diagnostics import SpecError
from netspec.graph import TensorType

if TYPE_CHECKING:
    import numpy as np
    import torch

__all__ = ["CHANNELS", "Part", "arranged", "covering", "fitted", "image_size", "input_line", "only_input", "scaled_from", "scaled_part", "sizes"]  # fmt: skip

CHANNELS = (1, 3, 4)
"""Possible numbers of channels: gray, color, color with transparency."""
_CHUNK = 1024
_MOST_PIXELS = 1 << 26
"""Of an image that is scaled."""
Part: TypeAlias = "tuple[float, float, float, float]"
"""What is read of an image: left, top, width and height, in pixels of the image as it is stored."""


def arranged(batch: torch.Tensor, kind: TensorType) -> torch.Tensor:
    """A batch of examples in the layout of the net: an image is flattened for a net that takes a vector, and its rows
    become tokens (H x W*C) for one that takes a sequence. Anything else is unchanged, also an image of another size."""
    if tuple(batch.shape[1:]) == kind.shape or (kind.layout == "map" and batch.ndim == kind.rank + 2):
        return batch
    if kind.layout == "sequence" and batch.ndim == 4:
        return batch.permute(0, 2, 3, 1).reshape(len(batch), *kind.shape)
    return batch.reshape(len(batch), *kind.shape)


def image_size(kind: TensorType, channels: int) -> tuple[int, int, int] | None:
    """The shape CxHxW of the image that the net takes, if it takes one. For nets that take a vector (a square image) or
    rows, `channels` is the number of channels."""
    if kind.layout == "map" and kind.rank == 2:
        channels, height, width = kind.shape
        return (channels, height, width) if channels in CHANNELS else None
    if kind.layout == "sequence" and kind.shape[1] % channels == 0:
        return channels, kind.shape[0], kind.shape[1] // channels
    side = isqrt(kind.size // channels)
    return (channels, side, side) if kind.layout == "vector" and channels * side * side == kind.size else None


def covering(height: int, width: int, target: tuple[int, int], pixels: int | None) -> tuple[int, int]:
    """The height and width that an image is scaled to before center cropping to `target`."""
    scale = max(target[0] / height, target[1] / width, (pixels or 0) / min(height, width))
    size = max(target[0], round(height * scale)), max(target[1], round(width * scale))
    if size[0] * size[1] > max(_MOST_PIXELS, 4 * target[0] * target[1]):
        raise SpecError.of(
            "NS602", f"an image of {height}x{width} cannot be scaled to cover {target[0]}x{target[1]}",
            notes=[f"it would have {size[0]:,} x {size[1]:,} pixels"], helps=["crop it first"],
        )  # fmt: skip
    return size


def scaled_part(height: int, width: int, size: tuple[int, int], pixels: int | None) -> Part:
    """What is left of an image of this height and width that is scaled to cover `size`, and center cropped (see fit.covering)."""
    whole = covering(height, width, size, pixels)
    top, left = (whole[0] - size[0]) // 2, (whole[1] - size[1]) // 2
    down, across = height / whole[0], width / whole[1]
    return left * across, top * down, size[1] * across, size[0] * down


def scaled_from(stored: np.ndarray[Any, Any], read: np.ndarray[Any, Any], pixels: int | None) -> Part | None:
    """What `fitted` has left of stored images; None where they are as they were, or no images."""
    image = _image(stored)
    if image is None or read.ndim != 4 or image.shape[2:] == read.shape[2:]:
        return None
    return scaled_part(image.shape[2], image.shape[3], (read.shape[2], read.shape[3]), pixels)


def fitted(
    array: np.ndarray[Any, Any],
    kind: TensorType,
    *,
    shown: str,
    resize: bool,
    pixels: int | None = None,
    cut: bool = False,
) -> np.ndarray[Any, Any]:
    """An array of examples with the dtype of `Examples`: uint8, float32 or (ids) int64. Raises SpecError (NS602)."""
    import numpy as np

    if array.dtype.kind not in "biuf" or array.ndim == 0:
        raise SpecError.of("NS602", f"{shown} does not contain numbers", notes=[f"its dtype is {array.dtype}"])
    if kind.layout == "ids":
        if array.dtype.kind == "f" or array.shape[1:] != kind.shape:
            raise _misfit(array, kind, shown)
        return np.ascontiguousarray(array, dtype=np.int64)
    found = next((a for a in _readings(array) if _fits(a.shape[1:], kind)), None)
    if found is None and cut and kind.layout == "map" and (image := _image(array)) is not None:
        found = image if image.shape[1] == kind.features else None
    if found is None and resize:
        found = _resized(array, kind, pixels)
    if found is None:
        raise _misfit(array, kind, shown)
    if found.ndim == 3 and (kind.layout == "vector" or (kind.layout == "sequence" and found.dtype == np.uint8)):
        found = found[:, None]  # keeps the image, so that it can be augmented; `arranged` turns it into rows
    return np.ascontiguousarray(found, dtype=None if found.dtype == np.uint8 else np.float32)


def _readings(array: np.ndarray[Any, Any]) -> Iterator[np.ndarray[Any, Any]]:
    """Possible interpretations of the array, most likely first. Channels last is considered only for uint8, if no other layout fits."""
    sizes = array.shape[1:]
    if len(sizes) == 3 and array.dtype == "uint8" and sizes[2] in CHANNELS and sizes[0] not in CHANNELS:
        yield array.transpose(0, 3, 1, 2)
    yield array
    if len(sizes) in (1, 2):
        yield array[:, None]
    if len(sizes) == 3 and array.dtype == "uint8" and sizes[2] in CHANNELS:
        yield array.transpose(0, 3, 1, 2)


def _fits(sizes: tuple[int, ...], kind: TensorType) -> bool:
    if sizes == kind.shape:
        return True
    if kind.layout == "vector":
        return len(sizes) > 1 and _size(sizes) == kind.size
    is_image = len(sizes) == 3 and sizes[0] in CHANNELS
    return kind.layout == "sequence" and is_image and (sizes[1], sizes[2] * sizes[0]) == kind.shape


def _size(sizes: tuple[int, ...]) -> int:
    return prod(sizes)


def _image(array: np.ndarray[Any, Any]) -> np.ndarray[Any, Any] | None:
    return next((a for a in _readings(array) if a.ndim == 4 and a.shape[1] in CHANNELS), None)


def _resized(array: np.ndarray[Any, Any], kind: TensorType, pixels: int | None) -> np.ndarray[Any, Any] | None:
    import numpy as np

    images = _image(array)
    if images is None:
        return None
    own = images.shape[1]
    target = image_size(kind, own) or (image_size(kind, 4 - own) if own in (1, 3) else None)
    if target is None or (own != target[0] and 4 in (own, target[0])):
        return None
    kept = np.uint8 if images.dtype == np.uint8 else np.float32
    result = np.empty((len(images), *target), dtype=kept)
    for start in range(0, len(images), _CHUNK):
        result[start : start + _CHUNK] = _scaled(images[start : start + _CHUNK], target, pixels)
    return result


def _scaled(images: np.ndarray[Any, Any], target: tuple[int, int, int], pixels: int | None) -> np.ndarray[Any, Any]:
    import numpy as np
    import torch
    from torch.nn.functional import interpolate

    channels, height, width = target
    tensor = torch.from_numpy(np.ascontiguousarray(images, dtype=np.float32))
    if channels != images.shape[1]:
        weights = tensor.new_tensor([0.299, 0.587, 0.114]).view(1, 3, 1, 1)  # luma of ITU-R BT.601, as in Pillow
        tensor = tensor.expand(-1, 3, -1, -1) if channels == 3 else (tensor * weights).sum(1, keepdim=True)
    size = covering(images.shape[2], images.shape[3], (height, width), pixels)
    if size != tuple(images.shape[2:]):
        tensor = interpolate(tensor, size=size, mode="bilinear", antialias=True, align_corners=False)
    top, left = (size[0] - height) // 2, (size[1] - width) // 2
    result = tensor[:, :, top : top + height, left : left + width].numpy()
    return result.round().clip(0, 255).astype(np.uint8) if images.dtype == np.uint8 else result


def sizes(shape: tuple[int, ...]) -> str:
    return "x".join(map(str, shape)) or "1"


def input_line(shape: tuple[int, ...], *, layout: str = "map") -> str:
    """The `input` line of a spec for examples of this shape."""
    return f"input {sizes(shape)}" + {"ids": " int", "sequence": " sequence"}.get(layout, "")


def _misfit(array: np.ndarray[Any, Any], kind: TensorType, shown: str) -> SpecError:
    is_rows = kind.layout == "sequence" and array.ndim == 3 and array.dtype != "uint8"
    images = None if kind.layout == "ids" or is_rows else _image(array)
    shape = tuple(array.shape[1:] if images is None else images.shape[1:])
    what = {"u": "whole numbers", "i": "whole numbers", "b": "yes or no", "f": "fractions"}[array.dtype.kind]
    notes = [
        f"each example is {sizes(tuple(array.shape[1:]))} ({array.dtype}: {what})",
        f"the input of the net is {kind.noun}",
    ]
    helps = []
    last = array.ndim == 4 and (array.shape[3], *array.shape[1:3]) == kind.shape
    if last:
        helps.append("transpose the array to channels first: x.transpose(0, 3, 1, 2)")
    elif _size(shape) == kind.size and len(shape) == 1 and kind.layout != "ids":
        helps.append(f"reshape the array to N x {sizes(kind.shape)}: x.reshape(-1, {', '.join(map(str, kind.shape))})")
    layout = kind.layout if kind.layout == "ids" or is_rows else "map"
    if layout != "ids" or (array.dtype.kind != "f" and len(shape) == 1):
        helps.append(f"write `{input_line(shape, layout=layout)}` in the spec")
    if images is not None and image_size(kind, shape[0]) is not None:
        helps.append("or use `--resize` to scale the images to the input size of the net")
    return SpecError.of("NS602", f"{shown} does not match the input of the net", notes=notes, helps=helps)


def only_input(names: Mapping[str, TensorType], shown: str) -> tuple[str, TensorType]:
    """The only input of the net. Raises SpecError (NS602)."""
    if len(names) == 1:
        return next(iter(names.items()))
    raise SpecError.of(
        "NS602",
        f"{shown} has one array of inputs, but the net has {len(names)} inputs",
        notes=[f"the inputs of the net are {', '.join(f'`{n}`' for n in names)}"],
        helps=["store one array per input, with these names, in an .npz file"],
    )
