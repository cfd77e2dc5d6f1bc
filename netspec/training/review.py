"""The review of a run: its scores on held-out examples, the confusion matrix, and the examples most wrong.

`python -m netspec.training.review RUN` computes it in a process of its own, for the page of `netspec view`: it writes one JSON
object per line, `{"done": …, "of": …}` while it works, then `{"review": …}`, or `{"errors": [{"message", "notes", "helps"}]}`. The
review is kept in the folder of the run, `review.json`.
"""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from netspec.diagnostics import SpecError
from netspec.diagnostics.display import printable
from netspec.files import atomic_write
from netspec.training.comparison import read_metrics
from netspec.training.engine import Row
from netspec.training.evaluation import Evaluation, Question, evaluate
from netspec.training.mistakes import Mistakes
from netspec.training.run_folder import RunFolder
from netspec.training.trained import Trained

__all__ = ["PARTS", "best_of", "reviewed", "state_of", "write_review"]

PARTS = ("test", "validation", "train")
_MOST_CLASSES = 1000
"""The largest confusion matrix that is kept whole."""
_MOST_MISTAKES = 48
_MOST_PAIRS = 50


def best_of(rows: Sequence[Row]) -> Row | None:
    """The epoch whose weights are kept: the best by validation, the first of equal ones."""
    return max(rows, key=lambda row: (row.score.rank, -row.step), default=None)


def state_of(rows: Sequence[Row]) -> list[float | None] | None:
    """What tells the best weights at one time from those at another: [epoch, update, loss]."""
    best = best_of(rows)
    return [best.epoch, best.step, _finite(best.score.loss)] if best is not None else None


def reviewed(
    path: Path, part: str | None = None, told: Callable[[int, int], None] = lambda done, total: None
) -> dict[str, Any]:
    """Evaluates the best weights of a run on a part of its data (default: test, else validation). Raises SpecError."""
    folder = RunFolder(path)
    folder.read_info()
    state = state_of(read_metrics(folder))
    mistakes = Mistakes(_MOST_MISTAKES, told)
    found = evaluate([Trained.open(path)], Question(part=part), mistakes)
    return {"state": state, **_as_json(found, mistakes)}


def write_review(
    path: Path, part: str | None = None, told: Callable[[int, int], None] = lambda done, total: None
) -> dict[str, Any]:
    """`reviewed`, kept in the folder of the run where that can be written. Raises SpecError."""
    review = reviewed(path, part, told)
    try:
        with atomic_write(RunFolder(path).review) as file:
            file.write(json.dumps(review, allow_nan=False).encode())
    except SpecError as error:  # no reason not to show it
        review["warnings"] += [f"it is not kept: {printable(d.message)}" for d in error.diagnostics]
    return review


def _as_json(found: Evaluation, mistakes: Mistakes) -> dict[str, Any]:
    score = found.final
    numbers = {name: _finite(getattr(score, name)) for name in ("loss", "accuracy", "top5", "mse", "mae", "r2", "iou", "dice")}  # fmt: skip
    small = len(found.classes) <= _MOST_CLASSES
    return {
        "part": found.part,
        "data": printable(found.data),
        "kind": mistakes.kind,
        "examples": score.examples,
        "wrong": mistakes.wrong,
        "scores": {name: value for name, value in numbers.items() if value is not None},
        "classes": [printable(name) for name in found.classes],
        "confusion": score.confusion if small else None,
        "confused": score.most_confused(_MOST_PAIRS),
        "labels": [[one.examples, one.answered, one.right, one.total] for one in score.labels or ()],
        "mistakes": [asdict(mistake) for mistake in mistakes.found()],
        "warnings": [printable(" ".join([d.message, *d.notes])) for d in found.warnings],
    }


def _finite(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None


def _main(arguments: Sequence[str]) -> int:
    """`RUN [PART]`"""
    path, part = Path(arguments[0]), arguments[1] if len(arguments) > 1 else None
    lines, sys.stdout = sys.stdout, sys.stderr  # what a library prints is no line of ours

    def tell(data: dict[str, Any]) -> None:
        lines.write(json.dumps(data, allow_nan=False) + "\n")
        lines.flush()

    try:
        review = write_review(path, part, lambda done, total: tell({"done": done, "of": total}))
    except SpecError as error:
        tell({"errors": [{"message": printable(d.message), "notes": list(map(printable, d.notes)), "helps": list(map(printable, d.helps))} for d in error.diagnostics]})  # fmt: skip
        return 1
    tell({"review": {**review, "stale": False}})
    return 0


if __name__ == "__main__":
    raise SystemExit(_main(sys.argv[1:]))
