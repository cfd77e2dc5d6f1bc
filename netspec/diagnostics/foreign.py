"""Layers as PyTorch, Keras, Darknet and Caffe write them, in netspec's words. Plain text in, plain text out."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

__all__ = [
    "ALIASES",
    "LAYER_WORDS",
    "OPTIONS",
    "PLACES",
    "PYTHON_MODULES",
    "RECIPE",
    "RECIPE_ELSEWHERE",
    "STRUCTURES",
    "TENSORS",
    "TWO_WAYS",
    "option_text",
    "translated",
    "translated_call",
]

ALIASES = {
    "conv2d": "conv", "conv1d": "conv", "conv3d": "conv", "convolution": "conv", "convolutional": "conv", "dense": "FC",
    "convolution2d": "conv", "fullyconnected": "FC", "inner_product": "FC", "innerproduct": "FC", "connected": "FC",
    "batchnorm2d": "bn", "batchnorm1d": "bn", "batchnorm": "bn", "batch_norm": "bn", "batch_normalize": "bn", "batchnormalization": "bn",
    "layernorm": "ln", "layer_norm": "ln", "layernorm2d": "ln", "layernormalization": "ln", "groupnorm": "gn",
    "maxpool2d": "maxpool", "max_pool": "maxpool", "maxpooling2d": "maxpool", "maxpool1d": "maxpool",
    "maxpooling1d": "maxpool", "avgpool2d": "avgpool", "avg_pool": "avgpool", "averagepooling2d": "avgpool",
    "leakyrelu": "leaky_relu", "pool": "maxpool", "globalaveragepooling2d": "gap", "global_avg_pool": "gap",
    "globalavgpool": "gap", "globalmaxpooling2d": "gmp", "adaptiveavgpool2d": "adaptive_avgpool",
    "adaptivemaxpool2d": "adaptive_maxpool", "dropout1d": "dropout", "drop": "dropout", "multiheadattention": "attention",
    "conv2dtranspose": "convT", "convtranspose2d": "convT", "depthwise_conv": "dwconv", "depthwiseconv2d": "dwconv",
    "separable_conv": "sepconv", "separableconv2d": "sepconv", "activation": "relu", "norm": "bn",
    "interpolate": "resize", "embedding": "embed", "positional_encoding": "pos_embed", "zeropadding2d": "pad",
    "upsampling2d": "upsample", "fully_connected": "FC", "logsoftmax": "log_softmax", "softmax2d": "softmax",
    "pixelshuffle": "pixel_shuffle", "shuffle": "channel_shuffle", "channelshuffle": "channel_shuffle", "instancenorm2d": "instancenorm", "localresponsenorm": "LRN",
}  # fmt: skip
PLACES = {
    "skip": "give the layer a label, and come back to it: `add [ from label; identity ]`",
    "shortcut": "put the layers in `residual { … }`, or add a labelled one: `add [ from label; identity ]`",
    "route": "give the layers labels, and join them: `concat [ from first; from second ]`",
    "import": 'other specs are brought in with `use "file.net" as name`',
    "def": "layers under a name of their own are `block name(parameter) { … }`",
    "class": "a net is its layers, one a line, below `net Name`",
    "return": "remove it: the last layer gives the result; at the top level `output name` names one",
    "forward": "layers run in the order in which they are written",
    "sequential": "a chain is its layers, one a line or joined by `->`",
    "view": "`flatten` makes a vector of it, `reshape 16x5x5` gives it other sizes",
    "cat": "branches are joined by `concat [ from first; from second ]`",
    "print": "`netspec check` prints the shape after every layer",
    "squeeze": "`reshape` gives the sizes without the axis of size 1; `flatten` makes a vector",
    "unsqueeze": "`reshape` gives the sizes with one more axis, as in `reshape 1x28x28`; the batch has no axis here",
    "expand_dims": "`reshape` gives the sizes with one more axis, as in `reshape 1x28x28`; the batch has no axis here",
    "transpose": "`permute(1, 0)` exchanges the two axes of a sequence",
    "mean": "`gap` is the mean over all positions",
    "bidirectional": "write `bidirectional=yes` on the layer: `lstm-256 bidirectional=yes`",
    "lambda": "there are no functions of tensors: `netspec ops` lists the layers",
}
"""What has no layer of its own here, and what takes its place."""

STRUCTURES = {
    **dict.fromkeys(
        ("ffn", "mlp", "feedforward"), "write its layers: `residual { ln -> linear-256 act=gelu -> linear-64 }`"
    ),
    **dict.fromkeys(
        ("transformer", "encoder", "transformerencoder", "transformerencoderlayer"),
        "write its layers: `residual { ln -> attention heads=8 }`, then `residual { ln -> linear-256 act=gelu -> linear-64 }`",
    ),
}
"""Parts of networks that are written out of layers."""

PYTHON_MODULES = ("torch", "torchvision", "tensorflow", "keras", "numpy", "jax", "flax", "os", "sys", "math", "netspec")
"""What scripts import, and a spec does not."""

TWO_WAYS = {"bilstm": "lstm", "blstm": "lstm", "bigru": "gru", "bgru": "gru", "birnn": "rnn", "brnn": "rnn"}
"""Recurrent layers in both directions, which are an option here."""

OPTIONS = {
    "in_channels": "", "in_features": "", "num_features": "", "num_channels": "", "input_dim": "", "normalized_shape": "",
    "embed_dim": "", "input_size": "", "input_shape": "", "inplace": "", "dim": "", "name": "", "affine": "",
    "batch_first": "", "data_format": "", "start_dim": "", "end_dim": "", "axis": "",
    "track_running_stats": "", "kernel_initializer": "", "trainable": "", "dtype": "", "device": "", "stride": "stride", "strides": "stride", "subsample": "stride", "s": "stride",
    "out_channels": "width", "out_features": "width", "filters": "width", "units": "width", "num_output": "width",
    "nb_filter": "width", "hidden_size": "width", "embedding_dim": "width", "output_dim": "width", "channels": "width",
    "kernel_size": "kernel", "pool_size": "kernel", "ksize": "kernel", "size": "kernel", "k": "kernel", "kernel": "kernel",
    "padding": "pad", "p": "pad", "border_mode": "pad", "output_padding": "output_pad", "use_bias": "bias",
    "bias_term": "bias", "activation": "act", "normalization": "norm", "dilation_rate": "dilation", "rate": "p",
    "dropout_rate": "p", "prob": "p", "keep_prob": "p", "num_heads": "heads", "num_embeddings": "vocab", "group": "groups",
    "negative_slope": "slope", "alpha": "slope", "num_groups": "groups", "scale_factor": "factor", "epsilon": "eps",
}  # fmt: skip
"""Options of theirs, and ours; an empty one says what netspec infers."""

RECIPE = {
    "criterion": "loss", "objective": "loss", "optim": "optimizer", "solver": "optimizer", "scheduler": "schedule",
    "lr_scheduler": "schedule", "lr_policy": "schedule", "batch_size": "batch", "num_epochs": "epochs", "n_epochs": "epochs",
    "max_epochs": "epochs", "regularization": "regularize", "augmentation": "augment", "transforms": "augment",
    "transform": "augment", "early_stopping": "stop", "early_stop": "stop", "grad_clip": "clip", "clip_grad": "clip",
    "gradient_clip_val": "clip", "pretrained": "weights", "initializer": "init", "random_seed": "seed", "amp": "precision",
    "crossentropyloss": "cross_entropy", "categorical_crossentropy": "cross_entropy", "nll_loss": "cross_entropy",
    "sparse_categorical_crossentropy": "cross_entropy", "softmax_loss": "cross_entropy", "ce": "cross_entropy",
    "nllloss": "cross_entropy", "mseloss": "mse", "l2loss": "mse", "mean_squared_error": "mse", "l1loss": "l1", "mae": "l1",
    "bcewithlogitsloss": "bce", "bceloss": "bce", "binary_crossentropy": "bce", "multimarginloss": "hinge",
    "steplr": "step", "multisteplr": "multistep", "exponentiallr": "exp", "exponential": "exp", "cosineannealinglr": "cosine",
    "cosine_annealing": "cosine", "reducelronplateau": "plateau", "reduce_on_plateau": "plateau", "onecyclelr": "onecycle",
    "polynomial": "poly", "polynomiallr": "poly", "kaiming": "he", "kaiming_normal": "he", "he_normal": "he", "msra": "he",
    "glorot": "xavier", "glorot_uniform": "xavier", "xavier_uniform": "xavier", "normal": "gaussian",
    "learning_rate": "lr", "wd": "weight_decay", "decay_rate": "gamma", "step_size": "every", "milestones": "at",
    "gamma_decay": "gamma", "epsilon": "eps", "rho": "alpha",
    "random_crop": "crop", "randomcrop": "crop", "hflip": "flip", "horizontal_flip": "flip", "randomhorizontalflip": "flip",
    "random_horizontal_flip": "flip", "vertical_flip": "flip_vertical", "vflip": "flip_vertical", "rotation": "rotate",
    "randomrotation": "rotate", "random_rotation": "rotate", "translation": "translate", "shift": "translate",
    "scale": "rescale", "zoom": "rescale", "color_jitter": "jitter", "colorjitter": "jitter", "colour_jitter": "jitter",
    "random_erasing": "erase", "randomerasing": "erase", "cutout": "erase", "pca": "lighting", "gaussian_noise": "noise", "gaussiannoise": "noise",
    "clip_grad_norm": "clip", "gradient_clip": "clip", "max_grad_norm": "clip", "max_norm": "norm", "float16": "fp16",
    "half": "fp16", "bfloat16": "bf16", "float32": "fp32", "mixed": "fp16", "16": "fp16", "32": "fp32", "padding": "pad",
    "warmup_epochs": "warmup", "warmup_steps": "warmup", "eta_min": "low", "min_lr": "low", "max_lr": "lr", "nadam": "adam",
    "radam": "adam", "momentum_sgd": "sgd", "stepsize": "every", "steps": "at", "drop": "gamma", "smoothing": "label_smoothing",
    "t_max": "", "last_epoch": "", "verbose": "", "total_steps": "", "params": "", "lr_decay": "gamma", "l2": "weight_decay",
    "decay": "weight_decay", "image": "input", "inputs": "input", "x": "input", "data": "input", "labels": "label", "y": "label", "prob": "p",
    "finetune": "weights", "resume": "weights", "gradual_unfreezing": "unfreeze_backward", "gradual_unfreeze": "unfreeze_backward", "thaw": "unfreeze", "trainable": "train_only", "early": "stop",
    "distillation": "distill", "teacher": "distill", "knowledge_distillation": "distill", "kd": "soft", "alpha": "weight", "tau": "temperature", "progressive_resizing": "progressive", "progressive_resize": "progressive",
    "t": "temperature", "validation": "validate", "eval_every": "validate", "eval_steps": "validate", "val_check_interval": "validate",
}  # fmt: skip
"""Settings, words and options of recipes as other trainers call them."""

LAYER_WORDS = {
    "leaky": "leaky_relu(0.1)", "lrelu": "leaky_relu(0.2)", "logistic": "sigmoid", "swish": "silu", "linear": "none",
    "identity": "none", "batch": "bn", "batchnorm2d": "bn", "batchnorm1d": "bn", "batchnormalization": "bn", "layer": "ln",
    "layernorm2d": "ln", "layernormalization": "ln", "instance": "instancenorm", "instancenorm2d": "instancenorm",
    "group": "gn(32)", "hard_swish": "hardswish", "hswish": "hardswish",
}  # fmt: skip
"""Words for activations and normalisations as others call them."""

RECIPE_ELSEWHERE = {
    **dict.fromkeys(("metric", "metrics", "accuracy"), "remove it: the loss and the accuracy are reported for every epoch"),
    **dict.fromkeys(("device", "gpu", "gpus", "cuda"), "remove it: it belongs to the command, `netspec train --accelerator cuda`"),
    **dict.fromkeys(("data", "dataset", "data_dir", "train_data"), "remove it: it belongs to the command, `netspec train --data …`"),
    **dict.fromkeys(("dropout", "batch_norm", "batchnorm"), "remove it: it is a layer, and belongs among the layers of the net"),
    **dict.fromkeys(("shuffle", "verbose", "log", "save", "checkpoint"), "remove it: `netspec train` does this anyway"),
    **dict.fromkeys(("workers", "num_workers"), "remove it: it belongs to the command, `netspec train --workers 2`"),
}  # fmt: skip
"""What other recipes hold, and where it belongs here."""

_IN_OUT = ("", "width", "kernel", "stride", "pad", "dilation", "groups", "bias")
_TORCH = {
    "conv": _IN_OUT, "convT": ("", "width", "kernel", "stride", "pad", "output_pad", "groups", "bias"),
    "dwconv": _IN_OUT, "sepconv": _IN_OUT, "FC": ("", "width", "bias"), "linear": ("", "width", "bias"),
    "bn": ("", "eps"), "ln": ("", "eps"), "instancenorm": ("", "eps"), "lstm": ("", "width"), "gru": ("", "width"),
    "rnn": ("", "width"), "attention": ("", "heads"), "embed": ("vocab", "width"),
}  # fmt: skip
_KERAS = {
    "conv": ("width", "kernel", "stride", "pad"), "convT": ("width", "kernel", "stride", "pad"),
    "sepconv": ("width", "kernel", "stride", "pad"), "dwconv": ("kernel", "stride", "pad"), "FC": ("width", "act"),
    "linear": ("width",), "lstm": ("width",), "gru": ("width",), "rnn": ("width",), "embed": ("vocab", "width"),
}  # fmt: skip
_WINDOWED = ("conv", "convT", "sepconv")
_LARGEST_KERNEL = 11
"""Of the kernels in use: `conv(3, 64)` states what comes in and what goes out, as in PyTorch."""

_MOST_AXES = 4

TENSORS = ("x", "h", "y", "z", "out", "input", "inputs", "net", "features", "output")
"""What a call of PyTorch's functions or of Keras's layers is handed."""

_CASED = {"fc": "FC", "convt": "convT", "lrn": "LRN"}
_POOL = ("kernel", "stride", "pad")
_VALUES = ("p", "value", "factor", "groups", "slope")
_NUMBER = r"\d+|[A-Za-z_]\w*"


def translated(head: str, values: Sequence[str], options: Mapping[str, str]) -> str | None:
    """The layer that a call such as `Conv2d(3, 64, 3, padding=1)` means; None where that is not clear."""
    if values and values[0] in TENSORS:
        values = values[1:]
    if any("(" in value.lstrip("(") for value in values):
        return None
    stem = head.lower()
    name = ALIASES.get(stem, _CASED.get(stem, stem))
    if name in ("softmax", "log_softmax") and len(values) == 1 and values[0].isdigit():
        return f"FC-{values[0]} act={name}" if int(values[0]) > _MOST_AXES else name  # a number of classes, or an axis
    sized = any(OPTIONS.get(option) == "kernel" for option in options)
    lone = (
        len(values) == 2
        and name in _WINDOWED
        and not sized
        and values[1].isdigit()
        and int(values[1]) > _LARGEST_KERNEL
    )
    places = _places(name, head, len(values) + (sized or lone))
    if len(values) > len(places):
        return None
    given = {}
    for place, value in [*zip(places, values, strict=False), *((_called(name, o), v) for o, v in options.items())]:
        if place and place not in given:
            given[place] = option_text(value)
    return _written(name, given)


def _called(name: str, option: str) -> str:
    """An option of a layer as it is called here; `p` is the padding of a window, and the probability of a dropout."""
    return "p" if option == "p" and "drop" in name else OPTIONS.get(option, option)


def translated_call(head: str, inside: str) -> str | None:
    """The layer that a call means, from the text between its brackets."""
    parts = re.findall(r"(?:[^,()\[\]]|\([^()]*\)|\[[^\[\]]*\])+", inside)
    parts = [part.strip() for part in parts if part.strip()]
    named = dict(part.split("=", 1) for part in parts if "=" in part)
    values = [part for part in parts if "=" not in part]
    return translated(head, values, {option.strip(): value.strip() for option, value in named.items()})


def _places(name: str, head: str, count: int) -> tuple[str, ...]:
    """The options that the values of a call are for, in their order."""
    if name in ("maxpool", "avgpool", "lppool"):
        return _POOL
    keras, torch = _KERAS.get(name), _TORCH.get(name)
    if keras is None or torch is None:
        return torch or keras or ("p",)
    if re.search(r"\d[Dd]$", head):
        return keras if head.endswith("D") else torch
    if name in _WINDOWED:
        return torch if count >= 3 else keras
    return torch if count >= 2 and name != "embed" else keras


def _written(name: str, given: dict[str, str]) -> str | None:
    """Head, slots and options as the language writes them; None where a slot is missing or not a plain number."""
    slots = {slot: given.pop(slot, None) for slot in ("kernel", "width", "stride")}
    kernel, width, stride = (_collapsed(value) for value in slots.values())
    windowed = name in ("conv", "convT", "sepconv", "dwconv", "localconv")
    wide = name in ("conv", "convT", "sepconv", "localconv", "FC", "linear", "embed", "lstm", "gru", "rnn")
    if (windowed and kernel is None) or (wide and width is None):
        return None
    if not wide and name != "dwconv":
        width = None
    if any(value is not None and not re.fullmatch(rf"{_NUMBER}|\d+x\d+", value) for value in (kernel, width, stride)):
        return None
    if kernel is not None:
        kernel = kernel if kernel[0].isdigit() else f"({kernel})"
    if stride in ("1", None) and not (name.endswith("pool") and stride):
        stride = None
    text = name + (kernel or "") + (f"-{width}" if width else "") + (f"/{stride}" if stride else "")
    if "pad" in given:
        given["pad"] = _collapsed(given["pad"]) or ""
        if given["pad"] in ("0", "valid", "none"):
            del given["pad"]
    for option, plain in (("act", ("linear", "none")), ("bias", ("yes",))):
        if given.get(option) in plain:
            del given[option]
    if not wide and not windowed and len(given) == 1 and next(iter(given)) in _VALUES and name not in ("bn", "ln"):
        (value,) = given.values()
        return f"{text} {_collapsed(value)}"
    return text + "".join(f" {option}={value}" for option, value in given.items())


def option_text(value: str) -> str:
    """A value as the language writes it: words without quotes, yes and no."""
    value = value.strip()
    if re.fullmatch(r"\"\w+\"|'\w+'", value):
        value = value[1:-1].lower()
    value = re.sub(r"^(?:nn|F|tf\.nn|layers)\.(\w+)(?:\(\))?$", lambda m: m[1].lower(), value)
    return {"True": "yes", "False": "no", "true": "yes", "false": "no", "None": "none"}.get(value, value)


def _collapsed(value: str | None) -> str | None:
    """`(3, 3)` as 3, `(3, 5)` as 3x5."""
    if value is None:
        return None
    parts = [part.strip() for part in value.strip("()[]").split(",") if part.strip()]
    if len(parts) < 2:
        return parts[0] if parts else None
    return parts[0] if len(set(parts)) == 1 else "x".join(parts)
