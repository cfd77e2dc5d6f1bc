"""The examples against figures that others' software computed and that papers print, layer by layer."""

from __future__ import annotations

import gzip
import json
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from conftest import ROOT

import netspec
from netspec import Model
from netspec.graph import Node
from netspec.model import check
from netspec.source import SourceFile

DATA = Path(__file__).parent / "data"
ROWS: list[dict[str, Any]] = json.loads((DATA / "torchvision.json").read_text())["rows"]
TABLES: dict[str, list[dict[str, Any]]] = json.loads(gzip.decompress((DATA / "layer_tables.json.gz").read_bytes()))

# Where the example is not called what torchvision calls the network
EXAMPLE_OF = {
    "alexnet": "alexnet_torchvision", "googlenet": "googlenet_torchvision", "googlenet@aux_logits=False": "googlenet_torchvision",
    "vgg11": "vgg_a", "vgg13": "vgg_b", "vgg19": "vgg_e",
}  # fmt: skip


@cache
def example(name: str) -> Model:
    return netspec.load(ROOT / "examples" / f"{name}.net")


def example_of(row: str) -> Model:
    return example(EXAMPLE_OF.get(row, row))


# torchvision, as a whole


def test_every_network_is_there() -> None:
    assert len(ROWS) == 29
    assert len({row["name"] for row in ROWS}) == 29


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row["name"])
def test_figures_are_torchvisions(row: dict[str, Any]) -> None:
    model = example_of(row["name"])
    (kind,) = model.inputs.values()
    (output,) = model.outputs.values()
    assert kind.shape == tuple(row["input"])
    assert output.shape == tuple(row["output"])
    assert model.macs == row["macs"]
    total = model.totals
    # torchvision counts the auxiliary heads of a network that is built with them; the headline leaves them out
    with_heads = row["name"] in ("googlenet", "inception_v3")
    assert total.params + (total.aux_params if with_heads else 0) == row["params"]
    assert total.buffers + (total.aux_buffers if with_heads else 0) == row["buffer_elems"]


# torchvision, layer by layer

KINDS = {
    "conv": "conv", "dwconv": "conv", "FC": "linear", "linear": "linear", "bn": "bn", "ln": "ln", "maxpool": "maxpool",
    "avgpool": "avgpool", "gap": "adaptive_avgpool", "adaptive_avgpool": "adaptive_avgpool",
}  # fmt: skip


def compared(model: Model, node: Node) -> dict[str, Any]:
    """A layer in the terms of the tables."""
    (x,) = model.graph.input_types(node)
    kind = KINDS[node.kind]
    row: dict[str, Any] = {
        "kind": kind,
        "output": list(node.type.shape),
        "params": node.n_params,
        "macs": node.macs,
    }
    if kind in ("conv", "maxpool", "avgpool"):
        window = node.op.geometry(x)
        assert window.symmetric
        row |= {"kernel": list(window.kernel), "stride": list(window.stride), "padding": list(window.before)}
    if kind == "conv":
        row["groups"] = node.op.group_count(x)
    return row


@pytest.mark.parametrize("name", TABLES)
def test_layers_are_torchvisions_one_by_one(name: str) -> None:
    model = example_of(name)
    expected = TABLES[name]
    if name == "vgg16":
        # VGG-16's adaptive average pooling to 7x7 does nothing to the 7x7 of a 224x224 image; the paper has none
        identity = {"kind": "adaptive_avgpool", "output": [512, 7, 7], "params": 0, "macs": 0}
        assert expected.count(identity) == 1
        expected = [row for row in expected if row != identity]
    # torchvision runs its auxiliary heads in training only: they stand in no table
    mine = [compared(model, node) for node in model.graph.layers if node.kind in KINDS and not node.aux]
    for found, wanted in zip(mine, expected, strict=False):
        assert found == wanted
    assert len(mine) == len(expected)


def test_the_tables_hold_whole_networks() -> None:
    assert len(TABLES) == 12
    assert sum(map(len, TABLES.values())) == 1215
    for name, rows in TABLES.items():
        model = example_of(name)
        counted = sum(row["params"] for row in rows)
        # the trained tokens and positions of a ViT, and its attention, are no modules with a call of their own
        rest = sum(n.n_params for n in model.graph.nodes if n.kind in ("attention", "cls_token", "pos_embed"))
        assert counted + rest == model.params


def test_vit_attention_is_torchvisions() -> None:
    """12 heads over 197 tokens of 768 features: in_proj 2304x768 + 2304, out_proj 768x768 + 768."""
    layers = [layer for layer in example("vit_b_16").layers if layer.op == "attention"]
    assert [(layer.output, layer.params) for layer in layers] == [
        ((197, 768), 2304 * 768 + 2304 + 768 * 768 + 768)
    ] * 12
    assert sum(layer.macs for layer in layers) == 5_577_375_744 + 715_327_488  # projections, products of attention


# LeNet-5 (LeCun, Bottou, Bengio and Haffner, 1998, section II-B)

LENET5 = {
    "C1": ((6, 28, 28), 156, 122_304),
    "S2": ((6, 14, 14), 12, 5_880),
    "C3": ((16, 10, 10), 1_516, 151_600),
    "S4": ((16, 5, 5), 32, 2_000),
    "C5": ((120, 1, 1), 48_120, 48_120),
    "F6": ((84,), 10_164, 10_164),
}


@pytest.mark.parametrize("name", LENET5)
def test_lenet5_has_the_papers_parameters_and_connections(name: str) -> None:
    model = example("lenet5_1998")
    (node,) = (n for n in model.graph.nodes if n.name == name)
    shape, params, connections = LENET5[name]
    assert node.type.shape == shape
    assert node.n_params == params
    assert node.op.connection_count(*model.graph.input_types(node)) == connections


def test_lenet5_in_all() -> None:
    total = example("lenet5_1998").totals
    assert total.params == 60_000
    # the ten radial basis functions of the output see 84 units each; their weights are fixed, so the page has none
    assert total.connections + 84 * 10 == 340_908


def test_lenet5_as_written_today() -> None:
    """All maps connected, poolings without parameters, a linear output."""
    model = example("lenet5")
    assert [layer.params for layer in model.layers if layer.params] == [156, 2_416, 48_120, 10_164, 850]
    assert model.params == 61_706
    assert model.macs == 416_520


# AlexNet (Krizhevsky, Sutskever and Hinton, 2012)

ALEXNET_PARAMS = [34_944, 307_456, 885_120, 663_936, 442_624, 37_752_832, 16_781_312, 4_097_000]
ALEXNET_MACS = [105_415_200, 223_948_800, 149_520_384, 112_140_288, 74_760_192, 37_748_736, 16_777_216, 4_096_000]
ALEXNET_WHOLE_PARAMS = [34_944, 614_656, 885_120, 1_327_488, 884_992, 37_752_832, 16_781_312, 4_097_000]
# The paper prints 253,440 for the first layer, which no convolution of 11x11 with stride 4 gives; 55 x 55 x 96 is 290,400
ALEXNET_NEURONS = [290_400, 186_624, 64_896, 64_896, 43_264, 4096, 4096, 1000]


def test_alexnet_in_two_groups_layer_by_layer() -> None:
    model = example("alexnet_grouped")
    weighed = [node for node in model.graph.nodes if node.op.weight_layer]
    assert [node.n_params for node in weighed] == ALEXNET_PARAMS
    assert [node.macs for node in weighed] == ALEXNET_MACS
    assert [node.type.size for node in weighed] == ALEXNET_NEURONS
    assert model.params == 60_965_224
    assert model.macs == 724_406_816
    assert model.totals.neurons == 659_272  # "650,000 neurons"
    assert model.totals.connections == 725_066_088


def test_alexnet_in_one_group_layer_by_layer() -> None:
    model = example("alexnet")
    assert [layer.params for layer in model.layers if layer.params] == ALEXNET_WHOLE_PARAMS
    assert model.params == 62_378_344
    assert model.macs == 1_135_256_096


def test_alexnet_shapes() -> None:
    shapes = [layer.output for layer in example("alexnet_grouped").layers if layer.op in ("conv", "maxpool")]
    assert shapes == [
        (96, 55, 55), (96, 27, 27), (256, 27, 27), (256, 13, 13), (384, 13, 13), (384, 13, 13), (256, 13, 13), (256, 6, 6),
    ]  # fmt: skip


# ZFNet (Zeiler and Fergus, 2013, Figure 3)

ZFNET = [
    ("conv", (96, 110, 110), 14_208, 170_755_200),
    ("relu", (96, 110, 110), 0, 0),
    ("maxpool", (96, 55, 55), 0, 0),
    ("LRN", (96, 55, 55), 0, 0),
    ("conv", (256, 26, 26), 614_656, 415_334_400),
    ("relu", (256, 26, 26), 0, 0),
    ("maxpool", (256, 13, 13), 0, 0),
    ("LRN", (256, 13, 13), 0, 0),
    ("conv", (384, 13, 13), 885_120, 149_520_384),
    ("relu", (384, 13, 13), 0, 0),
    ("conv", (384, 13, 13), 1_327_488, 224_280_576),
    ("relu", (384, 13, 13), 0, 0),
    ("conv", (256, 13, 13), 884_992, 149_520_384),
    ("relu", (256, 13, 13), 0, 0),
    ("maxpool", (256, 6, 6), 0, 0),
    ("flatten", (9216,), 0, 0),
    ("FC", (4096,), 37_752_832, 37_748_736),
    ("relu", (4096,), 0, 0),
    ("FC", (4096,), 16_781_312, 16_777_216),
    ("relu", (4096,), 0, 0),
    ("FC", (1000,), 4_097_000, 4_096_000),
]


def test_zfnet_layer_by_layer() -> None:
    model = example("zfnet")
    mine = [
        (layer.op, layer.output, layer.params, layer.macs)
        for layer in model.layers
        if layer.op not in ("dropout", "softmax")
    ]
    assert mine == ZFNET
    assert model.params == 62_357_608
    assert model.macs == 1_168_032_896


# VGG (Simonyan and Zisserman, 2014, tables 1 and 2)

VGG_FC = [102_764_544, 16_781_312, 4_097_000]
VGG: dict[str, tuple[list[int], int, int, int, int]] = {  # convolutions, parameters, MACs, of convolutions, in millions
    "vgg_a": ([1792, 73856, 295168, 590080, 1180160, *[2359808] * 3], 132_863_336, 7_609_090_048, 7_485_456_384, 133),
    "vgg_a_lrn": ([1792, 73856, 295168, 590080, 1180160, *[2359808] * 3], 132_863_336, 7_609_090_048, 7_485_456_384, 133),
    "vgg_b": (
        [1792, 36928, 73856, 147584, 295168, 590080, 1180160, *[2359808] * 3],
        133_047_848, 11_308_466_176, 11_184_832_512, 133,
    ),
    "vgg_c": (
        [1792, 36928, 73856, 147584, 295168, 590080, 65792, 1180160, 2359808, 262656, 2359808, 2359808, 262656],
        133_638_952, 11_770_888_192, 11_647_254_528, 134,
    ),
    "vgg_d": (
        [1792, 36928, 73856, 147584, 295168, 590080, 590080, 1180160, *[2359808] * 5],
        138_357_544, 15_470_264_320, 15_346_630_656, 138,
    ),
    "vgg_e": (
        [1792, 36928, 73856, 147584, 295168, 590080, 590080, 590080, 1180160, *[2359808] * 7],
        143_667_240, 19_632_062_464, 19_508_428_800, 144,
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", VGG)
def test_vgg_layer_by_layer(name: str) -> None:
    model = example(name)
    convolutions, params, macs, conv_macs, millions = VGG[name]
    assert [layer.params for layer in model.layers if layer.op == "conv"] == convolutions
    assert [layer.params for layer in model.layers if layer.op == "FC"] == VGG_FC
    assert model.params == params
    assert model.macs == macs
    assert sum(layer.macs for layer in model.layers if layer.op == "conv") == conv_macs
    assert round(model.params / 1e6) == millions  # table 2


# GoogLeNet (Szegedy et al., 2014, Table 1). What the table's own geometry gives; the paper's counts beside it where
# they agree: parameters in units of 1024 weights, operations in millions. It misprints or truncates the others
# (conv1: 2.7K and 34M).

GOOGLENET: dict[str, tuple[tuple[int, int, int], int, int, int, int | None, int | None]] = {
    #       output, parameters, weights, MACs, the paper's K, the paper's M
    "conv1": ((64, 56, 56), 9_472, 9_408, 118_013_952, None, None),
    "conv2": ((192, 28, 28), 114_944, 114_688, 359_661_568, 112, 360),
    "3a": ((256, 28, 28), 163_696, 163_328, 128_049_152, 159, 128),
    "3b": ((480, 28, 28), 388_736, 388_096, 304_267_264, 380, 304),
    "4a": ((512, 14, 14), 376_176, 375_552, 73_608_192, None, 73),
    "4b": ((512, 14, 14), 449_160, 448_512, 87_908_352, None, 88),
    "4c": ((512, 14, 14), 510_104, 509_440, 99_850_240, None, 100),
    "4d": ((528, 14, 14), 605_376, 604_672, 118_515_712, None, 119),
    "4e": ((832, 14, 14), 868_352, 867_328, 169_996_288, None, 170),
    "5a": ((832, 7, 7), 1_043_456, 1_042_432, 51_079_168, None, None),
    "5b": ((1024, 7, 7), 1_444_080, 1_442_816, 70_697_984, None, 71),
}


def googlenet_part(name: str) -> list[Node]:
    """The nodes of one row of Table 1; a convolution's row ends with the pooling behind it."""
    nodes = [node for node in example("googlenet").graph.layers if not node.aux]
    modules = ["3a", "3b", "4a", "4b", "4c", "4d", "4e", "5a", "5b"]
    if name in modules:
        prefix = f"inception{modules.index(name) + 1}."
        return [node for node in nodes if node.name.startswith(prefix)]
    names = [node.name for node in nodes]
    first, end = (names.index("maxpool1") + 1, names.index("maxpool2") + 1)
    return nodes[:first] if name == "conv1" else nodes[first:end]


@pytest.mark.parametrize("name", GOOGLENET)
def test_googlenet_module_by_module(name: str) -> None:
    part = googlenet_part(name)
    output, params, weights, macs, thousands, millions = GOOGLENET[name]
    assert part[-1].type.shape == output
    assert sum(node.n_params for node in part) == params
    assert sum(p.size for node in part for p in node.params if p.name == "weight") == weights
    assert sum(node.macs for node in part) == macs
    if thousands is not None:
        assert abs(weights / 1024 - thousands) <= 1  # 3a is 159.5, 3b 379.0
    if millions is not None:
        assert int(macs / 1e6) <= millions <= int(macs / 1e6) + 1


def test_googlenet_in_all() -> None:
    model = example("googlenet")
    (classifier,) = (layer for layer in model.layers if layer.op == "FC" and not layer.aux)
    assert (classifier.params, classifier.macs) == (1_025_000, 1_024_000)
    assert model.params == 6_998_552
    assert model.totals.aux_params == 6_379_728
    assert model.params + model.totals.aux_params == 13_378_280
    assert model.macs == 1_582_671_872


# ResNets on CIFAR-10 (He, Zhang, Ren and Sun, 2015, Table 6, option A)

CIFAR = {  # depth: parameters, MACs, of normalisations, the paper's millions
    20: (269_722, 40_551_040, 1_376, 0.27),
    32: (464_154, 68_862_592, 2_272, 0.46),
    44: (658_586, 97_174_144, 3_168, 0.66),
    56: (853_018, 125_485_696, 4_064, 0.85),
    110: (1_727_962, 252_887_680, 8_096, 1.7),
    1202: (19_421_274, 2_829_238_912, 89_632, 19.4),
}


@pytest.mark.parametrize("depth", CIFAR)
def test_cifar_resnet(depth: int) -> None:
    model = example(f"resnet{depth}_cifar")
    params, macs, normalisations, millions = CIFAR[depth]
    assert model.params == params
    assert model.macs == macs
    assert sum(layer.params for layer in model.layers if layer.op == "bn") == normalisations
    digits = len(str(millions).split(".")[1])
    assert round(model.params / 1e6, digits) == millions
    weighed = [layer for layer in model.layers if layer.op in ("conv", "FC")]
    assert len(weighed) == depth  # option A: no convolution stands on a shortcut


# DenseNet-BC (Huang, Liu, van der Maaten and Weinberger, 2017, Table 2; the wide ones from the authors' README)

DENSENET_BC = {  # (L, k, classes): parameters, MACs
    (100, 12, 10): (769_162, 287_929_692),
    (100, 12, 100): (800_032, 287_960_472),
    (250, 24, 10): (15_324_406, 5_418_785_724),
    (250, 24, 100): (15_480_556, 5_418_941_784),
    (190, 40, 10): (25_624_430, 9_301_945_740),
    (190, 40, 100): (25_821_620, 9_302_142_840),
    (40, 36, 10): (1_542_682, 647_298_936),
    (40, 36, 100): (1_578_412, 647_334_576),
    (40, 48, 10): (2_733_130, 1_149_867_168),
    (40, 48, 100): (2_780_740, 1_149_914_688),
    (40, 60, 10): (4_261_690, 1_795_836_360),
    (40, 60, 100): (4_321_180, 1_795_895_760),
}


@pytest.mark.parametrize(("depth", "growth", "classes"), DENSENET_BC)
def test_densenet_bc(depth: int, growth: int, classes: int) -> None:
    path = ROOT / "examples" / "densenet_bc_100_12.net"
    lines = path.read_text().splitlines()
    # the example's expectations are of L = 100, k = 12
    text = "\n".join(line for line in lines if not line.startswith("expect"))
    model = check(SourceFile(text, path=path), {"L": depth, "k": growth, "classes": classes}).model()
    assert (model.params, model.macs) == DENSENET_BC[depth, growth, classes]
    # every convolution and the classifier, the two of the transitions among them
    assert sum(layer.op in ("conv", "FC") for layer in model.layers) == depth
