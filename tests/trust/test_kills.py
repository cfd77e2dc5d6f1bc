"""A few of the kills of `tests/killing.py`, with the seed of the run."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
from conftest import PATIENCE, ROOT, SEED


@pytest.mark.slow
@pytest.mark.parametrize(("command", "kills"), [("compile", 8), ("train", 3)])
def test_a_killed_command_leaves_nothing_half_done(command: str, kills: int) -> None:
    result = subprocess.run(
        [sys.executable, str(ROOT / "tests" / "killing.py"), command, str(kills), str(SEED)], capture_output=True, text=True,
        check=False, timeout=PATIENCE, env={**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"},
    )  # fmt: skip
    assert result.returncode == 0, result.stdout + result.stderr
