"""benchmarks/gpu.py, in the form that runs on a CPU: every part is measured, and what needs a GPU says so."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from conftest import PATIENCE, ROOT


def measured(tmp_path: Path) -> dict[str, Any]:
    file = tmp_path / "results.json"
    command = [sys.executable, str(ROOT / "benchmarks" / "gpu.py"), "--small", "--output", str(file)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, cwd=tmp_path, check=False)
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(file.read_text())
    assert json.loads(done.stdout) == found
    return found


@pytest.mark.slow
def test_every_part_is_measured(tmp_path: Path) -> None:
    found = measured(tmp_path)
    graphs = "bf16 channels-last compiled, CUDA graphs"
    for name in ("generated", "by hand"):
        steps = found[f"training step, {name}"]
        assert steps.pop(graphs) == "RuntimeError: CUDA graphs need a CUDA GPU"
        assert len(steps) == 3
    inference = found["inference"]
    missing = {name: inference.pop(name) for name in list(inference) if "tensorrt" in name}
    assert missing
    assert all("providers here" in why for why in missing.values())
    assert {name.split(",")[0] for name in inference} == {"torch cpu", "onnxruntime cpu"}
    groups = ("loader alone", "from JPEG files", "netspec train on noise", "training step, generated", "inference")
    for group in groups:
        assert all(rate > 0 for rate in found[group].values()), group
    files, alone = found["from JPEG files"], found["loader alone"]["netspec"]
    ratios = found["ratios"]
    assert ratios["from JPEG files, netspec train / plain loop"] == pytest.approx(
        files["netspec train"] / files["plain loop"]
    )
    assert ratios["from JPEG files / min(loader alone, netspec train on noise)"] == pytest.approx(
        files["netspec train"] / min(alone, found["netspec train on noise"]["default"])
    )
