"""The arithmetic of a layer: its results are the figures, and its text evaluates to them."""

from __future__ import annotations

import re
from fractions import Fraction
from math import floor, prod

import pytest
from conftest import ROOT, specs
from ops.test_catalogue import INPUTS, USES

import netspec
from netspec.analysis.arithmetic import Arithmetic, product, total
from netspec.analysis.explain import explain
from netspec.analysis.graph_facts import GraphFacts
from netspec.graph import Node
from netspec.ops.windows import AXES


def evaluated(text: str) -> Fraction:
    """The value of a formula as it is written, by Python's own arithmetic on fractions."""
    assert re.fullmatch(r"[\d+*/^() -]+", text), text
    return Fraction(eval(re.sub(r"(\d+)", r"Fraction(\1)", text).replace("^", "**"), {"Fraction": Fraction}))


def sizes(node: Node) -> dict[str, int]:
    """The sizes of an output by the names of its axes."""
    kind = node.type
    axes = ("tokens",) if kind.layout == "sequence" else AXES.get(kind.rank, ())
    named = dict(zip(axes, kind.spatial, strict=True)) | {"channels": kind.features, "features": kind.features}
    return named | {"values": kind.size, "output": kind.size, "positions": prod(kind.spatial)} | (
        {"tokens": kind.shape[0]} if kind.layout == "ids" else {}
    )  # fmt: skip


def check(facts: GraphFacts, node: Node) -> None:
    lines = explain(facts, node)
    assert {"params", "MACs"} < {line.what for line in lines}
    for line in lines:
        assert line.text
        if line.arithmetic is None:
            continue
        value = evaluated(line.arithmetic.text)
        assert value == line.arithmetic.value
        assert line.arithmetic.result in (floor(value), -floor(-value))
        for axis in (
            re.split(", | and ", line.what) if not line.what.startswith(("receptive", "params", "MACs")) else ()
        ):
            assert line.arithmetic.result == sizes(node)[axis], (node.name, line.text)
    by_name = {line.what: line.arithmetic for line in lines}
    assert by_name["params"].result == node.n_params
    assert by_name["MACs"].result == node.macs
    field = facts.fields[node.index]
    found = [line.arithmetic.result for line in lines if line.what.startswith("receptive field") and line.arithmetic]
    if field is not None and len(field) in AXES:
        assert found == ([field[0].size] if len(set(field)) == 1 else [axis.size for axis in field])
    else:
        assert not found


@pytest.mark.parametrize("name", USES)
def test_every_op_of_the_catalogue(name: str) -> None:
    tried = 0
    for declared in INPUTS.values():
        for text in USES[name][0]:
            try:
                graph = netspec.loads(f"{declared}\n{text}").graph
            except netspec.SpecError:
                continue
            tried += 1
            facts = GraphFacts(graph)
            for node in graph.nodes:
                check(facts, node)
                # where a size changes, it is computed
                changes = bool(node.inputs) and node.type.shape != graph.nodes[node.inputs[0]].type.shape
                assert not changes or explain(facts, node)[0].arithmetic is not None, node.name
    assert tried


@pytest.mark.parametrize("path", specs(), ids=lambda p: p.stem)
def test_every_layer_of_the_examples(path) -> None:  # type: ignore[no-untyped-def]
    facts = GraphFacts(netspec.load(path).graph)
    for node in facts.graph.nodes[:400]:
        check(facts, node)


def texts(example: str, name: str) -> dict[str, str]:
    graph = netspec.load(ROOT / f"examples/{example}.net").graph
    node = next(n for n in graph.nodes if n.name == name)
    return {line.what: line.text for line in explain(GraphFacts(graph), node)}


def test_formulas_as_papers_write_them() -> None:
    second = texts("alexnet", "conv2")
    assert second["height and width"] == "(27 + 2*2 - 5)/1 + 1 = 27"
    assert second["params"] == "5*5*96*256 + 256 = 614,656 (weights and biases)"
    assert second["MACs"] == "5*5*96*256*27*27 = 447,897,600 (kernel * channels * filters * positions)"
    assert second["receptive field"] == "19 + (5 - 1)*8 = 51"


def test_arithmetic() -> None:
    n = Arithmetic
    assert str((n(7) + n(2) * 0 - 3) / 2 + 1) == "(7 + 2*0 - 3)/2 + 1 = 3"
    assert (
        str(((n(224) + n(2) * 3 - 7) / 2 + 1).rounded("down")) == "(224 + 2*3 - 7)/2 + 1 = 112.5, rounded down to 112"
    )
    assert str(n(8) - (n(3) - 1)) == "8 - (3 - 1) = 6"
    assert str(n(64) / (n(2) ** 2)) == "64/2^2 = 16"
    assert str(n(64) / (n(2) * 2)) == "64/(2*2) = 16"
    assert str(product([3, n(2) + 1])) == "3*(2 + 1) = 9"
    assert str(total([])) == "0"
    with pytest.raises(ValueError, match="not a whole number"):
        _ = (n(1) / 2).result
