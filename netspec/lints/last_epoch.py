"""Lints: what a recipe plans for after its last epoch."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain
from typing import TYPE_CHECKING, TypeAlias

from netspec.analysis.frozen import unfrozen_backward
from netspec.diagnostics import Diagnostics, Label
from netspec.graph import Graph
from netspec.source import Span
from netspec.syntax import tree as t

if TYPE_CHECKING:
    from netspec.recipe import Chosen, Recipe

__all__ = ["after_the_last_epoch"]

_Late: TypeAlias = tuple[Span, str, str]
"""A line, what it plans, and what to do about it other than to train longer."""


def after_the_last_epoch(graph: Graph, diagnostics: Diagnostics, recipe: Recipe, train: t.Train) -> None:
    """Warns (NS912) of what a recipe plans for later than its last epoch, where it says how many there are."""
    epochs = recipe.one("epochs")
    if epochs is None:
        return
    last, lines = epochs.values["n"], {line.name: line for line in train.settings}
    there = [Label(lines["epochs"].span, f"{last} epochs")]
    late = chain(*(look(recipe, lines, last) for look in (_schedule, _validation, _stages)))
    if not diagnostics.has_errors:
        late = chain(late, _frozen(graph, recipe, train, last))
    for where, plan, instead in late:
        helps = [f"train for more epochs, or {instead}"]
        diagnostics.warning("NS912", f"{plan}, but training ends at {last}", where, secondary=there, helps=helps)


def _given(line: t.Setting, option: str, form: Chosen) -> bool:
    """Whether an option is written, by its name or as the value after the word of its form."""
    return option in {o.name for o in line.options} or len(line.values) > bool(form.word)


def _schedule(recipe: Recipe, lines: dict[str, t.Setting], last: int) -> Iterator[_Late]:
    schedule = recipe.one("schedule")
    if schedule is None:
        return
    line, values = lines["schedule"], schedule.values
    warmup = values["warmup"]
    if warmup >= last:
        yield line.span, f"the warmup takes {warmup} epochs", "use a shorter `warmup`"
        return
    if values.get("unit") == "step":
        return
    start = 0 if values["warmup_over"] else warmup
    after = f" after the {start} of the warmup" if start else ""
    at = [n for n in values.get("at", ()) if start + n >= last]
    every, waited = values.get("every"), values.get("patience")
    changes = "the schedule changes the learning rate"
    if at and _given(line, "at", schedule):
        yield line.span, f"{changes} at {', '.join(map(str, at))}{after}", "change the learning rate earlier"
    elif every is not None and start + every >= last and _given(line, "every", schedule):
        if schedule.word == "cosine_restarts":
            what, instead = "the first cycle of the schedule takes", "use a shorter cycle, or `schedule cosine`"
        else:
            what, instead = f"{changes} every", "use a shorter step"
        yield line.span, f"{what} {every} epochs{after}", instead
    elif waited is not None and waited * _epochs_between(recipe) >= last and _given(line, "patience", schedule):
        what = f"the schedule waits for {_evaluations(waited, recipe)} without improvement"
        yield line.span, what, "use a smaller `patience`"


def _epochs_between(recipe: Recipe) -> int:
    """Epochs from one evaluation to the next; 0 if they are at certain updates."""
    line = recipe.one("validate")
    return 1 if line is None else int(line.values["every"]) if line.values["unit"] == "epoch" else 0


def _evaluations(count: int, recipe: Recipe) -> str:
    return f"{count} epochs" if _epochs_between(recipe) == 1 else f"{count} evaluations"


def _validation(recipe: Recipe, lines: dict[str, t.Setting], last: int) -> Iterator[_Late]:
    between, stop = _epochs_between(recipe), recipe.one("stop")
    if between > last:
        yield lines["validate"].span, f"the net is evaluated every {between} epochs", "evaluate it more often"
    elif stop is not None and stop.values["patience"] * between >= last and _given(lines["stop"], "patience", stop):
        what = f"`stop` waits for {_evaluations(stop.values['patience'], recipe)} without improvement"
        yield lines["stop"].span, what, "use a smaller `patience`"


def _stages(recipe: Recipe, lines: dict[str, t.Setting], last: int) -> Iterator[_Late]:
    growing = recipe.augment.get("progressive")
    if growing is not None and growing.values["stages"] > last:
        line = next((s for s in lines["augment"].settings or () if s.name == "progressive"), lines["augment"])
        yield line.span, f"the images grow in {growing.values['stages']} stages of at least an epoch", "use fewer `stages`"  # fmt: skip


def _written(setting: str, recipe: Recipe, train: t.Train) -> Iterator[tuple[t.Setting, Chosen]]:
    """The lines of a setting, and what they chose."""
    return zip((s for s in train.settings if s.name == setting), recipe.settings.get(setting, ()), strict=True)


def _frozen(graph: Graph, recipe: Recipe, train: t.Train, last: int) -> Iterator[_Late]:
    """Layers that are frozen for the whole run, though they are to be trained from some epoch on."""
    for line, chosen in _written("unfreeze", recipe, train):
        if chosen.values["at"] >= last:
            names, are = " ".join(chosen.labels), "is" if len(chosen.labels) == 1 else "are"
            what = f"`{names}` {are} frozen for the first {chosen.values['at']} epochs"
            yield line.span, what, f"unfreeze earlier; to keep it frozen for the whole run, write `freeze {names}`"
    for line, chosen in _written("unfreeze_backward", recipe, train):
        found = unfrozen_backward(graph, chosen.values["every"])
        node, at = max(found.items(), key=lambda item: item[1], default=(0, 0))
        if at >= last:
            yield line.span, f"`{graph.nodes[node].name}` is frozen for the first {at} epochs", "unfreeze faster"
