"""What is drawn as one: written layers, blocks, and equal neighbours with their number."""

from __future__ import annotations

import pytest
from conftest import ROOT

import netspec
from netspec.graph import Graph
from netspec.scene.faces import head_text
from netspec.scene.opening import opened
from netspec.scene.options import DrawOptions
from netspec.scene.parts import Part, Parts


def parts_of(text: str) -> Parts:
    return Parts(netspec.loads(text).graph)


def shown(parts: Parts) -> list[str]:
    return [f"{p.name} x{p.count}" if p.count > 1 else p.name for p in parts.root.members]


def example(name: str) -> Graph:
    return netspec.load(ROOT / "examples" / f"{name}.net").graph


def test_a_written_layer_is_one_part() -> None:
    text = "input 3x8x8\nconv3-4 pad=1 norm=bn act=relu\nmaxpool\n"
    assert shown(parts_of(text)) == ["input", "conv1", "maxpool1"]


def test_equal_neighbours_are_counted() -> None:
    assert shown(parts_of("input 3x8x8\nconv3-4 pad=1\nconv3-4 pad=1\nconv3-4 pad=1\n")) == ["input", "conv1 x3"]


def test_neighbours_that_differ_are_not() -> None:
    assert shown(parts_of("input 3x8x8\nconv3-4 pad=1\nconv3-4 pad=1 dilation=1 bias=no\n")) == [
        "input",
        "conv1",
        "conv2",
    ]


def test_what_is_read_later_stands_alone() -> None:
    text = "input 4x8x8\na: conv3-4 pad=1\nconv3-4 pad=1\nconv3-4 pad=1\nadd [ identity; from a ]\n"
    assert shown(parts_of(text)) == ["input", "a", "conv1 x2", "add1"]


def test_blocks_of_one_definition_are_counted_whatever_the_sizes() -> None:
    counted = [f"{p.region.block} x{p.count}" for p in Parts(example("densenet201")).root.members if p.region]
    assert counted == [
        "stem x1", "dense_layer x6", "transition x1", "dense_layer x12", "transition x1", "dense_layer x48", "transition x1",
        "dense_layer x32",
    ]  # fmt: skip


def test_rounds_of_several_layers_are_one_part() -> None:
    text = "input 4x8x8\nrepeat 3 { conv3-4 pad=1; relu }\ngap\n"
    parts = parts_of(text)
    assert shown(parts) == ["input", "conv1 x3", "gap1"]
    assert [member.name for member in parts.root.members[1].members] == ["conv1", "relu1"]


@pytest.mark.parametrize(
    ("written", "title"),
    [
        ("windows 4x4 { ln; attention heads=2 }", "windows 4×4"),
        ("windows 4x4 shift=2 { ln; attention heads=2 }", "windows 4×4, shift 2"),
        ("windows 4x4 shift=1x2 { ln; attention heads=2 }", "windows 4×4, shift 1×2"),
        ("windows 8x4 shift=2 { ln; attention heads=2 }", "windows 8×4, shift 0×2"),  # one window covers the height
        ("windows 8x8 shift=2 { ln; attention heads=2 }", "windows 8×8"),
        ("windows 4x4 grid=yes { ln; attention heads=2 }", "windows 4×4, grid"),
        ("windows 4x4 stride=2 { ln; attention heads=2 }", "windows 4×4, every 2"),
        ("each height { conv3-8 pad=1; relu }", "each height"),
    ],
)
def test_the_body_of_windows_is_a_part_with_a_title(written: str, title: str) -> None:
    """It is open however few blocks are, and costs no level: a block in it is at the depth at which it would be without."""
    parts = parts_of(f"block two() {{ relu; sigmoid }}\ninput 8x8x8\n{written.replace(' }', '; two() }')}\ngap\n")
    frame = parts.root.members[1]
    assert (head_text(frame), len(frame.members), len(parts.root.members)) == (title, 5, 3)
    block = frame.members[3]
    assert block.region is not None
    assert block.region.block == "two"
    for depth in (0, 1):
        is_open = opened(parts, DrawOptions(depth=depth))
        assert (is_open(frame), is_open(block)) == (True, depth == 1)


def test_rounds_of_a_block_with_a_second_input_are_counted() -> None:
    """The decoder of a Transformer: what it is called with, identities between the rounds, is no layer in the way."""
    assert "decoder1 x6" in shown(Parts(example("transformer_base")))


def test_equal_bodies_of_windows_are_counted() -> None:
    parts = parts_of("input 8x8x8\nwindows 4x4 { ln; linear-8 }\nwindows 4x4 { ln; linear-8 }\n")
    assert [head_text(part) for part in parts.root.members[1:]] == ["windows 4×4 ×2"]


@pytest.mark.parametrize(
    "name", ["resnet50", "densenet121", "googlenet", "unet", "vit_b_16", "alexnet_towers", "swin_t"]
)
@pytest.mark.parametrize("folded", [True, False])
def test_every_layer_has_its_place(name: str, folded: bool) -> None:
    """Each layer but plain identities is in exactly one closed part of the tree, opened down to the layers."""
    graph = example(name)
    parts = Parts(graph, folded=folded)

    def layers(part: Part) -> list[int]:
        if part.is_layer:
            return list(range(part.start, part.stop))
        size = part.round_stop - part.start
        inner = [i for member in part.members for i in layers(member)]
        return [i + k * size for k in range(part.count) for i in inner]

    real = [n.index for n in graph.nodes if n.kind != "identity"]
    assert sorted(layers(parts.root)) == real
    assert folded or all(part.count == 1 for part in parts.root.walk())


@pytest.mark.parametrize("name", ["resnet18", "googlenet", "unet", "shufflenet_v2_x1_0", "siamese"])
def test_wires_are_the_tensors_that_are_read(name: str) -> None:
    """With every part open and nothing folded, lines lead from each layer to each that reads it; not for a size alone."""
    graph = example(name)
    parts = Parts(graph, folded=False)

    def real(i: int) -> int:
        return real(graph.nodes[i].inputs[0]) if graph.nodes[i].kind == "identity" else i

    found: set[tuple[int, int]] = set()

    def readers(part: Part) -> None:
        level = parts.level(part)
        for wire in level.wires:
            target = level.members[wire.target] if wire.target >= 0 else None
            if target is not None and not target.is_output and target.is_layer:
                found.add((wire.node, target.start))
        for member in level.members:
            if member.members:
                readers(member)

    readers(parts.root)
    starts = {part.start for part in parts.root.walk() if part.is_layer}
    read = {n.index: n.inputs[:1] if n.op.measures_second else n.inputs for n in graph.nodes if n.kind != "identity"}
    wanted = {(real(i), index) for index, inputs in read.items() if index in starts for i in inputs}
    assert found == wanted


def test_blocks_that_differ_in_rates_of_stochastic_depth_are_counted() -> None:
    """ConvNeXt-T has stages of 3, 3, 9 and 3 blocks; its first block has no stochastic depth."""
    parts = [p for p in Parts(example("convnext_tiny")).root.walk() if p.region and p.region.block == "convnext"]
    assert [p.count for p in parts] == [1, 2, 3, 9, 3]
    assert [head_text(p) for p in parts][1:] == [
        "convnext(96, …) ×2", "convnext(192, …) ×3", "convnext(384, …) ×9", "convnext(768, …) ×3",
    ]  # fmt: skip


def test_rates_of_dropout_are_not() -> None:
    text = "input 8\nblock b(p) { FC-8; dropout p }\nb(0.1)\nb(0.2)\n"
    assert shown(parts_of(text)) == ["input", "b1", "b2"]


def test_a_title_says_which_arguments_the_call_names() -> None:
    text = "block unit(width, stride = 1, groups = 1) { conv3-width/stride groups=groups pad=1; relu; bn }\n"
    parts = parts_of(f"{text}input 8x8x8\nunit(8, 2, groups=4)\nunit(8, groups=2)\n")
    assert [head_text(p) for p in parts.root.members if p.region] == ["unit(8, 2, groups=4)", "unit(8, groups=2)"]
