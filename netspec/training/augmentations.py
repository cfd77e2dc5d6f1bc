"""The settings of an `augment { … }` section."""

from __future__ import annotations

from netspec.ops.kinds import Integer, Number, PerAxis
from netspec.training.forms import FRACTION, RATE, Form, Setting, form, option, table

__all__ = ["AUGMENTATIONS"]


def _range(doc: str, low: float, high: float) -> Form:
    return form(
        "",
        doc,
        high=option(Number(), high, "upper end", first=True),
        low=option(Number(), low, "lower end"),
    )


AUGMENTATIONS = table(
    Setting("crop", "a random part of the padded image", (form("", "", size=option(PerAxis(gathers=True), None, "sizes of the crop; default: the input's", first=True), pad=option(Integer(0), 0, "zeros around it first")),)),
    Setting("flip", "mirror left and right", (form("", "", p=option(FRACTION, 0.5, "probability", first=True)),)),
    Setting("flip_vertical", "mirror top and bottom", (form("", "", p=option(FRACTION, 0.5, "probability", first=True)),)),
    Setting("rotate", "degrees, uniform", (_range("", 0.0, 360.0),)),
    Setting("translate", "pixels, uniform, along both axes", (_range("", -10.0, 10.0),)),
    Setting("rescale", "factor, log-uniform between 1/high and high", (form("", "", high=option(Number(1), 1.6, "largest factor", first=True)),)),
    Setting("shear", "degrees, uniform", (_range("", -20.0, 20.0),)),
    Setting("stretch", "ratio of the axes, log-uniform between 1/high and high", (form("", "", high=option(Number(1), 1.3, "largest ratio", first=True)),)),
    Setting("jitter", "brightness, contrast, saturation and hue", (form("", "", brightness=option(Number(0), 0.4, "", first=True), contrast=option(Number(0), 0.4, ""), saturation=option(Number(0), 0.4, ""), hue=option(Number(0, 0.5), 0.1, "")),)),
    Setting("lighting", "noise along the principal components of colour (AlexNet)", (form("", "", std=option(Number(0), 0.1, "standard deviation", first=True)),)),
    Setting("erase", "blank a random rectangle", (form("", "", p=option(FRACTION, 0.25, "probability", first=True)),)),
    Setting("mixup", "mix pairs of examples and their labels", (form("", "", alpha=option(RATE, 0.2, "of the beta distribution", first=True)),)),
    Setting("cutmix", "paste a part of one example into another", (form("", "", alpha=option(RATE, 1.0, "of the beta distribution", first=True)),)),
)  # fmt: skip
