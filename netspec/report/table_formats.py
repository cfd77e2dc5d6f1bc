"""A table as a value, and what it looks like as CSV, Markdown, HTML and LaTeX.

Every writer is a function from a `Table` to a text that ends in a newline. Texts come from outside (names of layers, of
files): each writer escapes what its format would read as markup.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from types import MappingProxyType
from typing import Literal, NamedTuple, TypeAlias

from netspec.diagnostics.display import printable, width

__all__ = [
    "CSS",
    "WRITERS",
    "Entry",
    "Heading",
    "Row",
    "Table",
    "csv_text",
    "html",
    "html_table",
    "html_text",
    "latex",
    "latex_text",
    "markdown",
    "markdown_text",
]

Scalar: TypeAlias = "int | float | Fraction | str | None"
Value: TypeAlias = "Scalar | tuple[int | float | Fraction, ...]"


class Heading(NamedTuple):
    """The head of a column: `name` in CSV, `title` elsewhere. `right` is for numbers and sizes; `narrow` says what gives
    in a terminal that is too narrow: nothing, or the cells are folded into lines, or cut."""

    name: str
    title: str
    right: bool = False
    narrow: Literal["", "fold", "cut"] = ""


class Entry(NamedTuple):
    """A cell: as a reader sees it, the value behind it, and its style in a terminal (see `columns.painted`)."""

    text: str
    value: Value = None
    style: str = ""


class Row(NamedTuple):
    """`level` indents the first cell. `role` part is a sum over rows below it, total one over the whole table."""

    entries: Sequence[Entry]
    level: int = 0
    role: Literal["", "part", "total"] = ""


@dataclass(frozen=True, slots=True)
class Table:
    """Rows under headings, with a title above and notes below. Each row has one entry for each heading."""

    title: str
    headings: Sequence[Heading]
    rows: Sequence[Row]
    notes: Sequence[str] = ()

    def write(self, form: str) -> str:
        """The text in a format: csv, markdown, html or latex. Raises KeyError for another."""
        return WRITERS[form](self)

    def _repr_html_(self) -> str:
        return html(self)


def csv_text(table: Table) -> str:
    """RFC 4180, with the values as they are: `61090`, not `61,090`; sizes as `3x7x7`; empty where there is none.

    A cell that a spreadsheet would take for a formula (a name that begins with `=`, `+`, `-` or `@`) begins with an
    apostrophe.
    """
    import csv
    import io

    out = io.StringIO()
    rows = csv.writer(out, lineterminator="\n")
    rows.writerow([heading.name for heading in table.headings])
    for row in table.rows:
        rows.writerow([_csv_cell(entry) for entry in row.entries])
    return out.getvalue()


def _csv_cell(entry: Entry) -> str:
    value = entry.value
    if value is None:
        return ""
    if isinstance(value, tuple):
        return "x".join(map(_number, value))
    if not isinstance(value, str):
        return _number(value)
    text = printable(value)
    return f"'{text}" if text[:1] in ("=", "+", "-", "@") else text


def _number(value: float | Fraction) -> str:
    return repr(float(value)) if isinstance(value, Fraction) and value.denominator != 1 else str(value)


def _texts(row: Row, indent: str) -> list[str]:
    """The cells of a row as texts, the first with its level."""
    first, *rest = [printable(entry.text) for entry in row.entries]
    return [indent * row.level + first, *rest]


# Markdown


_MARKDOWN = re.compile(r"([\\`*_{}\[\]<>#|~$&])")


def markdown_text(text: str) -> str:
    """Text that Markdown shows as it is; underscores and asterisks between digits and letters too."""
    return _MARKDOWN.sub(r"\\\1", text.replace("\n", " "))


def markdown(table: Table) -> str:
    """A table of GitHub-flavored Markdown, its columns aligned in the source as well."""
    grid = [[markdown_text(heading.title) for heading in table.headings]]
    grid += [[_emphasized(cell, row) for cell in map(markdown_text, _texts(row, ""))] for row in table.rows]
    for cells, row in zip(grid[1:], table.rows, strict=True):
        cells[0] = "&nbsp;&nbsp;" * row.level + cells[0]
    widths = [max(3, *(width(cells[i]) for cells in grid)) for i in range(len(table.headings))]
    rule = ["-" * (w - 1) + ":" if h.right else "-" * w for h, w in zip(table.headings, widths, strict=True)]
    lines = [_markdown_line(cells, table.headings, widths) for cells in (grid[0], rule, *grid[1:])]
    title = [f"**{markdown_text(printable(table.title))}**", ""] if table.title else []
    notes = [line for note in table.notes for line in ("", markdown_text(printable(note)))]
    return "".join(f"{line}\n" for line in (*title, *lines, *notes))


def _emphasized(cell: str, row: Row) -> str:
    return f"**{cell}**" if row.role == "total" and cell else cell


def _markdown_line(cells: Sequence[str], headings: Sequence[Heading], widths: Sequence[int]) -> str:
    padded = []
    for cell, heading, room in zip(cells, headings, widths, strict=True):
        blank = " " * (room - width(cell))
        padded.append(blank + cell if heading.right else cell + blank)
    return f"| {' | '.join(padded)} |"


# HTML

# Twice the class: a notebook has rules of its own for the cells of every table.
CSS = (
    "table.netspec.netspec{border-collapse:collapse;font-variant-numeric:tabular-nums}"
    "table.netspec.netspec caption{text-align:left;font-weight:bold;padding:4px 0}"
    "table.netspec.netspec th,table.netspec.netspec td{padding:2px 10px;text-align:left;border:0;vertical-align:top;background:none}"
    "table.netspec.netspec thead th{border-bottom:1px solid}"
    "table.netspec.netspec .num{text-align:right;white-space:nowrap}"
    "table.netspec.netspec .part{font-weight:600}"
    "table.netspec.netspec .total td{border-top:1px solid;font-weight:bold}"
    "table.netspec.netspec .notes td{font-size:smaller;opacity:.75;max-width:60em}"
) + "".join(f"table.netspec.netspec td.in{level}{{padding-left:{10 + 16 * level}px}}" for level in range(1, 10))


def html_text(text: str) -> str:
    """Text that HTML shows as it is, also in attributes."""
    from html import escape

    return escape(printable(text)).replace("\n", "<br>")


def html(table: Table) -> str:
    """A fragment in ASCII that needs nothing else: a style for its own class, then the table. It inherits colors and fonts."""
    return f"<style>{CSS}</style>\n{html_table(table)}"


def html_table(table: Table) -> str:
    """The table alone, for a page that has the style."""
    lines = ['<table class="netspec">']
    if table.title:
        lines.append(f"<caption>{html_text(table.title)}</caption>")
    if any(heading.title for heading in table.headings):
        lines += ["<thead>", f"<tr>{_html_head(table.headings)}</tr>", "</thead>"]
    lines.append("<tbody>")
    lines += [_html_row(row, table.headings) for row in table.rows]
    lines.append("</tbody>")
    if table.notes:
        said = "<br>".join(map(html_text, table.notes))
        lines.append(f'<tfoot class="notes"><tr><td colspan="{len(table.headings)}">{said}</td></tr></tfoot>')
    return "\n".join((*lines, "</table>\n")).encode("ascii", "xmlcharrefreplace").decode("ascii")


def _html_head(headings: Sequence[Heading]) -> str:
    return "".join(f'<th scope="col"{_html_class(h)}>{html_text(h.title)}</th>' for h in headings)


def _html_class(heading: Heading) -> str:
    return ' class="num"' if heading.right else ""


def _html_row(row: Row, headings: Sequence[Heading]) -> str:
    cells = [
        f"<td{_html_class(heading)}>{html_text(entry.text)}</td>"
        for entry, heading in zip(row.entries, headings, strict=True)
    ]
    if row.level:
        cells[0] = f'<td class="in{min(row.level, 9)}">{html_text(row.entries[0].text)}</td>'
    role = f' class="{row.role}"' if row.role else ""
    return f"<tr{role}>{''.join(cells)}</tr>"


# LaTeX

_LATEX: Mapping[str, str] = MappingProxyType(
    {
        **{char: f"\\{char}" for char in "&%$#_{}"},
        "\\": r"\textbackslash{}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "<": r"\textless{}",
        ">": r"\textgreater{}", "|": r"\textbar{}", '"': r"\textquotedbl{}", "'": r"\textquotesingle{}",
        "`": r"\textasciigrave{}", "…": r"\ldots{}", "×": r"$\times$", "⌊": r"$\lfloor$", "⌋": r"$\rfloor$", "≤": r"$\le$",
        "≥": r"$\ge$", "✗": r"$\times$", "→": r"$\to$", "·": r"$\cdot$", "\n": " ",
    }
)  # fmt: skip
_SIZES = re.compile(r"(?<=\d)x(?=\d)")
LONG = 50
"""Tables with more rows break across pages (`longtable`)."""


def latex_text(text: str) -> str:
    """Text as LaTeX shows it; `3x7` with a multiplication sign."""
    escaped = "".join(_LATEX.get(char, char) for char in printable(text))
    return _SIZES.sub(lambda _: r"$\times$", escaped)


def latex(table: Table) -> str:
    """A `tabular` with the rules of booktabs, or a `longtable` for more than 50 rows. Its first line names the packages."""
    return "".join(f"{line}\n" for line in _latex_lines(table))


def _latex_lines(table: Table) -> Iterator[str]:
    long = len(table.rows) > LONG
    kind = "longtable" if long else "tabular"
    packages = ("booktabs", "longtable", "textcomp") if long else ("booktabs", "textcomp")
    yield f"% Packages: {', '.join(packages)}."
    if table.title:
        yield f"% {printable(table.title).replace(chr(10), ' ')}"
    spec = "".join("r" if heading.right else "l" for heading in table.headings)
    yield f"\\begin{{{kind}}}{{@{{}}{spec}@{{}}}}"
    yield r"\toprule"
    yield _latex_line([latex_text(heading.title) for heading in table.headings])
    yield r"\midrule"
    if long:
        yield r"\endhead"
    for row in table.rows:
        if row.role == "total":
            yield r"\midrule"
        cells = [latex_text(entry.text) for entry in row.entries]
        indent = f"\\hspace*{{{row.level}em}}" if row.level else ""
        yield _latex_line([indent + cells[0], *cells[1:]])
    yield r"\bottomrule"
    yield f"\\end{{{kind}}}"


def _latex_line(cells: Sequence[str]) -> str:
    """A line whose first cell cannot be read as an option of the `\\\\` before it."""
    first = f"{{}}{cells[0]}" if cells[0][:1] in ("[", "*") else cells[0]
    return f"{' & '.join((first, *cells[1:]))} \\\\"


WRITERS = MappingProxyType({"csv": csv_text, "markdown": markdown, "html": html, "latex": latex})
"""The writers by the name of their format."""
