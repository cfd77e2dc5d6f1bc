"""Conditions from outside a spec: `check --expect`, and what `judge` says of them."""

from __future__ import annotations

from pathlib import Path

import pytest
from conftest import ROOT, run_netspec

from netspec import SpecError, check
from netspec.analysis.analysis import Analysis
from netspec.compiler import Variants, read_condition
from netspec.elaborate import Elaborated
from netspec.elaborate.limits import Limits
from netspec.source import SourceFile

TEXT = (
    "net N(w = 16)\ninput 3x8x8\nstem: conv3-(w) pad=1\nFC-10\nexpect params == 3 * 9 * 16 + 16 + 16 * 64 * 10 + 10\n"
)


def codes(*conditions: str) -> list[str]:
    return [d.code for d in check(SourceFile(TEXT), expect=conditions).diagnostics]


@pytest.mark.parametrize(
    "condition",
    [
        "params <= 11K",
        "params(stem) == 448",
        "params ~ 10.7K and macs < 1M",
        "w == 16",
        "output == 10",
        "rf == 8 or no",
    ],
)
def test_a_condition_holds(condition: str) -> None:
    assert codes(condition) == []


def test_each_part_that_fails_is_reported() -> None:
    assert codes("params <= 5K and macs <= 1K and depth == 2", "rf == 3") == ["NS401"] * 3


@pytest.mark.parametrize(
    ("condition", "code"),
    [("parms < 5M", "NS208"), ("params(nowhere) < 5", "NS208"), ("params + 1", "NS204"), ("output < 3", "NS210")],
)
def test_a_condition_that_cannot_be_computed_is_an_error(condition: str, code: str) -> None:
    assert codes(condition) == [code]


@pytest.mark.parametrize(
    "condition", ["", "params <", "params < 3; conv3", "params < 3\nconv3", "__import__('os')", "3 )"]
)
def test_what_is_not_a_condition_is_refused(condition: str) -> None:
    with pytest.raises(SpecError):
        read_condition(condition, "<expect>")


def test_the_command_exits_with_1_and_leaves_the_file_alone(tmp_path: Path) -> None:
    spec = tmp_path / "net.net"
    spec.write_text(TEXT)
    assert run_netspec("check", str(spec), "--expect", "params <= 11K").returncode == 0
    broken = run_netspec("check", str(spec), "--expect", "params <= 10K", "--expect", "parms < 3", "--fix")
    assert broken.returncode == 1
    assert "expected `params <= 10K`, but params is 10,698" in broken.stderr
    assert "did you mean `params`?" in broken.stderr
    assert spec.read_text() == TEXT


@pytest.mark.parametrize(
    ("condition", "excess"),
    [
        ("params <= 11K", 0), ("params <= 10K", 0.0698), ("params >= 21396", 0.5), ("params == 5349", 1),
        ("params <= 10K and params >= 21396", 0.5698), ("params <= 10K or params >= 21396", 0.0698),
        ("not params > 3", 1), ("output == 11", 1), ("rf < 4", 1.0), ("no", 1), ("w - 16 == 4", 1),
    ],
)  # fmt: skip
def test_by_how_much_a_condition_is_missed(condition: str, excess: float) -> None:
    found = Variants(SourceFile(TEXT), Limits()).of({})
    assert isinstance(found, Elaborated)
    judgement = found.judge(read_condition(condition, "<where>").condition, Analysis(found.graph))
    assert judgement.excess == pytest.approx(excess)
    assert judgement.holds == (excess == 0)


def test_variants_are_checked_without_the_expectations_of_the_spec() -> None:
    variants = Variants(SourceFile(TEXT), Limits())
    found = variants.of({"w": 32})
    assert isinstance(found, Elaborated)
    assert found.graph.nodes[1].type.shape == (32, 8, 8)
    assert not isinstance(variants.of({"w": 0}), Elaborated)


def test_examples_keep_a_budget() -> None:
    assert run_netspec("check", str(ROOT / "examples" / "lenet5.net"), "--expect", "params < 100K").returncode == 0
