"""Arrays: digits, .npz, synthetic, and how they fit inputs and outputs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits
from written import COLOR, GRAY, classes, every, opened, pictures, refused

from netspec.datasets import DataOptions, Goal, Wanted, arranged, open_collection
from netspec.diagnostics import SpecError
from netspec.graph import TensorType

ROWS = TensorType("sequence", (8, 8))
VECTOR = TensorType("vector", (64,))


def saved(folder: Path, **arrays: Any) -> Path:
    np.savez(folder / "data.npz", **arrays)
    return folder / "data.npz"


def test_digits_are_those_of_scikit_learn() -> None:
    stored = load_digits()
    found = opened("digits")
    images, labels = [], []
    for part in (found.train, found.validation, found.test):
        batch = every(part)
        assert batch.inputs["input"].dtype == torch.uint8
        assert batch.target.tolist() == part.targets().tolist()  # type: ignore[union-attr]
        images.append(batch.inputs["input"])
        labels.append(batch.target)
    seen = sorted((*i.flatten().tolist(), int(t)) for i, t in zip(torch.cat(images), torch.cat(labels), strict=True))
    true = np.round(stored.images.reshape(len(stored.images), -1) * 255 / 16).astype(int)
    assert seen == sorted((*i, int(t)) for i, t in zip(true.tolist(), stored.target, strict=True))
    assert [len(found.train), len(found.validation), len(found.test)] == [1258, 180, 359]  # type: ignore[arg-type]
    assert np.ptp(np.bincount(found.test.targets())) <= 3  # type: ignore[union-attr]
    assert found.classes == tuple("0123456789")


@pytest.mark.parametrize("kind", [GRAY, VECTOR, ROWS])
def test_digits_reach_images_vectors_and_rows(kind: TensorType) -> None:
    examples = opened("digits", kind).train
    assert examples.shapes == {"input": (1, 8, 8)}
    image = examples.batch([3, 5]).inputs["input"]
    net = arranged(image, kind)
    assert tuple(net.shape) == (2, *kind.shape)
    assert net.flatten().tolist() == image.flatten().tolist()


def test_colors_of_a_row_stand_together() -> None:
    image = torch.arange(2 * 3 * 4 * 5).reshape(2, 3, 4, 5)
    rows = arranged(image, TensorType("sequence", (4, 15)))
    assert rows[1, 2, 7] == image[1, 7 % 3, 2, 7 // 3]


def test_an_input_of_another_size_is_named_with_the_line_to_write() -> None:
    said = refused("NS602", "digits", TensorType("map", (3, 32, 32)))
    assert "write `input 1x8x8` in the spec" in said
    assert "--resize" in said
    batch = opened("digits", TensorType("map", (3, 32, 32)), resize=True).train.batch([0])
    assert batch.inputs["input"].shape == (1, 3, 32, 32)
    assert batch.inputs["input"].dtype == torch.uint8
    assert (batch.inputs["input"][:, 0] == batch.inputs["input"][:, 2]).all()
    assert opened("digits", TensorType("vector", (784,)), resize=True).train.shapes == {"input": (1, 28, 28)}


def test_another_number_of_classes() -> None:
    assert "give the last layer 10 outputs, such as `FC-10`" in refused("NS602", "digits", GRAY, classes(11))
    assert "10 classes, but the net has 9 outputs" in refused("NS602", "digits", GRAY, classes(9))


def test_class_indices_as_values() -> None:
    found = opened("digits", GRAY, classes(10), "values")
    assert found.train.targets().shape == (1258, 10)
    assert found.train.targets().dtype == np.float32
    batch = found.train.batch([0, 7])
    assert batch.target.argmax(1).tolist() == opened("digits").train.batch([0, 7]).target.tolist()
    assert found.classes == ()
    assert "has 10 classes, but the net has one output" in refused("NS602", "digits", GRAY, classes(1), "values")


def test_an_autoencoder_learns_what_it_is_given() -> None:
    found = opened("digits", VECTOR, VECTOR, "input")
    batch = found.train.batch([1])
    assert batch.target is batch.inputs["input"]
    assert len(found.train.targets()) == len(found.train)
    tested = every(found.test).inputs["input"]
    assert torch.equal(tested, every(opened("digits").test).inputs["input"]), (
        "a classifier would be tested on what it saw"
    )
    assert "cannot be compared" in refused("NS602", "digits", VECTOR, classes(10), "input")


def test_npz_whole_and_in_parts(tmp_path: Path) -> None:
    x, y = pictures(60, 1, 8, 8), np.arange(60) % 10
    found = opened(saved(tmp_path, x=x, y=y))
    assert sum(map(len, (found.train, found.validation, found.test))) == 60  # type: ignore[arg-type]
    found = opened(saved(tmp_path, x_train=x, y_train=y, x_val=x[:20], y_val=y[:20], x_test=x[20:50], y_test=y[20:50]))
    assert torch.equal(every(found.train).inputs["input"], torch.from_numpy(x))
    assert torch.equal(every(found.validation).inputs["input"], torch.from_numpy(x[:20]))
    assert every(found.test).target.tolist() == y[20:50].tolist()
    folded = opened(tmp_path / "data.npz", folds=4, fold=1)
    assert (len(folded.train), len(folded.validation), len(folded.test)) == (60, 20, 30)  # type: ignore[arg-type]
    assert every(folded.train).target.tolist() == folded.train.targets().tolist()
    found = opened(saved(tmp_path, train_images=x, train_labels=y[:, None], test_images=x, test_labels=y[:, None]))
    assert found.train.targets().ndim == 1


def test_the_same_data_gives_the_same_fingerprint(tmp_path: Path) -> None:
    x, y = pictures(60, 1, 8, 8), np.arange(60) % 10
    first = opened(saved(tmp_path, x=x, y=y))
    assert first.fingerprint == opened(tmp_path / "data.npz").fingerprint
    assert first.fingerprint != opened(tmp_path / "data.npz", test=0.3).fingerprint
    assert first.fingerprint != opened(tmp_path / "data.npz", folds=3).fingerprint
    x[59, 0, 7, 7] ^= 1
    assert first.fingerprint != opened(saved(tmp_path, x=x, y=y)).fingerprint


@pytest.mark.parametrize("kind", ["hwc", "hw", "chw"])
def test_images_however_they_lie(tmp_path: Path, kind: str) -> None:
    x = pictures(20, 3, 8, 8) if kind != "hw" else pictures(20, 1, 8, 8)
    stored = {"hwc": x.transpose(0, 2, 3, 1), "hw": x[:, 0], "chw": x}[kind]
    found = opened(
        saved(tmp_path, x=stored, y=np.arange(20) % 10), GRAY if kind == "hw" else COLOR, test=0, validation=0
    )
    assert torch.equal(every(found.train).inputs["input"], torch.from_numpy(x))


def test_an_image_that_fits_channels_first_is_not_turned(tmp_path: Path) -> None:
    x = pictures(5, 3, 3, 3)
    found = opened(saved(tmp_path, x=x, y=np.zeros(5, int)), TensorType("map", (3, 3, 3)), test=0, validation=0)
    assert torch.equal(every(found.train).inputs["input"], torch.from_numpy(x))


@pytest.mark.parametrize(
    ("array", "kind", "said"),
    [
        (np.zeros((9, 8, 8, 3), np.float32), COLOR, "x.transpose(0, 3, 1, 2)"),
        (np.zeros((9, 64), np.float32), GRAY, "x.reshape(-1, 1, 8, 8)"),
        (np.zeros((9, 8, 8, 3), np.uint8), GRAY, "write `input 3x8x8`"),
        (np.zeros((9, 5), np.float32), GRAY, "write `input 5`"),
        (np.zeros((9, 7), np.float32), TensorType("ids", (7,)), "a list of 7 integers"),
        (np.zeros((9, 7), np.int32), TensorType("ids", (8,)), "write `input 7 int`"),
        (np.zeros((9, 4, 6), np.float32), TensorType("sequence", (4, 5)), "write `input 4x6 sequence`"),
        (np.array(["a"] * 9), GRAY, "does not contain numbers"),
    ],
)
def test_arrays_that_do_not_fit(tmp_path: Path, array: Any, kind: TensorType, said: str) -> None:
    assert said in refused("NS602", saved(tmp_path, x=array, y=np.zeros(9, int)), kind)


def test_types_as_given_out(tmp_path: Path) -> None:
    y = np.zeros(9, int)
    ids = (
        opened(saved(tmp_path, x=np.ones((9, 7), np.uint16), y=y), TensorType("ids", (7,)))
        .train.batch([0])
        .inputs["input"]
    )
    assert ids.dtype == torch.int64
    for kind in (np.float64, np.float16, np.int32, np.bool_):
        found = opened(saved(tmp_path, x=np.ones((9, 7), kind), y=y), TensorType("vector", (7,)))
        assert found.train.batch([0]).inputs["input"].dtype == torch.float32


def test_resize_turns_color_to_gray_as_pillow_does(tmp_path: Path) -> None:
    from PIL import Image

    x = pictures(4, 20, 30, 3)
    path = saved(tmp_path, x=x, y=np.zeros(4, int))
    assert "--resize" in refused("NS602", path, GRAY)
    found = opened(path, GRAY, resize=True, test=0, validation=0)
    for i, image in enumerate(every(found.train).inputs["input"]):
        scaled = Image.fromarray(x[i]).convert("L").resize((12, 8), Image.Resampling.BILINEAR).crop((2, 0, 10, 8))
        assert np.abs(np.asarray(scaled).astype(int) - image[0].numpy()).max() <= 1


@pytest.mark.parametrize(
    ("targets", "output", "task", "said"),
    [
        (np.arange(9) - 1, classes(10), "class", "out of range"),
        (np.arange(9) + 2, classes(10), "class", "give the last layer 11 outputs"),
        (np.arange(9) + 1, classes(9), "class", "number the classes from 0"),
        (np.arange(9) / 2, classes(10), "class", "are values"),
        (np.eye(9), classes(9), "class", "y.argmax(1)"),
        (np.zeros((9, 4, 4), int), classes(10), "class", "4x4 class indices"),
        (np.arange(9) % 2, classes(1), "class", "loss bce"),
        (np.zeros((9, 3)), classes(4), "values", "each target is 3"),
        (np.array([1j] * 9), classes(4), "values", "not numbers"),
    ],
)
def test_targets_that_do_not_fit(tmp_path: Path, targets: Any, output: TensorType, task: Any, said: str) -> None:
    assert said in refused("NS602", saved(tmp_path, x=pictures(9, 8, 8), y=targets), GRAY, output, task)


@pytest.mark.parametrize(
    ("targets", "output", "task", "shape"),
    [
        (np.zeros((9, 8, 8), int), TensorType("map", (5, 8, 8)), "class", (9, 8, 8)),
        (np.zeros((9, 1, 8, 8), int), TensorType("map", (5, 8, 8)), "class", (9, 8, 8)),
        (np.zeros((9, 6), int), TensorType("sequence", (6, 5)), "class", (9, 6)),
        (np.zeros(9), classes(5), "class", (9,)),
        (np.zeros(9, int), TensorType("map", (5, 1, 1)), "class", (9, 1, 1)),
        (np.zeros((9, 3)), classes(3), "values", (9, 3)),
        (np.arange(9), classes(1), "values", (9, 1)),
        (np.zeros((9, 8, 8)), TensorType("map", (1, 8, 8)), "values", (9, 1, 8, 8)),
        (np.zeros((9, 4, 5)), classes(20), "values", (9, 20)),
    ],
)
def test_targets_that_fit(tmp_path: Path, targets: Any, output: TensorType, task: Any, shape: Any) -> None:
    found = opened(saved(tmp_path, x=pictures(9, 8, 8), y=targets), GRAY, output, task, test=0, validation=0)
    assert found.train.targets().shape == shape
    assert every(found.train).target.shape == shape
    assert every(found.train).target.dtype == (torch.int64 if task == "class" else torch.float32)


def test_whole_numbers_to_predict_are_split_like_values(tmp_path: Path) -> None:
    found = opened(saved(tmp_path, x=pictures(50, 8, 8), y=np.arange(50)), GRAY, classes(1), "values")
    assert len(found.test) == 10  # type: ignore[arg-type]


def test_names_of_classes_in_the_file(tmp_path: Path) -> None:
    x, y = pictures(9, 8, 8), np.arange(9) % 3
    assert opened(saved(tmp_path, x=x, y=y, classes=np.array(["a", "b", "c"])), GRAY, classes(3)).classes == (
        "a",
        "b",
        "c",
    )
    found = opened(saved(tmp_path, x=x, y=np.array(["dog", "cat", "cow"])[y]), GRAY, classes(3), test=0, validation=0)
    assert found.classes == ("cat", "cow", "dog")
    assert found.train.targets()[:3].tolist() == [2, 0, 1]


def test_several_inputs_by_name(tmp_path: Path) -> None:
    kinds = {"left": GRAY, "ids": TensorType("ids", (7,))}
    path = saved(tmp_path, left=pictures(9, 8, 8), ids=np.arange(63).reshape(9, 7), y=np.zeros(9, int))
    batch = open_collection(str(path), Wanted(kinds, {"output": Goal(classes(2), "class")}), DataOptions()).train.batch(
        [0]
    )
    assert {n: tuple(t.shape) for n, t in batch.inputs.items()} == {"left": (1, 1, 8, 8), "ids": (1, 7)}
    with pytest.raises(SpecError, match="one array of inputs, but the net has 2 inputs"):
        open_collection("digits", Wanted(kinds, {"output": Goal(classes(10), "class")}), DataOptions())


def test_what_is_not_finite_is_named_or_left_out(tmp_path: Path) -> None:
    x, y = np.random.RandomState(0).rand(40, 1, 8, 8), np.arange(40) % 2
    x[17, 0, 3, 4], x[20] = np.nan, np.inf
    path = saved(tmp_path, x=x, y=y)
    assert "element [17, 0, 3, 4] of `x` of" in refused("NS603", path)
    found = opened(path, corrupt="skip")
    assert [s.partition(" of ")[0] for s in found.skipped] == ["element [17, 0, 3, 4]", "element [20, 0, 0, 0]"]
    parts = [every(p) for p in (found.train, found.validation, found.test)]
    assert sum(len(p.target) for p in parts) == 38
    assert all(p.inputs["input"].isfinite().all() for p in parts)
    y = np.where(np.arange(40) == 3, np.nan, 1.0)
    assert "`y` of" in refused("NS603", saved(tmp_path, x=np.zeros((40, 8, 8)), y=y), GRAY, classes(1), "values")
    assert "all 4 examples are corrupt" in refused(
        "NS601", saved(tmp_path, x=np.full((4, 8, 8), np.nan), y=np.arange(4)), corrupt="skip"
    )


class _Bomb:
    def __init__(self, trap: Path) -> None:
        self.trap = trap

    def __reduce__(self) -> Any:
        return Path.touch, (self.trap,)


def test_nothing_is_unpickled(tmp_path: Path) -> None:
    trap = tmp_path / "unpickled"
    path = saved(tmp_path, x=np.array([_Bomb(trap)] * 3, dtype=object), y=np.arange(3))
    assert "would run the code in them" in refused("NS601", path)
    assert not trap.exists()


def test_files_that_are_no_npz(tmp_path: Path) -> None:
    path = saved(tmp_path, x=pictures(9, 8, 8), y=np.zeros(9, int))
    whole = path.read_bytes()
    for content in (b"", b"PK\3\4", whole[: len(whole) // 2], whole[:300] + b"\xff" * 9 + whole[309:], b"hello"):
        path.write_bytes(content)
        refused("NS601", path)
    np.save(tmp_path / "x.npy", np.zeros(3))
    (tmp_path / "x.npy").rename(path)
    assert "a single array" in refused("NS601", path)
    assert "it contains left, right" in refused("NS601", saved(tmp_path, left=np.zeros(3), right=np.zeros(3)))
    assert "different numbers of examples" in refused("NS601", saved(tmp_path, x=np.zeros(3), y=np.zeros(4)))
    assert "is empty" in refused("NS601", saved(tmp_path, x=np.zeros((0, 8, 8)), y=np.zeros(0)))
    assert "has no targets" in refused("NS602", saved(tmp_path, x=pictures(9, 8, 8)))
    assert "different arrays" in refused(
        "NS601", saved(tmp_path, x_train=pictures(9, 8, 8), y_train=np.zeros(9, int), x_test=pictures(9, 8, 8))
    )


@pytest.mark.parametrize("task", ["class", "values", "input"])
def test_synthetic_has_the_shapes_of_the_net(task: Any) -> None:
    kinds = {
        "x": TensorType("map", (3, 16, 16)),
        "ids": TensorType("ids", (7,)),
        "rows": TensorType("sequence", (4, 5)),
    }
    output = TensorType("map", (3, 16, 16))
    found = open_collection("synthetic", Wanted(kinds, {"output": Goal(output, task)}), DataOptions(size=100))
    again = open_collection("synthetic", Wanted(kinds, {"output": Goal(output, task)}), DataOptions(size=100))
    batch = found.train.batch([0, 69])
    assert {n: (tuple(t.shape[1:]), t.dtype) for n, t in batch.inputs.items()} == {
        "x": ((3, 16, 16), torch.uint8), "ids": ((7,), torch.int64), "rows": ((4, 5), torch.uint8)
    }  # fmt: skip
    assert len(found.train) == 70
    assert found.fingerprint == again.fingerprint
    assert torch.equal(batch.inputs["x"], again.train.batch([0, 69]).inputs["x"])
    assert batch.target.shape == {"class": (2, 16, 16)}.get(task, (2, 3, 16, 16))


def test_synthetic_labels_hold_or_not() -> None:
    wanted = Wanted(
        {"x": TensorType("vector", (4,))}, {"output": Goal(TensorType("vector", (3,)), "values", labels=True)}
    )
    targets = open_collection("synthetic", wanted, DataOptions(size=100)).train.batch(range(70)).target
    assert sorted(set(targets.flatten().tolist())) == [0, 1]


def test_synthetic_of_any_size() -> None:
    found = opened("synthetic", TensorType("map", (3, 224, 224)), classes(1000), size=1_000_000, test=0, validation=0)
    assert len(found.train) == 1_000_000
    assert set(np.unique(found.train.targets())) <= set(range(1000))
    assert found.train.batch([999_999]).inputs["input"].shape == (1, 3, 224, 224)
    assert "at least 1, found 0" in refused("NS604", "synthetic", size=0)


def test_an_empty_batch_has_its_shape() -> None:
    batch = opened("digits").train.batch([])
    assert batch.inputs["input"].shape == (0, 1, 8, 8)
    assert batch.target.shape == (0,)


def test_names_of_nothing(tmp_path: Path) -> None:
    assert "did you mean `digits`?" in refused("NS601", "digit")
    assert "it is empty" in refused("NS601", tmp_path)
    for name, said in {
        "a.zip": "unpack it",
        "a.pkl": "runs the code",
        "a.npy": "np.savez",
        "a-idx3-ubyte": "folder",
    }.items():
        (tmp_path / name).write_bytes(b"x")
        assert said in refused("NS601", tmp_path / name)
    assert "it contains a\nname the arrays x, y" in refused("NS601", tmp_path)
    (tmp_path / "a.npy").unlink()
    assert "it contains a-idx3-ubyte, a.pkl" in refused("NS601", tmp_path)
    refused("NS601", "x" * 5000)
    refused("NS601", "a\0b")
