"""torchrun starts processes again that were killed, and the run goes on from its checkpoint, to the same end."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from conftest import PATIENCE
from safetensors.torch import load_file

SPEC = "input 8x8 gray\nconv3-8 pad=same norm=bn act=relu\ngap\nFC-10\ntrain { epochs 4; batch 64; optimizer adam lr=1e-2 }\n"


def started(folder: Path, name: str) -> subprocess.Popen[str]:
    command = [
        sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2", "--max-restarts", "3",
        "-m", "netspec", "train", "spec.net", "--resume", name, "--save-every", "0", "--accelerator", "cpu", "--devices", "2",
        "--strategy", "ddp",
    ]  # fmt: skip
    return subprocess.Popen(
        command, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, env={**os.environ, "OMP_NUM_THREADS": "1"}
    )  # fmt: skip


def rank_of(launcher: int) -> int | None:
    """A process that torchrun has started."""
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                fields = (entry / "stat").read_text().rsplit(")", 1)[1].split()
                if int(fields[1]) == launcher and "netspec" in (entry / "cmdline").read_text():
                    return int(entry.name)
            except (OSError, IndexError):
                continue
    return None


@pytest.mark.slow
def test_a_killed_process_is_started_again(tmp_path: Path) -> None:
    (tmp_path / "spec.net").write_text(SPEC)
    whole = started(tmp_path, "whole")
    _, said = whole.communicate(timeout=PATIENCE)
    assert whole.returncode == 0, said[-2000:]
    torn = started(tmp_path, "torn")
    metrics, end = tmp_path / "torn" / "metrics.csv", time.monotonic() + PATIENCE
    while not metrics.is_file() and time.monotonic() < end and torn.poll() is None:
        time.sleep(0.05)
    victim = rank_of(torn.pid)
    assert victim is not None
    os.kill(victim, signal.SIGKILL)
    _, said = torn.communicate(timeout=PATIENCE)
    assert torn.returncode == 0, said[-2000:]
    ends = [load_file(tmp_path / name / "last.safetensors") for name in ("whole", "torn")]
    assert len(metrics.read_text().splitlines()) == 5
    for name, value in ends[0].items():
        assert (value.double() - ends[1][name].double()).abs().max() < 1e-6, name
