"""Volumes: branches stand as they are written, an open part of a decoder gets each tensor where it reads it, and sizes keep clear."""

from __future__ import annotations

import pytest
from overlaps import flaws

import netspec
from netspec.graph import Graph
from netspec.scene.drawing import picture
from netspec.scene.figure import Figure, Path, Rect, Text
from netspec.scene.options import DrawOptions
from netspec.scene.theme import THEMES

FRAMES = frozenset(theme.frame_fill for theme in THEMES.values())


def graph_of(text: str) -> Graph:
    return netspec.loads(text).graph


def heights(figure: Figure, names: list[str]) -> list[float]:
    return [next(item.y for item in figure.items if isinstance(item, Text) and item.text == name) for name in names]


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("input 8x9x9\nconcat [ for k in [3, 5, 7] { conv(k)-8 pad=same } ]", ["conv 3×3", "conv 5×5", "conv 7×7"]),
        ("input left 8\ninput right 8\nconcat [ from left -> FC-9; from right -> FC-9 ]", ["left", "right"]),
        ("input 8\na: FC-4\nFC-1\noutput one\nfrom a\nFC-2\noutput two", ["one", "two"]),
    ],
)
def test_branches_inputs_and_outputs_stand_in_the_order_in_which_they_are_written(text: str, names: list[str]) -> None:
    found = heights(picture(graph_of(text), "volumes"), names)
    assert found == sorted(found)


DECODER = """
use <unet>
input 3x64x64
d1: double_conv(8)
d2: { maxpool -> double_conv(16) }
maxpool -> double_conv(32)
up(16) [ identity; from d2 ]
up(8) [ identity; from d1 ]
conv1-2
"""


def test_what_enters_an_open_part_of_a_decoder_goes_on_to_what_reads_it() -> None:
    """What comes up from below enters where the main way goes on, the skip above it."""
    figure = picture(graph_of(DECODER), "volumes")
    frames = [r for r in figure.items if isinstance(r, Rect) and r.tip.startswith("up") and r.fill in FRAMES]
    lines = [item for item in figure.items if isinstance(item, Path) and not item.closed]
    assert len(frames) == 2
    for frame in frames:
        bottom = frame.y + frame.height
        into = [p for p in lines if abs(p.pieces[-1][-1][0] - frame.x) < 0.1 and frame.y < p.pieces[-1][-1][1] < bottom]
        inside = [p for p in lines if abs(p.start[0] - frame.x) < 0.1 and frame.y < p.start[1] < bottom]
        skip, main = sorted(into, key=lambda p: p.pieces[-1][-1][1])
        around, straight = sorted(inside, key=lambda p: p.start[1])
        assert skip.start[1] < bottom < main.start[1]
        assert skip.pieces[-1][-1][1] == pytest.approx(around.start[1])
        assert main.pieces[-1][-1][1] == pytest.approx(straight.start[1])
        assert len(straight.pieces) == 1
    assert flaws(figure, FRAMES) == []


@pytest.mark.parametrize("size", ["3x64x128x128", "3x128x512", "3x512x128"])
@pytest.mark.parametrize("depth", [0, None])
def test_sizes_of_a_u_keep_clear_of_what_runs_down_and_up(size: str, depth: int | None) -> None:
    """Of volumes with three sides, and of maps that are not square."""
    graph = graph_of(DECODER.replace("3x64x64", size))
    figure = picture(graph, "volumes", DrawOptions(depth=depth))
    assert flaws(figure, FRAMES) == []


def test_no_row_is_an_output_alone() -> None:
    """What stands before it cannot be broken, and fills its row."""
    first, second = ("".join(f"conv3-{k} pad=1\nmaxpool3/1 pad=1\n" for k in range(a, a + 9)) for a in (20, 40))
    text = f"input 3x64x64\n{first}a: conv3-16 pad=1\n{second}"
    figure = picture(graph_of(f"{text}concat [ identity; from a ]"), "volumes")
    words = [item for item in figure.items if isinstance(item, Text)]
    below = next(item.y for item in words if item.text == "output")
    assert any(item.text == "concat" and abs(item.y - below) < 100 for item in words)
