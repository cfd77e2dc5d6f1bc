"""Where long pictures are broken, how lines are cut there, and what is closed up."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from functools import partial

import pytest
from conftest import ROOT

import netspec
from netspec.scene import breaks
from netspec.scene.breaks import pieces_of
from netspec.scene.closing import closed_up, depth, moved_across
from netspec.scene.curves import places_on
from netspec.scene.drawing import picture
from netspec.scene.figure import Figure, Rect
from netspec.scene.figure import Path as Line
from netspec.scene.graphviz import geometry_by_dot
from netspec.scene.layout import Inside, Measure, Route, laid_out
from netspec.scene.level_geometry import Point, Spacing
from netspec.scene.options import DrawOptions
from netspec.scene.parts import Parts
from netspec.scene.rows import in_rows, page_scale


def graph_of(name: str) -> netspec.Graph:
    return netspec.load(ROOT / "examples" / f"{name}.net").graph


def label(_: int) -> Point:
    return 30.0, 13.0


def by_dot(name: str) -> Inside:
    measure = Measure(lambda _: (80.0, 30.0), lambda _: 40.0, label)
    solve = partial(geometry_by_dot, spacing=Spacing(), across=False)
    return laid_out(Parts(graph_of(name)), lambda _: False, measure, Spacing(), solve=solve)


def in_file(name: str, direction: str, engine: str = "dot") -> Figure:
    return picture(graph_of(name), "graph", DrawOptions(engine=engine, direction=direction))


def corners(route: Route) -> list[float]:
    """The turns of a curve between its pieces, in degrees."""
    curve = route.points[:-1] if route.arrow else route.points
    found = []
    for k in range(3, len(curve) - 3, 3):
        (ax, ay), (x, y), (bx, by) = curve[k - 1 : k + 2]
        if math.dist((ax, ay), (x, y)) > 0.01 and math.dist((x, y), (bx, by)) > 0.01:
            turn = math.degrees(math.atan2(x - ax, y - ay) - math.atan2(bx - x, by - y))
            found.append(abs((turn + 180) % 360 - 180))
    return found


@pytest.mark.parametrize("name", ["wavenet", "vovnet39", "inception_v3"])
def test_a_curve_that_is_cut_runs_along_the_flow_there(name: str) -> None:
    broken = in_rows(by_dot(name), 400.0, label)
    back = [route for route in broken.routes if route.shape == "square"]
    curves = [route for route in broken.routes if route.shape == "spline"]
    assert back
    for across, along in [place for route in back for place in (route.points[0], route.points[-1])]:
        for route in curves:
            curve = route.points[:-1] if route.arrow else route.points
            for end, beside in ((curve[0], curve[1]), (curve[-1], curve[-2])):
                if math.dist(end, (across, along)) < 0.01:
                    assert abs(end[0] - beside[0]) < 0.01
    assert max((turn for route in curves for turn in corners(route)), default=0.0) < 6.0


def rows_of(figure: Figure) -> list[list[str]]:
    """The names of the boxes of each row, from left to right."""
    boxes = sorted((r for r in figure.items if isinstance(r, Rect) and r.tip), key=lambda r: r.y)
    rows: list[list[Rect]] = []
    bottom = -math.inf
    for box in boxes:
        if box.y > bottom + 24:
            rows.append([])
        rows[-1].append(box)
        bottom = max(bottom, box.y + box.height)
    return [[box.tip.split(":")[0] for box in sorted(row, key=lambda r: r.x)] for row in rows]


@pytest.mark.parametrize("name", ["vovnet39", "darknet53"])
def test_a_sum_is_in_the_row_of_what_it_adds(name: str) -> None:
    """A residual pair is not torn where a break before it or behind it is near."""
    figure = in_file(name, "LR")
    assert page_scale(figure.width, figure.height) > 0.9
    rows = rows_of(figure)
    assert len(rows) > 3
    assert not any(row[0].startswith("add") for row in rows)


@pytest.mark.parametrize("name", ["squeezenet1_0", "mnasnet0_5", "fcn8s", "vovnet39", "darknet53"])
def test_no_row_is_one_or_two_boxes(name: str) -> None:
    rows = rows_of(in_file(name, "LR"))
    assert min(len(row) for row in rows) > 2, rows


@pytest.mark.parametrize(
    ("name", "least"), [("unet", 0.75), ("unet_padded", 0.75), ("clip_vit_b_32", 0.65), ("fpn_resnet50", 0.85)]
)
def test_rows_are_as_high_as_what_is_in_them(name: str, least: float) -> None:
    """With the lanes of all other rows A4 would show these at 0.51, 0.54, 0.58 and 0.7 of their size."""
    figure = in_file(name, "LR")
    assert page_scale(figure.width, figure.height) > least


def test_what_is_closed_up_keeps_its_order_and_sizes() -> None:
    taken = [(0.0, 30.0), (100.0, 120.0), (110.0, 150.0), (400.0, 430.0)]
    moved = closed_up(taken)
    for a, b in taken:
        assert moved(b) - moved(a) == pytest.approx(b - a)
    places = [moved(across) for across in range(-20, 460)]
    assert all(a < b for a, b in itertools.pairwise(places))
    assert moved(100.0) - moved(30.0) == moved(400.0) - moved(150.0) == pytest.approx(24.0 + 2 * 5.0)
    assert moved(430.0) - moved(0.0) + 2 * 5.0 == pytest.approx(depth(taken))


def test_a_curve_through_lanes_that_are_closed_up_has_no_corner() -> None:
    points = ((0.0, 0.0), (0.0, 40.0), (30.0, 60.0), (60.0, 80.0), (90.0, 100.0), (200.0, 100.0), (200.0, 160.0))
    route = Route(None, None, 0, points, arrow=False, shape="spline")
    moved: Callable[[float], float] = closed_up([(0.0, 10.0), (75.0, 80.0), (200.0, 220.0)])
    found = moved_across(route, moved)
    assert corners(found) == pytest.approx([0.0])
    assert max(a for a, _ in places_on(found.points)) == pytest.approx(moved(200.0))


def test_a_break_costs_what_it_cuts() -> None:
    """Between the sums of a residual network one tensor goes on; in the block it would be two."""
    pieces = pieces_of(by_dot("resnet18"), label, cuts=True)
    costs = [piece.cost for piece in pieces[1:]]
    assert costs
    assert min(costs) == pytest.approx(0.05)
    assert all(cost < 1.0 for cost in costs)


def test_several_tensors_arrive_at_one_box_side_by_side() -> None:
    """By dot all lines meet a box in its middle: where they are cut, they are led to it beside each other."""
    broken = in_rows(by_dot("wavenet"), 400.0, label)
    arriving = [
        (id(route.target), route.points[-1][0])
        for route in broken.routes
        if route.shape == "spline" and route.arrow and len({across for across, _ in route.points}) == 1
    ]
    apart = [b - a for (x, a), (y, b) in itertools.pairwise(sorted(arriving)) if x == y]
    assert len(apart) > 1
    assert min(apart) > 7.0


def test_a_tail_beside_many_branches_is_led_below_them() -> None:
    """In one row A4 would show it at 0.6 of its size, although a row of this length is as long as rows may be."""
    figure = in_file("speech_cnn", "LR")
    assert page_scale(figure.width, figure.height) > 0.75


@pytest.mark.parametrize("name", ["unet", "fpn_resnet50"])
def test_many_lines_that_run_back_leave_their_row_before_they_turn(name: str) -> None:
    """None has a hook at its end: a first piece that leads back."""
    straight = [p for p in in_file(name, "LR").items if isinstance(p, Line) and not p.closed and len(p.pieces[0]) == 1]
    assert len(straight) > 5
    assert all(line.pieces[0][0][0] > line.start[0] - 0.01 for line in straight)


def test_what_is_joined_stays_in_one_row() -> None:
    """The last sum of DLA and both branches to it, although both branches end in the rank before it."""
    rows = rows_of(in_file("dla34", "LR"))
    assert not any(row[0].startswith("concat") for row in rows)


def test_the_work_of_breaking_does_not_grow_faster_than_the_picture(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of 1,500 layers behind each other, or 200, so many places for breaks are weighed."""
    weighed = []
    row_cost = breaks._Table._row_cost
    monkeypatch.setattr(
        breaks._Table, "_row_cost", lambda self, *where: weighed.append(where[0]) or row_cost(self, *where)
    )
    counts = []
    for layers in (200, 1500):
        weighed.clear()
        text = "net Deep\ninput 3x32x32\n" + "".join(f"conv3-{8 + 8 * (i % 3)} pad=1\n" for i in range(layers))
        picture(netspec.loads(text).graph, "graph", DrawOptions(depth=0))
        counts.append(len(weighed))
    assert 0 < counts[1] < 3 * counts[0]
