"""The sliders of the page, dragged."""

from __future__ import annotations

from pathlib import Path

import pytest
from browsing import Watched, watched  # noqa: F401
from playwright.sync_api import expect
from test_browser import opened, spec  # noqa: F401

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("name", ["w", "size"])
def test_a_slider_follows_the_pointer(watched: Watched, spec: Path, name: str) -> None:
    """Also after the answer to its first change, which moves neither its range nor the pointer's hold."""
    with opened(watched, spec) as tab:
        slider, summary = tab.get_by_role("slider", name=name), tab.locator(".summary")
        before, box = slider.get_attribute("max"), slider.bounding_box()
        assert box is not None
        y = box["y"] + box["height"] / 2
        tab.mouse.move(box["x"] + box["width"] / 2, y)
        tab.mouse.down()
        values = []
        for place in (0.75, 0.6, 0.9):
            old = summary.inner_text()
            tab.mouse.move(box["x"] + box["width"] * place, y)
            expect(summary).not_to_have_text(old)
            values.append(int(slider.input_value()))
            assert slider.get_attribute("max") == before
        tab.mouse.up()
    assert values[1] < values[0] < values[2]


def test_parameters_may_have_any_name(watched: Watched, tmp_path: Path) -> None:
    path = tmp_path / "named.net"
    path.write_text("net Named(constructor = 4, __proto__ = 3)\ninput 3x8x8\nconv3-constructor\nFC-__proto__\n")
    with opened(watched, path) as tab:
        for name, value in (("constructor", "4"), ("__proto__", "3")):
            expect(tab.get_by_role("slider", name=name)).to_have_value(value)
        tab.get_by_role("slider", name="__proto__").press("ArrowRight")
        expect(watched.item("FC")).to_contain_text("4 units")
