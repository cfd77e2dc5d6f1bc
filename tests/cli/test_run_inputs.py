"""`netspec run`: several inputs, several outputs, batches, numbers and `.npz`."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

import netspec
from netspec.cli import main

TWO = "input left 3\ninput right 3\nadd [ from left; from right ]\nFC-4\noutput a\nconcat [ identity; from right ]\noutput b\n"


def _run(folder: Path, text: str, *arguments: str) -> int:
    (folder / "net.net").write_text(text)
    try:
        main(["run", str(folder / "net.net"), *arguments])
    except SystemExit as ended:
        return int(ended.code or 0)
    return 0


def test_every_output_of_every_example(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    left, right = np.float32([[1, 2, 3], [4, 5, 6]]), np.float32([[0, 0, 1], [1, 0, 0]])
    np.savez(tmp_path / "in.npz", left=left, right=right)
    out = tmp_path / "out.npz"
    assert _run(tmp_path, TWO, "--input", str(tmp_path / "in.npz"), "--output", str(out), "--top", "9") == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line for line in lines if not line.startswith(" ")][1:] == [
        f"{out}: a 2x4, b 2x7", "a:", "example 1", "example 2", "b:", "example 1", "example 2",
    ]  # fmt: skip
    assert sum(line.startswith(" ") for line in lines) == 2 * (4 + 7)
    module = netspec.load(tmp_path / "net.net").to_torch(seed=0).eval()
    with torch.no_grad():
        wanted = module(torch.from_numpy(left), torch.from_numpy(right))
    with np.load(out) as stored:  # an .npz is an .npz: its arrays have the names of the outputs
        assert sorted(stored) == ["a", "b"]
        np.testing.assert_allclose(stored["a"], wanted.a.numpy(), rtol=1e-4, atol=1e-5)
        np.testing.assert_allclose(stored["b"], wanted.b.numpy(), rtol=1e-4, atol=1e-5)


def test_each_input_by_its_name(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    np.save(tmp_path / "l.npy", np.float32([1, 2, 3]))
    text = "input left 3\ninput right 3\nadd [ from left; from right ]\n"
    assert _run(tmp_path, text, "--input", f"left={tmp_path / 'l.npy'}", "--input", "right=[10, 20, 30]") == 0
    printed = capsys.readouterr()
    assert [line.split() for line in printed.out.splitlines()[1:]] == [["33", "2"], ["22", "1"], ["11", "0"]]
    assert printed.err == ""  # there are no weights that could be untrained


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (["--input", "left=1"], "nothing is given for the input right"),
        (["--input", "1"], "has no name, but there are 2 inputs: left, right"),
        (["--input", "left=1", "--input", "rihgt=1"], "did you mean `right`?"),
        (["--input", "left=1", "--input", "right=1", "--output", "OUT.npy"], "can hold one array, but there are 2"),
        (["--input", "IN.npz"], "has no array for an input of the model"),
    ],
)
def test_mistakes_of_inputs(
    tmp_path: Path, arguments: list[str], text: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    np.savez("IN.npz", x=np.zeros(3))
    assert _run(tmp_path, TWO, *arguments) == 1
    assert text in capsys.readouterr().err.replace("\n", " ")


def test_a_single_input_in_an_archive(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Named after the input, under the names that training reads, or alone."""
    for name in ("input", "x", "anything"):
        np.savez(tmp_path / "in.npz", **{name: np.float32([[1, 2]]), **({"y": np.zeros(1)} if name == "x" else {})})
        assert _run(tmp_path, "input 2\nidentity\n", "--input", str(tmp_path / "in.npz")) == 0
        assert capsys.readouterr().out.split()[-4:] == ["2", "1", "1", "0"]


def test_a_number_is_for_every_example(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    left = np.float32([[1, 2, 3], [4, 5, 6], [7, 8, 9]])
    np.save(tmp_path / "left.npy", left)
    out = tmp_path / "out.npz"
    arguments = ("--input", f"left={tmp_path / 'left.npy'}", "--input", "right=2", "--output", str(out))
    assert _run(tmp_path, TWO, *arguments) == 0
    with np.load(out) as stored:
        np.testing.assert_array_equal(stored["b"][:, 4:], np.full((3, 3), 2.0))
    trace = netspec.load(tmp_path / "net.net").trace({"left": 3, "right": left})
    np.testing.assert_array_equal(trace["left"].value, np.full((3, 3), 3.0))


def test_only_weights_that_are_drawn_are_called_untrained(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    stated = "input 2\nFC-1 weights=[[1, 2]]\n"
    for text, said in ((stated, False), ("input 2\nFC-1\n", True)):
        assert _run(tmp_path, text, "--input", "[3, 4]") == 0
        assert ("untrained" in capsys.readouterr().err) == said
