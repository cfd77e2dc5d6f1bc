"""The gallery: every example in two styles, and the table of the examples in the docs."""

from __future__ import annotations

import re
import runpy
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pytest
from conftest import ROOT

LIBRARIES = {"lcn_blocks", "resnet_blocks"}
EXAMPLES = {p.stem for p in (ROOT / "examples").glob("*.net")} - LIBRARIES
SCRIPT = runpy.run_path(str(ROOT / "scripts" / "gallery.py"), run_name="gallery")


@pytest.mark.slow
def test_the_gallery_shows_every_example_in_two_styles(tmp_path: Path) -> None:
    SCRIPT["write"](tmp_path)
    page = (tmp_path / "index.html").read_text(encoding="utf-8")
    pictures = re.findall(r'<img loading="lazy" src="([^"]+)"', page)
    assert len(pictures) == 2 * len(EXAMPLES)
    assert set(pictures) == {p.name for p in tmp_path.glob("*.svg")}
    for name in pictures:
        assert ElementTree.fromstring((tmp_path / name).read_text(encoding="utf-8")).tag.endswith("svg")
    assert set(re.findall(r'<article id="([^"]+)"', page)) == EXAMPLES
    assert "61,706 parameters" in page
    assert "2015 · Deep Residual Learning for Image Recognition" in page


def test_the_table_of_examples_is_up_to_date() -> None:
    """`python scripts/gallery.py --index` writes it."""
    text = SCRIPT["INDEX"].read_text(encoding="utf-8")
    assert text == SCRIPT["index"]()
    assert set(re.findall(r"examples/(\w+)\.net", text)) == EXAMPLES
