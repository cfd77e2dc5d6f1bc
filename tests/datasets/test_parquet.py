"""Parquet tables, as pandas and Hugging Face write them."""

from __future__ import annotations

import io
import pickle
import sys
from pathlib import Path
from typing import Any

import datasets
import numpy as np
import pandas as pd
import torch
from PIL import Image
from written import COLOR, GRAY, classes, every, opened, pictures, refused, save_images

from netspec.datasets import parquet
from netspec.graph import TensorType

IMAGES, LABELS = pictures(40, 8, 8, 3), np.arange(40) % 4


def png(array: np.ndarray[Any, Any]) -> bytes:
    content = io.BytesIO()
    Image.fromarray(array).save(content, "PNG")
    return content.getvalue()


def pixels(examples: Any) -> list[Any]:
    return every(examples).inputs["input"].permute(0, 2, 3, 1).tolist()  # type: ignore[no-any-return]


def test_images_as_hugging_face_writes_them(tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.setattr(parquet, "_KEPT", 4000)  # not all row groups at once
    datasets.disable_progress_bars()
    features = datasets.Features({"image": datasets.Image(), "label": datasets.ClassLabel(names=list("abcd"))})
    for name, rows in (("train-00000-of-00002", slice(0, 15)), ("train-00001-of-00002", slice(15, 30)), ("test-00000-of-00001", slice(30, 40))):  # fmt: skip
        saved = {"image": [Image.fromarray(i) for i in IMAGES[rows]], "label": LABELS[rows].tolist()}
        (tmp_path / "data").mkdir(exist_ok=True)
        datasets.Dataset.from_dict(saved, features=features).to_parquet(
            tmp_path / "data" / f"{name}.parquet", batch_size=4
        )
    found = opened(tmp_path, COLOR, classes(4), validation=0.0)
    assert (found.classes, len(found.train), len(found.test)) == (tuple("abcd"), 30, 10)  # type: ignore[arg-type]
    assert pixels(found.train) == IMAGES[:30].tolist()
    assert pixels(found.test) == IMAGES[30:].tolist()
    assert every(found.train).target.tolist() == LABELS[:30].tolist()
    again = pickle.loads(pickle.dumps(found.train))
    assert torch.equal(again.batch([29, 0, 7]).inputs["input"], found.train.batch([29, 0, 7]).inputs["input"])
    assert "`FC-4`" in refused("NS602", tmp_path, COLOR, classes(5))


def test_bytes_files_and_values(tmp_path: Path) -> None:
    table = pd.DataFrame({"picture": [png(i) for i in IMAGES], "a": LABELS / 2, "b": 1.0 - LABELS})
    table.to_parquet(tmp_path / "v.parquet")
    found = opened(tmp_path / "v.parquet", COLOR, classes(2), "values", validation=0.0, test=0.0)
    assert pixels(found.train) == IMAGES.tolist()
    assert np.allclose(found.train.targets(), table[["a", "b"]])  # type: ignore[arg-type]
    save_images(tmp_path, {"cat": 6, "dog": 6}, 8, 8, 3)
    names = [f"{c}/{n:04d}.png" for c in ("cat", "dog") for n in range(6)]
    rows = pd.DataFrame({"file": names, "label": ["cat"] * 6 + ["dog"] * 6, "split": ["train"] * 4 + ["test"] * 2 + ["train"] * 4 + ["val"] * 2})  # fmt: skip
    rows.to_parquet(tmp_path / "files.parquet")
    rows.to_csv(tmp_path / "files.csv", index=False)
    one, two = (opened(tmp_path / f"files.{kind}", COLOR, classes(2)) for kind in ("parquet", "csv"))
    assert one.classes == two.classes == ("cat", "dog")
    for a, b in ((one.train, two.train), (one.validation, two.validation), (one.test, two.test)):
        assert pixels(a) == pixels(b)
        assert every(a).target.tolist() == every(b).target.tolist()


def test_numbers_lists_ids_and_texts(tmp_path: Path) -> None:
    x = np.random.RandomState(0).rand(30, 3)
    frame = pd.DataFrame({"u": x[:, 0], "v": x[:, 1], "w": x[:, 2], "label": np.arange(30) % 3})
    frame.to_parquet(tmp_path / "n.parquet")
    frame.to_csv(tmp_path / "n.csv", index=False)
    one, two = (opened(tmp_path / f"n.{kind}", TensorType("vector", (3,)), classes(3)) for kind in ("parquet", "csv"))
    assert torch.equal(every(one.train).inputs["input"], every(two.train).inputs["input"])
    pd.DataFrame({"features": list(x), "y": np.arange(30) % 3}).to_parquet(tmp_path / "l.parquet")
    three = opened(tmp_path / "l.parquet", TensorType("vector", (3,)), classes(3))
    assert torch.equal(every(one.train).inputs["input"], every(three.train).inputs["input"])
    ids = np.arange(210).reshape(30, 7)
    pd.DataFrame({"input_ids": list(ids), "label": [0, 1] * 15}).to_parquet(tmp_path / "i.parquet")
    found = opened(tmp_path / "i.parquet", TensorType("ids", (7,)), classes(2), validation=0.0, test=0.0)
    assert every(found.train).inputs["input"].tolist() == ids.tolist()
    pd.DataFrame({"text": ["ab", "c"] * 9, "label": ["x", "y"] * 9}).to_parquet(tmp_path / "t.parquet")
    found = opened(tmp_path / "t.parquet", TensorType("ids", (4,)), classes(2), validation=0.0, test=0.0)
    assert every(found.train).inputs["input"][:2].tolist() == [[97, 98, 0, 0], [99, 0, 0, 0]]


def test_mistakes(tmp_path: Path, monkeypatch: Any) -> None:
    (tmp_path / "x.parquet").write_bytes(b"PAR1 and nothing else")
    assert "cannot be read as Parquet" in refused("NS601", tmp_path / "x.parquet")
    vector = TensorType("vector", (2,))
    pd.DataFrame({"a": [1.0, None], "b": [1, 2], "label": [0, 1]}).to_parquet(tmp_path / "x.parquet")
    assert "row 1 of" in refused("NS601", tmp_path / "x.parquet", vector, classes(2))
    pd.DataFrame({"a": [[1, 2], [3]], "label": [0, 1]}).to_parquet(tmp_path / "x.parquet")
    assert "different lengths" in refused("NS601", tmp_path / "x.parquet", vector, classes(2))
    pd.DataFrame({"a": [1, 2, 3], "label": [0, 1, 1]}).to_parquet(tmp_path / "x.parquet")
    assert "write `input 1`" in refused("NS602", tmp_path / "x.parquet", vector, classes(2))
    content = [png(i) for i in IMAGES[:, :, :, 0]]
    pd.DataFrame({"image": [*content[:-1], b"broken"], "label": LABELS}).to_parquet(tmp_path / "y.parquet")
    assert "row 39 of" in refused("NS603", tmp_path / "y.parquet", GRAY, classes(4))
    pd.DataFrame({"a": []}).to_parquet(tmp_path / "x.parquet")
    assert "has no rows" in refused("NS601", tmp_path / "x.parquet")
    pd.DataFrame({"b": [1]}).to_parquet(tmp_path / "z.parquet")
    (tmp_path / "a").mkdir()
    for name in ("y", "z"):
        (tmp_path / f"{name}.parquet").rename(tmp_path / "a" / f"{name}.parquet")
    assert "other columns" in refused("NS601", tmp_path / "a")
    monkeypatch.setitem(sys.modules, "pyarrow.parquet", None)
    assert "pip install 'netspec-nn[parquet]'" in refused("NS502", tmp_path / "x.parquet")


def test_a_first_file_without_rows(tmp_path: Path) -> None:
    for name, rows in (("a", 0), ("b", 20)):
        pd.DataFrame({"kind": ["x", "y"] * (rows // 2), "size": np.arange(rows, dtype=np.int64)}).astype({"kind": "string"}).to_parquet(tmp_path / f"{name}.parquet")  # fmt: skip
    table = parquet.read_parquet(parquet.parquet_in(tmp_path), tmp_path)
    assert (len(table), table.first(0), table.first(1)) == (20, "x", "")


def test_whole_numbers_that_no_float_holds(tmp_path: Path) -> None:
    """As values they are rounded; two labels never become one."""
    large = 2**53 + np.arange(30)
    frame = pd.DataFrame({"time": large, "v": np.arange(30) / 4, "label": np.arange(30) % 3})
    frame.to_parquet(tmp_path / "x.parquet")
    found = opened(tmp_path / "x.parquet", TensorType("vector", (2,)), classes(3), validation=0.0, test=0.0)
    assert torch.equal(every(found.train).inputs["input"][:, 0], torch.from_numpy(large).float())
    frame = pd.DataFrame({"u": np.zeros(30), "v": np.arange(30) / 4, "label": large})
    frame.to_parquet(tmp_path / "y.parquet")
    frame.to_csv(tmp_path / "y.csv", index=False)
    for name, row in (("y.parquet", "row 0"), ("y.csv", "line 2")):
        said = refused("NS601", tmp_path / name, TensorType("vector", (2,)), classes(3))
        assert f"{row} of" in said
        assert "has a label beyond 2^53 in the column `label`" in said
        opened(tmp_path / name, TensorType("vector", (2,)), classes(1), "values")
