"""`--track`: what clients of trackers are called with, by modules that record it; they were tried with the real ones."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from conftest import run_netspec
from running import X, Y, save_examples

import netspec

SPEC = "net Small\ninput 6\nFC-8 act=relu\nFC-3\ntrain { optimizer sgd lr=0.1; batch 2; epochs 3; metric f1 }\n"
MLFLOW = """
from types import SimpleNamespace
calls = []
def start_run(run_id=None, run_name=None):
    calls.append(("start_run", run_id, run_name))
    return SimpleNamespace(info=SimpleNamespace(run_id="abc"))
def log_params(params): calls.append(("log_params", params))
def log_text(text, artifact_file): calls.append(("log_text", text, artifact_file))
def log_metrics(metrics, step=None): calls.append(("log_metrics", metrics, step))
def end_run(status="FINISHED"): calls.append(("end_run", status))
"""
WANDB = """
calls = []
class Run:
    id, summary = "xyz", {}
    def log(self, data, step=None): calls.append(("log", data, step))
    def finish(self, exit_code=None): calls.append(("finish", exit_code))
def init(id=None, resume=None, name=None, config=None):
    calls.append(("init", id, resume, name, config))
    return Run()
"""


@pytest.fixture
def data(tmp_path: Path) -> str:
    return save_examples(tmp_path / "e.npz", X, Y)


def client(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, text: str) -> Any:
    import importlib
    import sys

    (tmp_path / "clients").mkdir()
    (tmp_path / "clients" / f"{name}.py").write_text(text)
    monkeypatch.syspath_prepend(str(tmp_path / "clients"))
    monkeypatch.delitem(sys.modules, name, raising=False)
    module = importlib.import_module(name)
    monkeypatch.setitem(sys.modules, name, module)
    return module


class Stop(netspec.Callback):
    def on_epoch(self, run: Any, row: Any) -> None:
        run.stop()


def called(module: Any, name: str) -> list[Any]:
    return [call for call in module.calls if call[0] == name]


def test_mlflow(tmp_path: Path, data: str, monkeypatch: pytest.MonkeyPatch) -> None:
    mlflow = client(tmp_path, monkeypatch, "mlflow", MLFLOW)
    folder = tmp_path / "run"
    first = netspec.train(SPEC, data, folder=folder, track=["mlflow"], callbacks=[Stop()], show=False)
    assert not first.finished
    assert called(mlflow, "start_run") == [("start_run", None, "run")]
    ((_, params),) = called(mlflow, "log_params")
    assert params["net"] == "Small"
    assert params["parameters"] == 83
    assert params["optimizer"].startswith("sgd lr=0.1")
    assert params["epochs"] == "3"
    assert called(mlflow, "log_text") == [("log_text", SPEC, "spec.net")]
    assert called(mlflow, "end_run") == [("end_run", "KILLED")]
    assert json.loads((folder / "run.json").read_text())["track"] == {"mlflow": "abc"}
    mlflow.calls.clear()
    second = netspec.train(SPEC, data, folder=folder, resume=True, show=False)
    assert called(mlflow, "start_run") == [("start_run", "abc", None)], "it goes on there without being asked again"
    assert not called(mlflow, "log_params")
    epochs = [(values, step) for _, values, step in called(mlflow, "log_metrics") if "train/loss" in values]
    assert [values["epoch"] for values, _ in epochs] == [2, 3]
    (_, last, step) = called(mlflow, "log_metrics")[-1]
    assert step is None
    assert second.test is not None
    assert last["test/accuracy"] == second.test.accuracy
    assert last["best/f1"] == dict(second.best.score.metrics)["f1"]
    assert called(mlflow, "end_run") == [("end_run", "FINISHED")]


def test_wandb(tmp_path: Path, data: str, monkeypatch: pytest.MonkeyPatch) -> None:
    wandb = client(tmp_path, monkeypatch, "wandb", WANDB)
    outcome = netspec.train(SPEC, data, folder=tmp_path / "run", track=["wandb"], show=False)
    ((_, known, resume, name, config),) = called(wandb, "init")
    assert (known, resume, name, config["spec"]) == (None, "allow", "run", SPEC)
    steps = [step for _, _, step in called(wandb, "log")]
    assert steps == sorted(steps)
    assert outcome.best is not None
    assert wandb.Run.summary["best/epoch"] == outcome.best.epoch
    assert called(wandb, "finish") == [("finish", 0)]


def test_a_run_outlives_its_tracker(
    tmp_path: Path, data: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    broken = MLFLOW.replace(
        "def log_metrics(metrics, step=None): ",
        "def log_metrics(metrics, step=None): raise OSError('no route to host'); ",
    )
    mlflow = client(tmp_path, monkeypatch, "mlflow", broken)
    assert netspec.train(SPEC, data, folder=tmp_path / "run", track=["mlflow"]).finished
    assert capsys.readouterr().out.count("mlflow gets no more of this run: OSError: no route to host") == 1
    mlflow.start_run = mlflow.log_metrics
    with pytest.raises(netspec.SpecError, match=r"NS604.*mlflow cannot track this run"):
        netspec.train(SPEC, data, folder=tmp_path / "other", track=["mlflow"])


def test_an_error_of_the_run_is_one_of_the_tracked(tmp_path: Path, data: str, monkeypatch: pytest.MonkeyPatch) -> None:
    mlflow = client(tmp_path, monkeypatch, "mlflow", MLFLOW)
    with pytest.raises(netspec.SpecError, match="NS605"):
        netspec.train(
            SPEC, data, folder=tmp_path / "run", track=["mlflow"], settings={"optimizer.lr": 1e30}, show=False
        )
    assert called(mlflow, "end_run") == [("end_run", "FAILED")]


def test_a_client_that_is_missing(tmp_path: Path, data: str, monkeypatch: pytest.MonkeyPatch) -> None:
    import netspec.training.trackers as trackers

    monkeypatch.setattr(trackers, "find_spec", lambda name: None)
    (tmp_path / "s.net").write_text(SPEC)
    found = run_netspec("train", "s.net", "--data", data, "--folder", "run", "--track", "wandb", cwd=tmp_path)
    assert found.returncode == 1
    assert "error[NS502]: wandb is not installed" in found.stderr
    assert "pip install 'netspec-nn[wandb]'" in found.stderr
    assert not (tmp_path / "run").exists()
    assert run_netspec("train", "s.net", "--sanity", "--track", "wandb", cwd=tmp_path).returncode == 2


def test_one_tracker_may_be_given_by_its_name() -> None:
    with pytest.raises(ValueError, match="no tracker sacred"):
        netspec.train(SPEC, "digits", track="sacred")
