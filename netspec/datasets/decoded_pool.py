"""Examples that are decoded from files when they are needed."""

from __future__ import annotations

import warnings
from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from netspec.datasets.pools import Spares, Taken
from netspec.diagnostics import SpecError

if TYPE_CHECKING:
    import numpy as np

    from netspec.datasets.cutting import Cuts

__all__ = ["DecodedPool"]


class DecodedPool(ABC):
    """A file that cannot be decoded is replaced by the first spare that can, if there are spares; the choice is deterministic."""

    decodes = True
    shapes: Mapping[str, tuple[int, ...]]

    def bounds(self, name: str) -> tuple[int, int]:
        raise TypeError(f"{name} is not an input of ids")

    def parts(self, rows: np.ndarray[Any, Any], cuts: Cuts | None) -> np.ndarray[Any, Any]:
        raise TypeError("these are not images")

    def take(self, rows: np.ndarray[Any, Any], spares: Spares | None = None, cuts: Cuts | None = None) -> Taken:
        rows, replaced, kept = rows.copy(), [], []
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # decoders warn about metadata; real problems are errors
            for place, row in enumerate(rows.tolist()):
                try:
                    kept.append(self._read(row, cuts, place))
                except SpecError as error:
                    if spares is None or error.diagnostics[0].code != "NS603":
                        raise
                    rows[place], instead = self._replacement(row, spares, error, cuts, place)
                    kept.append(instead)
                    replaced.append(self.shown(row))
        return self._taken(kept, rows, tuple(replaced))

    @abstractmethod
    def shown(self, row: int) -> str:
        """The name of the file of a row in messages."""

    @abstractmethod
    def _read(self, row: int, cuts: Cuts | None, place: int) -> Any:
        """What is stored for a row, the `place`-th of a batch. Raises SpecError (NS602, NS603)."""

    @abstractmethod
    def _taken(self, kept: list[Any], rows: np.ndarray[Any, Any], replaced: tuple[str, ...]) -> Taken:
        """What was read of some rows."""

    def _replacement(
        self, row: int, spares: Spares, error: SpecError, cuts: Cuts | None, place: int
    ) -> tuple[int, Any]:
        for spare in spares(row):
            try:
                return spare, self._read(spare, cuts, place)
            except SpecError:
                continue
        raise error
