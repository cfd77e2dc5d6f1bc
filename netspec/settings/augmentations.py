"""The settings of an `augment { … }` section."""

from __future__ import annotations

from netspec.ops.kinds import Integer, Number, PerAxis
from netspec.settings.schema import FRACTION, RATE, Form, Interval, Setting, form, option, table

__all__ = ["AUGMENTATIONS"]


def _range(high: float, most: float) -> Form:
    ends = Number(-most, most)
    low = option(ends, None, "lower bound (default: -high)")
    return form("", "", high=option(ends, high, "upper bound", first=True), low=low)


def _factor(high: float) -> Form:
    return form("", "", high=option(Number(1, 100), high, "maximum factor", first=True))


_CROP = form(
    "",
    "",
    size=option(PerAxis(gathers=True, most=2), None, "size of the crop (default: that of the input)", first=True),
    pad=option(Integer(0, 1024), 0, "zero padding before the crop"),
    scale=option(
        Interval("(0.08, 1)", 1), None, "random resized crop: the area that is cut out of the image, relative to it"
    ),
    ratio=option(
        Interval("(3/4, 4/3)"),
        None,
        "random resized crop: width over height of what is cut out (default with scale: (3/4, 4/3))",
    ),
    **{"from": option(Integer(1, 65536), None, "shorter side that images are scaled to when they are read")},
)
_JITTER = form(
    "",
    "",
    brightness=option(Number(0), 0.4, "maximum relative change", first=True),
    contrast=option(Number(0), 0.4, "maximum relative change"),
    saturation=option(Number(0), None, "maximum relative change (default for color images: 0.4)"),
    hue=option(
        Number(0, 0.5), None, "maximum rotation, as a fraction of the color circle (default for color images: 0.1)"
    ),
)

AUGMENTATIONS = table(
    Setting("crop", "random crop, optionally after zero padding or scaling the shorter side to `from`; with scale or ratio a random resized crop; center crop in testing", (_CROP,)),
    Setting("progressive", "training images that are smaller than the input of the net, which is what testing uses, and grow to it in equal parts of the epochs (Tan & Le 2021); in one stage they stay as small (Touvron et al. 2019)", (form("", "", size=option(Integer(1, 65536), 128, "shorter side at first", first=True), stages=option(Integer(1, 1000), 4, "number of sizes"), strength=option(Number(0, 1, open_low=True), 1.0, "factor of the magnitude of randaugment and of alpha of mixup in the first stage, which grows to 1")),)),
    Setting("flip", "random horizontal flip", (form("", "", p=option(FRACTION, 0.5, "probability", first=True)),)),
    Setting("flip_vertical", "random vertical flip", (form("", "", p=option(FRACTION, 0.5, "probability", first=True)),)),
    Setting("rotate", "random rotation in degrees counterclockwise, uniform between low (default: -high) and high", (_range(180.0, 360.0),)),
    Setting("translate", "random translation in pixels to the right and down, each uniform between low (default: -high) and high", (_range(10.0, 1e4),)),
    Setting("rescale", "random scaling by a factor that is log-uniform between 1/high and high", (_factor(1.6),)),
    Setting("shear", "random shear in degrees, uniform between low (default: -high) and high", (_range(20.0, 80.0),)),
    Setting("stretch", "random aspect ratio, log-uniform between 1/high and high, at constant area", (_factor(1.3),)),
    Setting("randaugment", "operations drawn from 14, one after the other, with the same magnitude (Cubuk et al. 2020; as in torchvision; timm has p=0.5 std=1.5)", (form("", "", n=option(Integer(1, 14), 2, "number of operations", first=True), magnitude=option(Integer(0, 30), 9, "level from 0 to 30"), p=option(FRACTION, 1.0, "probability that an operation is applied"), std=option(Number(0), 0.0, "standard deviation of the level")),)),
    Setting("trivialaugment", "one operation of 14, with a random magnitude (Müller & Hutter 2021; as in torchvision)", (form("", ""),)),
    Setting("jitter", "random changes of brightness, contrast, saturation (default for color images: 0.4) and hue (0.1), in this order; gray images: only brightness and contrast", (_JITTER,)),
    Setting("lighting", "noise along the principal components of the colors of the training set (AlexNet)", (form("", "", std=option(Number(0), 0.1, "standard deviation", first=True)),)),
    Setting("noise", "normal noise on every value, independent of the others (0 is black, 1 white); the result is clamped to 0..1", (form("", "", std=option(Number(0), 0.1, "standard deviation", first=True)),)),
    Setting("erase", "erase a random rectangle of 2% to 33% of the area (Zhong et al. 2020)", (form("", "", p=option(FRACTION, 0.25, "probability", first=True)),)),
    Setting("mixup", "mix pairs of examples and their labels (Zhang et al. 2018)", (form("", "", alpha=option(RATE, 0.2, "parameter of the beta distribution", first=True)),)),
    Setting("cutmix", "paste a part of one example into another, and mix the labels (Yun et al. 2019)", (form("", "", alpha=option(RATE, 1.0, "parameter of the beta distribution", first=True)),)),
)  # fmt: skip
