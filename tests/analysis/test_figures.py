"""The register of figures, and the figures of small networks counted by hand."""

from __future__ import annotations

from typing import Any

import pytest
from conftest import ROOT

import netspec
from netspec.analysis.analysis import Analysis
from netspec.analysis.conditions import Conditions
from netspec.analysis.figures import ALL, FIGURES

SMALL = """
input 3x32x32
stem: conv7-64/2 pad=3 norm=bn act=relu
maxpool3/2 pad=1
mid: conv3-64 pad=1
gap -> FC-10
"""


def test_names_are_unique_and_every_figure_is_documented() -> None:
    assert len({f.name for f in ALL}) == len(ALL) <= len(FIGURES)
    for figure in ALL:
        assert FIGURES[figure.name] is figure
        assert figure.doc.endswith(".")
        assert figure.layer or figure.part


def test_figures_of_a_layer_a_part_and_the_net() -> None:
    model = netspec.loads(SMALL)
    conv1, bn1, *_ = model.layers
    assert conv1.figure("params") == 3 * 49 * 64 + 64
    assert conv1.figure("macs") == 3 * 49 * 64 * 16 * 16
    assert conv1.figure("rf") == conv1.figure("receptive_field") == (7, 7)
    assert bn1.figure("neurons") == 0
    assert model.figure("neurons") == 64 * 16 * 16 + 64 * 8 * 8 + 10
    assert model.figure("depth") == 3
    analysis = model.analysis()
    nodes = [n for n in model.graph.nodes if n.name.startswith("mid")]
    assert analysis.of("params", nodes) == 64 * 9 * 64 + 64
    assert analysis.of("rf_stride", nodes) == (4, 4)
    assert analysis.of("rf_start", nodes) == (-9, -9)
    assert analysis.of("rf_center", nodes) == (0, 0)
    with pytest.raises(KeyError):
        model.figure("parms")


def test_what_the_recipe_trains() -> None:
    text = "input 8\nbody: FC-4\nFC-2\ntrain {{\n  {} body\n}}\nexpect trainable == {}\nexpect frozen == {}"
    netspec.loads(text.format("freeze", 10, 36))
    netspec.loads(text.format("train_only", 36, 10))


def test_a_figure_that_has_no_value_is_an_error_not_silence() -> None:
    checked = netspec.check(netspec.source.SourceFile(SMALL + "expect rf_stride == 4"))
    assert [d.code for d in checked.diagnostics] == ["NS402"]


@pytest.mark.parametrize(
    ("condition", "holds"),
    [("rf_start(mid) == -9", True), ("rf_center(mid) == 0", True), ("connections(mid) == 64*64*(9*64 + 1)", True),
     ("depth(mid) == 2", True), ("neurons(stem) == 1", False), ("rf_stride(mid) < 4", False)],
)  # fmt: skip
def test_expect_takes_figures_of_labels(condition: str, holds: bool) -> None:
    checked = netspec.check(netspec.source.SourceFile(f"{SMALL}expect {condition}"))
    assert [d.code for d in checked.diagnostics] == ([] if holds else ["NS401"])


def test_vgg16_sees_212_pixels_before_its_classifier() -> None:
    model = netspec.load(ROOT / "examples/vgg16.net")
    pool = next(layer for layer in model.layers if layer.name == "maxpool5")
    assert pool.figure("rf") == (212, 212)
    assert (pool.figure("rf_stride"), pool.figure("rf_start")) == ((32, 32), (-90, -90))


def test_text() -> None:
    analysis = Analysis(netspec.loads(SMALL).graph)
    assert analysis.text("params", 61_090) == "61,090"
    assert analysis.text("rf", (7, 7)) == "7"
    assert analysis.text("rf", (7, 3)) == "7x3"
    assert analysis.text("rf", None) == "-"
    assert analysis.text("memory", 2_500_000) == "2.50 MB"


@pytest.mark.parametrize(
    ("conditions", "message"),
    [({"batch": 0}, "batch"), ({"dtype": "fp8"}, "fp32, bf16, fp16"), ({"optimizer": "lion"}, "sgd, momentum, adam"),
     ({"device": "abacus"}, "h100"), ({"macs": "guess"}, "netspec, fvcore")],
)  # fmt: skip
def test_conditions_are_checked(conditions: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Conditions(**conditions)
