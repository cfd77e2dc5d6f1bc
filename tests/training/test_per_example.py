"""`netspec eval --per-example`: the losses of the lecture, example by example."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from netspec.cli import main

SCORES = np.float32([[3.2, 5.1, -1.7], [1.3, 4.9, 2.0], [2.2, 2.5, -3.1]])
NET = "input 3\nFC-3\ntrain {\n  loss hinge\n  epochs 1\n  optimizer sgd lr=1e-12\n}\n"


def _command(*arguments: str) -> int:
    with pytest.raises(SystemExit) as ended:
        main([*arguments])
    return int(ended.value.code or 0)


def test_the_hinge_losses_of_three_images(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """2.9, 0 and 12.9, mean 5.27: the scores go through a layer whose weights are the identity."""
    monkeypatch.chdir(tmp_path)
    Path("net.net").write_text(NET)
    np.savez("images.npz", x=SCORES, y=np.arange(3), classes=np.array(["cat", "car", "frog"]))
    save_file({"fc1.weight": torch.eye(3), "fc1.bias": torch.zeros(3)}, "identity.safetensors")
    train = ["train", "net.net", "--data", "images.npz", "--weights", "identity.safetensors", "--folder", "run"]
    assert _command(*train, "--validation", "0", "--test-share", "0") == 0
    capsys.readouterr()
    assert _command("eval", "run", "--data", "images.npz", "--part", "train", "--per-example", "out.csv") == 0
    with Path("out.csv").open() as file:
        rows = sorted(csv.DictReader(file), key=lambda row: row["true"])
    assert sum(float(row["loss"]) for row in rows) / 3 == pytest.approx(5.267, abs=1e-3)
    assert [(row["true"], row["predicted"], round(float(row["loss"]), 3)) for row in rows] == [
        ("car", "car", 0.0), ("cat", "car", 2.9), ("frog", "car", 12.9),
    ]  # fmt: skip


def test_one_run_only(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert _command("eval", "a", "b", "--per-example", str(tmp_path / "o.csv")) == 2
    assert "accepts only one RUN" in capsys.readouterr().err
