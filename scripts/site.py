"""Writes the site that is published: the playground with every example, and the documentation.

python scripts/site.py FOLDER [--pyodide FOLDER]      Pyodide is taken from viewer/node_modules unless it is named

Everything is a static file. Every complete spec in the documentation has a link that opens it in the playground.
"""

from __future__ import annotations

import argparse
import base64
import hashlib
import html
import json
import re
import sys
import zlib
from itertools import pairwise
from pathlib import Path

from markdown_it import MarkdownIt
from markdown_it.token import Token

from netspec.diagnostics import SpecError
from netspec.diagnostics.terminal import render
from netspec.playground.session import UNTITLED
from netspec.playground.site import build

ROOT = Path(__file__).resolve().parent.parent
FIRST = "resnet18"
"""The example that is shown first."""
_LABELS = {
    "tutorial": "Tutorial", "installation": "Installation", "language": "Language", "ops": "Layers", "figures": "Figures",
    "report": "Reports", "drawing": "Drawing", "view": "The page", "compare": "Comparing", "training": "Training", "inside": "Inside",
    "recipe": "Recipes", "backends": "Backends", "python": "Python", "errors": "Diagnostics", "gallery": "Gallery",
    "course/README": "Courses",
}  # fmt: skip
"""Short names of pages, in the order in which they are listed."""
_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src '{style_hash}'; img-src 'self' data:">
<link rel="icon" href="data:,">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title} - netspec</title>
<style>{style}</style>
</head>
<body>
<nav><a href="{up}../index.html"><b>netspec</b></a> {links}</nav>
<main>
{body}</main>
</body>
</html>
"""
_STYLE = """
:root { color-scheme: light dark; --ink: #1b1f24; --faint: #5b6570; --line: #d3d9df; --panel: #f6f8fa; --link: #0b6e99; --ground: #ffffff; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e6e9ec; --faint: #9aa5b1; --line: #333b43; --panel: #1d2227; --link: #7fd1f0; --ground: #16191d; }
  img { background: #ffffff; border-radius: 5px; }
}
body { margin: 0; font: 16px/1.55 Arimo, Arial, "Liberation Sans", Helvetica, sans-serif; color: var(--ink); background: var(--ground); }
nav { display: flex; flex-wrap: wrap; gap: 2px 14px; padding: 8px 16px; background: var(--panel); border-bottom: 1px solid var(--line); font-size: 14px; }
main { max-width: 820px; margin: 0 auto; padding: 8px 16px 60px; overflow-wrap: break-word; }
a { color: var(--link); }
nav a[aria-current] { color: var(--ink); font-weight: bold; text-decoration: none; }
code { font: 0.88em "DejaVu Sans Mono", Menlo, Consolas, monospace; background: var(--panel); border-radius: 3px; padding: 1px 3px; }
pre { background: var(--panel); border: 1px solid var(--line); border-radius: 5px; padding: 10px 12px; overflow-x: auto; margin-bottom: 6px; }
pre code { padding: 0; font-size: 13px; }
.try { font-size: 14px; margin: 0 0 16px; }
table { border-collapse: collapse; display: block; overflow-x: auto; }
th, td { border: 1px solid var(--line); padding: 3px 8px; text-align: left; vertical-align: top; }
.right { text-align: right; }
.center { text-align: center; }
img { max-width: 100%; height: auto; }
h2 { border-bottom: 1px solid var(--line); padding-bottom: 3px; margin-top: 36px; }
"""


def address(text: str) -> str:
    """The fragment that opens a spec in the playground, as `viewer/src/share.ts` reads it."""
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    shared = json.dumps({"file": UNTITLED, "text": text}, separators=(",", ":")).encode()
    data = packer.compress(shared) + packer.flush()
    return f"#spec={base64.urlsafe_b64encode(data).decode().rstrip('=')}"


def title(name: str) -> str:
    return (ROOT / "docs" / f"{name}.md").read_text("utf-8").splitlines()[0].lstrip("# ").replace("`", "")


PAGES = {**_LABELS, **{p.stem: title(p.stem) for p in sorted((ROOT / "docs").glob("*.md")) if p.stem not in _LABELS}}
"""The pages of the documentation; one without a short name is called by its title."""
COURSE = tuple(f"course/{p.stem}" for p in sorted((ROOT / "docs" / "course").glob("*.md")))
"""The pages of the courses, which the first of them lists."""


def rendered(name: str) -> str:
    """A page of the documentation as HTML."""
    markdown, up = MarkdownIt("commonmark").enable("table"), "../" * name.count("/")
    tokens = markdown.parse((ROOT / "docs" / f"{name}.md").read_text("utf-8"))
    for token, inner in pairwise(tokens):
        if token.type == "heading_open":
            token.attrSet("id", _slug(inner.content))
    for opened, inner, closed in zip(tokens, tokens[1:], tokens[2:], strict=False):
        if opened.type == "th_open" and not inner.content:  # a heading of nothing
            opened.tag = closed.tag = "td"
    for token in tokens:
        if align := token.attrs.pop("style", None):  # of a cell; the policy lets no style attribute in
            token.attrSet("class", str(align).rpartition(":")[2])
        for child in token.children or ():
            _resolve(child)
    parts = []
    for token in tokens:
        piece = markdown.renderer.render([token], markdown.options, {})
        parts.append(piece.replace("<pre>", '<pre tabindex="0">', 1))  # long lines can be scrolled by keyboard
        if token.type == "fence" and token.info.strip() == "net":
            target = f"{up}../index.html{address(token.content)}"
            parts.append(f'<p class="try"><a href="{target}">Open in the playground</a></p>\n')
    here = ' aria-current="page"'
    links = " ".join(
        f'<a href="{up}{n}.html"{here if n == name else ""}>{html.escape(label)}</a>' for n, label in PAGES.items()
    )
    style_hash = f"sha256-{base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()}"
    page = _PAGE.format(
        style_hash=style_hash, title=html.escape(title(name)), style=_STYLE, links=links, up=up, body="".join(parts)
    )
    return page


def _slug(heading: str) -> str:
    """The name of a heading in addresses, as GitHub has it."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


def _resolve(token: Token) -> None:
    """Points a link at the page of the site, and that of an example at the playground."""
    if token.type != "link_open":
        return
    target = str(token.attrGet("href"))
    if match := re.fullmatch(r"((?:\.\./|course/)?[\w-]+)\.md(#.*)?", target):
        token.attrSet("href", f"{match[1]}.html{match[2] or ''}")
    elif match := re.fullmatch(r"((?:\.\./)+)examples(?:/(\w+\.net))?", target):
        token.attrSet("href", f"{match[1]}index.html#{match[2]}" if match[2] else f"{match[1]}index.html")


def documentation() -> dict[str, bytes]:
    """The files of the documentation by their names in the site."""
    pages = {f"docs/{name}.html": rendered(name).encode() for name in dict.fromkeys((*PAGES, *COURSE))}
    pictures = {f"docs/pictures/{p.name}": p.read_bytes() for p in sorted((ROOT / "docs" / "pictures").glob("*.*"))}
    beside = {f"docs/{name}": (ROOT / "docs" / name).read_bytes() for name in ("report.schema.json", "schedules.svg")}
    return {**pages, **pictures, **beside}


def main(arguments: list[str]) -> int:
    """The exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--pyodide", type=Path, default=ROOT / "viewer" / "node_modules" / "pyodide")
    given = parser.parse_args(arguments)
    examples = sorted((ROOT / "examples").glob("*.net"), key=lambda path: (path.stem != FIRST, path.name))
    links = [(label, f"docs/{name}.html") for name, label in PAGES.items()]
    try:
        print(build(given.folder, examples, given.pyodide, links, documentation()))
    except SpecError as error:
        for diagnostic in error.diagnostics:
            print(render(diagnostic, color=False, columns=100), file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
