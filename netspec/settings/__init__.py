"""The settings of a `train` section: their forms, options, bounds and documentation."""

from __future__ import annotations

from typing import Any

from netspec.ops.kinds import Choice, Flag, Integer, Number
from netspec.ops.op import Option
from netspec.settings.augmentations import AUGMENTATIONS
from netspec.settings.schema import (
    DECAY,
    FRACTION,
    RATE,
    BatchSize,
    Betas,
    Form,
    Milestones,
    Setting,
    Text,
    form,
    option,
    table,
)

__all__ = ["AUGMENTATIONS", "SETTINGS"]


def _optimizer(word: str, doc: str, lr: float, **options: Option[Any]) -> Form:
    common = {
        "lr": option(RATE, lr, "learning rate"),
        "weight_decay": option(Number(0), 0.0, "weight decay"),
        "decay": option(
            Choice("weights", "all"), "weights", "what decays; weights: without biases and norms, all: every parameter"
        ),
    }
    return form(word, doc, **common, **options)


def _target() -> Option[Any]:
    return option(Choice("label", "input"), "label", "input: train an autoencoder")


def _unit() -> Option[Any]:
    return option(Choice("epoch", "step"), "epoch", "unit of the schedule: epochs or updates")


def _schedule(word: str, doc: str, **options: Option[Any]) -> Form:
    warmup = option(Integer(0), 0, "epochs of linear warmup from 0")
    return form(word, doc, **options, warmup=warmup)


SETTINGS = table(
    Setting("loss", "loss function", (
        form("cross_entropy", "softmax and negative log-likelihood", label_smoothing=option(DECAY, 0.0, "probability spread over the other classes")),
        form("hinge", "multi-class SVM: the sum of max(0, s_j - s_y + margin) over wrong classes", margin=option(RATE, 1.0, "margin")),
        form("mse", "mean squared error", target=_target()),
        form("l1", "mean absolute error", target=_target()),
        form("bce", "binary cross-entropy of logits", target=_target()),
    )),
    Setting("optimizer", "optimizer", (
        _optimizer("sgd", "stochastic gradient descent", 0.01, momentum=option(DECAY, 0.0, "momentum"), nesterov=option(Flag(), False, "use Nesterov momentum")),
        _optimizer("adam", "Kingma & Ba 2015", 1e-3, betas=option(Betas(), (0.9, 0.999), "decay rates"), eps=option(RATE, 1e-8, "added to the denominator")),
        _optimizer("adamw", "Adam with decoupled decay (Loshchilov & Hutter 2019)", 1e-3, betas=option(Betas(), (0.9, 0.999), "decay rates"), eps=option(RATE, 1e-8, "added to the denominator")),
        _optimizer("rmsprop", "Tieleman & Hinton 2012", 1e-2, alpha=option(DECAY, 0.99, "smoothing"), momentum=option(DECAY, 0.0, "momentum"), eps=option(RATE, 1e-8, "added to the denominator")),
        _optimizer("adagrad", "Duchi et al. 2011", 1e-2, eps=option(RATE, 1e-10, "added to the denominator")),
        form("lbfgs", "limited-memory BFGS", lr=option(RATE, 1.0, "learning rate"), history=option(Integer(1), 10, "number of updates in the history")),
    )),
    Setting("schedule", "learning-rate schedule", (
        _schedule("constant", "constant learning rate"),
        _schedule("step", "multiply by gamma every N epochs or steps", every=option(Integer(1), 30, "how many", first=True), gamma=option(RATE, 0.1, "factor"), unit=_unit()),
        _schedule("multistep", "multiply by gamma at each of the given epochs or steps", at=option(Milestones(), (30, 60, 80), "when"), gamma=option(RATE, 0.1, "factor"), unit=_unit()),
        _schedule("exp", "multiply by gamma after every epoch or step", gamma=option(RATE, 0.97, "factor", first=True), unit=_unit()),
        _schedule("poly", "(1 - t/T)^power after t of T updates", power=option(RATE, 0.5, "exponent", first=True)),
        _schedule("inverse", "1/(1 + rate t)", rate=option(RATE, 1.0, "rate", first=True), unit=_unit()),
        _schedule("plateau", "multiply by factor when validation stops improving", factor=option(DECAY, 0.1, "factor", first=True), patience=option(Integer(0), 10, "epochs to wait")),
        _schedule("cosine", "cosine annealing down to low", low=option(Number(0), 0.0, "final learning rate")),
        _schedule("onecycle", "increase to the learning rate, then decrease (Smith 2018)", rise=option(FRACTION, 0.3, "fraction of the run in which it increases")),
    )),
    Setting("epochs", "passes over the training set", (form("", "", n=option(Integer(1), 10, "how many", first=True)),)),
    Setting("batch", "batch size", (form("", "", n=option(BatchSize(1), 128, "how many", first=True), accumulate=option(Integer(1), 1, "number of batches whose gradients are accumulated")),)),
    Setting("init", "initialization of the weights", (
        form("gaussian", "normal distribution", std=option(RATE, 0.01, "standard deviation", first=True)),
        form("xavier", "Glorot & Bengio 2010"),
        form("he", "He et al. 2015"),
        form("lecun", "LeCun et al. 1998"),
        form("orthogonal", "Saxe et al. 2014"),
        form("bias", "initial value of biases", value=option(Number(), 0.0, "the value", first=True)),
        form("zero_residual", "the last norm of every residual starts at 0 (Goyal et al. 2017)"),
    ), many=True),
    Setting("regularize", "regularization of the weights", (
        form("l2", "half the squared L2 norm", weight=option(Number(0), 1e-4, "factor", first=True)),
        form("l1", "the L1 norm", weight=option(Number(0), 1e-5, "factor", first=True)),
        form("elastic", "L1 and L2 (elastic net)", l1=option(Number(0), 1e-5, "factor of l1"), l2=option(Number(0), 1e-4, "factor of l2")),
        form("max_norm", "an upper bound on the norm of each unit's weight vector", bound=option(RATE, 3.0, "maximum norm", first=True)),
    ), many=True),
    Setting("data", "built-in data to train on, where --data names no other", (
        form("digits", "handwritten digits of 8x8 pixels"),
        form("xor", "the truth table of exclusive or"),
        form("nand", "the truth table of not-and"),
        form("8-3-8", "eight patterns with a single 1, for an encoder"),
        form("spirals", "three spiral arms in the plane"),
        form("moons", "two half circles that reach into each other"),
        form("blobs", "three clouds"),
        form("rings", "a disk within a ring"),
    )),
    Setting("augment", "data augmentation of training images", (form("", ""),), nested=AUGMENTATIONS),
    Setting("weights", "weights to start from", (form("", "", file=option(Text(), None, "a file next to the spec", first=True)),)),
    Setting("freeze", "layers that are not trained, by label or by the name that `check` shows", (form("", ""),), labels=True),
    Setting("train_only", "the only layers that are trained, by label or name; all others are frozen", (form("", ""),), labels=True),
    Setting("rate", "per-layer learning rate, by label or name", (form("", "", factor=option(Number(0), 0.1, "factor on the learning rate of the optimizer")),), many=True, labels=True),
    Setting("pretrain", "pretraining", (
        form("layerwise", "greedy layer-wise pretraining with autoencoders", epochs=option(Integer(1), 10, "epochs per layer")),
        form("rbm", "fully connected layers as restricted Boltzmann machines, one at a time, by contrastive divergence (Hinton & Salakhutdinov 2006)", epochs=option(Integer(1), 10, "epochs per layer"), visible=option(Choice("binary", "gaussian"), "binary", "units of the data: values from 0 to 1, or any")),
    )),
    Setting("stop", "early stopping", (form("", "", patience=option(Integer(1), 10, "epochs without improvement", first=True)),)),
    Setting("clip", "gradient clipping", (form("", "", norm=option(RATE, 1.0, "maximum norm of the gradient", first=True)),)),
    Setting("ema", "moving average of the weights", (form("", "", decay=option(DECAY, 0.999, "decay", first=True)),)),
    Setting("precision", "arithmetic", (form("", "", kind=option(Choice("auto", "fp32", "bf16", "fp16"), "auto", "fp32, bf16 or fp16 (mixed); auto: bf16 on GPUs that support it", first=True)),)),
    Setting("seed", "seed of all random numbers", (form("", "", n=option(Integer(0), 0, "a whole number", first=True)),)),
)  # fmt: skip
