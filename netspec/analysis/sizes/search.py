"""The search over all sizes: a network is built for samples until every size is answered."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace

from netspec.analysis.sizes.boxes import Box, equality, everything, without
from netspec.analysis.sizes.periodic import TooManySizes
from netspec.analysis.sizes.solutions import bounded, zero
from netspec.graph import Graph, TensorType
from netspec.ops.formula import Polynomial, minus
from netspec.ops.open_size import form_of
from netspec.ops.size_forms import variables_of
from netspec.source import Span

__all__ = ["Network", "Refusal", "Survey", "Walk", "alike", "merged", "search"]

_MOST_WALKS = 60
_MOST_NETWORKS = 16
_MOST_LAYERS = 60_000
"""Layers that are built at most, over all samples."""
_MOST_VALUES = 2_000_000
"""Values of forms that are computed at most, over all samples."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """Sizes that a layer does not take, and why; messages write sizes as forms."""

    boxes: tuple[Box, ...]
    code: str
    message: str
    label: str
    span: Span | None
    layer: str
    """The name of the layer, or the head of what is refused."""
    allowed: tuple[Box, ...] = ()
    """The sizes that its own rule allows, where that is what refuses."""


@dataclass(slots=True)
class Walk:
    """What one sample showed: the sizes for which the same network is built (none where it is refused), that network, and the
    sizes that its layers refuse."""

    boxes: list[Box] = field(default_factory=list)
    graph: Graph | None = None
    refusals: list[Refusal] = field(default_factory=list)
    tiling: dict[int, list[Box]] = field(default_factory=dict)
    """For each node whose windows leave something unseen for some sizes, the sizes for which they do not."""
    layers: int = 0


@dataclass(slots=True)
class Network:
    """One network with open sizes in its types, and the sizes for which it is what the spec says."""

    boxes: list[Box]
    graph: Graph
    tiling: dict[int, list[Box]]


@dataclass(slots=True)
class Survey:
    """All sizes: those for which there is a network, those that are refused, and those that are not decided."""

    names: tuple[str, ...]
    networks: list[Network] = field(default_factory=list)
    refusals: list[Refusal] = field(default_factory=list)
    undecided: list[Box] = field(default_factory=list)

    @property
    def boxes(self) -> list[Box]:
        """All sizes that are taken."""
        return merged([box for network in self.networks for box in network.boxes])


def search(walk: Callable[[Mapping[str, int]], Walk], names: Sequence[str], first: Mapping[str, int]) -> Survey:
    """Answers every size; `first` is the first sample. What would take more than a bounded number of samples, or sets
    with too long a period, is undecided."""
    survey = Survey(tuple(names))
    todo = [everything(names)]
    with bounded(_MOST_VALUES), suppress(TooManySizes):
        _searched(walk, survey, todo, first)
    survey.undecided += todo
    return survey


def _searched(
    walk: Callable[[Mapping[str, int]], Walk], survey: Survey, todo: list[Box], first: Mapping[str, int]
) -> None:
    """Answers what is to do, as far as the bounds allow. Raises TooManySizes."""
    sample: Mapping[str, int] | None = first
    layers = 0
    for _ in range(_MOST_WALKS):
        if sample is None:
            box = todo.pop()
            survey.undecided += [] if box.empty else [box]
        else:
            found = walk(sample)
            layers += found.layers
            _add(survey, found)
            answered = [*found.boxes, *(box for refusal in found.refusals for box in refusal.boxes)]
            if not any(sample in box for box in answered):
                break
            for box in answered:
                todo[:] = [piece for rest in todo for piece in without(rest, box)]
        if not todo or layers > _MOST_LAYERS or len(survey.networks) >= _MOST_NETWORKS:
            break
        sample = todo[-1].sample()


def _add(survey: Survey, found: Walk) -> None:
    for refusal in found.refusals:
        _add_refusal(survey, refusal)
    if found.graph is None or not found.boxes:
        return
    for network in survey.networks:
        if _same_network(network.graph, found.graph, found.boxes):
            network.boxes = merged([*network.boxes, *found.boxes])
            return
    survey.networks.append(Network(merged(found.boxes), found.graph, found.tiling))


def _add_refusal(survey: Survey, refusal: Refusal) -> None:
    for i, other in enumerate(survey.refusals):
        if (other.code, other.span, other.layer) == (refusal.code, refusal.span, refusal.layer):
            boxes = tuple(merged([*other.boxes, *refusal.boxes]))
            survey.refusals[i] = replace(other, boxes=boxes)
            return
    survey.refusals.append(refusal)


def _same_network(one: Graph, other: Graph, boxes: Sequence[Box]) -> bool:
    """Whether two networks are the same for all sizes of some boxes."""
    if len(one.nodes) != len(other.nodes):
        return False
    pairs = zip(one.nodes, other.nodes, strict=True)
    return all(
        a.name == b.name and a.inputs == b.inputs and a.op == b.op and all(alike(a.type, b.type, box) for box in boxes)
        for a, b in pairs
    )


def alike(one: TensorType, other: TensorType, box: Box) -> bool:
    """Whether two types are the same for all sizes of a box."""
    if one.layout != other.layout or len(one.shape) != len(other.shape):
        return False
    differences = [minus(form_of(a), form_of(b)) for a, b in zip(one.shape, other.shape, strict=True)]
    return all(_vanishes(form, box) for form in differences if form.terms)


def _vanishes(form: Polynomial, box: Box) -> bool:
    names = variables_of(form)
    return len(names) == 1 and (box.along(names[0]) - zero(form)).empty


def merged(boxes: Iterable[Box]) -> list[Box]:
    """The same sizes in fewer boxes: those that differ along one axis become one."""
    result: list[Box] = []
    for box in boxes:
        todo = box
        while True:
            partner = next((other for other in result if _joined(todo, other) is not None), None)
            if partner is None:
                break
            result.remove(partner)
            union = _joined(todo, partner)
            assert union is not None
            todo = union
        result.append(todo)
    return result


def _are_equal(box: Box, names: Sequence[str]) -> bool:
    """Whether a box has a relation by which two sizes are equal; both have one set then."""
    return equality(*names) in box.relations


def _joined(one: Box, other: Box) -> Box | None:
    if one.relations != other.relations:
        return None
    different = [name for (name, a), (_, b) in zip(one.axes, other.axes, strict=True) if a != b]
    if len(different) == 2 and _are_equal(one, different):
        first, second = different
        union = one.along(first) | other.along(first)
        both = {first: union, second: union}
        return Box(tuple((name, both.get(name, allowed)) for name, allowed in one.axes), one.relations)
    if len(different) > 1:
        return None
    return Box(tuple((name, allowed | other.along(name)) for name, allowed in one.axes), one.relations)
