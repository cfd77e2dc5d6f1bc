"""The curves of a run as SVG, and its TensorBoard scalars."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from netspec.files import atomic_write
from netspec.training.engine import Engine, Row, Watcher
from netspec.training.scores import Score

__all__ = ["Board", "draw_curves", "draw_schedules", "new_figure", "row_scalars", "score_scalars", "write_figure"]


def new_figure(panels: int) -> Any:
    """A figure with several panels side by side, in the common style; needs no display."""
    import matplotlib as mpl
    from matplotlib.figure import Figure

    mpl.rcParams.update(
        {
            "svg.hashsalt": "netspec",
            "text.parse_math": False,
            "font.size": 9,
            "axes.spines.top": False,
            "axes.spines.right": False,
        }
    )
    figure = Figure(figsize=(4.2 * panels, 3.2), layout="constrained")
    figure.subplots(1, panels)
    return figure


def write_figure(path: Path, figure: Any) -> None:
    """Writes a deterministic SVG. Raises SpecError (NS501)."""
    from matplotlib.text import Text

    from netspec.diagnostics.display import printable

    for text in figure.findobj(Text):  # names come from outside, and XML has no control characters
        text.set_text(printable(text.get_text()))
    image = io.BytesIO()
    figure.savefig(image, format="svg", metadata={"Date": None})
    with atomic_write(path) as file:
        file.write(image.getvalue())


def draw_curves(path: Path, runs: Mapping[str, Sequence[Row]]) -> None:
    """Loss, accuracy or R2 (if there is one) and learning rate over the epochs of one or several runs. A circle marks the
    best epoch of each run: the one whose weights are kept."""
    several = len(runs) > 1
    shown = [row for rows in runs.values() for row in rows]
    measure = next((m for m in _MEASURES if any(getattr(row.train, m.field) is not None for row in shown)), None)
    figure = new_figure(3 if measure else 2)
    axes = list(figure.axes)
    for number, (name, rows) in enumerate(runs.items()):
        epochs = [row.epoch for row in rows]
        prefix = f"{name}, " if several else ""
        train = {
            "color": f"C{number if several else 0}",
            "linestyle": "--" if several else "-",
            "marker": "." if len(rows) < 3 else "",
        }
        held_out = {"color": f"C{number if several else 1}", "marker": train["marker"]}
        measured = [row for row in rows if row.validation is not None]
        axes[0].plot(epochs, [r.train.loss for r in rows], label=f"{prefix}training", **train)
        axes[0].plot([r.epoch for r in measured], [_loss(r) for r in measured], label=f"{prefix}validation", **held_out)
        if measure:
            axes[1].plot(epochs, [measure.of(r.train) for r in rows], label=f"{prefix}training", **train)
            axes[1].plot([r.epoch for r in measured], [measure.of(r.validation) for r in measured], label=f"{prefix}validation", **held_out)  # fmt: skip
            _bound_below(axes[1], measure)
        _mark_best(axes, rows, measure, held_out if measured else train, prefix)
        axes[-1].plot(
            epochs, [r.lr for r in rows], color=f"C{number if several else 2}", marker=train["marker"], label=name
        )
    titles = ["loss", measure.title, "learning rate"] if measure else ["loss", "learning rate"]
    for axis, title in zip(axes, titles, strict=True):
        axis.set_title(title)
        axis.set_xlabel("epoch")
        axis.xaxis.get_major_locator().set_params(integer=True)
    axes[0].legend(frameon=False)
    write_figure(path, figure)


def _loss(row: Row) -> float:
    return row.validation.loss if row.validation is not None else float("nan")


@dataclass(frozen=True)
class _Measure:
    """A score beside the loss: its field, the title of its panel, its unit."""

    field: str
    title: str
    scale: float
    lowest: float
    """Values below it are cut off: far below, they say no more than that the run is bad."""

    def of(self, score: Score | None) -> float:
        value = getattr(score, self.field) if score is not None else None
        return float("nan") if value is None else self.scale * value


_MEASURES = (_Measure("accuracy", "accuracy, %", 100.0, 0.0), _Measure("r2", "R2", 1.0, -1.0))


def _bound_below(axis: Any, measure: _Measure) -> None:
    """Keeps an R2 of minus a thousand in the first epoch from flattening the rest."""
    if axis.dataLim.y0 < measure.lowest < axis.dataLim.y1:
        axis.set_ylim(bottom=measure.lowest)


def _mark_best(
    axes: list[Any], rows: Sequence[Row], measure: _Measure | None, style: dict[str, Any], prefix: str
) -> None:
    best = max(rows, key=lambda row: (row.score.rank, -row.step), default=None)
    if best is None:
        return
    values = [best.score.loss, *([measure.of(best.score)] if measure else [])]
    for axis, value in zip(axes, values, strict=False):
        axis.axvline(best.epoch, color=style["color"] if prefix else "0.8", linewidth=0.8, linestyle=":", zorder=0)
        axis.plot(
            [best.epoch], [value], "o", color=style["color"], markerfacecolor="none", label=f"{prefix}best: epoch {best.epoch}"
        )  # fmt: skip


def row_scalars(row: Row) -> dict[str, float]:
    """The figures of an epoch by their names in TensorBoard and in trackers."""
    found = score_scalars("train", row.train)
    if row.validation is not None:
        found |= score_scalars("validation", row.validation)
    return {**found, "learning_rate": row.lr}


def score_scalars(part: str, score: Score) -> dict[str, float]:
    measured = {m.field: value for m in _MEASURES if (value := getattr(score, m.field)) is not None}
    return {f"{part}/{name}": value for name, value in {"loss": score.loss, **dict(score.metrics), **measured}.items()}


class Board(Watcher):
    """TensorBoard scalars: the loss of every tenth update (the next that is read), and the scores of every epoch."""

    def __init__(self, folder: Path, step: int) -> None:
        from torch.utils.tensorboard import SummaryWriter

        self.writer = SummaryWriter(str(folder), purge_step=step if step else None)
        self.tens = step // 10

    def update(self, engine: Engine, loss: float | None) -> None:
        if loss is not None and engine.at.step // 10 != self.tens:
            self.tens = engine.at.step // 10
            self.writer.add_scalar("update/loss", loss, engine.at.step)

    def epoch(self, engine: Engine, row: Row, *, best: bool) -> None:
        for name, value in row_scalars(row).items():
            self.writer.add_scalar(name, value, row.step)
        self.writer.flush()


def draw_schedules(path: Path, epochs: int = 90, updates: int = 10) -> None:
    """All schedules with their defaults, as the learning-rate factor over the epochs: docs/schedules.svg."""
    from netspec.recipe import Chosen
    from netspec.settings import SETTINGS
    from netspec.training.schedules import schedule

    figure = new_figure(2)
    steps = range(epochs * updates)
    shown = [form for form in SETTINGS["schedule"].forms if form.word != "plateau"]
    for number, form in enumerate(shown):
        values = {option.name: option.default for option in form.options.values()}
        factor = schedule(Chosen(form.word, values), lr=1.0, epochs=epochs, updates=updates)
        axis = figure.axes[0 if number < len(shown) // 2 else 1]
        axis.plot([step / updates for step in steps], [factor(step) for step in steps], label=form.word)
    for axis in figure.axes:
        axis.set_xlabel("epoch")
        axis.set_title("factor of the rate")
        axis.legend(facecolor="white", edgecolor="none", framealpha=0.9)
    write_figure(path, figure)
