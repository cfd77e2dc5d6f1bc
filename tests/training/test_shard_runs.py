"""Two processes with two workers each train on shards: every image once an epoch, also after a stop in the middle."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
import tarfile
from pathlib import Path

import numpy as np
import pytest
from conftest import PATIENCE
from PIL import Image

SCRIPT = """
import json, sys
from netspec.datasets import DataOptions
from netspec.model import check
from netspec.source import SourceFile
from netspec.training.engine import Watcher
from netspec.training.hardware import Hardware, launch
from netspec.training.plan import Plan
from netspec.training.session import Request, build_engine, open_data

options = DataOptions(validation=0.0, test=0.0, workers=2)
request = Request(SourceFile(open("s.net").read(), "s.net"), "shards-{00..03}.tar", options, Hardware("cpu", 2, 1, "ddp"))
model = check(request.source).model()
plan = Plan.of(model.graph)
fabric = launch(request.hardware, plan)
seen = [[]]

class Epochs(Watcher):
    def epoch(self, engine, row, *, best):
        seen.append([])

class Stop:
    calls = 0
    def __call__(self):
        self.calls += 1
        return self.calls == 8

def engine():
    made = build_engine(model, plan, open_data(plan, request), fabric, request)
    train = made.inputs.train
    def kept(batch, place, rows, total):
        if len(rows):
            seen[-1] += batch.inputs["input"][:, 0, 0, 0].tolist()
        return train(batch, place, rows, total)
    made.inputs.train = kept
    return made

first = engine()
first.fit(Epochs(), Stop())
state = fabric.broadcast(first.state())
second = engine()
second.load_state(state)
second.fit(Epochs())
json.dump(seen, open(f"seen-{fabric.global_rank}.json", "w"))
"""


def shard(path: Path, numbers: range) -> None:
    """Images of one value, their number, each with its class."""
    with tarfile.open(path, "w") as tar:
        for number in numbers:
            image = io.BytesIO()
            Image.fromarray(np.full((8, 8, 3), number, np.uint8)).save(image, "PNG")
            for extension, content in ((".png", image.getvalue()), (".cls", str(number % 4).encode())):
                info = tarfile.TarInfo(f"{number:05}{extension}")
                info.size = len(content)
                tar.addfile(info, io.BytesIO(content))


@pytest.mark.slow
def test_every_image_once_an_epoch(tmp_path: Path) -> None:
    for number in range(4):
        shard(tmp_path / f"shards-{number:02}.tar", range(50 * number, 50 * number + 50))
    (tmp_path / "s.net").write_text("input 3x8x8\nconv3-4\ngap\nFC-4\ntrain { epochs 2; batch 16 }\n")
    (tmp_path / "run.py").write_text(SCRIPT)
    done = subprocess.run(
        [sys.executable, "run.py"], cwd=tmp_path, capture_output=True, text=True, timeout=PATIENCE, check=False,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    ranks = [json.loads((tmp_path / f"seen-{rank}.json").read_text()) for rank in range(2)]
    for epoch in range(2):
        assert sorted(ranks[0][epoch] + ranks[1][epoch]) == list(range(200)), epoch
        assert abs(len(ranks[0][epoch]) - len(ranks[1][epoch])) <= 16
    assert ranks[0][0] != sorted(ranks[0][0])
