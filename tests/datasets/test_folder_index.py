"""The cached index of a folder: equal to a new one, and never that of what the folder was."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from written import save_images

from netspec.datasets import folder_index
from netspec.datasets.folder_index import Index, indexed
from netspec.datasets.user_cache import cache_folder


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: Any) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(folder_index, "_LARGE", 5)
    save_images(tmp_path / "data" / "train", {"a": 4, "b/inner": 3}, 4, 4)
    save_images(tmp_path / "data" / "val", {"a": 2}, 4, 4)
    (tmp_path / "data" / "train" / "b" / "k\udcffy.png").write_bytes(b"")
    settle(tmp_path / "data")
    return tmp_path / "data"


def settle(folder: Path) -> None:
    """As if everything had been written long ago."""
    for place, _, _ in os.walk(folder):
        os.utime(place, (1e9, 1e9))


def content(index: Index) -> list[Any]:
    return [
        list(index.names),
        index.parts.tolist(),
        index.labels.tolist(),
        index.keys.tolist(),
        index.digest,
        index.classes,
    ]


def fresh(folder: Path, monkeypatch: Any) -> list[Any]:
    with monkeypatch.context() as patch:
        patch.setattr(folder_index, "_read", lambda place: None)
        patch.setattr(folder_index, "_write", lambda *_: None)
        return content(indexed(folder, labeled=True))


def test_a_cached_index_is_the_same(folder: Path, monkeypatch: Any) -> None:
    first = content(indexed(folder, labeled=True))
    assert len(list(cache_folder("folders").iterdir())) == 1
    monkeypatch.setattr(folder_index, "scanned", None)  # it is not listed again
    assert content(indexed(folder, labeled=True)) == first
    assert len(first[0]) == 10


def rewritten(folder: Path) -> None:
    """One file less, another more: the number is the same, and so is the time."""
    (folder / "train" / "a" / "0000.png").unlink()
    (folder / "train" / "a" / "0009.png").write_bytes(b"")


CHANGES: dict[str, Callable[[Path], Any]] = {
    "a new file": lambda f: (f / "train" / "b" / "inner" / "9.png").write_bytes(b""),
    "a file less": lambda f: (f / "val" / "a" / "0001.png").unlink(),
    "a new name": lambda f: (f / "train" / "a" / "0001.png").rename(f / "train" / "a" / "x.png"),
    "as many files": rewritten,
    "a new class": lambda f: save_images(f / "train", {"c": 1}, 4, 4),
    "a new split": lambda f: save_images(f / "test", {"a": 1}, 4, 4),
    "a class less": lambda f: (f / "train" / "b").rename(f.parent / "b"),
}


@pytest.mark.parametrize("change", CHANGES)
def test_what_has_changed_is_listed_again(folder: Path, monkeypatch: Any, change: str) -> None:
    before = content(indexed(folder, labeled=True))
    CHANGES[change](folder)
    settle(folder)
    after = content(indexed(folder, labeled=True))
    assert after == fresh(folder, monkeypatch) != before
    assert content(indexed(folder, labeled=True)) == after


def test_what_was_just_written_is_not_cached(folder: Path) -> None:
    (folder / "train" / "a" / "new.png").write_bytes(b"")
    indexed(folder, labeled=True)
    assert not cache_folder("folders").exists()


def test_where_nothing_can_be_written_nothing_is(folder: Path, monkeypatch: Any, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    assert content(indexed(folder, labeled=True)) == fresh(folder, monkeypatch)


def test_a_damaged_cache_is_not_believed(folder: Path, monkeypatch: Any) -> None:
    first = content(indexed(folder, labeled=True))
    (file,) = cache_folder("folders").iterdir()
    whole = file.read_bytes()
    for damaged in (b"", whole[:200], whole[: len(whole) // 2], b"x" * 500):
        file.write_bytes(damaged)
        assert content(indexed(folder, labeled=True)) == first
