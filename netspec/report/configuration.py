"""Several networks side by side, their layers aligned: the configuration table of papers.

A column for each network; a row for each stage, which are the layers with one size of the output. Simonyan and Zisserman
(2014, table 1) write layers between poolings, He et al. (2015, table 1) blocks with their numbers beside the size.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import NamedTuple, TypeAlias

from netspec.analysis.analysis import Analysis
from netspec.analysis.figures import FIGURES, Figure
from netspec.graph import Graph, Node, Region
from netspec.report.network_table import inputs_of
from netspec.report.notation import notation, omitted
from netspec.report.outline import call_text, visible

__all__ = ["Band", "Bracket", "Cell", "Configuration", "configuration"]

Size: TypeAlias = tuple[int, ...]

_OF_WEIGHTS = frozenset(
    (
        "params",
        "trainable",
        "frozen",
        "buffers",
        "aux_params",
        "depth",
        "weight_memory",
        "gradient_memory",
        "optimizer_memory",
    )
)
"""Figures that do not depend on the sizes of inputs."""
_MOST_LINES = 8
"""Blocks with more layers are opened instead of put in brackets."""


class Bracket(NamedTuple):
    """The layers of a block, and how many instances follow each other."""

    lines: tuple[str, ...]
    times: int


Cell: TypeAlias = "tuple[str | Bracket, ...]"


class Band(NamedTuple):
    """A row: one cell for each network, or one cell for all. The `label` is the size of the output or the figure."""

    cells: tuple[Cell, ...]
    label: str = ""
    spans: bool = False


@dataclass(frozen=True, slots=True)
class Configuration:
    """`labeled`: whether the labels of the bands are a column of their own."""

    names: tuple[str, ...]
    heads: tuple[str, ...]
    bands: tuple[Band, ...]
    labeled: bool


def configuration(
    graphs: Sequence[Graph], figures: Iterable[str] = ("params",), sizes: bool | None = None
) -> Configuration:
    """The table of some networks without errors. `figures` are the last rows, by name; `sizes` adds a column with the
    sizes of the outputs, by default where there are blocks. Raises KeyError for an unknown figure."""
    analyses = [Analysis(graph) for graph in graphs]
    stages = [_stages(graph) for graph in graphs]
    forms = _forms(graphs)
    blocks = any(isinstance(line, Bracket) for net in stages for _, cell in net for line in cell)
    labeled = blocks if sizes is None else sizes
    bands = [_same([(f"input {inputs_of(graph)}",) for graph in graphs])]
    for size, cells in _aligned(stages):
        bands += _stage_bands(forms.get(size, "x".join(map(str, size)) or "1x1") if size is not None else "", cells)
    for name in figures:
        figure = FIGURES[name]
        texts: list[Cell] = [(_figure_text(analysis, figure),) for analysis in analyses]
        if not labeled and len(graphs) > 1:
            bands.append(Band(((figure.title,),), spans=True))
        bands.append(Band(tuple(texts), figure.title))
    heads = tuple(f"{analysis.total('depth')} weight layers" for analysis in analyses)
    return Configuration(tuple(graph.name for graph in graphs), heads, tuple(bands), labeled or len(graphs) == 1)


def _figure_text(analysis: Analysis, figure: Figure) -> str:
    """A value; with open sizes, for which of them it is, if it depends on them."""
    text, sizes = figure.text(analysis.total(figure.name)), analysis.graph.sizes
    if not sizes or figure.name in _OF_WEIGHTS:
        return text
    return f"{text} ({', '.join(f'{name} = {size}' for name, size in sizes.items())})"


def _forms(graphs: Sequence[Graph]) -> dict[Size, str]:
    """How the sizes of outputs are written where a network leaves sizes open: as forms, if all networks agree."""
    found: dict[Size, set[str]] = {}
    for graph in graphs:
        for node in graph.nodes:
            shown = graph.shown(node.index).spatial
            found.setdefault(_size(node), set()).add("x".join(map(str, shown)))
    return {size: texts.pop() for size, texts in found.items() if size and len(texts) == 1}


def _same(cells: Sequence[Cell], label: str = "") -> Band:
    """A band with one cell for all networks if theirs are equal."""
    spans = len(cells) > 1 and len(set(cells)) == 1
    return Band((cells[0],) if spans else tuple(cells), label, spans)


def _stage_bands(label: str, cells: Sequence[Cell]) -> Iterator[Band]:
    """A band for each layer with which all networks begin; one for what differs, or for each layer that they share."""
    shared = 0
    while len(cells) > 1 and all(len(c) > shared and c[shared] == cells[0][shared] for c in cells):
        if not isinstance(cells[0][shared], str) or not (len(set(cells)) == 1 or _is_pool(cells[0][shared])):
            break
        yield Band(((cells[0][shared],),), label, spans=True)
        shared, label = shared + 1, ""
    rest = [cell[shared:] for cell in cells]
    if any(rest):
        yield _same(rest, label)


def _is_pool(line: str | Bracket) -> bool:
    return isinstance(line, str) and "pool" in line


# Stages of one network


class _Part(NamedTuple):
    """A layer or a block: as it is written, without its strides, and the size of its output."""

    line: str | Bracket
    bare: str | Bracket
    size: Size


def _stages(graph: Graph) -> list[tuple[Size, Cell]]:
    """What is computed at each resolution, in order, with the size at the end. Layers that change the size a little (no
    padding) stay in their stage."""
    stages: list[list[_Part]] = []
    for part in _parts(graph.root):
        if not stages or _resampled(stages[-1][-1].size, part.size):
            stages.append([])
        _append(stages[-1], part)
    return [(stage[-1].size, tuple(part.line for part in stage)) for stage in stages]


def _append(stage: list[_Part], part: _Part) -> None:
    """Adds a part, a block to the equal one before it. Strides of blocks that are not alone are left to the sizes."""
    last = stage[-1].bare if stage else None
    if isinstance(last, Bracket) and isinstance(part.bare, Bracket) and last.lines == part.bare.lines:
        more = last._replace(times=last.times + 1)
        stage[-1] = _Part(more, more, part.size)
    else:
        stage.append(part)


def _resampled(before: Size, after: Size) -> bool:
    if len(before) != len(after):
        return True
    return any(max(one, other) >= 1.5 * min(one, other) for one, other in zip(before, after, strict=True))


def _size(node: Node) -> Size:
    spatial = node.type.spatial
    return () if all(n == 1 for n in spatial) else spatial


def _parts(region: Region) -> Iterator[_Part]:
    for member in visible(region):
        if isinstance(member, Node):
            if not omitted(member) and not member.aux and not _beside(member, region):
                yield _Part(notation(member), notation(member, stride=False), _size(member))
            continue
        inside = [node for node in member.nodes() if node.inputs]
        chain = _chain(member)
        if inside[-1].aux:
            continue
        if chain is None:
            call = call_text(member) or member.name
            yield _Part(call, call, _size(inside[-1]))
        elif not member.block or not 1 < len(chain) <= _MOST_LINES or any(_pools(line) for line in chain):
            yield from _parts(member)
        else:
            lines, bare = (tuple(_written(line, stride=s) for line in chain) for s in (True, False))
            yield _Part(Bracket(lines, 1), Bracket(bare, 1), _size(inside[-1]))


def _written(line: Node | Region, *, stride: bool) -> str:
    return notation(line, stride=stride) if isinstance(line, Node) else call_text(line)


def _pools(line: Node | Region) -> bool:
    return isinstance(line, Node) and line.op.pools


def _chain(region: Region) -> list[Node | Region] | None:
    """The layers and blocks of a part that a table shows, without those on shortcuts; None where it has branches."""
    shown: dict[Node | Region, Node] = {}
    for node in region.nodes():
        if node.inputs and not omitted(node) and not _beside(node, region):
            shown.setdefault(_nested(node, region), node)
    taken: dict[Region, set[int]] = {}
    for node in shown.values():
        for join in _joins(node, region):
            taken.setdefault(join, set()).add(id(_branch(node, join)))
    return None if any(len(branches) > 1 for branches in taken.values()) else list(shown)


def _nested(node: Node, within: Region) -> Node | Region:
    """The block of a part in which a layer is, or the layer."""
    found: Node | Region = node
    region = node.region
    while region is not within and region.parent is not None:
        found = region if region.block else found
        region = region.parent
    return found


def _joins(node: Node, within: Region) -> list[Region]:
    """The joins around a layer, within a part."""
    found, region = [], node.region
    while region is not within and region.parent is not None:
        if region.kind == "join":
            found.append(region)
        region = region.parent
    return found


def _branch(node: Node, join: Region) -> Region | Node:
    region = node.region
    while region is not join and region.parent is not join and region.parent is not None:
        region = region.parent
    return region


def _beside(node: Node, within: Region) -> bool:
    """Whether a layer is on the shortcut of a residual: in another branch of its join than the first."""
    return any(_residual(j) and _branch(node, j) is not j.members[0] for j in _joins(node, within))


def _residual(join: Region) -> bool:
    """Whether the branches of a join are added as body and shortcut."""
    around = join.parent.members if join.parent is not None else []
    after = around[around.index(join) + 1] if join in around[:-1] else None
    return isinstance(after, Node) and after.residual


# Alignment


def _aligned(stages: Sequence[Sequence[tuple[Size, Cell]]]) -> Iterator[tuple[Size | None, list[Cell]]]:
    """Stages of all networks beside each other: of one size, or where sizes have little in common, by position (then the size
    is None where they differ)."""
    sizes = [[size for size, _ in net] for net in stages]
    order = sizes[0]
    for more in sizes[1:]:
        common = sum(block.size for block in SequenceMatcher(None, order, more, autojunk=False).get_matching_blocks())
        if common * 2 < min(len(order), len(more)):
            yield from _by_position(stages)
            return
        order = _merged(order, more)
    waiting = [list(net) for net in stages]
    for size in order:
        cells = [net.pop(0)[1] if net and net[0][0] == size else () for net in waiting]
        yield size, cells


def _merged(one: Sequence[Size], other: Sequence[Size]) -> list[Size]:
    """A sequence in which both are contained."""
    merged: list[Size] = []
    for tag, i, j, k, m in SequenceMatcher(None, one, other, autojunk=False).get_opcodes():
        merged += one[i:j] if tag == "equal" else [*one[i:j], *other[k:m]]
    return merged


def _by_position(stages: Sequence[Sequence[tuple[Size, Cell]]]) -> Iterator[tuple[Size | None, list[Cell]]]:
    """First with first; the last stages, those of vectors, with each other."""
    most = max(map(len, stages))
    rows = [[*net[:-1], *[((), ())] * (most - len(net)), *net[-1:]] for net in stages]
    for row in zip(*rows, strict=True):
        sizes = {size for size, cell in row if cell}
        yield sizes.pop() if len(sizes) == 1 else None, [cell for _, cell in row]
