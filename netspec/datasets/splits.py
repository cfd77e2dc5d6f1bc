"""Splits into training, validation and test examples.

Every example has a key, a hash of its name or number. In each class, the examples with the lowest keys form the test set,
the next ones the validation set, and the rest the training set. The split does not depend on the seed of a run, so no run
trains on the test examples of another; and adding or removing examples moves only a few others.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from netspec.datasets.pools import LEFT_OUT, TEST, TRAIN, VALIDATION
from netspec.diagnostics import SpecError

if TYPE_CHECKING:
    import numpy as np

    from netspec.datasets.examples import DataOptions

__all__ = ["check_shares", "keys_of_names", "keys_of_numbers", "split"]


def keys_of_numbers(count: int) -> np.ndarray[Any, Any]:
    """A key for each number from 0: splitmix64 (Steele, Lea & Flood 2014), which is one-to-one."""
    import numpy as np

    z = np.arange(1, count + 1, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15)
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return z ^ (z >> np.uint64(31))


def keys_of_names(names: Sequence[str]) -> np.ndarray[Any, Any]:
    """A key for each name, identical on every machine."""
    import numpy as np

    digests = (hashlib.blake2b(n.encode("utf-8", "surrogateescape"), digest_size=8).digest() for n in names)
    return np.fromiter((int.from_bytes(d, "little") for d in digests), np.uint64, len(names))  # no list of a million


TEST_SHARE = 0.2
"""Of data that has no parts: of a training set that someone has already split off, nothing more is taken for testing."""


def check_shares(options: DataOptions, test: float = TEST_SHARE) -> None:
    """Raises SpecError (NS604) if no split is possible with these options; `test` is the share if they give none."""
    test = test if options.test is None else options.test
    for name, share in (("validation", options.validation), ("test", test)):
        if not 0 <= share < 1:
            raise SpecError.of("NS604", f"the fraction of {name} examples cannot be {share:g}", helps=["use a fraction of at least 0 and less than 1, such as 0.1"])  # fmt: skip
    if options.validation + test >= 1:
        raise SpecError.of(
            "NS604",
            "validation and test leave no examples to train on",
            notes=[f"their fractions are {options.validation:g} and {test:g}"],
            helps=["use smaller fractions, such as 0.1 and 0.2"],
        )
    if options.folds == 0:
        return
    if options.folds < 2:
        raise SpecError.of(
            "NS604", f"cross-validation needs at least 2 folds, found {options.folds}", helps=["use 5 or 10 folds"]
        )
    if not 0 <= options.fold < options.folds:
        raise SpecError.of(
            "NS604", f"fold {options.fold} does not exist", notes=[f"folds are numbered 0 to {options.folds - 1}"]
        )


def split(
    part: np.ndarray[Any, Any], labels: np.ndarray[Any, Any] | None, keys: np.ndarray[Any, Any], options: DataOptions
) -> np.ndarray[Any, Any]:
    """The split of every example: `part` if the data has splits, otherwise by the fractions of `options`.

    Stratified by `labels`. Each class keeps at least one example to train on. Raises SpecError (NS604).
    """
    import numpy as np

    part = part.astype(np.int8)
    has_test, has_validation = bool((part == TEST).any()), bool((part == VALIDATION).any())
    usual = 0.0 if has_test or has_validation else TEST_SHARE
    check_shares(options, usual)
    strata = np.zeros(len(part), dtype=np.int64) if labels is None else np.unique(labels, return_inverse=True)[1]
    open_rows = np.flatnonzero(part == TRAIN)
    ranked = open_rows[np.lexsort((open_rows, keys[open_rows], strata[open_rows]))]
    counts = np.bincount(strata[open_rows], minlength=int(strata.max(initial=0)) + 1)
    rank = np.arange(len(ranked)) - np.repeat(np.cumsum(counts) - counts, counts)
    tests = counts * 0 if has_test else _quotas(counts, counts, usual if options.test is None else options.test)
    part[ranked[rank < tests[strata[ranked]]]] = TEST
    if options.folds:
        return _one_fold(part, strata, keys, options)
    if not has_validation:
        more = tests + _quotas(counts, counts - tests, options.validation)
        part[ranked[(rank >= tests[strata[ranked]]) & (rank < more[strata[ranked]])]] = VALIDATION
    return part


def _quotas(counts: np.ndarray[Any, Any], left: np.ndarray[Any, Any], share: float) -> np.ndarray[Any, Any]:
    """The number of examples taken from each class: its share, rounded up or down so that the total is right. A class keeps
    at least one of the `left`."""
    import numpy as np

    if share == 0:
        return counts * 0
    total = max(1, round(int(counts.sum()) * share))
    most = np.maximum(left - 1, 0)
    exact = counts * share
    whole = np.floor(exact + 1e-9)  # 0.29 times 100 is 29
    quotas: np.ndarray[Any, Any] = np.minimum(whole.astype(np.int64), most)
    order = np.argsort(whole - exact, kind="stable")
    may = (quotas < most) & (exact - whole > 1e-9)
    for stratum in order[may[order]][: max(0, total - int(quotas.sum()))]:
        quotas[stratum] += 1
    return quotas


def _one_fold(
    part: np.ndarray[Any, Any], strata: np.ndarray[Any, Any], keys: np.ndarray[Any, Any], options: DataOptions
) -> np.ndarray[Any, Any]:
    """Deals all examples except test and skipped ones to the folds in turn, class by class."""
    import numpy as np

    rows = np.flatnonzero((part != TEST) & (part != LEFT_OUT))
    if len(rows) < options.folds:
        raise SpecError.of("NS604", f"{len(rows)} examples are not enough for {options.folds} folds")
    dealt = rows[np.lexsort((rows, keys[rows], strata[rows]))]
    part[dealt] = TRAIN
    part[dealt[np.arange(len(dealt)) % options.folds == options.fold]] = VALIDATION
    return part
