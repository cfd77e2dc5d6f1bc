"""`netspec tune`: the study read back with Optuna itself, the trials as runs, and studies that go on."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import optuna
import pytest
from click.testing import Result
from conftest import PATIENCE
from optuna.storages import JournalStorage, RDBStorage
from optuna.storages.journal import JournalFileBackend
from small_runs import MLP, netspec

import netspec as package
from netspec.source import SourceFile
from netspec.training import run_data, tuning
from netspec.training.search_space import SearchSpace
from netspec.training.session import Request
from netspec.training.study import Search

LR = "optimizer.lr=1e-3..1 log"


@pytest.fixture
def spec(tmp_path: Path) -> Path:
    path = tmp_path / "rows.net"
    path.write_text(MLP)
    return path


def tune(spec: Path, *arguments: object, epochs: int = 1, run: str = "tuned") -> Result:
    return netspec("tune", spec, "--epochs", epochs, "--folder", spec.parent / run, *arguments)


def study_of(spec: Path, run: str = "tuned") -> Any:
    storage = JournalStorage(JournalFileBackend(str(spec.parent / run / "study.log")))
    return optuna.load_study(study_name="rows", storage=storage)


@pytest.mark.slow
def test_the_study_holds_what_the_runs_reached(spec: Path) -> None:
    told = tune(spec, "--search", LR, "--search", "hidden=8..32", "--search", "batch=32,64", "--trials", 4)
    assert told.exit_code == 0, told.output
    study = study_of(spec)
    assert len(study.trials) == 4
    for trial in study.trials:
        run = spec.parent / "tuned" / f"trial-{trial.number}"
        result = json.loads((run / "run.json").read_text())["result"]
        assert trial.value == result["validation"]["accuracy"]
        assert result["test"] is None
        graph = package.load(run / "spec.net").graph
        assert graph.recipe is not None
        optimizer, batch = graph.recipe.one("optimizer"), graph.recipe.one("batch")
        assert optimizer is not None
        assert batch is not None
        assert optimizer.values["lr"] == pytest.approx(trial.params["optimizer.lr"], rel=1e-5)
        assert str(batch.values["n"]) == trial.params["batch"]
        assert next(n.type.shape for n in graph.layers if n.op.name == "dense" or n.name.startswith("fc")) == (
            trial.params["hidden"],
        )
    best = spec.parent / "tuned" / "best.net"
    assert best.read_text() == (spec.parent / "tuned" / f"trial-{study.best_trial.number}" / "spec.net").read_text()
    assert str(study.best_trial.number) in told.output


@pytest.mark.slow
def test_a_seed_gives_the_same_search_also_when_it_goes_on(spec: Path) -> None:
    search = ("--search", LR, "--search", "hidden=8..32")
    for run, steps in (("whole", (4,)), ("parts", (2, 4))):
        for count in steps:
            assert tune(spec, *search, "--trials", count, "--seed", 5, run=run).exit_code == 0
    whole, parts = study_of(spec, "whole"), study_of(spec, "parts")
    assert [(t.params, t.value) for t in whole.trials] == [(t.params, t.value) for t in parts.trials]
    tune(spec, *search, "--trials", 1, "--seed", 6, run="other")
    assert study_of(spec, "other").trials[0].params != whole.trials[0].params


def test_trials_that_diverge_or_do_not_fit_are_recorded(spec: Path) -> None:
    spec.write_text(MLP.replace("train {", "expect hidden < 20\ntrain {").replace("= 24", "= 12"))
    told = tune(spec, "--search", "optimizer=sgd lr=1e30,sgd lr=0.1", "--search", "hidden=8..32", "--trials", 12)
    assert told.exit_code == 0, told.output
    reasons = set()
    for trial in study_of(spec).trials:
        if trial.params["hidden"] >= 20:
            expected = "NS401"
        elif trial.params["optimizer"] == "sgd lr=1e30":
            expected = "NS605"
        else:
            assert trial.state.name == "COMPLETE"
            continue
        assert trial.state.name == "FAIL"
        assert trial.user_attrs["reason"].startswith(expected)
        reasons.add(expected)
    assert reasons == {"NS401", "NS605"}


@pytest.mark.slow
def test_pruning_and_a_database(spec: Path) -> None:
    database = spec.parent / "study.db"
    arguments = (
        "--search",
        "optimizer.lr=1e-6,0.1",
        "--trials",
        11,
        "--prune",
        "--storage",
        database,
        "--study",
        "mine",
    )
    assert tune(spec, *arguments, epochs=3).exit_code == 0
    study = optuna.load_study(study_name="mine", storage=RDBStorage(f"sqlite:///{database}"))
    states = [t.state.name for t in study.trials]
    assert len(states) == 11
    assert "PRUNED" in states
    pruned = next(t for t in study.trials if t.state.name == "PRUNED")
    assert pruned.params["optimizer.lr"] == "1e-6"
    assert len(pruned.intermediate_values) < 3


@pytest.mark.slow
def test_workers_share_a_study(spec: Path) -> None:
    told = tune(spec, "--search", LR, "--trials", 5, "--parallel", 2)
    assert told.exit_code == 0, told.output
    trials = study_of(spec).trials
    assert [t.number for t in trials] == list(range(5))
    assert all(t.state.name == "COMPLETE" for t in trials)
    assert len({t.params["optimizer.lr"] for t in trials}) == 5


@pytest.mark.slow
def test_ctrl_c_leaves_the_study_whole(spec: Path) -> None:
    command = [
        sys.executable,
        "-m",
        "netspec",
        "tune",
        str(spec),
        "--search",
        LR,
        "--trials",
        "3",
        "--epochs",
        "40",
        "--folder",
        str(spec.parent / "tuned"),
    ]
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env={**os.environ, "OMP_NUM_THREADS": "1"}
    )
    metrics = spec.parent / "tuned" / "trial-0" / "metrics.csv"
    while not metrics.exists() and process.poll() is None:
        time.sleep(0.1)
    process.send_signal(signal.SIGINT)
    told, _ = process.communicate(timeout=PATIENCE)
    assert process.returncode == 128 + signal.SIGINT, told
    assert "run the same command again to continue" in told
    first, waiting = study_of(spec).trials
    assert (first.state.name, waiting.state.name) == ("FAIL", "WAITING")
    told = netspec(
        *command[3:7], "--trials", "1", "--epochs", "40", "--set", "stop=1", "--folder", spec.parent / "tuned"
    ).output
    assert "belongs to a different search" in told
    assert netspec(*command[3:7], "--trials", "1", "--epochs", "40", "--folder", spec.parent / "tuned").exit_code == 0
    assert study_of(spec).trials[1].params == first.params
    assert study_of(spec).trials[1].state.name == "COMPLETE"


@pytest.mark.parametrize(
    ("search", "said"),
    [
        ("optimiser.lr=1..2", "did you mean `optimizer`?"),
        ("optimizer.momentun=0..1", "did you mean `momentum`?"),
        ("hiden=4..8", "did you mean `hidden`?"),
        ("hidden=8..4", "a smaller and a larger number"),
        ("hidden=0..4 log", "greater than 0"),
        ("hidden=4", "several values"),
        ("hidden=a..b", "needs numbers"),
        ("hidden", "needs NAME="),
    ],
)
def test_wrong_usage_is_said_before_anything_starts(spec: Path, search: str, said: str) -> None:
    told = tune(spec, "--search", search)
    assert told.exit_code == 2
    assert said in told.output
    assert not (spec.parent / "tuned").exists()


def test_what_cannot_go_on_is_said(spec: Path) -> None:
    assert "NS403" in tune(spec, "--search", "loss=mse,l3").output
    assert tune(spec, "--search", LR, "--trials", 1).exit_code == 0
    assert "belongs to a different search" in tune(spec, "--search", "hidden=8..32", "--trials", 2).output
    (spec.parent / "broken.db").write_text("no database")
    told = tune(spec, "--search", LR, "--storage", spec.parent / "broken.db")
    assert told.exit_code == 1
    assert "NS606" in told.output
    assert "NS601" in tune(spec, "--search", LR, "--validation", 0, run="none").output


def test_values_are_written_as_the_spec_takes_them() -> None:
    source = SourceFile("net A(k = 3, words = [1, 2])\ninput 4\nFC-k\ntrain {\n  optimizer sgd lr=0.1\n}\n")
    space = SearchSpace.of(
        source, ["optimizer.lr=1e-5..1e-1 log", "k=2..9", "optimizer=sgd,adam betas=(0.8, 0.9)", "words=[1, 2],[3]"]
    )
    kinds = [(d.name, d.parameter, d.low, d.high, d.log, d.choices) for d in space.dimensions]
    assert kinds == [
        ("optimizer.lr", False, 1e-5, 1e-1, True, ()),
        ("k", True, 2, 9, False, ()),
        ("optimizer", False, 0, 0, False, ("sgd", "adam betas=(0.8, 0.9)")),
        ("words", True, 0, 0, False, ("[1, 2]", "[3]")),
    ]
    text = space.source(
        source, {"optimizer.lr": "1e-05", "k": "7", "optimizer": "adam betas=(0.8, 0.9)", "words": "[3]"}
    ).text
    assert "k = 7, words = [3]" in text
    assert "optimizer adam betas=(0.8, 0.9) lr=1e-05" in text


def test_two_machines_on_one_study_draw_different_trials(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The second begins and ends its trial while the first runs its own."""
    source = SourceFile(MLP, "rows.net")
    space = SearchSpace.of(source, [LR])
    search = Search(Request(source, "digits"), space, tmp_path, str(tmp_path / "study.log"), "rows", 3)
    drawn: list[str] = []

    def run(search: Search, trial: optuna.Trial, data: Any) -> float:
        drawn.append(space.values(trial)["optimizer.lr"])
        if len(drawn) == 1:
            tuning.run_trials(search, lambda _: None, most=1)
        return 0.5

    monkeypatch.setattr(tuning, "_run_trial", run)
    tuning.run_trials(search, lambda _: None)
    assert len(drawn) == len(set(drawn)) == 3


def test_workers_take_the_gpus_in_turn() -> None:
    assert [tuning.gpu_of(worker, None, 2) for worker in range(3)] == ["0", "1", "0"]
    assert [tuning.gpu_of(worker, "5, 7", 2) for worker in range(3)] == ["5", "7", "5"]
    assert tuning.gpu_of(1, None, 0) is None


@pytest.mark.slow
@pytest.mark.parametrize(("pruner", "kind"), [("asha", "SuccessiveHalvingPruner"), ("hyperband", "HyperbandPruner")])
def test_pruners_of_optuna_stop_trials_early(
    spec: Path, monkeypatch: pytest.MonkeyPatch, pruner: str, kind: str
) -> None:
    made: list[str] = []
    create = optuna.create_study

    def remembered(**given: Any) -> Any:
        made.append(type(given["pruner"]).__name__)
        return create(**given)

    monkeypatch.setattr(optuna, "create_study", remembered)
    database = spec.parent / "study.db"
    searched = ("--search", "optimizer.lr=1e-6,0.1", "--trials", 8)
    assert tune(spec, *searched, "--prune", pruner, "--storage", database, epochs=4).exit_code == 0
    assert set(made) == {kind}
    trials = optuna.load_study(study_name="rows", storage=RDBStorage(f"sqlite:///{database}")).trials
    assert {len(t.intermediate_values) for t in trials if t.state.name == "PRUNED"} <= {1, 3}
    assert any(t.state.name == "PRUNED" and t.params["optimizer.lr"] == "1e-6" for t in trials)


@pytest.mark.slow
def test_the_data_of_a_study_is_opened_once(spec: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[Any] = []
    open_collection = run_data.open_collection

    def counted(*asked: Any) -> Any:
        opened.append(asked)
        return open_collection(*asked)

    monkeypatch.setattr(run_data, "open_collection", counted)
    told = tune(spec, "--search", "hidden=8..32", "--trials", 3)
    assert told.exit_code == 0, told.output
    assert len(opened) == 1
