"""Several processes of one run: an environment that does not fit, and a process that is lost."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest
from conftest import ROOT

sys.path.insert(0, str(ROOT / "tests" / "training"))
from small_runs import MLP, netspec

SLURM = {
    "SLURM_JOB_NAME": "train", "SLURM_JOB_ID": "7", "SLURM_NTASKS": "4", "SLURM_NTASKS_PER_NODE": "4",
    "SLURM_PROCID": "0", "SLURM_LOCALID": "0", "SLURM_NODEID": "0", "SLURM_NODELIST": "localhost",
}  # fmt: skip
TORCHRUN = {
    "TORCHELASTIC_RUN_ID": "7", "MASTER_ADDR": "127.0.0.1", "RANK": "0", "LOCAL_RANK": "0", "GROUP_RANK": "0",
    "WORLD_SIZE": "2", "LOCAL_WORLD_SIZE": "2",
}  # fmt: skip


@pytest.mark.parametrize(
    "environment",
    [
        SLURM,
        SLURM | {"SLURM_NTASKS": "two"},
        {"SLURM_JOB_NAME": "train", "SLURM_NTASKS": "2"},
        SLURM | {"SLURM_NTASKS_PER_NODE": "2", "SLURM_NTASKS": "8", "SLURM_PROCID": "x"},
        TORCHRUN | {"WORLD_SIZE": "x", "MASTER_PORT": "29555"},
    ],
    ids=["tasks", "text", "no tasks per node", "rank", "torchrun"],
)
def test_an_environment_that_does_not_fit(
    environment: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    (tmp_path / "rows.net").write_text(MLP)
    folder = tmp_path / "run"
    options = ("--accelerator", "cpu", "--devices", 2, "--strategy", "ddp", "--folder", folder)
    result = netspec("train", tmp_path / "rows.net", *options)
    assert result.exit_code == 1, result.output
    assert "error[NS604]: the processes of this run cannot be started" in result.stderr
    assert not folder.exists()


@pytest.mark.slow
def test_a_process_that_is_lost_ends_the_others_with_a_diagnostic(tmp_path: Path) -> None:
    (tmp_path / "rows.net").write_text(MLP)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    command = [sys.executable, "-m", "netspec", "train", "rows.net", "--accelerator", "cpu", "--devices", "2"]
    command += ["--strategy", "ddp", "--epochs", "5000", "--folder", "run"]
    shared = {**os.environ, **TORCHRUN, "MASTER_PORT": port, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    first, second = (
        subprocess.Popen(
            command, cwd=tmp_path, text=True, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
            env=shared | {"RANK": rank, "LOCAL_RANK": rank},
        )
        for rank in "01"
    )  # fmt: skip
    metrics = tmp_path / "run" / "metrics.csv"
    while not metrics.exists() and first.poll() is None and second.poll() is None:
        time.sleep(0.1)
    second.send_signal(signal.SIGKILL)
    second.communicate(timeout=60)
    said = first.communicate(timeout=200)[1]
    assert first.returncode == 1
    assert "error[NS604]: a process of this run has ended before the others" in said
    assert "Traceback" not in said
    assert not (tmp_path / "run" / ".lock").exists()
    assert (tmp_path / "run" / "checkpoint.pt").exists()
