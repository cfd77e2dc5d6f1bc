"""Edits that meet a check on its way, and what the diagram shows after them."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from browsing import Watched, watched  # noqa: F401
from playwright.sync_api import Route, expect
from test_browser import SPEC, opened, spec  # noqa: F401

import netspec

pytestmark = pytest.mark.slow
COLORS = """(() => {
  const canvas = document.querySelector(".diagram canvas");
  const pixels = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data;
  return new Set(new Uint32Array(pixels.buffer)).size;
})()"""


def test_a_fix_waits_for_the_check_of_what_was_typed(watched: Watched, spec: Path) -> None:
    """Its places are those of the text that was checked."""
    with opened(watched, spec) as tab:
        tab.locator(".cm-line", has_text="maxpool").click()
        tab.keyboard.press("End")
        tab.keyboard.type("l")
        fix = tab.get_by_role("list", name="Findings").get_by_role("button", name="Fix")
        expect(fix).to_be_visible()
        held: list[Route] = []
        free: list[bool] = []
        tab.route("**/api/check", lambda route: route.continue_() if free else held.append(route))
        tab.keyboard.press("Control+Home")
        tab.keyboard.type("# more\n")
        fix.click()
        expect(tab.locator(".cm-content")).to_contain_text("maxpooll")
        free.append(True)
        for route in held:
            route.continue_()
        expect(tab.get_by_role("list", name="Findings")).to_contain_text("line 11")
        fix.click()
        expect(tab.get_by_role("list", name="Findings")).to_have_count(0)
        expect(tab.locator(".cm-content")).not_to_contain_text("maxpooll")
        lines = [line.rstrip() for line in tab.locator(".cm-line").all_inner_texts()]
        assert lines == ["# more", *SPEC.split("\n")]


def test_a_text_with_a_byte_order_mark_is_checked(watched: Watched, spec: Path) -> None:
    with opened(watched, spec) as tab:
        tab.locator(".cm-content").click()
        tab.keyboard.press("Control+Home")
        tab.keyboard.insert_text("\ufeff")
        tab.locator(".cm-line", has_text="FC-10").click()
        tab.keyboard.press("End")
        tab.keyboard.type("0")
        wanted = netspec.loads(SPEC.replace("FC-10", "FC-100")).params
        expect(tab.locator(".summary")).to_contain_text(f"{wanted:,} parameters")


def test_a_drawing_that_became_small_is_in_view(watched: Watched, tmp_path: Path) -> None:
    path = tmp_path / "long.net"
    path.write_text("net Long\ninput 3x8x8\n" + "conv3-4 pad=1\nrelu\n" * 40)
    with opened(watched, path) as tab:
        tab.get_by_role("tree").focus()
        tab.keyboard.press("ArrowDown")
        tab.keyboard.press("End")
        tab.locator(".cm-content").click()
        tab.keyboard.press("Control+a")
        tab.keyboard.type("net Long\ninput 3x8x8\nconv3-5\n")
        expect(tab.get_by_role("treeitem")).to_have_count(3)
        tab.wait_for_function(f"{COLORS} > 20")


def test_the_view_stays_while_the_net_is_renamed(watched: Watched, tmp_path: Path) -> None:
    path = tmp_path / "long.net"
    path.write_text("net Long\ninput 3x8x8\n" + "conv3-4 pad=1\nrelu\n" * 40)
    picture = "document.querySelector('.diagram canvas').toDataURL()"
    with opened(watched, path) as tab:
        canvas = tab.locator(".diagram canvas").first
        before = tab.evaluate(picture)
        for _ in range(8):
            canvas.press("ArrowDown")
        tab.wait_for_function(f"old => {picture} !== old", arg=before)
        tab.locator(".cm-line", has_text="net Long").click()
        tab.wait_for_timeout(300)
        moved = tab.evaluate(picture)
        tab.keyboard.press("End")
        tab.keyboard.type("er")
        expect(canvas).to_have_attribute("aria-label", re.compile("Longer"))
        tab.wait_for_timeout(300)
        assert tab.evaluate(picture) == moved
