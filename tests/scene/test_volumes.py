"""What is written at volumes: sizes that leave a layer, constants, groups, and whose weights are used."""

from __future__ import annotations

import itertools

import pytest
from conftest import ROOT

import netspec
from netspec.analysis.analysis import Analysis
from netspec.graph import Graph
from netspec.scene.drawing import picture
from netspec.scene.faces import type_text
from netspec.scene.figure import Path, Rect, Text
from netspec.scene.options import DrawOptions
from netspec.scene.parts import Parts
from netspec.scene.rows import page_scale
from netspec.scene.theme import THEMES
from netspec.scene.volume_captions import Captions, keeps_the_volume
from netspec.scene.volume_lines import arriving_apart
from netspec.scene.volume_shapes import Scale

NAMES = sorted(p.stem for p in (ROOT / "examples").glob("*.net") if not p.stem.endswith("_blocks"))


def graph_of(name: str) -> Graph:
    return netspec.load(ROOT / "examples" / f"{name}.net").graph


def of_text(text: str) -> Graph:
    return netspec.loads(text).graph


def texts(graph: Graph, style: str, options: DrawOptions | None = None) -> list[str]:
    return [item.text for item in picture(graph, style, options or DrawOptions()).items if isinstance(item, Text)]


@pytest.mark.parametrize("name", NAMES)
def test_what_leaves_a_layer_stands_below_its_volume(name: str) -> None:
    """What is written small below it changes neither the channels nor the sizes, but that `flatten` calls them units."""
    graph = graph_of(name)
    parts = Parts(graph, joins=keeps_the_volume)
    captions = Captions(parts, Analysis(graph), THEMES["light"])
    for part in parts.root.walk():
        sketch = captions.sketch(part)
        if part.members or sketch.form == "circle":
            continue
        nodes = graph.nodes[part.start : part.stop]
        last = next(node for node in reversed(nodes) if node.kind != "flatten" or node is nodes[0])
        below = "".join(sketch.below)
        assert below.startswith((str(last.type.features), type_text(last.type))), part.name
        assert last.type.size == nodes[-1].type.size


def test_a_separable_convolution_is_the_layer_that_was_written() -> None:
    graph = of_text("net S\ninput 3x32x32\nconv3-16\nsepconv3-40/2 pad=1 norm=bn act=relu\n")
    volumes = texts(graph, "volumes")
    assert {"sepconv 3×3", "stride 2", "40", "bn · relu"} <= set(volumes)
    assert not any("dwconv" in text or "groups" in text for text in volumes)
    found = texts(graph, "graph")
    assert "sepconv" in found
    assert "3x3-40, stride 2, pad 1" in {text.strip() for text in found}
    assert not any("depthwise" in text for text in found)


def test_a_sign_with_a_constant_shows_it() -> None:
    graph = of_text("net S\ninput 8x4x4\nmul [ identity; 0.5 ]\nadd [ identity; 0.25 ] -> relu\nconv1-4\n")
    assert {"× 0.5", "+ 0.25"} <= set(texts(graph, "volumes"))


def test_groups_of_a_convolution_are_shown() -> None:
    assert "2 groups" in texts(graph_of("alexnet_grouped"), "volumes")
    assert not any("groups" in text for text in texts(graph_of("mobilenet_v1"), "volumes"))


def test_shared_weights_are_said() -> None:
    for style in ("volumes", "graph"):
        assert "tower_2: weights of tower" in texts(graph_of("siamese"), style)


def test_a_range_of_one_is_named_as_one() -> None:
    for style in ("volumes", "graph"):
        found = {text.strip() for text in texts(graph_of("xor_of_nands"), style)}
        assert {"channel 0", "channel 1"} <= found


def test_like_names_the_box_that_is_meant() -> None:
    found = texts(graph_of("unet"), "graph", DrawOptions(depth=0))
    assert sorted(text.strip() for text in found if "as large as" in text) == [
        "as large as up", "as large as up_2", "as large as up_3", "as large as up_4",
    ]  # fmt: skip


def test_tensors_that_one_part_gives_to_another_stay_apart() -> None:
    """The five levels of a pyramid run straight from cell to cell, each with room around it."""
    figure = picture(graph_of("bifpn_efficientnet_b0"), "volumes")
    fronts = {item.tip.split(":")[0]: item for item in figure.items if isinstance(item, Rect) and item.tip}
    first, second = fronts["pyramid.cell1"], fronts["pyramid.cell2"]
    lines = [item for item in figure.items if isinstance(item, Path) and not item.closed]
    between = [line for line in lines if first.x < line.start[0] < second.x]
    assert all(len(line.pieces) == 1 and line.pieces[0][0][1] == pytest.approx(line.start[1]) for line in between)
    heights = sorted(line.start[1] for line in between)
    assert len(heights) == 5
    assert min(b - a for a, b in itertools.pairwise(heights)) > 5


def test_a_single_map_is_a_thin_sheet() -> None:
    figure = picture(of_text("net S\ninput 28x28 gray\nFC-30\nFC-784\nreshape 1x28x28\n"), "volumes")
    fronts = {item.tip.split(":")[0]: item for item in figure.items if isinstance(item, Rect) and item.tip}
    assert fronts["input"].width <= 4
    assert fronts["reshape1"].width <= 4


def test_whose_weights_are_used_is_never_cut() -> None:
    """What a layer is takes as many lines as are left."""
    assert "weights of table.embed1" in texts(graph_of("transformer_base"), "volumes")


def test_a_label_that_only_names_a_tensor_is_shown() -> None:
    found = texts(graph_of("fpn_resnet50"), "volumes")
    assert {"c2", "c3", "c4"} <= set(found)
    assert "identity" not in found


def test_sizes_have_times_signs() -> None:
    for name, text in (("crnn", "stride 2×1"), ("r3d_18", "stride 1×2×2"), ("fcn8s", "from 9×9 on")):
        assert text in texts(graph_of(name), "volumes")
    found = texts(graph_of("lenet5_1998"), "volumes")
    assert found.count("conv 5×5") == 3
    assert "60 connected pairs" in found


def test_blocks_that_would_look_equal_have_the_arguments_of_their_calls() -> None:
    found = texts(graph_of("wavenet"), "volumes")
    assert {f"layer({i})" for i in range(1, 29)} <= set(found)
    assert "group(12)" in texts(graph_of("speech_cnn"), "volumes")
    assert "mbconv" in texts(graph_of("efficientnet_b0"), "volumes")  # too long to be written


def test_long_sequences_do_not_make_maps_small() -> None:
    """25,089 tokens beside a film of 224x224."""
    graph = graph_of("mvit_v2_s")
    scale = Scale(graph)
    assert scale.volume(graph.nodes[0].type).high == max(scale.volume(node.type).high for node in graph.nodes)


def test_arrows_into_one_volume_are_seen_one_by_one() -> None:
    """Each at least as far from the next as a head is high, and none at the corner of a box."""
    for name in ("volo_d1", "inception_resnet_v2", "nasnet_a_mobile", "wavenet"):
        figure = picture(graph_of(name), "volumes")
        fronts = [item for item in figure.items if isinstance(item, Rect) and ": " in item.tip]
        heads = [
            item.start for item in figure.items if isinstance(item, Path) and item.closed and len(item.pieces) == 2
        ]
        for front in fronts:
            met = sorted(y for x, y in heads if abs(x - front.x) < 0.1 and front.y <= y <= front.y + front.height)
            apart = [b - a for a, b in itertools.pairwise(met)]
            assert min(apart, default=7) > 6, f"{name}: {front.tip}"
            assert not met or front.y + 1 <= met[0] <= met[-1] <= front.y + front.height - 1, f"{name}: {front.tip}"


def test_lines_that_are_moved_apart_leave_the_straight_one_as_it_is() -> None:
    straight, low = [(0.0, 50.0), (9.0, 50.0)], [(0.0, 80.0), (5.0, 52.0), (9.0, 52.0)]
    assert arriving_apart([low, straight], 40.0, 70.0) == [[(0.0, 80.0), (5.0, 57.0), (9.0, 57.0)], straight]
    assert [line[-1][1] for line in arriving_apart([low, straight, low], 45.0, 61.0)] == pytest.approx([53, 46.5, 59.5])


def test_a_line_into_a_sign_turns_below_it_where_a_name_is_in_the_way() -> None:
    figure = picture(graph_of("clip_vit_b_32"), "volumes")
    heads = [item for item in figure.items if isinstance(item, Path) and item.closed and len(item.pieces) == 2]
    upwards = [head for head in heads if head.pieces[0][0][1] == head.pieces[1][0][1] > head.start[1]]
    assert len(upwards) == 1


def test_what_a_page_would_show_too_small_is_opened_a_level_less() -> None:
    """The Transformer with all its layers has letters of 4 points on A4; what is asked for is drawn nevertheless."""
    graph = graph_of("transformer_base")
    figure, whole = picture(graph, "volumes"), picture(graph, "volumes", DrawOptions(depth=3))
    assert page_scale(whole.width, whole.height) < 0.7 < page_scale(figure.width, figure.height)
    frames = {item.text for item in figure.items if isinstance(item, Text)}
    assert "decoder(8, drop=0.1) ×6" in frames


def test_the_title_of_a_frame_is_whole_where_there_is_room() -> None:
    found = texts(graph_of("gpt_char"), "volumes")
    assert [text for text in found if text.startswith("prenorm")] == [
        "prenorm(6, drop=0.2, causal=yes, bias=no, weight_drop=0.2) ×6"
    ]


def test_padding_is_said_where_a_convolution_gives_more_than_it_reads() -> None:
    assert [text for text in texts(graph_of("fcn8s"), "volumes") if "pad" in text] == ["pad 100"]
