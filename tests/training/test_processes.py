"""Two processes with gloo compute what one computes."""

from __future__ import annotations

import csv
import os
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import PATIENCE, run_netspec
from safetensors.torch import load_file

SPEC = """input 8x8 gray
normalize channel
conv3-8 pad=same norm=bn act=relu -> dropout 0.3
maxpool
residual { conv3-8 pad=same norm=bn }
FC-16 norm=bn act=relu -> dropout 0.5
FC-10
train {
  optimizer sgd lr=0.05 momentum=0.9 weight_decay=1e-3
  regularize l1 1e-4
  clip 5
  epochs 2
  batch 50 accumulate=2
  augment { translate low=-1 high=1; rotate low=-10 high=10 }
}
"""


def train(tmp_path: Path, name: str, *launcher: str) -> tuple[list[float], dict]:
    """In two processes that the launcher starts; without one in the process of the tests."""
    command = ["train", "spec.net", "--accelerator", "cpu", "--folder", name]
    if launcher:
        result = subprocess.run(
            [*launcher, "-m", "netspec", *command, "--devices", "2", "--strategy", "ddp"], cwd=tmp_path, capture_output=True,
            text=True, timeout=PATIENCE, check=False, env={**os.environ, "OMP_NUM_THREADS": "1"},
        )  # fmt: skip
    else:
        result = run_netspec(*command, cwd=tmp_path)
    assert result.returncode == 0, result.stderr[-3000:]
    with (tmp_path / name / "metrics.csv").open() as file:
        rows = list(csv.DictReader(file))
    return [float(row[c]) for row in rows for c in ("train_loss", "validation_loss", "train_accuracy")], load_file(
        tmp_path / name / "last.safetensors"
    )


@pytest.mark.slow
def test_two_processes_give_the_losses_and_weights_of_one(tmp_path: Path) -> None:
    (tmp_path / "spec.net").write_text(SPEC)
    losses, weights = train(tmp_path, "one")
    torchrun = [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", "2", "--master-port", "29511"]
    for name, launcher in (("torchrun", torchrun), ("own", [sys.executable])):
        other, others = train(tmp_path, name, *launcher)
        assert other == pytest.approx(losses, abs=1e-5)
        for key, value in weights.items():
            assert (value.double() - others[key].double()).abs().max() < 1e-4, key
