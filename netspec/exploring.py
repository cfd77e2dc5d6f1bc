"""`netspec.sweep` and `netspec.solve`: one spec under many values of its parameters."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from netspec.analysis import solve as solving
from netspec.analysis import sweep as sweeping
from netspec.analysis.analysis import Analysis
from netspec.analysis.conditions import Conditions
from netspec.analysis.figures import FIGURES, Value
from netspec.analysis.solve import Solution, Unknown
from netspec.analysis.sweep import Goal, Outcome, Point
from netspec.compiler import Variants, compile_source, read_condition
from netspec.diagnostics import SpecError
from netspec.elaborate import Elaborated
from netspec.elaborate.arithmetic import EvaluationError
from netspec.elaborate.limits import Limits
from netspec.source import SourceFile
from netspec.spec_source import Spec, parameter_values, source_of
from netspec.syntax import tree as t

if TYPE_CHECKING:
    from netspec.report.table_formats import Table

__all__ = ["FIGURES_SHOWN", "Solved", "Sweep", "solve", "solve_source", "sweep", "sweep_source"]

FIGURES_SHOWN = ("params", "macs", "memory", "depth")
"""The figures of a sweep and of a solution, unless others are chosen."""


@dataclass(frozen=True, slots=True)
class Sweep:
    """A spec over a grid of values. In a notebook it is a table.

    `points` are all points of the grid, also those without a network (`outcome.reason` says why) and those that do not
    meet `where`. A point is `best` where it is on the Pareto front by `goals`.
    """

    parameters: tuple[str, ...]
    figures: tuple[str, ...]
    where: str
    goals: tuple[Goal, ...]
    points: tuple[Point, ...]
    conditions: Conditions

    def rows(self) -> list[dict[str, Any]]:
        """One dict for each point that meets `where` or has no network, as pandas takes them. The figure `depth` is
        `net_depth` where a parameter is called so."""
        from netspec.report.exploration_tables import column_name

        return [
            {
                **point.values, **{column_name(name, self.parameters): point.outcome.figures.get(name) for name in self.figures},
                "pareto": point.best, "note": point.outcome.reason,
            }
            for point in self.points if point.outcome.kept or not point.outcome.valid
        ]  # fmt: skip

    def table(self, *, reasons: bool = True) -> Table:
        """The same rows as a table (see `netspec.report.table_formats`), with a column of reasons or with notes."""
        from netspec.report.exploration_tables import sweep_table

        found = sweep_table(self.parameters, self.figures, self.where, self.goals, self.points, reasons=reasons)
        return _noted(found, self.conditions)

    def to_dict(self) -> dict[str, Any]:
        """All points as plain data, as `netspec sweep --format json` prints them."""
        from netspec.report.exploration_tables import sweep_data

        data = sweep_data(self.figures, self.where, self.goals, self.points)
        return {**data, "conditions": asdict(self.conditions)}

    def plot(self, path: str | Path) -> None:
        """Writes an SVG of the first two goals, the front marked. Raises SpecError (NS501)."""
        from netspec.files import atomic_write
        from netspec.report.scatter import scatter

        drawing = scatter(self.points, self.goals)
        with atomic_write(Path(path)) as file:
            file.write(drawing.encode())

    def _repr_html_(self) -> str:
        return self.table()._repr_html_()


@dataclass(frozen=True, slots=True)
class Solved:
    """The values under which a spec keeps a condition. In a notebook it is a table."""

    figures: tuple[str, ...]
    target: str
    goal: Goal | None
    solution: Solution
    conditions: Conditions

    @property
    def values(self) -> dict[str, Any] | None:
        """The best values by parameter; None where nothing fits."""
        best = self.solution.best
        return dict(best.values) if best is not None else None

    def figure(self, name: str) -> Value | None:
        """A figure of the best network, of those that were asked for."""
        best = self.solution.best
        return best.outcome.figures.get(name) if best is not None else None

    def table(self) -> Table:
        """The best point (or the nearest) beside the next one that breaks the condition, and how it was found."""
        from netspec.report.exploration_tables import solution_table

        return _noted(solution_table(self.figures, self.target, self.goal, self.solution), self.conditions)

    def to_dict(self) -> dict[str, Any]:
        """The answer as plain data, as `netspec solve --format json` prints it."""
        from netspec.report.exploration_tables import solution_data

        return {**solution_data(self.target, self.goal, self.solution), "conditions": asdict(self.conditions)}

    def _repr_html_(self) -> str:
        return self.table()._repr_html_()


def _noted(table: Table, conditions: Conditions) -> Table:
    """The table with the conditions in its notes, where they are not one input in float32."""
    from netspec.report.network_table import conditions_note

    said = conditions_note(conditions)
    return replace(table, notes=(*table.notes, said)) if said else table


class _Trials:
    """Evaluates a spec under given values of its parameters."""

    def __init__(
        self, source: SourceFile, fixed: Mapping[str, Any], condition: t.Expect | None, figures: Iterable[str],
        limits: Limits, conditions: Conditions,
    ) -> None:  # fmt: skip
        self.source, self.fixed, self.condition, self.limits = source, fixed, condition, limits
        self.conditions = conditions
        self.figures = tuple(dict.fromkeys(FIGURES[name].name for name in figures))
        self._variants = Variants(source, limits)

    def __call__(self, values: Mapping[str, Any]) -> Outcome:
        """Raises SpecError where the condition itself is wrong, UnknownParameter for a parameter that the net lacks."""
        given = {**self.fixed, **values}
        found = self._variants.of(given)
        if not isinstance(found, Elaborated):
            line = f" (line {found.span.line})" if found.span is not None else ""
            return Outcome({}, f"{found.message}{line}")
        analysis = Analysis(found.graph, self.conditions)
        figures = {name: analysis.total(name) for name in self.figures}
        if self.condition is None:
            return Outcome(figures, layers=len(found.graph.nodes))
        try:
            judgement = found.judge(self.condition.condition, analysis)
            return Outcome(figures, excess=judgement.excess, layers=len(found.graph.nodes))
        except EvaluationError as error:
            if error.diagnostic.code == "NS402":
                return Outcome(figures, error.diagnostic.message)
            raise self._wrong(given, error) from None

    def _wrong(self, given: Mapping[str, Any], error: EvaluationError) -> SpecError:
        """The error of the condition, with its helps."""
        assert self.condition is not None
        found = compile_source(self.source, given, self.limits, [self.condition]).diagnostics
        own = [d for d in found if d.span is not None and d.span.source is self.condition.span.source]
        return SpecError(tuple(own) or (error.diagnostic,))


def sweep(
    spec: Spec,
    grid: Mapping[str, Iterable[Any]],
    *,
    where: str = "",
    figures: Iterable[str] = FIGURES_SHOWN,
    maximize: Iterable[str] = ("params",),
    minimize: Iterable[str] = ("macs",),
    conditions: Conditions | None = None,
    **fixed: Any,
) -> Sweep:
    """The figures of a spec for every combination of values; keywords are values of other parameters.

    `where` is a condition as in `expect`; points that do not meet it are left out. The Pareto front is by the figures to
    maximize and to minimize; `conditions` are those of memory and time. The `expect` lines of the spec are not checked: they are about its own values. Raises
    SpecError where the spec or the condition cannot be read, KeyError for a name that is not a figure, ValueError for more
    than 10,000 points, and TypeError as `check` does.
    """
    limits = Limits()
    axes = {name: [parameter_values({name: v})[name] for v in values] for name, values in grid.items()}
    return sweep_source(
        source_of(spec, limits),
        axes,
        where,
        tuple(figures),
        _goals(maximize, minimize),
        parameter_values(fixed),
        limits,
        conditions or Conditions(),
    )


def _goals(maximize: Iterable[str], minimize: Iterable[str]) -> tuple[Goal, ...]:
    return (
        *(Goal(FIGURES[name].name, "maximize") for name in maximize),
        *(Goal(FIGURES[name].name, "minimize") for name in minimize),
    )


def sweep_source(
    source: SourceFile, axes: Mapping[str, Sequence[Any]], where: str, figures: Sequence[str], goals: Sequence[Goal],
    fixed: Mapping[str, Any], limits: Limits, conditions: Conditions,
) -> Sweep:  # fmt: skip
    """`sweep` of a source, with values of the language."""
    condition = read_condition(where, "<where>") if where else None
    trials = _Trials(source, fixed, condition, (*figures, *(goal.figure for goal in goals)), limits, conditions)
    found = sweeping.points(sweeping.grid(axes), trials, goals)
    shown = tuple(dict.fromkeys(FIGURES[name].name for name in figures))
    return Sweep(tuple(axes), shown, where, tuple(goals), tuple(found), conditions)


def solve(
    spec: Spec,
    target: str,
    unknowns: Mapping[str, range | Iterable[Any] | None],
    *,
    maximize: str | None = None,
    minimize: str | None = None,
    figures: Iterable[str] = FIGURES_SHOWN,
    budget: int = solving.BUDGET,
    conditions: Conditions | None = None,
    **fixed: Any,
) -> Solved:
    """The best values of the unknowns with which a condition such as "params <= 5M" holds.

    The values of an unknown are a range, a list to choose from, or None: from 1, as far as anything fits. The best is the
    largest value; of several unknowns that which maximizes the first figure of the condition; or as `maximize` or
    `minimize` say; `conditions` are those of memory and time. At most about `budget` networks are checked. Raises as `sweep` does, and ValueError where there is
    nothing to try or both are given.
    """
    limits = Limits()
    wanted = [_unknown(name, values) for name, values in unknowns.items()]
    if maximize is not None and minimize is not None:
        raise ValueError("give either maximize or minimize")
    goal = next(iter(_goals([maximize] if maximize else [], [minimize] if minimize else [])), None)
    given = parameter_values(fixed)
    return solve_source(
        source_of(spec, limits), target, wanted, goal, tuple(figures), given, limits, budget, conditions or Conditions()
    )


def _unknown(name: str, values: range | Iterable[Any] | None) -> Unknown:
    if values is None:
        return Unknown(name)
    if isinstance(values, range) and values.step > 0:
        return Unknown(name, values.start, values.stop - 1, values.step)
    return Unknown(name, choices=tuple(parameter_values({name: v})[name] for v in values))


def solve_source(
    source: SourceFile, target: str, unknowns: Sequence[Unknown], goal: Goal | None, figures: Sequence[str],
    fixed: Mapping[str, Any], limits: Limits, budget: int, conditions: Conditions,
) -> Solved:  # fmt: skip
    """`solve` of a source, with values of the language."""
    condition = read_condition(target, "<target>")
    named = next((name for name in _names(condition.condition) if name in FIGURES), None)
    if goal is None and len(unknowns) > 1 and named is not None:
        goal = Goal(FIGURES[named].name, "maximize")
    shown = tuple(dict.fromkeys(FIGURES[name].name for name in figures))
    trials = _Trials(source, fixed, condition, (*shown, *([goal.figure] if goal else [])), limits, conditions)
    return Solved(shown, target, goal, solving.solve(unknowns, trials, goal, budget), conditions)


def _names(expr: t.Expr) -> Iterable[str]:
    """The names in an expression, from left to right."""
    if isinstance(expr, t.Name):
        yield expr.text
    elif isinstance(expr, t.Binary):
        yield from _names(expr.left)
        yield from _names(expr.right)
    elif isinstance(expr, t.Unary):
        yield from _names(expr.operand)
    elif isinstance(expr, t.Call):
        yield expr.name
