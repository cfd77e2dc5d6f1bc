"""`netspec trace`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from conftest import ROOT, run_netspec
from PIL import Image
from torch.nn import functional as F

import netspec
from netspec.cli import main

LECTURE = "input x 1\ninput y 1\ninput z 1\nq: add [ from x; from y ]\nf: mul [ from q; from z ]\n"


@pytest.fixture
def spec(tmp_path: Path) -> Path:
    (tmp_path / "f.net").write_text(LECTURE)
    return tmp_path / "f.net"


def _json(*arguments: str) -> Any:
    result = run_netspec("trace", *arguments, "--format", "json")
    assert result.returncode == 0, result.stderr
    return json.loads(result.stdout)


def test_numbers_files_and_a_picture(tmp_path: Path, spec: Path) -> None:
    values = ("--input", "x=-2", "--input", "y=5", "--input", "z=-4")
    out, drawn = tmp_path / "t.npz", tmp_path / "f.svg"
    result = run_netspec("trace", str(spec), *values, "--backward", "--out", str(out), "--draw", str(drawn))
    assert result.returncode == 0, result.stderr
    rows = {
        line.split()[0]: line.split()[-2:]
        for line in result.stdout.splitlines()
        if line[:1] in ("x", "y", "z", "q", "f")
    }
    assert rows == {
        "x": ["-2", "-4"], "y": ["5", "-4"], "z": ["-4", "3"], "q.add1": ["3", "-4"], "f.mul1": ["-12", "1"],
    }  # fmt: skip
    assert "untrained" not in result.stdout
    with np.load(out) as stored:
        assert {name: stored[name].item() for name in ("f.mul1", "gradient/z")} == {"f.mul1": -12, "gradient/z": 3}
    assert ">-12<" in drawn.read_text()


def test_statistics_of_an_image_and_a_batch(tmp_path: Path) -> None:
    pixels = np.random.default_rng(0).integers(0, 255, (32, 32), dtype=np.uint8)
    Image.fromarray(pixels).save(tmp_path / "digit.png")
    found = _json("examples/lenet5.net", "--input", str(tmp_path / "digit.png"))
    first = found["tensors"][0]
    assert first["shape"] == [1, 1, 32, 32]
    assert first["statistics"]["mean"] == pytest.approx(pixels.mean() / 255, rel=1e-5)
    np.savez(tmp_path / "x.npz", input=np.zeros((3, 1, 32, 32)))
    batch = _json("examples/lenet5.net", "--input", str(tmp_path / "x.npz"))
    assert (batch["examples"], batch["random"]) == (3, [])
    assert batch["tensors"][0]["statistics"]["zeros"] == 1
    assert _json("examples/lenet5.net", "--batch", "2")["random"] == ["input"]


@pytest.mark.parametrize(("spec_name", "loss"), [("two_layer", ""), ("lenet_digits", "hinge margin=2")])
def test_the_loss_of_the_recipe_is_differentiated(spec_name: str, loss: str) -> None:
    """A final softmax is part of the loss, as in training."""
    path = ROOT / "examples" / f"{spec_name}.net"
    found = _json(str(path), "--target", "3", *(("--loss", loss) if loss else ()))
    model = netspec.load(path)
    module = model.to_torch(seed=0).eval()
    last = [name for name, _ in module.named_children()][-1]
    if last.startswith("softmax"):
        module.set_submodule(last, torch.nn.Identity())
    from netspec.analysis.samples import sample_inputs

    scores = module(torch.from_numpy(sample_inputs(model.graph, 1)["input"]))
    target = torch.tensor([3])
    value = F.multi_margin_loss(scores, target, margin=2) * scores.shape[1] if loss else F.cross_entropy(scores, target)
    value.backward()
    assert found["objective"]["value"] == pytest.approx(value.item(), rel=1e-4)
    gradient = next(p for p in found["parameters"] if p["name"].endswith("bias"))["gradient"]["statistics"]
    wanted = dict(module.named_parameters())[next(n for n, _ in module.named_parameters() if n.endswith("bias"))].grad
    assert gradient["max"] == pytest.approx(float(wanted.max()), rel=1e-3, abs=1e-7)


def test_the_hinge_losses_of_the_lecture(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Scores of cat, car and frog: 2.9, 0 and 12.9, mean 5.27; softmax of the first 0.13, its loss 2.04."""
    (tmp_path / "scores.net").write_text("input 3\nscores: identity\n")
    values = ("--input", "[[3.2, 5.1, -1.7], [1.3, 4.9, 2.0], [2.2, 2.5, -3.1]]")
    with pytest.raises(SystemExit) as ended:
        main(["trace", str(tmp_path / "scores.net"), *values, "--target", "[0, 1, 2]", "--loss", "hinge"])
    assert ended.value.code == 0
    assert "loss of each example: 2.9, 0, 12.9; mean 5.267" in capsys.readouterr().out
    with pytest.raises(SystemExit):
        main(
            ["trace", str(tmp_path / "scores.net"), "--input", "[3.2, 5.1, -1.7]", "--target", "0", "--format", "json"]
        )
    assert json.loads(capsys.readouterr().out)["objective"]["value"] == pytest.approx(2.04, abs=0.005)


def test_checks(spec: Path) -> None:
    result = run_netspec("trace", str(spec), "--check", "h=1e-5")
    assert result.returncode == 0, result.stderr
    assert "step 1e-05" in result.stdout
    assert "every gradient is right" in result.stdout
    found = _json("examples/lenet_digits.net", "--target", "1", "--check", "--values", "20")
    assert found["ok"]
    assert found["objective"] == "the cross_entropy loss"
    assert all(t["worst"]["error"] < 1e-5 for t in found["tensors"])


@pytest.mark.parametrize(
    ("arguments", "status", "text"),
    [
        (["f.net", "--input", "w=1"], 1, "there is no input `w`"),
        (["f.net", "--input", "1"], 1, "has no name, but there are 3 inputs"),
        (["f.net", "--input", "x=1", "--input", "x=2"], 1, "is given twice"),
        (["f.net", "--input", "x=[1, 2]"], 1, "does not fit the model"),
        (["f.net", "--input", "x=[[1], [2]]", "--input", "y=[[1], [2], [3]]"], 1, "different numbers of examples"),
        (["f.net", "--input", "x=[1, [2, 3]]"], 1, "is ragged"),
        (["f.net", "--input", "x=missing.npy"], 1, "no such file"),
        (["f.net", "--input", "x=[oops"], 2, "is not a value"),
        (["f.net", "--target", "0"], 1, "needs one output for each class"),
        (["classes.net", "--target", "7"], 1, "a class from 0 to 3"),
        (["classes.net", "--target", "[0, 1]"], 1, "does not fit the output"),
        (["classes.net", "--loss", "hinge"], 2, "--loss needs --target"),
        (["classes.net", "--loss", "nothing", "--target", "1"], 1, "NS403"),
        (["classes.net", "--check", "--out", "a.npz"], 2, "without --out and --draw"),
        (["--check", "classes.net"], 2, "write --check after the spec"),
        (["classes.net", "--check=2"], 2, "between 0 and 1"),
        (["classes.net", "--out", "a.npy"], 2, "ending in .npz"),
        (["classes.net", "--draw", "a.jpeg"], 1, "NS505"),
        (["open.net"], 1, "leave"),
    ],
)  # fmt: skip
def test_mistakes(
    tmp_path: Path, spec: Path, arguments: list[str], status: int, text: str,
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    (tmp_path / "classes.net").write_text("input 3\nFC-4\n")
    (tmp_path / "open.net").write_text("input 3xHxW\nconv3-4\n")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as ended:
        main(["trace", *arguments])
    assert ended.value.code == status
    assert text in capsys.readouterr().err.replace("\n", " ")
