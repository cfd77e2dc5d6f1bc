"""`netspec data check`: what is in data, what is broken, what is in two parts, and whether it fits a net."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
from conftest import run_netspec
from PIL import Image
from written import pictures, save_images

from netspec.datasets import DataOptions
from netspec.datasets.contents import contents_of
from netspec.datasets.formats import open_stored
from netspec.datasets.wanted import Wanted
from netspec.diagnostics import SpecError

SPEC = "input 3x8x8\nconv3-4\ngap\nFC-2\ntrain { epochs 1 }\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    save_images(tmp_path / "pets" / "train", {"cat": 6, "dog": 4}, 8, 8, 3)
    save_images(tmp_path / "pets" / "test", {"cat": 2, "dog": 3}, 8, 8, 3, seed=50)
    (tmp_path / "a.net").write_text(SPEC)
    return tmp_path / "pets"


def checked(*arguments: object) -> tuple[int, str]:
    result = run_netspec("data", "check", *map(str, arguments))
    return result.returncode, result.stdout + result.stderr


def test_what_is_in_a_folder(folder: Path, tmp_path: Path) -> None:
    code, said = checked(folder, tmp_path / "a.net", "--validation", "0")
    assert code == 0, said
    assert "15 examples in 2 classes" in said
    lines = [line.split() for line in said.splitlines()]
    assert ["train", "test"] in lines
    assert ["cat", "6", "2"] in lines
    assert ["dog", "4", "3"] in lines
    assert ["all", "10", "5"] in lines
    assert "sizes: 3x8x8 (15)" in said
    assert "the data fits a.net" in said


def test_every_broken_file_and_every_copy_is_named(folder: Path) -> None:
    (folder / "train" / "cat" / "0001.png").write_bytes(b"not an image")
    content = (folder / "test" / "dog" / "0001.png").read_bytes()
    (folder / "test" / "dog" / "0001.png").write_bytes(content[:90])
    copied = Image.open(folder / "train" / "dog" / "0000.png")
    copied.save(folder / "test" / "cat" / "copy.bmp")  # other bytes, the same pixels
    shutil.copy(folder / "test" / "dog" / "0002.png", folder / "test" / "dog" / "0003.png")  # in one part: no leak
    for name in ("train", "test"):
        Image.fromarray(np.zeros((8, 8, 3), np.uint8)).save(folder / name / "cat" / "black.png")
    code, said = checked(folder, "--validation", "0")
    assert code == 1
    assert said.count("broken:") == 2
    assert "cat/0001.png: the format is not one of" in said
    assert said.count("copy:") == 1
    assert "cat/copy.bmp (test) is" in said
    assert "dog/0000.png (train), with another label" in said
    assert "2 examples cannot be read; 1 example is a copy of one in another part" in " ".join(said.split())


def test_data_that_does_not_fit(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "a.net").write_text(SPEC.replace("FC-2", "FC-5"))
    code, said = checked(folder, tmp_path / "a.net")
    assert code == 1
    assert "NS602" in said
    assert "15 examples" in said
    assert checked(tmp_path / "nowhere")[0] == 1


def test_arrays_and_packed_data(folder: Path, tmp_path: Path) -> None:
    x = pictures(40, 8, 8).astype(np.float32)
    x[3, 1, 2] = np.nan
    x[39] = x[0]
    np.savez(tmp_path / "a.npz", x_train=x[:30], y_train=np.arange(30) % 3, x_test=x[30:], y_test=np.arange(10) % 3)
    code, said = checked(tmp_path / "a.npz")
    assert code == 1
    assert "broken: example 3:" in said
    assert "copy: example 39 (test) is example 0 (train)" in said
    assert "sizes: 8x8 (39)" in said
    assert run_netspec("data", "pack", str(folder), "-o", str(tmp_path / "out")).returncode == 0
    assert checked(tmp_path / "out")[1].splitlines()[1:] == checked(folder)[1].splitlines()[1:]
    assert run_netspec("data", "pack", str(folder), str(tmp_path / "a.net"), "-o", str(tmp_path / "b")).returncode == 0
    code, said = checked(tmp_path / "b", tmp_path / "a.net")
    assert (code, "15 examples in 2 classes" in said) == (0, True), said


def test_arrays_that_do_not_go_together(tmp_path: Path) -> None:
    x, y = pictures(20, 8, 8, 1), np.arange(20) % 2
    given = {"short": y[:9], "date": np.array(["2020-01-01"] * 20, "M8[D]"), "minus": y - 1, "large": y + 2**40}
    said = {}
    for name, targets in given.items():
        np.savez(tmp_path / "x.npz", x=x, y=targets, classes=np.array(["cat", "dog"]))
        said[name] = looked_at(tmp_path / "x.npz")
    assert said["short"] == "the arrays of x.npz have different numbers of examples"
    assert said["date"] == "the targets of x.npz are not numbers"
    assert said["minus"] == ("-1", "cat")
    assert said["large"] == (str(2**40), str(2**40 + 1))


def looked_at(where: Path) -> object:
    try:
        found = open_stored(str(where), Wanted.anything(), DataOptions())
        return contents_of(found, DataOptions()).classes
    except SpecError as error:
        return error.diagnostics[0].message.replace(str(where), where.name)


def test_examples_as_a_net_takes_them_are_read_too() -> None:
    found = contents_of(open_stored("digits", Wanted.anything(), DataOptions()), DataOptions())
    assert found.sizes == {(1, 8, 8): 1797}
    with pytest.raises(SpecError, match="synthetic data has the shapes of a network"):
        open_stored("synthetic", Wanted.anything(), DataOptions())
