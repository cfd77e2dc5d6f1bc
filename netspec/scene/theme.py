"""Colours, light and dark. Kinds of layers differ in hue and in lightness, so that they can be told apart in grey too."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from netspec.graph import Node
from netspec.ops import JOINS, SECTIONS

__all__ = ["THEMES", "Theme", "section"]

_SECTION = {op.name: name for name, ops in SECTIONS.items() for op in ops} | dict.fromkeys(JOINS, "join")


def section(node: Node) -> str:
    """The kind of layer that a colour stands for."""
    return _SECTION.get(node.kind, "Shape") if node.inputs else "input"


@dataclass(frozen=True, slots=True)
class Theme:
    """`fills` holds the fill and the border of each kind; `scale` runs from little to much."""

    background: str
    ink: str
    faint: str
    wire: str
    frame: str
    frame_fill: str
    closed: tuple[str, str]
    strong: tuple[str, str]
    fills: Mapping[str, tuple[str, str]]
    scale: tuple[tuple[int, int, int], ...]

    def fill(self, kind: str) -> tuple[str, str]:
        return self.fills.get(kind, self.fills["Shape"])

    def on_scale(self, share: float) -> str:
        """The colour for a share from 0 to 1."""
        place = min(max(share, 0.0), 1.0) * (len(self.scale) - 1)
        low = min(int(place), len(self.scale) - 2)
        mixed = (round(a + (b - a) * (place - low)) for a, b in zip(self.scale[low], self.scale[low + 1], strict=True))
        return "#" + "".join(f"{value:02x}" for value in mixed)

    def ink_on(self, colour: str) -> str:
        """Black or white, whichever is read better on a colour (by its luma)."""
        red, green, blue = (int(colour[i : i + 2], 16) for i in (1, 3, 5))
        return "#111111" if 0.299 * red + 0.587 * green + 0.114 * blue > 140 else "#ffffff"


_LIGHT = Theme(
    background="#ffffff", ink="#1b1f24", faint="#5b6570", wire="#6b7680", frame="#b3bcc5", frame_fill="#f6f8fa",
    closed=("#eef1f4", "#7b8794"), strong=("#343a40", "#343a40"),
    fills=MappingProxyType({
        "Convolution": ("#cfe2ff", "#3b6fb6"), "Pooling": ("#ffe0c2", "#c9732b"), "Dense": ("#d3f0d3", "#3f8f4a"),
        "Activation": ("#fff3bf", "#b89b1e"), "Normalization": ("#e8dcf7", "#7a56b3"), "Regularization": ("#e9ecef", "#868e96"),
        "Shape": ("#f8f9fa", "#adb5bd"), "Sequence": ("#ccf2f0", "#2b8a85"), "Trainable values": ("#fde2ee", "#b8527f"),
        "join": ("#ffffff", "#343a40"),
    }),
    scale=((255, 247, 236), (253, 212, 158), (252, 141, 89), (215, 48, 31), (127, 0, 0)),
)  # fmt: skip
_DARK = Theme(
    background="#16191d", ink="#e6e9ec", faint="#9aa5b1", wire="#7f8b97", frame="#48525c", frame_fill="#1d2227",
    closed=("#2a3037", "#8a96a3"), strong=("#d5dade", "#d5dade"),
    fills=MappingProxyType({
        "Convolution": ("#1d3557", "#6ea8fe"), "Pooling": ("#4a2f17", "#f0a35e"), "Dense": ("#1c3f24", "#6fcf7f"),
        "Activation": ("#453c12", "#e6c84b"), "Normalization": ("#33264d", "#b794f4"), "Regularization": ("#2f343a", "#a5afb8"),
        "Shape": ("#23282d", "#808a94"), "Sequence": ("#133b3a", "#5ad1ca"), "Trainable values": ("#47212f", "#f08db5"),
        "join": ("#16191d", "#d5dade"),
    }),
    scale=((32, 28, 40), (81, 31, 88), (160, 47, 89), (232, 98, 61), (252, 205, 110)),
)  # fmt: skip
THEMES: Mapping[str, Theme] = MappingProxyType({"light": _LIGHT, "dark": _DARK})
