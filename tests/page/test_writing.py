"""What is written in the page, and what it writes: the text, PyTorch source, pictures."""

from __future__ import annotations

from pathlib import Path

import pytest
from browsing import Watched, watched  # noqa: F401
from playwright.sync_api import Page, expect
from test_browser import opened, spec  # noqa: F401

pytestmark = pytest.mark.slow


def picture(tab: Page) -> str:
    tab.get_by_text("Download", exact=True).click()
    with tab.expect_download() as taken:
        tab.get_by_role("button", name="Picture").click()
    return Path(taken.value.path()).read_text(encoding="utf-8")


def test_a_picture_is_drawn_as_the_diagram(watched: Watched, spec: Path) -> None:
    with opened(watched, spec) as tab:
        tab.get_by_role("button", name="Close all").click()
        closed = picture(tab)
        assert "unit(8)" in closed
        assert ">relu<" not in closed
        assert ">params<" not in closed
        watched.item("unit(8) ×3").get_by_role("button", name="Open").click()
        tab.get_by_label("Color by").select_option("params")
        shown = picture(tab)
        assert ">relu<" in shown
        assert ">params<" in shown


def test_what_is_typed_replaces_several_lines(watched: Watched, spec: Path) -> None:
    """Without an error in the console: Chromium would write styles, which the policy refuses."""
    with opened(watched, spec) as tab:
        tab.locator(".cm-line", has_text="maxpool").click()
        tab.keyboard.press("Home")
        tab.keyboard.press("Shift+ArrowDown")
        tab.keyboard.press("Shift+ArrowDown")
        tab.keyboard.type("avgpool\ngap\n")
        expect(tab.locator(".cm-line")).to_contain_text(["unit(w) x3", "avgpool", "gap", "FC-10"])


def test_a_text_with_errors_has_no_pytorch_source(watched: Watched, spec: Path) -> None:
    with opened(watched, spec) as tab:
        tab.locator(".cm-line", has_text="maxpool").click()
        tab.keyboard.press("End")
        tab.keyboard.type("l")
        tab.get_by_role("tab", name="PyTorch").click()
        expect(tab.get_by_role("tabpanel")).to_have_text("No PyTorch code: there is no layer or block `maxpooll`")
