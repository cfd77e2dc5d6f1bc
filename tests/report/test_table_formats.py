"""Tables as CSV, Markdown, HTML and LaTeX, read back by readers of others: csv, markdown-it, html.parser."""

from __future__ import annotations

import csv
import io
import re
from fractions import Fraction
from html.parser import HTMLParser

import pytest
from markdown_it import MarkdownIt

from netspec.report.table_formats import LONG, Entry, Heading, Row, Table, csv_text, html, latex, markdown

HEADINGS = (Heading("name", "layer"), Heading("params", "params", right=True), Heading("rf", "rf", right=True))
HOSTILE = "a_b|c *d* <script>&amp;`x`\\ $1$ [l](u) #~^{%}\x1b[31m"


def table(*rows: Row, title: str = "", notes: tuple[str, ...] = ()) -> Table:
    return Table(title, HEADINGS, rows, notes)


def row(name: str, value: int = 61090, **more: object) -> Row:
    return Row((Entry(name, name), Entry(f"{value:,}", value), Entry("7x3", (7, 3))), **more)  # type: ignore[arg-type]


class Cells(HTMLParser):
    """The texts of the cells, and every tag in order; fails on a tag that is not closed."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.tags: list[str] = []
        self.rows: list[list[str]] = []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: object) -> None:
        if tag == "br":
            return
        self.open.append(tag)
        self.tags.append(tag)
        if tag == "tr":
            self.rows.append([])
        if tag in ("td", "th"):
            self.rows[-1].append("")

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] in ("td", "th"):
            self.rows[-1][-1] += data


def shown(text: str) -> str:
    """A text with its control characters escaped, as every output shows it."""
    return text.replace("\x1b", "\\x1b")


def test_csv_has_the_values_not_their_texts() -> None:
    read = list(csv.reader(io.StringIO(csv_text(table(row("conv1"))))))
    assert read == [["name", "params", "rf"], ["conv1", "61090", "7x3"]]


@pytest.mark.parametrize(
    ("value", "cell"),
    [(None, ""), (0, "0"), (Fraction(1, 2), "0.5"), (Fraction(4), "4"), (2.5, "2.5"), ((Fraction(1, 2), 3), "0.5x3")],
)
def test_csv_values(value: object, cell: str) -> None:
    entries = (Entry("a", "a"), Entry("-", value), Entry("-", None))  # type: ignore[arg-type]
    assert list(csv.reader(io.StringIO(csv_text(table(Row(entries))))))[1] == ["a", cell, ""]


@pytest.mark.parametrize("name", ["=1+1", "+1", "-1", "@x"])
def test_csv_has_no_formulas(name: str) -> None:
    assert list(csv.reader(io.StringIO(csv_text(table(row(name))))))[1][0] == "'" + name


def test_csv_quotes() -> None:
    assert list(csv.reader(io.StringIO(csv_text(table(row('a,"b"\nc'))))))[1][0] == 'a,"b"\nc'


def _markdown_cells(text: str) -> list[list[str]]:
    return Cells(MarkdownIt("commonmark").enable("table").render(text)).rows


@pytest.mark.parametrize("name", ["conv1", HOSTILE, "a|b", "\\|", "__init__", "1. x", "漢字"])
def test_markdown_shows_every_text_as_it_is(name: str) -> None:
    cells = _markdown_cells(markdown(table(row(name), title=name, notes=(name,))))
    assert cells == [["layer", "params", "rf"], [shown(name), "61,090", "7x3"]]


def test_markdown_is_aligned_in_its_source() -> None:
    text = markdown(table(row("漢字"), row("conv1", 5), row("all", role="total")))
    assert text.splitlines() == [
        "| layer   |     params |      rf |",
        "| ------- | ---------: | ------: |",
        "| 漢字    |     61,090 |     7x3 |",
        "| conv1   |          5 |     7x3 |",
        "| **all** | **61,090** | **7x3** |",
    ]


@pytest.mark.parametrize("name", ["conv1", HOSTILE, '" onload="x', "</td></table><script>"])
def test_html_shows_every_text_as_it_is(name: str) -> None:
    read = Cells(html(table(row(name), title=name, notes=(name,))))
    assert read.rows == [["layer", "params", "rf"], [shown(name), "61,090", "7x3"], [shown(name)]]
    assert "script" not in read.tags


def test_html_needs_nothing_else() -> None:
    text = html(table(row("conv1", level=2), row("all", role="total")))
    assert "http" not in text
    assert '<td class="in2">conv1' in text
    assert '<tr class="total">' in text


def test_latex_escapes_and_rules() -> None:
    text = latex(table(row("a_b & 50% #1"), row("all", role="total"), title="LeNet"))
    assert text.splitlines() == [
        "% Packages: booktabs, textcomp.",
        "% LeNet",
        r"\begin{tabular}{@{}lrr@{}}",
        r"\toprule",
        r"layer & params & rf \\",
        r"\midrule",
        r"a\_b \& 50\% \#1 & 61,090 & 7$\times$3 \\",
        r"\midrule",
        r"all & 61,090 & 7$\times$3 \\",
        r"\bottomrule",
        r"\end{tabular}",
    ]


def test_latex_has_no_command_of_a_name() -> None:
    line = latex(table(row("\\input{/etc/passwd} [3] $x^2$"))).splitlines()[5]
    assert set(re.findall(r"\\[a-z]+", line)) == {r"\textbackslash", r"\textasciicircum", r"\times"}


def test_the_end_of_a_line_takes_no_option_from_the_next() -> None:
    assert "{}[3] &" in latex(table(row("[3]")))
    assert "{}*x &" in latex(table(row("*x")))


def test_long_tables_break_across_pages() -> None:
    assert r"\begin{longtable}" in latex(table(*[row("a")] * (LONG + 1)))
    assert r"\begin{tabular}" in latex(table(*[row("a")] * LONG))
