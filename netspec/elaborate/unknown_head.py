"""A layer that does not exist: what was probably meant, and how netspec writes it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from netspec.diagnostics import Fix, nearest
from netspec.elaborate.state import Frame
from netspec.ops import CATALOGUE
from netspec.source import Span
from netspec.syntax import tree as t

if TYPE_CHECKING:
    from netspec.elaborate.elaborator import Elaborator

__all__ = ["report_unknown_head"]

_FOREIGN = {
    "conv2d": "conv", "conv1d": "conv", "conv3d": "conv", "convolution": "conv", "convolutional": "conv", "dense": "FC",
    "fullyconnected": "FC", "inner_product": "FC", "innerproduct": "FC", "batchnorm2d": "bn", "batchnorm1d": "bn",
    "batchnorm": "bn", "batch_norm": "bn", "batchnormalization": "bn", "layernorm": "ln", "layer_norm": "ln",
    "layernorm2d": "ln", "groupnorm": "gn", "maxpool2d": "maxpool", "max_pool": "maxpool", "maxpooling2d": "maxpool",
    "avgpool2d": "avgpool", "avg_pool": "avgpool", "averagepooling2d": "avgpool", "leakyrelu": "leaky_relu",
    "pool": "maxpool", "globalaveragepooling2d": "gap", "global_avg_pool": "gap", "globalavgpool": "gap",
    "adaptiveavgpool2d": "adaptive_avgpool", "dropout1d": "dropout", "multiheadattention": "attention",
    "conv2dtranspose": "convT", "convtranspose2d": "convT", "depthwise_conv": "dwconv", "depthwiseconv2d": "dwconv",
    "separable_conv": "sepconv", "separableconv2d": "sepconv", "activation": "relu", "norm": "bn",
    "interpolate": "resize", "skip": "identity", "route": "concat", "shortcut": "residual", "embedding": "embed",
    "positional_encoding": "pos_embed", "zeropadding2d": "pad", "upsampling2d": "upsample", "fully_connected": "FC",
}  # fmt: skip
_IN_AND_OUT = ("conv2d", "conv1d", "conv3d", "convtranspose2d")


def report_unknown_head(run: Elaborator, layer: t.Layer, frame: Frame) -> None:
    if run.unknown_blocks:
        return
    helps, fixes = _meant(layer, frame)
    run.error(
        "NS201",
        f"there is no layer or block `{layer.head}`",
        layer.head_span,
        helps=helps or ["`netspec ops` lists the layers"],
        fixes=fixes,
    )


def _meant(layer: t.Layer, frame: Frame) -> tuple[list[str], list[Fix]]:
    head, span = layer.head, layer.head_span
    stem = re.sub(r"\d+(x\d+)*$", "", head.lower())
    digits = head[len(stem) :]

    def one(help_: str, text: str, where: Span = span, *, safe: bool = False) -> tuple[list[str], list[Fix]]:
        return [help_], [Fix.replace(where, text, help_, safe=safe)]

    slots = re.fullmatch(r"([A-Za-z]+)(\d+(?:x\d+)?)_(\d+)(?:_(\d+))?", head)
    if slots and slots[1].lower() in CATALOGUE and layer.width is None and layer.stride is None:
        text = f"{slots[1]}{slots[2]}-{slots[3]}" + (f"/{slots[4]}" if slots[4] else "")
        return one(f"the slots are marked by `-` and `/`: `{text}`", text, safe=True)
    if stem in CATALOGUE and digits:
        op = CATALOGUE[stem]
        kinds = {o.slot for o in op.options.values()}
        if "width" in kinds and layer.width is None:
            text = f"{head[: len(stem)]}-{digits}"
            return one(f"the number of units is written after a hyphen: `{op.name}-{digits}`", text, safe=True)
        if "value" in kinds and not layer.values and layer.arguments is None:
            return one(f"write the number after a space: `{op.name} {digits}`", f"{stem} {digits}", safe=True)
    foreign = head.lower() if head.lower() in _FOREIGN else stem if stem in _FOREIGN else None
    if foreign is not None and not any(nearest(head, [b]) for b in frame.file.blocks):
        return _translated(layer, foreign, digits if foreign == stem else "")
    if kernel := _kernel_variable(head, frame):
        text = f"{kernel[0]}({kernel[1]})"
        return one(f"a kernel from a variable stands in parentheses: `{text}-…`", text)
    known = [*frame.file.blocks, *CATALOGUE]
    near = nearest(head, known)
    if near is None and (near := nearest(stem, known)):
        text = f"{near}{digits}"
        return one(f"did you mean `{CATALOGUE[near].name if near in CATALOGUE else near}`?", text)
    if near:
        name = CATALOGUE[near].name if near in CATALOGUE else near
        kernel_slot = near in CATALOGUE and any(o.slot == "kernel" for o in CATALOGUE[near].options.values())
        return one(f"did you mean `{name}`?", f"{name}{digits}" if kernel_slot and not near.endswith(digits) else name)
    return [], []


def _translated(layer: t.Layer, foreign: str, digits: str) -> tuple[list[str], list[Fix]]:
    """The layer as netspec writes it, where its values say enough."""
    name = _FOREIGN[foreign]
    values = [v.span.text for v in layer.arguments or ()]
    help_ = f"netspec calls it `{name}`"
    text = None
    if layer.arguments is None:
        text = f"{name}{digits}"
    elif name in ("conv", "convT") and len(values) >= 2 and all(v.isdigit() for v in values):
        torch_order = foreign in _IN_AND_OUT and len(values) >= 3
        width, kernel = (values[1], values[2]) if torch_order else (values[0], values[1])
        text = f"{name}{kernel}-{width}"
    elif name in ("maxpool", "avgpool") and len(values) in (1, 2) and all(v.isdigit() for v in values):
        text = f"{name}{values[0]}" + (f"/{values[1]}" if len(values) > 1 else "")
    elif name == "FC" and len(values) == 1 and values[0].isdigit():
        text = f"{name}-{values[0]}"
    elif name in ("bn", "ln") and len(values) <= 1:
        text = name
    if text is None:
        return [help_], []
    if layer.arguments is not None:
        help_ = f"netspec writes it `{text}`"
        stop = layer.head_span.end + _arguments_length(layer)
        options = "".join(f" {_option(o)}" for o in layer.argument_options)
        return [help_], [Fix.replace(Span(layer.span.source, layer.span.start, stop), text + options, help_)]
    return [help_], [Fix.replace(layer.head_span, text, help_)]


def _option(option: t.Option) -> str:
    names = {"padding": "pad", "strides": "stride", "kernel_size": "kernel", "activation": "act"}
    value = {"True": "yes", "False": "no", "true": "yes", "false": "no"}.get(option.value.span.text)
    return f"{names.get(option.name, option.name)}={value or option.value.span.text}"


def _arguments_length(layer: t.Layer) -> int:
    """How far the parentheses behind a head reach."""
    text, depth = layer.span.source.text[layer.head_span.end : layer.span.end], 0
    for i, char in enumerate(text):
        depth += (char == "(") - (char == ")")
        if depth == 0 and char == ")":
            return i + 1
    return len(text)


def _kernel_variable(head: str, frame: Frame) -> tuple[str, str] | None:
    """`convk` where k is a variable: (conv, k)."""
    for name in frame.visible():
        stem = head.removesuffix(name)
        if stem != head and stem.lower() in CATALOGUE:
            return stem, name
    return None
