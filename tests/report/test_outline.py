"""The rows of a network: what is opened, what is folded, and that no layer is lost."""

from __future__ import annotations

from pathlib import Path

import pytest
from conftest import ROOT, specs

from netspec import load, loads
from netspec.analysis.analysis import Analysis
from netspec.graph import Graph
from netspec.report.network_table import layer_table, network_table
from netspec.report.outline import EVERYTHING, FULL_ROWS, UnknownPart, View, outline

BLOCKS = """
block unit(w, k = 3) { conv(k)-w pad=same -> relu }
block stage(w, n) { unit(w) x(n); maxpool }
input 3x32x32
stem: { conv3-8 pad=1 -> relu }
stage(8, 2)
stage(16, 3)
unit(16, k=1)
fc-10
"""


def graph(name: str) -> Graph:
    return load(ROOT / "examples" / f"{name}.net").graph


def names(text_or_graph: str | Graph, view: View | None = None) -> list[str]:
    found = loads(text_or_graph).graph if isinstance(text_or_graph, str) else text_or_graph
    return [item.name for item in outline(found, view)]


def test_one_row_for_each_part_at_depth_1() -> None:
    assert names(BLOCKS, View(depth=1)) == ["stem", "stage1", "stage2", "unit1", "flatten1", "fc1"]


def test_parts_are_followed_by_what_is_in_them() -> None:
    items = outline(loads(BLOCKS).graph, View(depth=2))
    assert [(item.local_name, item.level, item.opened) for item in items] == [
        ("stem", 0, True), ("conv1", 1, False), ("relu1", 1, False),
        ("stage1", 0, True), ("unit1-2", 1, False), ("maxpool1", 1, False),
        ("stage2", 0, True), ("unit1-3", 1, False), ("maxpool1", 1, False),
        ("unit1", 0, True), ("conv1", 1, False), ("relu1", 1, False),
        ("flatten1", 0, False), ("fc1", 0, False),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("expand", "opened"),
    [
        ("stem", ["stem"]),
        ("stage2", ["stage2"]),
        ("stage", ["stage1", "stage2"]),
        ("stage1.unit2", ["stage1", "stage1.unit2"]),
    ],
)
def test_expand_opens_instances_blocks_and_labels_with_what_is_around_them(expand: str, opened: list[str]) -> None:
    items = outline(loads(BLOCKS).graph, View(depth=1, expand=(expand,)))
    assert [item.name for item in items if item.opened] == opened


def test_an_opened_instance_is_not_in_the_row_of_its_neighbors() -> None:
    found = names(BLOCKS, View(depth=1, expand=("stage2.unit2",)))
    assert [n for n in found if n.startswith("stage2.unit")] == [
        "stage2.unit1", "stage2.unit2", "stage2.unit2.conv1", "stage2.unit2.relu1", "stage2.unit3",
    ]  # fmt: skip


def test_unknown_parts_say_which_there_are() -> None:
    with pytest.raises(UnknownPart) as raised:
        outline(loads(BLOCKS).graph, View(expand=("stge",)))
    assert raised.value.names[:3] == ("stem", "stage", "stage1")


def test_descriptions_say_how_the_block_is_called() -> None:
    parts = [item for item in outline(loads(BLOCKS).graph, View(depth=2)) if item.layer is None]
    assert [item.description() for item in parts] == [
        "2 layers", "stage(8, 2), 5 layers", "unit(8) x2, 2 layers each", "stage(16, 3), 7 layers",
        "unit(16) x3, 2 layers each", "unit(16, 1), 2 layers",
    ]  # fmt: skip


def test_resnet_152_is_its_table_in_the_paper() -> None:
    parts = [item.description() for item in outline(graph("resnet152")) if item.layer is None]
    assert [p.split(",  ")[0].partition(", 1")[0] for p in parts] == [
        "stem, 4 layers", "bottleneck(64", "bottleneck(64) x2", "bottleneck(128, 2)", "bottleneck(128) x7",
        "bottleneck(256, 2)", "bottleneck(256) x35", "bottleneck(512, 2)", "bottleneck(512) x2",
    ]  # fmt: skip


@pytest.mark.parametrize("path", specs(), ids=lambda p: p.stem)
@pytest.mark.parametrize("view", [View(), View(1), View(2), View(3), EVERYTHING], ids=str)
def test_every_layer_is_in_one_row_and_sums_are_totals(path: Path, view: View) -> None:
    net = load(path).graph
    items = [item for item in outline(net, view) if not item.opened]
    assert [n.name for item in items for n in item.nodes()] == [n.name for n in net.layers]
    assert len({item.name for item in items}) == len(items)
    analysis = Analysis(net)
    table = layer_table(analysis, ("macs",), view)
    macs = [row.entries[-1].value for row in table.rows]
    aux = sum(n.macs for n in net.layers if n.aux)
    assert sum(macs) == sum(n.macs for n in net.layers)  # type: ignore[arg-type]
    total = network_table(analysis, ("macs",), view).rows[-1].entries[-1].value
    assert total == sum(n.macs for n in net.layers) - aux


@pytest.mark.parametrize("path", specs(), ids=lambda p: p.stem)
def test_the_default_is_as_deep_as_fits(path: Path) -> None:
    net = load(path).graph
    shown = [item for item in outline(net) if not item.opened]
    assert len(shown) <= FULL_ROWS or outline(net) == outline(net, View(depth=1))
    if len(net.layers) <= FULL_ROWS:
        assert len(shown) == len(net.layers)
