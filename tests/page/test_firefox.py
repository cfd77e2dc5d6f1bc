"""The page in Firefox: an exported one and a live one, by pointer and by keyboard."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from firefox import Firefox
from serving import served
from test_browser import SPEC, exported

pytestmark = pytest.mark.slow
ITEMS = "[...document.querySelectorAll('[role=treeitem]')]"
DETAILS = "document.querySelector('.details').textContent"
PAINTED = """(() => {
  const canvas = document.querySelector(".diagram canvas");
  const pixels = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data;
  return new Set(new Uint32Array(pixels.buffer)).size;
})()"""
ARROW_LEFT = "\ue012"


@pytest.fixture(scope="module")
def firefox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Firefox]:
    found = Firefox(tmp_path_factory.mktemp("profile"))
    yield found
    found.close()


def item(name: str) -> str:
    return f"{ITEMS}.find((e) => e.textContent.includes('{name}'))"


def test_an_exported_page(firefox: Firefox, tmp_path: Path) -> None:
    """Search, fold, the panel and the picture; nothing is reported in the console."""
    firefox.goto(exported(tmp_path, "resnet18", "resnet34"))
    firefox.until("document.querySelector('.summary').textContent.includes('11,689,512 parameters')")
    assert firefox.value(PAINTED) > 20
    firefox.click("document.querySelector('[type=search]')")
    firefox.press("gap")
    firefox.until(f"{ITEMS}.length === 1")
    firefox.click(item("gap"))
    firefox.until(f"{DETAILS}.includes('512×1×1')")
    firefox.click("document.querySelector('[type=search]')")
    firefox.press("\ue003" * 3)
    firefox.until(f"{ITEMS}.length > 10")
    firefox.click(item("basic(128, 2)"))
    firefox.until(f"{item('basic(128, 2)')}.getAttribute('aria-selected') === 'true'")
    firefox.value("document.querySelector('[role=tree]').focus()")
    firefox.press(ARROW_LEFT)
    firefox.until(f"{item('basic(128, 2)')}.getAttribute('aria-expanded') === 'false'")
    assert firefox.wrong == []


def test_the_dark_theme_is_dark(firefox: Firefox, tmp_path: Path) -> None:
    """The scroll bars, too."""
    from PIL import Image

    firefox.goto(exported(tmp_path, "resnet18"))
    for name in ("Open all", "Dark"):
        firefox.click(f"[...document.querySelectorAll('button')].find((e) => e.textContent === '{name}')")
    firefox.until("document.documentElement.dataset.theme === 'dark'")
    firefox.screenshot(tmp_path / "dark.png")
    with Image.open(tmp_path / "dark.png") as shot:
        levels = shot.convert("L").histogram()
    assert sum(levels[240:]) < 0.01 * sum(levels)


def test_a_live_page(firefox: Firefox, tmp_path: Path) -> None:
    """What is typed is checked; an error appears and goes."""
    path = tmp_path / "small.net"
    path.write_text(SPEC)
    with served(Path(path.name), cwd=tmp_path) as server:
        firefox.goto(server.address)
        firefox.until("document.querySelector('.summary').textContent.includes('2,066 parameters')")
        line = "[...document.querySelectorAll('.cm-line')].find((e) => e.textContent === 'FC-10')"
        firefox.click(line)
        firefox.press("\ue010" + "0")  # End
        firefox.until("document.querySelector('.summary').textContent.includes('2,876 parameters')")
        firefox.press("\ue003" * 4 + "-")
        firefox.until("document.querySelector('.findings .error')")
        firefox.press("\ue003" + "-7")
        firefox.until("!document.querySelector('.findings .error')")
        firefox.goto("about:blank")
    assert firefox.wrong == []
