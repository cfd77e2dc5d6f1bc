"""What is counted while a run trains and is evaluated, against scikit-learn on the same predictions."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from running import engine_of, save_examples
from sklearn import metrics as sk
from small_runs import netspec, trained

from netspec.datasets import DataOptions
from netspec.datasets.examples import IGNORED
from netspec.model import loads
from netspec.training.engine import Engine, Watcher
from netspec.training.judging import Judge
from netspec.training.losses import loss_function
from netspec.training.measures import Tally
from netspec.training.plan import Plan

RANDOM = np.random.default_rng(0)
X = RANDOM.normal(size=(150, 5)).astype(np.float32)
NET = "input 5\nFC-8 act=relu\nFC-{}\ntrain {{ loss {}; epochs 3; batch 16; optimizer adam lr=1e-2 }}\n"


def predictions(engine: Engine, part: str) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    examples = getattr(engine.collection, part)
    batch = examples.batch(range(len(examples)))
    engine.module.eval()
    with torch.no_grad():
        return engine.module(batch.inputs["input"]).numpy(), batch.target.numpy()


def fitted(tmp_path: Path, y: Any, outputs: int, loss: str) -> Engine:
    where = save_examples(tmp_path / "e.npz", X, y)
    engine = engine_of(NET.format(outputs, loss), where, DataOptions(validation=0.3, test=0.0))
    engine.fit(Watcher())
    return engine


def test_r2_of_an_epoch_is_that_of_scikit_learn(tmp_path: Path) -> None:
    y = (X @ RANDOM.normal(size=(5, 2)) * [1, 50] + [0, 1e4]).astype(np.float32)
    engine = fitted(tmp_path, y, 2, "mse")
    given, wanted = predictions(engine, "validation")
    score = engine.at.history[-1].validation
    assert score is not None
    assert score.accuracy is None
    assert score.r2 == pytest.approx(sk.r2_score(wanted, given), rel=1e-4)
    assert score.r2 < 0


def test_a_constant_target_has_the_r2_of_scikit_learn() -> None:
    plan = Plan.of(loads(NET.format(2, "mse")).graph)
    wanted = np.stack([np.full(20, 3.0), RANDOM.normal(size=20)], 1).astype(np.float32)
    given = (wanted + RANDOM.normal(size=wanted.shape)).astype(np.float32)
    judge = Judge(plan.head, wanted)
    sums = judge.sums()
    for part in (slice(0, 7), slice(7, 20)):
        sums.add(torch.zeros(()), 1, *judge(torch.from_numpy(given[part]), torch.from_numpy(wanted[part])))
    assert sums.score().r2 == pytest.approx(sk.r2_score(wanted, given), rel=1e-5)


def test_binary_and_label_accuracies(tmp_path: Path) -> None:
    y = (X[:, :3] + 0.5 * RANDOM.normal(size=(150, 3)) > 0.2).astype(np.int64)
    engine = fitted(tmp_path, y, 3, "bce")
    given, wanted = predictions(engine, "validation")
    score = engine.at.history[-1].validation
    assert score is not None
    each = [sk.accuracy_score(wanted[:, i] > 0.5, given[:, i] > 0) for i in range(3)]
    assert score.labels == pytest.approx(each)
    assert score.accuracy == pytest.approx(np.mean(each))
    engine = fitted(tmp_path, y[:, 0], 1, "bce")
    given, wanted = predictions(engine, "validation")
    score = engine.at.history[-1].validation
    assert score is not None
    assert score.accuracy == pytest.approx(sk.accuracy_score(wanted > 0.5, given > 0))
    assert score.labels == ()


def test_a_run_of_labels_says_the_accuracy_of_each(tmp_path: Path) -> None:
    y = (X[:, :2] > 0).astype(np.int64)
    run = tmp_path / "run"
    (tmp_path / "l.net").write_text(NET.format(2, "bce"))
    told = netspec("train", tmp_path / "l.net", "--data", save_examples(tmp_path / "e.npz", X, y), "--folder", run)
    assert "accuracy per label: 0: " in told.output
    assert "val. acc." in told.output
    told = netspec("eval", run)
    assert "label   holds   predicted   accuracy   precision   recall" in told.output


def test_values_worse_than_their_mean_are_named(tmp_path: Path) -> None:
    where = save_examples(tmp_path / "e.npz", X, (X[:, 0] + 1000).astype(np.float32))
    run = trained("far", NET.format(1, "mse"), where)
    (tmp_path / "v.net").write_text(NET.format(1, "mse"))
    told = netspec("train", tmp_path / "v.net", "--data", where, "--folder", tmp_path / "run")
    assert "no better than always predicting the mean" in told.output
    assert "val. R2" in told.output
    assert "R2 is not above 0" in netspec("eval", run).output


# Segmentation


def masks(count: int, classes: int, *, ignored: bool) -> tuple[torch.Tensor, torch.Tensor]:
    """Logits and classes of images, the classes of most pixels being those of the logits."""
    generator = torch.Generator().manual_seed(0)
    logits = torch.randn(count, classes, 6, 7, generator=generator)
    wanted = torch.where(torch.rand(count, 6, 7, generator=generator) < 0.6, logits.argmax(1), 0)
    wanted[0] = 0
    if ignored:
        wanted[torch.rand(count, 6, 7, generator=generator) < 0.2] = IGNORED
    return logits, wanted


@pytest.mark.parametrize("ignored", [False, True])
def test_overlap_is_that_of_scikit_learn(ignored: bool) -> None:
    plan = Plan.of(loads("input 3x6x7\nconv3-4 pad=same\n").graph)
    logits, wanted = masks(9, 4, ignored=ignored)
    tally = Tally(plan.head)
    for part in (slice(0, 4), slice(4, 9)):
        tally.add(logits[part].double().softmax(1), wanted[part])
    found = tally.result()
    counted = wanted.flatten() != IGNORED
    true, given = wanted.flatten()[counted].numpy(), logits.argmax(1).flatten()[counted].numpy()
    assert [c.iou for c in found.classes] == pytest.approx(sk.jaccard_score(true, given, average=None).tolist())
    assert found.iou == pytest.approx(sk.jaccard_score(true, given, average="macro"))
    assert [c.dice for c in found.classes] == pytest.approx(sk.f1_score(true, given, average=None).tolist())
    assert found.accuracy == pytest.approx(sk.accuracy_score(true, given))
    assert found.examples == 9
    assert [c.images for c in found.classes] == [int((wanted == i).flatten(1).any(1).sum()) for i in range(4)]
    judge = Judge(plan.head, None)
    sums = judge.sums()
    sums.add(torch.zeros(()), 9, *judge(logits, wanted))
    assert sums.score().accuracy == pytest.approx(found.accuracy)
    loss = loss_function(plan.loss, 1)(logits, wanted)
    one = torch.nn.functional.cross_entropy(logits[3:4], wanted[3:4], ignore_index=IGNORED)
    assert float(loss[3]) == pytest.approx(float(one)), "the mean over the pixels that count"


def test_overlap_of_a_single_map_and_of_several() -> None:
    for features in (1, 3):
        plan = Plan.of(loads(f"input 3x6x7\nconv3-{features} pad=same\ntrain {{ loss bce }}\n").graph)
        given = torch.rand(8, features, 6, 7, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
        wanted = (given + 0.4 * torch.rand(given.shape, generator=torch.Generator().manual_seed(2)) > 0.7).float()
        tally = Tally(plan.head)
        tally.add(given, wanted)
        found = tally.result()
        ious = [sk.jaccard_score(wanted[:, i].flatten(), given[:, i].flatten() > 0.5) for i in range(features)]
        measured = [found.classes[1].iou] if features == 1 else [c.iou for c in found.labels or []]
        assert measured == pytest.approx(ious)
        assert found.examples == 8
        assert found.images is not None


def test_a_class_that_is_nowhere_does_not_count() -> None:
    plan = Plan.of(loads("input 3x6x7\nconv3-5 pad=same\n").graph)
    tally = Tally(plan.head)
    wanted = torch.zeros(2, 6, 7, dtype=torch.int64)
    tally.add(torch.nn.functional.one_hot(wanted, 5).movedim(-1, 1).double(), wanted)
    found = tally.result()
    assert found.iou == 1.0
    assert found.classes[4].iou is None
