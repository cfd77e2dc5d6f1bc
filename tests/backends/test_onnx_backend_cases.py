"""ONNX's own backend test cases, said in `.net`: our shapes, our exported model and our module give what ONNX expects.

Each case is one ONNX node with inputs and the output expected. `translate` writes it as a spec; where the language has
no words for it, it says why.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable
from functools import cache
from typing import Any, NamedTuple

import numpy as np
import onnxruntime
import pytest
import torch
from onnx import helper

import netspec


class Unsayable(Exception):
    """The language does not have this; the message says what."""


class Case(NamedTuple):
    """One node of ONNX. `inputs` holds those given, by their place."""

    name: str
    attributes: dict[str, Any]
    inputs: list[np.ndarray[Any, Any] | None]
    expected: list[np.ndarray[Any, Any]]
    rtol: float
    atol: float

    @property
    def spatial(self) -> tuple[int, ...]:
        return self.given(0).shape[2:]

    def get(self, name: str, default: Any) -> Any:
        value = self.attributes.get(name, default)
        return value.decode() if isinstance(value, bytes) else value

    def given(self, place: int) -> np.ndarray[Any, Any]:
        value = self.inputs[place]
        assert value is not None
        return value


class Said(NamedTuple):
    """A case in our words: the layer, and the weights by their names."""

    layer: str
    weights: dict[str, np.ndarray[Any, Any]]


@cache
def cases() -> dict[str, list[Case]]:
    """The cases of a single node, by operator."""
    from onnx.backend.test.case.node import collect_testcases

    found: dict[str, list[Case]] = {op: [] for op in TRANSLATORS}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # cases of other operators overflow on purpose
        collected = collect_testcases(None)
    for case in collected:
        nodes = case.model.graph.node if case.model is not None else []
        if len(nodes) != 1 or nodes[0].op_type not in found:
            continue  # other operators, and operators expanded into the functions that define them
        (node,) = nodes
        attributes = {a.name: helper.get_attribute_value(a) for a in node.attribute}
        for given, expected in case.data_sets:
            values = iter(given)
            inputs = [next(values) if name else None for name in node.input]
            found[node.op_type].append(Case(case.name, attributes, inputs, expected, case.rtol, case.atol))
    return found


# What cases have in common


def times(sizes: Any) -> str:
    return "x".join(str(int(s)) for s in sizes)


def ends(begins: Any, finals: Any) -> str:
    return f"({', '.join(str(int(p)) for p in (*begins, *finals))})"


def padding(case: Case) -> str:
    """`pads` or `auto_pad` as an option."""
    rule = case.get("auto_pad", "NOTSET")
    if rule in ("SAME_UPPER", "SAME_LOWER"):
        return f" pad={rule.lower()}"
    pads = case.get("pads", [])
    half = len(pads) // 2
    return f" pad={ends(pads[:half], pads[half:])}" if any(pads) else ""


def one_output(case: Case) -> None:
    if len(case.expected) > 1:
        raise Unsayable("a second output: the places of the largest values")


def window(case: Case, name: str, width: str, kernel: Any) -> str:
    """`conv3x3-8/2x2`, with padding and dilation behind it. ONNX's stride is 1 where none is given."""
    stride = case.get("strides", [1] * len(kernel))
    text = f"{name}{times(kernel)}{width}/{times(stride)}{padding(case)}"
    dilations = case.get("dilations", [1] * len(kernel))
    return text + (f" dilation={times(dilations)}" if set(dilations) != {1} else "")


# Operator by operator


def conv(case: Case) -> Said:
    weight = case.given(1)
    text = window(case, "conv", f"-{weight.shape[0]}", weight.shape[2:])
    weights = {"conv1.weight": weight}
    if len(case.inputs) > 2:
        weights["conv1.bias"] = case.given(2)
    else:
        text += " bias=no"
    return Said(f"{text} groups={case.get('group', 1)}", weights)


def conv_transposed(case: Case) -> Said:
    weight = case.given(1)
    groups, kernel = case.get("group", 1), weight.shape[2:]
    rank = len(kernel)
    stride, dilation = case.get("strides", [1] * rank), case.get("dilations", [1] * rank)
    extra = list(case.get("output_padding", [0] * rank))
    wanted = case.get("output_shape", None)
    if wanted is not None:
        # ONNX derives the padding from the size asked for; where there is too little, the rest is added behind
        full = [
            (w - 1) * s + d * (k - 1) + 1 + o
            for w, s, d, k, o in zip(case.spatial, stride, dilation, kernel, extra, strict=True)
        ]
        over = [f - n for f, n in zip(full, wanted, strict=True)]
        extra = [o + max(0, -p) for o, p in zip(extra, over, strict=True)]
        less = [max(0, p) // 2 for p in over]
        more = [max(0, p) - q for p, q in zip(over, less, strict=True)]
        upper = case.get("auto_pad", "NOTSET") == "SAME_UPPER"
        attributes = {**case.attributes, "pads": [*less, *more] if upper else [*more, *less], "auto_pad": "NOTSET"}
        case = case._replace(attributes=attributes)
    text = window(case, "convT", f"-{weight.shape[1] * groups}", kernel)
    if any(extra):
        text += f" output_pad={times(extra)}"
    return Said(f"{text} groups={groups} bias=no", {"convt1.weight": weight})


def pool(name: str) -> Callable[[Case], Said]:
    def translate(case: Case) -> Said:
        one_output(case)
        dilations = case.get("dilations", [1])
        if name != "maxpool" and set(dilations) != {1}:
            raise Unsayable(f"{name} has no dilation")
        text = window(case, name, "", case.get("kernel_shape", []))
        if case.get("ceil_mode", 0):
            if name == "lppool":
                raise Unsayable("lppool does not round up")
            text += " round=ceil"
        if name == "avgpool":
            text += f" count_pad={'yes' if case.get('count_include_pad', 0) else 'no'}"
        if name == "lppool":
            text += f" p={case.get('p', 2)}"
        return Said(text, {})

    return translate


def lrn(case: Case) -> Said:
    alpha, beta, k = case.get("alpha", 1e-4), case.get("beta", 0.75), case.get("bias", 1.0)
    return Said(f"LRN {case.get('size', 0)} alpha={alpha!r} beta={beta!r} k={k!r}", {})


def batch_norm(case: Case) -> Said:
    if case.get("training_mode", 0):
        raise Unsayable("an exported model is for inference: it does not update its statistics")
    names = ("weight", "bias", "running_mean", "running_var")
    weights = {f"bn1.{name}": case.given(1 + i) for i, name in enumerate(names)}
    return Said(f"bn eps={case.get('epsilon', 1e-5)!r}", weights | {"bn1.num_batches_tracked": np.array(0)})


def pad(case: Case) -> Said:
    mode = {"constant": "constant", "reflect": "reflect", "edge": "replicate"}.get(case.get("mode", "constant"))
    if mode is None:
        raise Unsayable(f"pad has no mode {case.get('mode', '')}")
    rank = case.given(0).ndim
    pads = case.given(1).tolist()
    axes = case.given(3).tolist() if len(case.inputs) > 3 else range(rank)
    begins, finals = [0] * rank, [0] * rank
    for i, axis in enumerate(axes):
        begins[axis], finals[axis] = pads[i], pads[len(pads) // 2 + i]
    if begins[0] or finals[0]:
        raise Unsayable("the batch cannot be padded")
    if min(*begins, *finals) < 0:
        raise Unsayable("padding is not negative; crop takes away")
    text = f"pad{ends(begins[2:], finals[2:])} mode={mode}"
    if begins[1] or finals[1]:
        text += f" channels=({begins[1]}, {finals[1]})"
    if len(case.inputs) > 2 and case.inputs[2] is not None:
        text += f" value={case.given(2).item()!r}"
    return Said(text, {})


def resize(case: Case) -> Said:
    mode, transform = case.get("mode", "nearest"), case.get("coordinate_transformation_mode", "half_pixel")
    if mode == "cubic":
        raise Unsayable("resize has no cubic interpolation")
    if case.get("antialias", 0):
        raise Unsayable("resize has no antialiasing")
    if transform in ("tf_crop_and_resize", "half_pixel_symmetric"):
        raise Unsayable(f"resize has no {transform}")
    sizes = case.expected[0].shape[2:]
    scales = scales_of(case)
    if mode == "nearest":
        if case.expected[0].shape[:2] != case.given(0).shape[:2]:
            raise Unsayable("channels cannot be resized")
        rounding = case.get("nearest_mode", "round_prefer_floor")
        for w, n, scale in zip(case.spatial, sizes, scales, strict=True):
            if [pick(i, w, n, scale, transform, rounding) for i in range(n)] != [i * w // n for i in range(n)]:
                raise Unsayable(f"{transform} with {rounding} takes other values than floor(i W/n)")
        whole = all(n % w == 0 for w, n in zip(case.spatial, sizes, strict=True))
        if whole and case.inputs[2] is not None:
            return Said(f"upsample {times(n // w for w, n in zip(case.spatial, sizes, strict=True))}", {})
        return Said(f"resize {times(sizes)}", {})
    if any(not math.isclose(s, n / w) for w, n, s in zip(case.spatial, sizes, scales, strict=True)):
        raise Unsayable("the scale is another than the ratio of the sizes")
    if transform == "align_corners" or (transform == "pytorch_half_pixel" and min(sizes) == 1):
        raise Unsayable(f"bilinear has half-pixel centres, not {transform}")
    return Said(f"resize {times(sizes)} mode=bilinear", {})


def scales_of(case: Case) -> list[float]:
    """The scale along each spatial axis."""
    rank = case.given(0).ndim
    axes = case.get("axes", list(range(rank)))
    scales = [1.0] * rank
    if case.inputs[2] is not None:
        given = case.given(2).tolist()
    else:
        given = [n / case.given(0).shape[a] for n, a in zip(case.given(3).tolist(), axes, strict=True)]
        policy = case.get("keep_aspect_ratio_policy", "stretch")
        if policy != "stretch":
            given = [(min if policy == "not_larger" else max)(given)] * len(given)
    for axis, scale in zip(axes, given, strict=True):
        scales[axis] = scale
    return scales[2:]


def pick(i: int, size: int, resized: int, scale: float, transform: str, rounding: str) -> int:
    """The index that ONNX's nearest takes, from the operator's documentation."""
    x = {
        "half_pixel": (i + 0.5) / scale - 0.5,
        "pytorch_half_pixel": (i + 0.5) / scale - 0.5 if resized > 1 else 0,
        "asymmetric": i / scale,
        "align_corners": i * (size - 1) / (resized - 1) if resized > 1 else 0,
    }[transform]
    index = {
        "round_prefer_floor": math.ceil(x - 0.5),
        "round_prefer_ceil": math.floor(x + 0.5),
        "floor": math.floor(x),
        "ceil": math.ceil(x),
    }[rounding]
    return min(max(index, 0), size - 1)


TRANSLATORS: dict[str, Callable[[Case], Said]] = {
    "Conv": conv,
    "ConvTranspose": conv_transposed,
    "MaxPool": pool("maxpool"),
    "AveragePool": pool("avgpool"),
    "LpPool": pool("lppool"),
    "GlobalAveragePool": lambda case: Said("gap", {}),
    "GlobalMaxPool": lambda case: Said("gmp", {}),
    "LRN": lrn,
    "BatchNormalization": batch_norm,
    "Pad": pad,
    "Resize": resize,
}

# How many cases of each operator can be said; fewer means that a translation or a word of the language was lost
LEAST = {
    "Conv": 6, "ConvTranspose": 11, "MaxPool": 17, "AveragePool": 14, "LpPool": 7, "GlobalAveragePool": 2, "GlobalMaxPool": 2,
    "LRN": 2, "BatchNormalization": 2, "Pad": 5, "Resize": 11,
}  # fmt: skip


def check(case: Case, said: Said) -> None:
    """Shapes, ONNX Runtime on our export, and our module. The batch is free, and integers go in as numbers."""
    x = case.given(0).astype(np.float32)
    (expected, *_) = case.expected
    model = netspec.loads(f"input {times(x.shape[1:])}\n{said.layer}")
    (kind,) = model.outputs.values()
    assert kind.shape == expected.shape[1:], f"netspec says {kind.shape}"

    proto = model.to_onnx(weights=said.weights)
    assert proto is not None
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(proto.SerializeToString(), options, providers=["CPUExecutionProvider"])
    (theirs,) = session.run(None, {"input": x})
    np.testing.assert_allclose(theirs, expected, rtol=case.rtol, atol=case.atol, err_msg="ONNX Runtime")

    module = model.to_torch().eval()
    module.load_state_dict({name: torch.from_numpy(np.array(value)) for name, value in said.weights.items()})
    with torch.no_grad():
        ours = module(torch.from_numpy(x)).numpy()
    np.testing.assert_allclose(ours, expected, rtol=case.rtol, atol=case.atol, err_msg="PyTorch")


@pytest.mark.slow
@pytest.mark.parametrize("op", TRANSLATORS)
def test_onnx_backend_cases(op: str) -> None:
    failed, unsayable, said = [], [], 0
    for case in cases()[op]:
        try:
            translation = TRANSLATORS[op](case)
        except Unsayable as reason:
            unsayable.append(f"  {case.name}: {reason}")
            continue
        said += 1
        try:
            check(case, translation)
        except Exception as error:
            failed.append(f"{case.name}, `{translation.layer}`: {type(error).__name__}: {error}")
    print(f"\n{op}: {said} of {len(cases()[op])} cases said", *unsayable, sep="\n")
    assert not failed, "\n".join(failed)
    assert said >= LEAST[op]
