"""The types of tensors, and the windows that they lie in."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import prod
from typing import Literal, TypeAlias

__all__ = ["Layout", "TensorType", "Windows"]

Layout: TypeAlias = Literal["map", "vector", "sequence", "ids"]


@dataclass(frozen=True, slots=True)
class Windows:
    """The windows of a tensor, on which a `windows` runs its body: they lie one after another in the batch.

    `grid` counts them along each spatial axis of `of`, the tensor that is cut; a window begins `stride` after the one
    before. With a `shift`, the tensor is rolled by so many positions first, to the left and up.
    """

    of: TensorType
    grid: tuple[int, ...]
    size: tuple[int, ...]
    stride: tuple[int, ...]
    shift: tuple[int, ...]
    pad: tuple[int, ...]
    slices: bool = False
    """Whether they are slices along one axis, whose number is `size`."""
    spread: bool = False
    """Whether the positions of a window are spread over the whole tensor instead of next to each other."""
    added: bool = False
    """Whether results of windows that overlap are added up where they do, instead of side by side."""

    @property
    def count(self) -> int:
        """Windows of one example, those of `windows` around this one included."""
        return prod(self.grid) * self.of.copies

    def mapped(self, change: Callable[[int], int]) -> Windows:
        """The same with other sizes."""
        grid, size, stride, shift, pad = (
            tuple(map(change, sizes)) for sizes in (self.grid, self.size, self.stride, self.shift, self.pad)
        )
        return Windows(self.of.mapped(change), grid, size, stride, shift, pad, self.slices, self.spread, self.added)


@dataclass(frozen=True, slots=True)
class TensorType:
    """The type of one tensor, without the batch axis.

    `map`: channels first, then one to three spatial axes (a signal CxL, an image CxHxW, a volume CxDxHxW).
    `vector`: features. `sequence`: tokens x features. `ids`: integers, one per token. Inside of a `windows` it is the
    type of one window.
    """

    layout: Layout
    shape: tuple[int, ...]
    windows: Windows | None = None

    @property
    def size(self) -> int:
        """How many scalars the tensor holds, in all windows together."""
        return prod(self.shape) if self.windows is None else prod(self.shape) * self.windows.count

    @property
    def copies(self) -> int:
        """How many tensors of this shape there are for one example: one, or one for each window."""
        return 1 if self.windows is None else self.windows.count

    @property
    def bare(self) -> TensorType:
        """The type of one window by itself."""
        return self if self.windows is None else TensorType(self.layout, self.shape)

    @property
    def sizes(self) -> tuple[int, ...]:
        """All sizes that the type depends on: its shape, and the windows around it."""
        return self.shape if self.windows is None else (*self.shape, *self.windows.grid, *self.windows.of.sizes)

    def mapped(self, change: Callable[[int], int]) -> TensorType:
        """The same with other sizes."""
        windows = None if self.windows is None else self.windows.mapped(change)
        return TensorType(self.layout, tuple(map(change, self.shape)), windows)

    @property
    def rank(self) -> int:
        """How many spatial axes a convolution sees: 1 for a sequence (its tokens), 0 for a vector."""
        return {"map": len(self.shape) - 1, "sequence": 1}.get(self.layout, 0)

    @property
    def spatial(self) -> tuple[int, ...]:
        if self.layout == "map":
            return self.shape[1:]
        return self.shape[:1] if self.layout == "sequence" else ()

    @property
    def features(self) -> int:
        """The length of the feature axis: channels of a map, features of a token or a vector."""
        return self.shape[0] if self.layout in ("map", "vector") else self.shape[-1]

    @property
    def feature_axis(self) -> int:
        """The feature axis in the batched tensor (0 is the batch)."""
        return 2 if self.layout == "sequence" else 1

    def with_spatial(self, channels: int, spatial: tuple[int, ...]) -> TensorType:
        """The same layout with other channels and spatial sizes."""
        if self.layout == "sequence":
            return TensorType("sequence", (*spatial, channels))
        return TensorType(self.layout, (channels, *spatial))

    def with_features(self, features: int) -> TensorType:
        if self.layout == "sequence":
            return TensorType("sequence", (*self.shape[:-1], features))
        return TensorType(self.layout, (features, *self.shape[1:]))

    @property
    def noun(self) -> str:
        """What a reader calls it: `an image of 3x224x224`."""
        size = str(self)
        if self.layout == "map":
            return {1: "a signal", 2: "an image", 3: "a volume"}[self.rank] + f" of {size}"
        return {
            "vector": f"a vector of {size}",
            "sequence": f"a sequence of {size} (tokens x features)",
            "ids": f"a list of {size} integers",
        }[self.layout]

    def __str__(self) -> str:
        return "x".join(map(str, self.shape))
