"""The style `graph` laid out by dot, which is the default, and what happens where dot is missing, fails, or would take too long."""

from __future__ import annotations

import math
import re
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pytest
from conftest import ROOT, run_netspec
from overlaps import flaws, loose_ends, points

import netspec
from netspec.graph import Graph
from netspec.scene import graphviz
from netspec.scene.connections import connections
from netspec.scene.drawing import picture
from netspec.scene.figure import Figure, Rect, Text
from netspec.scene.figure import Path as Line
from netspec.scene.graph_style import STACK
from netspec.scene.lettering import text_width
from netspec.scene.opening import opened
from netspec.scene.options import DrawOptions
from netspec.scene.parts import Parts
from netspec.scene.rows import page_scale
from netspec.scene.theme import THEMES

FRAMES = frozenset(theme.frame_fill for theme in THEMES.values())
DOT = DrawOptions(engine="dot", depth=1)
LENET = "examples/lenet5.net"


def graph_of(name: str) -> Graph:
    return netspec.load(ROOT / "examples" / f"{name}.net").graph


def boxes(figure: Figure) -> dict[str, Rect]:
    return {item.tip: item for item in figure.items if isinstance(item, Rect) and item.tip}


def around(outer: Rect, inner: Rect) -> bool:
    return (
        outer.x <= inner.x
        and outer.y <= inner.y
        and inner.x + inner.width <= outer.x + outer.width
        and inner.y + inner.height <= outer.y + outer.height
    )


@pytest.mark.parametrize("direction", ["TB", "LR"])
@pytest.mark.parametrize(
    "name", ["lenet5", "resnet50", "googlenet", "alexnet_towers", "unet", "siamese", "vit_b_16", "swin_t"]
)
def test_dot_draws_the_same_boxes_in_the_same_frames(name: str, direction: str) -> None:
    graph = graph_of(name)
    ours = picture(graph, "graph", DrawOptions(depth=1, direction=direction))
    dots = picture(graph, "graph", DrawOptions(depth=1, direction=direction, engine="dot"))
    here, there = boxes(ours), boxes(dots)
    assert sorted(here) == sorted(there)
    for tip, rect in here.items():
        inside = {t for t, r in here.items() if r is not rect and around(rect, r)}
        assert {t for t, r in there.items() if t != tip and around(there[tip], r)} == inside
        if rect.fill not in FRAMES:
            assert (there[tip].width, there[tip].height) == (rect.width, rect.height)
    assert flaws(dots, FRAMES) == []
    assert dots.notes == []


@pytest.mark.parametrize("name", ["resnet18", "unet", "densenet_bc_100_12"])
def test_every_connection_is_a_line_from_box_to_box(name: str) -> None:
    """A line leaves the border of its source and its arrow touches that of its target, or it goes on where another ends that
    leads it to the next column."""
    graph = graph_of(name)
    figure = picture(graph, "graph", DrawOptions(depth=1, engine="dot", direction="LR", columns=("params",)))
    parts = Parts(graph)
    lines = [item for item in figure.items if isinstance(item, Line) and not item.closed]
    assert len(lines) >= len(connections(parts, opened(parts, DrawOptions(depth=1))))
    assert loose_ends(figure, FRAMES) == []


def test_no_word_of_the_spec_reaches_dot(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []
    answer_to = graphviz._answer_to
    monkeypatch.setattr(graphviz, "_answer_to", lambda text: asked.append(text) or answer_to(text))
    graph = graph_of("googlenet")
    picture(graph, "graph", DrawOptions(engine="dot", expand=("all",)))
    words = set(re.findall(r"[A-Za-z_]+", "".join(asked)))
    assert words <= {
        "digraph", "nodesep", "ranksep", "node", "edge", "shape", "box", "fixedsize", "true", "margin", "label", "arrowsize", "rank",
        "source", "sink", "n", "e", "s", "x", "id", "minlen", "weight", "tailport", "headport", "arrowhead", "none", "width", "height",
        "TABLE", "TR", "TD", "PORT", "BORDER", "CELLBORDER", "CELLSPACING", "CELLPADDING", "FIXEDSIZE", "TRUE", "WIDTH", "HEIGHT",
    }  # fmt: skip
    assert not any(node.name in words for node in graph.layers if len(node.name) > 2)


def test_levels_that_are_alike_go_to_dot_once(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []
    answer_to = graphviz._answer_to
    monkeypatch.setattr(graphviz, "_answer_to", lambda text: asked.append(text) or answer_to(text))
    picture(graph_of("resnet20_cifar"), "graph", DrawOptions(engine="dot", expand=("all",)))
    assert (
        len(asked) == 6
    )  # the first block of each of three sizes, and the others of it, but that those of 16 are all alike; the whole


@pytest.mark.parametrize("form", ["svg", "pdf", "png", "tex", "html"])
def test_every_format_of_a_picture_by_dot(tmp_path: Path, form: str) -> None:
    out = tmp_path / f"x.{form}"
    arguments = ("--engine", "dot", "--theme", "dark", "--by", "macs", "--columns", "params", "--expand", "inception1")
    done = run_netspec("draw", "examples/googlenet.net", "-o", str(out), *arguments)
    assert (done.returncode, done.stderr) == (0, "")
    assert out.stat().st_size > 2000
    if form == "svg":
        ElementTree.fromstring(out.read_text())


def test_dot_is_the_default(tmp_path: Path) -> None:
    plain, dots, ours = (tmp_path / f"{name}.svg" for name in ("plain", "dots", "ours"))
    run_netspec("draw", LENET, "-o", str(plain))
    run_netspec("draw", LENET, "-o", str(dots), "--engine", "dot")
    run_netspec("draw", LENET, "-o", str(ours), "--engine", "netspec")
    assert plain.read_text() == dots.read_text() == str(netspec.load(ROOT / LENET).draw())
    assert plain.read_text() != ours.read_text() == str(netspec.load(ROOT / LENET).draw(engine="netspec"))


def test_without_dot_netspec_lays_out_the_picture_and_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    out, ours = tmp_path / "x.svg", tmp_path / "y.svg"
    done = run_netspec("draw", LENET, "-o", str(out))
    assert done.returncode == 0
    assert (
        done.stderr
        == "note: Graphviz is not installed (there is no program dot): netspec laid out the picture itself\n"
    )
    assert run_netspec("draw", LENET, "-o", str(ours), "--engine", "netspec").stderr == ""
    assert out.read_text() == ours.read_text()
    with pytest.warns(UserWarning, match="Graphviz is not installed"):
        assert str(netspec.load(ROOT / LENET).draw()) == ours.read_text()


def test_a_notebook_shows_a_picture_without_dot(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    model = netspec.load(ROOT / LENET)
    assert model._repr_mimebundle_()["image/svg+xml"] == str(model.draw(engine="netspec"))


@pytest.mark.slow
def test_what_is_too_large_for_dot_netspec_lays_out() -> None:
    figure = picture(graph_of("resnet1202_cifar"), "graph", DrawOptions(engine="dot", expand=("all",)))
    assert figure.notes == ["2,410 boxes are too many for dot (at most 300): netspec laid out the picture itself"]


def test_titles_stand_beside_the_lines_that_enter_frames() -> None:
    """In the middle of a narrow frame a title would have the line of dot through it."""
    figure = picture(graph_of("network_in_network"), "graph", DrawOptions(engine="dot"))
    frames = [item for item in figure.items if isinstance(item, Rect) and item.fill in FRAMES]
    assert frames
    assert flaws(figure, FRAMES) == []
    assert figure.notes == []


@pytest.mark.parametrize(("name", "direction", "least"), [("wavenet", "TB", 0.7), ("unet", "LR", 0.4)])
def test_a_long_picture_of_dot_is_broken_where_few_lines_go_on(name: str, direction: str, least: float) -> None:
    """WaveNet passes two tensors from block to block, and U-Net up to three skips: they go on in the next column or row."""
    figure = picture(graph_of(name), "graph", DrawOptions(engine="dot", direction=direction))
    assert figure.notes == []
    assert page_scale(figure.width, figure.height) > least
    assert flaws(figure, FRAMES) == []
    assert loose_ends(figure, FRAMES) == []


@pytest.mark.parametrize("name", ["hrnet_w18", "nasnet_a_mobile", "dla34", "cait_xxs24"])
def test_labels_stand_beside_their_lines(name: str) -> None:
    """Where dot has room for the labels of many lines side by side, other lines run through it."""
    figure = picture(graph_of(name), "graph", DrawOptions(engine="dot", depth=2))
    assert figure.notes == []
    assert flaws(figure, FRAMES) == []


def test_skips_stay_in_their_frames() -> None:
    """The skip of a block whose input is another block's output begins where that enters the frame."""
    figure = picture(graph_of("convnext_tiny"), "graph", DrawOptions(engine="dot"))
    frames = [item for item in figure.items if isinstance(item, Rect) and item.fill in FRAMES]
    assert len(frames) == 5
    ways = [list(points(item)) for item in figure.items if isinstance(item, Line) and not item.closed]
    for frame in frames:
        entering = [way for way in ways if way[0][1] == pytest.approx(frame.y) and _within(way[0], frame)]
        assert len(entering) == 2
        assert all(_within(place, frame) for way in entering for place in way)


def _within(place: tuple[float, float], frame: Rect) -> bool:
    x, y = place
    return frame.x <= x <= frame.x + frame.width and frame.y - 0.01 <= y <= frame.y + frame.height


def test_a_main_way_is_straight() -> None:
    figure = picture(graph_of("convmixer_768_32"), "graph", DrawOptions(engine="dot"))
    middles = [
        item.x + item.width / 2
        for item in figure.items
        if isinstance(item, Rect) and item.tip and item.fill not in FRAMES
    ]
    assert len(middles) == 15
    assert max(middles) - min(middles) <= STACK / 2


def lines_of(figure: Figure) -> list[Line]:
    return [item for item in figure.items if isinstance(item, Line) and not item.closed]


def lean(line: Line) -> float:
    """How far a line goes across the flow."""
    xs = [x for x, _ in points(line)]
    return max(xs) - min(xs)


def test_a_fork_is_even() -> None:
    """Both ways leave the place where the tensor enters the frame at equal slopes."""
    text = "net F\ninput 16x8x8\nblock b {\n  add [\n    conv3-16 pad=1\n    conv3-16 pad=1 bias=no\n  ]\n}\nb\nrelu\n"
    figure = picture(netspec.loads(text).graph, "graph", DrawOptions(engine="dot", depth=1))
    frame = next(item for item in figure.items if isinstance(item, Rect) and item.fill in FRAMES)
    left, right = (list(points(line)) for line in lines_of(figure) if line.start[1] == pytest.approx(frame.y))
    assert left[-1][0] - left[0][0] == pytest.approx(right[0][0] - right[-1][0], abs=3.0)
    for way in (left, right):
        low, high = sorted((way[0][0], way[-1][0]))
        assert all(low - 0.5 <= x <= high + 0.5 for x, _ in way)


def test_tensors_that_parts_share_run_side_by_side() -> None:
    """WaveNet's layers pass two tensors on: no line between them bends or crosses."""
    figure = picture(graph_of("wavenet"), "graph", DrawOptions(engine="dot", depth=0))
    straight = [line for line in lines_of(figure) if lean(line) < 0.01]
    assert len(straight) > 45


def test_lines_that_lean_a_little_are_straight() -> None:
    for name in ("googlenet", "deeplabv3_resnet50", "fpn_resnet50", "levit_128s"):
        for line in lines_of(picture(graph_of(name), "graph", DrawOptions(engine="dot"))):
            assert not 0.01 < lean(line) < 2.0, name


def test_no_line_rubs_under_a_title() -> None:
    """The skip of CaiT's class attention turns left, below the title of its frame."""
    figure = picture(graph_of("cait_xxs24"), "graph", DrawOptions(engine="dot", depth=1))
    title = next(
        item for item in figure.items if isinstance(item, Text) and item.text.startswith("first: class_attention")
    )
    right = title.x + text_width(title.text, title.size, bold=True)
    near = [y for line in lines_of(figure) for x, y in points(line) if title.x < x < right and abs(y - title.y) < 40]
    assert near
    assert min(near) > title.y + 6


def test_frames_are_as_long_as_their_titles_from_left_to_right() -> None:
    for engine in ("dot", "netspec"):
        figure = picture(graph_of("xor_of_nands"), "graph", DrawOptions(engine=engine, direction="LR", depth=1))
        frames = [item for item in figure.items if isinstance(item, Rect) and item.fill in FRAMES]
        for frame in frames:
            titles = [
                t for t in figure.items if isinstance(t, Text) and t.bold and t.x == frame.x + 9 and t.y == frame.y + 15
            ]
            assert len(titles) == 1
            assert text_width(titles[0].text, titles[0].size, bold=True) <= frame.width - 18
        assert loose_ends(figure, FRAMES) == []


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("echo trouble >&2; exit 1", "dot failed: trouble"),
        ("echo '{'", "dot failed"),
        ("echo '{}'", "dot failed"),
        ("""echo '{"bb": "0,0,9,9", "objects": []}'""", "dot left something without a place"),
        ("cat > /dev/null; kill -9 $$", "dot failed"),
    ],
)
def test_where_dot_fails_netspec_lays_out_the_picture(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, body: str, said: str
) -> None:
    program = tmp_path / "dot"
    program.write_text(f"#!/bin/sh\n{body}\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    figure = picture(graph_of("lenet5"), "graph", DOT)
    assert figure.notes == [f"{said}: netspec laid out the picture itself"]
    assert figure.items == picture(graph_of("lenet5"), "graph", DrawOptions(depth=1)).items


def test_engines_are_of_the_style_graph(tmp_path: Path) -> None:
    for arguments, reason in (
        (("-o", str(tmp_path / "x.svg"), "--style", "volumes"), "--engine is for --style graph"),
        (("-o", str(tmp_path / "x.dot")), "has no layout yet"),
    ):
        done = run_netspec("draw", LENET, *arguments, "--engine", "dot")
        assert done.returncode == 2
        assert reason in done.stderr
    with pytest.raises(ValueError, match="engine is netspec or dot, not neato"):
        netspec.load(ROOT / LENET).draw(engine="neato")


@pytest.mark.parametrize("direction", ["TB", "LR"])
@pytest.mark.parametrize("name", ["wavenet", "hrnet_w18", "lenet5", "googlenet"])
def test_every_box_that_reads_has_an_arrow(name: str, direction: str) -> None:
    """A triangle as long as an arrow, whose tip is at its border."""
    figure = picture(graph_of(name), "graph", DrawOptions(engine="dot", direction=direction, depth=0))
    heads = [item for item in figure.items if isinstance(item, Line) and item.closed]
    assert all(max(math.dist(item.start, piece[0]) for piece in item.pieces) > 6 for item in heads)
    for box in boxes(figure).values():
        if not box.tip.startswith(("input", "output", "tensor")):
            near = [h for h in heads if _within(h.start, Rect(box.x - 3, box.y - 3, box.width + 6, box.height + 6))]
            assert near, box.tip
