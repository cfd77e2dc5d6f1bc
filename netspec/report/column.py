"""One network as a column of a configuration table: lines that account for every layer that is written (`written`).

Consecutive lines are a chain: each reads what the line before it gives. Where that is not so, a line says what is read
(`from c4:`), and parallel branches stand side by side in one line, or below each other under `branch 1 of 3:`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import pairwise
from math import prod

from netspec.graph import Graph, Node, Region
from netspec.ops import JOINS
from netspec.report.column_flow import Bracket, Flow, Line, Size
from netspec.report.notation import (
    RATES,
    blocks_text,
    calls_text,
    computation,
    is_residual,
    notation,
    shortcuts,
    written,
)

__all__ = ["lines_of"]

_MOST_LINES = 8
"""Blocks with more layers are opened instead of put in brackets."""
_WIDEST = 64
"""Branches that need more characters do not stand side by side."""
_MOST_BELOW = 24
"""Branches with more lines do not stand below each other: one line says how many layers they have."""
_MOST_PLAIN = 4
"""More equal layers than these, one after another, are written once, and more calls that count up as a range."""
_LONGEST_PERIOD = 4


def _note(text: str, *, opens: bool = True) -> Line:
    return Line(text, text, (), (), opens=opens)


def lines_of(graph: Graph) -> list[Line]:
    """The column of a network, from top to bottom."""
    return _Column(graph).lines()


class _Column:
    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self.written, self.beside = written(graph), shortcuts(graph)
        self.flow = Flow(graph, self.written)

    def lines(self) -> list[Line]:
        found: list[Line] = []
        before: Line | None = None
        start: frozenset[int] = frozenset()
        for line in self._ranged(self._inside(self.graph.root.members)):
            note = str(found.pop().cell).rstrip(":") if line.nodes and found and found[-1].opens else ""
            if line.nodes:
                reads = self.flow.made_of(line)
                jumps = len(self.graph.inputs) > 1 if before is None else not self.flow.follows(line, before)
                again = note.startswith("branch ") and not note.startswith("branch 1 ") and reads == start
                apart = line.nodes[0].op.ignores_input
                source = "" if apart and note else "beside" if apart else f"from {self.flow.names(line)}"
                words = [note, source if jumps and not again else ""]
                found += [_note(f"{', '.join(filter(None, words))}:")] if any(words) else []
                start = reads if note.startswith("branch 1 ") else start
                before = line
            found.append(line)
            found += [_note(f"output {name}", opens=False) for name in self.flow.outputs(line)]
        return found[:-1] if found and found[-1].opens else found

    # Parts of the network

    def _inside(self, members: Iterable[Node | Region]) -> list[Line]:
        found: list[Line] = []
        for member in members:
            if isinstance(member, Node):
                found += [self._layer(member)] if member.index in self.written else []
            elif not any(node.index in self.written for node in member.nodes()):
                continue
            elif member.kind == "join":
                found += self._body(member) if is_residual(member) else self._branches(member)
            elif member.kind == "repeat" and len(member.rounds) > 1:
                found += self._rounds(member)
            else:
                found += self._block(member) if member.block else self._inside(member.members)
        return self._periods(self._merged(found))

    def _layer(self, node: Node) -> Line:
        text, bare = notation(self.graph, node), notation(self.graph, node, stride=False)
        size = self._size(node)
        return Line(text, bare, (node,), size, sizes=(size,))

    def _size(self, node: Node) -> Size:
        """Of what it gives; inside of windows, of what is cut into them."""
        while node.type.windows is not None and node.inputs:
            node = self.graph.nodes[node.inputs[0]]
        spatial = node.type.spatial
        return () if all(n == 1 for n in spatial) else spatial

    def _block(self, region: Region) -> list[Line]:
        inside = self._inside(region.members)
        nodes = tuple(node for node in region.nodes() if node.index in self.written)
        if region.shares is not None and any(node.shares is not None for node in nodes):
            return [self._call(region, nodes)]
        if 2 * len(nodes) > len(self.written) > _MOST_LINES:
            return inside
        if len(inside) == 1 and isinstance(inside[0].cell, str):
            return inside
        if not self._chain(inside):
            return [self._call(region, nodes)]
        bracket = self._bracket(inside, (region,), back=any(node.residual for node in region.nodes()))
        if bracket is None and any(len(line.nodes) == 1 and line.nodes[0].kind in JOINS for line in inside):
            return [self._call(region, nodes)]
        return inside if bracket is None or self._downsamples(region, nodes) else [bracket]

    def _call(self, region: Region, nodes: tuple[Node, ...]) -> Line:
        text = blocks_text([region])
        size = self._size(list(region.nodes())[-1])
        return Line(text, text, nodes, size, (region,), apart=True, sizes=(size,))

    def _bracket(self, lines: Sequence[Line], calls: tuple[Region, ...] = (), *, back: bool = False) -> Line | None:
        """Some lines in brackets; None where they are too many, or of other sizes than those of what comes in and goes out. A
        residual may have others in between, if it comes back to the size that it adds to."""
        sizes = [prod(size) for line in lines for size in line.sizes]
        first = lines[0].nodes[0]
        entry = prod(self._size(self.graph.nodes[first.inputs[0]])) if first.inputs else sizes[0]
        last = [entry] * len(sizes) if back and entry == sizes[-1] else sizes
        changes = sum(one != other for one, other in zip([entry, *last], last, strict=False))
        texts = tuple(text for line in lines for text in _inner(line))
        if len(texts) > _MOST_LINES and all(line.times == 1 for line in lines):
            texts = tuple(line.closed for line in lines)
        if len(texts) > _MOST_LINES or changes > 1:
            return None
        cell = Bracket(texts, 1)
        nodes = tuple(node for line in lines for node in line.nodes)
        return Line(cell, cell, nodes, lines[-1].size, calls, sizes=tuple(s for line in lines for s in line.sizes))

    def _downsamples(self, region: Region, nodes: Iterable[Node]) -> bool:
        """Whether a block pools as a stage does, and not in the body of a residual."""
        if any(node.residual for node in region.nodes()):
            return False
        return any(node.op.pools and self._size(node) != self._size(self._before(node)) for node in nodes)

    def _before(self, node: Node) -> Node:
        return self.graph.nodes[node.inputs[0]]

    def _rounds(self, repeat: Region) -> list[Line]:
        """Rounds of some layers are written as a block; a few of one layer below each other."""
        ends = [*repeat.rounds[1:], len(repeat.members)]
        rounds = [self._inside(repeat.members[a:b]) for a, b in zip(repeat.rounds, ends, strict=True)]
        flat = [line for lines in rounds for line in lines]
        plain = all(isinstance(line.cell, str) and not line.calls for line in flat)
        alike = len({tuple(line.bare for line in lines) for lines in rounds}) == 1
        few = len(rounds[0]) == 1 and len(rounds) <= _MOST_PLAIN
        if not plain or not alike or few or not rounds[0] or not self._chain(flat):
            return self._periods(self._merged(flat))
        return self._as_rounds(rounds) or flat

    def _as_rounds(self, rounds: Sequence[Sequence[Line]]) -> list[Line] | None:
        found = [self._bracket(lines) for lines in rounds]
        if any(line is None or line.size != rounds[0][-1].size for line in found):
            return None
        return self._merged([line for line in found if line is not None])

    # Branches

    def _body(self, join: Region) -> list[Line]:
        """What a residual adds to its input, in brackets."""
        inside = self._inside(join.members[:1])
        closed = (len(inside) > 1 or inside[0].times > 1) and self._chain(inside) if inside else False
        bracket = self._bracket(inside, back=True) if closed else None
        return inside if bracket is None else [bracket]

    def _branches(self, join: Region) -> list[Line]:
        branches = [branch for branch in (self._inside((member,)) for member in join.members) if branch]
        if len(branches) < 2:
            return branches[0] if branches else []
        chains = all(map(self._chain, branches))
        for form in (self._shared, self._in_rows, self._in_line) if chains else ():
            found = form(branches)
            if found is not None:
                return found
        calls = [next(iter(_blocks(branch)), None) for branch in join.members]
        regions = [region for region in calls if region is not None]
        if len(regions) == len(branches) == len(calls) and len({region.definition for region in regions}) == 1:
            line = self._together(f"{len(branches)} branches: {calls_text(regions)}", branches)
            return [replace(line, size=self._size(list(join.nodes())[-1]))]
        total = sum(map(len, branches))
        if total <= _MOST_BELOW:
            notes = (_note(f"branch {i} of {len(branches)}:") for i in range(1, len(branches) + 1))
            listed = [line for note, branch in zip(notes, branches, strict=True) for line in (note, *branch)]
            return [*listed, _note("together:")]
        layers = sum(len(line.nodes) for branch in branches for line in branch)
        return [self._together(f"{len(branches)} branches, {layers} layers", branches)]

    def _together(self, text: str, branches: Sequence[Sequence[Line]]) -> Line:
        nodes = tuple(node for branch in branches for line in branch for node in line.nodes)
        size = branches[-1][-1].size
        return Line(text, text, nodes, size, apart=True, sizes=(size,))

    def _shared(self, branches: Sequence[list[Line]]) -> list[Line] | None:
        """Instances of one block with the same weights."""
        first, *others = branches
        same = all(
            len(other) == 1 and other[0].calls and other[0].calls[0].shares is not None for other in others
        ) and self._shared_by(first, [other[0] for other in others])
        if not same:
            return None
        kinds = [[n for o in others for n in o[0].nodes[i :: len(o[0].nodes)]] for i in range(len(others[0][0].nodes))]
        place = {node.index: i for i, node in enumerate(node for line in first for node in line.nodes)}
        lines = [
            replace(
                line, nodes=(*line.nodes, *(n for node in line.nodes for n in kinds[place[node.index]])), apart=True
            )
            for line in first
        ]
        return [_note(f"{len(branches)} branches with the same weights:"), *lines]

    def _shared_by(self, first: list[Line], others: list[Line]) -> bool:
        nodes = [node for line in first for node in line.nodes]
        types = [(node.kind, node.type.shape) for node in nodes]
        return all([(node.kind, node.type.shape) for node in other.nodes] == types for other in others)

    def _in_rows(self, branches: Sequence[list[Line]]) -> list[Line] | None:
        if len({len(branch) for branch in branches}) > 1:
            return None
        rows = []
        for lines in zip(*branches, strict=True):
            text = " | ".join(map(_in_a_line, lines))
            if len({line.size for line in lines}) > 1 or len(text) > _WIDEST:
                return None
            rows.append(replace(self._together(text, [lines]), apart=True))
        return rows

    def _in_line(self, branches: Sequence[list[Line]]) -> list[Line] | None:
        text = " | ".join(", ".join(map(_in_a_line, branch)) for branch in branches)
        alike = len({line.size for branch in branches for line in branch}) == 1
        return [self._together(text, branches)] if alike and len(text) <= _WIDEST else None

    # What follows what

    def _chain(self, lines: Sequence[Line]) -> bool:
        if any(not line.nodes for line in lines) or any(line.apart and not line.calls for line in lines):
            return False
        return all(self.flow.follows(line, before) for before, line in pairwise(lines))

    # What is equal

    def _merged(self, found: Iterable[Line]) -> list[Line]:
        """Equal blocks, one after another, as one with their number. Strides in blocks are left to the sizes."""
        lines: list[Line] = []
        for line in found:
            last = lines[-1] if lines else None
            if last is not None and self._alike(last, line) and self.flow.follows(line, last):
                lines[-1] = self._joined([last, line], last.times + line.times)
            else:
                lines.append(line)
        return lines

    def _joined(self, lines: Sequence[Line], times: int) -> Line:
        calls = tuple(region for line in lines for region in line.calls)
        first = lines[0]
        inner = first.cell.lines if isinstance(first.cell, Bracket) and not first.apart else (blocks_text(calls),)
        cell = Bracket(inner, times)
        nodes = tuple(node for line in lines for node in line.nodes)
        return replace(first, cell=cell, bare=cell, nodes=nodes, size=lines[-1].size, calls=calls)

    def _alike(self, one: Line, other: Line) -> bool:
        if one.size != other.size or one.apart != other.apart or not (one.nodes and other.nodes):
            return False
        if one.apart:
            if not one.calls or not other.calls:
                return False
            return _called(one) == _called(other) or (
                one.calls[-1].definition == other.calls[-1].definition and self._computes(one) == self._computes(other)
            )
        if not isinstance(one.bare, Bracket) or not isinstance(other.bare, Bracket):
            return False
        return one.bare.lines == other.bare.lines and self._computes(one) == self._computes(other)

    def _computes(self, line: Line) -> list[tuple[object, ...]]:
        """What the last of equal blocks computes, the layers that are not written too; whatever its strides and rates."""
        last = line.nodes[-len(line.nodes) // line.times :]
        between = self.graph.nodes[last[0].index : last[-1].index + 1]
        return [computation(node) for node in between if node.index not in self.beside and node.kind not in RATES]

    def _periods(self, lines: list[Line]) -> list[Line]:
        """Blocks that follow each other again and again (`mbconv`, `attend`, `mbconv`, `attend`) as rounds, by their calls."""
        found: list[Line] = []
        at = 0
        while at < len(lines):
            length, times = self._period(lines, at)
            if times > 1:
                rounds = [lines[at + k * length : at + (k + 1) * length] for k in range(times)]
                each = [self._joined_calls(column) for column in zip(*rounds, strict=True)]
                nodes = tuple(node for lines_ in rounds for line in lines_ for node in line.nodes)
                cell = Bracket(tuple(each), times)
                found.append(Line(cell, cell, nodes, lines[at].size, sizes=(lines[at].size,)))
            else:
                found.append(lines[at])
            at += length * times
        return found

    def _ranged(self, lines: Sequence[Line]) -> Iterator[Line]:
        """Many calls of a block, one after another, that count up, by the first and the last: `layer(1) to layer(28)`."""
        at = 0
        while at < len(lines):
            stop = at + 1
            while stop < len(lines) and self._counts_up(lines[stop - 1], lines[stop]):
                stop += 1
            if stop - at <= _MOST_PLAIN:
                yield from lines[at:stop]
            else:
                text = f"{lines[at].cell} to {lines[stop - 1].cell}"
                nodes = tuple(node for line in lines[at:stop] for node in line.nodes)
                yield replace(lines[at], cell=text, bare=text, nodes=nodes)
            at = stop

    def _counts_up(self, one: Line, other: Line) -> bool:
        if not (len(one.calls) == len(other.calls) == 1 and isinstance(one.cell, str) and isinstance(other.cell, str)):
            return False
        a, b = one.calls[0], other.calls[0]
        same = a.definition == b.definition and one.size == other.size and a.shares is None and b.shares is None
        if not same or len(a.arguments) != len(b.arguments) or not self.flow.follows(other, one):
            return False
        pairs = [(m, n) for (_, m), (_, n) in zip(a.arguments, b.arguments, strict=True) if m != n]
        return len(pairs) == 1 and all(type(m) is type(n) is int and n - m == 1 for m, n in pairs)

    def _joined_calls(self, lines: Sequence[Line]) -> str:
        times = f" ×{lines[0].times}" if lines[0].times > 1 else ""
        return blocks_text([region for line in lines for region in line.calls]) + times

    def _period(self, lines: Sequence[Line], at: int) -> tuple[int, int]:
        """How long a period begins here, and how often it comes; (1, 1) where there is none."""
        for length in range(2, _LONGEST_PERIOD + 1):
            first = lines[at : at + length]
            if len(first) < length or not all(line.calls for line in first):
                continue
            times = 1
            while self._same(first, lines[at + times * length : at + (times + 1) * length]):
                times += 1
            if times > 1 and self._chain(lines[at : at + times * length]):
                return length, times
        return 1, 1

    def _same(self, one: Sequence[Line], other: Sequence[Line]) -> bool:
        return len(one) == len(other) and all(
            self._alike(a, b) and a.times == b.times for a, b in zip(one, other, strict=True)
        )


def _called(line: Line) -> tuple[object, ...]:
    """What the last call of a block gives."""
    region = line.calls[-1]
    given = [(name, repr(value)) for name, value in region.arguments if name in region.given]
    return region.definition, region.shares is None, given


def _blocks(branch: Node | Region) -> list[Region]:
    """The block that a branch is, if it is nothing else."""
    while isinstance(branch, Region) and not branch.block and len(branch.members) == 1:
        branch = branch.members[0]
    return [branch] if isinstance(branch, Region) and branch.block else []


def _inner(line: Line) -> tuple[str, ...]:
    """What a line is within brackets: without brackets of its own."""
    return line.bare.lines * line.times if isinstance(line.bare, Bracket) else (line.bare,)


def _in_a_line(line: Line) -> str:
    if line.times == 1:
        return line.closed
    return f"{line.closed if line.calls else f'({line.closed})'} ×{line.times}"
