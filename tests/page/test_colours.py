"""The page has the colours of the files."""

from __future__ import annotations

import re

import pytest
from conftest import ROOT

from netspec.scene.theme import THEMES


@pytest.mark.parametrize("name", THEMES)
def test_the_page_has_the_colours_of_the_files(name: str) -> None:
    source = (ROOT / "viewer" / "src" / "theme.ts").read_text("utf-8")
    text = source[source.index(f"const {name}: Theme") :].split("};", 1)[0]
    theme = THEMES[name]
    there = {kind.strip('"'): pair for kind, *pair in re.findall(r'(\w+|"[\w ]+"): \["(#\w+)", "(#\w+)"\]', text)}
    assert {kind: tuple(pair) for kind, pair in there.items()} == {
        **theme.fills, "closed": theme.closed, "input": theme.strong, "output": theme.strong,
    }  # fmt: skip
    plain = dict(re.findall(r'(\w+): "(#\w+)"', text))
    for here, word in (
        ("background", "background"),
        ("ink", "ink"),
        ("faint", "faint"),
        ("wire", "wire"),
        ("frame", "frame"),
        ("frame_fill", "frameFill"),
    ):
        assert plain[word] == getattr(theme, here)
    scale = re.findall(r"\[(\d+), (\d+), (\d+)\]", text[text.index("scale") :])
    assert [tuple(map(int, colour)) for colour in scale] == list(theme.scale)
