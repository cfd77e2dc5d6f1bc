"""Several files in one page: each keeps its own text, values and checks."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

import pytest
from browsing import Watched, watched  # noqa: F401
from playwright.sync_api import Page, Route, expect
from serving import served

import netspec

pytestmark = pytest.mark.slow
WIDTHS = {"a": 8, "b": 16, "c": 32}
BLOCKS = "block unit(w) { conv3-w pad=1 -> relu }\n"


def text(name: str) -> str:
    return f'net {name.upper()}(w = {WIDTHS[name]})\nuse "blocks.net"\ninput 3x16x16\nunit(w)\ngap\nFC-10\n'


def summary(folder: Path, name: str) -> str:
    return f"{netspec.load(folder / f'{name}.net').params:,} parameters"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "blocks.net").write_text(BLOCKS)
    for name in WIDTHS:
        (tmp_path / f"{name}.net").write_text(text(name))
    return tmp_path


@contextlib.contextmanager
def opened(watched: Watched, folder: Path) -> Iterator[Page]:
    with served(*(Path(f"{name}.net") for name in WIDTHS), cwd=folder) as server:
        watched.tab.goto(server.address)
        yield watched.tab
        watched.tab.goto("about:blank")


def shown(tab: Page, name: str) -> None:
    tab.get_by_label("Spec", exact=True).select_option(f"{name}.net")


def typed(tab: Page, more: str) -> None:
    """At the end of the last layer."""
    tab.locator(".cm-line", has_text="FC-10").click()
    tab.keyboard.press("End")
    tab.keyboard.type(more)


def test_undo_never_brings_the_text_of_another_file(watched: Watched, folder: Path) -> None:
    with opened(watched, folder) as tab:
        typed(tab, "1")
        shown(tab, "b")
        tab.locator(".cm-content").click()
        tab.keyboard.press("Control+z")
        expect(tab.locator(".cm-content")).to_contain_text("net B")
        expect(tab.get_by_role("button", name="Saved")).to_be_disabled()
        shown(tab, "a")
        expect(tab.locator(".cm-content")).to_contain_text("FC-101")
        tab.locator(".cm-content").click()
        tab.keyboard.press("Control+z")
        expect(tab.locator(".cm-content")).not_to_contain_text("FC-101")
        expect(tab.locator(".cm-content")).to_contain_text("net A")


def test_values_that_are_tried_end_with_the_look_at_another_file(watched: Watched, folder: Path) -> None:
    with opened(watched, folder) as tab:
        slider = tab.get_by_role("slider", name="w")
        slider.press("ArrowRight")
        expect(tab.locator(".summary")).not_to_contain_text(summary(folder, "a"))
        shown(tab, "b")
        shown(tab, "a")
        expect(tab.locator(".summary")).to_contain_text(summary(folder, "a"))
        expect(slider).to_have_value("8")


def test_a_file_that_others_use_changes_all_of_them(watched: Watched, folder: Path) -> None:
    """Also one whose own text waits for an answer to a change on disk."""
    with opened(watched, folder) as tab:
        typed(tab, "0")
        (folder / "a.net").write_text(text("a").replace("FC-10", "FC-100\n"))
        expect(tab.get_by_role("button", name="Take it")).to_be_visible()
        tab.get_by_role("tab", name="PyTorch").click()
        expect(tab.get_by_role("tabpanel")).to_contain_text("kernel_size=3")
        (folder / "blocks.net").write_text(BLOCKS.replace("conv3-w pad=1", "conv5-w pad=2"))
        expect(tab.get_by_role("tabpanel")).to_contain_text("kernel_size=5")
        for name in WIDTHS:
            shown(tab, name)
            expect(tab.locator(".summary")).to_contain_text(summary(folder, name))


def test_what_was_typed_last_is_checked_in_each_file(watched: Watched, folder: Path) -> None:
    """A check that waits does not take the place of that of another file."""
    held: list[Route] = []
    free: list[bool] = []
    with opened(watched, folder) as tab:
        tab.route("**/api/check", lambda route: route.continue_() if free else held.append(route))
        for name, more in (("a", "00"), ("b", "0")):
            shown(tab, name)
            typed(tab, more)
        free.append(True)
        for route in held:
            route.continue_()
        for name, units in (("b", "100"), ("a", "1000")):
            shown(tab, name)
            wanted = folder / f"wanted_{name}.net"
            wanted.write_text(text(name).replace("FC-10", f"FC-{units}"))
            expect(tab.locator(".summary")).to_contain_text(summary(folder, f"wanted_{name}"))
