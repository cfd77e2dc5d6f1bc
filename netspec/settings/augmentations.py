"""The settings of an `augment { … }` section."""

from __future__ import annotations

from netspec.ops.kinds import Integer, Number, PerAxis
from netspec.settings.schema import FRACTION, RATE, Form, Setting, form, option, table

__all__ = ["AUGMENTATIONS"]


def _range(high: float, most: float) -> Form:
    ends = Number(-most, most)
    low = option(ends, None, "lower end; -high where not given")
    return form("", "", high=option(ends, high, "upper end", first=True), low=low)


def _factor(high: float) -> Form:
    return form("", "", high=option(Number(1, 100), high, "largest factor", first=True))


_CROP = form(
    "",
    "",
    size=option(PerAxis(gathers=True, most=2), None, "sizes of the crop; default: the input's", first=True),
    pad=option(Integer(0, 1024), 0, "zeros around it first"),
    **{"from": option(Integer(1, 65536), None, "the shorter side that images are scaled to when they are read")},
)
_JITTER = form(
    "",
    "",
    brightness=option(Number(0), 0.4, "largest relative change", first=True),
    contrast=option(Number(0), 0.4, "largest relative change"),
    saturation=option(Number(0), None, "largest relative change; 0.4 for images in color"),
    hue=option(Number(0, 0.5), None, "largest turn, in turns of the color circle; 0.1 for images in color"),
)

AUGMENTATIONS = table(
    Setting("crop", "a random part of the image, padded by zeros first or scaled to a shorter side of `from`; the center in testing", (_CROP,)),
    Setting("flip", "mirror left and right", (form("", "", p=option(FRACTION, 0.5, "probability", first=True)),)),
    Setting("flip_vertical", "mirror top and bottom", (form("", "", p=option(FRACTION, 0.5, "probability", first=True)),)),
    Setting("rotate", "degrees counter-clockwise, uniform between low (-high where not given) and high", (_range(180.0, 360.0),)),
    Setting("translate", "pixels to the right and down, each uniform between low (-high where not given) and high", (_range(10.0, 1e4),)),
    Setting("rescale", "factor, log-uniform between 1/high and high", (_factor(1.6),)),
    Setting("shear", "degrees, uniform between low (-high where not given) and high", (_range(20.0, 80.0),)),
    Setting("stretch", "width over height, log-uniform between 1/high and high; the area stays", (_factor(1.3),)),
    Setting("jitter", "brightness, contrast, saturation (0.4 where not given) and hue (0.1), in this order; of gray images the first two", (_JITTER,)),
    Setting("lighting", "noise along the principal components of the training set's colors (AlexNet)", (form("", "", std=option(Number(0), 0.1, "standard deviation", first=True)),)),
    Setting("erase", "blank a random rectangle of 2 to 33 % of the area (Zhong et al. 2020)", (form("", "", p=option(FRACTION, 0.25, "probability", first=True)),)),
    Setting("mixup", "mix pairs of examples and their labels (Zhang et al. 2018)", (form("", "", alpha=option(RATE, 0.2, "of the beta distribution", first=True)),)),
    Setting("cutmix", "paste a part of one example into another, and mix the labels (Yun et al. 2019)", (form("", "", alpha=option(RATE, 1.0, "of the beta distribution", first=True)),)),
)  # fmt: skip
