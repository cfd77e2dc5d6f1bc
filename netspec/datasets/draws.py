"""Random numbers for augmentation, each a function of only the seed, the step and the row in the global batch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    import numpy as np
    from torch import Tensor

    Array: TypeAlias = np.ndarray[Any, np.dtype[np.float64]]

__all__ = ["Draws", "on_device", "packed"]


@dataclass(frozen=True, slots=True)
class Draws:
    """The draws for the rows `rows` of a global batch of `total` examples at one step.

    Every use has its own named stream, so adding an augmentation does not change the others. A stream is numpy's Philox
    (Salmon et al. 2011) with the hash of (seed, step, name) as its key. It is drawn for the whole batch in the order of
    its rows, so resumed runs and runs on several processes draw the same numbers as an uninterrupted run on one process.
    """

    seed: int
    step: int
    rows: range
    total: int

    def uniform(self, name: str, each: int = 1) -> Array:
        """rows x each numbers, uniform in [0, 1)."""
        drawn: Array = self._stream(name).random((self.total, each))[self._mine]
        return drawn

    def normal(self, name: str, each: int = 1) -> Array:
        """rows x each numbers, normal with mean 0 and standard deviation 1."""
        drawn: Array = self._stream(name).standard_normal((self.total, each))[self._mine]
        return drawn

    def normal_fields(self, name: str, shape: tuple[int, ...]) -> np.ndarray[Any, np.dtype[np.float32]]:
        """rows x shape numbers, standard normal. Each row has a stream of its own, so that those of other processes cost nothing."""
        import numpy as np

        drawn = np.empty((len(self.rows), *shape), dtype=np.float32)
        for place, row in enumerate(self.rows):
            self._stream(f"{name} {row}").standard_normal(dtype=np.float32, out=drawn[place])
        return drawn

    def beta(self, name: str, alpha: float) -> Array:
        """One number per row, Beta(alpha, alpha)."""
        drawn: Array = self._stream(name).beta(alpha, alpha, self.total)[self._mine]
        return drawn

    def between(self, name: str, low: float, high: float, each: int = 1) -> Array:
        """rows x each numbers, uniform between two bounds."""
        return low + (high - low) * self.uniform(name, each)

    def log_between(self, name: str, low: float, high: float) -> Array:
        """rows x 1 numbers, log-uniform between two bounds."""
        import numpy as np

        return np.exp(self.between(name, float(np.log(low)), float(np.log(high))))

    @property
    def _mine(self) -> slice:
        return slice(self.rows.start, self.rows.stop, self.rows.step)

    def _stream(self, name: str) -> np.random.Generator:
        import numpy as np

        key = blake2b(f"{self.seed}/{self.step}/{name}".encode(), digest_size=16).digest()
        return np.random.Generator(np.random.Philox(key=int.from_bytes(key, "little")))


def on_device(columns: Sequence[Array], like: Tensor) -> list[Tensor]:
    """Columns with one number per image, as float32 tensors N x 1 x 1 on the device of the images, in a single copy."""
    return list(packed(columns, like)[:, :, None, None]) if columns else []


def packed(columns: Sequence[Array], like: Tensor) -> Tensor:
    """Columns with one number per image as the rows of a float32 tensor on the device of the images, in a single copy."""
    import numpy as np
    import torch

    return torch.from_numpy(np.stack(columns).astype(np.float32)).to(like.device, non_blocking=True)
