"""The layer against PyTorch and ONNX Runtime, and its gradients against finite differences."""

import math
from pathlib import Path

import torch
from click.testing import CliRunner

import netspec
from netspec.cli import main

SPEC = "input 5x2 sequence\nfourier-16\nlinear-3\n"


def netspec_says(*arguments: str) -> str:
    result = CliRunner().invoke(main, arguments)
    assert result.exit_code == 0, result.output
    return result.output


def test_shape_parameters_and_macs() -> None:
    model = netspec.loads(SPEC)
    layer = model.layers[0]
    assert (layer.op, layer.output, layer.params, layer.macs) == ("fourier", (5, 32), 2 * 16, 5 * 2 * 16)


def test_pytorch_computes_sines_and_cosines() -> None:
    module = netspec.loads("input 1\nfourier-1\n").to_torch()
    module.load_state_dict({"fourier1.weight": torch.tensor([[math.pi]])})
    assert torch.allclose(module(torch.tensor([[0.5]])), torch.tensor([[1.0, 0.0]]), atol=1e-6)


def test_onnx_agrees_with_pytorch(tmp_path: Path) -> None:
    (tmp_path / "x.net").write_text(SPEC)
    netspec_says("compile", str(tmp_path / "x.net"), "-o", str(tmp_path / "x.onnx"), "--verify")


def test_gradients(tmp_path: Path) -> None:
    (tmp_path / "x.net").write_text(SPEC)
    netspec_says("trace", str(tmp_path / "x.net"), "--check")


def test_images_are_refused() -> None:
    (found,) = netspec.check("input 3x8x8\nfourier-16\n").diagnostics
    assert found.code == "NS303"
