"""What follows a run: its progress on a terminal, files, trackers, callbacks."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

    from netspec.training.rows import Row
    from netspec.training.scores import Score

__all__ = ["Watcher"]


class Watcher:
    """What follows a run. Every method is optional; `engine` is an Engine, whose module imports this one."""

    def note(self, text: str) -> None:
        """A note for the user."""

    def start(self, engine: Any, path: Path, stop: Callable[[], None]) -> None:
        """Before the first update, also of a resumed run; `path` is its folder, and `stop` ends it after an update."""

    def update(self, engine: Any, loss: float | None) -> None:
        """After every update; `loss` is None where it is read later, with those of the next ones."""

    def epoch(self, engine: Any, row: Row, *, best: bool) -> None:
        """After every evaluation: those of every epoch, unless `validate` says otherwise."""

    def end(self, *, finished: bool, best: Row | None, test: Score | None) -> None:
        """After the run and its final test; not after an error."""
