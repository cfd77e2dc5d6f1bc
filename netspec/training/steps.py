"""Augmentations as steps: what is random is drawn on the host, and pixels are computed from these numbers on the device."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from netspec.datasets.draws import Draws, on_device, packed

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["Chain", "Step", "scaled"]


class Step(ABC):
    """An augmentation of images, N x C x H x W."""

    @abstractmethod
    def draw(self, draws: Draws) -> Sequence[Any]:
        """The numbers of each image: columns of N, always as many."""

    @abstractmethod
    def pixels(self, images: Tensor, columns: Sequence[Tensor]) -> Tensor:
        """The images, given those columns as N x 1 x 1, float32. No choice depends on a value, so that it can be compiled."""

    def apply(self, images: Tensor, draws: Draws) -> Tensor:
        """Both."""
        return self.pixels(images, on_device(self.draw(draws), images))


class Chain:
    """Steps one after the other, from bytes or numbers from 0 to 1. Their numbers are copied to the device at once, and the update is
    not known to what is compiled, so that it is compiled once for all updates (and once more for a smaller last batch)."""

    def __init__(self, steps: Sequence[Step]) -> None:
        self.steps = list(steps)
        self.run: Callable[..., Tensor] = self.pixels

    def __call__(self, images: Tensor, draws: Draws) -> Tensor:
        columns = [list(step.draw(draws)) for step in self.steps]
        if not any(columns):
            return scaled(images)
        numbers = packed([column for each in columns for column in each], images)
        return self.run(images, numbers, tuple(map(len, columns)))

    def pixels(self, images: Tensor, numbers: Tensor, counts: tuple[int, ...]) -> Tensor:
        """The images after all steps, which take `counts` of the rows of `numbers` each."""
        images, first = scaled(images), 0
        for step, count in zip(self.steps, counts, strict=True):
            images = step.pixels(images, numbers[first : first + count, :, None, None].unbind())
            first += count
        return images

    def compile(self, told: Callable[[str], None]) -> None:
        """From now on through torch.compile, as far as it can be; `told` gets a note if it cannot."""
        import torch

        compiled = torch.compile(self.pixels, fullgraph=True)

        def run(*arguments: Any) -> Tensor:
            try:
                return compiled(*arguments)
            except Exception as error:
                images = self.pixels(*arguments)  # what is wrong without the compiler is raised here
                self.run = self.pixels
                said = next(iter(str(error).strip().splitlines()), "")[:200]
                told(f"the augmentation goes on without torch.compile: {type(error).__name__}: {said}")
                return images

        self.run = run


def scaled(images: Tensor) -> Tensor:
    """As float32; bytes from 0 to 1."""
    import torch

    return images.float().div_(255) if images.dtype == torch.uint8 else images.float()
