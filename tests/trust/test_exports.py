"""Every export loads in ONNX Runtime, or is refused; a failed one leaves the old file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pytest
import torch
from click.testing import CliRunner, Result

import netspec
from netspec.analysis.samples import sample_inputs
from netspec.cli import main
from netspec.diagnostics import SpecError

CONNECTED = "input 3x8x8; conv3-4; conv3-4 connections=[[0,1],[1,2],[2,3],[0,3]]; FC-10"
TIED = "input 8; a: FC-4; FC-8 tie=a"


def run(*arguments: object) -> Result:
    return CliRunner().invoke(main, [str(a) for a in arguments], env={"COLUMNS": "200"})


@pytest.mark.parametrize(
    "text",
    [
        "input 3x8x8; conv3-3 act=celu; FC-10",
        "input 8; celu 0.3; FC-2",
        CONNECTED,
        "input 7 int; identity",
        "input 7 int; embed-4 vocab=9",
        "input 6x10 sequence; rnn-4; linear-4",
        "input 6x10 sequence; lstm-4 layers=2 bidirectional=yes; attention heads=2",
        "input 6x10 sequence; gru-4; add [linear-4; linear-4]",
    ],
)
@pytest.mark.parametrize("opset", [13, 17, 22])
def test_half_precision_loads_and_agrees(text: str, opset: int) -> None:
    model = netspec.loads(text)
    proto = model.to_onnx(fp16=True, opset=opset)
    assert proto is not None
    session = onnxruntime.InferenceSession(proto.SerializeToString(), providers=["CPUExecutionProvider"])
    inputs = sample_inputs(model.graph, 2)
    theirs = session.run(None, inputs)[0]
    ours = model.to_torch(seed=0).eval()(*map(torch.from_numpy, inputs.values())).detach().numpy()
    assert np.abs(theirs - ours).max() <= 2e-2 * max(1, np.abs(ours).max())


@pytest.mark.parametrize("text", [TIED, CONNECTED])
def test_int8_works_or_is_refused(text: str, tmp_path: Path) -> None:
    spec, out = tmp_path / "m.net", tmp_path / "m.onnx"
    spec.write_text(text)
    shape = next(iter(netspec.load(spec).inputs.values())).shape
    np.save(tmp_path / "x.npy", np.random.default_rng(0).standard_normal((16, *shape), dtype=np.float32))
    out.write_text("old")
    result = run("compile", spec, "-o", out, "--int8", "--calibrate", tmp_path / "x.npy")
    if result.exit_code == 0:
        onnxruntime.InferenceSession(str(out), providers=["CPUExecutionProvider"])
    else:
        assert "error[NS50" in result.stderr
        assert out.read_text() == "old"


@pytest.mark.parametrize("content", [b"", b"hello", b"\x93NUMPY\x01\x00v\x00{'descr'", b"PK\x03\x04"])
@pytest.mark.parametrize("name", ["x.npy", "x.npz"])
def test_calibration_data_that_is_none_leaves_the_old_file(content: bytes, name: str, tmp_path: Path) -> None:
    spec, out = tmp_path / "m.net", tmp_path / "m.onnx"
    spec.write_text("input 8; FC-4")
    out.write_text("old")
    (tmp_path / name).write_bytes(content)
    result = run("compile", spec, "-o", out, "--int8", "--calibrate", tmp_path / name)
    assert result.exit_code == 1
    assert "error[NS503]" in result.stderr
    assert out.read_text() == "old"
    assert sorted(p.name for p in tmp_path.iterdir()) == ["m.net", "m.onnx", name]


@pytest.mark.parametrize("suffix", ["onnx", "py"])
def test_a_failed_verification_leaves_the_old_file(
    suffix: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from netspec.backends.onnx import verify

    monkeypatch.setattr(verify, "verify", lambda *_, **__: verify.Difference(1.0, 1.0))
    spec, out = tmp_path / "m.net", tmp_path / f"m.{suffix}"
    spec.write_text("input 8; FC-4")
    out.write_text("old")
    result = run("compile", spec, "-o", out, "--verify")
    assert result.exit_code == 1
    assert "error[NS504]" in result.stderr
    assert out.read_text() == "old"
    assert len(list(tmp_path.iterdir())) == 2


def test_a_model_that_onnx_runtime_refuses_is_not_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from netspec.ops.activation import ReLU

    def broken(self: Any, emit: Any) -> str:
        return str(emit.node("Celu", [*emit.inputs, *emit.inputs]))

    monkeypatch.setattr(ReLU, "onnx", broken)
    model = netspec.loads("input 8; relu; FC-4")
    (tmp_path / "m.onnx").write_text("old")
    for path in (None, tmp_path / "m.onnx"):
        with pytest.raises(SpecError, match="NS504"):
            model.to_onnx(path)
    assert (tmp_path / "m.onnx").read_text() == "old"


def test_what_torch_cannot_export(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any, **__: Any) -> None:
        raise RuntimeError("a data-dependent branch")

    monkeypatch.setattr(torch.export, "export", refuse)
    spec = tmp_path / "m.net"
    spec.write_text("input 8; FC-4")
    result = run("compile", spec, "-o", tmp_path / "m.pt2")
    assert result.exit_code == 1
    assert "error[NS506]" in result.stderr


@pytest.mark.parametrize(
    ("layer", "option"),
    [("maxpool3/2 pad=same_upper round=ceil", "round=ceil"), ("conv2-4/3 pad=same_upper", "pad=same_upper")],
)
def test_what_keeps_sizes_from_being_open_is_named(layer: str, option: str) -> None:
    model = netspec.loads(f"input 3x17x17\n{layer}\n")
    with pytest.raises(netspec.SpecError) as caught:
        model.to_onnx(dynamic=("batch", "height", "width"))
    (diagnostic,) = caught.value.diagnostics
    assert diagnostic.code == "NS506"
    assert any(option in note for note in diagnostic.notes)


@pytest.mark.parametrize(
    "layer", ["avgpool1/2 round=ceil", "maxpool3/2 pad=same_upper round=ceil", "conv2-4/3 pad=same_upper", "maxpool2/3 pad=same_lower"]
)  # fmt: skip
def test_a_layer_that_reads_a_fixed_size_is_exported_though_others_are_open(layer: str) -> None:
    """ONNX Runtime loads the model, which has what it could not have of open sizes after a `gap`."""
    model = netspec.loads(f"input 3x17x17\nconv3-4\ngap\n{layer}\n")
    assert model.to_onnx(weights=model.to_torch(seed=0).state_dict(), dynamic=("batch", "height", "width")) is not None
