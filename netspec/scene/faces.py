"""What is written in the box of a part: its lines, and the size that they need."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from netspec.analysis.analysis import Analysis
from netspec.analysis.figures import FIGURES
from netspec.analysis.units import count_text
from netspec.graph import Graph, Node, Region, TensorType
from netspec.scene.lettering import text_width, written_out
from netspec.scene.parts import Part, Parts, pointwise, title_of_windows
from netspec.values import Value, show

__all__ = ["BARS", "Face", "Faces", "Note", "Notes", "head_text", "totals_text", "type_text", "weights_of"]

SIZE, SMALL = 11.0, 9.0
BARS = 16.0
"""How high the bars of a note are."""
_LINE, _SMALL_LINE = 14.0, 12.0
_PAD = (9.0, 5.0)
_LABEL = 14.0
"""The height of the label of a tensor, and the room around it."""
_STEP = 8.0
"""Widths are rounded up to this, so that boxes of like content are alike."""
_LONGEST = 46
_LONG_ARGUMENT = 20
_ONE = re.compile(r"\b(\w+)s (\d+) to \2\b")
"""A range of one: `tokens 0 to 0`."""
_UNSAID = re.compile(r"(?:^|, )(?:stride 1|no bias)(?=,|$)")


@dataclass(frozen=True, slots=True)
class Note:
    """What is said of one network in the box of a part: small lines, and bars, as shares of the highest, below them."""

    lines: tuple[str, ...]
    bars: tuple[float, ...] = ()


Notes: TypeAlias = "Callable[[Part], Note | None]"


@dataclass(frozen=True, slots=True)
class Face:
    """`bold` and `plain` stand on the first line, `small` on lines below, `bars` at the bottom."""

    bold: str
    plain: str
    small: tuple[str, ...]
    width: float
    height: float
    bars: tuple[float, ...] = ()
    above: float = 0.0
    """Room above the words of a box that is higher than they are."""


class Faces:
    """The boxes of a graph; `columns` are figures shown in each, `notes` what else is said of a part. A box that gives several
    tensors has room for their labels side by side; `across`: below each other, where the flow is from left to right."""

    def __init__(
        self, parts: Parts, analysis: Analysis, columns: Sequence[str] = (), notes: Notes | None = None,
        *, across: bool = False,
    ) -> None:  # fmt: skip
        self._graph, self._parts, self._analysis, self._columns = parts.graph, parts, analysis, columns
        self._notes, self._across = notes, across
        self._made: dict[Part, Face] = {}

    def face(self, part: Part) -> Face:
        if part not in self._made:
            bold, plain, small = self._words(part)
            note = self._notes(part) if self._notes is not None else None
            bars = note.bars if note is not None else ()
            small = [*small, *self._figures(part), *(note.lines if note is not None else ())]
            first = text_width(bold, SIZE, bold=True) + (text_width(f" {plain}", SIZE) if plain else 0.0)
            wide = max([first, *(text_width(line, SMALL) for line in small)]) + 2 * _PAD[0]
            height = _LINE + len(small) * _SMALL_LINE + 2 * _PAD[1] + (BARS + 4.0 if bars else 0.0)
            wide, room = self._with_room(part, wide, height)
            width = -(-wide // _STEP) * _STEP
            self._made[part] = Face(bold, plain, tuple(small), width, room, bars, (room - height) / 2)
        return self._made[part]

    def _with_room(self, part: Part, wide: float, height: float) -> tuple[float, float]:
        gives = self._parts.gives(part) if part.members else ()
        if len(gives) < 2:
            return wide, height
        if self._across:
            return wide, max(height, (len(gives) + 1) * _LABEL)
        label = max(text_width(type_text(self._graph.shown(node)), SMALL) for node in gives) + _LABEL
        return max(wide, (len(gives) + 1) * label), height

    def _words(self, part: Part) -> tuple[str, str, list[str]]:
        if not part.is_layer:
            layers = self._parts.layers(part)
            each = "" if part.count == 1 else " each"
            return head_text(part), "", [f"{layers} layer{'' if layers == 1 else 's'}{each}"]
        if part.is_output:
            return part.name, type_text(self._graph.shown(part.start)), []
        nodes = self._graph.nodes[part.start : part.round_stop]
        first = nodes[0]
        if not first.inputs:
            return first.name, type_text(self._graph.shown(first.index)), []
        plain, *small = _lines(self.words(part))
        kind, second = self.kind(part), pointwise(self._graph, part)
        local = first.name.rpartition(".")[2].removesuffix("_depthwise" if second is not None else "")
        small += [local] if re.sub(r"\d+$", "", local) != kind.lower() else []
        after = nodes[1:] if second is None else nodes[2:]
        small += [" · ".join(_kind(self._graph, n) for n in after)] if after else []
        small += weights_of(self._graph, part)
        times = f" ×{part.count}" if part.count > 1 else ""
        return kind, _shortened(plain) + times, [_shortened(line) for line in small]

    def kind(self, part: Part) -> str:
        """What a layer is called, as it was written."""
        return "sepconv" if pointwise(self._graph, part) is not None else self._graph.nodes[part.start].kind

    def words(self, part: Part) -> str:
        """What a layer is, beside its kind: `3x3-64, pad 1`."""
        first = self._graph.nodes[part.start]
        words = _UNSAID.sub("", first.op.describe(self._graph.nodes[first.inputs[0]].type)).lstrip(", ")
        words = _ONE.sub(r"\1 \2", words)
        if (second := pointwise(self._graph, part)) is not None:
            words = re.sub(r"-\d+", f"-{second.type.features}", words, count=1)
            words = re.sub(r", groups \d+", "", words)
        like = getattr(first.op, "like", None)
        return (
            words.replace(f"as large as {like}", f"as large as {self._called(first.inputs[1], like)}")
            if like
            else words
        )

    def _called(self, index: int, label: str) -> str:
        """The name of what a label means, as it stands in the picture: of the second `up:`, `up_2`."""
        node = self._graph.nodes[index]
        region: Region | None = node.region
        names = [node.name]
        while region is not None:
            names.append(region.path.rstrip("."))
            region = region.parent
        found = (name.rpartition(".")[2] for name in names)
        return next((name for name in found if re.fullmatch(re.escape(label) + r"(_\d+)?", name)), label)

    def _figures(self, part: Part) -> list[str]:
        found = []
        for name in () if part.is_output else self._columns:
            value = self._analysis.of(name, self._graph.nodes[part.start : part.stop])
            if value:
                found.append(f"{FIGURES[name].title} {FIGURES[name].text(value)}")
        return found


def _lines(words: str) -> list[str]:
    """What is too long for a line goes on in the next, from a comma on."""
    lines = [""]
    for word in words.split(", "):
        if lines[-1] and len(lines[-1]) + len(word) + 2 > _LONGEST:
            lines.append(word)
        else:
            lines[-1] += f", {word}" if lines[-1] else word
    return lines


def _kind(graph: Graph, node: Node) -> str:
    words = _UNSAID.sub("", node.op.describe(graph.nodes[node.inputs[0]].type)).lstrip(", ")
    return f"{node.kind} {words}".strip()


def weights_of(graph: Graph, part: Part) -> list[str]:
    """Whose weights a layer, or an instance of a shared block, uses."""
    region = part.region
    if region is not None and region.shares is not None:
        return [f"weights of {region.shares.path.rstrip('.')}"]
    first = graph.nodes[part.start]
    if not part.is_layer or first.shares is None or _is_shared(first.region):
        return []
    return [f"weights of {graph.nodes[first.shares].name}"]


def _is_shared(region: Region | None) -> bool:
    """Whether the frame of an instance of a shared block says whose weights its layers use, not the only one of them."""
    while region is not None and region.shares is None:
        region = region.parent
    return region is not None and sum(node.shares is not None for node in region.nodes()) > 1


def head_text(part: Part, *, whole: bool = False) -> str:
    """What a part is called: its label, or its block with the arguments that the call gives, shortened if not wanted `whole`."""
    times = f" ×{part.count}" if part.count > 1 else ""
    region = part.region
    if region is None or region.kind == "repeat":
        return f"×{part.count}" if part.count > 1 else part.name
    if region.kind == "windows":
        return title_of_windows(region) + times
    if region.shares is not None:
        return f"{region.name}: weights of {region.shares.path.rstrip('.')}{times}"
    if not region.block:
        return f"{region.name}{times}"
    given = [_argument(part, name, value) for name, value in region.arguments if name in region.given]
    words = f"{region.block}({', '.join(given)})" if given else region.block
    if not re.fullmatch(re.escape(region.block.lower()) + r"\d*", region.name.lower()):
        words = f"{region.name}: {words}"
    return (words if whole else _shortened(words)) + times


def _argument(part: Part, name: str, value: Value) -> str:
    """An argument as the call writes it, by position or by name; `…` where it is long, or differs between rounds.
    Three digits of a rate that was computed say enough."""
    text = f"{value:.3g}" if isinstance(value, float) else show(value).strip('"')
    if name in part.differing or len(text) > _LONG_ARGUMENT:
        text = "…"
    return f"{name}={text}" if part.region is not None and name in part.region.by_name else text


def _shortened(text: str) -> str:
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"


def totals_text(analysis: Analysis) -> str:
    """Parameters and MACs of the whole network; with open sizes, the sizes for which they are."""
    macs = analysis.total("macs")
    words = [f"{analysis.total('params'):,} parameters"]
    if isinstance(macs, int):
        words.append(f"{count_text(macs)} MACs")
    sizes = [f"{name} = {size}" for name, size in analysis.graph.sizes.items()]
    return ", ".join(words) + (f" for {' and '.join(sizes)}" if sizes else "")


def type_text(kind: TensorType) -> str:
    """`8×H×W`; what the font of the pictures lacks is written out: `floor(H/2)`."""
    return written_out("×".join(map(str, kind.shape)))
