"""Training, validation and test examples: apart, stratified, the same in every run."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from written import words

from netspec.datasets import DataOptions
from netspec.datasets.pools import LEFT_OUT, TEST, TRAIN, VALIDATION
from netspec.datasets.splits import keys_of_names, keys_of_numbers, split
from netspec.diagnostics import SpecError

LABELS = st.lists(st.integers(0, 5), min_size=1, max_size=200).map(np.array)
SHARES = st.sampled_from([0.0, 0.05, 0.1, 0.2, 0.3, 0.45])


def parts_of(labels: np.ndarray[Any, Any], **options: Any) -> np.ndarray[Any, Any]:
    count = len(labels)
    return split(np.zeros(count, np.int8), labels, keys_of_numbers(count), DataOptions(**options))


@given(LABELS, SHARES, SHARES)
@settings(deadline=None)
def test_shares_are_kept_in_all_and_in_every_class(labels: Any, validation: float, test: float) -> None:
    part = parts_of(labels, validation=validation, test=test)
    assert set(part.tolist()) <= {TRAIN, VALIDATION, TEST}
    for label in np.unique(labels):
        mine = part[labels == label]
        assert (mine == TRAIN).any(), "a class that is never trained on"
        assert (mine == TEST).sum() <= np.ceil(len(mine) * test - 1e-9)
        assert (mine == VALIDATION).sum() <= np.ceil(len(mine) * validation - 1e-9)
        if len(mine) >= 20:
            assert abs((mine == TEST).sum() - len(mine) * test) <= 1
            assert abs((mine == VALIDATION).sum() - len(mine) * validation) <= 1
    assert (part == TEST).sum() <= max(1, round(len(labels) * test))
    if test == 0:
        assert not (part == TEST).any()


@given(LABELS, st.integers(2, 6), SHARES)
@settings(deadline=None)
def test_folds_are_a_partition_of_what_is_not_tested(labels: Any, folds: int, test: float) -> None:
    whole = parts_of(labels, test=test, validation=0.1)
    if (whole != TEST).sum() < folds:
        return
    parts = [parts_of(labels, folds=folds, fold=i, test=test) for i in range(folds)]
    validated = sum((p == VALIDATION).astype(int) for p in parts)
    assert all(((p == TEST) == (whole == TEST)).all() for p in parts), "the test set depends on the fold"
    assert (validated == (whole != TEST)).all()
    sizes = [int((p == VALIDATION).sum()) for p in parts]
    assert max(sizes) - min(sizes) <= 1
    for label in np.unique(labels):
        each = [int(((p == VALIDATION) & (labels == label)).sum()) for p in parts]
        assert max(each) - min(each) <= 1


@given(LABELS, st.data())
@settings(deadline=None)
def test_parts_that_the_data_has_are_kept(labels: Any, data: Any) -> None:
    given_part = np.array(
        data.draw(
            st.lists(st.sampled_from([LEFT_OUT, TRAIN, VALIDATION, TEST]), min_size=len(labels), max_size=len(labels))
        )
    )
    part = split(given_part, labels, keys_of_numbers(len(labels)), DataOptions())
    fixed = given_part != TRAIN
    assert (part[fixed] == given_part[fixed]).all()
    if (given_part == TEST).any():
        assert ((part == TEST) == (given_part == TEST)).all()
    if (given_part == VALIDATION).any():
        assert ((part == VALIDATION) == (given_part == VALIDATION)).all()


def test_nothing_of_a_training_set_that_was_split_off_is_tested_on() -> None:
    for other in (VALIDATION, TEST):
        given_part = np.repeat(np.array([TRAIN, other], np.int8), (100, 20))
        part = split(given_part, np.arange(120) % 3, keys_of_numbers(120), DataOptions())
        assert (part == TEST).sum() == (given_part == TEST).sum()
        assert (part[:100] == VALIDATION).sum() == (0 if other == VALIDATION else 10)
    asked = split(given_part, None, keys_of_numbers(120), DataOptions(test=0.2))
    assert (asked == TEST).sum() == 20, "the test part is there"
    given_part[100:] = VALIDATION
    asked = split(given_part, None, keys_of_numbers(120), DataOptions(test=0.2))
    assert (asked[:100] == TEST).sum() == 20, "asked for"


def test_the_test_set_does_not_depend_on_how_much_validates() -> None:
    labels = np.arange(500) % 7
    tests = [parts_of(labels, validation=v) == TEST for v in (0.0, 0.1, 0.3)]
    assert all((t == tests[0]).all() for t in tests)
    assert tests[0].sum() == 100


def test_a_file_more_moves_hardly_any_other_file() -> None:
    names = [f"cat/{i}.png" for i in range(400)]
    whole = split(np.zeros(400, np.int8), None, keys_of_names(names), DataOptions())
    fewer = split(np.zeros(399, np.int8), None, keys_of_names(names[1:]), DataOptions())
    assert (whole[1:] != fewer).sum() <= 2


def test_keys_are_those_of_every_release() -> None:
    assert keys_of_numbers(2).tolist() == [0xE220A8397B1DCDAF, 0x6E789E6AA1B965F4]  # splitmix64's first, from seed 0
    assert len(set(keys_of_numbers(100_000).tolist())) == 100_000
    assert keys_of_names(["a"]).tolist() == [
        int.from_bytes(__import__("hashlib").blake2b(b"a", digest_size=8).digest(), "little")
    ]
    assert len(keys_of_names(["\udcff"])) == 1  # a name that is no UTF-8


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"test": 1.0}, "the fraction of test examples cannot be 1"),
        ({"validation": -0.1}, "the fraction of validation examples cannot be -0.1"),
        ({"validation": float("nan")}, "the fraction of validation"),
        ({"validation": 0.6, "test": 0.4}, "leave no examples to train on"),
        ({"folds": 1}, "cross-validation needs at least 2 folds"),
        ({"folds": 5, "fold": 5}, "fold 5 does not exist"),
        ({"folds": 100}, "are not enough for 100 folds"),
    ],
)
def test_a_split_that_cannot_be_made(options: dict[str, Any], said: str) -> None:
    with pytest.raises(SpecError, match="NS604") as caught:
        parts_of(np.zeros(10, dtype=int), **options)
    assert said in words(caught.value)
