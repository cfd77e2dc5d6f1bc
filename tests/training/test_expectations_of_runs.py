"""Training a spec whose expectations do not hold, or are about other values of its parameters."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner, Result

import netspec as api
from netspec.cli import main

SPEC = """net Rows(hidden = 24)
input 64
FC-hidden act=relu
FC-10 act=none
expect params == 1_810
expect output == 10
train { epochs 1; batch 64 }
"""


def netspec(*arguments: str) -> Result:
    return CliRunner().invoke(main, list(arguments), catch_exceptions=False)


@pytest.fixture
def spec(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "rows.net").write_text(SPEC, encoding="utf-8")
    return tmp_path / "rows.net"


def test_a_run_with_other_values_has_a_spec_that_holds(spec: Path) -> None:
    trained = netspec("train", "rows.net", "-D", "hidden=8", "--folder", "run", "--accelerator", "cpu")
    assert trained.exit_code == 0, trained.output
    assert "note[NS401]: expected `params == 1_810`, but params is 610" in trained.output
    assert "# expect params == 1_810" in Path("run/spec.net").read_text(encoding="utf-8")
    assert netspec("check", "run").exit_code == 0
    assert netspec("eval", "run").exit_code == 0
    model = api.load("run")
    assert model.params == 610
    assert model.to_torch("run").training


def test_a_failed_expectation_is_a_warning_in_training_and_strict_refuses(spec: Path) -> None:
    spec.write_text(SPEC.replace("1_810", "1"), encoding="utf-8")
    refused = netspec("train", "rows.net", "--strict", "--folder", "run")
    assert refused.exit_code == 1
    assert "error[NS401]" in refused.output
    assert not Path("run").exists()
    trained = netspec("train", "rows.net", "--folder", "run", "--accelerator", "cpu")
    assert trained.exit_code == 0, trained.output
    assert "warning[NS401]: expected `params == 1`, but params is 1,810" in trained.output
    for command in (("eval", "run"), ("compare", "run"), ("train", "--resume", "run", "--accelerator", "cpu")):
        assert netspec(*command).exit_code == 0, command
    compiled = netspec("compile", "run", "-o", "m.onnx")
    assert compiled.exit_code == 0
    assert "warning[NS401]" in compiled.output
    assert netspec("check", "run").exit_code == 1


def test_strict_needs_a_spec(spec: Path) -> None:
    asked = netspec("train", "--strict", "--resume", "run")
    assert asked.exit_code == 2
    assert "--strict checks a SPEC" in asked.output


@pytest.mark.slow
def test_a_search_over_sizes_goes_past_expectations_about_one_size(spec: Path) -> None:
    tuned = netspec("tune", "rows.net", "--search", "hidden=4,8", "--trials", "2", "--folder", "study")
    assert tuned.exit_code == 0, tuned.output
    assert "2 complete" in tuned.output
    for number in range(2):
        assert netspec("check", f"study/trial-{number}").exit_code == 0
    assert netspec("tune", "rows.net", "--search", "hidden=4,8", "--strict", "-D", "hidden=9").exit_code == 1
