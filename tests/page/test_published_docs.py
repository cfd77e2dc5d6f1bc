"""The documentation as `scripts/site.py` publishes it: pages whose links lead somewhere, and which run nothing."""

from __future__ import annotations

import posixpath
import re
import runpy
from functools import cache
from html.parser import HTMLParser

import pytest
from conftest import ROOT

NAMES = [str(p.relative_to(ROOT / "docs").with_suffix("")) for p in sorted((ROOT / "docs").rglob("*.md"))]


@cache
def files() -> dict[str, bytes]:
    return runpy.run_path(str(ROOT / "scripts" / "site.py"))["documentation"]()


class Page(HTMLParser):
    """The links of a page, and the places that it names."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.links: list[str] = []
        self.places: list[str] = []
        self.tags: set[str] = set()
        self.styled: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        for name, value in attrs:
            if name in ("href", "src") and value and tag != "link":
                self.links.append(value)
            elif name == "id" and value:
                self.places.append(value)
            elif name == "style" and value:
                self.styled.append(value)


@cache
def page(name: str) -> Page:
    return Page(files()[name].decode())


def test_every_page_of_the_documentation_is_published() -> None:
    assert {f"docs/{name}.html" for name in NAMES} == {name for name in files() if name.endswith(".html")}


@pytest.mark.parametrize("name", NAMES)
def test_links_lead_somewhere(name: str) -> None:
    here = f"docs/{name}.html"
    assert len(page(here).links) > 15
    for link in page(here).links:
        target, _, place = link.partition("#")
        if re.match(r"https?:", link):
            continue
        file = posixpath.normpath(posixpath.join(posixpath.dirname(here), target)) if target else here
        if file == "index.html":
            assert not place or place.startswith("spec=") or (ROOT / "examples" / place).is_file(), link
        else:
            assert file in files(), link
            assert not place or place in page(file).places, link


@pytest.mark.parametrize("name", NAMES)
def test_pages_are_text_and_pictures(name: str) -> None:
    assert not page(f"docs/{name}.html").tags & {"script", "iframe", "object", "form"}
    assert not page(f"docs/{name}.html").styled, "the policy lets no style attribute in"
    assert "default-src 'none'; style-src 'sha256-" in files()[f"docs/{name}.html"].decode()
