"""netspec explain"""

from __future__ import annotations

import re
import sys
from pathlib import Path

import click

from netspec.cli.output import colour_wanted, echo, echo_verbatim
from netspec.diagnostics import CODES, nearest

__all__ = ["all_pages", "command", "page"]

_PAGES = Path(__file__).resolve().parent.parent / "diagnostics" / "pages"
_ROOMS = {
    "NS0": "Files and limits",
    "NS1": "Syntax",
    "NS2": "Names and values",
    "NS3": "Shapes",
    "NS4": "Expectations and recipes",
    "NS5": "Backends and weights",
    "NS6": "Training",
    "NS9": "Lints",
}


@click.command("explain")
@click.argument("code", required=False)
@click.option("--markdown", is_flag=True, help="Print the pages of all codes as one document.")
def command(code: str | None, markdown: bool) -> None:
    """Explain a code: what it means, an example that fails, the same example mended.

    Without a CODE, list all of them.
    """
    if markdown:
        echo(all_pages(), nl=False)
    elif code is None:
        for known, title in CODES.items():
            echo(f"{known}  {title}")
    else:
        name = code.upper() if code.upper().startswith("NS") else f"NS{code}"
        if name not in CODES:
            near = nearest(name, CODES)
            raise click.UsageError(
                f"There is no code `{code}`."
                + (f" Did you mean `{near}`?" if near else " `netspec explain` lists them.")
            )
        echo_verbatim(_styled(page(name)) if colour_wanted(sys.stdout) else page(name), nl=False)


def page(code: str) -> str:
    """The page of a code, as Markdown."""
    return (_PAGES / f"{code}.md").read_text(encoding="utf-8")


def all_pages() -> str:
    """docs/errors.md: every page, by room."""
    out = [
        "# Findings",
        "",
        "Every finding has a code that keeps its meaning. `netspec explain CODE` prints its page; this document is made",
        "from the same pages by `netspec explain --markdown`. The tests run every example.",
    ]
    room = ""
    for code in CODES:
        if code[:3] != room:
            room = code[:3]
            out += ["", f"## {_ROOMS[room]}"]
        out += ["", f"##{page(code)}".rstrip("\n")]
    return "\n".join(out) + "\n"


def _styled(text: str) -> str:
    """The title and the code of an example stand out on a terminal; the fences are not shown."""
    lines, inside = [], False
    for line in text.splitlines():
        if line.startswith("```"):
            inside = not inside
        elif inside:
            lines.append(f"    {line}")
        elif line.startswith("# "):
            lines.append(click.style(line[2:], bold=True))
        else:
            lines.append(re.sub(r"`([^`]+)`", lambda m: click.style(m[1], fg="cyan"), line))
    return "\n".join(lines) + "\n"
