"""torchrun starts processes again of which one was killed, and the run goes on from its checkpoint, to the same end."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from conftest import PATIENCE
from safetensors.torch import load_file

SPEC = "input 8x8 gray\nconv3-8 pad=same norm=bn act=relu\ngap\nFC-10\ntrain { epochs 2; batch 64; validate 13 unit=step; optimizer sgd lr=0.1 momentum=0.9 }\n"
SCRIPT = """
import os, signal
import netspec
import torch

class Kill(netspec.Callback):
    def on_update(self, run, loss):
        if run.step == 30 and os.environ["TORCHELASTIC_RESTART_COUNT"] == "0":
            os.kill(os.getpid(), signal.SIGKILL)

options = dict(resume=True, accelerator="cpu", devices=3, strategy="ddp")
netspec.train("spec.net", "digits", folder="torn", callbacks=[Kill()], **options)
torch.distributed.destroy_process_group()
netspec.train("spec.net", "digits", folder="whole", **options)
"""


@pytest.mark.slow
def test_a_killed_process_is_started_again(tmp_path: Path) -> None:
    """The first process is killed in the second epoch: it holds the folder, and it writes the checkpoint. Three processes add their
    gradients in an order that a run must keep when it is resumed."""
    (tmp_path / "spec.net").write_text(SPEC)
    (tmp_path / "run.py").write_text(SCRIPT)
    command = [
        sys.executable,
        "-m",
        "torch.distributed.run",
        "--standalone",
        "--nproc-per-node",
        "3",
        "--max-restarts",
        "3",
        "run.py",
    ]
    launcher = subprocess.Popen(
        command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env={**os.environ, "OMP_NUM_THREADS": "1"},
        start_new_session=True,
    )  # fmt: skip
    try:
        said, _ = launcher.communicate(timeout=PATIENCE)
    finally:
        if launcher.poll() is None:
            os.killpg(launcher.pid, signal.SIGKILL)
    assert launcher.returncode == 0, said[-3000:]
    assert "exitcode: -9" in said, "it was killed"
    whole, torn = (load_file(tmp_path / name / "last.safetensors") for name in ("whole", "torn"))
    assert all(torch.equal(value, torn[name]) for name, value in whole.items())
