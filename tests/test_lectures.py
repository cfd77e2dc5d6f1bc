"""The arithmetic that CNN courses do by hand."""

from __future__ import annotations

import pytest

import netspec
from netspec import loads


def output(text: str) -> tuple[int, ...]:
    return loads(text).layers[-1].output


def test_7x7_input_with_a_3x3_filter() -> None:
    assert output("input 1x7x7; conv3-1") == (1, 5, 5)
    assert output("input 1x7x7; conv3-1/2") == (1, 3, 3)
    assert output("input 1x7x7; conv3-1 pad=1") == (1, 7, 7)


def test_stride_3_does_not_fit_and_says_why() -> None:
    model = loads("input 1x7x7; conv3-1/3")
    assert output("input 1x7x7; conv3-1/3") == (1, 2, 2)
    (finding,) = model.diagnostics
    assert finding.code == "NS305"
    assert "(7 + 2*0 - 3)/3 + 1 = 2.33" in finding.notes[0]


def test_fit_exact_makes_it_an_error() -> None:
    with pytest.raises(netspec.SpecError) as caught:
        loads("fit exact; input 1x7x7; conv3-1/3")
    (finding,) = caught.value.diagnostics
    assert finding.code == "NS302"
    assert "pad=1 gives exactly 3" in finding.helps


def test_six_then_ten_5x5_filters() -> None:
    model = loads("input 3x32x32; conv5-6; conv5-10")
    assert [layer.output for layer in model.layers] == [(6, 28, 28), (10, 24, 24)]


def test_weights_with_and_without_sharing() -> None:
    """32x32x3, 30 units of 5x5, pad 1: 27,000 units; 2,250 weights shared, 2,025,000 unshared."""
    shared = loads("input 3x32x32; conv5-30 pad=1 bias=no")
    unshared = loads("input 3x32x32; localconv5-30 pad=1 bias=no")
    assert shared.layers[0].output == unshared.layers[0].output == (30, 30, 30)
    assert shared.totals.neurons == 27_000
    assert (shared.params, unshared.params) == (2_250, 2_025_000)
    assert shared.macs == unshared.macs


def test_alexnet_numbers() -> None:
    model = loads("input 3x227x227; conv11-96/4; maxpool3/2; conv5-256 pad=2")
    assert [layer.output for layer in model.layers] == [(96, 55, 55), (96, 27, 27), (256, 27, 27)]


def test_conv_layers_hold_few_weights_and_most_of_the_work() -> None:
    from conftest import ROOT

    model = netspec.load(ROOT / "examples" / "vgg16.net")
    conv = [layer for layer in model.layers if layer.op == "conv"]
    assert sum(layer.params for layer in conv) < 0.11 * model.params
    assert sum(layer.macs for layer in conv) > 0.99 * model.macs
