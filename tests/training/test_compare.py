"""`netspec compare`: the figures of the runs, and exactly the settings in which they differ."""

from __future__ import annotations

import json
from pathlib import Path

from small_runs import conv_run, mlp_run, netspec

import netspec as package
from netspec.training.checkpoint_files import read_checkpoint
from netspec.training.comparison import read_metrics
from netspec.training.run_folder import RunFolder


def test_metrics_are_read_back_as_the_checkpoint_holds_them() -> None:
    folder = RunFolder(conv_run())
    history = read_checkpoint(folder.checkpoint)["history"]
    rows = read_metrics(folder)
    assert [[r.epoch, r.step, r.lr, [r.train.loss, r.train.accuracy, r.train.r2]] for r in rows] == [
        h[:4] for h in history
    ]
    assert [[r.validation.loss, r.validation.accuracy, r.validation.r2] for r in rows if r.validation] == [
        h[4] for h in history
    ]
    for row, held in zip(rows, history, strict=True):
        assert abs(row.examples - held[6]) <= 0.01 * held[6] + 1e-4 * held[6] / row.seconds


def test_figures_and_differences() -> None:
    runs = [conv_run(), conv_run(2), mlp_run()]
    told = json.loads(netspec("compare", *runs, "--json").output)
    for run, one in zip(runs, told["runs"], strict=True):
        result = json.loads((run / "run.json").read_text())["result"]
        model = package.load(run / "spec.net")
        assert (one["params"], one["macs"], one["epochs"]) == (model.params, model.macs, 3)
        assert one["best"]["accuracy"] == result["validation"]["accuracy"]
        assert one["test"] == result["test"]
    alike = json.loads(netspec("compare", *runs[:2], "--json").output)
    assert alike["differences"] == {"seed": {"conv-1": "1", "conv-2": "2"}}
    assert told["differences"]["optimizer"]["mlp"] == "sgd lr=0.1 momentum=0.9"
    assert told["differences"]["width"] == {"conv-1": "8", "conv-2": "8", "mlp": None}
    assert "epochs" not in told["differences"]


def test_the_table_fits_80_columns_and_the_curves_are_drawn(tmp_path: Path) -> None:
    told = netspec("compare", conv_run(), mlp_run(), "--curves", tmp_path / "curves.svg")
    assert told.exit_code == 0
    assert max(map(len, told.output.splitlines())) <= 80
    assert "<svg" in (tmp_path / "curves.svg").read_text()
    assert netspec("compare", conv_run(), "--curves", tmp_path / "curves.png").exit_code == 2


def test_a_run_that_goes_on_and_one_that_is_none(tmp_path: Path) -> None:
    run = tmp_path / "run"
    run.mkdir()
    (run / "spec.net").write_bytes((conv_run() / "spec.net").read_bytes())
    info = json.loads((conv_run() / "run.json").read_text())
    del info["result"]
    (run / "run.json").write_text(json.dumps(info))
    told = netspec("compare", run, conv_run())
    assert told.exit_code == 0
    assert "not finished" in told.output
    (run / "metrics.csv").write_text("epoch,step\n1,\n")
    assert "NS606" in netspec("compare", run).output
    assert "NS606" in netspec("compare", tmp_path / "none").output
