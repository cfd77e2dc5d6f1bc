"""Outputs: what is no regular file is refused, and a run that fails or is killed leaves the old file as it was."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pytest
from click.testing import CliRunner, Result
from conftest import PATIENCE, ROOT

from netspec import files, loads
from netspec.cli import main
from netspec.diagnostics import SpecError
from netspec.files import atomic_write, open_regular, staged

SPEC = "input 3x8x8; conv3-4; FC-4"


def netspec(*arguments: object) -> Result:
    return CliRunner().invoke(main, [str(a) for a in arguments])


@pytest.fixture
def spec(tmp_path: Path) -> Path:
    path = tmp_path / "m.net"
    path.write_text(SPEC)
    return path


@pytest.mark.parametrize("suffix", ["py", "onnx", "pt2"])
def test_a_pipe_is_not_replaced(spec: Path, suffix: str) -> None:
    pipe = spec.with_name(f"pipe.{suffix}")
    os.mkfifo(pipe)
    result = netspec("compile", spec, "-o", pipe)
    assert result.exit_code == 1
    assert "error[NS501]" in result.stderr
    assert stat.S_ISFIFO(pipe.lstat().st_mode)


@pytest.mark.parametrize("there", [True, False])
def test_a_symbolic_link_is_neither_replaced_nor_followed(spec: Path, there: bool) -> None:
    target, link = spec.with_name("target.py"), spec.with_name("link.py")
    if there:
        target.write_text("precious")
    link.symlink_to(target)
    result = netspec("compile", spec, "-o", link)
    assert result.exit_code == 1
    assert "give the file it points to" in result.stderr
    assert link.is_symlink()
    assert target.exists() == there
    assert not there or target.read_text() == "precious"


def _fail_while_writing(writer: Any, path: Path) -> None:
    with writer(path) as file:
        if isinstance(file, Path):
            file.write_text("new")
        else:
            file.write(b"new")
        raise ZeroDivisionError


def test_a_failed_write_leaves_the_old_file_and_no_temporary_one(tmp_path: Path) -> None:
    path = tmp_path / "out"
    path.write_text("old")
    for writer in (atomic_write, staged):
        with pytest.raises(ZeroDivisionError):
            _fail_while_writing(writer, path)
        assert path.read_text() == "old"
        assert [p.name for p in tmp_path.iterdir()] == ["out"]


KILLED = """
import os, signal, sys
from pathlib import Path
from netspec.files import {writer}
with {writer}(Path(sys.argv[1])) as file:
    os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.parametrize("writer", ["atomic_write", "staged"])
def test_what_a_killed_run_left_goes_with_the_next_write(tmp_path: Path, writer: str) -> None:
    path = tmp_path / "out"
    for _ in range(2):
        code = KILLED.format(writer=writer)
        subprocess.run(
            [sys.executable, "-c", code, str(path)], check=False, env={**os.environ, "PYTHONPATH": str(ROOT)}
        )
    assert len(list(tmp_path.glob(".out.*.part"))) >= 1
    long_ago = time.time() - 60
    for left in tmp_path.glob(".out.*.part"):
        os.utime(left, (long_ago, long_ago))
    with atomic_write(path) as outer:
        outer.write(b"a")
        for living in tmp_path.glob(".out.*.part"):
            os.utime(living, (long_ago, long_ago))
        with staged(path) as inner:  # of a writer that lives nothing is removed
            inner.write_text("b")
            assert len(list(tmp_path.glob(".out.*.part"))) == 2
    assert [p.name for p in tmp_path.iterdir()] == ["out"]


def test_files_written_together_are_moved_together(tmp_path: Path) -> None:
    with staged(tmp_path / "m.onnx") as path:
        path.write_text("model")
        path.with_name("m.onnx.data").write_text("data")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["m.onnx", "m.onnx.data"]


@pytest.mark.parametrize("stopped", ["before the weights", "before the model", "before the old weights go"])
def test_a_large_model_is_never_beside_the_weights_of_another(
    tmp_path: Path, stopped: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its two files take their names one after the other."""
    monkeypatch.setattr("netspec.backends.onnx.writer.INLINE_LIMIT", 16)
    model = tmp_path / "m.onnx"

    def values() -> Any:
        session = onnxruntime.InferenceSession(str(model), providers=["CPUExecutionProvider"])
        return session.run(None, {session.get_inputs()[0].name: np.ones((1, 4), np.float32)})[0]

    found = {}
    for seed in (1, 2):
        loads("input 4; FC-8; FC-3").to_onnx(model, seed=seed)
        found[seed] = values()
    assert not np.array_equal(found[1], found[2])
    assert len(list(tmp_path.iterdir())) == 2
    whole = files._take_name

    def stops(temporary: Path, path: Path) -> None:
        if path == model or (stopped == "before the weights" and path.parent == tmp_path):
            if stopped == "before the old weights go":
                whole(temporary, path)
            raise KeyboardInterrupt
        whole(temporary, path)

    with monkeypatch.context() as patched:
        patched.setattr(files, "_take_name", stops)
        with pytest.raises(KeyboardInterrupt):
            loads("input 4; FC-8; FC-3").to_onnx(model, seed=1)
    np.testing.assert_array_equal(values(), found[1 if stopped == "before the old weights go" else 2])
    loads("input 4; FC-8; FC-3").to_onnx(model, seed=1)
    np.testing.assert_array_equal(values(), found[1])
    assert len(list(tmp_path.iterdir())) == 2
    monkeypatch.undo()
    loads("input 4; FC-8; FC-3").to_onnx(model, seed=1)
    assert [path.name for path in tmp_path.iterdir()] == ["m.onnx"]


def test_a_pipe_without_a_writer_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(OSError, match="regular file"):
        open_regular(tmp_path / "pipe")


@pytest.mark.skipif(not Path("/proc/kmsg").exists(), reason="a file of Linux")
def test_a_file_of_the_kernel_without_an_end() -> None:
    result = subprocess.run(
        [sys.executable, "-m", "netspec", "check", "/proc/kmsg"],
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    assert result.returncode == 1
    assert "error[NS00" in result.stderr


def test_the_folder_of_an_output_is_missing(tmp_path: Path) -> None:
    with pytest.raises(SpecError, match="NS501"), staged(tmp_path / "no" / "m.onnx"):
        pass
