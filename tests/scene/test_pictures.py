"""Pictures of every example: nothing meets, nothing is cut, no line runs through a box; and every format."""

from __future__ import annotations

import io
import json
import re
import runpy
import xml.etree.ElementTree as ElementTree
from dataclasses import replace
from pathlib import Path

import pytest
from conftest import ROOT, kinds
from overlaps import flaws
from PIL import Image

import netspec
from netspec.diagnostics import SpecError
from netspec.graph import Graph
from netspec.scene.drawing import picture, write
from netspec.scene.figure import Figure, Rect, Text
from netspec.scene.options import DrawOptions
from netspec.scene.pdf import as_pdf
from netspec.scene.png import as_png
from netspec.scene.rows import page_scale
from netspec.scene.svg import as_svg
from netspec.scene.tex import as_tex
from netspec.scene.theme import THEMES

LIBRARIES = {"lcn_blocks", "resnet_blocks"}
NAMES = sorted(p.stem for p in (ROOT / "examples").glob("*.net") if p.stem not in LIBRARIES)
FRAMES = frozenset(theme.frame_fill for theme in THEMES.values())
BY_DOT = {"googlenet"}
SVG = "{http://www.w3.org/2000/svg}"


def graph_of(name: str) -> Graph:
    return netspec.load(ROOT / "examples" / f"{name}.net").graph


def texts(figure: Figure) -> list[str]:
    return [item.text for item in figure.items if isinstance(item, Text)]


@pytest.mark.parametrize("name", NAMES)
def test_pictures_have_no_flaw(name: str) -> None:
    graph = graph_of(name)
    across = DrawOptions(direction="LR", theme="dark", by="macs", columns=("params",))
    for options in (DrawOptions(), across):
        assert flaws(picture(graph, "graph", options), FRAMES) == []
        assert flaws(picture(graph, "graph", replace(options, engine="dot")), FRAMES) == []
    assert flaws(picture(graph, "volumes"), FRAMES) == []


@pytest.mark.parametrize("name", ["googlenet", "unet", "swin_t"])
def test_open_pictures_have_no_flaw(name: str) -> None:
    graph = graph_of(name)
    assert flaws(picture(graph, "graph", DrawOptions(expand=("all",))), FRAMES) == []
    assert flaws(picture(graph, "graph", DrawOptions(depth=9, direction="LR")), FRAMES) == []


@pytest.mark.slow
@pytest.mark.parametrize("name", [path.stem for path in kinds()])
def test_every_open_picture_has_no_flaw(name: str) -> None:
    """Every layer of every round, and every block open."""
    graph = graph_of(name)
    for style in ("graph", "volumes"):
        assert flaws(picture(graph, style, DrawOptions(expand=("all",))), FRAMES) == []
        assert flaws(picture(graph, style, DrawOptions(depth=9)), FRAMES) == []
    assert flaws(picture(graph, "graph", DrawOptions(depth=9, direction="LR")), FRAMES) == []


def test_the_checker_of_flaws_sees_them() -> None:
    figure = Figure(100, 100, "x", items=[Text(10, 50, "abc"), Text(14, 50, "def"), Text(90, 20, "cut off")])
    assert len(flaws(figure)) == 2


@pytest.mark.parametrize("name", ["resnet152", "densenet201", "vit_b_16", "googlenet"])
def test_a_folded_network_fits_a_page(name: str) -> None:
    figure = picture(graph_of(name))
    boxes = [item for item in figure.items if isinstance(item, Rect) and item.tip]
    assert len(boxes) <= 60
    assert figure.height / figure.width < 9


@pytest.mark.parametrize("name", ["lenet5", "resnet18", "googlenet", "alexnet_towers"])
def test_an_open_picture_shows_every_layer_and_shape(name: str) -> None:
    graph = graph_of(name)
    figure = picture(graph, "graph", DrawOptions(expand=("all",)))
    tips = " ".join(item.tip for item in figure.items if isinstance(item, Rect))
    words = " ".join(texts(figure))
    for node in graph.layers:
        first = next(n for n in graph.nodes[: node.index + 1][::-1] if n.span != node.span or n is node)
        assert f"{first.name}:" in tips or node.kind in words
        assert "×".join(map(str, node.type.shape)) in words


def test_repeats_carry_their_number() -> None:
    assert "encoder ×12" in texts(picture(graph_of("vit_b_16"), "graph", DrawOptions(depth=0)))
    assert "dense_layer(k) ×48" not in texts(picture(graph_of("densenet201"), "graph", DrawOptions(depth=0)))
    assert any(t.startswith("dense_layer") and t.endswith("×48") for t in texts(picture(graph_of("densenet201"))))


def test_depth_and_expand_open_parts() -> None:
    graph = graph_of("resnet50")
    count = [len(texts(picture(graph, "graph", DrawOptions(depth=depth)))) for depth in (0, 1)]
    assert count[0] < count[1]
    one = picture(graph, "graph", DrawOptions(depth=0, expand=("bottleneck5",)))
    assert count[0] < len(texts(one)) < count[1]
    assert "bottleneck(128) ×3" in texts(one)


def test_columns_write_figures_and_by_colours_the_largest_darkest() -> None:
    graph = graph_of("lenet5")
    figure = picture(graph, "graph", DrawOptions(columns=("params",), by="params"))
    largest = max(graph.layers, key=lambda n: n.n_params)
    assert f"params {largest.n_params:,}" in texts(figure)
    dark = THEMES["light"].on_scale(1.0)
    assert [r.tip.split(":")[0] for r in figure.items if isinstance(r, Rect) and r.fill == dark and r.tip] == [
        largest.name
    ]


def test_equal_networks_give_equal_files(tmp_path: Path) -> None:
    for name in ("x.svg", "x.pdf", "x.png", "x.tex", "x.dot"):
        data = []
        for folder in ("a", "b"):
            (tmp_path / folder).mkdir(exist_ok=True)
            netspec.load(ROOT / "examples" / "googlenet.net").draw(tmp_path / folder / name)
            data.append((tmp_path / folder / name).read_bytes())
        assert data[0] == data[1]


def test_names_are_data(tmp_path: Path) -> None:
    """A figure whose texts hold markup, quotes and control characters is still XML, TeX and DOT."""
    bad = '<script>&"\\{}$%#_^~\u202e\x1b[31m'
    figure = Figure(200, 50, bad, items=[Text(10, 20, bad), Rect(1, 1, 5, 5, "#ffffff", tip=bad)])
    root = ElementTree.fromstring(as_svg(figure))
    assert not list(root.iter("script"))
    assert "\u202e" not in as_svg(figure)
    assert "\x1b" not in as_svg(figure)
    tex = as_tex(figure)
    assert "\x1b" not in tex
    assert r"\textbackslash{}\{\}\$\%\#\_\textasciicircum{}\textasciitilde{}" in tex
    assert as_pdf(figure).startswith(b"%PDF")


def test_the_svg_says_what_it_shows() -> None:
    root = ElementTree.fromstring(as_svg(picture(graph_of("lenet5"))))
    assert root.get("role") == "img"
    title = root.find(f"{SVG}title")
    assert title is not None
    assert "61,706 parameters" in (title.text or "")


def test_a_pdf_embeds_its_fonts() -> None:
    assert as_pdf(picture(graph_of("lenet5"))).count(b"/FontFile2") == 2


def test_volumes_stand_in_true_proportions() -> None:
    """The largest feature map is the highest, equal sizes are equally high, more channels are thicker."""
    figure = picture(graph_of("vgg16"), "volumes")
    front = {r.tip.split(":")[0]: r for r in figure.items if isinstance(r, Rect) and r.tip}
    assert front["conv1"].height == front["input"].height == max(r.height for r in front.values())
    assert front["conv3"].height > front["conv5"].height > front["conv8"].height
    assert front["conv1"].width < front["conv3"].width < front["conv5"].width
    assert front["conv8"].width == front["conv11"].width


def test_volumes_draw_the_windows_of_what_reads_them() -> None:
    closed = [
        i for i in picture(graph_of("lenet5"), "volumes").items if getattr(i, "closed", False) and i.fill == "none"
    ]
    windows = [n for n in graph_of("lenet5").layers if n.kind in ("conv", "maxpool", "avgpool")]
    assert len(closed) == len(windows)


def test_a_long_table_is_broken_into_columns_of_a_page() -> None:
    from netspec.scene.drawing import table_picture

    layers = " ".join(f"conv3-{n} pad=1;" for n in range(8, 168))
    long = table_picture([netspec.loads(f"net N; input 3x8x8; {layers} gap; FC-2").graph])
    assert page_scale(long.width, long.height) > 0.6
    assert [text for text in texts(long) if text.startswith("conv")] == [f"conv3-{n}" for n in range(8, 168)]
    labels = texts(long).count("8x8")
    assert labels > 1, "each column says the size with which it begins"
    short = table_picture([netspec.loads("net N; input 3x8x8; conv3-8; gap; FC-2").graph])
    assert short.width < long.width / 2


def test_tables_have_no_flaw_and_show_every_layer() -> None:
    from netspec.scene.drawing import table_picture

    for names in (["vgg_a", "vgg_c", "vgg_e"], ["resnet18", "resnet50", "resnet152"], ["unet"], ["lenet5", "alexnet"]):
        figure = table_picture([graph_of(name) for name in names])
        assert flaws(figure, FRAMES) == []
        assert {graph_of(name).name for name in names} <= set(texts(figure))
    assert texts(table_picture([graph_of("vgg_e")])).count("conv3-512") == 8


def test_neurons_show_weights() -> None:
    import numpy as np

    graph = graph_of("xor")
    weights = {
        "fc1.weight": np.array([[1.5, -2.25], [0.5, 4.0]], np.float32), "fc1.bias": np.array([-0.5, 0.75], np.float32),
        "fc2.weight": np.array([[3.0, -1.0]], np.float32), "fc2.bias": np.array([0.25], np.float32),
    }  # fmt: skip
    found = texts(picture(graph, "neurons", weights=weights))
    assert {"1.50", "−2.25", "0.50", "4.00", "3.00", "−1.00", "−0.50", "0.75", "0.25"} <= set(found)


def test_a_bias_has_as_many_digits_as_its_circle_has_room_for() -> None:
    import numpy as np

    weights = {"fc1.weight": np.zeros((1, 2), np.float32), "fc1.bias": np.array([-154.91], np.float32)}
    figure = picture(graph_of("perceptron"), "neurons", weights=weights)
    assert "−155" in texts(figure)
    weights["fc1.bias"][0] = -24.04
    assert "−24.0" in texts(picture(graph_of("perceptron"), "neurons", weights=weights))


def test_neurons_show_units_with_a_threshold() -> None:
    assert "step" in texts(picture(graph_of("nand"), "neurons"))


@pytest.mark.parametrize(
    ("name", "reason"),
    [("lenet5", "more than 24"), ("mlp_digits", "more than 24"), ("siamese", "several inputs")],
)
def test_neurons_refuse_what_is_no_picture_of_circles(name: str, reason: str) -> None:
    with pytest.raises(SpecError, match="neurons") as raised:
        picture(graph_of(name), "neurons")
    assert reason in " ".join(str(raised.value).split())


def test_a_page_that_no_pdf_can_have_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SpecError, match="too large"):
        write(tmp_path / "x.pdf", lambda: Figure(100.0, 30_000.0, "tall"))
    assert not (tmp_path / "x.pdf").exists()


@pytest.mark.parametrize("options", [DrawOptions(), DrawOptions(depth=0), DrawOptions(expand=("all",))])
@pytest.mark.parametrize("name", ["googlenet", "unet", "resnet18", "siamese", "densenet_bc_100_12"])
def test_dot_has_a_node_for_each_box_and_an_edge_for_each_tensor(name: str, options: DrawOptions) -> None:
    from netspec.analysis.analysis import Analysis
    from netspec.scene.dot import as_dot

    graph = graph_of(name)
    text = as_dot(graph, Analysis(graph), options)
    names = set(re.findall(r"^\s*(\w+) \[label", text, re.M))
    ends = {end for pair in re.findall(r"(\w+) -> (\w+)", text) for end in pair}
    assert ends <= names
    assert names <= ends


def test_the_pictures_of_the_docs_are_up_to_date() -> None:
    script = runpy.run_path(str(ROOT / "scripts" / "pictures.py"))
    folder, wanted, drawn = script["PICTURES"], script["WANTED"], script["drawn"]
    assert {p.stem for p in folder.glob("*.svg")} == set(wanted)
    for name in wanted:
        there, here = (folder / f"{name}.svg").read_text(encoding="utf-8"), drawn(name)
        if name in BY_DOT:  # whose versions differ in places
            there, here = (re.sub(r'(?<==")[^"]*|[\d.]+', "", svg) for svg in (there, here))
        assert there == here


def test_open_sizes_are_shown_as_forms_that_the_font_has() -> None:
    graph = netspec.check("net O\ninput 3xHxW\nconv3-8/2\nmaxpool\ngap\nFC-10\n").lenient().model().graph
    drawn = {style: picture(graph, style) for style in ("graph", "volumes", "table")}
    assert "3×H×W" in texts(drawn["graph"])
    assert "3×H×W" in texts(drawn["volumes"])
    assert "input 3xHxW" in texts(drawn["table"])
    for style in ("graph", "volumes"):
        assert any(re.search(r"MACs for H = \d+ and W = \d+$", text) for text in texts(drawn[style]))
    for figure in drawn.values():
        assert any("floor(" in text for text in texts(figure))
        assert flaws(figure, FRAMES) == []
        assert not any("224" in text for text in texts(figure) if "MACs for" not in text)
    written = "".join(text for figure in drawn.values() for text in texts(figure))
    known = set(json.loads((ROOT / "netspec" / "scene" / "fonts" / "widths.json").read_text("utf-8"))["regular"])
    assert set(written) <= known


def test_a_png_is_painted_to_its_edges() -> None:
    pixels = Image.open(io.BytesIO(as_png(replace(picture(graph_of("lenet5")), width=203.3, height=586.7))))
    assert pixels.size == (408, 1174)
    edges = [(x, y) for x in (0, 407) for y in range(1174)] + [(x, y) for x in range(408) for y in (0, 1173)]
    assert {pixels.convert("RGBA").getpixel(place) for place in edges} == {(255, 255, 255, 255)}


def test_figures_that_are_zero_are_not_written() -> None:
    written = texts(picture(graph_of("lenet5"), "graph", DrawOptions(columns=("params", "macs"))))
    assert "params 156" in written
    assert not any(text in ("params 0", "MACs 0") for text in written)


@pytest.mark.parametrize(("style", "name"), [("graph", "lenet5"), ("volumes", "lenet5"), ("neurons", "xor")])
def test_a_picture_without_its_title(style: str, name: str) -> None:
    graph = graph_of(name)
    with_title, without = (picture(graph, style, DrawOptions(title=title)) for title in (True, False))
    assert set(texts(with_title)) - set(texts(without)) == {graph.name, *(t for t in texts(with_title)[:2])}
    assert without.height < with_title.height
    assert without.title == with_title.title
    assert flaws(without, FRAMES) == flaws(with_title, FRAMES)
