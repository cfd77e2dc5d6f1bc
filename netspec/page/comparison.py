"""What the page shows of two specs compared: totals, a list of changes, and a mark on each drawn part that differs.

The shape of the data is declared in `viewer/src/protocol.ts`; what corresponds is found as by `netspec diff`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

from netspec.analysis.correspondence import Correspondence
from netspec.analysis.difference import Change, FigureChange, difference
from netspec.analysis.figures import FIGURES
from netspec.diagnostics.display import printable
from netspec.graph import Graph
from netspec.report.difference_tables import affected_text, by_text, change_name, change_words, counts_text
from netspec.scene.parts import Part, Parts

__all__ = ["comparable", "comparison"]

_MOST = 200
"""Rows of the list of changes."""


def comparable(graph: Graph | None) -> bool:
    """Whether a network is whole enough to be compared."""
    return graph is not None and bool(graph.layers) and not graph.failed


def comparison(before: Graph, after: Graph, other: str) -> dict[str, Any]:
    """What is different in `after`, the network that is shown; `other` is the file of `before`."""
    found = Correspondence(before, after)
    different = difference(before, after, found=found)
    drawn = _Drawn(Parts(after))
    marks = _Marks(found, drawn)
    rows = [row for change in different.changes for row in marks.rows(change, "", 0)]
    details = [
        {**_ROW, "kind": "changed", "name": d.what, "words": printable(f"{d.before} → {d.after}")}
        for d in different.details
    ]
    return {
        "other": printable(other),
        "equal": different.equal,
        "totals": [_total(figure) for figure in different.figures],
        "counts": [text for text in (counts_text(different), affected_text(different, False, False)) if text],
        "rows": [*details, *rows][:_MOST],
        "more": max(0, len(details) + len(rows) - _MOST),
        "marks": marks.of_parts(),
    }


_ROW = {"level": 0, "params": "", "macs": "", "part": None}


def _total(change: FigureChange) -> tuple[str, str, str, str]:
    figure = FIGURES[change.name]
    return figure.title, figure.text(change.before), figure.text(change.after), by_text(change)


def _together(names: list[str], words: str) -> str:
    """`basic6, basic7: basic(128, 1)`."""
    more = f" and {len(names) - 3} more" if len(names) > 3 else ""
    return f"{', '.join(names[:3])}{more}: {words}"


class _Drawn:
    """The parts of the diagram, numbered as in `netspec.page.document`."""

    def __init__(self, parts: Parts) -> None:
        self.parts: list[Part] = []
        self._members: list[list[int]] = []
        self._add(parts, parts.root)

    def _add(self, parts: Parts, part: Part) -> int:
        place = len(self.parts)
        self.parts.append(part)
        self._members.append([])
        if part.members:
            self._members[place] = [self._add(parts, member) for member in parts.level(part).members]
        return place

    def path(self, first: int, last: int) -> list[tuple[int, int]]:
        """The parts that hold layers `first` to `last`, from the outermost (the net itself left out) inwards, and as
        which layer `last` is drawn in each: a part with a count shows its first round."""
        found: list[tuple[int, int]] = []
        at = 0
        while True:
            inner = next((m for m in self._members[at] if self._holds(self.parts[m], first, last)), None)
            if inner is None:
                return found
            found.append((inner, last))
            part, at = self.parts[inner], inner
            if not part.is_layer:
                first, last = part.drawn(first), part.drawn(last)

    def _holds(self, part: Part, first: int, last: int) -> bool:
        return part.start <= first <= last < part.stop


class _Marks:
    """What is marked in the diagram, gathered while the rows of the list are made."""

    def __init__(self, found: Correspondence, drawn: _Drawn) -> None:
        self._found, self._drawn = found, drawn
        self._kinds: dict[int, str] = {}
        self._words: dict[int, str] = {}
        self._of_regions: dict[tuple[int, int], str] = {}
        self._removed: dict[int | None, dict[str, list[str]]] = {}
        self._lost: set[int] = set()

    def rows(self, change: Change, prefix: str, level: int) -> Iterator[dict[str, Any]]:
        """The rows of a change and of those inside it; what is affected alone is marked only."""
        place = self._noted(change)
        params, macs = (after - before for before, after in (change.params, change.macs))
        shown = change.kind != "affected" or params or macs
        if shown:
            copies = f" ×{change.times}" if change.times > 1 else ""
            yield {
                "kind": "changed" if change.kind == "repeated" else change.kind,
                "level": level,
                "name": printable(f"{change_name(change, prefix)}{copies}"),
                "words": printable(change_words(change)),
                "params": f"{params:+,}" if params else "",
                "macs": f"{macs:+,}" if macs else "",
                "part": place,
            }
        inner_prefix = f"{change.names[0][1] or change.names[0][0]}." if change.names else prefix
        for inner in change.inner:
            rows = self.rows(inner, inner_prefix, level + 1)
            yield from rows if shown else self._noted_only(rows)

    def _noted_only(self, rows: Iterator[dict[str, Any]]) -> Iterator[dict[str, Any]]:
        for _ in rows:
            pass
        return iter(())

    def _noted(self, change: Change) -> int | None:
        """Notes which layers a change is about; the part to show for it."""
        place: int | None = None
        words = change_words(change)
        for number, (before, after) in enumerate(change.nodes):
            if change.kind == "removed":
                found = self._removal(before, change.names[number][0], words)
            else:
                path = self._drawn.path(min(after), max(after))
                found = path[-1][0] if path else None
                if not change.inner:
                    self._kinds.update(dict.fromkeys(after, change.kind))
                    self._words.update(dict.fromkeys(after, words))
                elif words:
                    self._of_regions[min(after), max(after) + 1] = words
            place = found if place is None else place
        return place

    def _removal(self, nodes: Sequence[int], name: str, words: str) -> int | None:
        """The part after which a removed one was: the outermost that ends there."""
        before = next((self._found.first[i] for i in range(min(nodes) - 1, -1, -1) if i in self._found.first), None)
        path = self._drawn.path(before, before) if before is not None else []
        place: int | None = None
        for place, last in path:
            if self._drawn.parts[place].stop - 1 == last:
                break
            self._lost.add(place)
        self._removed.setdefault(place, {}).setdefault(words, []).append(name)
        return place

    def of_parts(self) -> list[dict[str, Any]]:
        """The parts that differ: how, and what was removed after them."""
        found = []
        for place, part in enumerate(self._drawn.parts):
            if not place or part.is_output:
                continue
            kind, words = self._of(place, part)
            removed = self._removed.get(place, {})
            if kind or removed:
                shown = [printable(_together(names, text)) for text, names in removed.items()]
                found.append({"part": place, "kind": kind, "words": printable(words), "removed": shown})
        return found

    def _of(self, place: int, part: Part) -> tuple[str, str]:
        """How a part differs, and in what words; two empty texts where it does not."""
        layers = range(part.start, part.stop)
        kinds = Counter(self._kinds[i] for i in layers if i in self._kinds)
        if kinds["added"] == len(layers):
            return "added", "not in the other"
        lost = place in self._lost
        kind = "changed" if kinds["added"] or kinds["changed"] or lost else "affected" if kinds else ""
        if part.is_layer and part.count == 1:
            return kind, "; ".join(dict.fromkeys(self._words[i] for i in layers if i in self._words))
        said = [self._of_regions.get((part.start, part.stop), "")]
        added, size = kinds["added"], len(layers) // part.count
        if added:
            rounds = added % size == 0 and part.count > 1
            said.append(
                f"{added // size} of {part.count} added" if rounds else f"{added} of {len(layers)} layers added"
            )
        if kinds["changed"]:
            said.append(f"{kinds['changed']} of {len(layers)} layers changed")
        if kinds["affected"]:
            said.append(f"{kinds['affected']} on tensors of other sizes")
        if lost:
            said.append("something was removed in it")
        return kind, "; ".join(filter(None, said))
