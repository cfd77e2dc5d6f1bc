"""The output of `netspec eval`."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from netspec.cli.output import printing_console
from netspec.training.scores import r2_text

if TYPE_CHECKING:
    from netspec.training.evaluation import Evaluation
    from netspec.training.measures import Measured

__all__ = ["new_table", "print_evaluation", "shown", "table_console"]

_MOST_CLASSES = 20
_MOST_PAIRS = 10


def table_console() -> Console:
    """A console for standard output; lines are cut, not wrapped."""
    return printing_console(sys.stdout)


def new_table(first: str, *others: str) -> Table:
    """A table with text in the first column and numbers in the others."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False, header_style="bold")
    table.add_column(first, overflow="fold")
    for title in others:
        table.add_column(title, justify="right", no_wrap=True)
    return table


def shown(share: float | None) -> str:
    return "-" if share is None else f"{share:.2%}"


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.4g}"


def print_evaluation(found: Evaluation) -> None:
    console = table_console()
    final = found.final
    what = "image" if final.segments else "example"
    count = f"{final.examples:,} {what}{'s' if final.examples != 1 else ''}"
    console.print(Text(f"{found.part}: {count} from {found.data}"))
    console.print()
    console.print(_scores(found))
    for name, one in found.of_outputs().items():
        _print_details(one, console, f"{name}: " if name else "")


def _print_details(found: Evaluation, console: Console, name: str) -> None:
    """What there is to say of an output beside its scores."""
    final = found.final
    if final.r2 is not None and final.r2 <= 0:
        console.print()
        console.print(f"{name}R2 is not above 0: always predicting the mean of the targets would be as good or better")
    if final.labels is not None:
        console.print()
        console.print(_per_label(final, found.classes))
    if final.confusion is None:
        return
    few = len(found.classes) <= _MOST_CLASSES
    console.print()
    if name:
        console.print(Text(name.removesuffix(": "), style="bold"))
    console.print(_per_class(final, found.classes, few=few))
    matrix = _matrix(final, found.classes, console.width) if few else None
    console.print()
    if matrix is not None:
        console.print(Text("confusion matrix (rows: true label, columns: predicted label)", style="dim"))
        console.print(matrix)
    elif final.most_confused(1):
        console.print(_pairs(final, found.classes))
    else:
        console.print("no misclassifications")


def _scores(found: Evaluation) -> Table:
    """A row for each run; with several outputs one for each of them, and one for their sum."""
    rows = dict(found.scores)
    if found.ensemble is not None:
        rows["ensemble"] = found.ensemble
    of_outputs = {f"{name}: {output}": one for name, m in rows.items() for output, one in (m.outputs or {}).items()}
    rows = {**of_outputs, **{f"{name}: sum" if m.outputs else name: m for name, m in rows.items()}}
    figures: list[tuple[str, Any]] = [
        ("accuracy", lambda m: shown(m.accuracy)), ("top-5", lambda m: shown(m.top5)), ("mean IoU", lambda m: shown(m.iou)),
        ("mean Dice", lambda m: shown(m.dice)), ("error rate", lambda m: shown(m.cer)), ("nearest", lambda m: shown(m.nearest)),
        ("loss", lambda m: f"{m.loss:.4f}"),
        ("MSE", lambda m: _number(m.mse)), ("MAE", lambda m: _number(m.mae)), ("R2", lambda m: r2_text(m.r2)),
    ]  # fmt: skip
    fields = {
        "accuracy": "accuracy",
        "top-5": "top5",
        "mean IoU": "iou",
        "mean Dice": "dice",
        "error rate": "cer",
        "nearest": "nearest",
        "loss": "loss",
        "MSE": "mse",
        "MAE": "mae",
        "R2": "r2",
    }
    used = [
        (title, text) for title, text in figures if any(getattr(m, fields[title]) is not None for m in rows.values())
    ]
    table = new_table("", *(title for title, _ in used))
    for name, score in rows.items():
        table.add_row(name, *(text(score) for _, text in used), style="bold" if name.startswith("ensemble") else "")
    return table


def _per_class(score: Measured, classes: Sequence[str], *, few: bool) -> Table:
    """Every class; if there are many, the ones with the lowest accuracy."""
    rows = list(zip(classes, score.classes, strict=False))
    title = "class"
    if not few:
        known = [row for row in rows if row[1].examples]
        rows = sorted(known, key=lambda row: (row[1].recall or 0.0, row[0]))[:_MOST_PAIRS]
        title = f"the {len(rows)} of {len(classes)} classes with the lowest accuracy"
    if score.segments:
        table = new_table(title, "images", "pixels", "predicted", "IoU", "Dice", "precision", "recall")
        for name, one in rows:
            table.add_row(
                name, f"{one.images or 0:,}", f"{one.examples:,}", f"{one.answered:,}", shown(one.iou), shown(one.dice),
                shown(one.precision), shown(one.recall),
            )  # fmt: skip
        return table
    table = new_table(title, "examples", "predicted", "correct", "precision", "recall")
    for name, one in rows:
        table.add_row(
            name, f"{one.examples:,}", f"{one.answered:,}", f"{one.right:,}", shown(one.precision), shown(one.recall)
        )
    return table


def _per_label(score: Measured, names: Sequence[str]) -> Table:
    """Every label; if there are many, the ones with the lowest accuracy."""
    rows = list(zip(names, score.labels or (), strict=False))
    title = "label"
    if len(rows) > _MOST_CLASSES:
        title = f"the {_MOST_PAIRS} of {len(rows)} labels with the lowest accuracy"
        rows = sorted(rows, key=lambda row: (row[1].accuracy or 0.0, row[0]))[:_MOST_PAIRS]
    overlap = ("images", "IoU", "Dice") if score.segments else ()
    table = new_table(title, "holds", "predicted", "accuracy", "precision", "recall", *overlap)
    for name, one in rows:
        more = (f"{one.images or 0:,}", shown(one.iou), shown(one.dice)) if score.segments else ()
        table.add_row(
            name, f"{one.examples:,}", f"{one.answered:,}", shown(one.accuracy), shown(one.precision), shown(one.recall), *more
        )  # fmt: skip
    return table


def _matrix(score: Measured, classes: Sequence[str], width: int) -> Table | None:
    """The confusion matrix, with zeros as dots; None if it does not fit. Columns with long names are numbered."""
    rows = score.confusion or []
    cells = [[str(n) if n else "·" for n in row] for row in rows]
    widths = [max(len(cells[i][j]) for i in range(len(rows))) for j in range(len(rows))]
    label = max(map(len, classes))
    heads: Sequence[str] = classes
    if sum(max(w, len(c)) + 1 for w, c in zip(widths, classes, strict=True)) + label > width:
        heads = [str(i) for i in range(len(classes))]
        label += len(heads[-1]) + 1
    if sum(max(w, len(h)) + 1 for w, h in zip(widths, heads, strict=True)) + label > width:
        return None
    table = Table(box=None, pad_edge=False, padding=(0, 1, 0, 0), header_style="bold")
    table.add_column("", no_wrap=True, style="bold")
    for head in heads:
        table.add_column(head, justify="right", no_wrap=True)
    for i, (name, row) in enumerate(zip(classes, cells, strict=True)):
        first = name if heads is classes else f"{i:>{len(heads[-1])}} {name}"
        styles = ["green" if i == j else "dim" if cell == "·" else "red" for j, cell in enumerate(row)]
        table.add_row(first, *(Text(cell, style) for cell, style in zip(row, styles, strict=True)))
    return table


def _pairs(score: Measured, classes: Sequence[str]) -> Table:
    table = new_table("most often confused: true label", "times", "of")
    table.add_column("predicted label", overflow="fold")
    for true, answer, count in score.most_confused(_MOST_PAIRS):
        table.add_row(classes[true], f"{count:,}", f"{score.classes[true].examples:,}", classes[answer])
    return table
