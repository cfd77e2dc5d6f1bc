"""`netspec run` on models and files of any origin: an answer or a diagnostic."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from click.testing import CliRunner, Result
from onnx import TensorProto as T
from onnx import helper
from PIL import Image

from netspec.cli import main

INFO = helper.make_tensor_value_info
PARTS = ["c", "z", "k", "w"]
CONSTANTS = {
    "c": helper.make_tensor("c", T.FLOAT, [2], [1, 2]),
    "z": helper.make_tensor("z", T.FLOAT, [], [0.5]),
    "k": helper.make_tensor("k", T.INT64, [1], [7]),
    "w": helper.make_tensor("w", T.FLOAT, [3, 2], [0.0] * 6),
}


def run(*arguments: object) -> Result:
    return CliRunner().invoke(main, ["run", *(str(a) for a in arguments)], env={"COLUMNS": "200"})


def written(path: Path, node: Sequence[Any], inputs: Sequence[Any], output: Any) -> Path:
    op, taken = node[0], list(node[1:])
    used = [CONSTANTS[n] for n in taken if n in CONSTANTS]
    graph = helper.make_graph([helper.make_node(op, taken, ["y"])], "g", list(inputs), [output], initializer=used)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.save(model, path)
    return path


IDENTITY = ("Identity", "x")
CASES: dict[str, tuple[Any, Any, Any, str | None]] = {
    "no input": (("Identity", "c"), [], INFO("y", T.FLOAT, [2]), "NS505"),
    "two inputs": (
        ("Add", "x", "v"), [INFO("x", T.FLOAT, ["N", 4]), INFO("v", T.FLOAT, ["N", 4])], INFO("y", T.FLOAT, None), "NS503",
    ),
    "text": (IDENTITY, [INFO("x", T.STRING, ["N", 4])], INFO("y", T.STRING, None), "NS505"),
    "a sequence": (
        ("SequenceConstruct", "x", "x"), [INFO("x", T.FLOAT, ["N", 4])],
        helper.make_tensor_sequence_value_info("y", T.FLOAT, None), "NS505",
    ),
    "a failing op": (("Reshape", "x", "k"), [INFO("x", T.FLOAT, ["N", 4])], INFO("y", T.FLOAT, None), "NS504"),
    "ids beyond the vocabulary": (("Gather", "w", "x"), [INFO("x", T.INT64, ["N", 4])], INFO("y", T.FLOAT, None), "NS504"),
    "a fixed batch": (IDENTITY, [INFO("x", T.FLOAT, [2, 4])], INFO("y", T.FLOAT, [2, 4]), "NS503"),
    "one number": (IDENTITY, [INFO("x", T.FLOAT, [])], INFO("y", T.FLOAT, []), "NS505"),
    "any shape": (IDENTITY, [INFO("x", T.FLOAT, None)], INFO("y", T.FLOAT, None), "NS505"),
    "a batch of three": (IDENTITY, [INFO("x", T.FLOAT, [3, 4])], INFO("y", T.FLOAT, [3, 4]), None),
    "one at a time": (IDENTITY, [INFO("x", T.FLOAT, [1, 4])], INFO("y", T.FLOAT, [1, 4]), None),
    "comparisons": (("Greater", "x", "z"), [INFO("x", T.FLOAT, ["N", 4])], INFO("y", T.BOOL, None), None),
    **{
        str(kind): (IDENTITY, [INFO("x", kind, ["N", 4])], INFO("y", kind, None), None)
        for kind in (T.INT32, T.INT64, T.INT8, T.UINT8, T.FLOAT16, T.DOUBLE)
    },
    "yes and no": (IDENTITY, [INFO("x", T.BOOL, ["N", 4])], INFO("y", T.BOOL, None), "NS503"),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_models_of_any_kind(case: str, tmp_path: Path) -> None:
    node, inputs, output, code = CASES[case]
    model = written(tmp_path / "m.onnx", node, inputs, output)
    np.save(tmp_path / "x.npy", np.arange(12).reshape(3, 4))
    out = tmp_path / "y.npy"
    out.write_text("old")
    result = run(model, "--input", tmp_path / "x.npy", "--output", out)
    if code is None:
        assert result.exit_code == 0, result.output
        assert np.load(out).shape == (3, 4)
    else:
        assert result.exit_code == 1, result.output
        assert f"error[{code}]" in result.stderr
        assert out.read_text() == "old"


@pytest.fixture
def spec(tmp_path: Path) -> Path:
    path = tmp_path / "m.net"
    path.write_text("input 3x8x8\nFC-4\n")
    return path


def test_what_is_called_an_image_is_not_handed_to_another_program(spec: Path) -> None:
    image = spec.with_name("photo.png")
    Image.new("RGB", (40, 30)).save(image, "EPS")
    result = run(spec, "--input", image)
    assert result.exit_code == 1
    assert "the format is not one of PNG" in result.stderr


def test_a_photo_is_turned_as_its_camera_says(spec: Path) -> None:
    upright = Image.fromarray(np.random.default_rng(0).integers(0, 255, (8, 8, 3), dtype=np.uint8))
    exif = Image.Exif()
    exif[0x0112] = 3
    upright.save(spec.with_name("a.png"))
    upright.rotate(180).save(spec.with_name("b.png"), exif=exif)
    first, second = (run(spec, "--input", spec.with_name(name)) for name in ("a.png", "b.png"))
    assert first.exit_code == 0, first.output
    assert first.stdout == second.stdout


def test_a_line_of_pixels_is_not_scaled_to_gigabytes(tmp_path: Path) -> None:
    (tmp_path / "m.net").write_text("input 3x224x224\ngap\nFC-4\n")
    Image.new("RGB", (60000, 1)).save(tmp_path / "x.png")
    result = run(tmp_path / "m.net", "--input", tmp_path / "x.png")
    assert result.exit_code == 1
    assert "cannot be scaled to cover 224x224" in result.stderr


@pytest.mark.parametrize("name", ["x.npy", "x.png", "names.txt"])
def test_damaged_files(name: str, spec: Path) -> None:
    np.save(spec.with_name("good.npy"), np.zeros((3, 8, 8)))
    bad = spec.with_name(name)
    bad.write_bytes(b"\xff\xfe\x00 nothing")
    files = ("--input", spec.with_name("good.npy"), "--labels", bad) if name == "names.txt" else ("--input", bad)
    result = run(spec, *files)
    assert result.exit_code == 1
    assert "error[NS" in result.stderr


def test_names_of_classes_cannot_drive_the_terminal(spec: Path) -> None:
    np.save(spec.with_name("good.npy"), np.zeros((3, 8, 8)))
    names = spec.with_name("names.txt")
    names.write_text("\x1b[2Ja\nb\x9b31m\n\x1b]0;title\x07\n\u202egnp\n")
    result = run(spec, "--input", spec.with_name("good.npy"), "--labels", names)
    assert result.exit_code == 0
    assert "\\x1b[2Ja" in result.stdout
    assert "\\u202egnp" in result.stdout
    assert result.stdout.replace("\n", "").isprintable()
