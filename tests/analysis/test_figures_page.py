"""docs/figures.md: its tables are the registers, its arithmetic is right, and its numbers are the figures of the examples."""

from __future__ import annotations

import re
from fractions import Fraction

import pytest
from conftest import ROOT

import netspec
from netspec.analysis.conditions import Conditions
from netspec.analysis.devices import DEVICES
from netspec.analysis.dialects import DIALECTS
from netspec.analysis.figures import ALL

PAGE = (ROOT / "docs/figures.md").read_text(encoding="utf-8")
NUMBERED = re.findall(r"^\| `(\w+)` \| `(\w+)` \| ([\d,]+) \|", PAGE, re.MULTILINE)
EQUATIONS = [
    (left, right) for text in re.findall(r"`([^`]+ = [\d,]+)`", PAGE) for left, right in [text.rsplit(" = ", 1)]
]


def rows(title: str) -> list[list[str]]:
    """The rows of the first table of a section."""
    section = PAGE.split(f"\n## {title}\n")[1].split("\n## ")[0]
    table = re.search(r"(?:^\|.*\n)+", section, re.MULTILINE)
    assert table is not None
    return [[cell.strip() for cell in line.strip("|").split(" | ")] for line in table[0].splitlines()[2:]]


def test_every_figure_is_defined() -> None:
    names = [[f"`{name}`" for name in (figure.name, *figure.aliases)] for figure in ALL]
    assert [(first.split(", "), doc) for first, _, doc in rows("All figures")] == [
        (n, figure.doc) for n, figure in zip(names, ALL, strict=True)
    ]


def test_every_tool_and_device_is_there() -> None:
    assert rows("MACs of other tools") == [[f"`{d.name}`", d.version, d.doc] for d in DIALECTS.values()]
    assert [(row[0], *map(float, row[2:6])) for row in rows("Time")] == [
        (f"`{d.name}`", d.fp32 / 1e12, d.half / 1e12, d.bandwidth / 1e9, d.memory / 1e9) for d in DEVICES.values()
    ]


def evaluated(text: str) -> Fraction:
    assert re.fullmatch(r"[\d+*/() -]+", text), text
    return Fraction(eval(re.sub(r"(\d+)", r"Fraction(\1)", text), {"Fraction": Fraction}))


@pytest.mark.parametrize(("left", "right"), EQUATIONS)
def test_the_arithmetic_is_right(left: str, right: str) -> None:
    assert evaluated(left) == int(right.replace(",", ""))


def test_there_is_arithmetic() -> None:
    assert len(EQUATIONS) >= 20
    assert len(NUMBERED) == 9


@pytest.mark.parametrize(("example", "figure", "number"), NUMBERED)
def test_numbers_are_those_of_the_examples(example: str, figure: str, number: str) -> None:
    model = netspec.load(ROOT / f"examples/{example}.net")
    assert model.figure(figure) == int(number.replace(",", ""))


def test_other_numbers_in_the_text() -> None:
    """What the text says of single layers and of auxiliary heads, computed."""
    googlenet = netspec.load(ROOT / "examples/googlenet.net")
    assert googlenet.figure("aux_params") == 6_379_728
    grouped = netspec.load(ROOT / "examples/alexnet_grouped.net")
    parts = {kind: sum(n.macs for n in grouped.graph.layers if n.kind == kind) for kind in ("conv", "FC")}
    assert parts == {"conv": 665_784_864, "FC": 58_621_952}
    assert netspec.load(ROOT / "examples/alexnet.net").params == 62_378_344
    for name in ("15,470,264,320", "665,784,864", "58,621,952", "62,378,344"):
        assert name in PAGE
    tools = re.search(r"^\| ResNet-50 \| (.*) \|$", PAGE, re.MULTILINE)
    assert tools is not None
    resnet = netspec.load(ROOT / "examples/resnet50.net")
    figures = [resnet.figure("macs", Conditions(macs=name)) for name in ("netspec", *DIALECTS)]
    assert [f"{figure:,}" for figure in figures] == tools[1].split(" | ")
