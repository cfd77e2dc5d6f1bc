"""Run folders that were changed by hand, and processes that meet in one."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

import pytest
import torch
from conftest import PATIENCE, ROOT

from netspec.training.confusion import write_confusion
from netspec.training.measures import Measured
from netspec.training.run_lock import locked

sys.path.insert(0, str(ROOT / "tests" / "training"))
from small_runs import CONV, conv_run, mlp_run, netspec


@pytest.fixture
def run(tmp_path: Path) -> Path:
    return Path(shutil.copytree(conv_run(), tmp_path / "run"))


CHANGES: dict[str, Any] = {
    "data is a list": {"data": []},
    "where is a number": {"data": {"where": 5}},
    "options are text": {"data": {"where": "digits", "options": "x"}},
    "a share is text": {"data": {"where": "digits", "options": {"validation": "0.1"}}},
    "classes are numbers": {"data": {"where": "digits", "classes": [1, 2]}},
    "few classes": {"data": {"where": "digits", "options": {}, "classes": ["a"]}},
    "half a character": {"data": {"where": "digits", "classes": ["\ud800"] * 10}},
    "seconds are text": {"save_every": "soon"},
    "a result is a list": {"result": []},
    "a score is text": {"result": {"finished": True, "test": {"loss": "low"}}},
}


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("command", [("eval",), ("predict",), ("train", "--resume"), ("compare",)])
def test_a_description_of_the_wrong_types(change: str, command: tuple[str, ...], run: Path, tmp_path: Path) -> None:
    info = json.loads((run / "run.json").read_text()) | CHANGES[change]
    (run / "run.json").write_text(json.dumps(info))
    result = netspec(*command, run, *([tmp_path / "x.png"] if command[0] == "predict" else []))
    if change == "few classes" and command[0] in ("train", "compare"):
        assert result.exception is None or isinstance(result.exception, SystemExit)
        return
    assert result.exit_code == 1, result.output
    assert "error[NS606]" in result.stderr


@pytest.mark.parametrize("content", [b"", b"[]", b"null", b"[" * 200_000, b"\xff", b"{"])
def test_a_description_that_is_none(content: bytes, run: Path) -> None:
    (run / "run.json").write_bytes(content)
    result = netspec("eval", run)
    assert result.exit_code == 1
    assert "error[NS606]" in result.stderr


@pytest.mark.parametrize("key", ["module", "optimizer", "scaler", "sums", "at", "history"])
@pytest.mark.parametrize("value", [None, "x", [1], {"a": 1}])
def test_a_checkpoint_of_the_wrong_types(key: str, value: Any, run: Path) -> None:
    state = torch.load(run / "checkpoint.pt", weights_only=True)
    torch.save(state | {key: value}, run / "checkpoint.pt")
    result = netspec("train", "--resume", run)
    if key in ("scaler", "optimizer") and isinstance(value, dict) and result.exit_code == 0:
        return
    assert result.exit_code == 1, result.output
    assert "error[NS606]" in result.stderr


def test_a_checkpoint_of_another_net(run: Path) -> None:
    shutil.copyfile(mlp_run() / "checkpoint.pt", run / "checkpoint.pt")
    result = netspec("train", "--resume", run)
    assert result.exit_code == 1
    assert "error[NS606]" in result.stderr
    assert "does not fit" in result.stderr.replace("\n", " ")


@pytest.mark.parametrize("content", ["epoch\n1", "x" * 200_000, "\0,,\n\0", "INF"])
def test_a_table_of_epochs_that_is_none(content: str, run: Path) -> None:
    if content == "INF":
        head, first, *_ = (run / "metrics.csv").read_text().splitlines()
        values = first.split(",")
        content = f"{head}\n{','.join([*values[:-1], 'inf'])}"
    (run / "metrics.csv").write_text(content)
    result = netspec("compare", run)
    assert result.exit_code == 1 or content.startswith("\0"), result.output
    assert "error[NS606]" in result.stderr or result.exit_code == 0
    assert "NS009" not in result.stderr


@pytest.mark.slow
def test_a_pipe_in_the_place_of_weights_is_not_waited_for(run: Path, tmp_path: Path) -> None:
    """In a process of its own: what waits for a pipe in native code cannot be interrupted."""
    (run / "best.safetensors").unlink()
    os.mkfifo(run / "best.safetensors")
    code = "import sys; from pathlib import Path; from netspec.training.checkpoint_files import read_weights as r; r(Path(sys.argv[1]))"
    result = subprocess.run(
        [sys.executable, "-c", code, str(run / "best.safetensors")], capture_output=True, text=True, timeout=100,
        check=False, env={**os.environ, "PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    assert "NS606" in result.stderr
    assert netspec("eval", run).exit_code == 1


def test_a_folder_that_is_in_use_says_by_whom(run: Path) -> None:
    with locked(run / ".lock", "it"):
        result = netspec("train", "--resume", run)
    assert result.exit_code == 1
    assert "error[NS606]" in result.stderr
    assert f"process {os.getpid()}" in result.stderr.replace("\n", " ")
    assert not (run / ".lock").exists()
    assert netspec("train", "--resume", run).exit_code == 0


@pytest.mark.slow
@pytest.mark.parametrize("command", ["train", "tune"])
def test_two_processes_on_one_folder(command: str, tmp_path: Path) -> None:
    (tmp_path / "m.net").write_text(CONV.format(seed=1, more=""))
    search = ["--search", "optimizer.lr=1e-3,1e-2", "--trials", "2", "--epochs", "1"] if command == "tune" else []
    line = [sys.executable, "-m", "netspec", command, "m.net", "--folder", "out", *search]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    running = [
        subprocess.Popen(line, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment)
        for _ in range(2)
    ]
    ended = [(process.communicate(timeout=PATIENCE)[1], process.returncode) for process in running]
    assert [code for _, code in ended].count(0) >= 1, ended
    for said, code in ended:
        assert "Traceback" not in said
        assert code == 0 or "error[NS606]" in said
    trials = list((tmp_path / "out").glob("trial-*"))
    assert len(trials) == (2 if command == "tune" else 0)


def test_a_drawn_matrix_is_xml_whatever_the_classes_are_called(tmp_path: Path) -> None:
    score = Measured(4, 0.5, confusion=[[1, 1], [0, 2]])
    write_confusion(tmp_path / "c.svg", score, ["\x1b[2J\x00cat", "$\\frac{$ & <dog>"])
    ET.parse(tmp_path / "c.svg")
    write_confusion(tmp_path / "long.svg", score, ["x" * 100_000, "y"])
    assert (tmp_path / "long.svg").stat().st_size < 100_000
    assert "\x1b" not in (tmp_path / "c.svg").read_text()
