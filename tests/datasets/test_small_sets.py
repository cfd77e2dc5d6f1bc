"""Data that is made here: truth tables, the encoder, points in the plane."""

from __future__ import annotations

import numpy as np
import pytest
from conftest import ROOT

import netspec
from netspec.cli import main
from netspec.datasets import DataOptions
from netspec.datasets.small_sets import SMALL_SETS
from netspec.diagnostics import SpecError
from netspec.model import check
from netspec.training.plan import Plan
from netspec.training.session import Request, open_data


def _collection(text: str, word: str, options: DataOptions | None = None):  # type: ignore[no-untyped-def]
    checked = check(text)
    plan = Plan.of(checked.model().graph)
    return open_data(plan, Request(checked.source, word, options or DataOptions()))


@pytest.mark.parametrize(("word", "outcomes"), [("xor", [0, 1, 1, 0]), ("nand", [1, 1, 1, 0])])
def test_truth_tables_are_for_training_whole(word: str, outcomes: list[int]) -> None:
    for text, wanted in (
        ("input 2\nFC-1\ntrain { loss bce }\n", np.float32(outcomes)[:, None]),
        ("input 2\nFC-2\n", np.array(outcomes)),
        ("input 2\nFC-2\ntrain { loss mse }\n", np.eye(2, dtype=np.float32)[outcomes]),
    ):
        data = _collection(text, word)
        assert (len(data.train), data.validation, data.test) == (4, None, None)
        batch = data.train.batch(range(4))
        inputs = batch.inputs["input"] if isinstance(batch.inputs, dict) else batch.inputs[0]
        order = np.asarray(inputs).reshape(4, 2) @ [2, 1]
        assert sorted(order.tolist()) == [0, 1, 2, 3]
        np.testing.assert_array_equal(np.asarray(data.train.targets())[np.argsort(order)], wanted)


@pytest.mark.parametrize(("word", "classes"), [("spirals", 3), ("blobs", 3), ("moons", 2), ("rings", 2)])
def test_points_are_balanced_small_and_the_same_every_time(word: str, classes: int) -> None:
    points, labels = SMALL_SETS[word](600)
    assert points.shape == (600, 2)
    assert np.bincount(labels).tolist() == [600 // classes] * classes
    assert np.abs(points).max() < 2.5
    np.testing.assert_array_equal(points, SMALL_SETS[word](600)[0])
    data = _collection(f"input 2\nFC-{classes}\n", word, DataOptions(size=60))
    assert len(data.train) + len(data.validation) + len(data.test) == 60
    linear = np.linalg.lstsq(np.c_[points, np.ones(600)], np.eye(classes)[labels], rcond=None)[0]
    right = ((np.c_[points, np.ones(600)] @ linear).argmax(1) == labels).mean()
    assert (right > 0.97) == (word == "blobs"), "only clouds are separated by lines"


def test_a_net_of_other_inputs_is_refused() -> None:
    with pytest.raises(SpecError, match="does not match the input of the net"):
        _collection("input 3\nFC-2\n", "xor")


@pytest.mark.parametrize("example", ["xor", "encoder_8_3_8"])
def test_the_example_is_trained_as_it_stands(
    example: str, tmp_path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:  # type: ignore[no-untyped-def]
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as ended:
        main(["train", str(ROOT / "examples" / f"{example}.net"), "--folder", "run"])
    assert ended.value.code == 0, capsys.readouterr().err
    trace = netspec.load(tmp_path / "run").trace(
        np.float32([[0, 0], [0, 1], [1, 0], [1, 1]]) if example == "xor" else np.eye(8, dtype=np.float32),
        weights=tmp_path / "run",
    )
    wanted = [[0], [1], [1], [0]] if example == "xor" else np.eye(8)
    np.testing.assert_allclose(trace["sigmoid2"].value, wanted, atol=0.01)


def test_a_batch_of_all_is_one_update() -> None:
    plan = Plan.of(check("input 2\nFC-3\ntrain { batch all }\n").model().graph)
    from netspec.training.sampling import update_count

    assert update_count(600, plan.batch, plan.accumulate) == 1
    assert not check("input 2\nFC-3\ntrain { batch every }\n").ok
