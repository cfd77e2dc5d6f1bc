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
