"""`netspec badge`."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree

import pytest
from conftest import ROOT, run_netspec

from netspec.report.badge import badge, short

VGG16 = str(ROOT / "examples" / "vgg16.net")


@pytest.mark.parametrize(
    ("arguments", "status", "words", "color"),
    [
        ((), 0, "params: 138.4M", "#0b62a8"),
        (("--figure", "memory"), 0, "memory: 668.74 MB", "#0b62a8"),
        (("--figure", "rf", "--label", "sees"), 0, "sees: 224", "#0b62a8"),
        (("--expect", "params <= 140M"), 0, "params: 138.4M", "#1a7f37"),
        (("--expect", "params <= 5M"), 1, "params: 138.4M", "#b42318"),
        (("--label", "<a&b>\x1b"), 0, "<a&b>\\x1b: 138.4M", "#0b62a8"),
    ],
)
def test_a_badge_shows_a_figure(
    tmp_path: Path, arguments: tuple[str, ...], status: int, words: str, color: str
) -> None:
    out = tmp_path / "badge.svg"
    assert run_netspec("badge", VGG16, "-o", str(out), *arguments).returncode == status
    root = ElementTree.fromstring(out.read_bytes())
    assert root.attrib["aria-label"] == words
    assert [rect.attrib["fill"] for rect in root.findall(".//{*}g/{*}rect")] == ["#444c56", color]
    first = out.read_bytes()
    run_netspec("badge", VGG16, "-o", str(out), *arguments)
    assert out.read_bytes() == first


def test_a_spec_with_errors_is_failing(tmp_path: Path) -> None:
    spec, out = tmp_path / "net.net", tmp_path / "badge.svg"
    spec.write_text("input 3x2x2\nconv7-8\n")
    assert run_netspec("badge", str(spec), "-o", str(out)).returncode == 1
    assert ElementTree.fromstring(out.read_bytes()).attrib["aria-label"] == "params: failing"
    assert run_netspec("badge", str(spec), "-o", "out.png").returncode == 2
    assert run_netspec("badge", VGG16, "-o", str(out), "--figure", "parms").returncode == 2


def test_texts_do_not_overflow() -> None:
    root = ElementTree.fromstring(badge("receptive field", "1.234G", "figure"))
    whole = sum(float(rect.attrib["width"]) for rect in root.findall(".//{*}g/{*}rect"))
    assert whole == float(root.attrib["width"])
    for text in root.findall(".//{*}text"):
        room, middle = float(text.attrib["textLength"]), float(text.attrib["x"])
        assert middle - room / 2 > 0
        assert middle + room / 2 < whole


@pytest.mark.parametrize(
    ("value", "text"), [(0, "0"), (999, "999"), (61_706, "61.71k"), (138_357_544, "138.4M"), (4_089_184_256, "4.089G")]
)
def test_counts_are_short(value: int, text: str) -> None:
    assert short(value) == text
