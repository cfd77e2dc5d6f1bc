"""A confusion matrix as a file."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from pathlib import Path

from netspec.diagnostics import SpecError
from netspec.files import atomic_write
from netspec.training.measures import Measured

__all__ = ["write_confusion"]

_MOST_WRITTEN = 25
"""The largest number of classes for which every cell shows its count and every class its name."""

_LONGEST = 30
"""Characters of the name of a class: it comes from outside, and a picture has to be laid out."""


def write_confusion(path: Path, score: Measured, classes: Sequence[str]) -> None:
    """Writes the counts to a .csv, or draws the normalized matrix as .svg. Raises SpecError (NS501, NS604)."""
    if score.confusion is None:
        raise SpecError.of("NS604", "only classifiers have a confusion matrix", helps=["remove `--confusion`"])
    if path.suffix == ".csv":
        _write_csv(path, score.confusion, classes)
    else:
        _draw(path, score.confusion, classes)


def _write_csv(path: Path, matrix: list[list[int]], classes: Sequence[str]) -> None:
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow(["class", *classes])
    table.writerows([name, *row] for name, row in zip(classes, matrix, strict=True))
    with atomic_write(path) as file:
        file.write(text.getvalue().encode("utf-8"))


def _draw(path: Path, matrix: list[list[int]], classes: Sequence[str]) -> None:
    from netspec.diagnostics.display import printable
    from netspec.training.curves import new_figure, write_figure

    classes = [shown if len(shown) <= _LONGEST else f"{shown[:_LONGEST]}…" for shown in map(printable, classes)]
    few = len(classes) <= _MOST_WRITTEN
    figure = new_figure(1)
    side = max(3.6, 0.32 * len(classes) + 1.6) if few else 7.0
    figure.set_size_inches(side, side)
    (axis,) = figure.axes
    axis.imshow([[n / max(1, sum(row)) for n in row] for row in matrix], cmap="Blues", vmin=0, vmax=1)
    axis.set_xlabel("predicted label")
    axis.set_ylabel("true label")
    if few:
        places = range(len(classes))
        axis.set_xticks(places, classes, rotation=90 if max(map(len, classes)) > 2 else 0)
        axis.set_yticks(places, classes)
        for i, row in enumerate(matrix):
            for j, n in enumerate(row):
                if n:
                    dark = n > 0.6 * sum(row)
                    axis.text(j, i, n, ha="center", va="center", fontsize=7, color="white" if dark else "black")
    write_figure(path, figure)
