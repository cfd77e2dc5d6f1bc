"""The tables of a sweep and of a solution."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from netspec.analysis.figures import FIGURES, Value
from netspec.analysis.solve import Method, Solution
from netspec.analysis.sweep import Goal, Point
from netspec.report.table_formats import Entry, Heading, Row, Table
from netspec.values import show

__all__ = ["column_name", "solution_data", "solution_table", "sweep_data", "sweep_table", "values_text"]


def values_text(values: Mapping[str, Any]) -> str:
    """`width=32 depth=2`."""
    return " ".join(f"{name}={_written(value)}" for name, value in values.items())


def column_name(figure: str, parameters: Sequence[str]) -> str:
    """What the column of a figure is called: `net_depth` where a parameter is called `depth`."""
    return f"net_{figure}" if figure in parameters else figure


def _written(value: Any) -> str:
    return value if isinstance(value, str) else show(value)


def _figure(name: str, value: Value | None) -> Entry:
    return Entry(FIGURES[name].text(value), value)


# Sweep

_REASONS = 5


def sweep_table(
    parameters: Sequence[str], figures: Sequence[str], where: str, goals: Sequence[Goal], points: Sequence[Point],
    *, reasons: bool = True,
) -> Table:  # fmt: skip
    """The points that meet the condition, and those without a network, with the reason: in a column, or in the notes."""
    shown = [point for point in points if point.outcome.kept or not point.outcome.valid]
    reasons = reasons and any(not point.outcome.valid for point in points)
    headings = [Heading(name, name, right=True) for name in parameters]
    for name in figures:
        own = column_name(name, parameters)
        title = FIGURES[name].title
        headings.append(Heading(own, title if own == name else f"net {title}", right=True))
    headings.append(Heading("pareto", "front"))
    if reasons:
        headings.append(Heading("note", "no network", narrow="cut"))
    rows = [_sweep_row(parameters, figures, point, reasons=reasons) for point in shown]
    best = sum(point.best for point in points)
    notes = [f"* Pareto front: {', '.join(map(str, goals))} ({best:,} of {len(points):,} points)"] if goals else []
    if where:
        kept = sum(point.outcome.kept for point in points)
        notes.append(f"{kept:,} of {len(points):,} points meet {where}")
    if not reasons:
        notes += _reasons(points)
    return Table("", headings, rows, notes)


def _reasons(points: Sequence[Point]) -> list[str]:
    """Why there is no network, each reason once."""
    reasons: dict[str, list[Point]] = {}
    for point in points:
        if not point.outcome.valid:
            reasons.setdefault(point.outcome.reason, []).append(point)
    said = [
        f"no network at {values_text(found[0].values)}{f' and {len(found) - 1:,} more' if len(found) > 1 else ''}: {reason}"
        for reason, found in reasons.items()
    ]
    return said if len(said) <= _REASONS else [*said[:_REASONS], f"{len(said) - _REASONS:,} more reasons"]


def _sweep_row(parameters: Sequence[str], figures: Sequence[str], point: Point, *, reasons: bool) -> Row:
    outcome = point.outcome
    entries = [Entry(_written(point.values[name]), _cell(point.values[name])) for name in parameters]
    entries += [_figure(name, outcome.figures.get(name)) for name in figures]
    entries.append(
        Entry("*" if point.best else "" if outcome.valid else "✗", int(point.best) if outcome.valid else None, "bold")
    )
    if reasons:
        entries.append(Entry(outcome.reason, outcome.reason or None, "dim"))
    return Row(entries)


def _cell(value: Any) -> Any:
    return value if isinstance(value, (int, float, str)) and not isinstance(value, bool) else _written(value)


# Solve

_FOUND: dict[Method, str] = {
    "exhaustive": "all of them",
    "bisection": "by bisection: the condition and the goal are monotone over all that were tried",
    "refined": "on ever finer grids: a better point may have been missed",
}


def solution_table(figures: Sequence[str], target: str, goal: Goal | None, solution: Solution) -> Table:
    """The figures of the best point, and of the next, which breaks the condition; or of the nearest."""
    first = solution.best or solution.nearest
    tried = f"{solution.tried:,} network{'s' if solution.tried != 1 else ''} tried, {_FOUND[solution.method]}"
    if first is None:
        why = f"no point has a network: {solution.reason}" if solution.reason else "no point has a network"
        return Table("nothing fits", (Heading("figure", "figure"),), [], [why, tried])
    columns = [first, *([solution.next] if solution.best is not None and solution.next is not None else [])]
    headings = [Heading("figure", "figure")]
    headings += [Heading(values_text(point.values), values_text(point.values), right=True) for point in columns]
    rows = [Row([Entry(FIGURES[n].title), *(_figure(n, p.outcome.figures.get(n)) for p in columns)]) for n in figures]
    if solution.best is None:
        title = f"nothing fits {target}; the nearest:"
        notes = [f"{values_text(first.values)} misses it by {100 * first.outcome.excess:.3g}%", tried]
        return Table(title, headings, rows, notes)
    notes = [f"{values_text(columns[1].values)} breaks {target}"] if len(columns) > 1 else []
    wish = f" ({goal})" if goal is not None else ""
    return Table(f"{values_text(first.values)}{wish}", headings, rows, [*notes, tried])


# Data


def _json(value: Any) -> Any:
    """A value as JSON has it: sizes as lists, words and fractions as text."""
    if isinstance(value, (tuple, list)):
        return [_json(v) for v in value]
    return value if value is None or isinstance(value, (bool, int, float, str)) else str(value)


def _point(point: Point | None) -> dict[str, Any] | None:
    if point is None:
        return None
    outcome = point.outcome
    return {
        "values": {name: _json(value) for name, value in point.values.items()},
        "figures": {name: _json(value) for name, value in outcome.figures.items()},
        "reason": outcome.reason or None,
        "excess": outcome.excess,
    }


def _goal(goal: Goal) -> dict[str, str]:
    return {"figure": goal.figure, "direction": goal.direction}


def sweep_data(figures: Sequence[str], where: str, goals: Sequence[Goal], points: Sequence[Point]) -> dict[str, Any]:
    """All points of a sweep as plain data; `excess` is by how much `where` is missed, 0 where it holds."""
    listed = [{**(_point(point) or {}), "pareto": point.best} for point in points]
    return {"schema": 1, "figures": list(figures), "where": where, "goals": list(map(_goal, goals)), "points": listed}


def solution_data(target: str, goal: Goal | None, solution: Solution) -> dict[str, Any]:
    """A solution as plain data; `best` is null where nothing fits."""
    return {
        "schema": 1, "target": target, "goal": _goal(goal) if goal is not None else None, "best": _point(solution.best),
        "next": _point(solution.next), "nearest": _point(solution.nearest), "method": solution.method,
        "tried": solution.tried, **({"reason": solution.reason} if solution.reason else {}),
    }  # fmt: skip
