"""WebDataset shards: read where they are, each image once an epoch, resumed in the middle."""

from __future__ import annotations

import gzip
import io
import os
import pickle
import tarfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from written import COLOR, classes, opened, refused

from netspec.datasets import batches


def shard(path: Path, numbers: range, *, label: Any = lambda n: str(n % 4), suffix: str = ".png") -> None:
    """Images of one value, their number, and the classes that `label` gives them."""
    with tarfile.open(path, "w") as tar:
        for number in numbers:
            image = io.BytesIO()
            pixels = np.full((8, 8, 3), number % 250, np.uint8)
            Image.fromarray(pixels).save(image, "PNG" if suffix == ".png" else "JPEG", quality=100)
            for extension, content in ((suffix, image.getvalue()), (".cls", label(number).encode())):
                info = tarfile.TarInfo(f"{number:05}{extension}")
                info.size = len(content)
                tar.addfile(info, io.BytesIO(content))


@pytest.fixture
def shards(tmp_path: Path) -> Path:
    for number in range(4):
        shard(tmp_path / f"part-{number:02}.tar", range(25 * number, 25 * number + 25))
    return tmp_path


def seen(collection: Any) -> list[tuple[int, int]]:
    """The number and the class of every training example."""
    batch = collection.train.batch(range(len(collection.train)))
    return list(zip(batch.inputs["input"][:, 0, 0, 0].tolist(), batch.target.tolist(), strict=True))


@pytest.mark.parametrize("where", ["part-{00..03}.tar", ""])
def test_shards_by_pattern_and_in_a_folder(shards: Path, where: str) -> None:
    whole = opened(shards / where if where else shards, COLOR, classes(4), validation=0.0, test=0.0)
    assert seen(whole) == [(n, n % 4) for n in range(100)]
    assert "part-01.tar" in whole.train.shown(30)
    split = opened(shards / where if where else shards, COLOR, classes(4))
    assert (len(split.train), len(split.validation), len(split.test)) == (70, 10, 20)  # type: ignore[arg-type]


def test_one_shard_and_names_of_classes(tmp_path: Path) -> None:
    shard(tmp_path / "a.tar", range(20), label=lambda n: ["cat", "dog"][n % 2], suffix=".jpg")
    found = opened(tmp_path / "a.tar", COLOR, classes(2), validation=0.0, test=0.0)
    assert found.classes == ("cat", "dog")
    assert [label for _, label in seen(found)] == [n % 2 for n in range(20)]


def test_parts_by_the_names_of_shards(tmp_path: Path) -> None:
    for name, numbers in (("train-0", range(20)), ("val-0", range(20, 28)), ("test_0", range(28, 40))):
        shard(tmp_path / f"{name}.tar", numbers)
    found = opened(tmp_path, COLOR, classes(4))
    assert (len(found.train), len(found.validation), len(found.test)) == (20, 8, 12)  # type: ignore[arg-type]


@pytest.mark.slow
def test_workers_and_other_processes_read_the_same(shards: Path) -> None:
    found = opened(shards, COLOR, classes(4), validation=0.0, test=0.0)
    plan = [[3, 99, 50], [0, 26], [75]]
    again = pickle.loads(pickle.dumps(found))
    for one, two, three in zip(
        batches(found.train, plan, 0), batches(found.train, plan, 2), batches(again.train, plan, 0), strict=True
    ):
        assert torch.equal(one.inputs["input"], two.inputs["input"])
        assert torch.equal(one.inputs["input"], three.inputs["input"])


def test_what_is_no_shard_is_refused(tmp_path: Path) -> None:
    shard(tmp_path / "a-0.tar", range(4))
    assert "1 of 2 shards are missing" in refused("NS601", tmp_path / "a-{0..1}.tar", COLOR, classes(4))
    assert "no files" in refused("NS601", tmp_path / "a-{1..0}.tar", COLOR, classes(4))
    (tmp_path / "b.tar").write_bytes(gzip.compress((tmp_path / "a-0.tar").read_bytes()))
    assert "is not a tar file" in refused("NS601", tmp_path / "b.tar", COLOR, classes(4))
    shard(tmp_path / "c.tar", range(4), label=lambda n: "" if n == 2 else "1")
    assert "1 of 4 images" in refused("NS601", tmp_path / "c.tar", COLOR, classes(4))
    content = (tmp_path / "a-0.tar").read_bytes()
    (tmp_path / "d.tar").write_bytes(content[:700])
    refused("NS601", tmp_path / "d.tar", COLOR, classes(4))


@pytest.fixture
def store(shards: Path, tmp_path: Path, monkeypatch: Any) -> Any:
    """The shards in an object store: that of fsspec in memory."""
    import fsspec

    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    memory = fsspec.filesystem("memory")
    for number in range(4):
        memory.pipe(f"/bucket/part-{number:02}.tar", (shards / f"part-{number:02}.tar").read_bytes())
    yield memory
    memory.rm("/bucket", recursive=True)


def test_shards_in_an_object_store(store: Any, shards: Path, monkeypatch: Any) -> None:
    from netspec.datasets import shards as module

    there, here = (f"{place}/part-{{00..03}}.tar" for place in ("memory://bucket", shards))
    local = opened(here, COLOR, classes(4))
    one = opened(f"file://{shards}/part-02.tar", COLOR, classes(4), validation=0.0, test=0.0)
    assert seen(one) == [(n, n % 4) for n in range(50, 75)]
    for _ in range(2):  # the second time by the kept index
        found = opened(there, COLOR, classes(4))
        assert found.fingerprint == local.fingerprint
        for one, two in ((found.train, local.train), (found.validation, local.validation), (found.test, local.test)):
            assert seen(type("", (), {"train": one})) == seen(type("", (), {"train": two}))
        monkeypatch.setattr(module, "_examples", None)
    again = pickle.loads(pickle.dumps(found.train))
    assert torch.equal(again.batch([3, 1]).inputs["input"], found.train.batch([3, 1]).inputs["input"])


def test_a_shard_that_was_written_anew_is_read_anew(store: Any, tmp_path: Path) -> None:
    place = "memory://bucket/part-00.tar"
    assert len(opened(place, COLOR, classes(4), validation=0.0, test=0.0).train) == 25
    shard(tmp_path / "new.tar", range(30))
    store.pipe("/bucket/part-00.tar", (tmp_path / "new.tar").read_bytes())
    assert len(opened(place, COLOR, classes(4), validation=0.0, test=0.0).train) == 30


def test_mistakes_with_object_stores(store: Any) -> None:
    said = refused("NS601", "memory://bucket/part-{00..04}.tar", COLOR, classes(4))
    assert "1 of 5 shards are missing" in said
    assert "memory://bucket/part-04.tar" in said
    store.rm("/bucket/part-01.tar")
    said = refused("NS601", "memory://bucket/part-{00..20}.tar", COLOR, classes(4))
    assert "18 of 21 shards are missing" in said
    assert "part-01.tar, memory://bucket/part-04.tar" in said
    assert "and 13 more" in said
    assert "is not a shard" in refused("NS601", "memory://bucket/images", COLOR, classes(4))
    assert "Protocol not known" in refused("NS601", "abc://bucket/part-{00..04}.tar", COLOR, classes(4))
    store.pipe("/bucket/x.tar", b"something else")
    assert "is not a tar file" in refused("NS601", "memory://bucket/x.tar", COLOR, classes(4))
    said = refused("NS502", "s3://bucket/part-{00..04}.tar", COLOR, classes(4))
    assert "s3fs, which reads s3://, is not installed" in said
    assert "`pip install s3fs`" in said


def test_a_store_that_fails_or_does_not_know_a_size(store: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def info(path: str) -> dict[str, Any]:
        if "02" in path:
            raise PermissionError("Access Denied")
        return {"name": path, "size": None}

    with monkeypatch.context() as patch:
        patch.setattr(type(store), "info", lambda self, path, **_: info(path))
        said = refused("NS601", "memory://bucket/part-{02..90}.tar", COLOR, classes(4))
        assert "part-02.tar cannot be read" in said
        assert "Access Denied" in said
        assert "does not say how large it is" in refused("NS601", "memory://bucket/part-00.tar", COLOR, classes(4))


def test_the_cache_of_indices_is_bounded(store: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from netspec.datasets import shards as module
    from netspec.datasets import user_cache

    cache, pattern = tmp_path / "cache" / "netspec" / "shards", "memory://bucket/part-{00..03}.tar"
    opened(pattern, COLOR, classes(4))
    files = sorted(cache.iterdir())
    assert len(files) == 4
    for age, file in enumerate(files):
        os.utime(file, ns=(age, age))
    monkeypatch.setattr(user_cache, "_MOST", sum(file.stat().st_size for file in files[2:]))
    read: list[str] = []
    examples = module._examples
    monkeypatch.setattr(module, "_examples", lambda file: read.append(file.name) or examples(file))
    opened("memory://bucket/part-00.tar", COLOR, classes(4), validation=0.0, test=0.0)
    assert not read, "it was kept, and is used last now"
    assert len(left := sorted(cache.iterdir())) == 2
    assert files[3] in left or files[2] in left
    opened("memory://bucket/part-00.tar", COLOR, classes(4), validation=0.0, test=0.0)
    assert not read
    opened(pattern, COLOR, classes(4))
    assert len(read) == 2
    assert len(list(cache.iterdir())) == 2
    user_cache.prune(tmp_path / "there is none")
