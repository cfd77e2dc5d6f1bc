"""The runs that the page shows: their curves, their state, and the review that is kept in their folder."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from netspec.diagnostics.display import printable
from netspec.files import read_bounded
from netspec.training.comparison import read_metrics
from netspec.training.engine import Row
from netspec.training.review import PARTS, best_of, state_of
from netspec.training.run_folder import RunFolder
from netspec.training.run_lock import LOCK_NAME, in_use

__all__ = ["RunFolders"]

_FILES = ("metrics.csv", "run.json", "review.json")

_MOST_BYTES = 1 << 26
_MEASURES = ("loss", "accuracy", "r2")


class RunFolders:
    """Folders of runs by the names under which the page knows them."""

    def __init__(self, paths: Mapping[str, Path]) -> None:
        self._folders = {name: RunFolder(path) for name, path in paths.items()}

    @property
    def names(self) -> list[str]:
        return list(self._folders)

    def path(self, name: str) -> Path:
        """Raises KeyError for a run that is not the page's."""
        return self._folders[name].path

    def signature(self, name: str) -> object:
        """What changes with anything that `state` reads."""
        path = self._folders[name].path
        return in_use(path / LOCK_NAME), [_stamp(path / file) for file in _FILES]

    def state(self, name: str) -> dict[str, Any]:
        """Everything that the page knows about a run: `RunData` in `viewer/src/protocol.ts`.

        Raises SpecError (NS606) where its files cannot be read, KeyError for a run that is not the page's.
        """
        folder = self._folders[name]
        info = folder.read_info()
        rows = read_metrics(folder)
        best = best_of(rows)
        result = info.get("result") or {}
        running = in_use(folder.path / LOCK_NAME)
        data = info["data"]
        return {
            "name": printable(name),
            "columns": _columns(rows),
            "best": rows.index(best) if best is not None else None,
            "state": "running" if running else "finished" if result.get("finished") else "stopped",
            "data": printable(str(data["where"])),
            "counts": data.get("counts", {}),
            "parts": [part for part in PARTS if part in data.get("counts", {})],
            "device": printable(str((info.get("environment") or {}).get("device", ""))),
            "test": _score(result.get("test")),
            "advice": printable(str(result.get("advice") or "")),
            "review": _review(folder, rows),
        }

    def states(self) -> list[dict[str, Any]]:
        return [self.state(name) for name in self.names]


def _columns(rows: Sequence[Row]) -> dict[str, list[float | None]]:
    """What was measured after each epoch; a column without any value is left out."""
    found: dict[str, list[float | None]] = {
        "epoch": [row.epoch for row in rows],
        "step": [row.step for row in rows],
        "seconds": [_finite(row.seconds) for row in rows],
        "lr": [_finite(row.lr) for row in rows],
    }
    for part in ("train", "validation"):
        for measure in _MEASURES:
            scores = [getattr(row, part) for row in rows]
            column = [_finite(getattr(score, measure)) if score is not None else None for score in scores]
            if any(value is not None for value in column):
                found[f"{part}_{measure}"] = column
    return found


def _finite(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None


def _score(stored: Mapping[str, Any] | None) -> dict[str, float] | None:
    if stored is None:
        return None
    return {m: stored[m] for m in _MEASURES if _finite(stored.get(m)) is not None}


def _review(folder: RunFolder, rows: Sequence[Row]) -> dict[str, Any] | None:
    """The review that is kept, if there is one; `stale` where it is not of the best weights that there are now."""
    from pydantic import ValidationError

    from netspec.training.run_schema import StoredReview

    try:
        found = json.loads(read_bounded(folder.review, _MOST_BYTES))
        StoredReview.model_validate(found)
        json.dumps(found, allow_nan=False)
    except (OSError, ValueError, RecursionError, ValidationError):
        return None
    return {**found, "stale": found["state"] != state_of(rows)}


def _stamp(path: Path) -> tuple[int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size
