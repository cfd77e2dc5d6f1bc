"""`netspec weights map --partial`: a head for other classes is replaced."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

import netspec
from netspec.cli import main
from netspec.weights import initial_weights

BODY = "input 3x8x8\nconv3-8 pad=1 act=relu\nconv3-8 pad=1 norm=bn act=relu\ngap\n"
LABELED = "input 3x8x8\nstem: conv3-8 pad=1 act=relu\nbody: { conv3-8 pad=1 norm=bn act=relu }\ngap\nhead: FC-4\n"


def _map(*arguments: str) -> int:
    with pytest.raises(SystemExit) as ended:
        main(["weights", "map", *arguments])
    return int(ended.value.code or 0)


@pytest.fixture
def files(tmp_path: Path) -> tuple[str, str, str]:
    (tmp_path / "new.net").write_text(LABELED)
    state = netspec.loads(f"{BODY}FC-10\n").to_torch(seed=3).state_dict()
    save_file({name: tensor.numpy() for name, tensor in state.items()}, tmp_path / "old.safetensors")
    return str(tmp_path / "new.net"), str(tmp_path / "old.safetensors"), str(tmp_path / "out.safetensors")


def test_a_head_that_does_not_fit_is_replaced(files: tuple[str, str, str], capsys: pytest.CaptureFixture[str]) -> None:
    spec, old, out = files
    assert _map(spec, old, "-o", out) == 1
    assert not Path(out).exists()
    assert "missing tensor: head.weight" in capsys.readouterr().err
    assert _map(spec, old, "-o", out, "--partial", "--seed", "5") == 0
    printed = capsys.readouterr()
    assert "initial weights: head.weight" in printed.err
    assert "unmatched tensor: fc1.weight" in printed.err
    assert "11 tensors" in printed.out
    before, after = load_file(old), load_file(out)
    np.testing.assert_array_equal(after["stem.weight"], before["conv1.weight"])
    np.testing.assert_array_equal(after["body.bn1.running_var"], before["bn1.running_var"])
    fresh = dict(initial_weights(netspec.loads(LABELED).graph, 5))
    np.testing.assert_array_equal(after["head.weight"], fresh["head.weight"])
    netspec.loads(LABELED).to_torch(out)


def test_labels_do_not_stop_a_map(files: tuple[str, str, str]) -> None:
    spec, old, out = files
    Path(spec).write_text(LABELED.replace("FC-4", "FC-10"))
    assert _map(spec, old, "-o", out) == 0


def test_nothing_that_matches_is_an_error(files: tuple[str, str, str], tmp_path: Path) -> None:
    spec, _, out = files
    save_file({"other.weight": np.zeros((5, 7), np.float32)}, tmp_path / "other.safetensors")
    assert _map(spec, str(tmp_path / "other.safetensors"), "-o", out, "--partial") == 1
    assert not Path(out).exists()
