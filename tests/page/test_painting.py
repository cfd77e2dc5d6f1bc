"""What the canvas shows: after moves, where only the edges are painted, the same as when everything is painted anew."""

from __future__ import annotations

from pathlib import Path

import pytest
from browsing import Watched, watched  # noqa: F401
from conftest import ROOT
from playwright.sync_api import Page

import netspec
from netspec.elaborate.limits import Limits
from netspec.page.html import page, start_data
from netspec.server.spec_files import SpecFiles

pytestmark = pytest.mark.slow
MANY = "net Many\ninput 4\nconcat [ " + "; ".join([" -> ".join(["relu", "tanh"] * 8)] * 20) + " ]\nFC-2\n"
PIXELS = "document.querySelector('.diagram canvas').toDataURL()"
MOVE = """([dx, dy]) => {
  const canvas = document.querySelector(".diagram canvas");
  canvas.dispatchEvent(new WheelEvent("wheel", { deltaX: dx, deltaY: dy, bubbles: true, cancelable: true }));
  return new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)));
}"""
DIFFERENT = """async ([one, other]) => {
  const pixels = async (url) => {
    const image = new Image();
    image.src = url;
    await image.decode();
    const canvas = document.createElement("canvas");
    [canvas.width, canvas.height] = [image.width, image.height];
    const context = canvas.getContext("2d");
    context.drawImage(image, 0, 0);
    return context.getImageData(0, 0, image.width, image.height).data;
  };
  const [a, b] = [await pixels(one), await pixels(other)];
  let found = 0;
  for (let i = 0; i < a.length; i += 4) {
    const far = Math.max(...[0, 1, 2].map((k) => Math.abs(a[i + k] - b[i + k])));
    if (far > 90) found++; // more than where flat curves that overlap are smoothed in other pieces
  }
  return [found, a.length / 4];
}"""


def opened(tab: Page, tmp_path: Path, spec: Path) -> None:
    shown = SpecFiles({spec.name: spec}, Limits()).checked(spec.name)
    path = tmp_path / "page.html"
    path.write_text(page(start_data([shown]), "x"), encoding="utf-8")
    tab.goto(path.as_uri())
    tab.get_by_role("button", name="Open all").click()


@pytest.mark.parametrize("smaller", [0, 5, 8])
@pytest.mark.parametrize("name", ["googlenet", "many"])
def test_a_moved_drawing_is_the_drawing(watched: Watched, tmp_path: Path, name: str, smaller: int) -> None:
    """`smaller`: how often it is made smaller; from 5 on it is painted as from far away."""
    tab = watched.tab
    spec = ROOT / "examples" / f"{name}.net"
    if name == "many":
        spec = tmp_path / "many.net"
        spec.write_text(MANY)
        assert len(netspec.load(spec).graph.layers) > 300
    opened(tab, tmp_path, spec)
    tab.get_by_label("Color by").select_option("params")
    canvas = tab.locator(".diagram canvas").first
    canvas.press("1")
    for _ in range(smaller):
        canvas.press("-")
    start = tab.evaluate(PIXELS)
    for move in ((30, 70), (-12, 45), (55, -20), (-90, 33), (0, -61), (7, 0)):
        tab.evaluate(MOVE, move)
    moved = tab.evaluate(PIXELS)
    for theme in ("Dark", "Light"):
        tab.get_by_role("button", name=theme).click()
    tab.evaluate(MOVE, (0, 0))
    anew = tab.evaluate(PIXELS)
    different, pixels = tab.evaluate(DIFFERENT, [moved, anew])
    assert different <= pixels * 1e-4
    assert tab.evaluate(DIFFERENT, [start, anew])[0] > pixels * 1e-3
