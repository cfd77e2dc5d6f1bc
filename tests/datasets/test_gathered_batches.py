"""Small batches of arrays are gathered several at once: the same batches, read in fewer pieces of bounded size."""

from __future__ import annotations

from itertools import cycle, islice
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from written import classes, opened, pictures

from netspec.datasets import Batch, Collection, batches
from netspec.graph import TensorType

_SIDE = TensorType("map", (1, 8, 8))


def tables(folder: Path, width: int) -> Collection:
    """500 rows of numbers, on which nothing has to be copied to be multiplied."""
    random = np.random.RandomState(0)
    np.savez(folder / "rows.npz", x=random.randn(500, width).astype(np.float32), y=random.randint(0, 3, 500))
    return opened(folder / "rows.npz", TensorType("vector", (width,)), classes(3), validation=0, test=0)


def sizes_read(found: Collection, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Fills up with the number of examples of each read."""
    read: list[int] = []
    batch = type(found.train).batch

    def counting(self: Any, indices: Any, cut: Any = None) -> Batch:
        read.append(len(indices))
        return batch(self, indices, cut)

    monkeypatch.setattr(type(found.train), "batch", counting)
    return read


@pytest.mark.parametrize("width", [13, 16])
def test_batches_are_those_that_are_read_one_by_one(
    tmp_path: Path, width: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = tables(tmp_path, width)
    order = np.random.RandomState(1).permutation(500)
    plan: list[Any] = [*np.array_split(order, 17), range(3), [7], []]
    alone = [found.train.batch(indices) for indices in plan]
    read = sizes_read(found, monkeypatch)
    together = list(batches(found.train, plan))
    assert len(read) < len(plan) // 4
    for one, other in zip(alone, together, strict=True):
        assert torch.equal(one.inputs["input"], other.inputs["input"])
        assert torch.equal(one.target, other.target)
        assert other.inputs["input"].data_ptr() % 64 == 0 or not len(other.target)


def test_what_is_gathered_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    found = opened("digits", _SIDE, validation=0, test=0)
    read = sizes_read(found, monkeypatch)
    endless = batches(found.train, cycle([range(100), range(50, 150)]))
    assert len(list(islice(endless, 300))) == 300
    assert 64 * max(read) <= 1 << 18
    assert len(read) <= 20


def test_large_batches_are_read_one_by_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    np.savez(tmp_path / "large.npz", x=pictures(64, 3, 64, 64), y=np.arange(64) % 10)
    found = opened(tmp_path / "large.npz", TensorType("map", (3, 64, 64)), validation=0, test=0)
    read = sizes_read(found, monkeypatch)
    list(batches(found.train, np.arange(64).reshape(4, 16)))
    assert read == [16] * 4
