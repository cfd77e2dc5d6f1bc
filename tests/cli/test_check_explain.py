"""`check --explain`: the formulas of a layer."""

from __future__ import annotations

from pathlib import Path

import pytest
from conftest import ROOT, run_netspec

ALEXNET = str(ROOT / "examples" / "alexnet.net")


@pytest.mark.parametrize("layer", ["conv2", "12"])
def test_the_formulas_of_a_layer_with_its_numbers(layer: str) -> None:
    text = run_netspec("check", ALEXNET, "--explain", layer, COLUMNS="160").stdout
    assert "(27 + 2*2 - 5)/1 + 1 = 27" in text
    assert "5*5*96*256 + 256 = 614,656" in text


def test_labels_name_all_their_layers() -> None:
    unet = str(ROOT / "examples" / "unet.net")
    text = run_netspec("check", unet, "--explain", "d1").stdout
    assert [line.split()[0] for line in text.splitlines() if line.startswith("d1.")] == [
        "d1.conv1", "d1.relu1", "d1.conv2", "d1.relu2",
    ]  # fmt: skip


@pytest.mark.parametrize("columns", [60, 80])
def test_lines_fit(columns: int) -> None:
    text = run_netspec("check", ALEXNET, "--explain", "conv2", COLUMNS=str(columns)).stdout
    assert all(len(line) <= columns for line in text.splitlines())


def test_unknown_layers_and_options_that_do_not_go_together() -> None:
    unknown = run_netspec("check", ALEXNET, "--explain", "convv2")
    assert unknown.returncode == 2
    assert "Did you mean `conv2`?" in unknown.stderr
    assert run_netspec("check", ALEXNET, "--explain", "conv2", "--columns", "rf").returncode == 2
    assert run_netspec("check", ALEXNET, "--explain", "999").returncode == 2


def test_the_errors_of_a_spec_come_before_a_layer_that_is_missing(tmp_path: Path) -> None:
    (tmp_path / "net.net").write_text("input 3x9x9\nconv3-4\nconvv3-4\n")
    result = run_netspec("check", str(tmp_path / "net.net"), "--explain", "conv2")
    assert result.returncode == 1
    assert "error[NS201]" in result.stderr
    assert "Usage" not in result.stderr
