"""Examples in arrays that stay on disk: rows are read, and made to fit the net, when they are needed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from netspec.datasets.cutting import Cuts, cut_images
from netspec.datasets.fit import fitted, scaled_from
from netspec.datasets.pools import Spares, Taken, parts_of_arrays
from netspec.diagnostics import SpecError
from netspec.graph import TensorType
from netspec.reading.stored_array import StoredArray

if TYPE_CHECKING:
    import numpy as np

    from netspec.datasets.examples import DataOptions

__all__ = ["StoredPool"]


class StoredPool:
    """Arrays by the name of the input, on disk or in memory; `shown` has their names for messages. `decodes`: whether worker
    processes read them; None: if they are scaled."""

    def __init__(
        self, arrays: Mapping[str, StoredArray | np.ndarray[Any, Any]], kinds: Mapping[str, TensorType],
        shown: Mapping[str, str], options: DataOptions, *, decodes: bool | None = None,
    ) -> None:  # fmt: skip
        self._arrays, self._kinds, self._shown = arrays, kinds, shown
        self._resize, self._pixels, self._cut = (
            options.resize or options.pixels is not None,
            options.pixels,
            options.cut,
        )
        one = {name: self._fitted(name, array[:1]) for name, array in arrays.items()}
        self.shapes: Mapping[str, tuple[int, ...]] = {name: array.shape[1:] for name, array in one.items()}
        found = (scaled_from(arrays[name][:1], array, self._pixels) for name, array in one.items())
        self._part = next(filter(None, found), None)
        scaled = any(array.size != arrays[name][:1].size for name, array in one.items())
        self.decodes = scaled if decodes is None else decodes

    def __len__(self) -> int:
        return min(map(len, self._arrays.values()))

    def _fitted(self, name: str, rows: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
        shown = self._shown[name]
        return fitted(rows, self._kinds[name], shown=shown, resize=self._resize, pixels=self._pixels, cut=self._cut)

    def bounds(self, name: str) -> tuple[int, int]:
        array = self._arrays[name]
        pieces = (piece for _, piece in array.pieces()) if isinstance(array, StoredArray) else iter([array])
        lows, highs = zip(*((int(piece.min()), int(piece.max())) for piece in pieces), strict=True)
        return min(lows), max(highs)

    def shown(self, row: int) -> str:
        return f"example {row}"

    def take(self, rows: np.ndarray[Any, Any], spares: Spares | None = None, cuts: Cuts | None = None) -> Taken:
        import torch

        taken = {}
        for name, array in self._arrays.items():
            try:
                value = torch.from_numpy(self._fitted(name, array[rows]))
            except OSError as error:
                raise SpecError.of(
                    "NS601", f"{self._shown[name]} cannot be read", notes=[error.strerror or str(error)]
                ) from None
            taken[name] = cut_images(value, cuts) if cuts is not None and value.ndim == 4 else value
        return Taken(taken, rows)

    def parts(self, rows: np.ndarray[Any, Any], cuts: Cuts | None) -> np.ndarray[Any, Any]:
        return parts_of_arrays(self.shapes, self._part, rows, cuts)
