"""Where lines of different tensors turn."""

from __future__ import annotations

from netspec.scene.lanes import Way, in_lanes


def test_turns_of_different_tensors_stand_side_by_side_without_a_crossing() -> None:
    """One comes down to where the other leaves upwards: that one turns first."""
    down = Way("a", "below", ((0, 0), (10, 0), (22, 100), (30, 100)))
    up = Way("b", "above", ((0, 100), (10, 100), (22, 50), (30, 50)))
    (_, _, (x, _), *_), (_, _, (before, _), *_) = in_lanes([down, up])
    assert (before, x) == (14.0, 18.0)


def test_one_tensor_turns_once_and_so_do_those_that_meet_in_one_target() -> None:
    fork = [Way("a", f"branch {y}", ((0, 0), (10, 0), (20, y), (30, y))) for y in (-50.0, 50.0)]
    join = [Way(y, "sum", ((0, y), (10, y), (20, 0), (30, 0))) for y in (-50.0, 50.0)]
    for ways in (fork, join):
        assert [points[2][0] for points in in_lanes(ways)] == [15.0, 15.0]


def test_turns_that_do_not_meet_are_half_way() -> None:
    ways = [Way(y, y, ((0, y), (10, y + 40))) for y in (0.0, 100.0)]
    assert list(in_lanes(ways)) == [[(0, y), (5, y), (5, y + 40), (10, y + 40)] for y in (0.0, 100.0)]
