"""What a survey of sizes says: the smallest input, the sizes that tile, what weights fit, and which layers refuse which."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from netspec.analysis.sizes.boxes import Box, without
from netspec.analysis.sizes.search import Network, Refusal, Survey, merged
from netspec.analysis.sizes.solutions import equal_to
from netspec.graph import Graph, Node, TensorType
from netspec.ops.formula import Polynomial
from netspec.ops.open_size import form_of, is_open
from netspec.ops.size_forms import value_at, variables_of

__all__ = ["binding", "common", "fixed_layers", "network_of", "reads", "smallest", "tiled", "weights_fit"]


def common(boxes: Sequence[Box], others: Sequence[Box]) -> list[Box]:
    """The sizes that are in both."""
    found = (box & other for box in boxes for other in others)
    return merged(box for box in found if not box.empty)


def smallest(boxes: Sequence[Box]) -> dict[str, int] | None:
    """The smallest sizes in some boxes, by their product; None where there are none."""
    firsts = [box.smallest() for box in boxes]
    found = [sizes for sizes in firsts if sizes is not None]
    return min(found, key=lambda sizes: (_product(sizes), tuple(sizes.values())), default=None)


def _product(sizes: Mapping[str, int]) -> int:
    product = 1
    for size in sizes.values():
        product *= size
    return product


def tiled(network: Network) -> list[Box]:
    """The sizes for which every window of a network sees all of its input."""
    boxes = network.boxes
    for allowed in _distinct(network.tiling.values()):
        boxes = common(boxes, allowed)
    return boxes


def _distinct(found: Iterable[list[Box]]) -> list[list[Box]]:
    kept: list[list[Box]] = []
    for boxes in found:
        if boxes not in kept:
            kept.append(boxes)
    return kept


def network_of(survey: Survey, sizes: Mapping[str, int]) -> Network | None:
    """The network for given sizes; None where they are not taken."""
    return next((n for n in survey.networks if any(sizes in box for box in n.boxes)), None)


def fixed_layers(graph: Graph) -> list[Node]:
    """The layers whose weights have a shape that depends on open sizes."""
    return [node for node in graph.nodes if any(is_open(size) for p in node.params for size in p.shape)]


def reads(graph: Graph, node: Node) -> TensorType:
    """What a layer reads, before it is flattened."""
    before = graph.nodes[node.inputs[0]]
    flattens = before.kind == "flatten" and before.inputs
    return graph.nodes[before.inputs[0]].type if flattens else before.type


def weights_fit(network: Network, sizes: Mapping[str, int]) -> list[Box]:
    """The sizes for which every weight has the shape that it has for given sizes, and what is flattened before it too."""
    boxes = network.boxes
    forms: dict[Polynomial, None] = {}
    for node in fixed_layers(network.graph):
        shapes = [p.shape for p in node.params] if node.kind != "FC" else [reads(network.graph, node).shape]
        forms.update((form_of(size), None) for shape in shapes for size in shape if is_open(size))
    for part in _single(forms):
        (name,) = variables_of(part)
        allowed = equal_to(part, value_at(part, sizes))
        boxes = [box.replaced(name, box.along(name) & allowed) for box in boxes]
    return merged(box for box in boxes if not box.empty)


def _single(forms: Mapping[Polynomial, None]) -> list[Polynomial]:
    """Forms of one size that determine some forms: the factors of the terms of those with several."""
    found: dict[Polynomial, None] = {}
    for form in forms:
        if len(variables_of(form)) == 1:
            found[form] = None
        else:
            for atoms, _ in form.terms:
                found.update((Polynomial((((atom,), 1),)), None) for atom in atoms)
    return list(found)


def binding(survey: Survey) -> list[Refusal]:
    """The refusals that are not implied by another: of pools one after the other, the last."""
    rules = [refusal for refusal in survey.refusals if refusal.allowed]
    others = [refusal for refusal in survey.refusals if not refusal.allowed]
    kept = [
        one
        for i, one in enumerate(rules)
        if not any(_implied(one, two, i > j) for j, two in enumerate(rules) if i != j)
    ]
    return sorted([*kept, *others], key=lambda r: (r.span.start if r.span else 0, r.layer))


def _implied(one: Refusal, other: Refusal, later: bool) -> bool:
    """Whether what one layer allows holds all that another allows; of equals, the first stays."""
    if not _within(other.allowed, one.allowed):
        return False
    return later or not _within(one.allowed, other.allowed)


def _within(inner: Sequence[Box], outer: Sequence[Box]) -> bool:
    rest = list(inner)
    for box in outer:
        rest = [piece for part in rest for piece in without(part, box)]
    return not rest
