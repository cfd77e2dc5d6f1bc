"""A report as one HTML file that asks nobody for anything: no script, a style of its own, pictures in it."""

from __future__ import annotations

import hashlib
import re

from netspec.report.table_formats import CSS, Table, html_table, html_text
from netspec.scene.figure import Figure
from netspec.scene.svg import as_svg
from netspec.training.run_report import RunReport, Section

__all__ = ["as_page"]

_STYLE = """
:root { color-scheme: light dark; --ink: #1b1f24; --faint: #5b6570; --back: #ffffff; --line: #d5dade; --block: #f6f8fa }
body { margin: 0 auto; max-width: 64rem; padding: 1.5rem 1rem 4rem; font: 15px/1.5 system-ui, sans-serif;
  color: var(--ink); background: var(--back) }
h1 { font-size: 1.7rem; margin: 0 0 .2rem } h2 { font-size: 1.2rem; margin: 2.2rem 0 .6rem; border-top: 1px solid var(--line); padding-top: 1rem }
p { margin: .4rem 0 } .faint, nav { color: var(--faint) } nav { margin: 1rem 0; line-height: 1.9 } nav a { margin-right: .9rem; white-space: nowrap }
a { color: inherit } figure { margin: .8rem 0; overflow-x: auto } figure svg { max-width: 100%; height: auto; display: block }
.paper { background: #ffffff; border-radius: 4px; width: fit-content; max-width: 100% }
.table { overflow-x: auto; margin: .6rem 0 } td { overflow-wrap: anywhere }
pre { background: var(--block); padding: .8rem 1rem; overflow-x: auto; font: 13px/1.45 ui-monospace, monospace; border-radius: 4px }
.dark { display: none }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e6e9ec; --faint: #9aa5b1; --back: #16191d; --line: #48525c; --block: #1d2227 }
  .dark { display: block } .light { display: none }
}
@media print { h2 { break-after: avoid } figure, tr { break-inside: avoid } }
"""


def as_page(report: RunReport) -> str:
    """The page; its policy allows its style and the images in it alone."""
    style = _STYLE + CSS
    nonce = hashlib.sha256(style.encode()).hexdigest()[:32]
    policy = f"default-src 'none'; style-src 'nonce-{nonce}'; img-src data:; base-uri 'none'; form-action 'none'"
    title = html_text(f"{report.network}: report of {report.run}")
    links = "\n".join(f'<a href="#{_anchor(s)}">{html_text(s.title)}</a>' for s in report.sections)
    absent = [f"<h2>Left out</h2>\n<ul>{''.join(f'<li>{html_text(line)}</li>' for line in report.absent)}</ul>"]
    body = [
        f"<header>\n<h1>{html_text(report.network)}</h1>\n<p class=\"faint\">Report of the run {html_text(report.run)}</p>",
        f"{_table(report.facts)}\n<nav>\n{links}\n</nav>\n</header>\n<main>",
        *map(_section, report.sections), *(absent if report.absent else []), "</main>",
    ]  # fmt: skip
    head = [
        "<!doctype html>", '<html lang="en">', "<head>", '<meta charset="utf-8">',
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">', '<meta name="referrer" content="no-referrer">',
        '<link rel="icon" href="data:,">', f"<title>{title}</title>", f'<style nonce="{nonce}">{style}</style>', "</head>", "<body>",
    ]  # fmt: skip
    return "\n".join([*head, *body, "</body>", "</html>\n"])


def _anchor(section: Section) -> str:
    return re.sub(r"[^a-z]+", "-", section.title.lower())


def _section(section: Section) -> str:
    parts = [f'<section id="{_anchor(section)}">', f"<h2>{html_text(section.title)}</h2>"]
    parts += [_chart(light, dark) for light, dark in section.charts]
    parts += [f"<p>{html_text(line)}</p>" for line in section.lines]
    parts += [_table(table) for table in section.tables]
    parts += [f'<figure class="paper">{as_svg(picture)}</figure>' for picture in section.pictures]
    if section.code:
        parts.append(f"<pre>{_code(section.code)}</pre>")
    return "\n".join([*parts, "</section>"])


def _chart(light: Figure, dark: Figure) -> str:
    return f'<figure class="light">{as_svg(light)}</figure>\n<figure class="dark">{as_svg(dark)}</figure>'


def _table(table: Table) -> str:
    return f'<div class="table">{html_table(table)}</div>'


def _code(text: str) -> str:
    """With its lines and tabs, and what could turn the direction of the text or hide in it escaped."""
    return "\n".join("\t".join(html_text(piece) for piece in line.split("\t")) for line in text.splitlines())
