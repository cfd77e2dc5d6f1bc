"""Large arrays stay on disk: the same examples as from memory, whoever reads them."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from written import COLOR, GRAY, every, opened, pictures, refused

from netspec.datasets import arrays as array_files
from netspec.datasets.stored_pool import StoredPool
from netspec.graph import TensorType
from netspec.reading import pieces

X, Y = pictures(60, 3, 8, 8), np.arange(60) % 10


@pytest.fixture
def on_disk(monkeypatch: Any) -> None:
    monkeypatch.setattr(array_files, "LARGE", 1)


def write(folder: Path, **arrays: np.ndarray[Any, Any]) -> Path:
    folder.mkdir()
    for name, array in arrays.items():
        np.save(folder / f"{name}.npy", array)
    return folder


@pytest.mark.parametrize(
    ("x", "kind", "options"),
    [
        (X, COLOR, {}),
        (X.transpose(0, 2, 3, 1).copy(), COLOR, {}),
        (X[:, 0], GRAY, {}),
        (X, TensorType("map", (3, 5, 6)), {"resize": True}),
        (X, TensorType("map", (1, 8, 8)), {"resize": True}),
        (np.asfortranarray(X), COLOR, {}),
        (X.astype(np.float64) / 7, COLOR, {}),
        (X[:, 0, 0], TensorType("ids", (8,)), {}),
    ],
    ids=["bytes", "channels last", "gray", "scaled", "to gray", "columns first", "float64", "ids"],
)
def test_the_same_examples_as_from_memory(tmp_path: Path, monkeypatch: Any, x: Any, kind: Any, options: Any) -> None:
    folder = write(tmp_path / "a", x=x, y=Y)
    np.savez(tmp_path / "a.npz", x=x, y=Y)
    memory = opened(folder, kind, **options)
    monkeypatch.setattr(array_files, "LARGE", 1)
    for where in (folder, tmp_path / "a.npz"):
        found = opened(where, kind, **options)
        assert isinstance(found.train._pool, StoredPool) == (not x.flags.f_contiguous)  # type: ignore[attr-defined]
        for one, two in zip(
            (memory.train, memory.validation, memory.test), (found.train, found.validation, found.test), strict=True
        ):
            assert torch.equal(every(one).inputs["input"], every(two).inputs["input"])
            assert every(one).inputs["input"].dtype == every(two).inputs["input"].dtype
            assert torch.equal(every(one).target, every(two).target)
        rows = [3, 30, 4, 5, 0, 29]
        assert torch.equal(found.train.batch(rows).inputs["input"], memory.train.batch(rows).inputs["input"])


@pytest.mark.usefixtures("on_disk")
def test_splits_names_of_inputs_and_classes(tmp_path: Path) -> None:
    folder = write(
        tmp_path / "a", input_train=X[:40], y_train=Y[:40], input_test=X[40:], y_test=Y[40:], classes=np.array([*"abcdefghij"])
    )  # fmt: skip
    found = opened(folder, COLOR, validation=0.0)
    assert (len(found.train), len(found.test), found.classes) == (40, 20, tuple("abcdefghij"))  # type: ignore[arg-type]
    assert torch.equal(every(found.test).inputs["input"], torch.from_numpy(X[40:]))


@pytest.mark.usefixtures("on_disk")
def test_what_is_pickled_is_the_place_and_not_the_array(tmp_path: Path) -> None:
    found = opened(write(tmp_path / "a", x=np.zeros((500, 3, 8, 8), np.float32), y=np.arange(500) % 10), COLOR)
    content = pickle.dumps(found.train)
    assert len(content) < 20_000
    assert torch.equal(every(pickle.loads(content)).inputs["input"], every(found.train).inputs["input"])


@pytest.mark.usefixtures("on_disk")
def test_mistakes_in_large_arrays(tmp_path: Path, monkeypatch: Any) -> None:
    x = X.astype(np.float32)
    x[41, 2, 3, 4] = np.nan
    folder = write(tmp_path / "a", x=x, y=Y)
    assert "element [41, 2, 3, 4] of `x`" in refused("NS603", folder, COLOR)
    assert len(opened(folder, COLOR, corrupt="skip").skipped) == 1
    monkeypatch.setattr(array_files, "_MOST_CHECKED", x.nbytes // 30)
    opened(folder, COLOR)  # only every 30th row is searched
    assert len(opened(folder, COLOR, corrupt="skip").skipped) == 1
    assert "transpose" not in refused("NS602", folder, TensorType("map", (3, 9, 9)))
    found = opened(write(tmp_path / "b", x=X, y=Y), COLOR)
    with (tmp_path / "b" / "x.npy").open("r+b") as file:
        file.truncate(5000)
    with pytest.raises(Exception, match="it has become shorter"):
        every(found.train)
    assert "truncated" in refused("NS601", tmp_path / "b", COLOR) or "bytes" in refused("NS601", tmp_path / "b", COLOR)
    np.save(tmp_path / "c.npy", X)
    assert "give the folder" in refused("NS601", tmp_path / "c.npy", COLOR)


@pytest.mark.usefixtures("on_disk")
def test_the_fingerprint_sees_other_content(tmp_path: Path) -> None:
    folder = write(tmp_path / "a", x=X, y=Y)
    first = opened(folder, COLOR).fingerprint
    assert opened(folder, COLOR).fingerprint == first
    np.save(folder / "x.npy", X + np.uint8(1))
    assert opened(folder, COLOR).fingerprint != first


def test_more_files_than_may_be_open(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pieces, "_MOST_OPEN", 2)
    for n in range(4):
        (tmp_path / str(n)).write_bytes(bytes([n] * 5))
    found = pieces.Pieces([str(tmp_path / str(n)) for n in range(4)])
    assert [found.read(n, 2, 9) for n in (0, 1, 2, 3, 0)] == [bytes([n] * 3) for n in (0, 1, 2, 3, 0)]
    assert len(found._open) == 2
