"""The evaluation at the end of a run, and what is said where it is interrupted."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path
from typing import Any

import pytest
from small_runs import MLP, netspec

from netspec.training.engine import Engine


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_test_says_what_is_saved(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: signal.Signals
) -> None:
    whole = Engine.evaluate

    def struck(self: Engine, examples: Any, *more: Any) -> Any:
        if examples is self.collection.test:
            os.kill(os.getpid(), number)
        return whole(self, examples, *more)

    monkeypatch.setattr(Engine, "evaluate", struck)
    (tmp_path / "m.net").write_text(MLP)
    run = tmp_path / "run"
    told = netspec("train", tmp_path / "m.net", "--folder", run)
    assert told.exit_code == 128 + number
    assert "stopped in the final test; the training is complete and its best weights are saved in" in told.output
    assert "netspec eval" in told.output
    result = json.loads((run / "run.json").read_text())["result"]
    assert result["finished"]
    assert result["test"] is None
    monkeypatch.undo()
    assert "accuracy" in netspec("eval", run).output


def test_options_of_settings_are_suggested_by_their_full_name(tmp_path: Path) -> None:
    (tmp_path / "m.net").write_text(MLP)
    for arguments in (["tune", "--search", "lr=1e-3..1"], ["train", "--set", "lr=0.1"]):
        told = netspec(arguments[0], tmp_path / "m.net", *arguments[1:])
        assert told.exit_code == 2
        assert "did you mean `optimizer.lr`?" in " ".join(told.output.split())
        assert not told.output.rstrip().endswith("?.")
