"""`digits`: 1797 real handwritten 8x8 digits, included in scikit-learn (Alpaydin & Kaynak 1998); `digit_rows`: some of them side
by side."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from netspec.datasets.arrays import Arrays, ArraySet
from netspec.datasets.fit import only_input
from netspec.graph import TensorType
from netspec.optional import not_installed

if TYPE_CHECKING:
    import numpy as np

    from netspec.datasets.examples import DataOptions

__all__ = ["open_digit_rows", "open_digits"]

_ROW = 5
"""The most digits of a row."""
_ROWS = 2000
_SEED = 0


def open_digits(inputs: Mapping[str, TensorType]) -> ArraySet:
    """Raises SpecError (NS502, NS602)."""
    pixels, labels = _stored()
    name, _ = only_input(inputs, "digits")
    arrays = Arrays({name: pixels[:, None]}, labels, {name: "digits", "target": "the labels of digits"})
    return ArraySet("digits", {"train": arrays}, tuple("0123456789"))


def open_digit_rows(inputs: Mapping[str, TensorType], options: DataOptions) -> ArraySet:
    """Images of 8x40 with one to five digits from the left, and the digits as a text. The digits of the splits are different ones.
    Raises SpecError (NS502, NS602)."""
    import numpy as np

    pixels, labels = _stored()
    name, _ = only_input(inputs, "digit_rows")
    draws = np.random.RandomState(_SEED)  # generates the same numbers in every version of NumPy
    order = draws.permutation(len(pixels))
    rows = options.size or _ROWS
    parts = {}
    for part, start, end in (("train", 0.0, 0.7), ("validation", 0.7, 0.8), ("test", 0.8, 1.0)):
        own = order[int(start * len(order)) : int(end * len(order))]
        count = max(1, round((end - start) * rows))
        drawn = own[draws.randint(0, len(own), (count, _ROW))]
        lengths = draws.randint(1, _ROW + 1, count)
        images = np.where(np.arange(_ROW)[:, None, None] < lengths[:, None, None, None], pixels[drawn], 0)
        texts = ["".join(map(str, labels[row[:length]])) for row, length in zip(drawn, lengths, strict=True)]
        x = np.ascontiguousarray(images.transpose(0, 2, 1, 3).reshape(count, 1, 8, 8 * _ROW), dtype=np.uint8)
        parts[part] = Arrays({name: x}, np.array(texts), {name: "digit_rows", "target": "the texts of digit_rows"})
    return ArraySet("digit_rows", parts, tuple("0123456789"))


def _stored() -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """Pixels from 0 to 255, and the digits, from the file of scikit-learn, whose import would take longer than a short run. Raises
    SpecError (NS502)."""
    import numpy as np

    library = find_spec("sklearn")
    if library is None or library.origin is None:
        raise not_installed("scikit-learn, which contains the digits,", "train")
    stored = np.loadtxt(Path(library.origin).parent / "datasets" / "data" / "digits.csv.gz", delimiter=",")
    images, digits = stored[:, :-1].reshape(-1, 8, 8), stored[:, -1]
    return np.round(images * (255 / 16)).astype(np.uint8), digits.astype(np.int64)  # stored as 0 to 16
