"""What a page is like without a mouse, and what axe-core finds in it. `npm ci` in viewer/ installs axe-core."""

from __future__ import annotations

import shutil
from functools import cache
from typing import Any

import pytest
from conftest import ROOT
from playwright.sync_api import Page

__all__ = ["both_themes", "violations", "walked"]

_MOST = 400
_REACHABLE = """() => {
  const found = [...document.querySelectorAll(
    "a[href], button:enabled, input:enabled, select:enabled, summary, [tabindex='0'], [contenteditable=true]")];
  const names = (group) => found.filter((e) => e.type === "radio" && e.name === group.name);
  return found.filter((e) => e.checkVisibility({ visibilityProperty: true }) && e.tabIndex >= 0)
    .filter((e) => e.type !== "radio" || e.checked || !names(e).some((other) => other.checked))
    .map((e) => (window.reached.has(e) ? "" : e.outerHTML.slice(0, 160))).filter(Boolean);
}"""
_START = """() => {
  window.reached = new Set();
  document.body.tabIndex = -1;
  document.body.focus();
  document.body.removeAttribute("tabindex");
}"""
_HERE = """async () => {
  const e = document.activeElement;
  if (!e || e === document.body) return null;
  if (e.closest(".cm-editor")) await new Promise((done) => setTimeout(done, 100)); // it marks its focus a moment later
  const again = window.reached.has(e);
  window.reached.add(e);
  const ring = (at) => { const s = getComputedStyle(at); return s.outlineStyle !== "none" && parseFloat(s.outlineWidth) >= 1; };
  const box = e.getBoundingClientRect();
  const [x, y] = [box.x + Math.min(box.width, innerWidth) / 2, box.y + Math.min(box.height, innerHeight) / 2];
  return {
    again, text: e.closest(".cm-editor") !== null, what: e.outerHTML.slice(0, 160),
    ring: ring(e) || (e.closest(".cm-editor") !== null && ring(e.closest(".cm-editor"))),
    seen: box.width > 0 && x >= 0 && y >= 0 && x <= innerWidth && y <= innerHeight,
  };
}"""


def walked(tab: Page) -> None:
    """Goes through the page with Tab: everything that can be used is reached, with a ring around it, within the window."""
    tab.evaluate(_START)
    without: list[Any] = []
    for _ in range(_MOST):
        tab.keyboard.press("Tab")
        here = tab.evaluate(_HERE)
        if here is None or here["again"]:
            break
        if not (here["ring"] and here["seen"]):
            without.append(here)
        if here["text"]:
            tab.keyboard.press("Escape")  # then Tab leaves the text
    missed = tab.evaluate(_REACHABLE)
    assert (without, missed) == ([], []), "without a ring, out of the window, or never reached"


@cache
def _axe() -> str:
    if shutil.which("npm") is None:
        pytest.skip("npm is not installed, and axe-core comes from it: accessibility is not tried")
    return (ROOT / "viewer" / "node_modules" / "axe-core" / "axe.min.js").read_text(encoding="utf-8")


def violations(tab: Page) -> list[str]:
    """What axe-core finds, in words."""
    if not tab.evaluate("'axe' in window"):
        tab.evaluate(f"() => {{ {_axe()} }}")
    found = tab.evaluate("axe.run(document, { resultTypes: ['violations'] }).then((r) => r.violations)")
    return [f"{v['id']}: {v['help']}: {n['html'][:200]} {n['failureSummary']}" for v in found for n in v["nodes"]]


def both_themes(tab: Page) -> None:
    """No violation, in the light and in the dark."""
    for theme in ("Dark", "Light"):
        assert violations(tab) == []
        tab.get_by_role("button", name=theme, exact=True).click()
