"""Work that takes long says how far it is on standard error, where that is a terminal; standard output stays as it is."""

from __future__ import annotations

import io
import sys

import pytest

from netspec.announcing import announce
from netspec.cli.output import progress_shown


class Stream(io.StringIO):
    def __init__(self, *, terminal: bool) -> None:
        super().__init__()
        self.terminal = terminal

    def isatty(self) -> bool:
        return self.terminal


@pytest.mark.parametrize("terminal", [True, False])
def test_how_far_the_work_is(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], terminal: bool
) -> None:
    stream = Stream(terminal=terminal)
    monkeypatch.setattr(sys, "stderr", stream)
    announce("nobody listens")
    with progress_shown():
        announce("epoch 3 of 30 [of \x1b]")
        print("a result")
    announce("nobody listens any more")
    assert capsys.readouterr().out == "a result\n"
    shown = stream.getvalue()
    assert ("epoch 3 of 30 [of \\x1b]" in shown) == terminal
    assert "nobody" not in shown
    assert terminal or not shown
