"""What is different between two networks: their figures, and the layers that were added, removed and changed."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal, TypeAlias

from netspec.analysis.analysis import Analysis
from netspec.analysis.changes import layer_details, region_details
from netspec.analysis.conditions import Conditions
from netspec.analysis.correspondence import Correspondence, Match
from netspec.analysis.detail import Detail
from netspec.analysis.figures import FIGURES, Value
from netspec.analysis.parts import Part
from netspec.analysis.runs import runs
from netspec.graph import Graph, Node, Region
from netspec.values import show

__all__ = ["TOTALS", "Change", "ChangeKind", "Difference", "FigureChange", "difference"]

ChangeKind: TypeAlias = Literal["added", "removed", "changed", "affected", "repeated"]
TOTALS = ("params", "macs", "memory", "depth", "receptive_field")
"""The figures of the whole network that are compared unless others are chosen."""


@dataclass(frozen=True, slots=True)
class FigureChange:
    """A figure of the whole network in both; None where it has no value."""

    name: str
    before: Value | None
    after: Value | None

    @property
    def change(self) -> float | int | None:
        """After minus before, where both are numbers."""
        a, b = self.before, self.after
        return b - a if isinstance(a, (int, float)) and isinstance(b, (int, float)) else None


@dataclass(frozen=True, slots=True)
class Change:
    """A layer or a part that is different.

    `kind`: "affected" layers are as before, but on tensors of other sizes. "repeated" stands for all `inner` changes, which
    repeat together. `names` are those of the `times` equal changes that this one stands for: before and after, "" where
    there is none. `params` and `macs` (before, after) are those of all of them together.
    """

    kind: ChangeKind
    names: tuple[tuple[str, str], ...]
    what: tuple[str, str]
    details: tuple[Detail, ...]
    layers: tuple[int, int]
    params: tuple[int, int]
    macs: tuple[int, int]
    inner: tuple[Change, ...] = ()
    times: int = 1
    nodes: tuple[tuple[tuple[int, ...], tuple[int, ...]], ...] = field(default=(), repr=False, compare=False)
    """The layers of each of `names`, before and after, by index."""
    identity: int = field(default=-1, repr=False, compare=False)
    """Within one difference the same for changes that are equal but for their names."""


@dataclass(frozen=True, slots=True)
class Difference:
    """`details` are of the net itself: its outputs, and how many layers are recomputed in the backward pass. `renamed` are layers (before, after) that differ in their
    names; names are no difference."""

    names: tuple[str, str]
    figures: tuple[FigureChange, ...]
    details: tuple[Detail, ...]
    changes: tuple[Change, ...]
    renamed: tuple[tuple[str, str], ...]

    @property
    def equal(self) -> bool:
        """Whether both are the same network, whatever their layers are called."""
        return not self.changes and not self.details and all(f.before == f.after for f in self.figures)

    def count(self, kind: ChangeKind) -> int:
        """The number of layers that were added, removed, changed or affected."""
        return sum(_count(change, kind) for change in self.changes)


def _count(change: Change, kind: ChangeKind) -> int:
    if change.inner:
        return sum(_count(inner, kind) for inner in change.inner)
    return max(change.layers) if change.kind == kind else 0


def difference(
    a: Graph, b: Graph, figures: Sequence[str] = TOTALS, conditions: Conditions | None = None,
    found: Correspondence | None = None,
) -> Difference:  # fmt: skip
    """What is different in `b`; `found` is the correspondence where it is known. Raises KeyError for a name that is not a
    figure."""
    found = found or Correspondence(a, b)
    analyses = Analysis(a, conditions), Analysis(b, conditions)
    names = tuple(dict.fromkeys(FIGURES[name].name for name in figures))
    totals = tuple(FigureChange(name, *(analysis.total(name) for analysis in analyses)) for name in names)
    changes = tuple(_Changes(found).inside(found.root))
    return Difference((a.name, b.name), totals, (*_outputs(found), *_recomputed(found)), changes, _renamed(found))


def _outputs(found: Correspondence) -> tuple[Detail, ...]:
    """Where the outputs are not the tensors that correspond."""
    a, b = found.graphs
    mapped = [(name, found.first.get(index)) for name, index in a.outputs]
    if [index for _, index in mapped] == [index for _, index in b.outputs]:
        return ()
    lost = [(n, i) for n, i in a.outputs if i in found.first] == [] and len(a.outputs) == len(b.outputs)
    if lost and all(index not in found.second for _, index in b.outputs):
        return ()  # both are layers without a counterpart, which are listed
    texts = [", ".join(f"{name} ({g.nodes[i].name})" for name, i in g.outputs) for g in (a, b)]
    return (Detail("outputs", texts[0], texts[1]),)


def _recomputed(found: Correspondence) -> tuple[Detail, ...]:
    """Whether other layers are computed again in the backward pass."""
    a, b = (frozenset(_checkpointed(graph.root)) for graph in found.graphs)
    if {found.first[i] for i in a if i in found.first} == {j for j in b if j in found.second}:
        return ()
    before, after = (f"{len(nodes)} layer{'s' if len(nodes) != 1 else ''}" for nodes in (a, b))
    return (Detail("checkpoint", before, after),)


def _checkpointed(region: Region) -> Iterator[int]:
    for member in region.members:
        if isinstance(member, Region):
            yield from (node.index for node in member.nodes()) if member.checkpoint else _checkpointed(member)


def _renamed(found: Correspondence) -> tuple[tuple[str, str], ...]:
    a, b = found.graphs
    pairs = ((a.nodes[i].name, b.nodes[j].name) for i, j in sorted(found.first.items()))
    return tuple((one, other) for one, other in pairs if one != other)


class _Changes:
    """The changes under a match, repetitions folded."""

    def __init__(self, found: Correspondence) -> None:
        self.found = found
        self._identities: dict[Hashable, int] = {}

    def inside(self, match: Match) -> list[Change]:
        """The changes of what is in a match; parts without a name are opened."""
        found = [self._identified(change) for inner in match.inner for change in self.of(inner)]
        return [self._identified(change) for change in _folded(found)]

    def _identified(self, change: Change) -> Change:
        inner = tuple(c.identity for c in change.inner)
        key = change.kind, change.what, change.details, change.layers, change.params, change.macs, inner, change.times
        return replace(change, identity=self._identities.setdefault(key, len(self._identities)))

    def of(self, match: Match) -> Iterator[Change]:
        a, b = match.a, match.b
        if a is None or b is None:
            part, kind = (a, "removed") if a is not None else (b, "added")
            assert part is not None
            yield from self.alone(part, "removed" if kind == "removed" else "added")
        elif isinstance(a.member, Node) and isinstance(b.member, Node):
            details, own = layer_details(self.found, a.member, b.member)
            if details:
                yield self.change("changed" if own else "affected", a, b, details)
        elif isinstance(a.member, Region) and isinstance(b.member, Region):
            inner, details = self.inside(match), region_details(a.member, b.member)
            if not a.named and not b.named:
                yield from inner
            elif inner:
                affected = all(change.kind == "affected" for change in inner) and not details
                yield self.change("affected" if affected else "changed", a, b, details, tuple(inner))

    def alone(self, part: Part, kind: ChangeKind) -> Iterator[Change]:
        """A part without a counterpart; what has no name is opened."""
        if not part.named:
            for child in part.children:
                yield from self.alone(child, kind)
        else:
            yield self.change(kind, part if kind == "removed" else None, part if kind == "added" else None)

    def change(
        self, kind: ChangeKind, a: Part | None, b: Part | None, details: tuple[Detail, ...] = (),
        inner: tuple[Change, ...] = (),
    ) -> Change:  # fmt: skip
        nodes = [list(part.nodes()) if part is not None else [] for part in (a, b)]
        before_nodes, after_nodes = (tuple(node.index for node in side) for side in nodes)
        layers, params, macs = (
            (value[0], value[1]) for value in (
                [len(side) for side in nodes], [sum(n.n_params for n in side) for side in nodes],
                [sum(n.macs for n in side) for side in nodes],
            )
        )  # fmt: skip
        before, after = self.found.graphs
        what = (_what(before, a), _what(after, b))
        names, indices = ((_name(a), _name(b)),), ((before_nodes, after_nodes),)
        return Change(kind, names, what, details, layers, params, macs, inner, nodes=indices)


def _name(part: Part | None) -> str:
    if part is None:
        return ""
    return part.member.name if isinstance(part.member, Node) else part.member.path.rstrip(".")


def _what(graph: Graph, part: Part | None) -> str:
    """A layer by its kind and description, a block by its name and arguments."""
    if part is None:
        return ""
    member = part.member
    if isinstance(member, Node):
        words = member.op.describe(graph.nodes[member.inputs[0]].type) if member.inputs else str(member.type)
        return f"{member.kind} {words}".rstrip()
    arguments = ", ".join(show(value) for _, value in member.arguments)
    return f"{member.block}({arguments})" if member.block else member.kind


def _folded(changes: list[Change]) -> list[Change]:
    """Equal changes one after another as one."""
    folded: list[Change] = []
    for run in runs([change.identity for change in changes]):
        units = [changes[k : k + run.length] for k in range(run.start, run.end, run.length)]
        unit = tuple(_merged(copies) for copies in zip(*units, strict=True))
        if run.length == 1 or run.times == 1:
            folded += unit
        else:
            folded.append(_repeated(unit, run.times))
    return folded


def _merged(copies: Sequence[Change]) -> Change:
    """One change for several that are equal."""
    first = copies[0]
    if len(copies) == 1:
        return first

    def total(pair: tuple[int, int]) -> tuple[int, int]:
        return pair[0] * len(copies), pair[1] * len(copies)

    return replace(
        first, names=tuple(names for copy in copies for names in copy.names),
        nodes=tuple(nodes for copy in copies for nodes in copy.nodes), layers=total(first.layers),
        params=total(first.params), macs=total(first.macs), times=first.times * len(copies),
        inner=tuple(_merged(inner) for inner in zip(*(copy.inner for copy in copies), strict=True)),
    )  # fmt: skip


def _repeated(unit: tuple[Change, ...], times: int) -> Change:
    """Several changes that repeat together."""

    def total(pairs: Iterable[tuple[int, int]]) -> tuple[int, int]:
        before, after = zip(*pairs, strict=True)
        return sum(before), sum(after)

    return Change(
        "repeated", (), ("", ""), (), total(c.layers for c in unit), total(c.params for c in unit),
        total(c.macs for c in unit), unit, times,
    )  # fmt: skip
