"""IDX, CIFAR's binaries and Hugging Face datasets, against what they were written from."""

from __future__ import annotations

import gzip
import io
import pickle
import struct
from pathlib import Path
from typing import Any

import datasets
import numpy as np
import pytest
import torch
from PIL import Image
from written import COLOR, GRAY, classes, every, opened, pictures, refused, words, write_idx

from netspec.datasets import DataOptions, Goal, Wanted, open_collection
from netspec.datasets.formats import open_stored
from netspec.datasets.huggingface import _ImageColumn
from netspec.datasets.idx import read_idx
from netspec.diagnostics import SpecError
from netspec.graph import TensorType

CIFAR = TensorType("map", (3, 32, 32))
IMAGES, LABELS = pictures(40, 8, 8), np.arange(40) % 10


@pytest.fixture(autouse=True)
def _quiet() -> None:
    datasets.disable_progress_bars()


def write_mnist(folder: Path, ending: str = "", separator: str = "-", prefix: str = "", test: str = "t10k") -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for part, count in (("train", 40), (test, 20)):
        write_idx(folder / f"{prefix}{part}-images{separator}idx3-ubyte{ending}", IMAGES[:count])
        write_idx(folder / f"{prefix}{part}-labels{separator}idx1-ubyte{ending}", LABELS[:count])


@pytest.mark.parametrize(
    ("inner", "options"),
    [
        ("", {}),
        ("", {"ending": ".gz"}),
        ("", {"separator": "."}),
        ("MNIST/raw", {}),
        ("", {"prefix": "emnist-digits-", "test": "test", "ending": ".gz"}),
    ],
)
def test_idx(tmp_path: Path, inner: str, options: dict[str, str]) -> None:
    write_mnist(tmp_path / inner, **options)
    found = opened(tmp_path, validation=0)
    assert torch.equal(every(found.train).inputs["input"], torch.from_numpy(IMAGES[:, None]))
    assert every(found.train).target.tolist() == LABELS.tolist()
    assert torch.equal(every(found.test).inputs["input"], torch.from_numpy(IMAGES[:20, None]))
    found = opened(tmp_path, TensorType("vector", (64,)), folds=5, fold=4)
    assert (len(found.train), len(found.validation), len(found.test)) == (32, 8, 20)  # type: ignore[arg-type]


def test_idx_with_and_without_gz_is_read_once(tmp_path: Path) -> None:
    write_mnist(tmp_path)
    write_mnist(tmp_path, ending=".gz")
    assert len(opened(tmp_path, validation=0).train) == 40


def test_two_sets_in_a_folder(tmp_path: Path) -> None:
    write_mnist(tmp_path)
    write_mnist(tmp_path, prefix="emnist-letters-")
    assert "2 datasets" in refused("NS601", tmp_path)


def test_letters_are_numbered_from_one(tmp_path: Path) -> None:
    write_idx(tmp_path / "train-images-idx3-ubyte", pictures(52, 8, 8))
    write_idx(tmp_path / "train-labels-idx1-ubyte", np.arange(52) % 26 + 1)
    assert "FC-27" in refused("NS602", tmp_path, GRAY, classes(26))
    assert len(opened(tmp_path, GRAY, classes(27)).classes) == 27


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "after 0 bytes"),
        (b"\0\0\x08\x03\0\0", "its header is truncated"),
        (b"\x89PNG\r\n\x1a\n" + b"\0" * 20, "begins with 89 50 4e 47"),
        (struct.pack(">HBBIII", 0, 13, 3, 1, 1, 1) + b"\0" * 4, "begins with 00 00 0d 03"),
        (struct.pack(">HBBIII", 0, 8, 1, 12, 0, 0), "it has 1 axes"),
        (struct.pack(">HBBIII", 0, 8, 3, 2, 2, 2) + b"\0" * 7, "it has 7 bytes"),
        (struct.pack(">HBBIII", 0, 8, 3, 2, 2, 2) + b"\0" * 9, "it has more"),
        (struct.pack(">HBBIII", 0, 8, 3, 2**32 - 1, 2**32 - 1, 2**32 - 1), "too large"),
    ],
)
def test_idx_is_read_strictly(tmp_path: Path, content: bytes, said: str) -> None:
    for name, stored in (("x-ubyte", content), ("x-ubyte.gz", gzip.compress(content))):
        (tmp_path / name).write_bytes(stored)
        with pytest.raises(SpecError, match="NS601") as caught:
            read_idx(tmp_path / name, 3)
        assert said in words(caught.value)
    (tmp_path / "x-ubyte.gz").write_bytes(gzip.compress(bytes(999))[:-9])
    with pytest.raises(SpecError, match="NS601"):
        read_idx(tmp_path / "x-ubyte.gz", 3)


def test_idx_files_that_are_missing(tmp_path: Path) -> None:
    write_mnist(tmp_path)
    (tmp_path / "t10k-labels-idx1-ubyte").unlink()
    assert "the labels for " in refused("NS601", tmp_path)
    (tmp_path / "t10k-images-idx3-ubyte").unlink()
    assert len(opened(tmp_path).test) == 8  # type: ignore[arg-type]
    (tmp_path / "train-images-idx3-ubyte").unlink()
    assert "no training images" in refused("NS601", tmp_path)
    write_mnist(tmp_path)
    write_idx(tmp_path / "train-labels-idx1-ubyte", LABELS[:39])
    assert "have different numbers of examples" in refused("NS601", tmp_path)


def write_cifar(path: Path, images: np.ndarray[Any, Any], *labels: np.ndarray[Any, Any]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    columns = [label.astype(np.uint8)[:, None] for label in labels]
    path.write_bytes(np.concatenate([*columns, images.reshape(len(images), -1)], axis=1).tobytes())


@pytest.mark.parametrize("inner", ["", "cifar-10-batches-bin"])
def test_cifar_10(tmp_path: Path, inner: str) -> None:
    images, folder = pictures(60, 3, 32, 32), tmp_path / inner
    for i in range(5):
        write_cifar(folder / f"data_batch_{i + 1}.bin", images[i * 10 : i * 10 + 10], np.arange(10))
    write_cifar(folder / "test_batch.bin", images[50:], np.arange(10))
    found = opened(tmp_path, CIFAR, validation=0)
    assert torch.equal(every(found.train).inputs["input"], torch.from_numpy(images[:50]))
    assert torch.equal(every(found.test).inputs["input"], torch.from_numpy(images[50:]))
    assert found.train.targets().tolist() == list(range(10)) * 5
    assert found.classes[3] == "cat"
    (folder / "batches.meta.txt").write_text("\n".join("abcdefghij") + "\n\n")
    assert opened(tmp_path, CIFAR).classes == tuple("abcdefghij")
    assert "`input 3x32x32`" in refused("NS602", tmp_path, GRAY)
    assert opened(tmp_path, GRAY, resize=True).train.shapes == {"input": (1, 8, 8)}


def test_cifar_100(tmp_path: Path) -> None:
    images, fine = pictures(200, 3, 32, 32), np.arange(200) % 100
    write_cifar(tmp_path / "train.bin", images, fine // 5, fine)
    write_cifar(tmp_path / "test.bin", images[:100], fine[:100] // 5, fine[:100])
    (tmp_path / "fine_label_names.txt").write_text("".join(f"fine {i}\n" for i in range(100)))
    (tmp_path / "coarse_label_names.txt").write_text("".join(f"coarse {i}\n" for i in range(20)))
    found = opened(tmp_path, CIFAR, classes(100), validation=0)
    assert found.train.targets().tolist() == fine.tolist()
    assert found.classes[7] == "fine 7"
    assert torch.equal(every(found.train).inputs["input"], torch.from_numpy(images))
    found = opened(tmp_path, CIFAR, classes(20), validation=0)
    assert found.train.targets().tolist() == (fine // 5).tolist()
    assert found.classes[7] == "coarse 7"
    assert "`FC-100`" in refused("NS602", tmp_path, CIFAR, classes(10))


def test_cifar_that_is_broken_or_pickled(tmp_path: Path) -> None:
    folder = tmp_path / "binary"
    write_cifar(folder / "data_batch_1.bin", pictures(4, 3, 32, 32), np.array([1, 2, 77, 4]))
    assert "record 2 has the label 77" in refused("NS601", folder, CIFAR)
    (folder / "data_batch_1.bin").write_bytes(b"\0" * 5000)
    assert "not a multiple of the record size, 3073" in refused("NS601", folder, CIFAR)
    (folder / "data_batch_1.bin").write_bytes(b"")
    assert "0 bytes" in refused("NS601", folder, CIFAR)
    (tmp_path / "python").mkdir()
    for name in ("data_batch_1", "batches.meta"):
        (tmp_path / "python" / name).write_bytes(pickle.dumps({}))
    assert "cifar-10-binary.tar.gz" in refused("NS601", tmp_path / "python", CIFAR)
    (tmp_path / "hundred").mkdir()
    for name in ("train", "test", "meta"):
        (tmp_path / "hundred" / name).write_bytes(pickle.dumps({}))
    assert "cifar-100-binary.tar.gz" in refused("NS601", tmp_path / "hundred", CIFAR)


def image_dataset(images: np.ndarray[Any, Any], labels: np.ndarray[Any, Any]) -> datasets.Dataset:
    features = datasets.Features({"image": datasets.Image(), "label": datasets.ClassLabel(names=list("abcdefghij"))})
    return datasets.Dataset.from_dict(
        {"image": [Image.fromarray(i) for i in images], "label": labels.tolist()}, features=features
    )


def test_hugging_face_images(tmp_path: Path) -> None:
    images = pictures(40, 8, 8, 3)
    saved = {
        "train": image_dataset(images, LABELS),
        "test": image_dataset(images[:20], LABELS[:20]),
        "unsupervised": image_dataset(images[:3], LABELS[:3]),
    }
    datasets.DatasetDict(saved).save_to_disk(tmp_path / "saved")
    found = opened(tmp_path / "saved", COLOR, validation=0)
    true = datasets.load_from_disk(tmp_path / "saved")["train"]
    assert every(found.train).inputs["input"].permute(0, 2, 3, 1).tolist() == [
        np.asarray(i).tolist() for i in true["image"]
    ]
    assert every(found.train).target.tolist() == true["label"][:]
    assert len(found.test) == 20  # type: ignore[arg-type]
    assert found.classes == tuple("abcdefghij")
    assert found.fingerprint == opened(tmp_path / "saved", COLOR, validation=0).fingerprint
    assert opened(tmp_path / "saved", GRAY).train.shapes == {"input": (1, 8, 8)}
    assert "`FC-10`" in refused("NS602", tmp_path / "saved", COLOR, classes(5))
    assert "--resize" in refused("NS602", tmp_path / "saved", CIFAR)


def test_a_single_hugging_face_dataset_is_split(tmp_path: Path) -> None:
    from netspec.datasets import batches

    image_dataset(pictures(40, 8, 8), LABELS).save_to_disk(tmp_path / "saved")
    found = opened(tmp_path / "saved")
    assert sum(map(len, (found.train, found.validation, found.test))) == 40  # type: ignore[arg-type]
    plan = [list(range(len(found.train)))] * 2
    for a, b in zip(batches(found.train, plan, 2), batches(found.train, plan, 0), strict=True):
        assert torch.equal(a.inputs["input"], b.inputs["input"])


def test_hugging_face_arrays(tmp_path: Path) -> None:
    x = np.random.RandomState(0).rand(30, 5).astype(np.float32)
    table = datasets.Dataset.from_dict({"features": x.tolist(), "target": (x.sum(1) * 2).tolist()})
    table.save_to_disk(tmp_path / "values")
    found = opened(tmp_path / "values", TensorType("vector", (5,)), classes(1), "values", test=0, validation=0)
    assert np.allclose(every(found.train).inputs["input"], x)
    assert np.allclose(found.train.targets()[:, 0], x.sum(1) * 2)
    text = datasets.Dataset.from_dict({"input_ids": np.arange(210).reshape(30, 7).tolist(), "label": [0, 1] * 15})
    text.save_to_disk(tmp_path / "ids")
    found = opened(tmp_path / "ids", TensorType("ids", (7,)), classes(2), test=0, validation=0)
    assert every(found.train).inputs["input"].tolist() == np.arange(210).reshape(30, 7).tolist()
    kinds = {"input_ids": TensorType("ids", (7,)), "label": TensorType("vector", (1,)), "absent": GRAY}
    with pytest.raises(SpecError, match="`absent`"):
        open_collection(str(tmp_path / "ids"), Wanted(kinds, {"output": Goal(classes(2), "class")}), DataOptions())
    ragged = datasets.Dataset.from_dict({"x": [[1.0], [1.0, 2.0]], "y": [0, 1]})
    ragged.save_to_disk(tmp_path / "ragged")
    refused("NS601", tmp_path / "ragged", TensorType("vector", (2,)), classes(2))
    words = datasets.Dataset.from_dict(
        {"x": [[1.0, 3.0], [1.0, 2.0]] * 20, "label": ["no", "yes"] * 20, "id": list(range(40))}
    )
    words.save_to_disk(tmp_path / "words")
    assert opened(tmp_path / "words", TensorType("vector", (2,)), classes(2)).classes == ("no", "yes")
    assert open_stored(str(tmp_path / "words"), Wanted.anything(), DataOptions()).unread == ("id",)  # type: ignore[union-attr]


def test_corrupt_images_of_hugging_face(tmp_path: Path) -> None:
    def content(i: int) -> bytes:
        buffer = io.BytesIO()
        Image.fromarray(IMAGES[i]).save(buffer, "PNG")
        return buffer.getvalue() if i != 7 else buffer.getvalue()[:40]

    rows = [{"bytes": content(i), "path": None} for i in range(20)]
    features = datasets.Features({"image": datasets.Image(), "label": datasets.Value("int64")})
    datasets.Dataset.from_dict({"image": rows, "label": [0, 1] * 10}, features=features).save_to_disk(
        tmp_path / "saved"
    )
    assert "image 7 of saved" in refused("NS603", tmp_path / "saved", GRAY, classes(2))
    found = opened(tmp_path / "saved", GRAY, classes(2), corrupt="skip", test=0, validation=0)
    assert found.skipped == ("image 7 of saved",)
    assert len(found.train) == 19


def test_a_dataset_reads_no_file_outside_of_its_folder(tmp_path: Path) -> None:
    folder = tmp_path / "saved"
    folder.mkdir()
    for place in (folder, tmp_path):
        Image.fromarray(IMAGES[0]).save(place / "image.png")
    (folder / "link.png").symlink_to(tmp_path / "image.png")
    paths = [
        "image.png",
        str(folder / "image.png"),
        "../image.png",
        str(tmp_path / "image.png"),
        "link.png",
        "https://example.org/image.png",
    ]
    rows = datasets.Dataset.from_dict({"image": [{"bytes": None, "path": p} for p in paths]})
    column = _ImageColumn(folder, rows, "image")
    assert [isinstance(column.stored(i), str) for i in range(len(paths))] == [True, True, False, False, False, False]


def test_hugging_face_folders_that_are_broken(tmp_path: Path) -> None:
    image_dataset(pictures(4, 8, 8), LABELS[:4]).save_to_disk(tmp_path / "saved")
    (tmp_path / "saved" / "state.json").write_text("{")
    assert "cannot be read as a Hugging Face dataset" in refused("NS601", tmp_path / "saved")
    datasets.DatasetDict({"other": image_dataset(pictures(4, 8, 8), LABELS[:4])}).save_to_disk(tmp_path / "other")
    assert "its splits are other" in refused("NS601", tmp_path / "other")


def test_packages_that_are_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    image_dataset(pictures(4, 8, 8), LABELS[:4]).save_to_disk(tmp_path / "saved")
    monkeypatch.setitem(__import__("sys").modules, "datasets", None)
    assert "pip install 'netspec-nn[huggingface]'" in refused("NS502", tmp_path / "saved")
    monkeypatch.setitem(__import__("sys").modules, "sklearn", None)
    assert "pip install 'netspec-nn[train]'" in refused("NS502", "digits")
