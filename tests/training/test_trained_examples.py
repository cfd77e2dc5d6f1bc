"""The examples with a recipe reach the accuracies that stand in them, on real digits."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from conftest import ROOT, netspec_process, run_netspec

LEAST = {"lenet": 0.98, "resnet8": 0.98, "lstm": 0.95}


@pytest.mark.slow
@pytest.mark.parametrize("name", LEAST)
def test_an_example_trains(name: str, tmp_path: Path) -> None:
    spec = ROOT / "examples" / f"{name}_digits.net"
    result = netspec_process("train", str(spec), "--folder", "run", cwd=tmp_path, OMP_NUM_THREADS="1")
    assert result.returncode == 0, result.stderr
    info = json.loads((tmp_path / "run" / "run.json").read_text())
    assert info["result"]["test"]["accuracy"] >= LEAST[name]
    assert info["data"]["counts"] == {"train": 1258, "validation": 180, "test": 359}
    names = {path.name for path in (tmp_path / "run").iterdir()}
    assert names >= {
        "spec.net",
        "run.json",
        "metrics.csv",
        "curves.svg",
        "checkpoint.pt",
        "best.safetensors",
        "last.safetensors",
        "tensorboard",
    }
    assert run_netspec("check", "run/spec.net", cwd=tmp_path).returncode == 0


@pytest.mark.slow
def test_sequences_of_digits_are_read(tmp_path: Path) -> None:
    """A part of the training of the example: from nothing read to most labels."""
    spec = str(ROOT / "examples" / "crnn_digits.net")
    result = netspec_process("train", spec, "--epochs", "6", "--folder", "run", cwd=tmp_path, OMP_NUM_THREADS="1")
    assert result.returncode == 0, result.stderr
    assert dict(json.loads((tmp_path / "run" / "run.json").read_text())["result"]["test"]["metrics"])["cer"] < 0.1
