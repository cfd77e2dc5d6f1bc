"""Applies the `augment { … }` section to batches."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from netspec.datasets.cutting import Cut
from netspec.datasets.draws import Draws
from netspec.diagnostics import SpecError
from netspec.training.color import Erase, Jitter, Noise
from netspec.training.crops import center, ten_crops
from netspec.training.geometry import Geometry
from netspec.training.lighting import Lighting, principal_colors
from netspec.training.mixing import Mixed, mix, unmixed
from netspec.training.pixels import PixelStatistics, pixel_statistics
from netspec.training.policies import Policy
from netspec.training.steps import Chain, Step

if TYPE_CHECKING:
    from torch import Tensor

    from netspec.recipe import Chosen

__all__ = ["Augmenter", "Mixed", "PixelStatistics", "pixel_statistics", "principal_colors", "ten_crops"]


class Augmenter:
    """Applies the `augment { … }` section to batches, on their device.

    `stored` is the shape C x H x W of the images in the dataset, `wanted` that of the input of the net. `colors` are the
    principal_colors of the training set, which `lighting` needs. All random numbers depend only on
    the seed, the step and the row in the global batch (see Draws).

    The order is fixed: geometry (a single resampling, see geometry.maps), randaugment or trivialaugment, jitter, lighting, erase, noise, then mixup or
    cutmix.
    Raises SpecError (NS604) if an augmentation cannot be applied.
    """

    def __init__(
        self,
        augment: Mapping[str, Chosen],
        stored: tuple[int, ...],
        wanted: tuple[int, ...],
        seed: int,
        colors: Tensor | None = None,
    ) -> None:
        self.seed, self.colors = seed, colors
        self.stored, self.wanted = stored, wanted
        self.settings = {name: dict(chosen.values) for name, chosen in augment.items()}
        self.is_image = len(stored) == 3 and len(wanted) == 3
        self._require_images()
        self.resized = self._resized() if self.is_image else None
        self.geometry = self._geometry() if self.is_image else None
        self.policies = self._policies()
        self.jitter = self._jitter()
        self.pipeline = self._pipeline()

    @property
    def mixes(self) -> bool:
        return "mixup" in self.settings or "cutmix" in self.settings

    def train(self, images: Tensor, step: int, rows: range, total: int) -> Tensor:
        """Augments images, bytes or numbers from 0 to 1, N x C x H x W, to N x C x h x w, float32 from 0 to 1.

        They are the rows `rows` of a global batch of `total`.
        """
        import torch

        draws = self._draws(images, step, rows, total)
        with torch.no_grad(), torch.autocast(images.device.type, enabled=False):
            for part in self.pipeline:
                images = part(images, draws)
        return images

    def compile(self, told: Callable[[str], None]) -> None:
        """Compiles what `train` does, except for policies and noise; `told` gets a note if that fails."""
        for part in self.pipeline:
            if isinstance(part, Chain):
                part.compile(told)

    def train_target(self, target: Tensor, step: int, rows: range, total: int) -> Tensor:
        """Moves the targets of pixels like `train` moves their images: N x H x W classes, or N x C x H x W values."""
        import torch

        if self.geometry is None:
            return target
        with torch.no_grad(), torch.autocast(target.device.type, enabled=False):
            return self.geometry.apply_to_target(target, self._draws(target, step, rows, total))

    def train_points(
        self, points: Tensor, pairs: Sequence[tuple[int, int]], step: int, rows: range, total: int
    ) -> Tensor:
        """Moves points, N x 2K, like `train` moves their images; `pairs` change places in a mirror image."""
        import torch

        if self.geometry is None:
            return points
        with torch.no_grad():
            return self.geometry.apply_to_points(points, pairs, self._draws(points, step, rows, total))

    def test(self, images: Tensor) -> Tensor:
        """Center crops of the images (smaller ones are zero-padded), N x C x h x w, float32; not random."""
        return center(images.float(), self.geometry.cut) if self.geometry is not None else images.float()

    def cut(self, step: int, rows: range, total: int) -> Cut | None:
        """How the images of a batch are cut when they are read; None: they are read whole."""
        if self.resized is None:
            return None
        return Cut((self.wanted[1], self.wanted[2]), *self.resized, Draws(self.seed, step, rows, total))

    def mix(self, images: Tensor, target: Tensor, step: int, rows: range, total: int) -> tuple[Tensor, Mixed]:
        """Mixup and cutmix of the result of `train`, N x C x h x w, and its targets: N, N x …, or one for each pixel (see
        mixing.mix)."""
        import torch

        if not self.mixes:
            return images, unmixed(images, target)
        draws = self._draws(images, step, rows, total)
        mixup, cutmix = (
            self.settings[name]["alpha"] if name in self.settings else None for name in ("mixup", "cutmix")
        )
        with torch.no_grad(), torch.autocast(images.device.type, enabled=False):
            return mix(images.float(), target, mixup, cutmix, draws)

    def _draws(self, images: Tensor, step: int, rows: range, total: int) -> Draws:
        if len(rows) != images.shape[0] or (rows and not 0 <= min(rows) <= max(rows) < total):
            raise ValueError(f"{images.shape[0]} images are not rows {rows} of a batch of {total}")
        return Draws(self.seed, step, rows, total)

    # Requested augmentations

    def _require_images(self) -> None:
        for name in self.settings:
            if not self.is_image and name != "mixup":
                raise _cannot(name, f"applies to images, but the input is {_sizes(self.wanted)}", "remove it")
        if self.is_image and self.stored[0] != self.wanted[0]:
            raise SpecError.of(
                "NS604",
                f"the images have {self.stored[0]} channels, but the net expects {self.wanted[0]}",
                helps=[f"write `input {_sizes((self.stored[0], *self.wanted[1:]))}`"],
            )

    def _resized(self) -> tuple[tuple[float, float], tuple[float, float]] | None:
        """The scale and the ratio of a random resized crop."""
        crop = self.settings.get("crop", {})
        if crop.get("scale") is None and crop.get("ratio") is None:
            return None
        if crop["pad"]:
            raise _cannot("crop", "a random resized crop has no padding", "remove `pad`, or `scale` and `ratio`")
        return crop["scale"] or (0.08, 1.0), crop["ratio"] or (3 / 4, 4 / 3)

    def _geometry(self) -> Geometry:
        stored, wanted = (self.stored[1], self.stored[2]), (self.wanted[1], self.wanted[2])
        if self.resized is not None:
            self._check_size(wanted)
            stored = wanted  # they were cut when they were read
        crop = self.settings.get("crop")
        pad = 0
        if crop is not None and self.resized is None:
            pad = self._check_crop(crop, stored, wanted)
        elif stored != wanted:
            fits = stored[0] >= wanted[0] and stored[1] >= wanted[1]
            raise SpecError.of(
                "NS604",
                f"the images are {_sizes(stored)}, but the net expects {_sizes(wanted)}",
                helps=["add `crop` to `augment { … }`: a random crop in training, a center crop in testing"]
                if fits
                else [],
            )
        return Geometry(
            stored,
            wanted,
            crop=crop is not None and self.resized is None,
            pad=pad,
            flip=self.settings.get("flip", {}).get("p", 0.0),
            flip_vertical=self.settings.get("flip_vertical", {}).get("p", 0.0),
            rotate=self._range("rotate"),
            translate=self._range("translate"),
            rescale=self.settings.get("rescale", {}).get("high"),
            shear=self._range("shear"),
            stretch=self.settings.get("stretch", {}).get("high"),
        )

    def _check_size(self, wanted: tuple[int, int]) -> None:
        given = self.settings["crop"]["size"]
        size: tuple[int, ...] = wanted if given is None else tuple(given)
        size = size * 2 if len(size) == 1 else size
        if size != wanted:
            raise _cannot("crop", f"outputs {_sizes(size)}, but the net expects {_sizes(wanted)}", "write only `crop`")

    def _check_crop(self, crop: Mapping[str, Any], stored: tuple[int, int], wanted: tuple[int, int]) -> int:
        """The padding of a valid crop."""
        pad: int = crop["pad"]
        self._check_size(wanted)
        scaled = crop.get("from")
        if scaled is not None and min(stored) != scaled:
            raise _cannot(
                "crop", f"`from={scaled}`: these images are already {_sizes(stored)}", f"remove `from={scaled}`"
            )
        if any(s > c + 2 * pad for s, c in zip(wanted, stored, strict=True)):
            around = f" with padding {pad}" if pad else ""
            raise _cannot(
                "crop",
                f"{_sizes(wanted)} is larger than the images ({_sizes(stored)}{around})",
                "scale the images when they are read (`crop from=…`) or pad them (`crop pad=…`)",
            )
        return pad

    def _range(self, name: str) -> tuple[float, float] | None:
        given = self.settings.get(name)
        if given is None:
            return None
        high: float = given["high"]
        low: float = -high if given["low"] is None else given["low"]
        if low > high:
            raise _cannot(
                name, f"low ({low:g}) is greater than high ({high:g})", f"write `{name} low={high:g} high={low:g}`"
            )
        return low, high

    def _policies(self) -> list[Policy]:
        """RandAugment and TrivialAugment. Their operations move pixels, which cannot be said to targets of pixels."""
        found = []
        for name in ("randaugment", "trivialaugment"):
            given = self.settings.get(name)
            if given is None:
                continue
            if self.stored[0] not in (1, 3):
                raise _cannot(name, f"supports gray and color images, but these have {self.stored[0]} channels", "")
            found.append(Policy(given.get("n", 1), given.get("magnitude"), given.get("p", 1.0), given.get("std", 0.0)))
        if len(found) > 1:
            raise _cannot("trivialaugment", "`randaugment` is there already", "keep one of them")
        return found

    def _pipeline(self) -> list[Callable[[Tensor, Draws], Tensor]]:
        """What `train` does, in order. Policies choose for each image, so they part the steps around them."""
        before: list[Step] = [] if self.geometry is None else [self.geometry]
        after: list[Step] = [] if self.jitter is None else [self.jitter]
        if "lighting" in self.settings:
            if self.stored[0] != 3:
                raise _cannot("lighting", f"needs color images, but these are {_sizes(self.stored)}", "remove it")
            after.append(Lighting(self.settings["lighting"]["std"], self.colors))
        if "erase" in self.settings:
            after.append(Erase(self.settings["erase"]["p"], (self.wanted[1], self.wanted[2])))
        parts: list[Callable[[Tensor, Draws], Tensor]] = [Chain([*before, *after])]
        if self.policies:
            parts = [Chain(before), *(policy.apply for policy in self.policies), Chain(after)]
        if "noise" in self.settings:
            parts.append(Noise(self.settings["noise"]["std"]))
        return parts

    def _jitter(self) -> Jitter | None:
        given = self.settings.get("jitter")
        if given is None:
            return None
        channels = self.stored[0]
        if channels not in (1, 3):
            raise _cannot("jitter", f"supports gray and color images, but these have {channels} channels", "")
        if channels == 1:
            for name in ("saturation", "hue"):
                if given[name]:
                    raise _cannot("jitter", f"gray images have no {name}", f"remove `{name}={given[name]:g}`")
            return Jitter(given["brightness"], given["contrast"], 0.0, 0.0)
        saturation, hue = (
            usual if given[name] is None else given[name] for name, usual in (("saturation", 0.4), ("hue", 0.1))
        )
        return Jitter(given["brightness"], given["contrast"], saturation, hue)


def _cannot(name: str, why: str, help_: str) -> SpecError:
    return SpecError.of("NS604", f"`{name}` cannot be applied: {why}", helps=[help_] if help_ else [])


def _sizes(sizes: tuple[int, ...]) -> str:
    return "x".join(map(str, sizes))
