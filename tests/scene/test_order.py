"""The order of a level: every line goes on from rank to rank, one tensor has one chain, and few lines cross."""

from __future__ import annotations

from itertools import pairwise, permutations

from hypothesis import given
from hypothesis import strategies as st

from netspec.scene.order import Ordered, ordered


@st.composite
def levels(draw: st.DrawFn) -> tuple[int, list[tuple[int, int, int]]]:
    count = draw(st.integers(2, 9))
    pairs = [(a, b) for a in range(count) for b in range(a + 1, count)]
    chosen = draw(st.lists(st.sampled_from(pairs), min_size=1, max_size=14, unique=True))
    return count, [(a, b, a) for a, b in sorted(chosen)]


def crossings(plan: Ordered, rows: tuple[tuple[int, ...], ...]) -> int:
    rank = {item: r for r, row in enumerate(rows) for item in row}
    place = {item: k for row in rows for k, item in enumerate(row)}
    total = 0
    for i, (a, b) in enumerate(plan.links):
        for c, d in plan.links[i + 1 :]:
            total += rank[a] == rank[c] and (place[a] - place[c]) * (place[b] - place[d]) < 0
    return total


@given(levels())
def test_lines_go_from_rank_to_rank(level: tuple[int, list[tuple[int, int, int]]]) -> None:
    count, edges = level
    plan = ordered(count, edges)
    rank = {item: r for r, row in enumerate(plan.ranks) for item in row}
    assert sorted(rank) == list(range(plan.total))
    assert set(range(count)) <= set(rank)
    for (a, b, _), path in zip(edges, plan.paths, strict=True):
        assert (path[0], path[-1]) == (a, b)
        assert [rank[i] for i in path] == list(range(rank[a], rank[b] + 1))
        assert all(i >= count for i in path[1:-1])
        assert set(pairwise(path)) <= set(plan.links)


@given(levels())
def test_a_tensor_has_one_chain(level: tuple[int, list[tuple[int, int, int]]]) -> None:
    count, edges = level
    plan = ordered(count, edges)
    longest: dict[int, int] = {}
    rank = {item: r for r, row in enumerate(plan.ranks) for item in row}
    for a, b, tensor in edges:
        longest[tensor] = max(longest.get(tensor, 0), rank[b] - rank[a] - 1)
    assert plan.total - count == sum(longest.values())


def test_two_crossing_lines_are_untangled() -> None:
    plan = ordered(4, [(0, 3, 0), (1, 2, 1)])
    assert crossings(plan, plan.ranks) == 0


def test_lines_come_in_the_order_of_the_ports_of_an_open_item() -> None:
    for ports, row in (((0, 1), (0, 1)), ((1, 0), (1, 0))):
        assert ordered(3, [(0, 2, 0), (1, 2, 1)], ports=[((), ()), ((), ()), (ports, ())]).ranks[0] == row


def test_a_skip_stands_on_the_side_where_it_crosses_nothing() -> None:
    """WaveNet: the sum at the start reads the skip and one of two convolutions; what follows reads the sum and the other."""
    plan = ordered(6, [(0, 1, 0), (1, 2, 1), (1, 3, 1), (0, 4, 0), (2, 4, 2), (3, 5, 3), (4, 5, 4)])
    assert crossings(plan, plan.ranks) == 0


def test_no_order_of_a_small_level_is_much_better() -> None:
    edges = [(0, 3, 0), (0, 4, 0), (1, 3, 1), (1, 5, 1), (2, 4, 2), (2, 5, 2)]
    plan = ordered(6, edges)
    best = min(crossings(plan, (a, b)) for a in permutations((0, 1, 2)) for b in permutations((3, 4, 5)))
    assert crossings(plan, plan.ranks) == best


def test_entries_stand_first_and_exits_last() -> None:
    plan = ordered(4, [(2, 0, 0), (0, 1, 1), (1, 3, 2), (2, 3, 0)], first=[2], last=[3])
    assert plan.ranks[0] == (2,)
    assert plan.ranks[-1] == (3,)


def test_long_items_stand_in_one_rank_where_both_have_room() -> None:
    towers = [(0, 1, 0), (1, 2, 1), (2, 3, 2), (4, 5, 4), (5, 6, 5), (3, 7, 3), (6, 7, 6)]
    rank = {item: r for r, row in enumerate(ordered(8, towers, lengths=(1, 1, 9, 1, 1, 7, 1, 1)).ranks) for item in row}
    assert [rank[i] for i in (2, 5, 6, 7)] == [2, 2, 3, 4]
    tight = [*towers, (6, 3, 6)]
    rank = {item: r for r, row in enumerate(ordered(8, tight, lengths=(1, 1, 9, 1, 1, 7, 1, 1)).ranks) for item in row}
    assert [rank[i] for i in (2, 5)] == [2, 1]
