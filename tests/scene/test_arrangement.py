"""How long pictures are broken for a page, and encoders with decoders drawn as a U."""

from __future__ import annotations

import itertools

import pytest
from conftest import ROOT
from overlaps import flaws, loose_ends

import netspec
from netspec.graph import Graph
from netspec.scene.drawing import picture
from netspec.scene.figure import Figure, Path, Rect, Text
from netspec.scene.layout import Inside, Measure, Route, laid_out
from netspec.scene.level_geometry import Spacing
from netspec.scene.options import DrawOptions
from netspec.scene.parts import Parts
from netspec.scene.rows import column_limit, in_rows, page_scale
from netspec.scene.theme import THEMES
from netspec.scene.u_shape import skips_of

FRAMES = frozenset(theme.frame_fill for theme in THEMES.values())


def graph_of(text: str) -> Graph:
    return netspec.load(ROOT / "examples" / f"{text}.net" if "\n" not in text else text).graph


def fronts(figure: Figure) -> dict[str, Rect]:
    return {r.tip.split(":")[0]: r for r in figure.items if isinstance(r, Rect) and r.tip}


def in_a_row(name: str) -> Inside:
    parts = Parts(graph_of(name))
    return laid_out(
        parts, lambda part: True, Measure(lambda _: (80.0, 30.0), lambda _: 40.0, lambda _: (30.0, 13.0)), Spacing()
    )


@pytest.mark.parametrize("name", ["resnet18", "googlenet", "mobilenet_v2", "alexnet_towers"])
def test_a_break_keeps_every_box_line_and_label_and_fills_the_page(name: str) -> None:
    whole = in_a_row(name)
    before = len(whole.boxes), len(whole.routes), len(whole.labels)
    height = whole.size[1]
    broken = in_rows(whole, column_limit(whole), lambda _: (30.0, 13.0))
    assert (len(broken.boxes), len(broken.routes), len(broken.labels)) == before
    assert broken.size[1] < height / 1.5
    for box in broken.boxes:
        assert box.corner[0] >= -0.01
        assert box.corner[0] + box.size[0] <= broken.size[0] + 0.01
        assert 0 <= box.corner[1] <= broken.size[1] - box.size[1]
    for route in broken.routes:
        assert route.source is not None
        assert route.points[0][1] == pytest.approx(route.source.corner[1] + route.source.size[1])


def crosses(a: Route, b: Route) -> bool:
    """Whether an upright piece of one crosses a level piece of the other; both have right angles."""
    return any(
        min(p[k], q[k]) < r[k] < max(p[k], q[k]) and min(r[1 - k], s[1 - k]) < p[1 - k] < max(r[1 - k], s[1 - k])
        for p, q in itertools.pairwise(a.points)
        for r, s in itertools.pairwise(b.points)
        for k in (0, 1)
        if p[1 - k] == q[1 - k] and r[k] == s[k]
    )


@pytest.mark.parametrize("name", ["wavenet", "hrnet_w18"])
def test_what_runs_back_together_does_not_cross(name: str) -> None:
    parts = Parts(graph_of(name))
    measure = Measure(lambda _: (80.0, 60.0), lambda _: 40.0, lambda _: (30.0, 13.0))
    back = [
        r for r in in_rows(laid_out(parts, lambda _: False, measure, Spacing()), 500.0).routes if r.shape == "square"
    ]
    assert len({route.node for route in back}) > 1
    assert not any(crosses(a, b) for a, b in itertools.permutations(back, 2))


def test_tensors_leave_a_closed_part_in_the_order_of_their_readers() -> None:
    """The five outputs of BiFPN come from its last cell, which is drawn closed: their lines do not cross."""
    parts = Parts(graph_of("bifpn_efficientnet_b0"))
    measure = Measure(lambda _: (80.0, 30.0), lambda _: 40.0, lambda _: (30.0, 13.0))
    inside = laid_out(parts, lambda part: part.name == "pyramid", measure, Spacing())
    pyramid = next(box.inside for box in inside.boxes if box.part.name == "pyramid")
    assert pyramid is not None
    going = [route for route in pyramid.routes if route.target is None]
    assert len(going) == 5
    assert sorted(going, key=lambda r: r.points[0]) == sorted(going, key=lambda r: r.points[-1])


@pytest.mark.parametrize(
    ("name", "direction", "least"),
    [("fpn_resnet50", "LR", 0.7), ("nasnet_a_mobile", "LR", 0.85), ("clip_vit_b_32", "LR", 0.6), ("bifpn_efficientnet_b0", "TB", 0.8)],
)  # fmt: skip
def test_where_lines_run_side_by_side_they_are_cut_and_go_on_in_the_next_row(
    name: str, direction: str, least: float
) -> None:
    """In one row A4 would show these at 0.2 to 0.56 of their size."""
    figure = picture(graph_of(name), "graph", DrawOptions(direction=direction))
    assert page_scale(figure.width, figure.height) > least
    assert flaws(figure, FRAMES) == []
    assert loose_ends(figure, FRAMES) == []


def test_a_page_shows_every_example_without_tiny_letters() -> None:
    """Folded, on A4 upright or across with margins of a centimetre: letters of at least 4 points."""
    for name in ("resnet18", "resnet152", "densenet201", "mobilenet_v2", "googlenet", "unet", "vit_b_16", "wavenet"):
        for style in ("graph", "volumes"):
            figure = picture(graph_of(name), style)
            w, h = figure.width, figure.height
            assert 9 * 0.75 * max(min(1047 / w, 718 / h), min(718 / w, 1047 / h)) > 4, (name, style)


def test_many_lines_that_meet_a_narrow_box_end_at_it() -> None:
    """From both sides: neither side pushes the other beyond the box."""
    inputs = "\n".join(f"input i{k} {k + 1}" for k in range(10))
    figure = picture(graph_of(f"{inputs}\nconcat [ {'; '.join(f'from i{k}' for k in range(10))} ]\nFC-3"))
    assert loose_ends(figure, FRAMES) == []
    box = next(r for r in figure.items if isinstance(r, Rect) and r.tip.startswith("concat"))
    tips = [p.start[0] for p in figure.items if isinstance(p, Path) and p.closed and abs(p.start[1] - box.y) < 1]
    assert len(tips) == 10
    assert all(box.x < x < box.x + box.width for x in tips)


def test_a_network_that_is_one_block_is_broken_too() -> None:
    figure = picture(graph_of("resnet20_cifar"))
    assert not any(isinstance(item, Text) and item.text.startswith("resnet_cifar") for item in figure.items)
    assert figure.height < 1200


def test_a_u_net_is_drawn_as_a_u() -> None:
    """Each join stands as high as the part whose maps it joins, deeper ones lower and further in, and the line between is straight."""
    graph = graph_of("unet")
    figure = picture(graph, "volumes")
    front = fronts(figure)
    joins = [node.name for node in graph.layers if node.kind == "concat"][::-1]
    middle = {name: r.y + r.height / 2 for name, r in front.items()}
    for k, join in enumerate(joins):
        assert front[join].x > front[f"d{k + 1}"].x
    assert [front[f"d{k}"].x for k in (1, 2, 3, 4)] == sorted(front[f"d{k}"].x for k in (1, 2, 3, 4))
    assert [front[j].x for j in joins] == sorted((front[j].x for j in joins), reverse=True)
    assert [middle[j] for j in joins] == sorted(middle[j] for j in joins)
    straight = [
        p.start[1] for p in figure.items
        if isinstance(p, Path) and p.fill == "none" and len(p.pieces) == 1 and p.pieces[0][0][0] - p.start[0] > 150 and p.pieces[0][0][1] == p.start[1]
    ]  # fmt: skip
    assert len(straight) >= 3
    words = [item.text for item in figure.items if isinstance(item, Text)]
    assert words.count("convT 2×2") == 4
    assert flaws(figure, FRAMES) == []


@pytest.mark.parametrize(("name", "skips"), [("unet", 4), ("unet_padded", 4), ("fcn8s", 2)])
def test_encoders_with_decoders_are_found(name: str, skips: int) -> None:
    parts = Parts(graph_of(name))
    found = skips_of(parts.level(parts.root), graph_of(name))
    assert found is not None
    assert len(found[1]) == skips


@pytest.mark.parametrize(
    "name", ["resnet18", "densenet_bc_100_12", "googlenet", "alexnet_towers", "siamese", "transformer_encoder"]
)
def test_others_are_no_u(name: str) -> None:
    parts = Parts(graph_of(name))
    assert skips_of(parts.level(parts.root), graph_of(name)) is None


U_OF_BLOCKS = """
net Blocks
input 3x64x64
default conv pad=same act=relu
block down(w) { conv3-w x2 }
block up(w) { conv3-w x2 }
a: down(16)
maxpool
b: down(32)
maxpool
conv3-64
upsample 2
add [ identity; from b -> conv1-64 ]
up(64)
upsample 2
add [ identity; from a -> conv1-64 ]
up(16)
conv1-2 act=none
"""


OTHER_US = {
    "blocks": U_OF_BLOCKS,
    "sequences": """
net Sequences
input 4x256
default conv pad=same act=relu
a: conv3-16
maxpool
b: conv3-32
maxpool
conv3-64
convT2-32/2
concat [ identity; from b ]
conv3-32
convT2-16/2
concat [ identity; from a ]
conv1-2
""",
    "strided, wide images": """
net Strided
input 3x64x96
default conv pad=same act=relu
a: conv3-8
conv3-8/2
b: conv3-16
conv3-16/2
conv3-16
upsample 2 -> conv3-16
add [ identity; from b ] -> relu
upsample 2 -> conv3-8
concat [ from a; identity ]
conv1-3
""",
}


@pytest.mark.parametrize("options", [DrawOptions(), DrawOptions(depth=0), DrawOptions(expand=("all",), theme="dark")])
@pytest.mark.parametrize("name", OTHER_US)
def test_other_us_closed_and_open_have_no_flaw(name: str, options: DrawOptions) -> None:
    graph = graph_of(OTHER_US[name])
    parts = Parts(graph)
    assert skips_of(parts.level(parts.root), graph) is not None
    assert flaws(picture(graph, "volumes", options), FRAMES) == []


def test_outputs_from_within_are_no_u() -> None:
    text = OTHER_US["sequences"].replace("conv3-32\nconvT2-16/2", "conv3-32\noutput deep\nconvT2-16/2")
    graph = graph_of(f"{text}output last\n")
    assert len(graph.outputs) == 2
    parts = Parts(graph)
    assert skips_of(parts.level(parts.root), graph) is None


def test_a_concatenation_shows_what_it_is_made_of() -> None:
    graph = graph_of("alexnet_towers")
    join = next(node for node in graph.layers if node.kind == "concat")
    pieces = [r for r in picture(graph, "volumes").items if isinstance(r, Rect) and r.tip.startswith(f"{join.name}:")]
    assert len(pieces) == 2
    assert pieces[0].width == pytest.approx(pieces[1].width)
    assert {r.fill for r in pieces} == {THEMES["light"].fill("Pooling")[0]}


def test_what_keeps_the_maps_is_drawn_with_a_repeat_before_it() -> None:
    """A dropout after the third of three convolutions is no volume of its own, and the next three are counted anew."""
    text = "net D\ninput 3x32x32\ndefault conv pad=1\nconv3-8 act=relu x3\ndropout 0.5\nconv3-8 act=relu x3\nflatten\nFC-4\n"
    figure = picture(graph_of(text), "volumes")
    assert set(fronts(figure)) == {"input", "conv1", "conv4", "fc1"}
    words = [item.text for item in figure.items if isinstance(item, Text)]
    assert [words.count(word) for word in ("×3", "relu", "dropout", "flatten")] == [2, 2, 1, 1]
    assert flaws(figure, FRAMES) == []


def test_what_skips_to_the_lower_of_two_sums_does_not_run_through_the_upper_one() -> None:
    assert flaws(picture(graph_of("wavenet"), "volumes", DrawOptions(expand=("layer1",))), FRAMES) == []


@pytest.mark.parametrize("name", ["transformer_base", "clip_vit_b_32"])
def test_where_too_much_is_open_for_a_page_fewer_levels_are(name: str) -> None:
    figure = picture(graph_of(name))
    assert 0.5 < page_scale(figure.width, figure.height) < 0.9
    assert sum("attention" in item.text for item in figure.items if isinstance(item, Text)) > 1


@pytest.mark.parametrize("direction", ["TB", "LR"])
@pytest.mark.parametrize("style", ["graph", "volumes"])
@pytest.mark.parametrize("depth", [0, 9])
def test_the_labels_of_several_tensors_of_one_part_stand_apart(style: str, direction: str, depth: int) -> None:
    graph = graph_of("hrnet_w18")
    assert flaws(picture(graph, style, DrawOptions(depth=depth, direction=direction)), FRAMES) == []


def test_a_few_maps_are_sheets_and_many_are_a_box() -> None:
    figure = picture(graph_of("lenet5"), "volumes")
    tips = [item.tip.split(":")[0] for item in figure.items if isinstance(item, Rect) and item.tip]
    channels = {"input": 1, "conv1": 6, "maxpool1": 6, "conv2": 16, "maxpool2": 16}
    assert {name: tips.count(name) for name in channels} == channels
    many = [r.tip for r in picture(graph_of("vgg16"), "volumes").items if isinstance(r, Rect)]
    assert sum(tip.startswith("conv1:") for tip in many) == 1
