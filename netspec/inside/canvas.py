"""An image that is optimized: what gradient ascent changes, and the pixels that it gives."""

from __future__ import annotations

from typing import TYPE_CHECKING

from netspec.graph import TensorType

if TYPE_CHECKING:
    import torch
    from torch import Tensor

__all__ = ["Canvas", "shifted"]

_COLORS = ((0.26, 0.09, 0.02), (0.27, 0.00, -0.05), (0.27, -0.09, 0.03))
"""A square root of the covariance of red, green and blue in natural images (Olah et al. 2017, from ImageNet): a change of one
of three independent values changes the colors as they change together in photographs."""
_START = 0.01
_BLUR = 0.3


class Canvas:
    """An image from 0 to 1, parametrized so that gradient ascent makes natural images rather than noise (Olah et al. 2017).

    Of a map of two axes, the coefficients of its Fourier transform are optimized, divided by their frequency: the spectrum of
    natural images falls so. With three channels, they are those of decorrelated colors. What else is optimized, as it is,
    through a sigmoid, which keeps it between 0 and 1.
    """

    def __init__(self, kind: TensorType, stream: torch.Generator) -> None:
        import torch

        self.shape = kind.shape
        self.is_plane = kind.layout == "map" and kind.rank == 2
        if not self.is_plane:
            self.values = _START * torch.randn(self.shape, generator=stream)
            self.values.requires_grad_()
            return
        channels, height, width = self.shape
        rows, columns = torch.fft.fftfreq(height)[:, None], torch.fft.rfftfreq(width)[None]
        frequency = (rows**2 + columns**2).sqrt().clamp(min=1 / max(height, width))
        self.scale = (height * width) ** 0.5 / frequency / 4
        self.blur = 1 - _BLUR * (1 - (torch.pi * rows).cos() ** 2 * (torch.pi * columns).cos() ** 2)
        self.values = _START * torch.randn((channels, *frequency.shape, 2), generator=stream)
        self.values.requires_grad_()

    def pixels(self) -> Tensor:
        """The image as a batch of one, from 0 to 1, with gradients."""
        import torch

        if not self.is_plane:
            return self.values.sigmoid()[None]
        spectrum = torch.view_as_complex(self.values) * self.scale
        plane = torch.fft.irfft2(spectrum, s=self.shape[1:])
        if self.shape[0] == 3:
            colors = torch.tensor(_COLORS)
            plane = torch.einsum("rc,chw->rhw", colors / colors.norm(dim=0).max(), plane)
        image: Tensor = plane.sigmoid()[None]
        return image

    def smooth(self) -> None:
        """A little blur, as with the kernel 1 2 1 by 1 2 1: high frequencies fade."""
        import torch

        if self.is_plane:
            with torch.no_grad():
                self.values *= self.blur[..., None]


def shifted(pixels: Tensor, rank: int, stream: torch.Generator) -> tuple[Tensor, list[int]]:
    """Moved by up to a sixteenth of its size along each axis, at least by one position where it has 8, and by how much; what
    leaves on one side comes back on the other."""
    import torch

    shifts = []
    for size in pixels.shape[2 : 2 + rank]:
        most = max(size // 16, int(size >= 8))
        shifts.append(int(torch.randint(-most, most + 1, (), generator=stream)))
    return (pixels.roll(shifts, list(range(2, 2 + rank))) if shifts else pixels), shifts
