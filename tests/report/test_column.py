"""Columns of configuration tables: every layer once, branches never as a chain, rows of one size."""

from __future__ import annotations

import re
from collections import Counter
from itertools import pairwise
from math import prod
from pathlib import Path

import pytest
from conftest import EXAMPLES, specs

from netspec import load, loads
from netspec.graph import Graph, Node, Region
from netspec.ops import CATALOGUE, SECTIONS
from netspec.report.column import lines_of
from netspec.report.column_flow import Bracket, Line
from netspec.report.configuration import configuration

_BESIDE = {op.name for s in ("Activation", "Normalization", "Regularization", "Trainable values") for op in SECTIONS[s]}
"""What may be left out where it does not change the shape."""


def column(text: str) -> list[str]:
    """The cells of a network, one in a line."""
    return [_shown(line) for line in lines_of(loads(text).graph)]


def _shown(line: Line) -> str:
    if isinstance(line.cell, str):
        return line.cell
    return f"[{', '.join(line.cell.lines)}]" + (f" ×{line.times}" if line.times > 1 else "")


def _on_a_shortcut(node: Node) -> bool:
    region: Region | None = node.region
    inner: Node | Region = node
    while region is not None:
        if region.kind == "join" and region.parent is not None:
            after = next(iter(region.parent.members[region.parent.members.index(region) + 1 :]), None)
            if isinstance(after, Node) and after.residual and inner is not region.members[0]:
                return True
        inner, region = region, region.parent
    return False


def _may_be_left_out(graph: Graph, node: Node) -> bool:
    if node.aux or node.residual or node.kind in ("flatten", "identity") or _on_a_shortcut(node):
        return True
    return node.kind in _BESIDE and node.type.shape == graph.nodes[node.inputs[0]].type.shape


def _heads(line: Line) -> Counter[str]:
    """How often each word at the beginning of what stands in a line comes, by its text."""
    texts = line.cell.lines if isinstance(line.cell, Bracket) else (line.cell,)
    found: Counter[str] = Counter()
    for text in texts:
        for part in re.split(r" \| |, (?=[a-zA-Z])", text):
            head = re.match(r"(conv(?:T)?(?=\d)|[a-zA-Z_]\w*?)(?=[\d x/-]*(?:-|$| ))", part)
            found[head.group(1) if head is not None else part] += line.times
    return found


@pytest.mark.parametrize("path", specs(), ids=lambda p: p.stem)
def test_every_layer_is_accounted_for_once(path: Path) -> None:
    graph = load(path).graph
    lines = lines_of(graph)
    counted = Counter(node.index for line in lines for node in line.nodes)
    assert max(counted.values()) == 1
    missing = [node for node in graph.layers if node.index not in counted and not _may_be_left_out(graph, node)]
    assert not missing, [node.name for node in missing]
    _check_texts(lines)
    _check_order(graph, lines, set(counted))
    _check_labels(graph, lines)


def _check_texts(lines: list[Line]) -> None:
    """The layers that a text names, times its number, are those that it stands for."""
    for line in lines:
        heads = _heads(line)
        if not line.nodes or not all(head.lower() in CATALOGUE for head in heads):
            continue
        kinds = Counter(node.kind for node in line.nodes)
        copies = sum(kinds.values()) // sum(heads.values())
        assert line.apart or copies == 1, line.cell
        assert kinds == Counter({kind: n * copies for kind, n in heads.items()}), line.cell


def _check_order(graph: Graph, lines: list[Line], counted: set[int]) -> None:
    """Without a note in between, a line reads what the line before it gives."""
    for before, line in pairwise(lines):
        if not (line.nodes and before.nodes):
            continue
        seen: set[int] = set()
        own = {node.index for node in line.nodes}
        waiting = [i for node in line.nodes for i in node.inputs]
        while waiting:
            i = waiting.pop()
            if i not in seen:
                seen.add(i)
                waiting += [] if i in counted - own else graph.nodes[i].inputs
        assert seen & {node.index for node in before.nodes}, (before.cell, line.cell)


def _check_labels(graph: Graph, lines: list[Line]) -> None:
    """The label of a row holds for each line in it."""
    table = configuration([graph], ())
    labels = [band.label for band in table.bands[1:] for _ in band.cells[0]]
    cells = [cell for band in table.bands[1:] for cell in band.cells[0]]
    assert cells == [line.cell for line in lines]
    for label, line in zip(labels, lines, strict=True):
        if not line.nodes or graph.sizes:
            continue
        ends = [prod(map(int, end.split("x"))) if end != "vector" else 1 for end in label.split(" to ")]
        assert ends[-1] <= prod(line.size) <= ends[0], (label, line.cell)
        plain = [node for node in line.nodes if node.type.windows is None] if isinstance(line.cell, str) else []
        for node in plain if not line.calls and " | " not in line.cell and "branches" not in line.cell else []:
            assert node.type.spatial == line.size or prod(node.type.spatial) == prod(line.size) == 1, line.cell


def test_branches_of_equal_layers_stand_side_by_side() -> None:
    text = "net N; input 3x32x32; concat [ conv3-8 pad=1 -> maxpool; conv3-8 pad=1 -> maxpool ]; conv3-4; gap; FC-2"
    assert column(text)[:4] == ["conv3-8 | conv3-8", "maxpool | maxpool", "concat", "conv3-4"]


def test_branches_of_one_size_stand_in_one_line() -> None:
    text = "net N; input 3x8x8; concat [ conv1-4; { conv1-2 -> conv3-4 pad=1 }; maxpool3/1 pad=1 ]; gap; FC-2"
    assert column(text)[:2] == ["conv1-4 | conv1-2, conv3-4 | maxpool3/1", "concat"]


def test_other_branches_stand_below_each_other() -> None:
    text = "net N; input 3x8x8; concat [ { conv1-2 -> conv3-4/2 pad=1 }; maxpool ]; gap; FC-2"
    first = ["branch 1 of 2:", "conv1-2", "conv3-4/2", "branch 2 of 2:", "maxpool", "together:", "concat"]
    assert column(text)[:7] == first


def test_what_is_not_read_from_the_line_above_says_where_it_begins() -> None:
    text = "net N; input left 4; input right 6; a: { from left -> FC-3 }; from right -> FC-3; mul [ from a; identity ]; FC-1"
    assert column(text) == ["from left:", "FC-3", "from right:", "FC-3", "mul", "FC-1"]


def test_towers_with_the_same_weights_are_written_once() -> None:
    text = "net N; input a 4; input b 4; shared t { FC-3 -> relu -> FC-2 }; sub [ from a -> t(); from b -> t() ]; FC-1"
    assert column(text) == ["2 branches with the same weights, from a and b:", "[FC-3, FC-2]", "sub", "FC-1"]


def test_outputs_are_named_where_there_are_several() -> None:
    text = "net N; input 4; h: FC-3 act=relu; FC-2; output one; from h; FC-5; output two"
    assert column(text) == ["FC-3", "FC-2", "output one", "from h:", "FC-5", "output two"]


def test_rounds_of_residuals_without_a_name_are_bracketed() -> None:
    text = "net N; input 8x8x8; repeat 3 { residual { conv1-4 -> conv3-8 pad=1 } }; gap; FC-2"
    assert column(text)[0] == "[conv1-4, conv3-8] ×3"


def test_only_the_rate_of_dropping_differs() -> None:
    text = (
        "net N; block b(w, p) { concat [ conv1-w; { conv1-w -> conv1-w } ] -> dropout p -> conv1-w }; input 4x8x8;"
        " b(4, 0.1); b(4, 0.2); b(6, 0.3); gap; FC-2"
    )
    assert column(text)[:2] == ["[b(4, …)] ×2", "b(6, 0.3)"]


def test_what_belongs_to_no_layer_is_written() -> None:
    """An activation in the end, one alone in a branch, a norm of the input; maxout, since it changes the shape."""
    text = (
        "net N; input 4x8x8; bn; conv1-8 act=relu; mul [ sigmoid; identity ]; gap; FC-4 act=relu; maxout 2; FC-2; tanh"
    )
    assert column(text) == ["bn", "conv1-8", "sigmoid", "mul", "gap", "FC-4", "maxout", "FC-2", "tanh"]


def test_shifted_windows_are_told_from_others() -> None:
    blocks = [line.cell for line in lines_of(load(EXAMPLES[0].parent / "swin_t.net").graph) if line.times == 1]
    heads = [cell.lines[0] for cell in blocks if isinstance(cell, Bracket)]
    assert heads[:2] == ["windows 7x7", "windows 7x7 shift=3"]


def test_arguments_are_named_as_the_call_names_them() -> None:
    text = (
        "net N; block b(w, k = 1, act = 2) { concat [ conv1-w; { conv1-w -> conv3-w/2 pad=1 -> upsample } ] }; input 4x8x8;"
        " b(4, k=2); b(6, 3, act=5); gap; FC-2"
    )
    assert column(text)[:2] == ["b(4, k=2)", "b(6, 3, act=5)"]


def test_blocks_of_other_constants_or_activations_are_not_lumped() -> None:
    block = "block b(k, act) { residual { conv1-4 act=act -> scale init=k -> conv1-4 } }"
    text = f"net N; {block}; input 4x8x8; b(0.1, relu); b(0.1, relu); b(0.1, gelu); b(1, gelu); gap; FC-2"
    assert column(text)[:3] == ["[conv1-4, conv1-4] ×2", "[conv1-4, conv1-4]", "[conv1-4, conv1-4]"]


def test_many_calls_that_count_up_are_a_range() -> None:
    block = "block b(w, d) { concat [ conv3-w pad=d dilation=d; { conv1-w -> maxpool3/1 pad=1 -> conv1-w } ] }"
    many, few = " ".join(f"b(4, {d});" for d in range(2, 7)), "b(6, 1); b(6, 2); b(6, 3); b(6, 4);"
    found = column(f"net N; {block}; input 8x16x16; {many} b(4, 8); {few} gap; FC-2")
    assert found[:3] == ["b(4, 2) to b(4, 6)", "b(4, 8)", "b(6, 1)"]
    assert len(found) == 8
