"""`netspec data pack`: the same examples as of the source, bit for bit, also of what was interrupted."""

from __future__ import annotations

import io
import json
import shutil
import tarfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from conftest import run_netspec
from PIL import Image
from written import COLOR, classes, every, opened, pictures, refused, save_images

from netspec.announcing import announced_to
from netspec.datasets import Collection, DataOptions, packing
from netspec.datasets.examples import Goal
from netspec.datasets.formats import open_stored
from netspec.datasets.wanted import Wanted
from netspec.diagnostics import SpecError
from netspec.graph import TensorType

SPEC = "input 3x8x8\nconv3-4\ngap\nFC-3\ntrain { epochs 1; batch 8 }\n"


@pytest.fixture
def animals(tmp_path: Path) -> Path:
    save_images(tmp_path / "animals", {"zebra": 30, "cat": 20, "dog": 10}, 12, 9, 3)
    save_images(tmp_path / "animals", {"dog": 12}, 10, 10, 3, suffix=".jpg", seed=100)
    return tmp_path / "animals"


def packed(where: Path, *arguments: str) -> str:
    result = run_netspec("data", "pack", str(where), *arguments)
    assert result.returncode == 0, result.stderr
    return result.stdout


def same(one: Collection, other: Collection) -> None:
    assert one.classes == other.classes
    for first, second in zip(
        (one.train, one.validation, one.test), (other.train, other.validation, other.test), strict=True
    ):
        assert (first is None) == (second is None)
        if first is not None:
            a, b = every(first), every(second)
            assert {n: v.dtype for n, v in a.inputs.items()} == {n: v.dtype for n, v in b.inputs.items()}
            assert all(torch.equal(v, b.inputs[n]) for n, v in a.inputs.items())
            assert torch.equal(a.target, b.target)


def test_files_as_they_are(animals: Path, tmp_path: Path) -> None:
    assert "MB" in packed(animals, "-o", str(tmp_path / "out"))
    source, found = (opened(where, COLOR, classes(3), resize=True) for where in (animals, tmp_path / "out"))
    same(source, found)
    assert found.fingerprint == source.fingerprint
    assert found.train.shown(3) == source.train.shown(3)
    same(opened(animals, COLOR, COLOR, "input", resize=True, folds=3), opened(tmp_path / "out", COLOR, COLOR, "input", resize=True, folds=3))  # fmt: skip
    assert sorted(p.name for p in tmp_path.iterdir()) == ["animals", "out"], "nothing is left beside"


def test_examples_as_a_net_takes_them(animals: Path, tmp_path: Path) -> None:
    (tmp_path / "a.net").write_text(SPEC)
    packed(animals, str(tmp_path / "a.net"), "--resize", "-o", str(tmp_path / "out"))
    same(opened(animals, COLOR, classes(3), resize=True), opened(tmp_path / "out", COLOR, classes(3)))
    assert (tmp_path / "out" / "input-0.bin").stat().st_size == 72 * 3 * 8 * 8
    (tmp_path / "a.net").write_text(SPEC.replace("train {", "train { augment { crop 8 scale=(0.1, 1) };"))
    result = run_netspec("data", "pack", str(animals), str(tmp_path / "a.net"), "-o", str(tmp_path / "b"))
    assert result.returncode == 1
    assert "leave out the spec" in result.stderr


def test_masks_shards_and_arrays(tmp_path: Path) -> None:
    for number, (image, mask) in enumerate(zip(pictures(20, 8, 8, 3), pictures(20, 8, 8) % 3, strict=True)):
        for kind, array in (("images", image), ("masks", mask)):
            (tmp_path / "m" / kind).mkdir(parents=True, exist_ok=True)
            Image.fromarray(array).save(tmp_path / "m" / kind / f"{number}.png")
    packed(tmp_path / "m", "-o", str(tmp_path / "m2"))
    same(*(opened(tmp_path / name, COLOR, TensorType("map", (3, 8, 8))) for name in ("m", "m2")))
    with tarfile.open(tmp_path / "s.tar", "w") as tar:
        for number, image in enumerate(pictures(20, 8, 8, 3)):
            content = io.BytesIO()
            Image.fromarray(image).save(content, "PNG")
            for suffix, data in ((".png", content.getvalue()), (".cls", b"%d" % (number % 3))):
                info = tarfile.TarInfo(f"{number}{suffix}")
                info.size = len(data)
                tar.addfile(info, io.BytesIO(data))
    packed(tmp_path / "s.tar", "-o", str(tmp_path / "s2"))
    same(*(opened(tmp_path / name, COLOR, classes(3)) for name in ("s.tar", "s2")))
    np.savez_compressed(tmp_path / "a.npz", x_train=pictures(40, 8, 8, 3), y_train=np.arange(40) % 3, x_test=pictures(9, 8, 8, 3), y_test=np.arange(9) % 3, classes=np.array(["a", "b", "c"]))  # fmt: skip
    packed(tmp_path / "a.npz", "-o", str(tmp_path / "a2"))
    same(*(opened(tmp_path / name, COLOR, classes(3)) for name in ("a.npz", "a2")))


class Killed(Exception):
    pass


@pytest.mark.parametrize("decoded", [False, True])
@pytest.mark.parametrize("calls", [1, 3])
def test_what_was_interrupted_goes_on(
    animals: Path, tmp_path: Path, monkeypatch: Any, calls: int, decoded: bool
) -> None:
    monkeypatch.setattr(packing, "_ROWS", 10)
    monkeypatch.setattr(packing, "_BYTES", 4 * 3 * 8 * 8 * 10)
    seen: list[int] = []

    def kill(text: str) -> None:
        seen.append(int(text.split()[1]))
        if len(seen) > calls:
            raise Killed

    def pack() -> None:
        options = DataOptions(resize=True)
        wanted = Wanted({"input": COLOR}, {"output": Goal(classes(3), "class")})
        found = open_stored(str(animals), wanted, options)
        if decoded:
            from netspec.datasets.image_set import ImageSet, fitted_images

            assert isinstance(found, ImageSet)
            packing.pack_examples(fitted_images(found, wanted, options), wanted.inputs, tmp_path / "out", options)
        else:
            packing.pack_images(found, tmp_path / "out")  # type: ignore[arg-type]

    with pytest.raises(Killed), announced_to(kill):
        pack()
    assert not (tmp_path / "out").exists()
    for file in (tmp_path / "out.part").glob("*.bin"):  # what a kill leaves: data that is not recorded
        file.open("ab").write(b"half a file")
    again: list[str] = []
    with announced_to(again.append):
        pack()
    assert again[0] == f"packed {seen[-1]} of 72 examples"
    assert seen[-1] > 0
    same(
        opened(animals, COLOR, classes(3), resize=True), opened(tmp_path / "out", COLOR, classes(3), resize=not decoded)
    )


def test_corrupt_files(animals: Path, tmp_path: Path) -> None:
    (animals / "dog" / "0003.png").write_bytes(b"x")
    content = (animals / "cat" / "0002.png").read_bytes()
    (animals / "cat" / "0002.png").write_bytes(content[:-30])
    (animals / "cat" / "link.png").symlink_to("nowhere")
    packed(animals, "-o", str(tmp_path / "out"))
    same(*(opened(where, COLOR, classes(3), resize=True, corrupt="skip") for where in (animals, tmp_path / "out")))
    (tmp_path / "a.net").write_text(SPEC)
    line = ("data", "pack", str(animals), str(tmp_path / "a.net"), "--resize", "-o", str(tmp_path / "b"))
    result = run_netspec(*line)
    assert result.returncode == 1
    assert "NS603" in result.stderr
    result = run_netspec(*line, "--corrupt", "skip")
    assert "3 examples cannot be decoded and are left out" in result.stderr
    same(*(opened(where, COLOR, classes(3), resize=True, corrupt="skip") for where in (animals, tmp_path / "b")))


def test_mistakes(animals: Path, tmp_path: Path) -> None:
    packed(animals, "-o", str(tmp_path / "out"))
    result = run_netspec("data", "pack", str(animals), "-o", str(tmp_path / "out"))
    assert "exists already" in result.stderr
    assert run_netspec("data", "pack", str(animals), "--resize", "-o", "x").returncode == 2
    assert "`FC-3`" in refused("NS602", tmp_path / "out", COLOR, classes(4), resize=True)
    shutil.copytree(tmp_path / "out", tmp_path / "cut")
    with (tmp_path / "cut" / "images.bin").open("r+b") as file:
        file.truncate(100)
    assert "does not hold 72 files" in refused("NS601", tmp_path / "cut", COLOR, classes(3))
    for said in ({}, {"format": "netspec data 9"}, [], "x"):
        (tmp_path / "cut" / "packed.json").write_text(json.dumps(said))
        assert "is not whole" in refused("NS601", tmp_path / "cut", COLOR, classes(3))
    result = run_netspec("data", "pack", "synthetic", "-o", str(tmp_path / "z"))
    assert result.returncode == 1
    assert not (tmp_path / "z").exists()


def test_arrays_that_only_a_net_asks_for_are_not_lost(tmp_path: Path) -> None:
    np.savez(tmp_path / "x.npz", x=np.zeros((4, 2)), y=np.arange(4), box=np.zeros((4, 4)))
    found = open_stored(str(tmp_path / "x.npz"), Wanted.anything(), DataOptions())
    with pytest.raises(SpecError, match="cannot be packed without a net"):
        packing.pack_arrays(found, tmp_path / "out")  # type: ignore[arg-type]


def test_columns_that_only_a_net_asks_for_are_named(animals: Path, tmp_path: Path) -> None:
    files = sorted(p.relative_to(tmp_path).as_posix() for p in animals.rglob("*.png"))
    lines = [f"{number},{name},{name.split('/')[1]},{number / 2}" for number, name in enumerate(files)]
    (tmp_path / "data.csv").write_text("\n".join(["id,file,label,age", *lines]))
    result = run_netspec("data", "pack", str(tmp_path / "data.csv"), "-o", str(tmp_path / "out"))
    assert "left out, as only the images and their labels are packed: `id`, `age`" in result.stderr
    same(*(opened(where, COLOR, classes(3), resize=True) for where in (tmp_path / "data.csv", tmp_path / "out")))
    assert "without the spec of a net that takes it: id, age" in run_netspec("data", "check", str(tmp_path / "data.csv")).stdout  # fmt: skip
    (tmp_path / "plain.csv").write_text("\n".join(["file", *files]))
    result = run_netspec("data", "pack", str(tmp_path / "plain.csv"), "-o", str(tmp_path / "plain"))
    assert not result.stderr
    same(*(opened(where, COLOR, COLOR, "input", resize=True) for where in (tmp_path / "plain.csv", tmp_path / "plain")))


def test_a_folder_that_is_there_or_has_no_name() -> None:
    for there in (".", "/"):
        with pytest.raises(SpecError, match="exists already"):
            packing.require_new(Path(there))


def test_a_disk_that_fails_at_the_end(animals: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(packing, "write_arrays", full)
        failed = run_netspec("data", "pack", str(animals), "-o", str(tmp_path / "out"))
    assert failed.returncode == 1
    assert "error[NS501]" in failed.stderr
    assert "No space left on device" in failed.stderr
    (blob,) = (tmp_path / "out.part").glob("images.bin")
    blob.write_bytes(blob.read_bytes()[:-5])
    assert "has become shorter" in run_netspec("data", "pack", str(animals), "-o", str(tmp_path / "out")).stderr


def test_packed_files_that_do_not_go_together(animals: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    packing.pack_images(open_stored(str(animals), Wanted.anything(), DataOptions()), out)  # type: ignore[arg-type]
    ends = np.fromfile(out / "images.ends", "<u8")
    ends[[0, 1]] = ends[[1, 0]]
    ends.tofile(out / "images.ends")
    with pytest.raises(SpecError, match=r"is\s+not\s+whole"):
        open_stored(str(out), Wanted.anything(), DataOptions())
    np.sort(ends).tofile(out / "images.ends")
    np.save(out / "part.npy", np.zeros(3, np.int8))
    with pytest.raises(SpecError, match=r"is\s+not\s+whole"):
        open_stored(str(out), Wanted.anything(), DataOptions())
