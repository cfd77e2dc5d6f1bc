"""A run's folder wherever weights are taken, and the names of its classes in what is exported."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import onnx
import pytest
from PIL import Image
from running import engine_of
from small_runs import CONV, conv_run, netspec

import netspec as api
from netspec.diagnostics import SpecError
from netspec.model import load
from netspec.reading.state_dicts import read_state

NAMES = list("0123456789")
PIXELS = np.random.default_rng(0).integers(0, 256, (16, 1, 8, 8), dtype=np.uint8)


@pytest.fixture
def spec(tmp_path: Path) -> Path:
    path = tmp_path / "small.net"
    path.write_text(CONV.format(seed=1, more=""))
    return path


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    Image.fromarray(PIXELS[0, 0]).save(tmp_path / "a.png")
    return tmp_path / "a.png"


def names_in(path: Path) -> list[str]:
    props = {p.key: p.value for p in onnx.load(path).metadata_props}
    return json.loads(props.get("netspec.classes", "[]"))


def test_a_run_stands_for_its_best_weights(spec: Path) -> None:
    run = conv_run()
    held, best = read_state(run), read_state(run / "best.safetensors")
    assert list(held) == list(best)
    assert all((held[name] == best[name]).all() for name in best)
    model = load(spec)
    by_run, by_file = model.to_onnx(weights=run), model.to_onnx(weights=run / "best.safetensors")
    assert by_run == by_file
    assert engine_of(CONV.format(seed=1, more=""), "digits", weights=run).notes[0].startswith("weights: 4 of 4 tensors")


def test_a_folder_that_is_no_run(tmp_path: Path) -> None:
    with pytest.raises(SpecError, match=r"is\s+neither\s+a\s+file\s+with\s+weights"):
        read_state(tmp_path)
    (tmp_path / "run.json").write_text("{}")
    with pytest.raises(SpecError, match=r"has\s+no\s+best\s+weights\s+yet"):
        read_state(tmp_path)


def test_compile_of_a_run_carries_its_class_names(spec: Path, tmp_path: Path) -> None:
    run = conv_run()
    for number, arguments in enumerate(([spec, "--weights", run], [run], [run, "--weights", run / "last.safetensors"])):
        out = tmp_path / f"{number}.onnx"
        result = netspec("compile", *arguments, "-o", out)
        assert result.exit_code == 0, result.output
        assert names_in(out) == (NAMES if number < 2 else [])
    assert "10 class names" in netspec("compile", run, "-o", tmp_path / "again.onnx").output


def test_class_names_outlive_quantization(tmp_path: Path) -> None:
    np.save(tmp_path / "some.npy", PIXELS.astype(np.float32) / 255)
    out = tmp_path / "small.onnx"
    result = netspec("compile", conv_run(), "-o", out, "--int8", "--calibrate", tmp_path / "some.npy")
    assert result.exit_code == 0, result.output
    assert names_in(out) == NAMES


def test_run_prints_class_names(spec: Path, picture: Path, tmp_path: Path) -> None:
    model = api.load(spec)
    model.to_onnx(tmp_path / "named.onnx", conv_run(), classes=[f"digit {n}" for n in NAMES])
    result = netspec("run", tmp_path / "named.onnx", "--input", picture, "--top", 2)
    assert result.output.count("digit ") == 2, result.output
    (tmp_path / "names.txt").write_text("\n".join("abcdefghij"))
    assert (
        "digit"
        not in netspec("run", tmp_path / "named.onnx", "--input", picture, "--labels", tmp_path / "names.txt").output
    )
    for arguments in ([spec, "--weights", conv_run()], [conv_run()]):
        result = netspec("run", *arguments, "--input", picture)
        assert result.exit_code == 0, result.output
        assert "untrained" not in result.output


@pytest.mark.parametrize("value", ["no json", "{}", "[1, 2]", '["a"]', "[" * 100_000])
def test_names_from_outside_that_do_not_fit(spec: Path, picture: Path, tmp_path: Path, value: str) -> None:
    proto = api.load(spec).to_onnx(weights=conv_run())
    assert proto is not None
    onnx.helper.set_model_props(proto, {"netspec.classes": value})
    onnx.save(proto, tmp_path / "odd.onnx")
    result = netspec("run", tmp_path / "odd.onnx", "--input", picture)
    assert result.exit_code == 0, result.output
