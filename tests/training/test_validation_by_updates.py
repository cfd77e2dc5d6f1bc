"""Validation and saving after numbers of updates instead of epochs."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest
import torch
from running import X, Y, engine_of, save_examples
from small_runs import netspec
from torch.nn import functional as F

from netspec.datasets import DataOptions
from netspec.diagnostics import SpecError
from netspec.source import SourceFile
from netspec.training.checkpoint_files import read_checkpoint, read_weights
from netspec.training.engine import Watcher
from netspec.training.run_folder import RunFolder
from netspec.training.session import Request, train

TEXT = """input 6
FC-8 act=tanh
FC-3
train {{
  epochs 3
  batch 4
  optimizer sgd lr=0.5
  {}
}}
"""
SPLIT = DataOptions(validation=0.25, test=0.0)


@pytest.fixture(scope="module")
def where(tmp_path_factory: pytest.TempPathFactory) -> str:
    return save_examples(tmp_path_factory.mktemp("examples") / "e.npz", X, Y)


def test_rows_are_those_of_the_updates(where: str) -> None:
    """18 examples train in batches of 4: 5 updates an epoch, 15 in all. The scores against torch on the weights at that time."""
    engine = engine_of(TEXT.format("validate 4 unit=step"), where, SPLIT)
    held = engine.collection.validation
    assert held is not None
    batch = held.batch(range(len(held)))
    losses: list[float] = []
    expected: list[float] = []

    class Seen(Watcher):
        def update(self, engine, loss) -> None:
            losses.append(loss)
            if engine.at.step in (4, 8, 12, 15):
                with torch.no_grad():
                    expected.append(float(F.cross_entropy(engine.module(batch.inputs["input"]), batch.target)))

    assert engine.fit(Seen())
    rows = engine.at.history
    assert [(row.epoch, row.step, row.examples) for row in rows] == [(0.8, 4, 16), (1.6, 8, 14), (2.4, 12, 14), (3, 15, 10)]  # fmt: skip
    assert [row.validation.loss for row in rows] == pytest.approx(expected, rel=1e-5)
    sizes = [4, 4, 4, 4, 2] * 3
    for row, start in zip(rows, (0, 4, 8, 12), strict=True):
        part = slice(start, row.step)
        mean = sum(a * b for a, b in zip(losses[part], sizes[part], strict=True)) / sum(sizes[part])
        assert row.train.loss == pytest.approx(mean, rel=1e-5)


def test_every_second_epoch(where: str) -> None:
    engine = engine_of(TEXT.format("validate 2"), where, SPLIT)
    engine.fit(Watcher())
    assert [(row.epoch, row.step, row.examples) for row in engine.at.history] == [(2, 10, 36), (3, 15, 18)]


def test_a_run_stops_within_an_epoch(where: str) -> None:
    """At so high a rate: the third validation without a better score ends the run."""
    text = TEXT.format("validate 1 unit=step\n  stop patience=3 by=loss\n  best by=loss")
    engine = engine_of(text.replace("lr=0.5", "lr=50"), where, SPLIT)
    assert engine.fit(Watcher())
    losses = [row.score.loss for row in engine.at.history]
    best = losses.index(min(losses))
    assert engine.at.step == len(losses) == best + 4 < 15


class Stop(Exception):
    pass


def test_a_resumed_run_is_bit_equal(tmp_path: Path, where: str) -> None:
    """Killed right after the checkpoint of an update that has yet to be evaluated."""
    source = SourceFile(TEXT.format("validate 4 unit=step\n  schedule plateau 0.5 patience=0\n  ema 0.9"), "spec.net")
    request = Request(source, where, SPLIT, save_updates=2)

    class Killed(Watcher):
        def update(self, engine, loss) -> None:
            if engine.at.step == 4:
                raise Stop

    whole, part = RunFolder(tmp_path / "whole"), RunFolder(tmp_path / "part")
    train(request, whole, Watcher())
    with pytest.raises(Stop):
        train(request, part, Killed())
    assert read_checkpoint(part.checkpoint)["at"][2] == 4
    resumed = netspec("train", "--resume", part.path)
    assert resumed.exit_code == 0, resumed.output
    for name in ("best", "last"):
        mine, theirs = (read_weights(getattr(folder, name)) for folder in (whole, part))
        assert all(torch.equal(mine[key], theirs[key]) for key in mine)
    one, other = (list(csv.reader(folder.metrics.open())) for folder in (whole, part))
    assert [line[:7] for line in one] == [line[:7] for line in other]
    assert [line[0] for line in one[1:]] == ["0.8", "1.6", "2.4", "3"]


def test_mistakes(where: str) -> None:
    for line, said in (
        ("validate 0", "at least 1"),
        ("validate 5 unit=steps", "steps"),
        ("validate unit=step often", "often"),
    ):
        with pytest.raises(SpecError, match=said):
            engine_of(TEXT.format(line), where, SPLIT)
    assert "would change it" in netspec("train", "--resume", "run", "--save-updates", "3").output
