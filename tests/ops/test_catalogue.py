"""Every op of the catalogue, alone, on every kind of tensor: it agrees with PyTorch and ONNX, or it says why not."""

from __future__ import annotations

import re
from typing import Any

import pytest
import torch
from agreement import assert_agreement, largest_difference
from conftest import ROOT

import netspec
from netspec.backends.torch.expression_values import substituted
from netspec.graph import TensorType
from netspec.ops import ACTIVATIONS, CATALOGUE, JOINS, SECTIONS
from netspec.ops.formula import Variable, variables
from netspec.ops.op import Misfit, Op, Option
from netspec.ops.traced import decisions, ink, marked, traced_by

INPUTS = {
    "vector": "input 24",
    "signal": "input 8x20",
    "image": "input 8x12x14",
    "volume": "input 8x8x6x6",
    "sequence": "input 12x16 sequence",
    "ids": "input 7 int",
}
SPATIAL = {"signal", "image", "volume", "sequence"}
NUMBERS = {"vector", *SPATIAL}
MAPS = {"signal", "image", "volume"}

# For each op texts to try, and the kinds of tensor that take at least one of them
USES: dict[str, tuple[list[str], set[str]]] = {
    "conv": (["conv3-6", "conv3-8/2 pad=1 groups=2 dilation=2 bias=no", "conv2-4 pad=same_upper", "conv3x2-4 pad=(0, 1, 2, 1)", "conv3-6 standardize=yes", "conv3-8 standardize=scaled groups=2 bias=no", "conv1-1 weights=[[[[1]], [[2]], [[3]], [[4]], [[5]], [[6]], [[7]], [[8]]]] bias=no trained=no"], SPATIAL),
    "convT": (["convT3-6/2 pad=1 output_pad=1", "convT2-4/2", "convT3-8/2 pad=same_lower groups=2"], SPATIAL),
    "dwconv": (["dwconv3", "dwconv3-16/2 pad=1", "dwconv3-32 pad=same", "dwconv3 standardize=scaled", "dwconv2/2 weights=[[0.25, 0.25], [0.25, 0.25]] trained=no bias=no", "dwconv3/2 weights=[1, 2, 1] trained=no bias=no"], SPATIAL),
    "sepconv": (["sepconv3-10 pad=same", "sepconv3-10/2 norm=bn act=relu"], SPATIAL),
    "localconv": (["localconv3-4", "localconv3-4/2 pad=1 bias=no"], SPATIAL),
    "maxpool": (["maxpool", "maxpool3/2 pad=1", "maxpool3/2 round=ceil", "maxpool2 dilation=2", "maxpool3 pad=same_lower"], SPATIAL),
    "avgpool": (["avgpool", "avgpool3/2 pad=1", "avgpool3/2 pad=1 count_pad=no", "avgpool3/2 round=ceil pad=1", "avgpool3/2 pad=2"], SPATIAL),
    "lppool": (["lppool", "lppool3/1 p=3", "lppool3/2 p=1 pad=1"], SPATIAL),
    "gap": (["gap"], SPATIAL),
    "gmp": (["gmp"], SPATIAL),
    "adaptive_avgpool": (["adaptive_avgpool 2", "adaptive_avgpool 5"], SPATIAL),
    "adaptive_maxpool": (["adaptive_maxpool 2", "adaptive_maxpool 5"], SPATIAL),
    "FC": (["FC-10", "FC-10 bias=no norm=bn act=relu"], NUMBERS),
    "linear": (["linear-10", "linear-6 bias=no act=gelu"], NUMBERS),
    "bn": (["bn", "bn eps=1e-3 momentum=0.01", "bn affine=no"], NUMBERS),
    "ln": (["ln", "ln eps=1e-6 affine=no", "ln bias=no"], NUMBERS),
    "gn": (["gn 4", "gn 2 affine=no"], NUMBERS),
    "instancenorm": (["instancenorm", "instancenorm affine=yes"], SPATIAL),
    "grn": (["grn", "grn eps=1e-3"], SPATIAL),
    "LRN": (["LRN", "LRN 3 alpha=1e-2 beta=0.5 k=1"], MAPS),
    "normalize": (["normalize mean=0.5 std=0.2", "normalize mean=(0.5, 1, 1.5, 2, 2.5, 3, 3.5, 4) std=0.25", "normalize mean=(1, 2, 3, 4, 5, 6, 7, 8) std=(1, 2, 3, 4, 5, 6, 7, 8)", "normalize channel", "normalize image", "normalize pca", "normalize whiten components=5 eps=0.1", "normalize zca"], NUMBERS),
    "l2norm": (["l2norm"], NUMBERS),
    "dropout": (["dropout 0.3"], NUMBERS),
    "dropout2d": (["dropout2d 0.3"], MAPS),
    "droppath": (["droppath 0.3"], NUMBERS),
    "noise": (["noise 0.1"], NUMBERS),
    "sample": (["sample"], NUMBERS),
    "identity": (["identity"], NUMBERS),
    "flatten": (["flatten"], NUMBERS),
    "reshape": (["reshape 4x6", "reshape 16x10", "reshape 12x16x7", "reshape 4x12x6x8", "reshape 192"], NUMBERS),
    "permute": (["permute(1, 0)", "permute(2, 0, 1)", "permute(3, 1, 0, 2)", "permute(0)"], NUMBERS),
    "pad": (["pad 1", "pad channels=(2, 3)", "pad 2 mode=reflect", "pad 2 mode=circular", "pad 1 mode=replicate", "pad 1 channels=(0, 1) value=2", "pad(1, 0, 2, 1)"], NUMBERS),
    "crop": (["crop 1", "crop 4"], SPATIAL),
    "roll": (["roll 2", "roll 3 axis=channels", "roll(-2, 3)", "roll(1, -1) axis=(channels, width)", "roll -1 axis=tokens"], NUMBERS),
    "upsample": (["upsample 2", "upsample 3 mode=bilinear", "upsample 2 mode=bilinear align_corners=yes"], SPATIAL),
    "resize": (["resize 9", "resize 17 mode=bilinear", "resize 5 mode=bilinear align_corners=yes"], SPATIAL),
    "transform": ([f"x: tanh; theta: {{ gap -> flatten -> FC-6 }}; from x; transform {how}" for how in ("by=theta", "5x9 by=theta padding=border", "by=theta mode=nearest padding=reflection align_corners=yes")], {"image"}),
    "pixel_shuffle": (["pixel_shuffle 2", "pixel_shuffle 2 order=blocks"], {"image"}),
    "pixel_unshuffle": (["pixel_unshuffle 2", "space_to_depth 2 order=blocks"], {"image"}),
    "channel_shuffle": (["channel_shuffle 2"], NUMBERS),
    "chunk": (["chunk(0, 2)", "chunk(3, 4)"], NUMBERS),
    "slice": (["slice(1, 5)", "slice(2, 4) axis=height", "slice(1, step=2)", "slice(1, -2) axis=width step=3", "slice(0, 6) axis=tokens"], NUMBERS),
    "rearrange": (['rearrange "c (h p) (w q) -> (h w) (p q c)" p=2 q=2', 'rearrange "(a b) ... -> (b a) ..." a=4', 'rearrange "t (h d) -> h t d" h=2', 'rearrange "c (h p) (w q) -> (c p q) h w" p=2 q=2', 'rearrange "c -> c 1"', 'rearrange "... w -> w (...)"'], NUMBERS),
    "reduce": (['reduce "c h w -> c" mean', 'reduce "c (h 2) (w 2) -> c h w" max', 'reduce "... (k c) -> c ..." prod k=2', 'reduce "c l -> c ()" sum', 'reduce "(a c) ... -> c ..." min a=2'], NUMBERS),
    "take": (["take 0", "take -1", "take(-2)"], {"sequence"}),
    "tokens": (["tokens"], MAPS),
    "image": (["image 3x4", "image 12", "image 2x3x2"], {"sequence"}),
    "embed": (["embed-6 vocab=11"], {"ids"}),
    "pos_embed": (["pos_embed"], {"sequence"}),
    "cls_token": (["cls_token"], {"sequence"}),
    "attention": ([
        "attention heads=4", "attention heads=2 causal=yes bias=no", "attention heads=8 dropout=0.1", "attention heads=4 positions=relative",
        "attention-24 heads=2 head_size=8 kv_heads=1 bias=out", "attention heads=2 bias=qv similarity=cosine", "attention heads=2 project=no scale=0.3",
        "attention heads=2 similarity=cosine positions=generated(16)", "attention heads=2 positions=rotary causal=yes span=3",
        "attention heads=2 positions=decomposed bias=no", "attention heads=4 positions=distance dropout=0.2",
    ], {"sequence", "signal", "image", "volume"}),
    "rnn": (["rnn-6", "rnn-6 layers=2 bidirectional=yes"], {"sequence"}),
    "lstm": (["lstm-6", "lstm-6 layers=2 bidirectional=yes", "lstm-6 bias=no"], {"sequence"}),
    "gru": (["gru-6", "gru-6 layers=2 bidirectional=yes"], {"sequence"}),
    "windows": ([
        "windows 4 { conv3-6 pad=1 }", "windows 5 shift=2 { conv1-4 -> ln }", "windows 2 grid=yes { conv1-6 }", "windows 4 stride=2 pad=1 { crop 1 }",
        "windows 3 { flatten -> FC-5 }", "windows 4 shift=1 { attention heads=2 }", "windows 6 shift=3 { attention heads=4 positions=relative bias=qv }",
    ], {"sequence", "signal", "image", "volume"}),
    "each": (["each height { conv3-6 pad=1 }", "each depth { conv3-4 -> gap -> FC-3 }", "each length { FC-3 }", "each tokens { FC-4 -> softmax }"], {"sequence", "signal", "image", "volume"}),
    "scale": (["scale", "scale init=1e-6 bias=yes"], NUMBERS),
    "subsample": (["subsample", "subsample3/2"], SPATIAL),
    "tensor": (["tensor 6", "tensor 4x5 init=0.5", "tensor 2x3x4 trained=no init=2", "tensor 5x6 kind=sequence"], {*NUMBERS, "ids"}),
    "maxout": (["maxout 2", "maxout 4"], NUMBERS),
    "leaky_relu": (["leaky_relu 0.1"], NUMBERS),
    "gelu": (["gelu", "gelu approximate=tanh"], NUMBERS),
    "prelu": (["prelu", "prelu 0.1 shared=yes"], NUMBERS),
    "elu": (["elu", "elu 0.5"], NUMBERS),
    "sqrt": (["sigmoid -> sqrt"], NUMBERS),
    "log": (["sigmoid -> log"], NUMBERS),
    "softmax": (["softmax", "softmax axis=height", "softmax axis=tokens", "softmax axis=length"], NUMBERS),
    "log_softmax": (["log_softmax", "log_softmax axis=width"], NUMBERS),
    "mean": (["mean channels", "mean spatial", "mean axis=(channels, height)", "mean tokens", "mean length"], NUMBERS),
    "sum": (["sum features", "sum spatial", "sum axis=(height, width)"], NUMBERS),
    "max": (["max channels", "max spatial", "max width"], NUMBERS),
    "min": (["min channels", "min spatial"], NUMBERS),
    "std": (["std channels", "std spatial", "std axis=(channels, height)"], NUMBERS),
    "norm": (["norm channels", "norm spatial", "norm spatial p=1", "norm channels p=3"], NUMBERS),
    "hardtanh": (["hardtanh", "hardtanh low=-2 high=0.5"], NUMBERS),
}  # fmt: skip
for _name, _op in ACTIVATIONS.items():
    if _op.name == _name:
        USES.setdefault(_name, ([_name], NUMBERS))

OPS: dict[str, type[Op]] = {op.name: op for op in CATALOGUE.values()}


def test_every_op_is_tried() -> None:
    assert set(USES) == set(OPS)


@pytest.mark.parametrize("name", USES)
def test_an_op_alone_agrees_on_every_kind_of_tensor(name: str) -> None:
    texts, wanted = USES[name]
    taken = set()
    for kind, declared in INPUTS.items():
        for text in texts:
            try:
                model = netspec.loads(f"{declared}\n{text}")
            except netspec.SpecError as error:
                refused = [d.code for d in error.diagnostics if not d.code.startswith(("NS3", "NS205"))]
                if refused:
                    raise
                continue
            taken.add(kind)
            assert_agreement(model)
            assert largest_difference(model, batch=3) <= 1e-4, f"{declared}; {text}"
            check_training(model)
    assert taken >= wanted, f"{name} should also take {wanted - taken}"


def check_training(model: netspec.Model) -> None:
    """In training mode the shape is the same, and a gradient reaches every parameter."""
    module = model.to_torch(seed=0).train()
    (kind,) = model.inputs.values()
    x = torch.randint(0, 7, (4, *kind.shape)) if kind.layout == "ids" else torch.randn(4, *kind.shape)
    y = module(x)
    (out,) = model.outputs.values()
    assert y.shape[1:] == out.shape
    if any(True for _ in module.parameters()):
        (y * torch.randn_like(y)).sum().backward()
        assert all(p.grad is not None and torch.isfinite(p.grad).all() for p in module.parameters())


@pytest.mark.parametrize("op", [*OPS.values(), *JOINS.values()], ids=lambda op: op.name)
def test_an_op_has_no_hole(op: type[Op]) -> None:
    """Documentation, formulas, an example that checks, and its own PyTorch and ONNX."""
    assert op.__doc__, "say what it computes"
    assert not op.__doc__.startswith("What "), "the docstring of a base class"
    assert op.shape_rule
    assert op.param_rule
    assert op.torch is not Op.torch or op.expand is not Op.expand
    assert op.onnx is not Op.onnx or op.expand is not Op.expand
    for option in op.options.values():
        assert isinstance(option, Option)
        assert option.doc
        assert option.kind.document()
    inputs = [
        "input 8x32x32",
        "input 400",
        "input 196x32 sequence",
        "input 7 int",
        "input 32x4x4",
        "input 3x32x32",
        "input 64x32x32",
    ]
    results = []
    for text in inputs:
        try:
            results.append(netspec.loads(f"{text}\n{op.example}"))
        except netspec.SpecError:
            continue
    assert results, f"the example `{op.example}` fits no input"


def test_names_are_unique_and_the_catalogue_cannot_be_changed() -> None:
    from netspec.ops import _by_name

    names = [op.name.lower() for section in SECTIONS.values() for op in section]
    assert len(names) == len(set(names))
    with pytest.raises(TypeError):
        CATALOGUE["conv"] = OPS["FC"]  # type: ignore[index]
    with pytest.raises(ValueError, match="names both"):
        _by_name([OPS["conv"], type("Other", (OPS["FC"],), {"name": "conv"})])


@pytest.mark.parametrize("name", USES)
def test_what_an_op_becomes_follows_the_sizes_that_come_in(name: str) -> None:
    """On traced sizes an op gives expressions; with other numbers in them they are what the op gives for these numbers,
    unless it says that its form depends on them."""
    texts, _ = USES[name]
    for declared in INPUTS.values():
        for text in texts:
            try:
                graph = netspec.loads(f"{declared}\n{text}").graph
            except netspec.SpecError:
                continue
            for node in graph.layers:
                follow_sizes(node.op, *graph.input_types(node))


def follow_sizes(op: Any, kind: TensorType, *rest: TensorType) -> None:
    names = [Variable(("size", axis), f"size_{axis}") for axis in range(len(kind.shape))]
    sizes = tuple(traced_by(size, name) for size, name in zip(kind.shape, names, strict=True))
    written: list[Any] = []
    with decisions() as decided, ink(written):
        code = op.torch(TensorType(kind.layout, sizes, kind.windows), *rest)
        output = op.output(TensorType(kind.layout, sizes, kind.windows), *rest)
    asked = {v for form in decided for v in variables(form)}
    for axis, name in enumerate(names):
        if name in asked:
            continue
        values = {n: kind.shape[i] * (2 if i == axis else 1) for i, n in enumerate(names)}
        other = TensorType(kind.layout, tuple(values.values()), kind.windows)
        try:
            expected = op.output(other, *rest), op.torch(other, *rest)
        except Misfit:
            continue
        shape = tuple(substituted(size, values) for size in output.shape)
        assert (output.layout, shape) == (expected[0].layout, expected[0].shape), (op, other)
        for mine, theirs in zip(
            [*code.modules, ("call", code.call or "")],
            [*expected[1].modules, ("call", expected[1].call or "")],
            strict=True,
        ):
            pieces, marks = marked(mine[1])
            text = pieces[0] + "".join(
                str(substituted(written[n], values)) + piece for n, piece in zip(marks, pieces[1:], strict=True)
            )
            # a padding that depends on a size is written out, also where it is none
            assert (mine[0], text.replace(", padding=0", "")) == theirs, (op, other)


def test_the_steps_for_adding_an_op_name_what_an_op_has() -> None:
    """CONTRIBUTING's recipe mentions every part of the contract, and where the op is listed."""
    recipe = (ROOT / "CONTRIBUTING.md").read_text().split("## Add an op")[1].split("\n## ")[0]
    for part in (
        "name",
        "example",
        "shape_rule",
        "param_rule",
        "Option(",
        "output",
        "params",
        "macs",
        "window",
        "describe",
        "torch",
        "onnx",
        "SECTIONS",
    ):
        assert part in recipe
    assert re.findall(r"^\d\. ", recipe, re.M) == [f"{i}. " for i in range(1, 8)]


def test_no_dispatch_on_pieces_of_class_names() -> None:
    for path in (ROOT / "netspec").rglob("*.py"):
        assert not re.search(r"in \w+\.__class__\.__name__|in type\(\w+\)\.__name__", path.read_text()), path
