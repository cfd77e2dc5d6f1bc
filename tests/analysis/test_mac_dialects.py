"""`macs` as other tools count them, against figures that the tools gave (scripts/measure_mac_tools.py)."""

from __future__ import annotations

import gzip
import json
from typing import Any

import pytest
from conftest import ROOT, specs

import netspec
from netspec.analysis.analysis import Analysis
from netspec.analysis.conditions import COUNTERS, Conditions
from netspec.analysis.dialects import DIALECTS

RECORDED: dict[str, Any] = json.loads(gzip.decompress((ROOT / "tests/data/mac_tools.json.gz").read_bytes()))


def counted(model: netspec.Model) -> dict[str, int]:
    return {name: model.figure("macs", Conditions(macs=name)) for name in DIALECTS}


def test_versions_are_named() -> None:
    assert ("netspec", *DIALECTS) == COUNTERS
    assert RECORDED["versions"] == {name: dialect.version for name, dialect in DIALECTS.items()}


@pytest.mark.parametrize("path", specs(), ids=lambda p: p.stem)
def test_every_example(path: Any) -> None:
    assert counted(netspec.load(path)) == RECORDED["examples"][path.stem]


def test_every_op_on_every_kind_of_tensor() -> None:
    assert len(RECORDED["ops"]) > 400
    for text, figures in RECORDED["ops"].items():
        assert counted(netspec.loads(text.replace("; ", "\n", 1))) == figures, text


# What the tools give for VGG-16 and ResNet-50, without the softmax that the example of VGG-16 ends with
PUBLISHED = {
    "vgg16": {"fvcore": 15_470_264_320, "thop": 15_470_264_320, "torchinfo": 15_483_821_032, "ptflops": 15_523_175_400},
    "resnet50": {"fvcore": 4_111_512_576, "thop": 4_133_742_592, "torchinfo": 4_089_238_376, "ptflops": 4_132_436_968},
}


@pytest.mark.parametrize(("name", "figures"), PUBLISHED.items())
def test_published_figures(name: str, figures: dict[str, int]) -> None:
    graph = netspec.load(ROOT / f"examples/{name}.net").graph
    nodes = [node for node in graph.layers if node.kind != "softmax"]
    for tool, figure in figures.items():
        assert Analysis(graph, Conditions(macs=tool)).of("macs", nodes) == figure


def test_a_layer_counts_its_part_and_flops_follow() -> None:
    model = netspec.loads("input 3x8x8\nconv3-4 pad=1 norm=bn")
    analysis = model.analysis(Conditions(macs="fvcore"))
    conv, norm = model.graph.layers
    assert analysis.layer("macs", conv) == 27 * 4 * 64
    assert analysis.layer("macs", norm) == 2 * 4 * 64
    assert analysis.total("flops") == 2 * analysis.total("macs")
    assert model.figure("macs") == 27 * 4 * 64
