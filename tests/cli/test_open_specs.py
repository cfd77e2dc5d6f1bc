"""Specs with open sizes, `input 3xHxW`: one network for all sizes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from netspec.cli import main
from netspec.diagnostics import SpecError
from netspec.model import Model, check, loads

ROOT = Path(__file__).parents[2]
UNET = "".join(
    line.replace("3x256x256", "3xHxW")
    for line in (ROOT / "examples/unet_padded.net").read_text().splitlines(keepends=True)
    if not line.startswith("expect")
)
HEAD = "input 3xHxW\nconv3-8/2 pad=1 act=relu\nmaxpool3/2 pad=1\nconv1-4\ngap\nFC-5\n"


def _check(spec: str, *arguments: str) -> Result:
    return CliRunner(env={"COLUMNS": "100"}).invoke(main, ["check", "-", *arguments], input=spec)


def _codes(spec: str, **sizes: Any) -> list[str]:
    return [d.code for d in check(spec, sizes).diagnostics if d.is_error]


def test_the_table_shows_shapes_as_forms_and_names_the_joins_that_need_sizes() -> None:
    result = _check(UNET)
    assert result.exit_code == 0, result.output
    assert "UNetPadded   input 3xHxW" in result.stdout
    assert "takes H and W: multiples of 16 from 16" in result.stdout
    assert "concat1 (line 16, column 17) needs H and W: 16k to 16k + 7" in result.stdout
    assert "512x⌊H/16⌋x⌊W/16⌋" in result.stdout
    assert "figures are for H = 224 and W = 224" in result.stdout


def test_sizes_are_given_like_parameters() -> None:
    result = _check(HEAD, "-D", "H=64", "-D", "W=32")
    assert result.exit_code == 0
    assert "input 3x64x32" in result.stdout
    assert loads(HEAD, H=64, W=32).layers[0].output == (8, 32, 16)
    assert _check(HEAD, "-D", "X=1").exit_code == 2


def test_one_size_may_be_given_and_the_other_left_open() -> None:
    result = _check(HEAD, "-D", "H=64")
    assert "input 3x64xW" in result.stdout
    assert "8x32x⌈W/2⌉" in result.stdout


def test_a_size_that_does_not_fit_is_an_error_with_its_number() -> None:
    assert _codes(UNET, H=64, W=72) == ["NS306"]
    assert _codes(UNET, H=64, W=64) == []


def test_a_layer_whose_weights_depend_on_the_size_is_named() -> None:
    (error,) = [d for d in check("input 3xHxW\nconv3-8\nmaxpool\nFC-10\n").diagnostics if d.is_error]
    assert error.code == "NS307"
    assert error.span is not None
    assert error.span.line == 4
    assert "fc1 needs a fixed size" in error.message
    assert error.label == "it reads 8x⌊(H - 2)/2⌋x⌊(W - 2)/2⌋"
    assert _codes("input ids T int\nembed-8 vocab=10\npos_embed\n") == ["NS307"]
    assert _codes("input ids T int\nembed-8 vocab=10\nattention heads=2\ntake 0\nFC-2\n") == []


def test_no_size_at_all_is_the_error_of_the_join() -> None:
    (error,) = [d for d in check("input 3xHxW\nconcat [ conv3-3; identity ]\n").diagnostics if d.is_error]
    assert error.code == "NS306"
    assert any("no size fits" in note for note in error.notes)


def test_expectations_hold_for_all_sizes() -> None:
    params = loads(HEAD).params
    assert _codes(HEAD + f"expect params == {params}\nexpect output == 5\n") == []
    macs = loads(HEAD).macs
    assert _codes(HEAD + f"expect macs == {macs}\n") == ["NS401"]
    assert _codes(HEAD + f"expect macs == {macs}\n", H=224, W=224) == []


def test_a_network_that_changes_with_the_size_is_an_error() -> None:
    spec = "input 3xHxW\nif here.height > 32 { maxpool }\nconv3-4 pad=1\ngap\n"
    assert _codes(spec) == ["NS307"]
    assert _codes(spec, H=64, W=64) == []


@pytest.mark.parametrize("size", ["CxHxW", "HxWx3", "N"])
def test_channels_and_features_are_numbers(size: str) -> None:
    assert _codes(f"input {size}\nFC-10\n")[:1] == ["NS307"]


def test_a_batch_is_still_an_error_of_its_own() -> None:
    assert "NS310" in _codes("input Nx3xHxW\nconv3-8\n")


def test_a_parameter_or_a_variable_of_that_name_is_no_open_size() -> None:
    assert loads("net V(H = 8)\ninput 3xHxH\nconv3-8\n").layers[0].output == (8, 6, 6)
    assert loads("let W = 9\ninput 3xWxW\nconv3-8\n").layers[0].output == (8, 7, 7)


def test_axes_of_one_name_are_one_size() -> None:
    assert _codes("input 3xSxS\nadd [ identity; permute(0, 2, 1) ]\n") == []
    assert _check("input 3xSxS\nadd [ identity; permute(0, 2, 1) ]\n").stdout.count("takes any size") == 1


@pytest.mark.parametrize("shape", [(16, 16), (48, 32), (64, 80)])
def test_the_module_takes_every_size_that_is_taken(shape: tuple[int, int]) -> None:
    import torch

    module = _UNET.to_torch(seed=1).eval()
    sized = loads(UNET, H=shape[0], W=shape[1])
    other = sized.to_torch(seed=1).eval()
    image = torch.randn(1, 3, *shape)
    with torch.no_grad():
        assert torch.equal(module(image), other(image))
    assert tuple(module(image).shape[1:]) == sized.layers[-1].output
    assert "(N, 3, H, W) to (N, 2, H, W)" in _UNET.torch_source()


_UNET: Model = loads(UNET)


def test_a_layer_whose_code_depends_on_the_size_is_named() -> None:
    model = loads("input 3xHxW\ncrop 8x8\nconv3-4\n")
    with pytest.raises(SpecError) as caught:
        model.torch_source()
    (error,) = caught.value.diagnostics
    assert error.code == "NS506"
    assert "crop1 needs a fixed size" in error.message


def test_onnx_has_the_open_axes(tmp_path: Path) -> None:
    import numpy as np
    import onnxruntime as ort

    path, out = tmp_path / "net.net", tmp_path / "net.onnx"
    path.write_text(HEAD)
    result = CliRunner().invoke(main, ["compile", str(path), "-o", str(out), "--verify"])
    assert result.exit_code == 0, result.output
    session = ort.InferenceSession(out.read_bytes())
    assert session.get_inputs()[0].shape == ["N", 3, "H", "W"] or session.get_inputs()[0].shape[1] == 3
    for shape in ((17, 40), (64, 64)):
        (found,) = session.run(None, {"input": np.zeros((2, 3, *shape), np.float32)})
        assert found.shape == (2, 5)


def test_what_needs_numbers_says_how_to_give_them(tmp_path: Path) -> None:
    path = tmp_path / "net.net"
    path.write_text(HEAD)
    result = CliRunner().invoke(main, ["bench", str(path)])
    assert result.exit_code == 1
    assert "-D H=224 -D W=224" in result.stderr


def test_sizes_of_an_open_spec() -> None:
    result = CliRunner(env={"COLUMNS": "100"}).invoke(main, ["sizes", "-"], input=UNET)
    assert result.exit_code == 0
    assert "takes      H and W: multiples of 16 from 16" in result.stdout


@pytest.mark.slow
def test_training_asks_for_the_sizes_and_writes_them_into_the_spec_of_the_run(tmp_path: Path) -> None:
    path, run = tmp_path / "net.net", tmp_path / "run"
    recipe = "train { loss cross_entropy; optimizer sgd lr=0.1; epochs 1; batch 64 }\n"
    path.write_text("input 1xHxW\nconv3-4/2 pad=1\ngap\nFC-10\n" + recipe)
    asked = CliRunner().invoke(main, ["train", str(path), "--folder", str(run)])
    assert asked.exit_code == 1
    assert "-D H=224 -D W=224" in asked.stderr
    given = CliRunner().invoke(main, ["train", str(path), "-D", "H=8", "-D", "W=8", "--folder", str(run)])
    assert given.exit_code == 0, given.output
    assert "input 1x8x8" in (run / "spec.net").read_text()


def test_the_json_report_has_the_sizes_and_the_shapes_as_forms() -> None:
    data = json.loads(_check(HEAD, "--format", "json").stdout)
    assert data["sizes"]["figures_for"].keys() == {"H", "W"}
    assert data["sizes"]["takes"][0] == "takes any size"
    assert data["inputs"][0]["form"] == [3, "H", "W"]
    size = data["sizes"]["figures_for"]["H"]
    for layer in data["layers"]:  # a form at the sizes of the figures is the shape
        assert [eval(str(n), {"H": size, "W": size}) for n in layer["form"]] == layer["output"]
    closed = json.loads(_check(HEAD, "-D", "H=64", "-D", "W=64", "--format", "json").stdout)
    assert closed["sizes"] is None
    assert closed["layers"][0]["form"] is None


def test_the_configuration_table_writes_sizes_as_forms(tmp_path: Path) -> None:
    (tmp_path / "open.net").write_text(HEAD)
    (tmp_path / "closed.net").write_text(HEAD.replace("HxW", "40x40"))
    run = CliRunner(env={"COLUMNS": "100"})
    text = run.invoke(main, ["table", str(tmp_path / "open.net"), "--sizes", "--figures", "params,macs"]).stdout
    assert "input 3xHxW" in text
    assert "⌈H/2⌉x⌈W/2⌉" in text
    assert "(H = " in text.splitlines()[-2]
    both = run.invoke(main, ["table", str(tmp_path / "open.net"), str(tmp_path / "closed.net"), "--sizes"])
    assert both.exit_code == 0, both.output
    assert "input 3x40x40" in both.stdout
