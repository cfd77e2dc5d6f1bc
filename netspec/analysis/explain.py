"""The arithmetic of a layer: how its shape, parameters, MACs and receptive field follow, with its numbers.

The numbers are what the op itself says of its input: its window, parameters and sizes. A test holds every result against the
figure that is reported.
"""

from __future__ import annotations

from dataclasses import dataclass

from netspec.analysis.arithmetic import Arithmetic, product, total
from netspec.analysis.graph_facts import GraphFacts
from netspec.analysis.window_fields import JOINS
from netspec.analysis.worked_macs import macs_of
from netspec.analysis.worked_shapes import shape_of
from netspec.graph import Node
from netspec.ops.reach import SAME, Reach
from netspec.ops.windows import AXES

__all__ = ["Explained", "explain"]


@dataclass(frozen=True, slots=True)
class Explained:
    """One line: `what` is computed (`height`, `params`, `MACs`, `receptive field`), the arithmetic with its result, and words
    where there is nothing to compute."""

    what: str
    arithmetic: Arithmetic | None
    words: str = ""

    @property
    def text(self) -> str:
        """`(27 + 2*2 - 5)/1 + 1 = 27`, then the words."""
        shown = "" if self.arithmetic is None else str(self.arithmetic)
        return f"{shown} ({self.words})" if shown and self.words else shown or self.words


def explain(facts: GraphFacts, node: Node) -> list[Explained]:
    """The lines of one layer: its output sizes, then its parameters, MACs and receptive field."""
    return [*_shape(facts, node), _params(facts, node), _macs(facts, node), *_field(facts, node)]


def _shape(facts: GraphFacts, node: Node) -> list[Explained]:
    if not node.inputs:
        return [Explained("output", None, f"{node.type}, as declared")]
    inputs = facts.graph.input_types(node)
    found = shape_of(node.op, inputs, node.type)
    lines = [Explained(axis, arithmetic, words) for axis, arithmetic, words in found]
    return lines or [Explained("output", None, f"{node.type}, as its input")]


def _params(facts: GraphFacts, node: Node) -> Explained:
    if node.shares is not None:
        return Explained("params", Arithmetic(0), f"the weights of {facts.graph.nodes[node.shares].name}")
    trained = [p for p in node.params if p.trainable]
    if not trained:
        return Explained("params", Arithmetic(0))
    # a weight is stored outputs first; the literature writes the kernel, its channels, the filters
    count = total(product(reversed(p.shape)) for p in trained)
    return Explained("params", count, " and ".join(dict.fromkeys(_noun(p.name) for p in trained)))


def _noun(name: str) -> str:
    return "biases" if "bias" in name.rpartition(".")[2] else "weights"


def _macs(facts: GraphFacts, node: Node) -> Explained:
    if not node.inputs or (worked := macs_of(node.op, facts.graph.input_types(node), node.type)) is None:
        return Explained("MACs", Arithmetic(0))
    return Explained("MACs", *worked)


# Receptive field


def _field(facts: GraphFacts, node: Node) -> list[Explained]:
    field = facts.fields[node.index]
    names = AXES.get(len(field or ()), ())
    if field is None or len(names) != len(field):
        return [Explained("receptive field", None, "the whole input")]
    alike = len(set(field)) == 1
    lines = []
    for i, name in enumerate(names[:1] if alike else names):
        what = "receptive field" if alike else f"receptive field, {name}"
        lines.append(_along(facts, node, field[i], i, what))
    return lines


def _along(facts: GraphFacts, node: Node, found: Reach, axis: int, what: str) -> Explained:
    size = Arithmetic(found.size)
    if not node.inputs:
        return Explained(what, size, "the position itself")
    if not found.size:
        return Explained(what, size, "it does not depend on the input")
    before = [field[axis] for i in node.inputs if (field := facts.fields[i]) is not None and len(field) > axis]
    if node.type.windows is not None or isinstance(node.op, JOINS):
        return Explained(what, size, "within a window, as far as the input of `windows` sees")
    if len(node.inputs) > 1:
        sizes = " and ".join(dict.fromkeys(str(reach.size) for reach in before))
        return Explained(what, size, f"from the first to the last position that a branch sees; they see {sizes}")
    steps = node.op.reach_to(facts.graph.nodes[node.inputs[0]].type, node.type)
    step = steps[axis] if steps is not None and len(steps) > axis else SAME
    (reach,) = before
    if step == SAME:
        return Explained(what, size, "as its input")
    if len(step.lows) == len(reach.lows) == 1 and reach.stride.denominator == 1:
        grown = Arithmetic(reach.size) + (Arithmetic(step.size) - 1) * reach.stride.numerator
        return Explained(what, grown)
    return Explained(what, size, "the largest of those of its positions")
