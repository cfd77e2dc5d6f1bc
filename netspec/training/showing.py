"""Examples as a reader sees them: an image as a small PNG, a text as text, anything else as its first numbers."""

from __future__ import annotations

import base64
import io
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from netspec.diagnostics.display import printable

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["image_of", "inputs_text", "numbers_text", "picture", "text_of"]

_SIDE = 160
"""The longer side of a picture in pixels, at most; smaller images keep their size."""
_MOST_NUMBERS = 8
_MOST_CHARACTERS = 200


def image_of(inputs: Mapping[str, Tensor]) -> str | None:
    """The name of the input that is a gray or color image (C x H x W of each example); None if there is none."""
    return next((name for name, value in inputs.items() if value.ndim == 4 and value.shape[1] in (1, 3)), None)


def picture(image: Tensor) -> str:
    """An image (C x H x W; bytes, or numbers from 0 to 1, others from their lowest to their highest) as a `data:` address
    of a PNG. Raises SpecError (NS502) without Pillow."""
    import torch

    from netspec.datasets.decoding import require_pillow

    require_pillow()
    from PIL import Image

    if image.dtype != torch.uint8:
        values = image.detach().float().nan_to_num(0.0, 0.0, 0.0)
        low, high = float(values.min()), float(values.max())
        if low < 0 or high > 1:
            values = (values - low) / max(high - low, 1e-12)
        image = (255 * values).round().to(torch.uint8)
    pixels = image.permute(1, 2, 0).contiguous().cpu().numpy()
    drawn = Image.fromarray(pixels[..., 0] if pixels.shape[2] == 1 else pixels)
    if max(drawn.size) > _SIDE:
        drawn.thumbnail((_SIDE, _SIDE))
    file = io.BytesIO()
    drawn.save(file, format="PNG")
    return f"data:image/png;base64,{base64.b64encode(file.getvalue()).decode()}"


def text_of(ids: Sequence[int], vocabulary: int, classes: Sequence[str]) -> str:
    """Ids of bytes (a vocabulary of 256, filled up with zeros) or of characters that are the classes, as text."""
    from netspec.datasets.text import BYTES, character

    if vocabulary == BYTES:
        found = bytes(i for i in ids if 0 <= i < BYTES).rstrip(b"\0").decode("utf-8", "replace")
    elif vocabulary == len(classes):
        found = "".join(_character(classes[i], character) for i in ids)
    else:
        found = " ".join(map(str, ids))
    return found if len(found) <= _MOST_CHARACTERS else f"{found[:_MOST_CHARACTERS]}…"


def _character(name: str, character: Any) -> str:
    try:
        return str(character(name))
    except ValueError:  # a class that is no character
        return f"{name} "


def inputs_text(inputs: Mapping[str, Tensor], vocabularies: Mapping[str, int], classes: Sequence[str]) -> str:
    """One example (its inputs by name): ids as a text, anything else as its first numbers."""
    words = []
    for name, value in inputs.items():
        flat = value.flatten().tolist()
        text = text_of(flat, vocabularies[name], classes) if name in vocabularies else numbers_text(flat)
        words.append(f"{name}: {text}" if len(inputs) > 1 else text)
    return printable("; ".join(words))


def numbers_text(values: Sequence[float]) -> str:
    """`0.31 0.75 …`"""
    return " ".join(f"{v:.4g}" for v in values[:_MOST_NUMBERS]) + (" …" if len(values) > _MOST_NUMBERS else "")
