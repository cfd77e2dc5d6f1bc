"""Runs that are killed, stopped, or out of disk, and go on."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from conftest import PATIENCE, run_netspec

from netspec.diagnostics import SpecError
from netspec.training.checkpoint_files import read_checkpoint

SPEC = """input 8x8 gray
conv3-8 pad=same norm=bn act=relu
maxpool
conv3-16 pad=same act=relu -> dropout 0.3
FC-10
train {
  optimizer adam lr=3e-3
  schedule plateau 0.5 patience=0 warmup=1
  epochs 12
  batch 32
  ema 0.9
  augment { translate low=-1 high=1; rotate low=-10 high=10; mixup }
}
"""
FORKS = '''
"""Trains in forked children, killed after random times, until a run ends: one import for all of them."""
import os, random, signal, sys, time
import torch, lightning_fabric, kornia, sklearn.datasets, torch.utils.tensorboard
from pathlib import Path
from netspec.cli import main

torch.set_num_threads(1)
spec, folder, kills, seed = sys.argv[1], Path(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4])
rng = random.Random(seed)
killed = 0
while True:
    child = os.fork()
    if child == 0:
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, 1)
        try:
            main(["train", spec, "--resume", str(folder), "--save-every", "0"], standalone_mode=False)
        except BaseException as error:
            print(repr(error), file=sys.stderr)
            os._exit(1)
        os._exit(0)
    if killed < kills:
        time.sleep(rng.uniform(0.1, 0.8))
        os.kill(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    if os.WIFSIGNALED(status):
        killed += 1
        continue
    print(killed, os.waitstatus_to_exitcode(status))
    break
'''


def files(folder: Path) -> list[bytes]:
    return [(folder / name).read_bytes() for name in ("last.safetensors", "best.safetensors")]


def scores(folder: Path) -> list[list[str]]:
    """The table without its times."""
    return [line.split(",")[:7] for line in (folder / "metrics.csv").read_text().splitlines()]


@pytest.mark.slow
def test_killed_at_random_moments_a_run_ends_bit_for_bit_as_if_undisturbed(tmp_path: Path) -> None:
    (tmp_path / "spec.net").write_text(SPEC)
    (tmp_path / "forks.py").write_text(FORKS)
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}

    def train(name: str, kills: int, seed: int) -> int:
        result = subprocess.run(
            [sys.executable, "forks.py", "spec.net", name, str(kills), str(seed)],
            cwd=tmp_path, capture_output=True, text=True, timeout=PATIENCE, check=True, env=environment,
        )  # fmt: skip
        killed, code = map(int, result.stdout.split()[-2:])
        assert code == 0, result.stderr
        return killed

    assert train("whole", 0, 0) == 0
    killed = seed = 0
    while killed < 10:
        killed += train(f"killed-{seed}", 10 - killed, seed)
        assert files(tmp_path / f"killed-{seed}") == files(tmp_path / "whole")
        assert scores(tmp_path / f"killed-{seed}") == scores(tmp_path / "whole")
        seed += 1
        assert seed < 20, "the runs end before they are killed"


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_saves_first(tmp_path: Path, number: signal.Signals) -> None:
    (tmp_path / "spec.net").write_text(SPEC.replace("epochs 12", "epochs 2000"))
    run = subprocess.Popen(
        [sys.executable, "-m", "netspec", "train", "spec.net", "--folder", "r", "--save-every", "1000"],
        cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    while not (tmp_path / "r" / "metrics.csv").exists() and run.poll() is None:
        time.sleep(0.1)
    run.send_signal(number)
    out, err = run.communicate(timeout=PATIENCE)
    assert run.returncode == 128 + number, err
    assert "to resume: netspec train --resume r" in out
    assert read_checkpoint(tmp_path / "r" / "checkpoint.pt")["at"][2] > 0


@pytest.mark.slow
def test_a_full_disk_loses_no_earlier_checkpoint(tmp_path: Path) -> None:
    """A bound on the size of files stands for the full disk."""
    (tmp_path / "spec.net").write_text(SPEC)
    assert run_netspec("train", "spec.net", "--folder", "r", "--epochs", "1", cwd=tmp_path).returncode == 0
    before = files(tmp_path / "r"), (tmp_path / "r" / "checkpoint.pt").read_bytes()
    code = (
        "import resource, signal, torch, sys; from pathlib import Path\n"
        "from netspec.training.checkpoint_files import read_checkpoint, write_checkpoint, write_weights\n"
        "from netspec.diagnostics import SpecError\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000)); signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "big = {'module': {'w': torch.zeros(100_000)}}\n"
        "for write in (lambda: write_checkpoint(Path('r/checkpoint.pt'), big), lambda: write_weights(Path('r/best.safetensors'), big['module'], {})):\n"
        "    try: write()\n"
        "    except SpecError as error: print(error.diagnostics[0].code)\n"
    )
    result = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert result.stdout.split() == ["NS501", "NS501"], result.stderr
    assert before == (files(tmp_path / "r"), (tmp_path / "r" / "checkpoint.pt").read_bytes())
    assert not list((tmp_path / "r").glob("*.part"))


def test_damaged_checkpoints_are_diagnosed(tmp_path: Path) -> None:
    path = tmp_path / "checkpoint.pt"
    for content in (b"", b"PK\x03\x04 half", os.urandom(500)):
        path.write_bytes(content)
        with pytest.raises(SpecError, match="NS606"):
            read_checkpoint(path)


@pytest.mark.slow
def test_what_cannot_be_resumed(tmp_path: Path) -> None:
    (tmp_path / "spec.net").write_text(SPEC)
    assert run_netspec("train", "spec.net", "--folder", "r", "--epochs", "1", cwd=tmp_path).returncode == 0
    again = run_netspec("train", "spec.net", "--folder", "r", cwd=tmp_path)
    assert again.returncode == 1
    assert "NS606" in again.stderr
    assert "--resume r" in again.stderr
    assert run_netspec("train", "--resume", "nowhere", cwd=tmp_path).returncode == 1
    edited = run_netspec("train", "spec.net", "--resume", "r", "--epochs", "2", cwd=tmp_path)
    assert edited.returncode == 1
    assert "was started with a different spec" in edited.stderr
    changed = run_netspec("train", "--resume", "r", "--epochs", "5", cwd=tmp_path)
    assert changed.returncode == 2
    info = tmp_path / "r" / "run.json"
    info.write_text(info.read_text().replace('"where": "digits"', '"where": "synthetic"'))
    other = run_netspec("train", "--resume", "r", cwd=tmp_path)
    assert other.returncode == 1
    assert "NS606" in other.stderr
