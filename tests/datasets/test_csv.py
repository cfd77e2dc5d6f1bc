"""CSV files of image files, texts and numbers: what is read, and what is refused."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from written import classes, every, opened, pictures, refused

from netspec.datasets.table import Table, read_table
from netspec.diagnostics import SpecError
from netspec.graph import TensorType

VECTOR = TensorType("vector", (4,))
WHOLE: dict[str, Any] = {"validation": 0.0, "test": 0.0}


def write(path: Path, rows: list[list[Any]], delimiter: str = ",") -> Path:
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file, delimiter=delimiter).writerows(rows)
    return path


@pytest.fixture
def images(tmp_path: Path) -> Any:
    """Ten images, whose first pixel is their number."""
    found = pictures(10, 8, 8)
    (tmp_path / "img").mkdir()
    for number, image in enumerate(found):
        image[0, 0] = number
        Image.fromarray(image).save(tmp_path / "img" / f"{number}.png")
    return found


def numbers_of(batch: Any) -> list[int]:
    return [int(n) for n in batch.inputs["input"][:, 0, 0, 0]]


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_files_and_labels(tmp_path: Path, images: Any, delimiter: str) -> None:
    names = ["dog", "cat"]
    rows = [["File", "Label"], *([f"img/{i}.png", names[i % 2]] for i in range(10))]
    found = opened(write(tmp_path / "labels.csv", rows, delimiter), output=classes(2), **WHOLE)
    assert found.classes == ("cat", "dog")
    batch = every(found.train)
    assert batch.target.tolist() == [1 - n % 2 for n in numbers_of(batch)]
    assert (batch.inputs["input"][:, 0].numpy() == images[numbers_of(batch)]).all()


def test_a_table_without_names_of_columns(tmp_path: Path, images: Any) -> None:
    path = write(tmp_path / "labels.csv", [[f"img/{i}.png", i % 3] for i in range(10)])
    batch = every(opened(path, output=classes(3), **WHOLE).train)
    assert batch.target.tolist() == [n % 3 for n in numbers_of(batch)]
    assert len(batch.target) == 10


def test_values_of_images(tmp_path: Path, images: Any) -> None:
    rows = [["image", "width", "height"], *([f"img/{i}.png", i + 0.5, -i] for i in range(10))]
    batch = every(opened(write(tmp_path / "v.csv", rows), output=classes(2), task="values", **WHOLE).train)
    assert batch.target.tolist() == [[n + 0.5, -n] for n in numbers_of(batch)]


def test_a_column_of_splits(tmp_path: Path, images: Any) -> None:
    parts = ["train"] * 6 + ["val"] * 3 + ["test"]
    rows = [["file", "label", "split"], *([f"img/{i}.png", i % 2, parts[i]] for i in range(10))]
    found = opened(write(tmp_path / "labels.csv", rows), output=classes(2))
    assert [len(p) for p in (found.train, found.validation, found.test) if p is not None] == [6, 3, 1]
    assert numbers_of(every(found.test)) == [9]
    rows[3][2] = "holdout"
    assert "line 4" in refused("NS601", write(tmp_path / "labels.csv", rows), output=classes(2))


def test_no_file_outside_of_the_folder_is_read(tmp_path: Path, images: Any) -> None:
    inner = tmp_path / "inner"
    inner.mkdir()
    outside = tmp_path / "img" / "0.png"
    (inner / "link.png").symlink_to(outside)
    (inner / "up").symlink_to(tmp_path / "img")
    (inner / "own.png").write_bytes(outside.read_bytes())
    for name in ("../img/0.png", str(outside), "link.png", "up/0.png", "a/../../img/0.png", "", "x\0.png"):
        path = write(inner / "labels.csv", [["file", "label"], ["own.png", "a"], [name, "b"]])
        said = refused("NS601", path, output=classes(2))
        assert "line 3" in said or "NUL" in said, said
    assert (
        len(opened(write(inner / "l.csv", [["file", "label"], ["own.png", "a"]]), output=classes(1), **WHOLE).train)
        == 1
    )


def test_files_that_are_not_there(tmp_path: Path, images: Any) -> None:
    said = refused("NS601", write(tmp_path / "l.csv", [["file", "label"], ["0", "a"], ["1", "b"]]), output=classes(2))
    assert "2 of the 2 files" in said
    assert "`img/0.png`" in said
    said = refused("NS601", write(tmp_path / "l.csv", [["file", "label"], ["img\\0.png", "a"]]), output=classes(2))
    assert "separate folders with `/`" in said


def test_which_column_is_the_label(tmp_path: Path, images: Any) -> None:
    rows = [["file", "size", "kind"], *([f"img/{i}.png", i, "ab"[i % 2]] for i in range(10))]
    said = refused("NS601", write(tmp_path / "l.csv", rows), output=classes(2))
    assert "several columns may be the label" in said
    assert "`file`, `size`, `kind`" in said
    rows[0][2] = "class"
    assert opened(write(tmp_path / "l.csv", rows), output=classes(2), **WHOLE).classes == ("a", "b")
    rows[4][2] = " "
    assert "line 5" in refused("NS601", write(tmp_path / "l.csv", rows), output=classes(2))
    assert "has 2 classes, but the net has 10" in refused(
        "NS602", write(tmp_path / "l.csv", [["file", "label"], ["img/0.png", "a"], ["img/1.png", "b"]])
    )


def test_a_table_of_numbers_like_that_of_numpy(tmp_path: Path) -> None:
    x = np.random.RandomState(0).normal(size=(30, 4)).round(3)
    names = np.array(["setosa", "other"])[np.arange(30) % 2]
    path = write(tmp_path / "iris.csv", [["", "a", "b", "c", "d", "species"], *([i, *r, n] for i, (r, n) in enumerate(zip(x, names, strict=True)))])  # fmt: skip
    found = opened(path, VECTOR, classes(2), **WHOLE)
    batch = every(found.train)
    assert found.classes == ("other", "setosa")
    assert batch.inputs["input"].numpy() == pytest.approx(x.astype(np.float32))
    assert batch.target.tolist() == [1 - i % 2 for i in range(30)]
    path = write(tmp_path / "two.csv", [[*r, 2 * i, -i] for i, r in enumerate(x)])
    batch = every(opened(path, VECTOR, classes(2), "values", **WHOLE).train)
    assert batch.target.tolist() == [[2 * i, -i] for i in range(30)]


def test_pixels_are_bytes(tmp_path: Path) -> None:
    pixels = pictures(6, 8, 8)
    rows = [["label", *(f"pixel{i}" for i in range(64))], *([i, *p.ravel()] for i, p in enumerate(pixels))]
    batch = every(opened(write(tmp_path / "p.csv", rows), output=classes(6), **WHOLE).train)
    assert (batch.inputs["input"][:, 0].numpy() == pixels).all()
    assert batch.inputs["input"].numpy().dtype == np.uint8
    assert batch.target.tolist() == list(range(6))


def test_cells_and_lines_that_are_wrong(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    cases = {
        "a,b,c,d,e\n1,2,3,4,x\n\n1,oops,3,4,x\n": "line 4 of t.csv has no number in the column `b`",
        "a,b,c,d,e\n1,2,,4,x\n": "it is empty",
        "a,b,c,d,e\n1,2,3,x\n": "line 2 of t.csv has 4 columns, but the first line has 5",
        "a,b,c,d,label\n": "t.csv has no rows",
        "": "t.csv is empty",
        'a,b,c,d,e\n1,2,3,4,"x\n': "",
    }
    for text, wanted in cases.items():
        path.write_text(text)
        if wanted:
            assert wanted in refused("NS601", path, VECTOR, classes(2)).replace(f"{tmp_path}/", ""), text
    path.write_bytes(b"a,b\n\xff,1\n")
    assert "not text in UTF-8" in refused("NS601", path, VECTOR, classes(2))
    path.write_text("a,b,c\n1,2,x\n1,2,y\n")
    said = refused("NS602", path, VECTOR, classes(2))
    assert "there are 2 columns of inputs: `a`, `b`" in said
    assert "the net takes a vector of 4" in said
    path.write_text("a,b,c,d,e\n1,2,3,nan,x\n1,2,3,4,y\n")
    assert "not a finite number" in refused("NS603", path, VECTOR, classes(2))
    assert "lists files" in refused("NS602", write(path, [["file", "label"], ["x.png", "a"]]), VECTOR, classes(2))


def test_the_fingerprint_is_that_of_the_content(tmp_path: Path, images: Any) -> None:
    rows = [["file", "label"], *([f"img/{i}.png", "ab"[i % 2]] for i in range(10))]
    path = write(tmp_path / "labels.csv", rows)
    before = opened(path, output=classes(2)).fingerprint
    assert opened(path, output=classes(2)).fingerprint == before
    rows[1][1] = "b"
    assert opened(write(path, rows), output=classes(2)).fingerprint != before


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("img/" + "x" * 300 + ".png", "cannot be found"),
        ("loop/a.png", "cannot be found"),
        ("x/" * 3000 + "a.png", "cannot be found"),
    ],
)
def test_names_that_the_system_refuses_are_files_that_are_missing(
    tmp_path: Path, images: Any, name: str, said: str
) -> None:
    (tmp_path / "loop").symlink_to("loop")
    rows = [["file", "label"], *([f"img/{i}.png", i % 2] for i in range(10)), [name, 1]]
    found = refused("NS601", write(tmp_path / "labels.csv", rows), output=classes(2))
    assert said in found
    assert "line 12 names" in found
    numbers = write(tmp_path / "v.csv", [["y" * 400, 1], *([f"n{i}", i % 2] for i in range(5))])
    assert "File name too long" not in refused("NS602", numbers, output=classes(2))


def test_a_table_of_many_columns_is_read_once(tmp_path: Path) -> None:
    calls = 0
    found = Table.find

    def counted(table: Table, role: str) -> list[int]:
        nonlocal calls
        calls += 1
        return found(table, role)

    path = write(tmp_path / "wide.csv", [[f"c{i}" for i in range(500)], [1] * 500, [2] * 500])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Table, "find", counted)
        refused("NS602", path, VECTOR, classes(2))
    assert calls < 10


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize(
    ("label", "code"), [("1e300", "NS601"), (str(10**18), "NS601"), ("1e15", "NS602"), ("9" * 400, "NS603")]
)
def test_labels_that_number_no_classes(tmp_path: Path, label: str, code: str) -> None:
    path = write(
        tmp_path / "n.csv", [["a", "b", "c", "d", "label"], *([i, 1, 2, 3, label if i % 2 else 0] for i in range(9))]
    )
    found = refused(code, path, VECTOR, classes(2))
    assert "such as `FC-" not in found
    assert "-9223372036854775808" not in found


def test_a_table_without_inputs_is_not_told_to_be_an_input_of_none(tmp_path: Path) -> None:
    found = refused("NS602", write(tmp_path / "n.csv", [["label"], [1], [0]]), VECTOR, classes(2))
    assert "input 0" not in found


def test_a_row_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    path = tmp_path / "n.csv"
    path.write_text('a,b,c,d,label\n1,2,3,4,0\n"' + "x" * 200_000)
    assert "the row after line 2" in refused("NS601", path, VECTOR, classes(2))


def test_decimal_commas_where_semicolons_separate(tmp_path: Path) -> None:
    path = tmp_path / "e.csv"
    path.write_text("a;b;y\n1,5;-2;0,25\n3.5;1,0e2;7\n")
    assert read_table(path).numbers([0, 1, 2]).tolist() == [[1.5, -2, 0.25], [3.5, 100, 7]]
    path.write_text("a;b;y\n1.234,5;2;3\n")
    with pytest.raises(SpecError, match="NS601"):
        read_table(path).numbers([0])
