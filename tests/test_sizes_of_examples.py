"""`netspec sizes` against brute force: every example is elaborated at sizes that it takes and at sizes that it refuses.

The suite tries a few sizes of each; `python tests/test_sizes_of_examples.py 300` tries all squares from 1 to 300, and as
many other sizes.
"""

from __future__ import annotations

import random
import sys
from collections.abc import Iterator, Mapping
from itertools import islice
from pathlib import Path

import pytest
from conftest import kinds

from netspec.analysis.sizes import answers
from netspec.analysis.sizes.search import Network, Survey
from netspec.diagnostics import Diagnostics
from netspec.elaborate import elaborate, is_library
from netspec.elaborate.limits import Limits
from netspec.elaborate.open_inputs import Opened, opened
from netspec.elaborate.project import read_source
from netspec.graph import Graph
from netspec.ops.open_size import plain_at
from netspec.survey import survey
from netspec.syntax import parse
from netspec.syntax import tree as t

# their tables of positions, or their grids, are for one height and width
UNDECIDED = ("eva02_tiny", "levit_128s", "mvit_v2_s")
EXAMPLES = sorted(p for p in (Path(__file__).parents[1] / "examples").glob("*.net") if p.stem not in UNDECIDED)
USED: dict[Path, t.File | None] = {}


def _opened(path: Path) -> Opened | None:
    tree = parse(read_source(path, Limits()), Diagnostics())
    assert tree is not None
    found = opened(tree, {})
    return found if found.sizes and not is_library(tree) else None


def _built(spec: Opened, sizes: Mapping[str, int]) -> tuple[Graph, list[str]]:
    """The network at some sizes, without its expectations, and the codes of what is wrong with it."""
    items = tuple(item for item in spec.file.items if not isinstance(item, (t.Expect, t.Train)))
    diagnostics = Diagnostics()
    built = elaborate(t.File(spec.file.source, items), sizes, diagnostics, Limits(), trees=USED)
    return built.graph, [d.code for d in diagnostics if d.is_error and d.code != "NS401"]


def _compare(spec: Opened, found: Survey, sizes: Mapping[str, int]) -> None:
    """Asserts that what is said of some sizes is what is built."""
    graph, errors = _built(spec, sizes)
    networks = [n for n in found.networks if any(sizes in box for box in n.boxes)]
    refusals = {r.code for r in found.refusals if any(sizes in box for box in r.boxes)}
    refusals |= {"NS309", "NS310"}  # in their place where an input looks like channels last, or like a batch
    assert len(networks) == (0 if errors else 1), (sizes, errors)
    assert not errors or refusals & set(errors), (sizes, errors, refusals)
    if networks:
        _same(networks[0], graph, sizes)


def _same(network: Network, graph: Graph, sizes: Mapping[str, int]) -> None:
    """Asserts equal names, shapes, weights and MACs, and that the windows that tile are those that do."""
    assert [n.name for n in network.graph.nodes] == [n.name for n in graph.nodes], sizes
    for form, plain in zip(network.graph.nodes, graph.nodes, strict=True):
        where = (plain.name, sizes)
        assert tuple(plain_at(s, sizes) for s in form.type.shape) == plain.type.shape, where
        assert [tuple(plain_at(s, sizes) for s in p.shape) for p in form.params] == [p.shape for p in plain.params], (
            where
        )
        assert plain_at(form.macs, sizes) == plain.macs, where
        rows = [x.dropped for x in plain.op.leftovers(*graph.input_types(plain))] if plain.inputs else []
        tiles = network.tiling.get(plain.index)
        assert any(rows) == (tiles is not None and not any(sizes in box for box in tiles)), where


def _few(found: Survey, spec: Opened) -> Iterator[dict[str, int]]:
    """The smallest sizes and those just below, the declared ones and others nearby, and some at random."""
    least = answers.smallest(found.boxes) or dict.fromkeys(spec.sizes, 1)
    yield least
    for name in least:
        yield {**least, name: max(1, least[name] - 1)}
    declared = {name: size or 224 for name, size in spec.sizes.items()}
    yield {name: size + 1 for name, size in declared.items()}
    rnd = random.Random(Path(spec.file.source.name).stem)  # the same in every folder
    yield {name: rnd.randint(1, 300) for name in spec.sizes}


def _survey(spec: Opened) -> Survey:
    return survey(spec.file, {}, spec.sizes, Limits(), USED)


@pytest.mark.slow
@pytest.mark.parametrize("path", [path for path in kinds() if path.stem not in UNDECIDED], ids=lambda path: path.stem)
def test_what_is_said_of_the_sizes_of_an_example_is_what_is_built(path: Path) -> None:
    spec = _opened(path)
    if spec is None:
        return
    found = _survey(spec)
    assert not found.undecided
    large = len(found.networks[0].graph.nodes) > 2_000
    for sizes in islice(_few(found, spec), 1 if large else None):
        _compare(spec, found, sizes)


def main(most: int) -> None:
    """Every example at all squares, and as many other sizes."""
    for path in EXAMPLES:
        spec = _opened(path)
        if spec is None:
            continue
        found, rnd = _survey(spec), random.Random(0)
        points = [dict.fromkeys(spec.sizes, size) for size in range(1, most + 1)]
        points += [
            {name: rnd.randint(1, most) for name in spec.sizes} for _ in range(most if len(spec.sizes) > 1 else 0)
        ]
        for sizes in points:
            _compare(spec, found, sizes)
        print(f"{path.stem}: {len(points)} sizes agree", flush=True)


if __name__ == "__main__":
    main(int(sys.argv[1]))
