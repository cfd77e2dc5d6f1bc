"""Weights from outside: what is no dense array of finite real numbers is refused, and nothing is written."""

from __future__ import annotations

import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from click.testing import CliRunner, Result
from safetensors.torch import save_file

import netspec
from netspec.cli import main
from netspec.diagnostics import SpecError

SPEC = "input 4; FC-3 act=none; FC-2 act=none"
MODEL = netspec.loads(SPEC)
STATE = MODEL.to_torch(seed=0).state_dict()

REFUSED: dict[str, Callable[[Any], Any]] = {
    "sparse": lambda t: t.to_sparse(),
    "sparse rows": lambda t: t.to_sparse_csr(),
    "meta": lambda t: t.to("meta"),
    "quantized": lambda t: torch.quantize_per_tensor(t, 0.1, 0, torch.qint8),
    "float8": lambda t: t.to(torch.float8_e4m3fn),
    "complex": lambda t: t.to(torch.complex64),
    "NaN": lambda t: t * float("nan"),
    "infinity": lambda t: t * float("inf"),
    "beyond float32": lambda t: t.double() * 1e300,
    "bool": lambda t: t > 0,
    "int8": lambda t: t.to(torch.int8),
    "nested": lambda t: torch.nested.nested_tensor([t[0], t[1, :2]]) if t.ndim > 1 else t,
    "expanded": lambda t: torch.zeros(1).expand(t.shape),
}
STORABLE = ("float8", "complex", "NaN", "infinity", "beyond float32", "bool", "int8")


def run(*arguments: object) -> Result:
    return CliRunner().invoke(main, [str(a) for a in arguments], env={"COLUMNS": "200"})


def refuse(path: Path, folder: Path) -> str:
    """The one diagnostic of `compile` and of `weights map`, which leave the old files."""
    spec, model, mapped = folder / "m.net", folder / "m.onnx", folder / "m.safetensors"
    spec.write_text(SPEC)
    model.write_text("old")
    mapped.write_text("old")
    results = [run("compile", spec, "-o", model, "--weights", path), run("weights", "map", spec, path, "-o", mapped)]
    for result in results:
        assert result.exit_code == 1, result.output
        assert result.stderr.count("error[NS503]") == 1
    assert model.read_text() == mapped.read_text() == "old"
    return results[0].stderr


def changed(change: Callable[[Any], Any]) -> dict[Any, Any]:
    return STATE | {"fc1.weight": change(STATE["fc1.weight"])}


@pytest.mark.parametrize("kind", REFUSED)
@pytest.mark.filterwarnings("ignore")
def test_a_state_dict_with_a_tensor_that_is_no_weight(kind: str, tmp_path: Path) -> None:
    torch.save(changed(REFUSED[kind]), tmp_path / "w.pt")
    assert "`fc1.weight`" in refuse(tmp_path / "w.pt", tmp_path)


@pytest.mark.parametrize("kind", STORABLE)
def test_safetensors_with_a_tensor_that_is_no_weight(kind: str, tmp_path: Path) -> None:
    save_file(changed(REFUSED[kind]), tmp_path / "w.safetensors")
    assert "`fc1.weight`" in refuse(tmp_path / "w.safetensors", tmp_path)


@pytest.mark.parametrize("dtype", [torch.float64, torch.float16, torch.bfloat16])
@pytest.mark.parametrize("name", ["w.pt", "w.safetensors"])
def test_other_precisions_are_read(dtype: torch.dtype, name: str, tmp_path: Path) -> None:
    state = {n: t.to(dtype) for n, t in STATE.items()}
    if name.endswith("pt"):
        torch.save(state, tmp_path / name)
    else:
        save_file(state, tmp_path / name)
    model = MODEL.to_onnx(None, tmp_path / name)
    assert model is not None
    held = {i.name: i for i in model.graph.initializer}
    stored = np.frombuffer(held["fc1.weight"].raw_data, np.float32).reshape(3, 4)
    np.testing.assert_array_equal(stored, state["fc1.weight"].float().numpy())


def test_names_that_are_numbers(tmp_path: Path) -> None:
    torch.save({0: STATE["fc1.weight"], **STATE}, tmp_path / "w.pt")
    assert "the tensor name 0" in refuse(tmp_path / "w.pt", tmp_path)


def test_an_archive_that_unfolds_to_a_gigabyte(tmp_path: Path) -> None:
    torch.save(STATE, tmp_path / "good.pt")
    source = zipfile.ZipFile(tmp_path / "good.pt")
    with zipfile.ZipFile(tmp_path / "w.pt", "w", zipfile.ZIP_DEFLATED) as bomb:
        for info in source.infolist():
            large = info.filename.endswith("data/0")
            bomb.writestr(info.filename, bytes(300_000_000) if large else source.read(info))
    assert "its uncompressed size" in refuse(tmp_path / "w.pt", tmp_path)


def test_a_tensor_that_claims_terabytes_is_never_made(tmp_path: Path) -> None:
    torch.save(STATE | {"fc1.weight": torch.zeros(1, dtype=torch.float16).expand(8 * 10**12)}, tmp_path / "w.pt")
    run("weights", "map", tmp_path / "m.net", tmp_path / "w.pt")
    refuse_other = run("weights", "map", tmp_path / "none.net", tmp_path / "w.pt")
    assert refuse_other.exit_code == 1
    with pytest.raises(SpecError, match="NS503"):
        MODEL.to_onnx(None, tmp_path / "w.pt")


def test_code_in_a_pickle_is_not_run_nor_recommended(tmp_path: Path) -> None:
    torch.save({"fc1.weight": Path("x")}, tmp_path / "w.pt")
    said = refuse(tmp_path / "w.pt", tmp_path)
    assert "it contains more than tensors and plain values" in said
    assert "weights_only=False" not in said


@pytest.mark.parametrize("name", ["w.pt", "w.safetensors"])
@pytest.mark.parametrize("content", [b"", b"hello", b"\x93NUMPY", b"PK\x03\x04" + bytes(50), b"\xff" * 100])
def test_files_that_hold_no_weights(content: bytes, name: str, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(content)
    refuse(tmp_path / name, tmp_path)


def test_a_weight_beyond_half_precision(tmp_path: Path) -> None:
    state = changed(lambda t: t * 1e6)
    with pytest.raises(SpecError, match="half precision"):
        MODEL.to_onnx(None, state, fp16=True)
    with pytest.raises(SpecError, match="half precision"):
        MODEL.to_onnx(tmp_path / "m.onnx", state, fp16=True)
    assert list(tmp_path.iterdir()) == []


def test_a_negative_variance() -> None:
    model = netspec.loads("input 4; FC-3 act=none bias=no; bn")
    state = model.to_torch(seed=0).state_dict()
    state["bn1.running_var"] -= 5
    with pytest.raises(SpecError, match="negative variance"):
        model.to_onnx(None, state)
