"""Forms of open sizes and the sets that they decide, against plain arithmetic on every size."""

from __future__ import annotations

import random
from typing import Any

import pytest

from netspec.analysis.sizes.boxes import Box, everything, narrowed, without
from netspec.analysis.sizes.periodic import ALL, NONE, PeriodicSet
from netspec.analysis.sizes.solutions import negative, zero
from netspec.analysis.sizes.wording import set_text
from netspec.ops.open_size import OpenSize, deciding, form_of
from netspec.ops.size_forms import open_name, value_at


def _height(value: int = 37) -> Any:
    return OpenSize(value, open_name("H"))


def _expression(rnd: random.Random, depth: int, size: Any) -> Any:
    """Some arithmetic of shape rules on a size."""
    if depth == 0:
        return rnd.choice([size, rnd.randint(-5, 9)])
    one = _expression(rnd, depth - 1, size)
    kind = rnd.randrange(6)
    if kind == 0:
        return one + _expression(rnd, depth - 1, size)
    if kind == 1:
        return one - _expression(rnd, depth - 1, size)
    if kind == 2:
        return one * rnd.randint(-4, 4)
    if kind == 3 and depth < 3:
        return one * _expression(rnd, depth - 1, size)
    return one // rnd.choice([1, 2, 3, 4, 6, 8, -2])


@pytest.mark.parametrize("seed", range(40))
def test_a_form_has_the_value_of_the_arithmetic_for_every_size(seed: int) -> None:
    form = form_of(_expression(random.Random(seed), 4, _height()))
    for size in (1, 2, 3, 17, 37, 100, 1001):
        assert value_at(form, {"H": size}) == _expression(random.Random(seed), 4, size)


@pytest.mark.parametrize("seed", range(40))
def test_the_signs_of_a_form_are_known_for_every_size(seed: int) -> None:
    form = form_of(_expression(random.Random(seed), 4, _height()) - seed % 7 + 0 * _height())
    if not any(atoms for atoms, _ in form.terms):
        form = form_of(_height() // 3 - seed)
    below, none = negative(form), zero(form)
    for size in range(1, 200):
        value = value_at(form, {"H": size})
        assert (size in below, size in none) == (value < 0, value == 0)


@pytest.mark.parametrize(
    ("rule", "text"),
    [
        (lambda h: (h - 3) // 2 + 1, "⌊(H - 1)/2⌋"),
        (lambda h: (h + 4 - 11) // 4 + 1, "⌊(H - 3)/4⌋"),
        (lambda h: ((h - 3) // 4 - 3) // 2 + 1, "⌊(H - 7)/8⌋"),
        (lambda h: -(-h // 2), "⌈H/2⌉"),
        (lambda h: ((h + 1) // 2 + 1) // 2, "⌈H/4⌉"),
        (lambda h: 2 * (h // 2) // 2, "⌊H/2⌋"),
        (lambda h: (h // 2) * 2, "2⌊H/2⌋"),
        (lambda h: 2 * h - 3, "(2H - 3)"),
        (lambda h: h - h % 4, "4⌊H/4⌋"),
        (lambda h: h * h, "H²"),
    ],
)
def test_forms_are_written_as_mathematics_writes_them(rule: Any, text: str) -> None:
    assert str(rule(_height())) == text


def test_comparisons_are_noted_with_their_outcome() -> None:
    height = _height(32)
    with deciding() as decisions:
        assert height // 2 >= 3
        assert height % 4 == 0
    box = narrowed(everything(["H"]), decisions)
    assert [size for size in range(1, 30) if size in box.along("H")] == [8, 12, 16, 20, 24, 28]


def test_what_becomes_a_plain_number_pins_its_size() -> None:
    with deciding() as decisions:
        assert int(_height(33) // 2) == 16
    assert list(narrowed(everything(["H"]), decisions).along("H").up_to(100)) == [32, 33]


def _random_set(rnd: random.Random) -> PeriodicSet:
    start, period = rnd.randint(1, 9), rnd.randint(1, 9)
    found = PeriodicSet(start, period, rnd.getrandbits(start + period) & ~1)
    return found & ALL


@pytest.mark.parametrize("seed", range(60))
def test_sets_are_sets(seed: int) -> None:
    rnd = random.Random(seed)
    one, other = _random_set(rnd), _random_set(rnd)
    mine, theirs = ({size for size in range(1, 300) if size in found} for found in (one, other))
    sizes = set(range(1, 300))
    for found, expected in (
        (one & other, mine & theirs), (one | other, mine | theirs), (one - other, mine - theirs), (~one, sizes - mine),
    ):  # fmt: skip
        assert {size for size in sizes if size in found} == expected
    assert (one == other) == (mine == theirs)
    assert one.empty == (not mine)
    assert one.empty or one.first == min(mine)


@pytest.mark.parametrize("seed", range(30))
def test_boxes_are_taken_out_of_boxes(seed: int) -> None:
    rnd = random.Random(seed)
    one, other = (Box((("H", _random_set(rnd)), ("W", _random_set(rnd)))) for _ in range(2))
    pieces = without(one, other)
    for h in range(1, 40):
        for w in range(1, 40):
            sizes = {"H": h, "W": w}
            inside = [piece for piece in pieces if sizes in piece]
            assert len(inside) == (sizes in one and sizes not in other)


def test_a_relation_between_axes_is_kept() -> None:
    height, width = OpenSize(8, open_name("H")), OpenSize(8, open_name("W"))
    with deciding() as decisions:
        assert height // 2 == width - 4
    box = narrowed(everything(["H", "W"]), decisions)
    assert {"H": 13, "W": 10} in box
    assert {"H": 13, "W": 11} not in box
    (rest,) = without(everything(["H", "W"]), box)
    assert {"H": 13, "W": 11} in rest


@pytest.mark.parametrize(
    ("sizes", "text"),
    [
        (ALL, "any size"),
        (NONE, "no size"),
        (negative(form_of(31 - _height())), "32 or more"),
        (zero(form_of(_height() % 32)), "multiples of 32 from 32"),
        (zero(form_of(_height() % 2)), "even sizes from 2"),
        (zero(form_of(_height() % 2 - 1)), "odd sizes from 1"),
        (zero(form_of(_height() % 96 - 11)), "96k + 11"),
        (zero(form_of(_height() // 16 - 36)), "576 to 591"),
        (zero(form_of(_height() // 8 % 2)), "16k to 16k + 7"),
        (~zero(form_of(_height() % 8)), "1 or more except 8k"),
        (negative(form_of(_height() - 4)) | negative(form_of(31 - _height())), "1 to 3, and 32 or more"),
    ],
)
def test_sets_are_told_in_words(sizes: PeriodicSet, text: str) -> None:
    assert set_text(sizes) == text
