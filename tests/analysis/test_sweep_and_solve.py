"""Sweeps and solutions against exhaustive search, as pure functions and on specs."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import product
from typing import Any

import pytest
from conftest import explored
from hypothesis import given
from hypothesis import strategies as st

import netspec
from netspec import SpecError
from netspec.analysis.solve import Unknown, solve
from netspec.analysis.sweep import Goal, Outcome, front, grid
from netspec.exploring import solve as solve_spec
from netspec.exploring import sweep as sweep_spec

pytestmark = pytest.mark.slow

MORE_PARAMS, FEWER_MACS = Goal("params", "maximize"), Goal("macs", "minimize")


def outcomes(pairs: list[tuple[int, int]]) -> list[Outcome]:
    return [Outcome({"params": params, "macs": macs}) for params, macs in pairs]


@explored(300)
@given(st.lists(st.tuples(st.integers(0, 6), st.integers(0, 6), st.integers(0, 6)), max_size=25))
def test_the_front_is_what_nothing_beats(triples: list[tuple[int, int, int]]) -> None:
    def beats(a: tuple[int, ...], b: tuple[int, ...]) -> bool:
        return a != b and a[0] >= b[0] and all(x <= y for x, y in zip(a[1:], b[1:], strict=True))

    three = [MORE_PARAMS, FEWER_MACS, Goal("memory", "minimize")]
    found = front([Outcome({"params": p, "macs": m, "memory": k}) for p, m, k in triples], three)
    assert found == {i for i, own in enumerate(triples) if not any(beats(other, own) for other in triples)}
    pairs = [triple[:2] for triple in triples]
    found = front(outcomes(pairs), three[:2])
    assert found == {i for i, own in enumerate(pairs) if not any(beats(other, own) for other in pairs)}


def test_only_points_that_meet_the_condition_are_on_the_front() -> None:
    kept, missed, invalid = (
        Outcome({"params": 1, "macs": 1}),
        Outcome({"params": 9, "macs": 0}, excess=0.1),
        Outcome({}, "no"),
    )
    assert front([kept, missed, invalid], [MORE_PARAMS, FEWER_MACS]) == {0}


def test_a_grid_has_every_combination() -> None:
    assert grid({"a": [1, 2], "b": ["x", "y"]}) == [
        {"a": 1, "b": "x"}, {"a": 1, "b": "y"}, {"a": 2, "b": "x"}, {"a": 2, "b": "y"},
    ]  # fmt: skip
    with pytest.raises(ValueError, match="1,000,000"):
        grid({"a": range(1000), "b": range(1000)})


# Solve, on made-up figures


def exhaustive(unknowns: list[Unknown], evaluate: Any, goal: Goal | None) -> tuple[float, tuple[int, ...]] | None:
    """The score and the values of the best point by trying all of them."""
    best = None
    for values in product(*(range(u.low, (u.high or 0) + 1, u.step) for u in unknowns)):
        outcome = evaluate(dict(zip([u.name for u in unknowns], values, strict=True)))
        if outcome.kept:
            key = (goal.score(outcome) or 0.0) if goal else 0.0, values
            best = key if best is None else max(best, key)
    return best


@explored(200)
@given(st.integers(1, 50), st.integers(1, 4), st.integers(0, 10**9), st.integers(1, 9), st.integers(301, 3000))
def test_one_unknown_of_a_growing_figure(slope: int, power: int, bound: int, divisor: int, high: int) -> None:
    def evaluate(at: Mapping[str, Any]) -> Outcome:
        if at["w"] % divisor:
            return Outcome({}, "it does not divide")
        params = slope * at["w"] ** power
        return Outcome({"params": params}, excess=max(0.0, params / (bound or 1) - 1))

    unknown = Unknown("w", 1, high)
    found = solve([unknown], evaluate)
    expected = exhaustive([unknown], evaluate, None)
    assert (found.best and found.best.values["w"]) == (expected and expected[1][0])
    assert found.tried <= 600
    if found.best is None:
        assert found.nearest is not None
        assert found.nearest.values["w"] == divisor
    elif found.next is not None:
        assert found.next.values["w"] == found.best.values["w"] + divisor


@explored(150)
@given(st.lists(st.booleans(), min_size=1, max_size=300), st.integers(-3, 3), st.sampled_from(["maximize", "minimize"]))
def test_up_to_300_values_any_condition_is_solved_exactly(holds: list[bool], slope: int, direction: Any) -> None:
    def evaluate(at: Mapping[str, Any]) -> Outcome:
        params = slope * (at["w"] - 40) ** 2
        return Outcome({"params": params}, excess=0.0 if holds[at["w"]] else 1.0)

    unknown, goal = Unknown("w", 0, len(holds) - 1), Goal("params", direction)
    found, expected = solve([unknown], evaluate, goal), exhaustive([unknown], evaluate, goal)
    assert found.method == "exhaustive"
    assert (found.best and found.best.values["w"]) == (expected and expected[1][0])


def test_a_condition_with_a_gap_is_not_bisected() -> None:
    def evaluate(at: Mapping[str, Any]) -> Outcome:
        return Outcome({"params": at["w"]}, excess=0.0 if at["w"] < 200 or 700 < at["w"] < 900 else 1.0)

    found = solve([Unknown("w", 1, 1000)], evaluate)
    assert (found.method, found.best and found.best.values) == ("exhaustive", {"w": 899})


@explored(60)
@given(st.integers(1, 9), st.integers(1, 9), st.integers(50, 40_000))
def test_two_unknowns(a: int, b: int, bound: int) -> None:
    def evaluate(at: Mapping[str, Any]) -> Outcome:
        params = a * at["w"] * at["w"] * at["d"] + b * at["w"]
        return Outcome({"params": params}, excess=max(0.0, params / bound - 1))

    unknowns = [Unknown("w", 1, 120), Unknown("d", 1, 8)]
    found, expected = solve(unknowns, evaluate, MORE_PARAMS), exhaustive(unknowns, evaluate, MORE_PARAMS)
    score = MORE_PARAMS.score(found.best.outcome) if found.best else None
    assert score == (expected and expected[0])


def test_a_search_beyond_the_budget_says_so() -> None:
    def evaluate(at: Mapping[str, Any]) -> Outcome:
        params = at["a"] * at["b"] * at["c"]
        return Outcome({"params": params}, excess=max(0.0, params / 10**6 - 1))

    found = solve([Unknown(name, 1, 500) for name in "abc"], evaluate, MORE_PARAMS, budget=400)
    assert found.method == "refined"
    assert found.best is not None
    assert 8 * 10**5 <= found.best.outcome.figures["params"] <= 10**6  # type: ignore[operator]
    assert found.tried < 500


# On specs

TEXT = """net W(width = 32, depth = 3, groups = 1)
input 3x16x16
conv3-(width) pad=1 act=relu
conv3-(2 * width) groups=groups pad=1 act=relu x(depth)
gap
FC-10
expect params == 1
"""


def test_a_sweep_has_the_totals_of_each_network() -> None:
    found = sweep_spec(TEXT, {"width": [8, 9, 32], "groups": (1, 3)}, figures=("params", "rf"), depth=2)
    assert len(found.points) == 6
    for point in found.points:
        values = {**point.values, "depth": 2}
        if point.outcome.valid:
            model = netspec.check(TEXT, values).graph
            assert model is not None
            assert point.outcome.figures["params"] == sum(n.n_params for n in model.nodes)
        else:
            assert values["groups"] == 3
            assert "divided into 3 groups (line 4)" in point.outcome.reason
    assert [row["note"] != "" for row in found.rows()] == [False, True, False, False, False, True]
    assert found.rows()[0]["receptive_field"] == (16, 16)


def test_the_condition_of_a_sweep_leaves_points_out() -> None:
    found = sweep_spec(TEXT, {"width": range(4, 40, 4)}, where="params <= 20K and rf == 7 or params < 3K")
    for point in found.points:
        params = point.outcome.figures["params"]
        assert isinstance(params, int)
        assert point.outcome.kept == (params < 3000)
    assert len(found.rows()) == sum(point.outcome.kept for point in found.points) > 0
    with pytest.raises(SpecError, match="there is no quantity `parms`"):
        sweep_spec(TEXT, {"width": [4]}, where="parms < 3")


@pytest.mark.parametrize("target", ["params <= 50K", "macs < 10M", "params <= 100K and memory < 300K"])
def test_a_solution_on_a_spec_is_the_largest(target: str) -> None:
    found = solve_spec(TEXT, target, {"width": range(1, 400)}, depth=2)
    kept = [
        w
        for w in range(1, 60)
        if not netspec.check(TEXT.rpartition("expect")[0], width=w, depth=2, expect=target).diagnostics
    ]
    assert found.values == {"width": max(kept)}
    assert max(kept) < 59
    unbounded = solve_spec(TEXT, target, {"width": None}, depth=2)
    assert unbounded.values == found.values
    assert unbounded.solution.next is not None
    assert unbounded.solution.next.values == {"width": max(kept) + 1}


def test_several_unknowns_maximize_the_figure_of_the_condition() -> None:
    found = solve_spec(TEXT, "params <= 20K", {"width": range(1, 60), "depth": range(1, 5)})
    best = max(
        (p.outcome.figures["params"], tuple(p.values.values()))
        for p in sweep_spec(TEXT, {"width": range(1, 60), "depth": range(1, 5)}, where="params <= 20K").points
        if p.outcome.kept
    )
    assert found.figure("params") == best[0]
    assert str(found.goal) == "most params"


def test_a_choice_is_an_unknown_too() -> None:
    text = "net N(kernel = 3)\ninput 3x16x16\nconv(kernel)-8\nrelu"
    assert solve_spec(text, "rf <= 6", {"kernel": [3, 5, 7]}).values == {"kernel": 5}


def test_nothing_fits_and_the_nearest_is_named() -> None:
    found = solve_spec(TEXT, "params <= 5", {"width": range(1, 30)})
    assert found.values is None
    assert found.solution.nearest is not None
    assert found.solution.nearest.values == {"width": 1}
    assert "nothing fits params &lt;= 5" in found._repr_html_()


def test_open_sizes_are_224_unless_given() -> None:
    text = "net N(w = 8)\ninput 3xHxW\nconv3-(w)\nflatten\nFC-2"
    (point,) = sweep_spec(text, {"w": [4]}, figures=["activations"]).points
    assert point.outcome.figures["activations"] == 3 * 224**2 + 2 * 4 * 222**2 + 2
    assert solve_spec("net N(w = 8)\ninput 3xHxW\nconv3-(w)", "params < 500", {"w": None}).values == {"w": 17}


def test_networks_too_large_to_try_many_of_are_searched_coarsely() -> None:
    def evaluate(values: Mapping[str, Any]) -> Outcome:
        return Outcome({"params": values["n"]}, excess=max(0, values["n"] - 90_000), layers=values["n"])

    found = solve([Unknown("n")], evaluate)
    assert found.method == "refined"
    assert found.best is not None
    assert 32_768 <= found.best.values["n"] <= 90_000
