"""Repeats of the spec as loops of the source: which rounds are alike, and how their members are numbered."""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from netspec.backends.torch.members import Item, Plan, Rounds
from netspec.backends.torch.tracing import TracedModule
from netspec.graph import Region
from netspec.ops.formula import Expression, Variable, affine, render

__all__ = [
    "Entry",
    "Flow",
    "Line",
    "Run",
    "find_runs",
    "follows",
    "has_module",
    "member_lines",
    "numbered",
    "step_between",
]

LEAST = 3
"""Rounds before a loop is worth its line."""
_LONGEST = 12
"""Members of one round that a loop may have."""
_NUMBERED = re.compile(r"(.*?)(0|[1-9]\d*)((?:_[A-Za-z_]+)?)")


def numbered(name: str) -> tuple[str, int, str] | None:
    """`sepconv12_depthwise` as what goes before its number, the number, and what follows it."""
    found = _NUMBERED.fullmatch(name)
    return (found[1], int(found[2]), found[3]) if found else None


def step_between(name: str, following: str) -> int | None:
    """By how much the numbers of two names differ that are alike otherwise."""
    one, two = numbered(name), numbered(following)
    if one is None or two is None or (one[0], one[2]) != (two[0], two[2]) or two[1] <= one[1]:
        return None
    return two[1] - one[1]


def number_text(first: int, step: int, start: int, variable: str) -> str:
    """A number that is `first` at the start of a loop and grows by `step`, in terms of the loop's variable."""
    base = first - step * start
    product = variable if step == 1 else f"{step} * {variable}"
    return product if not base else f"{product} {'+' if base > 0 else '-'} {abs(base)}"


@dataclass(frozen=True, slots=True)
class Line:
    """A piece of source whose numbers are traced, or expressions: `pieces` around `values`."""

    pieces: tuple[str, ...]
    values: tuple[Any, ...]

    def text(self) -> str:
        """The source; each value is an expression."""
        out = self.pieces[0]
        for value, piece in zip(self.values, self.pieces[1:], strict=True):
            out += render(value) + piece
        return out


@dataclass(slots=True)
class Entry:
    """One attribute of a module and the line that makes it."""

    name: str
    line: Line
    rounds: Rounds


class InRounds(Protocol):
    rounds: Rounds


@dataclass(slots=True)
class Repeat:
    """The consecutive rounds of one repeat: for each the half-open range of positions."""

    region: Region
    bounds: list[tuple[int, int]]


def rounds_in(items: Sequence[InRounds], start: int, stop: int, depth: int) -> Iterator[Repeat]:
    """The repeats at one depth among the items of a module, with their rounds."""
    i = start
    while i < stop:
        if len(items[i].rounds) <= depth:
            i += 1
            continue
        region = items[i].rounds[depth][0]
        bounds: list[tuple[int, int]] = []
        while i < stop and len(items[i].rounds) > depth and items[i].rounds[depth][0] is region:
            number, begin = items[i].rounds[depth][1], i
            while i < stop and len(items[i].rounds) > depth and items[i].rounds[depth] == (region, number):
                i += 1
            bounds.append((begin, i))
        yield Repeat(region, bounds)


def alike(bounds: list[tuple[int, int]], match: Callable[[int, int, int], bool]) -> Iterator[tuple[int, int]]:
    """Runs (first round, how many) of rounds that go on as those before; `match(one, two, length)` compares starts."""
    first = 0
    while first < len(bounds):
        begin, end = bounds[first]
        count = 1
        while first + count < len(bounds):
            one, two = bounds[first + count - 1], bounds[first + count]
            if two[1] - two[0] != end - begin or not match(one[0], two[0], end - begin):
                break
            count += 1
        yield first, count
        first += count


@dataclass(slots=True)
class Run:
    """A loop of the forward pass: it begins at an item, has so many items a round, and so many rounds."""

    start: int
    length: int
    rounds: int
    carried: int
    """The tensor that comes into the first round."""
    gives: int
    """The tensor that the last round gives."""
    first: int
    """The value of the loop's variable in the first round."""
    steps: dict[str, tuple[int, int]]
    """For each member of the first round its number and by how much that grows."""
    variable: str = "i"
    count: str = ""
    """How the number of rounds is written, where that is a parameter of the net."""

    @property
    def range_text(self) -> str:
        if self.count:
            return range_text(self.first, self.count)
        return f"range({self.first}, {self.first + self.rounds})" if self.first else f"range({self.rounds})"

    def reach(self, name: str) -> str:
        """The member of a round, where `name` is that of the first."""
        parts = numbered(name)
        assert parts is not None
        before, number, after = parts
        _, step = self.steps[max((known for known in self.steps if name.startswith(known)), key=len)]
        text = number_text(number, step, self.first, self.variable)
        return f'getattr(self, f"{before}{{{text}}}{after}")'


def range_text(first: int, count: str) -> str:
    """`range(1, layers + 1)`."""
    if first == 0:
        return f"range({count})"
    return f"range({first}, {count} + {first})"


class Flow(Protocol):
    """What a forward pass knows of its items."""

    plan: Plan
    items: list[Item]
    module: TracedModule

    def last(self, value: int) -> int:
        """The last item that reads a tensor."""


def find_runs(forward: Flow) -> list[Run]:
    """The loops of a forward pass."""
    if forward.plan.is_chain:
        return []
    return list(_runs(forward, 0, len(forward.items), 0))


def _runs(forward: Flow, start: int, stop: int, depth: int) -> Iterator[Run]:
    for repeat in rounds_in(forward.items, start, stop, depth):
        for first, count in alike(repeat.bounds, lambda a, b, n: follows(forward, a, b, n)):
            begin, end = repeat.bounds[first]
            run = _run(forward, begin, end - begin, count) if end - begin <= _LONGEST else None
            whole = first == 0 and count == len(repeat.bounds) == len(repeat.region.rounds)
            counted = forward.module.claim(repeat.region, run.carried, run.gives) if whole and run is not None else ""
            if run is not None and (count >= LEAST or (counted and count > 1)):
                run.count = counted
                yield run
            else:
                yield from _runs(forward, begin, repeat.bounds[first + count - 1][1], depth + 1)


def follows(forward: Flow, one: int, two: int, length: int) -> bool:
    """Whether a round does what the one before does, on what that one gives."""
    items = forward.items
    if two != one + length:
        return False
    gives_before = items[two - 1].gives
    for k in range(length):
        a, b = items[one + k], items[two + k]
        if not _same_call(a, b) or len(a.reads) != len(b.reads) or len(b.gives) != 1:
            return False
        if has_module(a) and step_between(a.name, b.name) is None:
            return False
        for x, y in zip(a.reads, b.reads, strict=True):
            inside = next((j for j in range(k) if items[one + j].gives == [x]), None)
            if inside is not None:
                if items[two + inside].gives != [y]:
                    return False
            elif [y] == gives_before:
                continue
            elif x != y:
                return False
    return True


def _same_call(one: Item, two: Item) -> bool:
    if one.shared or two.shared or (one.part is None) != (two.part is None):
        return False
    if one.part is not None and two.part is not None:
        return one.part.region.checkpoint == two.part.region.checkpoint and len(one.gives) == 1
    assert one.code is not None
    assert two.code is not None
    assert one.node is not None
    assert two.node is not None
    if one.node.shares is not None or two.node.shares is not None:
        return False
    return one.code.call == two.code.call and [s for s, _ in one.code.modules] == [s for s, _ in two.code.modules]


def has_module(item: Item) -> bool:
    return item.part is not None or (item.code is not None and bool(item.code.modules))


def _run(forward: Flow, start: int, length: int, rounds: int) -> Run | None:
    """The run of rounds that are alike, if one tensor goes through them and nothing else leaves."""
    items = forward.items
    stop = start + length * rounds
    inside = {v for item in items[start:stop] for v in item.gives}
    gives = items[stop - 1].gives[0]
    reads = [v for item in items[start : start + length] for v in item.reads if v not in inside]
    following = items[start + length : start + 2 * length] if rounds > 1 else []
    before = items[start + length - 1].gives
    carried = {
        x
        for a, b in zip(items[start : start + length], following, strict=False)
        for x, y in zip(a.reads, b.reads, strict=True)
        if [y] == before and x not in inside
    }
    if rounds == 1 and len(set(reads)) == 1:
        carried = set(reads)
    if len(carried) != 1:
        return None
    (entry,) = carried
    if entry < 0 or forward.last(entry) >= start + length:
        return None
    for k in range(rounds):
        begin, end = start + k * length, start + (k + 1) * length
        for i in range(begin, end):
            for value in items[i].gives:
                limit = end if i < end - 1 else min(end + length, stop) if end < stop else None
                if limit is not None and forward.last(value) >= limit:
                    return None
    steps: dict[str, tuple[int, int]] = {}
    for k in range(length):
        item = items[start + k]
        parts = numbered(item.name)
        if has_module(item) and parts is not None:
            step = step_between(item.name, items[start + length + k].name) if rounds > 1 else 1
            steps[item.name] = (parts[1], step or 1)
    first = next(iter(steps.values()), (0, 0))
    return Run(start, length, rounds, entry, gives, first[0] if first[1] == 1 else 0, steps)


# The members


def member_lines(
    entries: Sequence[Entry], counts: Mapping[Region, Expression], taken: set[str]
) -> tuple[list[str], set[Region]]:
    """The assignments of the members, rounds that are alike in a loop; and the repeats of `counts` that are loops.

    `counts` has the number of rounds of repeats that a parameter decides; `taken` are the names that a loop's variable
    steps around.
    """
    writer = _Members(entries, counts, next(name for name in ("i", "j", "k", "index") if name not in taken))
    writer.write(0, len(entries), 0)
    return writer.lines, writer.repeated


class _Members:
    def __init__(self, entries: Sequence[Entry], counts: Mapping[Region, Expression], variable: str) -> None:
        self.entries, self.counts = entries, counts
        self.variable = Variable(("loop",), variable)
        self.lines: list[str] = []
        self.repeated: set[Region] = set()

    def plain(self, start: int, stop: int) -> None:
        self.lines += [f"self.{e.name} = {e.line.text()}" for e in self.entries[start:stop]]

    def write(self, start: int, stop: int, depth: int) -> None:
        at = start
        for repeat in rounds_in(self.entries, start, stop, depth):
            self.plain(at, repeat.bounds[0][0])
            at = repeat.bounds[-1][1]
            for first, count in alike(repeat.bounds, self.follows):
                for begin, rounds in self.steady(repeat.bounds[first : first + count]):
                    bounds = repeat.bounds[first + begin : first + begin + rounds]
                    whole = rounds == len(repeat.region.rounds)
                    counted = self.counts.get(repeat.region) if whole else None
                    if rounds >= LEAST or (counted is not None and rounds > 1):
                        self.loop(bounds, counted)
                        if counted is not None:
                            self.repeated.add(repeat.region)
                    else:
                        self.write(bounds[0][0], bounds[-1][1], depth + 1)
        self.plain(at, stop)

    def follows(self, one: int, two: int, length: int) -> bool:
        """Whether the members of a round are those of the one before, with other numbers."""
        pairs = zip(self.entries[one : one + length], self.entries[two : two + length], strict=True)
        return length <= _LONGEST and all(
            step_between(a.name, b.name) is not None and a.line.pieces == b.line.pieces for a, b in pairs
        )

    def steady(self, bounds: list[tuple[int, int]]) -> Iterator[tuple[int, int]]:
        """Parts (first, how many) of a run in which every number grows evenly, names too."""
        first = 0
        while first < len(bounds):
            count = 1
            while first + count < len(bounds) and self.is_even(bounds[first : first + count + 1]):
                count += 1
            yield first, count
            first += count

    def is_even(self, bounds: list[tuple[int, int]]) -> bool:
        return all(self.grown(bounds, k) is not None for k in range(bounds[0][1] - bounds[0][0]))

    def grown(self, bounds: list[tuple[int, int]], k: int) -> tuple[int, int, tuple[Expression, ...]] | None:
        """The number, the step and the values of the k-th member of a round, in the loop's variable."""
        members = [self.entries[begin + k] for begin, _ in bounds]
        steps = {step_between(a.name, b.name) for a, b in itertools.pairwise(members)}
        parts = numbered(members[0].name)
        if len(steps) != 1 or None in steps or parts is None:
            return None
        start = self.first(bounds)
        found = [affine(column, self.variable, start) for column in zip(*(m.line.values for m in members), strict=True)]
        if any(form is None for form in found):
            return None
        return parts[1], steps.pop() or 1, tuple(form for form in found if form is not None)

    def first(self, bounds: list[tuple[int, int]]) -> int:
        """The value of the variable in the first round: the number of the first member, where that grows by one."""
        one, two = self.entries[bounds[0][0]], self.entries[bounds[1][0]]
        parts = numbered(one.name)
        return parts[1] if parts is not None and step_between(one.name, two.name) == 1 else 0

    def loop(self, bounds: list[tuple[int, int]], count: Expression | None) -> None:
        first, name = self.first(bounds), self.variable.name
        span = f"{first}, {first + len(bounds)}" if first else str(len(bounds))
        header = f"range({span})" if count is None else range_text(first, render(count))
        self.lines.append(f"for {name} in {header}:")
        for k in range(bounds[0][1] - bounds[0][0]):
            grown = self.grown(bounds, k)
            assert grown is not None
            number, step, values = grown
            entry = self.entries[bounds[0][0] + k]
            parts = numbered(entry.name)
            assert parts is not None
            text = Line(entry.line.pieces, values).text()
            attribute = f'f"{parts[0]}{{{number_text(number, step, first, name)}}}{parts[2]}"'
            self.lines.append(f"    self.add_module({attribute}, {text})")
