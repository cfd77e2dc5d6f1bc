"""Where the style `graph` puts labels, boxes and lines, and where it breaks."""

from __future__ import annotations

import pytest
from conftest import ROOT
from overlaps import points, text_box

import netspec
from netspec.scene.drawing import picture
from netspec.scene.figure import Figure, Path, Rect, Text
from netspec.scene.options import DrawOptions


def drawn(text: str, direction: str = "TB", depth: int | None = None) -> Figure:
    """An example by its name, or a spec."""
    spec = text if "\n" in text else ROOT / "examples" / f"{text}.net"
    return picture(netspec.load(spec).graph, "graph", DrawOptions(direction=direction, depth=depth))


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


def test_inputs_are_in_the_row_of_what_reads_them() -> None:
    figure = drawn("siamese", "LR", depth=1)
    left, tower = box(figure, "left"), box(figure, "tower.conv1")
    assert left.y + left.height / 2 == pytest.approx(tower.y + tower.height / 2, abs=30)


def test_the_last_boxes_are_not_alone_in_a_column() -> None:
    figure = drawn("transformer_base")
    last = box(figure, "output")
    beside = [r for r in figure.items if isinstance(r, Rect) and r.x < last.x + last.width and r.x + r.width > last.x]
    assert len(beside) > 8


def test_a_picture_is_broken_between_modules_where_that_is_as_good() -> None:
    figure = drawn("inception_resnet_v2")
    for join, branch in (("concat2", "conv13"), ("concat3", "conv17")):
        one, other = box(figure, join), box(figure, branch)
        assert abs(one.x + one.width / 2 - other.x - other.width / 2) < 250


@pytest.mark.parametrize("name", ["unet", "nasnet_a_mobile"])
def test_a_tall_picture_is_broken_though_that_cuts_skips(name: str) -> None:
    figure = drawn(name)
    assert figure.height < 2.5 * figure.width


def test_a_line_that_bends_into_a_box_alone_meets_its_middle() -> None:
    figure = drawn("multitask_digits")
    first, second = box(figure, "fc2"), box(figure, "fc3")
    tips = [p.start for p in figure.items if isinstance(p, Path) and p.closed]
    for item in (first, second):
        assert any(x == pytest.approx(item.x + item.width / 2) and y == pytest.approx(item.y) for x, y in tips)


def test_a_line_that_bends_below_the_title_of_its_frame_keeps_away_from_it() -> None:
    figure = drawn("dla34")
    a, _, b, below = label(figure, "pair(512, 2)")
    for item in figure.items:
        if isinstance(item, Path) and not item.closed:
            assert not any(a < x < b and below - 10 < y < below + 3.5 for x, y in points(item))


def test_two_long_towers_stand_beside_each_other() -> None:
    """That of the image has three layers more before its blocks; nothing is broken, and the two join at the end."""
    figure = drawn("clip_vit_b_32")
    titles = {item.text: item for item in figure.items if isinstance(item, Text) and item.text.startswith("prenorm")}
    image, text = titles["prenorm(12, act=quick_gelu) ×12"], titles["prenorm(8, act=quick_gelu, causal=yes) ×12"]
    assert image.y == pytest.approx(text.y, abs=10)
    assert image.x + 100 < text.x
