"""Several outputs with a loss each, features, and sequences of labels, against the same updates written in plain torch."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from conftest import ROOT, run_netspec
from running import X, Y, engine_of
from torch import nn
from torch.nn import functional as F

import netspec
from netspec.datasets import DataOptions
from netspec.source import SourceFile
from netspec.training.engine import Engine, Watcher
from netspec.training.evaluation import Question, evaluate
from netspec.training.losses import ctc, triplet
from netspec.training.run_folder import RunFolder
from netspec.training.session import Request, train
from netspec.training.trained import Trained

TWO = """input 6
h: FC-8 act=tanh
FC-3
output kind
from h
FC-2
output place
train {
  loss kind cross_entropy label_smoothing=0.1
  loss place huber delta=0.5 weight=0.3
  optimizer sgd lr=0.1
  epochs 4
  batch 24
}
"""
PLACES = np.random.default_rng(1).normal(size=(24, 2)).astype(np.float32)


@pytest.fixture(scope="module")
def two(tmp_path_factory: pytest.TempPathFactory) -> str:
    path = tmp_path_factory.mktemp("two") / "e.npz"
    np.savez(path, x=X, kind=Y, place=PLACES)
    return str(path)


def after(net: nn.Module, loss: Any, engine: Engine, steps: int = 4) -> None:
    """Trains both, and compares their weights."""
    net.load_state_dict(
        dict(zip(net.state_dict(), (v.clone() for v in engine.module.state_dict().values()), strict=True))
    )
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
    for _ in range(steps):
        optimizer.zero_grad()
        loss(net).backward()
        optimizer.step()
    engine.fit(Watcher())
    for mine, theirs in zip(engine.module.state_dict().values(), net.state_dict().values(), strict=True):
        assert torch.allclose(mine, theirs, atol=1e-6, rtol=1e-6), (mine - theirs).abs().max()


class Branches(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.body, self.kind, self.place = nn.Linear(6, 8), nn.Linear(8, 3), nn.Linear(8, 2)

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        hidden = torch.tanh(self.body(x))
        return self.kind(hidden), self.place(hidden)


def test_two_losses_are_a_weighted_sum(two: str) -> None:
    x, kinds, places = torch.from_numpy(X), torch.from_numpy(Y), torch.from_numpy(PLACES)

    def loss(net: nn.Module) -> torch.Tensor:
        kind, place = net(x)
        return F.cross_entropy(kind, kinds, label_smoothing=0.1) + 0.3 * F.huber_loss(place, places, delta=0.5)

    engine = engine_of(TWO, two)
    after(net := Branches(), loss, engine)
    score = engine.evaluate(engine.collection.train)
    scores = dict(score.metrics)
    with torch.no_grad():
        kind, place = net(x)
    assert score.loss == pytest.approx(float(loss(net).detach()), rel=1e-5)
    assert scores["kind_accuracy"] == pytest.approx(float((kind.argmax(1) == kinds).float().mean()))
    assert scores["kind_loss"] == pytest.approx(float(F.cross_entropy(kind, kinds, label_smoothing=0.1)), rel=1e-5)
    assert scores["place_loss"] == pytest.approx(float(F.huber_loss(place, places, delta=0.5)), rel=1e-5)
    assert set(scores) == {"kind_loss", "kind_accuracy", "place_loss", "place_r2"}


def test_one_of_several_outputs_can_be_the_input_again(tmp_path: Path) -> None:
    """Only one output then needs targets, so any data has them."""
    text = TWO.replace("FC-2\n", "FC-6\n").replace("loss place huber delta=0.5", "loss place mse target=input")
    np.savez(tmp_path / "e.npz", x=X, y=Y)
    x, kinds = torch.from_numpy(X), torch.from_numpy(Y)

    def loss(net: nn.Module) -> torch.Tensor:
        kind, place = net(x)
        return F.cross_entropy(kind, kinds, label_smoothing=0.1) + 0.3 * F.mse_loss(place, x)

    net = Branches()
    net.place = nn.Linear(8, 6)
    after(net, loss, engine_of(text, str(tmp_path / "e.npz")))


def test_a_run_with_two_outputs_resumes_ranks_and_evaluates_each(two: str, tmp_path: Path) -> None:
    text = TWO.replace("batch 24", "batch 8\n  best by=place_r2\n  metric f1")
    request = Request(SourceFile(text, "spec.net"), two, DataOptions(validation=0.3, test=0.0))
    whole, cut = RunFolder(tmp_path / "whole"), RunFolder(tmp_path / "cut")
    done = train(request, whole, Watcher())

    class Stop(Watcher):
        def update(self, engine: Engine, loss: float | None) -> None:
            if engine.at.step == 5:
                raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(request, cut, Stop())
    train(request, cut, Watcher(), resume=True)
    assert cut.last.read_bytes() == whole.last.read_bytes()
    r2 = [row.validation.merit("place_r2") for row in done_rows(whole)]
    assert done.best is not None
    assert done.best.epoch == 1 + r2.index(max(r2))
    assert "kind_f1" in dict(done.best.score.metrics)
    run = Trained.open(whole.path)
    found = evaluate([run], Question(part="validation")).final
    assert found.outputs is not None
    assert found.outputs["place"].r2 == pytest.approx(dict(done.best.score.metrics)["place_r2"], abs=1e-5)
    assert found.outputs["kind"].accuracy == pytest.approx(dict(done.best.score.metrics)["kind_accuracy"])
    assert found.loss == pytest.approx(done.best.score.loss, abs=1e-5)


def done_rows(folder: RunFolder) -> Any:
    from netspec.training.comparison import read_metrics

    return read_metrics(folder)


def test_every_output_needs_targets(tmp_path: Path) -> None:
    np.savez(tmp_path / "e.npz", x=X, kind=Y)
    with pytest.raises(netspec.SpecError) as found:
        engine_of(TWO, str(tmp_path / "e.npz"))
    assert "no array `place`, the targets of the output `place`" in found.value.diagnostics[0].message
    (tmp_path / "e.csv").write_text("a,b,c,d,e,f,kind,place_1,place_2\n" + "".join(
        ",".join([*map(str, x), "xyz"[y], *map(str, p)]) + "\n" for x, y, p in zip(X, Y, PLACES, strict=True)
    ))  # fmt: skip
    batch = engine_of(TWO, str(tmp_path / "e.csv")).collection.train.batch(range(24))
    assert batch.targets["kind"].tolist() == Y.tolist()
    assert torch.allclose(batch.targets["place"], torch.from_numpy(PLACES))


@pytest.mark.slow
def test_a_report_of_several_outputs(tmp_path: Path) -> None:
    """R2 of the images is over all pixels together: those of the border never differ."""
    spec = str(ROOT / "examples" / "multitask_digits.net")
    assert run_netspec("train", spec, "--epochs", "2", "--folder", "run", cwd=tmp_path).returncode == 0
    assert run_netspec("report", "run", "-o", "report.html", cwd=tmp_path).returncode == 0
    assert "Confusion matrix of digit" in (tmp_path / "report.html").read_text()
    found = evaluate([Trained.open(tmp_path / "run")], Question()).final
    assert found.outputs is not None
    assert found.outputs["image"].r2 is not None
    assert -1 < found.outputs["image"].r2 < 1


# Features


def test_triplets_are_the_farthest_of_the_class_and_the_nearest_of_another(tmp_path: Path) -> None:
    np.savez(tmp_path / "e.npz", x=X, y=Y)
    text = "input 6\nFC-8 act=tanh\nFC-4\ntrain {\nloss triplet margin=0.7\noptimizer sgd lr=0.1\nepochs 4\nbatch 24\n}"
    x = torch.from_numpy(X)

    def loss(net: nn.Module) -> torch.Tensor:
        features = net(x)
        total = torch.zeros(())
        for anchor, kind in enumerate(Y):
            away = (features[anchor] - features).detach().norm(dim=1)
            same = max((i for i in range(24) if Y[i] == kind and i != anchor), key=lambda i: float(away[i]))
            other = min((i for i in range(24) if Y[i] != kind), key=lambda i: float(away[i]))
            total = total + nn.TripletMarginLoss(0.7)(*(features[i][None] for i in (anchor, same, other)))
        return total / 24

    after(nn.Sequential(nn.Linear(6, 8), nn.Tanh(), nn.Linear(8, 4)), loss, engine_of(text, str(tmp_path / "e.npz")))
    alone = triplet(torch.randn(3, 2), torch.tensor([0, 0, 0]))
    assert alone.tolist() == [0, 0, 0], "without another class there is no triplet"


# Sequences of labels


def labels(count: int = 24, longest: int = 3) -> np.ndarray[Any, Any]:
    generator = np.random.default_rng(2)
    padded = generator.integers(1, 4, (count, longest))
    padded[np.arange(longest) >= generator.integers(1, longest + 1, count)[:, None]] = -1
    return padded


def test_ctc_is_that_of_torch_over_sequences_of_any_length(tmp_path: Path) -> None:
    x, y = np.random.default_rng(0).normal(size=(24, 7, 5)).astype(np.float32), labels()
    np.savez(tmp_path / "e.npz", x=x, y=y)
    text = "input 7x5 sequence\nlinear-4\nlog_softmax\ntrain {\nloss ctc\noptimizer sgd lr=0.1\nepochs 4\nbatch 24\n}"
    lengths = torch.from_numpy((y >= 0).sum(1))

    def loss(net: nn.Module) -> torch.Tensor:
        found = net(torch.from_numpy(x)).log_softmax(-1).transpose(0, 1)
        return nn.CTCLoss()(found, torch.from_numpy(y[y >= 0]), torch.full((24,), 7), lengths)

    engine = engine_of(text, str(tmp_path / "e.npz"))
    after(net := nn.Linear(5, 4), loss, engine)
    score = engine.evaluate(engine.collection.train)
    assert score.loss == pytest.approx(float(loss(net).detach()), rel=1e-5)
    assert dict(score.metrics)["cer"] == pytest.approx(error_rate(net(torch.from_numpy(x)), y))


def error_rate(scores: torch.Tensor, padded: np.ndarray[Any, Any]) -> float:
    """Edits over labels, by hand."""
    edits = total = 0
    for path, row in zip(scores.argmax(-1).tolist(), padded.tolist(), strict=True):
        given = [a for a, before in zip(path, [None, *path], strict=False) if a not in (0, before)]
        true = [label for label in row if label >= 0]
        costs = list(range(len(true) + 1))
        for i, one in enumerate(given, 1):
            before, costs[0] = costs[0], i
            for j, other in enumerate(true, 1):
                before, costs[j] = costs[j], min(costs[j] + 1, costs[j - 1] + 1, before + (one != other))
        edits, total = edits + costs[-1], total + len(true)
    return edits / total


def test_texts_are_sequences_of_their_characters(tmp_path: Path) -> None:
    """The blank is the last class here, and padding follows the shorter texts."""
    texts = ["ab", "cab", "b"] * 8
    np.savez(tmp_path / "e.npz", x=np.zeros((24, 7, 5), np.float32), y=np.array(texts))
    text = "input 7x5 sequence\nlinear-4\ntrain {\nloss ctc blank=3\nepochs 1\n}"
    collection = engine_of(text, str(tmp_path / "e.npz")).collection
    assert collection.classes == ("a", "b", "c", "")
    assert collection.train.targets()[:3].tolist() == [[0, 1, -100], [2, 0, 1], [1, -100, -100]]  # type: ignore[index]
    scores = torch.zeros(2, 5, 4)
    targets = torch.tensor([[0, 1, -100], [2, 0, 1]])
    expected = F.ctc_loss(
        scores.log_softmax(-1).transpose(0, 1), torch.tensor([0, 1, 2, 0, 1]), (5, 5), (2, 3), blank=3, reduction="none"
    )
    assert torch.allclose(ctc(scores, targets, blank=3), expected / torch.tensor([2, 3]))


@pytest.mark.parametrize(
    ("y", "said"),
    [
        ([[1, 1, 1, 2]], "too few for the labels"), ([[1, 0, 2, -1]], "is the blank"), ([[1, 4, -1, -1]], "is no class of the net"),
        (["abcd"], "4 different characters, but the net has 4 outputs"), ([1], "are not sequences of classes"),
    ],
)  # fmt: skip
def test_sequences_that_do_not_fit(tmp_path: Path, y: Any, said: str) -> None:
    np.savez(tmp_path / "e.npz", x=np.zeros((10, 5, 3), np.float32), y=np.array(y * 10))
    with pytest.raises(netspec.SpecError) as found:
        engine_of("input 5x3 sequence\nlinear-4\ntrain { loss ctc; epochs 1 }", str(tmp_path / "e.npz"))
    assert said in found.value.diagnostics[0].message


# A class that does not count


def test_an_ignored_class_counts_neither_for_the_loss_nor_for_a_score(tmp_path: Path) -> None:
    x, y = np.random.default_rng(0).normal(size=(24, 4, 5)).astype(np.float32), labels(24, 4)
    np.savez(tmp_path / "e.npz", x=x, y=np.where(y < 0, 255, y - 1))
    text = "input 4x5 sequence\nlinear-3\ntrain {\nloss cross_entropy ignore=255\noptimizer sgd lr=0.1\nepochs 4\nbatch 24\n}"

    def loss(net: nn.Module) -> torch.Tensor:
        found, wanted = net(torch.from_numpy(x)), torch.from_numpy(np.where(y < 0, -100, y - 1))
        each = F.cross_entropy(found.transpose(1, 2), wanted, reduction="none")
        return (each.sum(1) / torch.from_numpy((y >= 0).sum(1))).mean()

    engine = engine_of(text, str(tmp_path / "e.npz"))
    after(net := nn.Linear(5, 3), loss, engine)
    right = net(torch.from_numpy(x)).argmax(-1).numpy()[y >= 0] == (y - 1)[y >= 0]
    assert engine.evaluate(engine.collection.train).accuracy == pytest.approx(right.mean())
