"""Diagrams: every layer of the catalogue has a color."""

from __future__ import annotations

from netspec.backends.dot import _COLORS, _SECTION
from netspec.ops import JOINS, SECTIONS


def test_every_section_has_its_color() -> None:
    assert set(_COLORS) == {*SECTIONS, "join", "input", "output"}
    assert set(_SECTION) == {op.name for ops in SECTIONS.values() for op in ops} | set(JOINS)
