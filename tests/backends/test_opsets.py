"""`scripts/try_opsets.py`, which tries every example at every opset, on some that are small and of many kinds of layers."""

from __future__ import annotations

import runpy

import pytest
from conftest import ROOT

import netspec

SCRIPT = runpy.run_path(str(ROOT / "scripts" / "try_opsets.py"))
DEFAULT, outputs, wrong = SCRIPT["DEFAULT"], SCRIPT["outputs"], SCRIPT["wrong"]
SMALL = ("lstm_digits", "resnet8_digits", "maxout_digits")


@pytest.mark.parametrize("name", SMALL)
def test_nothing_is_wrong_at_any_kind_of_opset(name: str) -> None:
    model = netspec.load(ROOT / "examples" / f"{name}.net")
    expected = outputs(model, DEFAULT)
    assert [line for opset in (13, 15, 18, 22) for line in wrong(model, opset, expected)] == []


def test_what_is_wrong_is_said() -> None:
    model = netspec.load(ROOT / "examples" / "resnet8_digits.net")
    (line,) = wrong(model, 22, [2 * tensor for tensor in outputs(model, DEFAULT)])
    assert line.startswith("outputs differ by ")
