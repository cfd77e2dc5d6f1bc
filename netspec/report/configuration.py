"""Several networks side by side, their layers aligned: the configuration table of papers.

A column for each network; a row for each stage, which are the layers with one size of the output. Simonyan and Zisserman
(2014, table 1) write layers between poolings, He et al. (2015, table 1) blocks with their numbers beside the size.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import NamedTuple, TypeAlias

from netspec.analysis.analysis import Analysis
from netspec.analysis.figures import FIGURES, Figure
from netspec.graph import Graph
from netspec.report.column import lines_of
from netspec.report.column_flow import Bracket, Line, Size
from netspec.report.network_table import inputs_of

__all__ = ["Band", "Bracket", "Cell", "Configuration", "configuration"]

_VECTOR = "vector"
"""The label of rows whose outputs have no size."""
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
    forms = _forms(graphs)
    stages = [_stages(graph, forms) for graph in graphs]
    blocks = any(isinstance(line, Bracket) for net in stages for stage in net for line in stage.cell)
    labeled = blocks if sizes is None else sizes
    bands = [_same([(f"input {inputs_of(graph)}",) for graph in graphs])]
    for label, cells in _aligned(stages):
        bands += _stage_bands(label, cells)
    for name in figures:
        figure = FIGURES[name]
        texts: list[Cell] = [(_figure_text(analysis, figure),) for analysis in analyses]
        if not labeled and len(graphs) > 1:
            bands.append(Band(((figure.title,),), spans=True))
        bands.append(Band(tuple(texts), figure.title))
    heads = tuple(_head(analysis.total("depth")) for analysis in analyses)
    return Configuration(tuple(graph.name for graph in graphs), heads, tuple(bands), labeled or len(graphs) == 1)


def _head(depth: object) -> str:
    return f"{depth} weight layer{'' if depth == 1 else 's'}"


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
            found.setdefault(node.type.spatial, set()).add("x".join(map(str, shown)))
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


class _Stage(NamedTuple):
    """A row of one network: the sizes with which it begins and ends, how they are written, and the lines."""

    sizes: tuple[Size, ...]
    label: str
    cell: Cell


def _stages(graph: Graph, forms: Mapping[Size, str]) -> list[_Stage]:
    """What is computed at each resolution, in order. Layers that make it a little smaller (no padding) stay in their row."""
    stages: list[list[Line]] = []
    for line in lines_of(graph):
        sized = [other for other in stages[-1] if other.nodes] if stages else []
        new = line.opens if not line.nodes else bool(sized) and _resampled(sized[-1].size, line.size)
        if new or not stages:
            stages.append([])
        stages[-1].append(line)
    return [_stage(lines, forms) for lines in stages]


def _stage(lines: Sequence[Line], forms: Mapping[Size, str]) -> _Stage:
    sizes = tuple(dict.fromkeys(line.size for line in lines if line.nodes))
    ends = dict.fromkeys((*sizes[:1], *sizes[-1:]))
    ranks = [len(node.type.spatial) for line in lines for node in line.nodes if set(node.type.spatial) == {1}]
    one = "x".join("1" * max(ranks)) if ranks else _VECTOR
    label = " to ".join(forms.get(size, "x".join(map(str, size))) or one for size in ends)
    return _Stage(tuple(ends), label, tuple(line.cell for line in lines))


def _resampled(before: Size, after: Size) -> bool:
    """Whether a layer begins a row: its output is larger, or much smaller, than what comes in."""
    if len(before) != len(after):
        return True
    pairs = list(zip(before, after, strict=True))
    return any(n > m for m, n in pairs) or any(m >= 1.5 * n for m, n in pairs)


# Alignment


def _aligned(stages: Sequence[Sequence[_Stage]]) -> Iterator[tuple[str, list[Cell]]]:
    """Stages of all networks beside each other: of one size, or where sizes have little in common, by position."""
    sizes = [[stage.sizes for stage in net] for net in stages]
    order = sizes[0]
    for more in sizes[1:]:
        common = sum(block.size for block in SequenceMatcher(None, order, more, autojunk=False).get_matching_blocks())
        if common * 2 < min(len(order), len(more)):
            yield from _by_position(stages)
            return
        order = _merged(order, more)
    waiting = [list(net) for net in stages]
    for size in order:
        yield _row([net.pop(0) if net and net[0].sizes == size else _NOTHING for net in waiting])


_NOTHING = _Stage((), "", ())


def _row(row: Sequence[_Stage]) -> tuple[str, list[Cell]]:
    """A row, with its label where that holds for all networks."""
    labels = {stage.label for stage in row if stage.cell}
    labels = labels - {_VECTOR} or labels
    return labels.pop() if len(labels) == 1 else "", [stage.cell for stage in row]


def _merged(one: Sequence[tuple[Size, ...]], other: Sequence[tuple[Size, ...]]) -> list[tuple[Size, ...]]:
    """A sequence in which both are contained."""
    merged: list[tuple[Size, ...]] = []
    for tag, i, j, k, m in SequenceMatcher(None, one, other, autojunk=False).get_opcodes():
        merged += one[i:j] if tag == "equal" else [*one[i:j], *other[k:m]]
    return merged


def _by_position(stages: Sequence[Sequence[_Stage]]) -> Iterator[tuple[str, list[Cell]]]:
    """First with first; the last stages, those of vectors, with each other."""
    most = max(map(len, stages))
    rows = [[*net[:-1], *[_NOTHING] * (most - len(net)), *net[-1:]] for net in stages]
    for row in zip(*rows, strict=True):
        yield _row(row)
