"""`digits`: 1797 real handwritten 8x8 digits, included in scikit-learn (Alpaydin & Kaynak 1998)."""

from __future__ import annotations

from collections.abc import Mapping

from netspec.datasets.arrays import Arrays, ArraySet
from netspec.datasets.fit import only_input
from netspec.graph import TensorType
from netspec.optional import not_installed

__all__ = ["open_digits"]


def open_digits(inputs: Mapping[str, TensorType]) -> ArraySet:
    """Raises SpecError (NS502, NS602)."""
    import numpy as np

    try:
        from sklearn.datasets import load_digits
    except ImportError:
        raise not_installed("scikit-learn, which contains the digits,", "train") from None
    name, _ = only_input(inputs, "digits")
    stored = load_digits()
    pixels = np.round(stored.images * (255 / 16)).astype(np.uint8)[:, None]  # pixel values are 0 to 16
    arrays = Arrays({name: pixels}, stored.target.astype(np.int64), {name: "digits", "target": "the labels of digits"})
    return ArraySet("digits", {"train": arrays}, tuple("0123456789"))
