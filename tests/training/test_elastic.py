"""torchrun starts processes again of which one was killed, and the run goes on from its checkpoint, to the same end."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import PATIENCE
from safetensors.torch import load_file
from small_runs import trained

SPEC = "input 8x8 gray\nconv3-8 pad=same norm=bn act=relu\ngap\nFC-10\ntrain { epochs 2; batch 64; optimizer sgd lr=0.1 momentum=0.9 }\n"
SCRIPT = """
import os, signal
import netspec

class Kill(netspec.Callback):
    def on_update(self, run, loss):
        if run.step == 30 and os.environ["TORCHELASTIC_RESTART_COUNT"] == "0":
            os.kill(os.getpid(), signal.SIGKILL)

netspec.train("spec.net", "digits", folder="torn", resume=True, callbacks=[Kill()], accelerator="cpu", devices=2, strategy="ddp")
"""


@pytest.mark.slow
def test_a_killed_process_is_started_again(tmp_path: Path) -> None:
    """The first process is killed in the second epoch: it holds the folder, and it writes the checkpoint."""
    (tmp_path / "spec.net").write_text(SPEC)
    (tmp_path / "run.py").write_text(SCRIPT)
    command = [
        sys.executable,
        "-m",
        "torch.distributed.run",
        "--standalone",
        "--nproc-per-node",
        "2",
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
    whole = load_file(trained("whole-elastic", SPEC) / "last.safetensors")
    torn = load_file(tmp_path / "torn" / "last.safetensors")
    for name, value in whole.items():
        assert (value.double() - torn[name].double()).abs().max() < 1e-5, name
