"""What is written at the feature maps of the style `volumes`, and their colours."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from functools import cached_property
from typing import Literal, TypeAlias

from netspec.analysis.analysis import Analysis
from netspec.graph import Node, TensorType
from netspec.ops.open_size import is_open
from netspec.scene.faces import SMALL, Faces, head_text, type_text, weights_of
from netspec.scene.lettering import text_width
from netspec.scene.parts import Part, Parts, pointwise, written_together
from netspec.scene.theme import Theme, section
from netspec.scene.volume_shapes import CAPTION, Ink, Scale, Sketch, Volume, round_sign

__all__ = ["Captions", "Place", "keeps_the_volume", "only_layer"]

Place: TypeAlias = Literal["", "left", "right"]

_QUIET = frozenset({"Activation", "Normalization", "Regularization"})
_SIGNS = {"add", "mul"}
_MOST_PIECES = 8
_MOST_LINES = 3
_WIDE = 84.0
"""What is written above is broken into lines of about this width."""
_SHORT_CALL = 60.0
"""Calls that are at most so wide are written whole."""
_LANE = 9.0
"""Between the lines that leave a part side by side."""
_SHEET = 1.8
"""Maps that are at least so thick are drawn one by one."""
_KERNEL = re.compile(r"(\d+(?:x\d+)*)-\d+$")
_UNITS = re.compile(r" units?$")
_COMMA = re.compile(r",\s*(?=[a-z(]|\d+ [a-z]|$)")
_TIMES = re.compile(r"(?<=\d)x(?=\d)")
_UNSAID = re.compile(r"^(pad |along |to \d|as large as |p = |axes |round )|^$")
_GROUPS = re.compile(r"groups (\d+)$")


def only_layer(part: Part) -> Part | None:
    """The layer that is all there is in a closed group."""
    return part.members[0] if len(part.members) == 1 and part.members[0].is_layer and part.count == 1 else None


def keeps_the_volume(before: Node, node: Node) -> bool:
    """Whether a layer is drawn with the one before it: it neither computes with weights nor changes the sizes."""
    if not before.inputs:
        return False
    if node.kind in ("flatten", "identity"):
        return True
    return written_together(before, node) or (section(node) in _QUIET and node.type == before.type)


class Captions:
    def __init__(self, parts: Parts, analysis: Analysis, theme: Theme) -> None:
        self.parts, self.graph, self.theme = parts, parts.graph, theme
        self.faces = Faces(parts, analysis)
        self.scale = Scale(parts.graph)
        self._made: dict[tuple[Part, Place], Sketch] = {}

    def sketch(self, part: Part, *, beside: bool = False, place: Place = "") -> Sketch:
        """`beside`: its captions stand left of a line from above; `place`: the side on which all sizes of maps are written."""
        if (part, place) not in self._made:
            self._made[part, place] = self._sketch(part, place)
        made = self._made[part, place]
        return replace(made, beside=True) if beside else made

    def _sketch(self, part: Part, place: Place) -> Sketch:
        if part.is_output:
            return Sketch(Volume(0.0, CAPTION, 0.0), (part.name,), form="text")
        quiet = self._quiet(part)
        kind = self.graph.nodes[part.start].kind
        if part.is_layer and kind in _SIGNS:
            times = (f"×{part.count}",) if part.count > 1 else ()
            number = self.faces.words(part)
            return Sketch(round_sign(), times, (number, *quiet) if number else quiet, side=kind, form="circle")
        shown = self.graph.shown(self._giver(part))
        volume = self.scale.volume(self.graph.nodes[self._giver(part)].type)
        sides = shown.spatial if shown.layout == "map" else ()
        above = self._above(part)
        if inner := only_layer(part):
            above, quiet = (above[0], " ".join(self._above(inner))), self._quiet(inner)
        gives = self.parts.gives(part) if part.members else ()
        if len(gives) > 1:  # none of them is the one
            volume = replace(volume, high=max(volume.high, _LANE * (len(gives) + 1)))
            return Sketch(volume, above, tuple(type_text(self.graph.shown(node)) for node in gives))
        if any(map(is_open, sides)) or (len(sides) != 2 and not (place and len(sides) == 3)):
            return Sketch(volume, above, (*_size_lines(type_text(shown)), *quiet))
        if place:
            text = str(sides[0]) if sides == sides[:1] * 2 else "×".join(map(str, sides))
            left, right = (text, "") if place == "left" else ("", text)
            return Sketch(volume, above, (str(shown.features), *quiet), right, left)
        left = str(sides[0]) if sides[0] != sides[1] else ""
        return Sketch(volume, above, (str(shown.features), *quiet), str(sides[1]), left)

    def ports(self, part: Part) -> float | None:
        """At which share of its side lines meet what gives several tensors: along its face."""
        if not part.members or len(self.parts.gives(part)) < 2:
            return None
        sketch = self.sketch(part)
        return (sketch.volume.high + sketch.volume.slant[1]) / sketch.room[0]

    def _giver(self, part: Part) -> int:
        """The node whose tensor a part stands for: of a layer with those that keep its volume, the layer itself."""
        if not part.is_layer:
            return part.stop - 1
        return part.stop - part.tail - (part.round_stop - part.start) + self._written(part) - 1

    def _written(self, part: Part) -> int:
        """How many nodes of a part are the layer itself: the others keep its volume."""
        return 1 if pointwise(self.graph, part) is None else 2

    def _type(self, part: Part) -> TensorType:
        return self.graph.shown(self._giver(part))

    def tip(self, part: Part) -> str:
        return f"{part.name}: {type_text(self._type(part))}"

    def _quiet(self, part: Part) -> tuple[str, ...]:
        """What keeps the volume: that of each round, and on a line below it what follows all of them."""
        rounds = self.graph.nodes[part.start + self._written(part) : part.round_stop] if part.is_layer else []
        lines = [[n.kind for n in rounds], [n.kind for n in self.graph.nodes[part.stop - part.tail : part.stop]]]
        return tuple(" · ".join(kinds) for line in lines if (kinds := [kind for kind in line if kind != "identity"]))

    # Above

    def name(self, part: Part) -> str:
        """Of a block without its arguments, of a group its label, if it has one."""
        region = part.region
        if region is None or region.kind == "repeat":
            return head_text(part)
        return region.block or region.name

    def _pads(self, node: Node, word: str) -> bool:
        """Whether a word says why a convolution gives more than it reads: the padding of 100 with which FCN begins."""
        before = self.graph.nodes[node.inputs[0]].type.spatial
        return word.startswith("pad ") and node.kind == "conv" and node.type.spatial > before

    @cached_property
    def _told_apart(self) -> frozenset[str]:
        """Blocks of which two would look equal but for the arguments of their calls, if all of these are short."""
        calls: dict[str, dict[str, set[str]]] = {}
        for part in self.parts.root.walk():
            if part.members and part.region is not None and part.region.block and part.region.shares is None:
                sizes = calls.setdefault(part.region.block, {})
                sizes.setdefault(type_text(self._type(part)), set()).add(_call(part))
        return frozenset(
            block
            for block, sizes in calls.items()
            if max(map(len, sizes.values())) > 1
            and all(text_width(text, SMALL, bold=True) <= _SHORT_CALL for texts in sizes.values() for text in texts)
        )

    def _above(self, part: Part) -> tuple[str, ...]:
        """What is computed: the first line is bold."""
        times = [f"×{part.count}"] if part.count > 1 else []
        weights = weights_of(self.graph, part)
        if part.members:
            called = (
                _call(part) if part.region is not None and part.region.block in self._told_apart else self.name(part)
            )
            return (called, *times, *weights)
        first = self.graph.nodes[part.start]
        if not first.inputs:
            return (first.name,)
        if first.kind == "identity":
            return (first.name.rpartition(".")[2], *times)
        words = [_UNITS.sub("", word.strip()) for word in _COMMA.split(self.faces.words(part))]
        head = self.faces.kind(part)
        kernel = _KERNEL.match(words[0]) if words else None
        if kernel or re.fullmatch(r"\d+(x\d+)+", words[0]):
            head = f"{head} {(kernel[1] if kernel else words[0]).replace('x', '×')}"
            words = words[1:]
        elif words[0].replace(",", "").isdigit():
            words = words[1:]
        rest = [_GROUPS.sub(r"\1 groups", word) for word in words if not _UNSAID.match(word) or self._pads(first, word)]
        rest = [_TIMES.sub("×", word) for word in rest if first.kind != "dwconv" or not word.endswith(" groups")]
        return (head, *_broken([*times, *rest], _MOST_LINES - len(weights)), *weights)

    # Colours

    def pieces(self, part: Part) -> list[tuple[float, Ink]]:
        """The colours of a volume along its thickness: a concatenation shows what it is made of, a few maps are sheets."""
        node = self.graph.nodes[part.start]
        kind = self._type(part)
        sketch = self.sketch(part)
        if sketch.form == "volume" and kind.layout == "map" and isinstance(kind.features, int):
            each = sketch.volume.thick / kind.features
            if kind.features > 1 and each >= _SHEET and node.kind != "concat":
                return [(1 / kind.features, self._ink(part))] * kind.features
        if not (part.is_layer and node.kind == "concat" and part.count == 1 and 1 < len(node.inputs) <= _MOST_PIECES):
            return [(1.0, self._ink(part))]
        types = [self.graph.nodes[i].type for i in node.inputs]
        if any(t.layout != "map" for t in types) or sum(t.features for t in types) != node.type.features:
            return [(1.0, self._ink(part))]
        return [
            (t.features / node.type.features, self.theme.fill(section(self._maker(i))))
            for i, t in zip(node.inputs, types, strict=True)
        ]

    def _maker(self, index: int) -> Node:
        """The node that computed what passed activations and norms unchanged in size."""
        node = self.graph.nodes[index]
        while len(node.inputs) == 1 and (section(node) in _QUIET or node.kind == "identity"):
            node = self.graph.nodes[node.inputs[0]]
        return node

    def _ink(self, part: Part) -> Ink:
        node = self.graph.nodes[part.start]
        if not node.inputs:
            return self.theme.fill("Shape")
        part = only_layer(part) or part
        return self.theme.fill(section(node)) if part.is_layer else self.theme.closed


def _call(part: Part) -> str:
    return head_text(part).removesuffix(f" ×{part.count}")


def _size_lines(text: str) -> list[str]:
    """A long size, such as a form of open sizes, in a line for each axis."""
    first, *rest = text.split("×")
    return [text] if text_width(text, SMALL) <= _WIDE else [first, *(f"×{side}" for side in rest)]


def _broken(words: Sequence[str], most: int) -> list[str]:
    """In at most so many lines, with commas; a long text at its spaces."""
    lines: list[str] = []
    for word in words:
        tokens = word.split(" ")
        if lines and text_width(f"{lines[-1]}, {word}", SMALL) <= _WIDE / 1.4:
            lines[-1] = f"{lines[-1]}, {word}"
            continue
        lines.append(tokens[0])
        for token in tokens[1:]:
            if text_width(f"{lines[-1]} {token}", SMALL) <= _WIDE:
                lines[-1] = f"{lines[-1]} {token}"
            else:
                lines.append(token)
    return lines[:most]
