"""Alignments against an exhaustive search, and within the work that they are given."""

from __future__ import annotations

from functools import cache

from conftest import explored
from hypothesis import given
from hypothesis import strategies as st

from netspec.analysis.alignment import Costs, Pair, Work, aligned
from netspec.analysis.runs import runs

# Items are words: equal words cost nothing, words with one first letter correspond, others do not.
WORDS = st.lists(st.sampled_from(["a1", "a2", "b1", "b2", "c"]), max_size=9)


def change(a: str, b: str) -> int | None:
    return 2 if a[0] == b[0] else None


COSTS: Costs[str] = Costs(key=lambda word: word, whole=lambda word: 2 + len(word), change=change)


def least(a: tuple[str, ...], b: tuple[str, ...]) -> int:
    """The least cost by trying everything."""

    @cache
    def rest(i: int, j: int) -> int:
        if i == len(a) or j == len(b):
            return sum(COSTS.whole(x) for x in (*a[i:], *b[j:]))
        found = [COSTS.whole(a[i]) + rest(i + 1, j), COSTS.whole(b[j]) + rest(i, j + 1)]
        cost = 0 if a[i] == b[j] else change(a[i], b[j])
        return min(found if cost is None else [*found, cost + rest(i + 1, j + 1)])

    return rest(0, 0)


def cost(a: list[str], b: list[str], pairs: list[Pair]) -> int:
    total = 0
    for i, j in pairs:
        if i is not None and j is not None:
            changed = 0 if a[i] == b[j] else change(a[i], b[j])
            assert changed is not None, "these cannot correspond"
            total += changed
        else:
            total += COSTS.whole(a[i]) if i is not None else COSTS.whole(b[j or 0])
    return total


def is_an_alignment(a: list[str], b: list[str], pairs: list[Pair]) -> bool:
    return [i for i, _ in pairs if i is not None] == list(range(len(a))) and [
        j for _, j in pairs if j is not None
    ] == list(range(len(b)))


@explored(400)
@given(WORDS, WORDS)
def test_the_alignment_is_of_least_cost(a: list[str], b: list[str]) -> None:
    pairs = aligned(a, b, COSTS, Work())
    assert is_an_alignment(a, b, pairs)
    assert cost(a, b, pairs) == least(tuple(a), tuple(b))


@explored(300)
@given(st.lists(WORDS, max_size=3), st.lists(WORDS, max_size=3), st.integers(0, 30), st.integers(1, 8))
def test_without_work_for_it_the_alignment_is_still_one(
    a: list[list[str]], b: list[list[str]], work: int, times: int
) -> None:
    first, second = ([word for words in side for word in words * times] for side in (a, b))
    pairs = aligned(first, second, COSTS, Work(work))
    assert is_an_alignment(first, second, pairs)
    cost(first, second, pairs)
    assert all(x is None or y is None for x, y in aligned(["a1"] * 20, ["c"] * 30, COSTS, Work(0)))


def test_repetitions_beyond_the_work_correspond_round_by_round() -> None:
    a, b = ["a1", "b1", "c"] * 4000, ["a2", "b1", "c"] * 3000
    pairs = aligned(a, b, COSTS, Work(5000))
    assert is_an_alignment(a, b, pairs)
    assert cost(a, b, pairs) == 3000 * 2 + 1000 * (4 + 4 + 3)


def test_a_few_edits_in_a_long_sequence_are_found() -> None:
    a = [f"a{i % 97}" for i in range(9000)]
    b = [*a[:2000], "c", *a[2000:5000], *a[5003:]]
    pairs = aligned(a, b, COSTS, Work(100_000))
    assert [pair for pair in pairs if None in pair] == [(None, 2000), (5000, None), (5001, None), (5002, None)]


def test_of_equal_alignments_the_one_with_the_first_items_is_taken() -> None:
    assert aligned(["a1", "b1"], ["a1", "b1", "a1", "b1"], COSTS, Work()) == [(0, 0), (1, 1), (None, 2), (None, 3)]
    assert aligned(["a1", "b1", "a1", "b1"], ["a1", "b1"], COSTS, Work()) == [(0, 0), (1, 1), (2, None), (3, None)]


@explored(300)
@given(st.lists(st.sampled_from("ab"), max_size=30))
def test_runs_spell_the_sequence(keys: list[str]) -> None:
    found = runs(keys)
    assert [key for run in found for key in keys[run.start : run.start + run.length] * run.times] == keys
    assert [run.start for run in found] == [0, *(run.end for run in found)][:-1] if found else not keys


def test_runs_take_the_unit_that_repeats_over_the_most() -> None:
    assert runs("aababab") == [(0, 1, 2), (2, 2, 2), (6, 1, 1)]
    assert runs("abcabcabcd") == [(0, 3, 3), (9, 1, 1)]
    assert runs("aaaa") == [(0, 1, 4)]
