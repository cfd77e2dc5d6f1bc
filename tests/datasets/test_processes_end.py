"""A command whose images were decoded by processes of their own ends."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from conftest import netspec_process
from PIL import Image

SPEC = "input 3x8x8\nFC-2\ntrain { epochs 2; batch 4 }\n"


@pytest.mark.slow
def test_training_with_workers_ends_and_gives_what_it_gives_without(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    for name in ("cat", "dog"):
        (tmp_path / "images" / name).mkdir(parents=True)
        for i in range(12):
            image = Image.fromarray(random.integers(0, 255, (8, 8, 3), dtype=np.uint8))
            image.save(tmp_path / "images" / name / f"{i}.png")
    (tmp_path / "spec.net").write_text(SPEC)
    weights = []
    for workers in ("0", "2"):
        result = netspec_process(
            "train", "spec.net", "--data", "images", "--workers", workers, "--folder", f"r{workers}", cwd=tmp_path
        )
        assert result.returncode == 0, result.stderr
        weights.append((tmp_path / f"r{workers}" / "last.safetensors").read_bytes())
    assert weights[0] == weights[1]
