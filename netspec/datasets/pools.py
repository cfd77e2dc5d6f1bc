"""Examples before they are split: arrays in memory, and several pools as one."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, TypeAlias

from netspec.datasets.cutting import Cuts, cut_images
from netspec.datasets.fit import Part
from netspec.datasets.points import cut_part

if TYPE_CHECKING:
    import numpy as np
    import torch

__all__ = [
    "LEFT_OUT",
    "TEST",
    "TRAIN",
    "VALIDATION",
    "ArrayPool",
    "JoinedPool",
    "Pool",
    "Source",
    "Spares",
    "Taken",
    "parts_of_arrays",
]

LEFT_OUT, TRAIN, VALIDATION, TEST = -1, 0, 1, 2


Spares: TypeAlias = "Callable[[int], Iterator[int]]"
"""The rows that can replace one that cannot be decoded, nearest first."""


class Taken(NamedTuple):
    """Inputs of some rows; `rows` are the actual rows, after `replaced` files were substituted. `target`: the targets that
    are read with the inputs, such as masks."""

    inputs: dict[str, torch.Tensor]
    rows: np.ndarray[Any, Any]
    replaced: tuple[str, ...] = ()
    target: torch.Tensor | None = None


class Pool(Protocol):
    """Inputs of numbered examples. `decodes`: whether reading is slow enough to need worker processes."""

    shapes: Mapping[str, tuple[int, ...]]
    decodes: bool

    def __len__(self) -> int: ...

    def bounds(self, name: str) -> tuple[int, int]:
        """The lowest and the highest id of an input of ids."""
        ...

    def shown(self, row: int) -> str:
        """What a row is called to a reader."""
        ...

    def take(self, rows: np.ndarray[Any, Any], spares: Spares | None = None, cuts: Cuts | None = None) -> Taken:
        """The rows, images cut by `cuts`. Raises SpecError (NS602, NS603)."""
        ...

    def parts(self, rows: np.ndarray[Any, Any], cuts: Cuts | None) -> np.ndarray[Any, Any]:
        """The Part of the image of each row (N x 4) that `take` reads, of pools with one image for each row."""
        ...


@dataclass
class Source:
    """Data read from a format: a pool and, for each of its rows, the target, the split given by the data (TRAIN may still
    be split) and a key that determines its split."""

    name: str
    pool: Pool
    targets: np.ndarray[Any, Any] | None
    part: np.ndarray[Any, Any]
    keys: np.ndarray[Any, Any]
    fingerprint: str
    classes: tuple[str, ...] = ()
    """The class names, if the data has them; their number must then match the net."""
    skipped: list[str] = field(default_factory=list)
    read_targets: bool = False
    """Whether the pool reads the targets with the inputs. They fit the net then."""
    further: Mapping[str, tuple[np.ndarray[Any, Any], tuple[str, ...]]] = field(default_factory=dict)
    """The targets of other outputs than the first by their names, and the names of their classes."""
    sample_rate: int | None = None
    """Samples per second, of recordings."""
    in_order: bool = False
    """Whether the examples follow one another, as in a text: the test and validation examples are the last ones."""


class ArrayPool:
    """Arrays in memory, one per input of the net. `period`: row n is row n % period of the arrays; `part`: what they hold of each
    image that is stored (None: all)."""

    decodes = False

    def __init__(
        self, arrays: Mapping[str, np.ndarray[Any, Any]], count: int | None = None, part: Part | None = None
    ) -> None:
        import torch

        self._part = part

        self._arrays = {name: torch.from_numpy(array) for name, array in arrays.items()}
        self._stored = min(len(a) for a in arrays.values())
        self._count = self._stored if count is None else count
        self.shapes: Mapping[str, tuple[int, ...]] = {n: tuple(a.shape[1:]) for n, a in arrays.items()}

    def __len__(self) -> int:
        return self._count

    def bounds(self, name: str) -> tuple[int, int]:
        ids = self._arrays[name]
        return int(ids.min()), int(ids.max())

    def shown(self, row: int) -> str:
        return f"example {row}"

    def take(self, rows: np.ndarray[Any, Any], spares: Spares | None = None, cuts: Cuts | None = None) -> Taken:
        import torch

        index = torch.from_numpy(rows if self._count == self._stored else rows % self._stored)
        taken = {name: array.index_select(0, index) for name, array in self._arrays.items()}
        if cuts is not None:
            taken = {n: cut_images(value, cuts) if value.ndim == 4 else value for n, value in taken.items()}
        return Taken(taken, rows)

    def parts(self, rows: np.ndarray[Any, Any], cuts: Cuts | None) -> np.ndarray[Any, Any]:
        return parts_of_arrays(self.shapes, self._part, rows, cuts)


class JoinedPool:
    """Several pools, concatenated."""

    def __init__(self, pools: Sequence[Pool]) -> None:
        import numpy as np

        self._pools = list(pools)
        self._ends = np.cumsum([len(p) for p in pools])
        self.shapes = pools[0].shapes
        self.decodes = any(p.decodes for p in pools)

    def __len__(self) -> int:
        return int(self._ends[-1])

    def bounds(self, name: str) -> tuple[int, int]:
        lows, highs = zip(*(pool.bounds(name) for pool in self._pools), strict=True)
        return min(lows), max(highs)

    def shown(self, row: int) -> str:
        from bisect import bisect_right

        number = bisect_right(self._ends.tolist(), row)
        return self._pools[number].shown(row - int(self._ends[number]) + len(self._pools[number]))

    def take(self, rows: np.ndarray[Any, Any], spares: Spares | None = None, cuts: Cuts | None = None) -> Taken:
        import numpy as np
        import torch

        if not len(rows):
            return self._pools[0].take(rows)
        which = np.searchsorted(self._ends, rows, side="right")
        pieces: dict[str, list[torch.Tensor]] = {}
        places = []
        for number in np.unique(which):
            (place,) = np.nonzero(which == number)
            start = int(self._ends[number]) - len(self._pools[number])
            for name, tensor in (
                self._pools[number].take(rows[place] - start, None, cuts and cuts.of(place)).inputs.items()
            ):
                pieces.setdefault(name, []).append(tensor)
            places.append(place)
        if len(places) == 1:
            return Taken({name: tensors[0] for name, tensors in pieces.items()}, rows)
        back = torch.from_numpy(np.argsort(np.concatenate(places), kind="stable"))
        return Taken({name: torch.cat(tensors).index_select(0, back) for name, tensors in pieces.items()}, rows)

    def parts(self, rows: np.ndarray[Any, Any], cuts: Cuts | None) -> np.ndarray[Any, Any]:
        import numpy as np

        found = np.empty((len(rows), 4))
        which = np.searchsorted(self._ends, rows, side="right")
        for number in np.unique(which):
            (place,) = np.nonzero(which == number)
            start = int(self._ends[number]) - len(self._pools[number])
            found[place] = self._pools[number].parts(rows[place] - start, cuts and cuts.of(place))
        return found


def parts_of_arrays(
    shapes: Mapping[str, tuple[int, ...]], part: Part | None, rows: np.ndarray[Any, Any], cuts: Cuts | None
) -> np.ndarray[Any, Any]:
    """The part of the image of each row, of which all are stored at one size, and `part` of each is read; None: all of it."""
    import numpy as np

    size = next(shape[1:] for shape in shapes.values() if len(shape) == 3)
    height, width = size
    part = (0.0, 0.0, float(width), float(height)) if part is None else part
    return np.array([cut_part(part, (height, width), cuts, place) for place in range(len(rows))]).reshape(-1, 4)
