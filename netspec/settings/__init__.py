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
    ClassWeights,
    Form,
    Measure,
    Milestones,
    Pairs,
    Setting,
    Text,
    form,
    option,
    table,
)

__all__ = ["AUGMENTATIONS", "LIKELIHOODS", "METRICS", "OF_CLASSES", "SETTINGS"]

LIKELIHOODS = ("cross_entropy", "focal", "dice", "ctc")
"""Losses of the probabilities that a softmax makes of logits."""
METRICS = {
    "f1": "F1 score, averaged over classes or labels",
    "auc": "area under the ROC curve, averaged over classes (one against the rest) or labels",
    "ap": "average precision, averaged over classes or labels (mAP)",
    "miou": "intersection over union, averaged over classes",
    "mae": "mean absolute error of values",
    "mse": "mean squared error of values",
    "cer": "edits that the decoded labels of `ctc` need, over the number of true labels (character error rate)",
}
"""Metrics beside loss, accuracy and R2."""
_RANKED = Measure("loss", "accuracy", "r2", *METRICS)
OF_CLASSES = ("cross_entropy", "focal", "dice", "hinge")
"""Losses that compare one output per class with a class."""


def _optimizer(word: str, doc: str, lr: float, **options: Option[Any]) -> Form:
    common = {
        "lr": option(RATE, lr, "learning rate"),
        "weight_decay": option(Number(0), 0.0, "weight decay"),
        "decay": option(
            Choice("weights", "all"),
            "weights",
            "what decays; weights: without biases, norms, scales and positions, all: every parameter",
        ),
    }
    return form(word, doc, **common, **options)


def _target() -> Option[Any]:
    return option(Choice("label", "input"), "label", "input: train an autoencoder")


def _values(word: str, doc: str, **options: Option[Any]) -> Form:
    """A loss of values, which may be points of an image."""
    return _loss(
        word, doc, **options,
        target=option(Choice("label", "input", "points"), "label", "input: train an autoencoder; points: x1, y1, x2, y2, … in pixels of the image, which move with it"),
        pairs=option(Pairs(), None, "points, numbered from 0, that change places in a mirror image, as the left and the right eye do"),
    )  # fmt: skip


def _loss(word: str, doc: str, **options: Option[Any]) -> Form:
    return form(word, doc, **options, weight=option(RATE, 1.0, "factor of this loss in the sum of all"))


def _ignore() -> Option[Any]:
    return option(Integer(-100), None, "a class index that neither the loss nor any score counts")


def _class_weights() -> Option[Any]:
    return option(ClassWeights(), None, "factor of each class; balanced: examples / (classes x examples of the class)")


def _teacher() -> Option[Any]:
    return option(
        Text(),
        None,
        "folder of a run, or a spec that names its weights, next to this spec (default: --teacher)",
        first=True,
    )


def _unit(doc: str = "unit of the schedule: epochs or updates") -> Option[Any]:
    return option(Choice("epoch", "step"), "epoch", doc)


def _schedule(word: str, doc: str, **options: Option[Any]) -> Form:
    warmup = {
        "warmup": option(Integer(0), 0, "epochs of linear warmup"),
        "warmup_steps": option(Integer(0), 0, "updates of linear warmup, in place of epochs"),
        "warmup_over": option(
            Flag(), False, "the warmup covers the begin of the schedule (as in timm) instead of preceding it"
        ),
        "warmup_start": option(FRACTION, None, "factor of the first update of the warmup (default: 1 / its updates)"),
    }
    return form(word, doc, **options, **warmup)


SETTINGS = table(
    Setting("loss", "loss function", (
        _loss("cross_entropy", "softmax and negative log-likelihood", label_smoothing=option(DECAY, 0.0, "probability spread over the other classes"), class_weights=_class_weights(), ignore=_ignore()),
        _loss("focal", "cross-entropy times (1 - p)^gamma, p the probability of the true class (Lin et al. 2017)", gamma=option(Number(0), 2.0, "exponent", first=True), class_weights=_class_weights(), ignore=_ignore()),
        _loss("dice", "1 minus the Dice coefficient of the classes of pixels (Milletari et al. 2016)", smooth=option(RATE, 1.0, "added to numerator and denominator"), ignore=_ignore()),
        _loss("hinge", "multi-class SVM: the sum of max(0, s_j - s_y + margin) over wrong classes", margin=option(RATE, 1.0, "margin"), ignore=_ignore()),
        _values("mse", "mean squared error"),
        _values("l1", "mean absolute error"),
        _values("huber", "squared error below delta, absolute error above", delta=option(RATE, 1.0, "where they meet")),
        _loss("bce", "binary cross-entropy of logits", target=_target()),
        _loss("contrastive", "of the distance of two inputs: half its square where they are alike (target 1), half the square of what it lacks of the margin where they are not (target 0; Hadsell et al. 2006)", margin=option(RATE, 1.0, "the distance from which unlike pairs cost nothing")),
        _loss("triplet", "of the distances of features: what the farthest example of the same class in the batch lacks of being nearer by the margin than the nearest of another class (Hermans et al. 2017)", margin=option(RATE, 1.0, "margin")),
        _loss("ctc", "negative log-likelihood of a sequence of labels over all alignments with the tokens of the output, divided by the number of labels (Graves et al. 2006)", blank=option(Integer(0), 0, "the class index of the blank")),
    ), outputs=True),
    Setting("optimizer", "optimizer", (
        _optimizer("sgd", "stochastic gradient descent", 0.01, momentum=option(DECAY, 0.0, "momentum"), nesterov=option(Flag(), False, "use Nesterov momentum")),
        _optimizer("adam", "Kingma & Ba 2015", 1e-3, betas=option(Betas(), (0.9, 0.999), "decay rates"), eps=option(RATE, 1e-8, "added to the denominator")),
        _optimizer("adamw", "Adam with decoupled decay (Loshchilov & Hutter 2019)", 1e-3, betas=option(Betas(), (0.9, 0.999), "decay rates"), eps=option(RATE, 1e-8, "added to the denominator")),
        _optimizer("rmsprop", "Tieleman & Hinton 2012", 1e-2, alpha=option(DECAY, 0.99, "smoothing"), momentum=option(DECAY, 0.0, "momentum"), eps=option(RATE, 1e-8, "added to the denominator")),
        _optimizer("adagrad", "Duchi et al. 2011", 1e-2, eps=option(RATE, 1e-10, "added to the denominator")),
        _optimizer("lion", "Chen et al. 2023", 1e-4, betas=option(Betas(), (0.9, 0.99), "decay rates")),
        _optimizer("lamb", "Adam with the rate of each weight scaled by its norm (You et al. 2020)", 5e-3, betas=option(Betas(), (0.9, 0.999), "decay rates"), eps=option(RATE, 1e-6, "added to the denominator")),
        _optimizer("lars", "momentum with the rate of each weight scaled by its norm (You et al. 2017)", 0.1, momentum=option(DECAY, 0.9, "momentum"), trust=option(RATE, 1e-3, "trust coefficient")),
        _optimizer("muon", "orthogonalized momentum for the matrices of hidden layers, AdamW for all else (Jordan et al. 2024)", 1e-3, momentum=option(DECAY, 0.95, "momentum of matrices"), nesterov=option(Flag(), True, "use Nesterov momentum for matrices"), betas=option(Betas(), (0.9, 0.95), "decay rates of AdamW")),
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
        _schedule("cosine_restarts", "cosine annealing down to low, again and again (Loshchilov & Hutter 2017)", every=option(Integer(1), 10, "length of the first cycle", first=True), growth=option(Integer(1), 1, "each cycle is so many times as long as the one before"), low=option(Number(0), 0.0, "final learning rate"), unit=_unit()),
        _schedule("onecycle", "increase to the learning rate, then decrease (Smith 2018)", rise=option(FRACTION, 0.3, "fraction of the run in which it increases")),
    )),
    Setting("epochs", "passes over the training set", (form("", "", n=option(Integer(1), 10, "how many", first=True)),)),
    Setting("batch", "batch size", (form("", "", n=option(BatchSize(1), 128, "how many", first=True), accumulate=option(Integer(1), 1, "number of batches whose gradients are accumulated")),)),
    Setting("sampling", "which examples an epoch has", (
        form("balanced", "drawn with replacement, each class as often as the others"),
        form("repeated", "each of a part of the examples several times in a row, differently augmented (Hoffer et al. 2020)", times=option(Integer(2), 3, "how often", first=True)),
    )),
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
        form("digit_rows", "one to five of them side by side, 8x40 pixels, and their text"),
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
    Setting("unfreeze", "layers that are frozen at first, by label or name, and trained after so many epochs", (form("", "", at=option(Integer(1), 1, "epochs before they are trained")),), many=True, labels=True),
    Setting("unfreeze_backward", "at first only the last block, or layer outside of blocks, is trained, and every so many epochs the one before it too (Howard & Ruder 2018)", (form("", "", every=option(Integer(1), 1, "epochs from one to the next", first=True)),)),
    Setting("rate", "per-layer learning rate, by label or name", (form("", "", factor=option(Number(0), 0.1, "factor on the learning rate of the optimizer")),), many=True, labels=True),
    Setting("layer_decay", "learning rates that decay from the output to the input: by this factor for each block, or layer outside of blocks (Bao et al. 2022)", (form("", "", factor=option(Number(0, 1, open_low=True), 0.75, "factor", first=True)),)),
    Setting("pretrain", "pretraining", (
        form("layerwise", "greedy layer-wise pretraining with autoencoders", epochs=option(Integer(1), 10, "epochs per layer")),
        form("rbm", "fully connected layers as restricted Boltzmann machines, one at a time, by contrastive divergence (Hinton & Salakhutdinov 2006)", epochs=option(Integer(1), 10, "epochs per layer"), visible=option(Choice("binary", "gaussian"), "binary", "units of the data: values from 0 to 1, or any")),
    )),
    Setting("distill", "training by the outputs of a trained network, the teacher, beside the labels: the loss is (1 - weight) times that of `loss`, plus weight times theirs", (
        form("soft", "Kullback-Leibler divergence from the teacher's probabilities at this temperature, times its square (Hinton et al. 2015)", teacher=_teacher(), temperature=option(RATE, 4.0, "what the logits of both are divided by"), weight=option(FRACTION, 0.9, "share of this loss")),
        form("hard", "cross-entropy with the class that the teacher predicts (Touvron et al. 2021)", teacher=_teacher(), weight=option(FRACTION, 0.5, "share of this loss")),
    )),
    Setting("metric", "a metric of every evaluation", tuple(form(name, doc) for name, doc in METRICS.items()), many=True),
    Setting("validate", "how often validation is done, and the best weights are looked for", (form("", "", every=option(Integer(1), 1, "after how many epochs or updates", first=True), unit=_unit("epochs or updates")),)),
    Setting("best", "which epoch's weights are kept", (form("", "", by=option(_RANKED, None, "what it is the best by (default: accuracy, or loss without classes)", first=True)),)),
    Setting("stop", "early stopping", (form("", "", patience=option(Integer(1), 10, "epochs (or validations, if `validate` has them at other times) without improvement", first=True), by=option(_RANKED, None, "of what (default: that of `best`)")),)),
    Setting("clip", "gradient clipping", (form("", "", norm=option(RATE, 1.0, "maximum norm of the gradient", first=True)),)),
    Setting("kl", "divergence of what `sample` draws from to the standard normal distribution, added to the loss", (form("", "", weight=option(Number(0), 1.0, "factor; 1: with a loss that is a mean over the output, the evidence lower bound", first=True)),)),
    Setting("ema", "moving average of the weights", (form("", "", decay=option(DECAY, 0.999, "decay", first=True), warmup=option(Flag(), False, "let the decay rise as (1 + n)/(10 + n)"), every=option(Integer(1), 1, "updates from one average to the next")),)),
    Setting("sync_bn", "batch statistics with several devices", (form("", "", on=option(Flag(), True, "yes: of the whole batch, as on one device; no: of the part of each device, which exchanges less", first=True)),)),
    Setting("precision", "arithmetic", (form("", "", kind=option(Choice("auto", "fp32", "bf16", "fp16"), "auto", "fp32, bf16 or fp16 (mixed); auto: bf16 on GPUs that support it", first=True)),)),
    Setting("seed", "seed of all random numbers", (form("", "", n=option(Integer(0), 0, "a whole number", first=True)),)),
)  # fmt: skip
