"""Comparison of runs: their cost, their scores, and the settings in which they differ."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from netspec.diagnostics import Diagnostics, SpecError
from netspec.elaborate.limits import Limits
from netspec.elaborate.project import read_source
from netspec.model import check
from netspec.source import SourceFile
from netspec.syntax import parse
from netspec.syntax import tree as t
from netspec.training.engine import Row
from netspec.training.run_folder import RunFolder
from netspec.training.scores import Score

__all__ = ["Difference", "Summary", "compare", "read_metrics"]


_ALWAYS = ("loss", "accuracy", "r2", "by")
"""Columns of the table of epochs that are no metrics."""


@dataclass(frozen=True)
class Summary:
    """One run. `best` is its best validation score, or its best training score without validation; `finished` is False if
    the run is in progress or was stopped."""

    name: str
    params: int
    macs: int
    epochs: float
    best_epoch: float | None
    best: Score | None
    test: Score | None
    seconds: float
    throughput: float
    finished: bool
    rows: list[Row]
    settings: dict[str, str]


@dataclass(frozen=True)
class Difference:
    """A setting, and the runs with each of its values; None if it is not set."""

    setting: str
    values: dict[str | None, list[str]]


def compare(paths: Sequence[Path]) -> tuple[list[Summary], list[Difference]]:
    """Raises SpecError (NS606)."""
    names = [path.resolve().name for path in paths]
    if len(set(names)) < len(names):
        names = [str(path) for path in paths]
    runs = [_summary(name, RunFolder(path)) for name, path in zip(names, paths, strict=True)]
    return runs, _differences(runs)


def read_metrics(folder: RunFolder) -> list[Row]:
    """The epochs of a run; empty before the first. Raises SpecError (NS606)."""
    if not folder.metrics.is_file():
        return []
    try:
        with folder.metrics.open(encoding="utf-8", newline="") as file:
            return [_row(line) for line in csv.DictReader(file)]
    except (OSError, ValueError, KeyError, TypeError, OverflowError, csv.Error) as error:
        raise SpecError.of("NS606", f"{folder.metrics} cannot be read", notes=[str(error)[:200]]) from None


def _epochs(text: str) -> float:
    return int(text) if text.isdecimal() else float(text)


def _row(line: dict[str, str]) -> Row:
    def score(part: str) -> Score | None:
        loss, accuracy = line[f"{part}_loss"], line[f"{part}_accuracy"]
        r2, by = line.get(f"{part}_r2"), line.get(f"{part}_by")
        names = [column.removeprefix(f"{part}_") for column in line if column.startswith(f"{part}_")]
        metrics = tuple((n, float(line[f"{part}_{n}"])) for n in names if n not in _ALWAYS and line[f"{part}_{n}"])
        share, r2_value, rank = (float(value) if value else None for value in (accuracy, r2, by))
        return Score(float(loss), share, r2_value, metrics=metrics, by=rank) if loss else None

    train = score("train")
    if train is None:
        raise ValueError("an epoch without a training loss")
    seconds = float(line["seconds"])
    examples = round(seconds * float(line["examples_per_second"]))
    return Row(
        _epochs(line["epoch"]), int(line["step"]), float(line["lr"]), train, score("validation"), seconds, examples
    )  # fmt: skip


def _summary(name: str, folder: RunFolder) -> Summary:
    info = folder.read_info()
    source = read_source(folder.spec, Limits())
    model = check(source).lenient().model()
    rows = read_metrics(folder)
    best = max(rows, key=lambda row: (row.score.rank, -row.step), default=None)
    result = info.get("result") or {}
    seconds = sum(row.seconds for row in rows)
    test = result.get("test")
    return Summary(
        name,
        model.params,
        model.macs,
        rows[-1].epoch if rows else 0,
        best.epoch if best is not None else None,
        best.score if best is not None else None,
        Score(
            **(test | {"labels": tuple(test.get("labels", ())), "metrics": tuple(map(tuple, test.get("metrics", ())))})
        )
        if test is not None
        else None,
        seconds,
        sum(row.examples for row in rows) / seconds if seconds else 0.0,
        bool(result.get("finished")),
        rows,
        _settings(source, info),
    )


def _settings(source: SourceFile, info: dict[str, Any]) -> dict[str, str]:
    """Everything a run was trained with: the parameters of the net, its layers, the lines of its recipe, its data."""
    diagnostics = Diagnostics()
    tree = parse(source, diagnostics)
    if tree is None:
        raise SpecError(tuple(diagnostics))
    found: dict[str, str] = {}
    layers = []
    for item in tree.items:
        if isinstance(item, t.Net):
            found["net"] = item.name
            found |= {p.name: _text(p.default.span.text) for p in item.parameters if p.default is not None}
        elif isinstance(item, t.Train):
            for line in item.settings:
                text = _text(line.span.text.removeprefix(line.name))
                found[line.name] = f"{found[line.name]}; {text}" if line.name in found else text
        else:
            layers.append(_text(item.span.text))
    found["layers"] = " | ".join(layers)
    data = info["data"]
    found["data"] = str(data["where"])
    found |= {f"data.{name}": str(value) for name, value in data.get("options", {}).items() if name != "workers"}
    environment = info.get("environment") or {}
    found |= {name: str(environment[name]) for name in ("device", "processes") if name in environment}
    return found


def _text(written: str) -> str:
    """On one line, without comments."""
    lines = [line.partition("#")[0] for line in written.splitlines()]
    return " ".join(" ".join(lines).split())


def _differences(runs: Sequence[Summary]) -> list[Difference]:
    result = []
    for name in dict.fromkeys(name for run in runs for name in run.settings):
        values: dict[str | None, list[str]] = {}
        for run in runs:
            values.setdefault(run.settings.get(name), []).append(run.name)
        if len(values) > 1:
            result.append(Difference(name, values))
    return result
