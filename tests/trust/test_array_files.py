"""Arrays from outside: what their headers claim and what they unfold to is known before it is read."""

from __future__ import annotations

import gzip
import io
import resource
import struct
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from netspec.datasets import DataOptions, Goal, Wanted, open_collection
from netspec.datasets.idx import read_idx
from netspec.diagnostics import SpecError
from netspec.graph import TensorType
from netspec.reading.arrays import open_archive, read_array, read_arrays

VECTOR, SCORES = TensorType("vector", (8,)), TensorType("vector", (2,))


def npy(shape: tuple[int, ...], descr: str = "<f4", content: bytes = b"") -> bytes:
    stream = io.BytesIO()
    np.lib.format.write_array_header_1_0(stream, {"descr": descr, "fortran_order": False, "shape": shape})
    return stream.getvalue() + content


@pytest.mark.parametrize(
    "content",
    [
        npy((10**12, 8)),
        npy((10**18, 10**18)),
        npy((10**12,), "<U0"),
        npy((2,), "|O"),
        npy((-1,), "<f4"),
        npy((4,), "<f4", bytes(15)),
        npy((1,) * 80, "<f4", bytes(4)),
        npy((4,))[:40],
        b"",
        b"hello",
        b"\x93NUMPY\x07\x00",
        b"\x93NUMPY\x01\x00\xff\xff" + b"{" * 5000,
        b"\x93NUMPY\x01\x00\xb8\x0b" + b"(" * 3000,
    ],
)
def test_a_header_that_lies(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "x.npy").write_bytes(content)
    with zipfile.ZipFile(tmp_path / "x.npz", "w") as archive:
        archive.writestr("x.npy", content)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(SpecError, match="NS503"):
        read_array(tmp_path / "x.npy")
    with pytest.raises(SpecError, match="NS503"):
        read_arrays(tmp_path / "x.npz")
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 100_000


@pytest.mark.parametrize(
    "array",
    [
        np.arange(12).reshape(3, 4),
        np.asfortranarray(np.arange(12.0).reshape(3, 4)),
        np.array(5),
        np.zeros((0, 3)),
        np.array(["a", "bc"]),
        np.array([True, False]),
    ],
)
def test_what_numpy_writes_is_read(array: Any, tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", array)
    np.savez_compressed(tmp_path / "x.npz", a=array, b=array)
    np.testing.assert_array_equal(read_array(tmp_path / "x.npy"), array)
    with open_archive(tmp_path / "x.npz") as archive:
        assert sorted(archive) == ["a", "b"]
        np.testing.assert_array_equal(archive["a"], array)
        assert archive["b"].dtype == array.dtype


def test_an_archive_that_unfolds_a_thousandfold(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "x.npz", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("x.npy", npy((300_000_000,), "|u1", bytes(300_000_000)))
    with pytest.raises(SpecError, match="unfolds") as caught:
        open_collection(
            str(tmp_path / "x.npz"), Wanted({"x": VECTOR}, {"output": Goal(SCORES, "class")}), DataOptions()
        )
    assert caught.value.diagnostics[0].code == "NS601"


@pytest.mark.slow
def test_how_to_store_what_unfolds_is_said(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "x.npz", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("x.npy", npy((300_000_000,), "|u1", bytes(300_000_000)))
    for read in (read_arrays, _first_array):
        with pytest.raises(SpecError, match="NS503") as caught:
            read(tmp_path / "x.npz")
        assert caught.value.diagnostics[0].helps == ("store it uncompressed: np.savez",)
        assert "uncompressed size" in caught.value.diagnostics[0].notes[0]
    with np.load(tmp_path / "x.npz") as archive:  # and that it is the way out
        np.savez(tmp_path / "stored.npz", x=archive["x"][:4_000_000])
    assert read_arrays(tmp_path / "stored.npz")["x"].shape == (4_000_000,)


def _first_array(path: Path) -> Any:
    with open_archive(path) as archive:
        return next(iter(archive.values()))


def test_images_of_idx_that_unfold_a_thousandfold(tmp_path: Path) -> None:
    path = tmp_path / "train-images-idx3-ubyte.gz"
    with gzip.open(path, "wb") as file:
        file.write(b"\0\0\x08\x03" + struct.pack(">3I", 300_000, 1000, 1) + bytes(300_000_000))
    with pytest.raises(SpecError, match="too large"):
        read_idx(path, 3)
