"""The settings of a `train` section: their forms, options, bounds and documentation."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from netspec.ops.kinds import BadValue, Choice, Flag, Integer, Kind, Number, PerAxis
from netspec.ops.op import Option
from netspec.values import Size, Value, kind_of

__all__ = ["AUGMENTATIONS", "SETTINGS", "Form", "Setting"]


class Text(Kind[str]):
    """A string in double quotes."""

    noun = 'a string such as "weights.safetensors"'

    def read(self, value: Value) -> str:
        if not isinstance(value, str):
            raise BadValue(f"expected {self.noun}, found {kind_of(value)}", "put it in double quotes")
        return value


class Milestones(Kind[tuple[int, ...]]):
    """Growing epoch numbers."""

    noun = "a list of epochs such as [30, 60, 80]"

    def read(self, value: Value) -> tuple[int, ...]:
        if not isinstance(value, (list, tuple)) or isinstance(value, Size) or not value:
            raise BadValue(f"expected {self.noun}, found {kind_of(value)}")
        epochs = tuple(Integer(1).read(v) for v in value)
        if list(epochs) != sorted(set(epochs)):
            raise BadValue("the epochs must grow", code="NS205")
        return epochs


class Betas(Kind[tuple[float, float]]):
    """Two decay rates."""

    noun = "two numbers such as (0.9, 0.999)"

    def read(self, value: Value) -> tuple[float, float]:
        if not isinstance(value, (list, tuple)) or len(value) != 2:
            raise BadValue(f"expected {self.noun}, found {kind_of(value)}")
        first, second = (Number(0, 1, open_high=True).read(v) for v in value)
        return first, second


@dataclass(frozen=True, slots=True)
class Form:
    """One thing a setting can be, `sgd` of `optimizer`, with its options; "" where the setting takes no word."""

    word: str
    doc: str
    options: Mapping[str, Option[Any]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Setting:
    """One line of a recipe. `many` lines of it may stand in one recipe; `nested` is a section in braces."""

    name: str
    doc: str
    forms: tuple[Form, ...]
    many: bool = False
    nested: Mapping[str, Setting] | None = None
    labels: bool = False

    @property
    def words(self) -> tuple[str, ...]:
        return tuple(form.word for form in self.forms if form.word)


def _option(kind: Kind[Any], default: Any, doc: str, *, first: bool = False) -> Option[Any]:
    return Option(kind, default, doc=doc, slot="value" if first else "option")


def _form(word: str, doc: str, **options: Option[Any]) -> Form:
    for name, option in options.items():
        option.name = name
    return Form(word, doc, options)


_RATE = Number(0, open_low=True)
_FRACTION = Number(0, 1)
_DECAY = Number(0, 1, open_high=True)


def _optimizer(word: str, doc: str, lr: float, **options: Option[Any]) -> Form:
    common = {
        "lr": _option(_RATE, lr, "learning rate"),
        "weight_decay": _option(Number(0), 0.0, "decay of weights; biases and norms are left out"),
    }
    return _form(word, doc, **common, **options)


def _schedule(word: str, doc: str, **options: Option[Any]) -> Form:
    warmup = _option(Integer(0), 0, "epochs over which the rate grows from 0 first")
    return _form(word, doc, **options, warmup=warmup)


def _range(doc: str, low: float, high: float) -> Form:
    return _form(
        "",
        doc,
        high=_option(Number(), high, "upper end", first=True),
        low=_option(Number(), low, "lower end"),
    )


def _table(*settings: Setting) -> Mapping[str, Setting]:
    return MappingProxyType({setting.name: setting for setting in settings})


AUGMENTATIONS = _table(
    Setting("crop", "a random part of the padded image", (_form("", "", size=_option(PerAxis(gathers=True), None, "sizes of the crop; default: the input's", first=True), pad=_option(Integer(0), 0, "zeros around it first")),)),
    Setting("flip", "mirror left and right", (_form("", "", p=_option(_FRACTION, 0.5, "probability", first=True)),)),
    Setting("flip_vertical", "mirror top and bottom", (_form("", "", p=_option(_FRACTION, 0.5, "probability", first=True)),)),
    Setting("rotate", "degrees, uniform", (_range("", 0.0, 360.0),)),
    Setting("translate", "pixels, uniform, along both axes", (_range("", -10.0, 10.0),)),
    Setting("rescale", "factor, log-uniform between 1/high and high", (_form("", "", high=_option(Number(1), 1.6, "largest factor", first=True)),)),
    Setting("shear", "degrees, uniform", (_range("", -20.0, 20.0),)),
    Setting("stretch", "ratio of the axes, log-uniform between 1/high and high", (_form("", "", high=_option(Number(1), 1.3, "largest ratio", first=True)),)),
    Setting("jitter", "brightness, contrast, saturation and hue", (_form("", "", brightness=_option(Number(0), 0.4, "", first=True), contrast=_option(Number(0), 0.4, ""), saturation=_option(Number(0), 0.4, ""), hue=_option(Number(0, 0.5), 0.1, "")),)),
    Setting("lighting", "noise along the principal components of colour (AlexNet)", (_form("", "", std=_option(Number(0), 0.1, "standard deviation", first=True)),)),
    Setting("erase", "blank a random rectangle", (_form("", "", p=_option(_FRACTION, 0.25, "probability", first=True)),)),
    Setting("mixup", "mix pairs of examples and their labels", (_form("", "", alpha=_option(_RATE, 0.2, "of the beta distribution", first=True)),)),
    Setting("cutmix", "paste a part of one example into another", (_form("", "", alpha=_option(_RATE, 1.0, "of the beta distribution", first=True)),)),
)  # fmt: skip

SETTINGS = _table(
    Setting("loss", "what is minimised", (
        _form("cross_entropy", "softmax and negative log-likelihood", label_smoothing=_option(_DECAY, 0.0, "share given to the other classes")),
        _form("hinge", "multi-class SVM: the sum of max(0, s_j - s_y + margin) over wrong classes", margin=_option(_RATE, 1.0, "margin")),
        _form("mse", "mean squared error"),
        _form("l1", "mean absolute error"),
        _form("bce", "binary cross-entropy of logits"),
    )),
    Setting("optimizer", "how weights are changed", (
        _optimizer("sgd", "stochastic gradient descent", 0.01, momentum=_option(_DECAY, 0.0, "momentum"), nesterov=_option(Flag(), False, "Nesterov's momentum")),
        _optimizer("adam", "Kingma & Ba 2015", 1e-3, betas=_option(Betas(), (0.9, 0.999), "decay rates"), eps=_option(_RATE, 1e-8, "added to the root")),
        _optimizer("adamw", "Adam with decoupled decay (Loshchilov & Hutter 2019)", 1e-3, betas=_option(Betas(), (0.9, 0.999), "decay rates"), eps=_option(_RATE, 1e-8, "added to the root")),
        _optimizer("rmsprop", "Tieleman & Hinton 2012", 1e-2, alpha=_option(_DECAY, 0.99, "smoothing"), momentum=_option(_DECAY, 0.0, "momentum"), eps=_option(_RATE, 1e-8, "added to the root")),
        _optimizer("adagrad", "Duchi et al. 2011", 1e-2, eps=_option(_RATE, 1e-10, "added to the root")),
        _optimizer("lbfgs", "limited-memory BFGS", 1.0, history=_option(Integer(1), 10, "updates remembered")),
    )),
    Setting("schedule", "how the learning rate changes", (
        _schedule("constant", "it does not"),
        _schedule("step", "times gamma every so many epochs", every=_option(Integer(1), 30, "epochs", first=True), gamma=_option(_RATE, 0.1, "factor")),
        _schedule("multistep", "times gamma at each of these epochs", at=_option(Milestones(), (30, 60, 80), "epochs", first=True), gamma=_option(_RATE, 0.1, "factor")),
        _schedule("exp", "times gamma after every epoch", gamma=_option(_RATE, 0.97, "factor", first=True)),
        _schedule("poly", "(1 - t/T)^power", power=_option(_RATE, 0.5, "exponent", first=True)),
        _schedule("inverse", "1/(1 + rate t)", rate=_option(_RATE, 1.0, "rate", first=True)),
        _schedule("plateau", "times factor when validation stops improving", factor=_option(_DECAY, 0.1, "factor", first=True), patience=_option(Integer(0), 10, "epochs to wait")),
        _schedule("cosine", "half a cosine down to low", low=_option(Number(0), 0.0, "the last rate")),
        _schedule("onecycle", "up to the rate and down again (Smith 2018)", rise=_option(_FRACTION, 0.3, "share of the run in which it grows")),
    )),
    Setting("epochs", "passes over the training set", (_form("", "", n=_option(Integer(1), 10, "how many", first=True)),)),
    Setting("batch", "examples in a step", (_form("", "", n=_option(Integer(1), 128, "how many", first=True), accumulate=_option(Integer(1), 1, "steps whose gradients are added")),)),
    Setting("init", "the weights at the start", (
        _form("gaussian", "normal distribution", std=_option(_RATE, 0.01, "standard deviation", first=True)),
        _form("xavier", "Glorot & Bengio 2010"),
        _form("he", "He et al. 2015"),
        _form("lecun", "LeCun et al. 1998"),
        _form("orthogonal", "Saxe et al. 2014"),
        _form("bias", "the biases", value=_option(Number(), 0.0, "their value", first=True)),
        _form("zero_residual", "the last norm of every residual starts at 0 (Goyal et al. 2017)"),
    ), many=True),
    Setting("regularize", "a penalty on weights", (
        _form("l2", "half the squared length", weight=_option(Number(0), 1e-4, "factor", first=True)),
        _form("l1", "the absolute values", weight=_option(Number(0), 1e-5, "factor", first=True)),
        _form("elastic", "both", l1=_option(Number(0), 1e-5, "factor of l1"), l2=_option(Number(0), 1e-4, "factor of l2")),
        _form("max_norm", "a bound on each unit's weight vector", bound=_option(_RATE, 3.0, "largest length", first=True)),
    ), many=True),
    Setting("augment", "random changes to training images", (_form("", ""),), nested=AUGMENTATIONS),
    Setting("weights", "weights to start from", (_form("", "", file=_option(Text(), None, "a file beside the spec", first=True)),)),
    Setting("freeze", "layers that are not trained, by label", (_form("", ""),), labels=True),
    Setting("pretrain", "training before the training", (_form("layerwise", "greedy, an autoencoder a layer", epochs=_option(Integer(1), 10, "epochs for each layer")),)),
    Setting("stop", "early stopping", (_form("", "", patience=_option(Integer(1), 10, "epochs without improvement", first=True)),)),
    Setting("clip", "gradient clipping", (_form("", "", norm=_option(_RATE, 1.0, "largest length of the gradient", first=True)),)),
    Setting("ema", "moving average of the weights", (_form("", "", decay=_option(_DECAY, 0.999, "decay", first=True)),)),
    Setting("precision", "arithmetic", (_form("", "", kind=_option(Choice("fp32", "bf16", "fp16"), "fp32", "fp32, bf16 or fp16 (mixed)", first=True)),)),
    Setting("seed", "of every random choice", (_form("", "", n=_option(Integer(0), 0, "a whole number", first=True)),)),
)  # fmt: skip
