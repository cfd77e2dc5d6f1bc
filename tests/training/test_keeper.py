"""Files that are written in the background: what they hold, in which order, and what happens when a write fails."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import pytest
import torch
from conftest import PATIENCE
from running import WHOLE, X, Y, save_examples

from netspec.diagnostics import SpecError
from netspec.files import cannot_write
from netspec.source import SourceFile
from netspec.training import keeper
from netspec.training.checkpoint_files import read_checkpoint, read_weights
from netspec.training.engine import Engine, Watcher
from netspec.training.run_folder import RunFolder
from netspec.training.session import Request, train

TEXT = "input 6\nFC-8 act=relu\nFC-3\ntrain { optimizer adam lr=0.01; batch 8; epochs 2 }\n"


def run(tmp_path: Path, watcher: Watcher) -> RunFolder:
    """Six updates, saved after each second one."""
    folder = RunFolder(tmp_path / "run")
    where = save_examples(tmp_path / "e.npz", X, Y)
    train(Request(SourceFile(TEXT, "spec.net"), where, WHOLE, save_updates=2), folder, watcher)
    return folder


def test_what_is_written_is_a_copy_and_training_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The checkpoint of the second update is held back until the third has changed the weights in place."""
    write, changed, written = keeper.write_checkpoint, threading.Event(), []

    def held(path: Path, state: dict[str, Any]) -> None:
        if state["at"][2] == 2:
            assert changed.wait(PATIENCE), "training goes on meanwhile"
            written.append(state)
        write(path, state)

    class Seen(Watcher):
        def update(self, engine: Engine, loss: float | None) -> None:
            if engine.at.step == 2:
                moments = engine.optimizer.state_dict()["state"][0]["exp_avg"].clone()
                self.then = [*(value.clone() for value in engine.module.state_dict().values()), moments]
            if engine.at.step == 3:
                changed.set()

    monkeypatch.setattr(keeper, "write_checkpoint", held)
    seen = Seen()
    run(tmp_path, seen)
    (state,) = written
    kept = [*state["module"].values(), state["optimizer"]["state"][0]["exp_avg"]]
    assert all(torch.equal(one, other) for one, other in zip(kept, seen.then, strict=True))


def test_the_order_of_the_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A checkpoint knows of the best weights and of the rows of the table, so it comes after them."""
    written: list[str] = []
    for name in ("write_checkpoint", "write_weights"):
        write = getattr(keeper, name)
        monkeypatch.setattr(keeper, name, lambda path, *given, w=write: (w(path, *given), written.append(path.name)))
    table = RunFolder.write_metrics
    monkeypatch.setattr(RunFolder, "write_metrics", lambda *given: (table(*given), written.append("metrics.csv")))

    class Check(Watcher):
        def end(self, **_: Any) -> None:
            assert read_checkpoint(folder.checkpoint)["at"][2] == 6, "all is written before the end is reported"
            assert read_weights(folder.last)

    folder = RunFolder(tmp_path / "run")
    run(tmp_path, Check())
    state, epoch = ["checkpoint.pt", "last.safetensors"], ["best.safetensors", "metrics.csv"]
    assert written == [*state, *state, *epoch, *state, *state, *epoch, *state]


def test_a_failed_write_ends_the_run_at_the_next(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write, steps = keeper.write_checkpoint, []

    def full(path: Path, state: dict[str, Any]) -> None:
        if state["at"][2] == 2:
            raise cannot_write(path, OSError(28, "No space left on device"))
        write(path, state)

    class Seen(Watcher):
        def update(self, engine: Engine, loss: float | None) -> None:
            steps.append(engine.at.step)

    monkeypatch.setattr(keeper, "write_checkpoint", full)
    with pytest.raises(SpecError, match="No space left on device"):
        run(tmp_path, Seen())
    assert steps == [1, 2, 3]
    assert read_checkpoint(tmp_path / "run" / "checkpoint.pt")["at"][2] == 0, "the one before is whole"


def test_an_error_of_the_run_waits_for_the_write(tmp_path: Path) -> None:
    class Fails(Watcher):
        def update(self, engine: Engine, loss: float | None) -> None:
            if engine.at.step == 4:
                raise RuntimeError("mine")

    with pytest.raises(RuntimeError, match="mine"):
        run(tmp_path, Fails())
    assert read_checkpoint(tmp_path / "run" / "checkpoint.pt")["at"][2] == 4
    assert not [thread for thread in threading.enumerate() if "netspec" in thread.name]


def test_a_run_in_a_thread(tmp_path: Path) -> None:
    """Where Python takes no signals, as in the workers of Ray Train."""
    thread = threading.Thread(target=run, args=(tmp_path, Watcher()))
    thread.start()
    thread.join(PATIENCE)
    assert read_checkpoint(tmp_path / "run" / "checkpoint.pt")["at"][2] == 6
