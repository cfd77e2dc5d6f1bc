"""The package in `examples/plugin`, in an environment of its own, where pip has installed it."""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
import venv
from pathlib import Path

import pytest
from conftest import PATIENCE, ROOT

PLUGIN = ROOT / "examples" / "plugin"


@pytest.mark.slow
def test_the_package_of_the_example(tmp_path: Path) -> None:
    """Nothing is downloaded: netspec, PyTorch and what builds the package are those of this environment."""
    venv.create(tmp_path / "env", with_pip=False)
    python = str(tmp_path / "env" / "bin" / "python")
    clean = {k: v for k, v in os.environ.items() if not k.startswith("PYTHON")}

    def run(*command: str) -> str:
        result = subprocess.run(
            command, capture_output=True, text=True, cwd=tmp_path, env=clean, timeout=PATIENCE, check=False
        )
        assert result.returncode == 0, result.stdout + result.stderr
        return result.stdout

    (site,) = (tmp_path / "env" / "lib").glob("python*/site-packages")
    (site / "checkout.pth").write_text(f"{ROOT}\n{sysconfig.get_paths()['purelib']}\n")
    run(python, "-m", "pip", "install", "--quiet", "--no-deps", "--no-build-isolation", "--no-index", str(PLUGIN))
    assert "netspec-fourier 0.1.0" in run(python, "-m", "netspec", "ops", "fourier")
    assert "16,896" in run(python, "-m", "netspec", "check", "-e", "input 2; fourier-64; FC-128 act=relu; FC-3")
    assert "5 passed" in run(python, "-m", "pytest", "-p", "no:cacheprovider", "-o", "addopts=", str(PLUGIN / "tests"))


def test_here_it_is_not_installed() -> None:
    result = subprocess.run(
        [sys.executable, "-m", "netspec", "check", "-e", "input 2; fourier-64"],
        capture_output=True, text=True, cwd=ROOT, timeout=PATIENCE, check=False,
    )  # fmt: skip
    assert "NS201" in result.stderr
