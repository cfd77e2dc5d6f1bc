"""Each command in a process of its own, where nothing has been imported: it says what it says in the process of the tests.

The other tests of commands call them in their own process (`run_netspec`); what belongs to a process, its streams and
signals, is in `tests/trust`.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from conftest import ROOT, netspec_process, run_netspec

from netspec.cli import _COMMANDS

RECIPE = "input 64; FC-10; train { optimizer sgd lr=0.1; epochs 1 }"
LENET, VGG = "examples/lenet5.net", "examples/vgg16.net"
LIGHT = [
    ("check", VGG),
    ("check", "-e", "input 3x8x8; conv9-4; FC-10 sofmax"),
    ("check", "--format", "sarif", LENET, "nowhere.net"),
    ("table", "examples/vgg_a.net", "examples/vgg_b.net"),
    ("diff", VGG, "examples/vgg_e.net"),
    ("draw", LENET, "-o", "{folder}/x.svg"),
    ("draw", LENET, "-o", "{folder}/x.png"),
    ("sizes", LENET),
    ("explain", "NS301"),
    ("fmt", "--check", LENET),
    ("sweep", LENET, "-D", "classes=10,20"),
    ("solve", LENET, "-D", "classes=?", "--target", "params <= 100K"),
    ("badge", LENET, "-o", "{folder}/x.svg"),
    ("ops", "conv"),
    ("new", "resnet50", "-o", "-"),
    ("examples", "resnet"),
    ("library", "resnet"),
    ("compile", LENET, "-o", "{folder}/x.py"),
    ("nothing",),
]
HEAVY = [
    ("data", "check", "{folder}/rows.npz"),
    ("compile", LENET, "-o", "{folder}/x.onnx", "--verify"),
    ("run", LENET, "--input", "{folder}/x.npy"),
    ("weights", "map", LENET, "{folder}/run/last.safetensors"),
    ("eval", "{folder}/run"),
    ("predict", "{folder}/run", "{folder}/rows.npy"),
    ("report", "{folder}/run", "-o", "{folder}/r.html"),
    ("compare", "{folder}/run", "{folder}/run"),
    ("trace", LENET),
    ("show", LENET, "filters", "-o", "{folder}/x.svg"),
]
ELSEWHERE = {"view": "page/test_server.py", "train": "training/test_trained_examples.py", "bench": "cli/test_run_and_bench.py", "tune": "training/test_tune.py"}  # fmt: skip
"""Commands that a test in another file starts in a process of its own."""


def same(arguments: tuple[str, ...], stdin: str | None = None) -> None:
    here, there = run_netspec(*arguments, stdin=stdin), netspec_process(*arguments, stdin=stdin)
    assert (there.returncode, there.stderr) == (here.returncode, here.stderr)
    assert there.stdout == here.stdout


def test_every_command_is_tried() -> None:
    assert {line[0] for line in LIGHT + HEAVY} - {"nothing"} | set(ELSEWHERE) == set(_COMMANDS)
    for file in ELSEWHERE.values():
        text = (ROOT / "tests" / file).read_text()
        assert "netspec_process(" in text or "sys.executable" in text or "served(" in text


@pytest.mark.parametrize("line", LIGHT, ids=" ".join)
def test_a_command_alone(line: tuple[str, ...], tmp_path: Path) -> None:
    same(tuple(argument.format(folder=tmp_path) for argument in line))


def test_a_spec_through_standard_input() -> None:
    same(("check", "-"), (ROOT / LENET).read_text())


@pytest.mark.slow
@pytest.mark.parametrize("line", HEAVY, ids=" ".join)
def test_a_command_with_torch_alone(line: tuple[str, ...], tmp_path: Path) -> None:
    (tmp_path / "rows.net").write_text(RECIPE)
    assert run_netspec("train", "rows.net", "--folder", "run", cwd=tmp_path).returncode == 0
    np.save(tmp_path / "x.npy", np.zeros((2, 1, 32, 32)))
    np.save(tmp_path / "rows.npy", np.zeros((2, 64), np.float32))
    np.savez(tmp_path / "rows.npz", x=np.arange(640).reshape(10, 64), y=np.zeros(10, int))
    same(tuple(argument.format(folder=tmp_path) for argument in line))
