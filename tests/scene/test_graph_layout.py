"""Where the style `graph` puts labels, boxes and lines, and where it breaks."""

from __future__ import annotations

import pytest
from conftest import ROOT
from overlaps import text_box

import netspec
from netspec.scene.drawing import picture
from netspec.scene.figure import Figure, Path, Rect, Text
from netspec.scene.options import DrawOptions


def drawn(text: str, direction: str = "TB") -> Figure:
    """An example by its name, or a spec."""
    spec = text if "\n" in text else ROOT / "examples" / f"{text}.net"
    return picture(netspec.load(spec).graph, "graph", DrawOptions(direction=direction))


def box(figure: Figure, name: str) -> Rect:
    return next(r for r in figure.items if isinstance(r, Rect) and r.tip.split(":")[0] == name)


def label(figure: Figure, text: str) -> tuple[float, float, float, float]:
    return next(text_box(item) for item in figure.items if isinstance(item, Text) and item.text == text)


CHAIN = "net Chain\ninput 7\nFC-11 act=relu\n{fork}\n"


@pytest.mark.parametrize("direction", ["TB", "LR"])
def test_a_label_is_in_the_middle_between_two_boxes(direction: str) -> None:
    figure = drawn(CHAIN.format(fork="FC-5"), direction)
    first, second, (left, top, right, bottom) = box(figure, "input"), box(figure, "fc1"), label(figure, "7")
    if direction == "TB":
        assert top - (first.y + first.height) == pytest.approx(second.y - bottom, abs=1)
    else:
        assert left - (first.x + first.width) == pytest.approx(second.x - right, abs=1)


@pytest.mark.parametrize("direction", ["TB", "LR"])
def test_a_label_is_in_the_middle_of_what_is_before_a_fork(direction: str) -> None:
    figure = drawn(CHAIN.format(fork="concat [ FC-5; FC-6 ]"), direction)
    first, (left, top, right, bottom) = box(figure, "fc1"), label(figure, "11")
    stop = next(  # where the line begins to bend
        (x, y) for p in figure.items if isinstance(p, Path) for (x, y) in [p.pieces[0][0]]
        if not p.closed and len(p.pieces) > 1 and len(p.pieces[0]) == 1 and p.start[0] >= first.x and p.start[1] >= first.y
    )  # fmt: skip
    if direction == "TB":
        assert top - (first.y + first.height) == pytest.approx(stop[1] - bottom, abs=1)
        assert top - (first.y + first.height) > 5
    else:
        assert left - (first.x + first.width) == pytest.approx(stop[0] - right, abs=1)
        assert left - (first.x + first.width) > 8


def test_a_label_is_in_the_middle_of_what_is_before_the_end_of_a_row() -> None:
    figure = drawn("vae", "LR")
    last, (left, _, right, _) = box(figure, "z"), label(figure, "20")
    turn = next(p for p in figure.items if isinstance(p, Path) and p.start[0] == last.x + last.width)
    farthest = max(x for piece in turn.pieces for x, _ in piece)
    assert left - (last.x + last.width) == pytest.approx(farthest - right, abs=1.5)
