"""Runs in the page: what is sent about them, what an evaluation says, and what a user sees."""

from __future__ import annotations

import json
import re
import shutil
import urllib.request
from pathlib import Path
from typing import Any

import pytest
from accessibility import both_themes, walked
from browsing import Watched, watched  # noqa: F401
from click.testing import CliRunner
from playwright.sync_api import expect
from serving import served

from netspec.cli import main
from netspec.server.run_folders import RunFolders

pytestmark = pytest.mark.slow
SPEC = "net Rows\ninput 64\nFC-10 act=none\ntrain { epochs 3 }\n"
HEAD = "epoch,step,lr,train_loss,train_accuracy,validation_loss,validation_accuracy,seconds,examples_per_second\n"
ROWS = [
    "1,10,0.1,2.0,0.3,1.5,0.5,1.0,100.0",
    "2,20,0.1,1.0,0.6,nan,0.7,1.0,100.0",
    "3,30,0.1,0.5,0.8,0.9,0.6,1.0,100.0",
]
MISTAKE = {
    "index": 3, "name": "example 3", "loss": 2.5, "truth": "cat", "predicted": "<b>dog</b>", "classes": [0, 1], "confidence": 0.75,
    "of_truth": 0.1, "share": None, "picture": None, "output": None, "values": "1 2 3",
}  # fmt: skip
REVIEW = {
    "state": [2, 20, None], "part": "test", "data": "x.npz", "kind": "classes", "examples": 10, "wrong": 3,
    "scores": {"loss": 0.4, "accuracy": 0.7}, "classes": ["cat", "<b>dog</b>"], "confusion": [[4, 2], [1, 3]],
    "confused": [[0, 1, 2], [1, 0, 1]], "labels": [], "mistakes": [MISTAKE], "warnings": [],
}  # fmt: skip


def run(path: Path, rows: int = 2, data: str = "/nowhere/x.npz", **more: Any) -> Path:
    """The folder of a run, as `netspec train` leaves it."""
    path.mkdir(parents=True)
    (path / "spec.net").write_text(SPEC)
    info = {"data": {"where": data, "classes": list("0123456789"), "counts": {"train": 8, "test": 10}}, **more}
    (path / "run.json").write_text(json.dumps(info))
    metrics(path, rows)
    return path


def metrics(path: Path, rows: int) -> None:
    (path / "metrics.csv").write_text(HEAD + "".join(f"{row}\n" for row in ROWS[:rows]))


def state(path: Path) -> dict[str, Any]:
    return RunFolders({"r": path}).state("r")


def test_curves_and_the_best_epoch(tmp_path: Path) -> None:
    found = state(run(tmp_path / "r", 3))
    assert found["columns"]["train_loss"] == [2.0, 1.0, 0.5]
    assert found["columns"]["validation_loss"] == [1.5, None, 0.9]  # JSON has no NaN
    assert "train_r2" not in found["columns"]
    assert found["columns"]["epoch"][found["best"]] == 2
    assert (found["state"], found["parts"], found["review"]) == ("stopped", ["test", "train"], None)


def test_what_the_curves_suggest_is_said(tmp_path: Path) -> None:
    assert (
        state(run(tmp_path / "r", result={"finished": True, "advice": "training diverged"}))["advice"]
        == "training diverged"
    )
    assert state(run(tmp_path / "s"))["advice"] == ""


def test_a_run_is_in_progress_while_its_process_lives(tmp_path: Path) -> None:
    import os
    import socket

    path = run(tmp_path / "r")
    lock = {"process": os.getpid(), "host": socket.gethostname(), "command": []}
    (path / ".lock").write_text(json.dumps(lock))
    assert state(path)["state"] == "running"
    gone = 2**22 + 1  # more than Linux has
    (path / ".lock").write_text(json.dumps({**lock, "process": gone}))
    assert state(path)["state"] == "stopped"
    (path / ".lock").write_text("[" * 1000)
    assert state(path)["state"] == "stopped"


def test_a_review_of_other_weights_is_marked(tmp_path: Path) -> None:
    path = run(tmp_path / "r", 2)
    (path / "review.json").write_text(json.dumps(REVIEW))
    assert state(path)["review"]["stale"] is False
    assert state(path)["review"]["mistakes"] == [MISTAKE]
    metrics(path, 1)
    assert state(path)["review"]["stale"] is True


@pytest.mark.parametrize(
    "change",
    [
        {"mistakes": [{**MISTAKE, "picture": "https://evil.example/a.png"}]},
        {"mistakes": [{**MISTAKE, "picture": 'data:image/svg+xml,<svg onload="alert(1)">'}]},
        {"confusion": "x"}, {"scores": {"loss": {}}}, {"more": 1}, {"wrong": float("nan")}, {"scores": {"loss": float("inf")}},
    ],
)  # fmt: skip
def test_a_file_that_is_no_review_is_left_alone(tmp_path: Path, change: dict[str, Any]) -> None:
    path = run(tmp_path / "r")
    (path / "review.json").write_text(json.dumps({**REVIEW, **change}))
    assert state(path)["review"] is None


def test_the_spec_of_a_run_is_not_written(tmp_path: Path) -> None:
    path = run(tmp_path / "r")
    with served(Path("r"), cwd=tmp_path) as server:
        asked = {"file": "r", "text": "input 3\n", "version": "x"}
        body = server.request("/api/save", asked)[1]
        assert "what a run was trained with" in json.loads(body)["error"]
        assert (path / "spec.net").read_text() == SPEC
        for name in ("s", "../r", "/"):
            assert server.request("/api/review", {"run": name, "part": ""})[0] == 404
        assert server.request("/api/review", {"run": "r", "part": "all"})[0] == 400
        asked = urllib.request.Request(f"http://{server.host}/api/events", headers={"X-Netspec-Token": server.token})
        with urllib.request.urlopen(asked) as events:
            assert events.readline() == b"\n"
            assert json.loads(events.readline())["run"]["columns"]["epoch"] == [1, 2]
            metrics(path, 3)
            assert json.loads(events.readline())["run"]["columns"]["epoch"] == [1, 2, 3]


@pytest.mark.slow
def test_a_missing_data_set_is_named(tmp_path: Path) -> None:
    path = run(tmp_path / "r")
    import torch
    from safetensors.torch import save_file

    save_file({"fc1.weight": torch.zeros(10, 64), "fc1.bias": torch.zeros(10)}, path / "best.safetensors")
    (path / "run.json").write_text(json.dumps({"data": {"where": "/nowhere/x.npz", "classes": list("0123456789")}}))
    with served(Path("r"), cwd=tmp_path) as server:
        status, body, _ = server.request("/api/review", {"run": "r", "part": ""})
    (errors,) = [json.loads(line)["errors"] for line in body.splitlines()]
    assert status == 200
    assert "/nowhere/x.npz" in errors[0]["message"]


def test_a_folder_that_is_no_run_is_reported(tmp_path: Path) -> None:
    path = run(tmp_path / "r")
    (path / "run.json").write_text("{")
    result = CliRunner().invoke(main, ["view", str(path), "--export", str(tmp_path / "page.html")])
    assert result.exit_code == 1
    assert "NS606" in result.output


@pytest.mark.slow
def test_curves_grow_while_a_run_trains(watched: Watched, tmp_path: Path) -> None:
    paths = [run(tmp_path / "a", 1), run(tmp_path / "b", 3)]
    tab = watched.tab
    with served(*[Path(p.name) for p in paths], cwd=tmp_path) as server:
        tab.goto(server.address)
        row = tab.get_by_role("row").filter(has_text="a").nth(1)
        expect(row).to_contain_text("50 % in epoch 1")
        metrics(paths[0], 2)
        expect(row).to_contain_text("70 % in epoch 2")
        loss = tab.get_by_role("img", name=re.compile("^Loss"))
        expect(loss).to_have_attribute(
            "aria-label", "Loss: a, training 1, a, validation 1.5, b, training 0.5, b, validation 0.9"
        )
        tab.get_by_role("checkbox", name="b").uncheck()
        expect(loss).to_have_attribute("aria-label", "Loss: a, training 1, a, validation 1.5")
        tab.get_by_role("tab", name="Training").press("ArrowRight")
        tab.get_by_role("button", name="Evaluate").click()
        expect(tab.get_by_role("alert")).to_contain_text("has no best weights yet")
        tab.get_by_role("tab", name="Network").click()
        expect(tab.locator(".cm-content")).to_contain_text("net Rows")
        expect(tab.get_by_role("button", name="Save")).to_have_count(0)
        tab.goto("about:blank")


@pytest.mark.slow
def test_an_exported_run_shows_what_was_computed(watched: Watched, tmp_path: Path) -> None:
    path = run(tmp_path / "r", 2)
    (path / "review.json").write_text(json.dumps(REVIEW))
    out = tmp_path / "page.html"
    assert CliRunner().invoke(main, ["view", str(path), "--export", str(out)]).exit_code == 0
    shutil.rmtree(path)
    tab = watched.tab
    tab.goto(out.as_uri())
    tab.get_by_role("tab", name="Evaluation").click()
    expect(tab.get_by_role("button", name="Evaluate")).to_have_count(0)
    cells = tab.locator(".cells td").filter(has_text=re.compile("."))
    expect(cells).to_have_text(["4", "2", "1", "3"])
    tab.get_by_role("radio", name="% of").check()
    expect(cells).to_have_text(["67", "33", "25", "75"])
    table = tab.get_by_role("region", name="Examples most wrong")
    expect(table.get_by_role("row")).to_have_count(2)
    expect(table).to_contain_text("<b>dog</b> 75.0 %")
    tab.get_by_role("button", name="<b>dog</b> predicted as cat").click()
    expect(table.get_by_role("row")).to_have_count(0)
    tab.get_by_role("button", name="Show all").click()
    expect(table.get_by_role("row")).to_have_count(2)


def test_the_keyboard_reaches_everything_and_axe_finds_nothing(watched: Watched, tmp_path: Path) -> None:
    """Of each view of two runs, one of them evaluated; then what a keyboard does in them."""
    paths = [run(tmp_path / "a", 2), run(tmp_path / "b", 3)]
    (paths[0] / "review.json").write_text(json.dumps(REVIEW))
    tab = watched.tab
    with served(*[Path(p.name) for p in paths], cwd=tmp_path) as server:
        tab.goto(server.address)
        expect(tab.get_by_role("row").filter(has_text="a").nth(1)).to_contain_text("70 % in epoch 2")
        walked(tab)
        both_themes(tab)
        tab.get_by_role("checkbox", name="b").focus()
        tab.keyboard.press("Space")
        expect(tab.get_by_role("checkbox", name="b")).not_to_be_checked()
        tab.get_by_role("tab", name="Training").focus()
        tab.keyboard.press("ArrowRight")
        expect(tab.get_by_role("tab", name="Evaluation")).to_have_attribute("aria-selected", "true")
        cell = tab.get_by_role("button", name="<b>dog</b> predicted as cat")
        expect(cell).to_be_visible()
        walked(tab)
        both_themes(tab)
        cell.focus()
        tab.keyboard.press("Enter")
        expect(tab.get_by_role("region", name="Examples most wrong").get_by_role("row")).to_have_count(0)
        tab.get_by_role("tab", name="Evaluation").focus()
        tab.keyboard.press("Home")
        expect(tab.locator(".cm-content")).to_contain_text("net Rows")
        walked(tab)
        both_themes(tab)
        tab.get_by_role("tab", name="Network").focus()
        tab.keyboard.press("End")
        expect(cell).to_be_visible()
        tab.goto("about:blank")
