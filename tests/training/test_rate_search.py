"""The search for a learning rate."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from conftest import ROOT, run_netspec

from netspec.datasets import DataOptions
from netspec.source import SourceFile
from netspec.training.engine import Watcher
from netspec.training.hardware import Hardware
from netspec.training.rate_search import RateTrial, propose, search_rate
from netspec.training.run_folder import RunFolder
from netspec.training.session import Request, train

LENET = (ROOT / "examples" / "lenet_digits.net").read_text()
MLP = "input 64\nFC-50 act=relu\nFC-10\ntrain {{\n  optimizer {}\n  batch 64\n  epochs 5\n}}\n"


pytestmark = pytest.mark.usefixtures("one_thread")


def request(text: str) -> Request:
    return Request(SourceFile(text, "spec.net"), "digits", DataOptions(), Hardware("cpu"))


def trial(rate: float, last: float, *, given_up: bool = False) -> RateTrial:
    return RateTrial(rate, 2.0, last, 10, given_up)


def test_the_deepest_fall_is_proposed() -> None:
    coarse = [trial(1e-4, 1.99), trial(1e-3, 1.5), trial(1e-2, 1.0), trial(1e-1, 1.6)]
    assert propose(coarse, [trial(5e-3, 0.9), trial(1e-2, 0.7), trial(2e-2, 0.8)]) == 0.01


def test_the_proposal_keeps_away_from_rates_that_were_given_up() -> None:
    coarse = [trial(1e-2, 1.0), trial(1e-1, 9.0, given_up=True)]
    assert propose(coarse, [trial(1e-2, 0.7), trial(2e-2, 0.6), trial(3e-2, 9.0, given_up=True)]) == 0.01


def test_nothing_is_proposed_where_no_rate_helps() -> None:
    assert propose([trial(1e-2, 2.0), trial(1e-1, 2.5), trial(1.0, 1.0, given_up=True)], []) is None


@pytest.mark.slow
def test_the_rate_proposed_for_lenet_trains_it(tmp_path: Path) -> None:
    search = search_rate(request(LENET))
    assert search.proposal is not None
    assert 2e-4 <= search.proposal <= 2e-2, "the recipe's own is 2e-3"
    firsts = {t.first for t in search.trials}
    assert len(firsts) == 1, "every trial starts from the same weights with the same examples"
    assert any(t.given_up for t in search.trials), "a rate of 10 is too high"
    text = LENET.replace("lr=2e-3", f"lr={search.proposal}").replace("epochs 30", "epochs 10")
    outcome = train(request(text), RunFolder(tmp_path / "run"), Watcher())
    assert outcome.test is not None
    assert outcome.test.accuracy is not None
    assert outcome.test.accuracy > 0.95


@pytest.mark.parametrize(
    ("optimizer", "low", "high"),
    [("sgd", 1e-2, 2.0), ("sgd momentum=0.9", 1e-3, 0.5), ("adam", 1e-4, 5e-2), ("rmsprop", 1e-4, 5e-2), ("adagrad", 1e-3, 0.5), ("lbfgs", 1e-4, 2.0)],
)  # fmt: skip
@pytest.mark.slow
def test_every_optimizer(optimizer: str, low: float, high: float) -> None:
    search = search_rate(request(MLP.format(optimizer)))
    assert search.proposal is not None
    assert low <= search.proposal <= high
    best = min(t.last for t in search.trials if not t.given_up)
    assert best < 0.5 * search.trials[0].first


@pytest.mark.slow
def test_on_the_command_line(tmp_path: Path) -> None:
    spec = tmp_path / "mlp.net"
    spec.write_text(MLP.format("sgd"))
    done = run_netspec("train", str(spec), "--find-lr", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    found = re.search(r"--lr (\S+)", done.stdout)
    assert found is not None
    assert 1e-2 <= float(found[1]) <= 2
    assert "find-lr.svg" in done.stdout
    assert (tmp_path / "find-lr.svg").read_text().startswith("<?xml")
    done = run_netspec("train", str(spec), "--find-lr", "--folder", "here", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "here" / "find-lr.svg").is_file()
