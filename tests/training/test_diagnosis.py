"""What is said of a run that went wrong."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from running import WHOLE, engine_of, save_examples

from netspec.training.blame import cause_of_divergence
from netspec.training.diagnosis import diverged, first_not_finite, verdict, verdict_of_curves
from netspec.training.engine import Diverged, Row, Watcher
from netspec.training.progress import _columns
from netspec.training.scores import Score

NET = "input 6\nstem: FC-8 act=relu\nhead: FC-3\ntrain {{\n  epochs 40\n  batch 24\n  optimizer sgd lr={}\n}}\n"
RANDOM = np.random.default_rng(0)


@pytest.fixture
def where(tmp_path: Path) -> str:
    return save_examples(tmp_path / "e.npz", RANDOM.normal(size=(24, 6)).astype(np.float32), RANDOM.integers(0, 3, 24))


def test_a_run_that_diverges_names_the_layer_and_the_rate(where: str) -> None:
    engine = engine_of(NET.format("1e30"), where)
    with pytest.raises(Diverged) as caught:
        engine.fit(Watcher())
    finding = diverged(engine, caught.value).diagnostics[0]
    assert finding.code == "NS605"
    assert "`head` (line 3" in finding.notes[0], "the one that overflows: its inputs and weights are about 1e30"
    assert any("1e+30" in note for note in finding.notes)
    assert "--lr 1e+29" in finding.helps[0]


def test_the_layer_where_it_began(where: str) -> None:
    import torch

    engine = engine_of(NET.format("0.1"), where)
    indices = np.arange(24)
    assert first_not_finite(engine, indices) is None
    handle = engine.module.get_submodule("head").register_forward_hook(lambda m, i, o: o * float("inf"))
    found = first_not_finite(engine, indices)
    assert found is not None
    assert "`head` (line 3" in found
    handle.remove()
    with torch.no_grad():
        engine.module.get_parameter("stem.weight")[0, 0] = float("nan")
    found = first_not_finite(engine, indices)
    assert found is not None
    assert "`stem.weight`" in found


def rows(train: list[float], validation: list[float], right: tuple[float, float] = (0.99, 0.97)) -> list[Row]:
    return [
        Row(i + 1, i, 0.1, Score(a, right[0]), Score(b, right[1]), 1.0, 10)
        for i, (a, b) in enumerate(zip(train, validation, strict=True))
    ]


@pytest.mark.parametrize(
    ("curves", "says"),
    [
        (rows([2, 1, 0.5, 0.2, 0.1, 0.05], [2, 1.1, 0.8, 1.0, 1.3, 1.6]), "overfitting since epoch"),
        (rows([2, 1, 0.5, 0.4], [2, 1, 0.9, 0.9], (0.99, 0.7)), "overfitting: training accuracy 99.0%"),
        (rows([2.3, 2.2, 2.1, 2.0], [2.3, 2.2, 2.1, 2.0], (0.4, 0.4)), "still decreasing"),
        (rows([2.0] * 8, [2.0] * 8, (0.4, 0.4)), "has stopped decreasing"),
        (rows([1, 0.3, 0.1, 0.05], [1, 0.3, 0.12, 0.06]), None),
        (rows([1, 0.3, 0.06, 0.062], [1, 0.03, 0.031, 0.036]), None),
        (rows([1.0, 0.9], [1.0, 0.9]), None),
    ],
)
def test_curves_in_words(curves: list[Row], says: str | None) -> None:
    told = verdict_of_curves(curves)
    assert (told is None) if says is None else (told is not None and says in told)


def decaying(losses: list[float]) -> list[Row]:
    """Rows of a schedule whose rate is nothing in the last half."""
    count = len(losses)
    rates = [0.1 if i < count // 2 else 1e-6 for i in range(count)]
    return [
        Row(i + 1, i, rate, Score(loss, 0.4), Score(loss, 0.4), 1.0, 10)
        for i, (loss, rate) in enumerate(zip(losses, rates, strict=True))
    ]


def test_a_rate_that_has_decayed_to_nothing_needs_more_epochs() -> None:
    told = verdict_of_curves(decaying([2.3, 2.2, 2.1, 2.05, 2.0, 2.0, 2.0, 2.0]))
    assert told == "the learning rate has decayed to 1.0e-06, too small to learn more: train for more epochs"
    told = verdict_of_curves(decaying([2.0, 2.0, 2.0, 2.0, 2.0, 2.0, 2.0, 2.0]))
    assert told is not None
    assert "has stopped decreasing" in told, "a loss that never fell is not the fault of the schedule"


CONV = "input 8x8 gray\nconv3-8 pad=same act=relu\nmaxpool\nFC-32 act=relu\nFC-10\ntrain {{ epochs 2; optimizer sgd lr={} }}\n"


@pytest.mark.parametrize(
    ("rate", "says"),
    [("3", "3, does not suit"), ("1e-9", "1e-09, does not suit"), ("0.1", None)],
)
def test_a_run_at_chance_names_its_rate(rate: str, says: str | None) -> None:
    engine = engine_of(CONV.format(rate), "digits")
    engine.fit(Watcher())
    told = verdict(engine)
    if says is None:
        assert told is None or "chance" not in told
    else:
        assert told is not None
        assert "the run ends near chance" in told
        assert says in told


def test_shares_are_counted_where_classes_are_learnt_as_values(tmp_path: Path) -> None:
    text = "input 8x8 gray\nFC-10\ntrain { loss mse; optimizer adam lr=1e-2; epochs 3 }\n"
    engine = engine_of(text, "digits", WHOLE)
    engine.fit(Watcher())
    accuracy = engine.at.history[-1].train.accuracy
    assert accuracy is not None
    assert accuracy > 0.6


@pytest.mark.parametrize("rate", ["30", "100"])
def test_a_loss_that_rose_is_divergence_and_never_asks_for_a_higher_rate(rate: str) -> None:
    engine = engine_of(CONV.format(rate), "digits")
    engine.fit(Watcher())
    told = verdict(engine)
    assert told is not None
    assert told.startswith("training diverged: the loss rose from 2.72 to ")
    assert f"learning rate, {rate}, is probably too high: try `--lr 0.01`" in told
    assert "higher" not in told.replace("too high", "")


@pytest.mark.parametrize(("peak", "last"), [(170.0, 170.0), (1e19, 5.0), (170.0, 2.0)])
def test_a_first_epoch_far_above_chance_is_divergence(where: str, peak: float, last: float) -> None:
    engine = engine_of(NET.format("0.1"), where)
    engine.at.first_loss = 1.1
    losses = [peak, 40.0, last]
    engine.at.history = [
        Row(i + 1, i, 0.1, Score(loss, 0.4), Score(loss, 0.4), 1.0, 24) for i, loss in enumerate(losses)
    ]
    told = verdict(engine)
    assert told is not None
    assert f" to {peak:.3g} in epoch 1" in told
    assert "underfitting" not in told


@pytest.mark.parametrize(("losses", "says"), [([7.3, 6.2, 5.4], "far above 1.1"), ([7.3, 3.0, 1.0], "overfitting")])
def test_a_loss_that_begins_high_and_falls_is_no_divergence(where: str, losses: list[float], says: str) -> None:
    engine = engine_of(NET.format("0.1"), where)
    engine.at.first_loss = 7.5
    engine.at.history = [Row(i + 1, i, 0.1, Score(a, 0.8), Score(a, 0.5), 1.0, 24) for i, a in enumerate(losses)]
    told = verdict(engine)
    assert told is not None
    assert says in told
    assert "diverged" not in told


def test_outputs_without_examples_are_named(where: str) -> None:
    """Three classes in the data, ten in the network: it trains, and the loss begins above the entropy of the three."""
    engine = engine_of(NET.format("0.01").replace("FC-3", "FC-10"), where)
    assert engine.notes == ["7 of 10 classes have no training examples: 3, 4, 5, 6, 7, 8 …"]
    assert engine.fit(Watcher())
    assert "diverged" not in (verdict(engine) or "")


def test_the_penalty_is_named_where_it_is_to_blame(where: str) -> None:
    strong = NET.format("0.05").replace("epochs 40", "epochs 40\n  regularize l2 1e3")
    engine = engine_of(strong, where)
    with pytest.raises(Diverged) as caught:
        engine.fit(Watcher())
    finding = diverged(engine, caught.value).diagnostics[0]
    assert "the penalty `regularize l2 1000` is too strong for the learning rate, 0.05" in finding.notes[-1]
    assert finding.helps == ("lower the penalty: `regularize l2 0.0001` is common",)
    engine = engine_of(strong.replace("1e3", "20"), where)
    engine.fit(Watcher())
    told = verdict(engine)
    assert told is not None
    assert told.startswith("the penalty hides the data: `regularize l2` was 9")


def test_the_data_is_named_where_it_is_to_blame(tmp_path: Path) -> None:
    large = save_examples(
        tmp_path / "l.npz", 1e4 * RANDOM.normal(size=(24, 6)).astype(np.float32), RANDOM.integers(0, 3, 24)
    )
    engine = engine_of(NET.format("0.1"), large)
    assert "the input `input` has values up to " in cause_of_divergence(engine).text
    engine = engine_of(NET.format("0.1").replace("input 6", "input 6\nnormalize channel"), large)
    assert "learning rate, 0.1" in cause_of_divergence(engine).text


def test_a_run_gives_up_after_so_many_updates(where: str) -> None:
    engine = engine_of(NET.format("30"), where)
    engine.loss_reader.give_up = 3
    with pytest.raises(Diverged) as caught:
        engine.fit(Watcher())
    assert caught.value.updates == 3
    assert caught.value.loss > 3 * (engine.at.first_loss or 0)
    finding = diverged(engine, caught.value).diagnostics[0]
    assert "the loss has been above three times the first for 3 updates" in finding.message
    calm = engine_of(NET.format("0.01"), where)
    calm.loss_reader.give_up = 1
    assert calm.fit(Watcher())


def test_a_resumed_run_gives_up_where_the_whole_run_does(where: str) -> None:
    """The number of updates above three times the first loss is part of the checkpoint."""

    def give_up(resumed_at: int | None) -> int:
        engine = engine_of(NET.format("30"), where)
        engine.loss_reader.give_up = 6
        if resumed_at is not None:
            assert not engine.fit(Watcher(), lambda: engine.at.step == resumed_at)
            state, engine = engine.state(), engine_of(NET.format("30"), where)
            engine.load_state(state)
            engine.loss_reader.give_up = 6
        with pytest.raises(Diverged) as caught:
            engine.fit(Watcher())
        return caught.value.step

    whole = give_up(None)
    assert [give_up(step) for step in (whole - 1, whole - 3)] == [whole, whole]


@pytest.mark.parametrize("loss", [0.0, 1.5, 999.99, 170.0, 1e4, 1e19, 1.7e308, float("nan"), float("inf"), -1e5])
def test_the_columns_of_the_epoch_table_stay(loss: float) -> None:
    """Every text is shorter than its column, so that a space is before it."""
    for epoch, rate, examples in ((1, 0.1, 10), (100_000, 1e-120, 10**12), (5, 0.0, 10**9)):
        row = Row(epoch, 1, rate, Score(loss, 1.0), Score(loss, 1.0), 1e-3, examples)
        columns = _columns(row)
        assert [text for _, width, text in columns if len(text) >= width] == []
        assert sum(width for _, width, _ in columns) <= 74
