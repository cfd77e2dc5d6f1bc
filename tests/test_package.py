"""The wheel, in a clean environment: it carries the parser's tables and runs `check`."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from conftest import PATIENCE, ROOT

from netspec import __version__


def _pythons() -> list[str]:
    """This Python, and the other supported ones that the machine has."""
    found = [sys.executable]
    for version in ("3.11", "3.12", "3.13"):
        path = shutil.which(f"python{version}")
        if path is None or version == f"{sys.version_info.major}.{sys.version_info.minor}":
            continue
        if subprocess.run([path, "-c", "import venv, ensurepip"], capture_output=True, check=False).returncode == 0:
            found.append(path)
    return found


@pytest.mark.slow
@pytest.mark.parametrize("interpreter", _pythons())
def test_the_wheel_works_in_a_clean_environment(tmp_path: Path, interpreter: str) -> None:
    def run(*command: str, cwd: Path = tmp_path) -> str:
        clean = {k: v for k, v in os.environ.items() if not k.startswith("PYTHON")}
        result = subprocess.run(
            command, capture_output=True, text=True, cwd=cwd, env=clean, timeout=PATIENCE, check=False
        )
        assert result.returncode == 0, result.stderr
        return result.stdout

    run(sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(tmp_path), str(ROOT))
    (wheel,) = tmp_path.glob("netspec_nn-*.whl")
    with zipfile.ZipFile(wheel) as archive:
        assert archive.read("netspec/syntax/tables.json") == (ROOT / "netspec/syntax/tables.json").read_bytes()
    run(interpreter, "-m", "venv", str(tmp_path / "env"))
    python = str(tmp_path / "env" / "bin" / "python")
    run(
        python,
        "-m",
        "pip",
        "install",
        "--quiet",
        "--disable-pip-version-check",
        "-c",
        str(ROOT / "constraints.txt"),
        str(wheel),
    )
    shown = run(str(tmp_path / "env" / "bin" / "netspec"), "check", str(ROOT / "examples" / "vgg16.net"))
    assert "138,357,544" in shown
    assert __version__ in run(str(tmp_path / "env" / "bin" / "netspec"), "--version")
    assert run(python, "-m", "pip", "show", "netspec-nn").splitlines()[1] == f"Version: {__version__}"
    netspec = str(tmp_path / "env" / "bin" / "netspec")
    assert "25,557,032" in run(netspec, "check", "-e", (ROOT / "examples" / "resnet50.net").read_text())
    assert "resnet50" in run(netspec, "examples")
    run(netspec, "new", "resnet18")
    assert (tmp_path / "resnet18.net").read_bytes() == (ROOT / "examples" / "resnet18.net").read_bytes()
    assert "11,689,512" in run(netspec, "check", "resnet18.net")
    missing = subprocess.run(
        [str(tmp_path / "env" / "bin" / "netspec"), "compile", str(ROOT / "examples" / "xor.net"), "-o", "x.onnx"],
        capture_output=True, text=True, cwd=tmp_path, check=False,
    )  # fmt: skip
    assert missing.returncode == 1
    assert "pip install 'netspec-nn[onnx]'" in missing.stderr
