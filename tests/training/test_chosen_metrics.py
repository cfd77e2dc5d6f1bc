"""`metric`, `best by=` and `stop by=`, against scikit-learn."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from running import engine_of, save_examples
from sklearn import metrics as sk

import netspec
from netspec.datasets import DataOptions
from netspec.source import SourceFile
from netspec.training.comparison import read_metrics
from netspec.training.engine import Engine, Watcher
from netspec.training.run_folder import RunFolder
from netspec.training.session import Request, train

RANDOM = np.random.default_rng(0)
X = RANDOM.normal(size=(120, 6)).astype(np.float32)
HALF = DataOptions(validation=0.5, test=0.0)
CLASSES = "input 6\nFC-3\ntrain {{ epochs 3; batch 20; optimizer sgd lr=0.3; {} }}\n"
LABELS = "input 6\nFC-{}\ntrain {{ epochs 2; batch 20; loss bce; metric f1; metric auc; metric ap }}\n"
VALUES = "input 6\nFC-2\ntrain { epochs 2; batch 20; loss mse; metric mae; metric mse }\n"


def outputs_of(engine: Engine) -> tuple[Any, Any]:
    """The outputs for the validation examples, and their targets."""
    validation = engine.collection.validation
    assert validation is not None
    inputs, target = engine.inputs.test(validation.batch(range(len(validation))))
    with torch.no_grad():
        return engine.module.eval()(*inputs), target.numpy()


def evaluated(engine: Engine) -> dict[str, float]:
    assert engine.collection.validation is not None
    return dict(engine.evaluate(engine.collection.validation).metrics)


def test_metrics_of_classes(tmp_path: Path) -> None:
    y = np.clip((X @ RANDOM.normal(size=(6, 3))).argmax(1), 0, 2)
    where = save_examples(tmp_path / "e.npz", X, y)
    engine = engine_of(CLASSES.format("metric f1; metric auc; metric ap; metric miou"), where, HALF)
    engine.fit(Watcher())
    output, target = outputs_of(engine)
    chances, answers = output.softmax(1).numpy(), output.argmax(1).numpy()
    ones = np.eye(3)[target]
    assert evaluated(engine) == pytest.approx({
        "f1": sk.f1_score(target, answers, average="macro"),
        "auc": sk.roc_auc_score(target, chances, multi_class="ovr", average="macro"),
        "ap": sk.average_precision_score(ones, chances, average="macro"),
        "miou": sk.jaccard_score(target, answers, average="macro"),
    }, abs=1e-5)  # fmt: skip
    assert dict(engine.at.history[-1].validation.metrics) == evaluated(engine)  # type: ignore[union-attr]
    assert engine.at.history[-1].train.metrics == ()


@pytest.mark.parametrize("count", [1, 3])
def test_metrics_of_labels(tmp_path: Path, count: int) -> None:
    y = (X @ RANDOM.normal(size=(6, count)) + RANDOM.normal(size=(120, count)) > 0).astype(np.float32)
    engine = engine_of(LABELS.format(count), save_examples(tmp_path / "e.npz", X, y), HALF)
    engine.fit(Watcher())
    output, target = outputs_of(engine)
    chances, target = output.sigmoid().numpy(), target.astype(int)
    average = "macro" if count > 1 else "binary"
    assert evaluated(engine) == pytest.approx({
        "f1": sk.f1_score(target, chances > 0.5, average=average),
        "auc": sk.roc_auc_score(target, chances, average="macro"),
        "ap": sk.average_precision_score(target, chances, average="macro"),
    }, abs=1e-5)  # fmt: skip
    assert engine.at.history[-1].validation.accuracy is not None  # type: ignore[union-attr]


def test_metrics_of_values(tmp_path: Path) -> None:
    y = (X @ RANDOM.normal(size=(6, 2))).astype(np.float32)
    engine = engine_of(VALUES, save_examples(tmp_path / "e.npz", X, y), HALF)
    output, target = outputs_of(engine)
    true = {"mae": sk.mean_absolute_error(target, output), "mse": sk.mean_squared_error(target, output)}
    assert evaluated(engine) == pytest.approx(true, rel=1e-5)


def run(tmp_path: Path, line: str, epochs: int = 6) -> tuple[RunFolder, Any]:
    y = RANDOM.integers(0, 3, 120)
    where = save_examples(tmp_path / "e.npz", X, y)
    text = CLASSES.format(line).replace("epochs 3", f"epochs {epochs}")
    folder = RunFolder(tmp_path / "run")
    return folder, train(Request(SourceFile(text, "s.net"), where, HALF), folder, Watcher())


@pytest.mark.parametrize("name", ["f1", "auc", "loss", "accuracy"])
def test_the_best_epoch_is_the_best_by_the_metric(tmp_path: Path, name: str) -> None:
    folder, outcome = run(tmp_path, f"best by={name}; metric ap")
    rows = read_metrics(folder)
    merits = [row.score.merit(name) for row in rows]
    assert outcome.best.epoch == 1 + merits.index(max(merits))  # type: ignore[type-var]
    assert max(rows, key=lambda row: (row.score.rank, -row.epoch)).epoch == outcome.best.epoch
    with folder.metrics.open() as file:
        heads = next(csv.reader(file))
    assert "validation_ap" in heads
    assert ("validation_f1" in heads) == (name == "f1")


def test_a_run_stops_by_its_own_metric(tmp_path: Path) -> None:
    folder, _ = run(tmp_path, "best by=f1; stop patience=2 by=loss", epochs=60)
    losses = [row.score.loss for row in read_metrics(folder)]
    assert len(losses) == min(60, 3 + losses.index(min(losses)))


def test_a_metric_that_does_not_fit_is_refused(tmp_path: Path) -> None:
    where = save_examples(tmp_path / "e.npz", X, RANDOM.integers(0, 3, 120))
    for line, says in (("metric mae", "not one of classes"), ("best by=f1", "needs validation examples")):
        options = HALF if "mae" in line else DataOptions(validation=0.0, test=0.0)
        with pytest.raises(netspec.SpecError, match="NS604") as caught:
            engine_of(CLASSES.format(line), where, options)
        assert says in str(caught.value)


def test_epochs_are_not_ranked_by_a_score_that_values_do_not_have(tmp_path: Path) -> None:
    where = save_examples(tmp_path / "e.npz", X, X[:, :2])
    with pytest.raises(netspec.SpecError) as caught:
        engine_of("input 6\nFC-2\ntrain { epochs 1; loss mse; best by=accuracy }\n", where, HALF)
    (found,) = caught.value.diagnostics
    assert (found.code, found.message[:13], found.helps) == ("NS604", "`by=accuracy`", ("write `by=loss`",))


def test_metrics_are_in_the_checkpoint_of_a_run(tmp_path: Path) -> None:
    folder, _ = run(tmp_path, "best by=f1", epochs=2)
    from netspec.training.checkpoint_files import read_checkpoint
    from netspec.training.rows import row_of

    rows = [row_of(values) for values in read_checkpoint(folder.checkpoint)["history"]]
    assert [row.validation for row in rows] == [row.validation for row in read_metrics(folder)]
    assert all(row.validation is not None and row.validation.metrics for row in rows)
