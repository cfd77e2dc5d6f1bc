"""What is drawn."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree

from conftest import ROOT

from netspec.training.curves import draw_curves, draw_schedules
from netspec.training.engine import Row
from netspec.training.scores import Score


def test_the_schedules_of_the_documentation_are_those_of_the_code(tmp_path: Path) -> None:
    draw_schedules(tmp_path / "s.svg")
    assert lines(tmp_path / "s.svg") == lines(ROOT / "docs" / "schedules.svg")


def lines(path: Path) -> list[str]:
    """The paths of an SVG: what was plotted."""
    return [e.get("d", "") for e in ElementTree.parse(path).iter() if e.tag.endswith("path")]


def test_curves_of_runs_are_the_same_bytes_for_the_same_rows(tmp_path: Path) -> None:
    rows = [Row(i, i, 0.1, Score(2 / i, 0.5), Score(3 / i, 0.4), 1.0, 10) for i in range(1, 6)]
    for name in ("a.svg", "b.svg"):
        draw_curves(tmp_path / name, {"one": rows, "two": rows[:3]})
    assert (tmp_path / "a.svg").read_bytes() == (tmp_path / "b.svg").read_bytes()
    text = (tmp_path / "a.svg").read_text()
    assert all(f"<!-- {word}" in text for word in ("one, training", "two, validation", "learning rate"))


def test_one_epoch_without_validation_or_classes_is_drawn(tmp_path: Path) -> None:
    draw_curves(tmp_path / "c.svg", {"one": [Row(1, 1, 0.1, Score(2.0), None, 1.0, 10)]})
    assert "accuracy" not in (tmp_path / "c.svg").read_text()


def test_the_best_epoch_is_marked(tmp_path: Path) -> None:
    rows = [Row(i, i, 0.1, Score(2 / i, 0.5), Score(3, right), 1.0, 10) for i, right in enumerate((0.4, 0.7, 0.6), 1)]
    draw_curves(tmp_path / "one.svg", {"one": rows})
    text = (tmp_path / "one.svg").read_text()
    assert text.count("<!-- best: epoch 2 -->") == 1, "once, in the legend"
    draw_curves(tmp_path / "two.svg", {"one": rows, "two": rows[:1]})
    text = (tmp_path / "two.svg").read_text()
    assert "<!-- one, best: epoch 2 -->" in text
    assert "<!-- two, best: epoch 1 -->" in text


def test_an_r2_far_below_zero_does_not_flatten_the_others(tmp_path: Path) -> None:
    rows = [Row(i, i, 0.1, Score(1.0, r2=r2), Score(1.0, r2=r2), 1.0, 10) for i, r2 in enumerate((-1e4, 0.2, 0.9), 1)]
    draw_curves(tmp_path / "r2.svg", {"one": rows})
    text = (tmp_path / "r2.svg").read_text()
    assert "<!-- R2 -->" in text
    assert "10000" not in text
