"""The commands as a user runs them."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import ROOT, run_netspec

import netspec

LENET = str(ROOT / "examples" / "lenet5.net")


def test_the_table_is_exact_and_says_its_convention() -> None:
    result = run_netspec("check", "examples/vgg16.net")
    assert result.returncode == 0
    assert result.stderr == ""
    assert "138,357,544" in result.stdout
    assert "15,470,264,320" in result.stdout
    assert "FLOPs = 2 x MACs" in result.stdout
    (row,) = [line for line in result.stdout.splitlines() if line.startswith("conv1 ")]
    assert row.split() == ["conv1", "3x3-64,", "stride", "1,", "pad", "1", "64x224x224", "1,792", "86,704,128"]


@pytest.mark.parametrize("columns", [80, 160])
def test_the_table_keeps_to_the_terminal(columns: int) -> None:
    result = run_netspec("check", "examples/vgg16.net", COLUMNS=str(columns))
    assert max(map(len, result.stdout.splitlines())) <= columns
    assert "15,470,264,320" in result.stdout


def test_text_and_standard_input() -> None:
    text = "input 3x32x32; conv5-16 pad=2; maxpool; FC-10"
    first, second = run_netspec("check", "-e", text), run_netspec("check", "-", stdin=text.replace("; ", "\r\n"))
    assert first.returncode == second.returncode == 0
    assert first.stdout == second.stdout
    assert "42,186" in first.stdout


def test_several_files_and_a_parameter() -> None:
    result = run_netspec("check", LENET, "examples/xor.net")
    assert result.returncode == 0
    assert "LeNet5" in result.stdout
    assert "XOR" in result.stdout
    changed = run_netspec("check", "-D", "classes=20", "--format", "json", LENET)
    assert changed.returncode == 0, "its `expect` lines are for ten classes: those missed are notes"
    assert run_netspec("check", "-D", "classes=20", "--strict", LENET).returncode == 1
    assert {d["code"] for d in json.loads(changed.stdout)["diagnostics"]} == {"NS401"}


def test_json_has_the_promised_shape() -> None:
    report = json.loads(run_netspec("check", "--format", "json", LENET).stdout)
    assert report["schema"] == 1
    assert report["name"] == "LeNet5"
    assert report["inputs"] == [{"name": "input", "shape": [1, 32, 32], "kind": "map", "form": None}]
    assert report["outputs"] == [{"name": "output", "shape": [10], "kind": "vector", "form": None}]
    first = report["layers"][0]
    assert {k: first[k] for k in ("name", "op", "line", "input", "output", "params", "macs")} == {
        "name": "conv1", "op": "conv", "line": 9, "input": [1, 32, 32], "output": [6, 28, 28], "params": 156, "macs": 117_600,
    }  # fmt: skip
    assert report["totals"]["params"] == report["totals"]["trainable"] == 61_706
    assert report["totals"]["flops"] == 2 * report["totals"]["macs"]
    assert report["totals"]["buffers"] == 0
    assert report["diagnostics"] == []


@pytest.mark.slow
def test_compile_to_python_is_standalone(tmp_path: Path) -> None:
    out = tmp_path / "lenet.py"
    result = run_netspec("compile", LENET, "-o", str(out))
    assert result.returncode == 0, result.stderr
    code = "import torch, lenet; print(tuple(lenet.LeNet5()(torch.zeros(2, 1, 32, 32)).shape))"
    ran = subprocess.run(
        [sys.executable, "-I", "-c", f"import sys; sys.path.insert(0, {str(tmp_path)!r}); {code}"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert ran.stdout.strip() == "(2, 10)"
    assert "netspec" not in out.read_text().split("\n", 1)[1], "the module does not need netspec"


def test_what_runs_is_what_is_exported() -> None:
    model = netspec.load(LENET)
    import inspect
    import linecache

    module = model.to_torch()
    filename = inspect.getfile(type(module).__init__)
    assert "".join(linecache.getlines(filename)) == model.torch_source()


def test_compile_to_onnx_with_verification(tmp_path: Path) -> None:
    import onnx

    out = tmp_path / "lenet.onnx"
    result = run_netspec("compile", LENET, "-o", str(out), "--verify")
    assert result.returncode == 0, result.stderr
    assert "verified: ONNX Runtime and PyTorch differ by at most" in result.stdout
    onnx.checker.check_model(str(out), full_check=True)
    proto = onnx.load(str(out))
    assert proto.ir_version == 8
    assert proto.opset_import[0].version == 17
    assert [n.name for n in proto.graph.node][:2] == ["conv1", "relu1"]
    assert {t.name for t in proto.graph.initializer} >= {"conv1.weight", "fc3.bias"}
    assert proto.graph.input[0].type.tensor_type.shape.dim[0].dim_param == "batch"


def test_verification_can_fail(tmp_path: Path) -> None:
    """A wrong node in the file is found."""
    import onnx

    from netspec.backends.onnx.verify import verify

    model, out = netspec.load(LENET), tmp_path / "lenet.onnx"
    model.to_onnx(out)
    assert verify(model.graph, out).ok
    proto = onnx.load(str(out))
    next(n for n in proto.graph.node if n.op_type == "Relu").op_type = "Tanh"
    onnx.save(proto, str(out))
    assert not verify(model.graph, out).ok


def test_the_same_seed_gives_the_same_bytes(tmp_path: Path) -> None:
    model = netspec.load(LENET)
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        model.to_onnx(tmp_path / name, seed=seed)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes() != (tmp_path / "c").read_bytes()
    assert model.torch_source() == netspec.load(LENET).torch_source()


def test_weights_from_safetensors_and_from_torch(tmp_path: Path) -> None:
    import numpy as np
    import onnx
    import torch
    from agreement import random_state
    from onnx import numpy_helper
    from safetensors.torch import save_file

    model = netspec.load(LENET)
    state = random_state(model)
    save_file(state, tmp_path / "w.safetensors")
    torch.save(state, tmp_path / "w.pt")
    for name in ("w.safetensors", "w.pt"):
        out = tmp_path / "lenet.onnx"
        result = run_netspec("compile", LENET, "-o", str(out), "--weights", str(tmp_path / name), "--verify")
        assert result.returncode == 0, result.stderr
        stored = {t.name: numpy_helper.to_array(t) for t in onnx.load(str(out)).graph.initializer}
        assert all(np.array_equal(stored[k], v.numpy()) for k, v in state.items())


@pytest.mark.slow
def test_past_2_gb_the_weights_go_to_a_file_of_their_own(tmp_path: Path) -> None:
    import onnx
    import onnxruntime

    out = tmp_path / "large.onnx"
    netspec.loads("input 23200; FC-23200; FC-2").to_onnx(out)
    assert out.stat().st_size < 10_000
    (data,) = tmp_path.glob("large.onnx.????????.data")
    assert data.stat().st_size > 2_100_000_000
    onnx.checker.check_model(str(out), full_check=True)
    onnxruntime.InferenceSession(str(out), providers=["CPUExecutionProvider"])


@pytest.mark.parametrize(
    ("name", "start"),
    [
        ("x.svg", b"<svg"),
        ("x.png", b"\x89PNG"),
        ("x.pdf", b"%PDF"),
        ("x.tex", b"% LeNet5"),
        ("x.html", b"<!doctype html>"),
        ("x.dot", b"digraph"),
    ],
)
@pytest.mark.parametrize("direction", ["TB", "LR"])
def test_draw(tmp_path: Path, name: str, start: bytes, direction: str) -> None:
    result = run_netspec("draw", LENET, "-o", str(tmp_path / name), "--direction", direction)
    assert result.returncode == 0, result.stderr
    assert (tmp_path / name).read_bytes().startswith(start)


@pytest.mark.parametrize(
    "arguments",
    [
        ("--style", "volumes", "--by", "macs"),
        ("--style", "neurons", "--depth", "1"),
        ("--weights", "x.safetensors"),
        ("--style", "table", "--depth", "1"),
        ("--by", "mac"),
        ("--columns", "params,macz"),
        ("--style", "tikz"),
        ("--by", "macs,params"),
        ("--expand", "stem"),
        ("--style", "volumes", "--expand", "stem"),
    ],
)
def test_options_that_a_style_does_not_have_are_refused(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    result = run_netspec("draw", LENET, "-o", str(tmp_path / "x.svg"), *arguments)
    assert result.returncode == 2
    assert "Usage" in result.stderr
    assert not (tmp_path / "x.svg").exists()


def test_the_style_tikz_is_the_graph_as_tikz(tmp_path: Path) -> None:
    for style in ("graph", "tikz"):
        assert run_netspec("draw", LENET, "-o", str(tmp_path / f"{style}.tex"), "--style", style).returncode == 0
    assert (tmp_path / "tikz.tex").read_text() == (tmp_path / "graph.tex").read_text()


def test_help_names_every_command() -> None:
    text = run_netspec("--help").stdout
    assert all(name in text for name in ("check", "compile", "draw"))
    for name in ("check", "compile", "draw"):
        assert run_netspec(name, "--help").returncode == 0
