"""The configuration table of several networks for a terminal, as Markdown, HTML and LaTeX."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from types import MappingProxyType

from netspec.diagnostics.display import printable, width
from netspec.report.configuration import Band, Bracket, Cell, Configuration
from netspec.report.table_formats import html_text, latex_text, markdown_text

__all__ = ["WRITERS", "html", "latex", "markdown", "terminal"]

_GAP = 2
_HEADS = (Band(((),)), Band(((),)))
"""The names, and the numbers of layers: the first bands of a drawn table."""


# Terminal


def terminal(table: Configuration, columns: int = 80) -> str:
    """Columns as wide as their widest cell; more networks than fit are continued below."""
    return "\n".join("".join(f"{line.rstrip()}\n" for line in part) for part in _parts(table, columns))


def _parts(table: Configuration, columns: int) -> Iterator[list[str]]:
    cells = [_column(table, i) for i in range(len(table.names))]
    own = [i for i, band in enumerate((*_HEADS, *table.bands)) if not band.spans]
    widths = [max(width(line) for i in own for line in column[i]) for column in cells]
    label = max(width(band.label) for band in table.bands) if table.labeled else 0
    start = 0
    while start < len(widths):
        end, used = start + 1, label + _GAP * bool(label) + widths[start]
        while end < len(widths) and used + _GAP + widths[end] <= columns:
            used += _GAP + widths[end]
            end += 1
        yield list(_drawn(table, cells[start:end], widths[start:end], label))
        start = end


def _column(table: Configuration, i: int) -> list[list[str]]:
    """The lines of each band for one network, after those of its head; a spanning band is the same for all."""
    own = [_lines(band.cells[0 if band.spans else i]) for band in table.bands]
    return [[printable(table.names[i])], table.heads[i].split(" "), *own]


def _drawn(table: Configuration, cells: list[list[list[str]]], widths: list[int], label: int) -> Iterator[str]:
    lead = label + _GAP if label else 0
    spanning = [width(line) for i, band in enumerate(table.bands, len(_HEADS)) if band.spans for line in cells[0][i]]
    missing = max(spanning, default=0) - _total(widths)
    widths = [*widths[:-1], widths[-1] + max(0, missing)]
    whole = _total(widths)
    rule = "─" * (lead + whole)
    for number, band in enumerate((*_HEADS, *table.bands)):
        if number != 1:
            yield rule
        texts = [column[number] for column in cells]
        text = f"{band.label:<{lead}}" if table.labeled else ""
        height = len(texts[0]) if band.spans else max(map(len, texts))
        for row in range(height):
            shown = [lines[row] if row < len(lines) else "" for lines in texts]
            if band.spans:
                yield text + _centered(shown[0], whole)
            else:
                yield text + (" " * _GAP).join(_centered(s, w) for s, w in zip(shown, widths, strict=True))
            text = " " * lead if table.labeled else ""
    yield rule


def _total(widths: Sequence[int]) -> int:
    return sum(widths) + _GAP * (len(widths) - 1)


def _centered(text: str, room: int) -> str:
    free = room - width(text)
    return " " * (free // 2) + text + " " * (free - free // 2)


def _lines(cell: Cell) -> list[str]:
    lines: list[str] = []
    for line in cell:
        if isinstance(line, str):
            lines.append(printable(line))
            continue
        inside = [printable(text) for text in line.lines]
        room = max(map(width, inside))
        times = f" x{line.times}" if line.times > 1 else ""
        for i, text in enumerate(inside):
            after = times if i == (len(inside) - 1) // 2 else " " * len(times)
            lines.append(f"[ {text}{' ' * (room - width(text))} ]{after}")
    return lines


# Markdown


def markdown(table: Configuration) -> str:
    """GitHub-flavored Markdown. What all networks share is repeated in each column: there are no spanning cells."""
    rows = [["", *map(markdown_text, table.heads)]]
    for band in table.bands:
        cells = band.cells * len(table.names) if band.spans else band.cells
        rows.append([markdown_text(band.label), *("<br>".join(map(_markdown_line, cell)) for cell in cells)])
    head = ["", *(markdown_text(printable(name)) for name in table.names)]
    grid = [head, ["---", *[":-:"] * len(table.names)], *rows]
    first = 0 if table.labeled else 1
    return "".join(f"| {' | '.join(row[first:])} |\n" for row in grid)


def _markdown_line(line: str | Bracket) -> str:
    if isinstance(line, str):
        return markdown_text(printable(line))
    inside = printable(", ".join(line.lines))
    return markdown_text(f"[{inside}]") + (f" x{line.times}" if line.times > 1 else "")


# HTML

_CSS = (
    ".netspec-configuration{border-collapse:collapse;text-align:center}"
    ".netspec-configuration th,.netspec-configuration td{padding:3px 10px;border:1px solid;text-align:center;background:none}"
    ".netspec-configuration .label{text-align:left;white-space:nowrap}"
    ".netspec-configuration .block{display:inline-block;border:1px solid;border-width:0 1px;border-radius:4px;padding:0 6px;"
    "margin:2px 0;vertical-align:middle}"
)


def html(table: Configuration) -> str:
    """A fragment that needs nothing else, in ASCII."""
    labels = '<th class="label"></th>' if table.labeled else ""
    lines = [f"<style>{_CSS}</style>", '<table class="netspec-configuration">', "<thead>"]
    lines.append(f"<tr>{labels}{''.join(f'<th>{html_text(name)}</th>' for name in table.names)}</tr>")
    lines.append(f"<tr>{labels}{''.join(f'<th>{html_text(head)}</th>' for head in table.heads)}</tr>")
    lines += ["</thead>", "<tbody>"]
    for band in table.bands:
        label = f'<td class="label">{html_text(band.label)}</td>' if table.labeled else ""
        span = f' colspan="{len(table.names)}"' if band.spans else ""
        cells = (f"<td{span}>{'<br>'.join(map(_html_line, cell))}</td>" for cell in band.cells)
        lines.append(f"<tr>{label}{''.join(cells)}</tr>")
    return "\n".join((*lines, "</tbody>", "</table>\n")).encode("ascii", "xmlcharrefreplace").decode("ascii")


def _html_line(line: str | Bracket) -> str:
    if isinstance(line, str):
        return html_text(line)
    times = f" &times; {line.times}" if line.times > 1 else ""
    return f'<span class="block">{"<br>".join(map(html_text, line.lines))}</span>{times}'


# LaTeX


def latex(table: Configuration) -> str:
    """A `tabular` with the rules of booktabs. Its first line names the packages."""
    return "".join(f"{line}\n" for line in _latex_lines(table))


def _latex_lines(table: Configuration) -> Iterator[str]:
    n = len(table.names)
    yield "% Packages: booktabs, textcomp."
    yield f"\\begin{{tabular}}{{@{{}}{'l' if table.labeled else ''}{'c' * n}@{{}}}}"
    yield r"\toprule"
    yield _latex_row("", [latex_text(name) for name in table.names], table)
    for words in zip(*(head.split(" ") for head in table.heads), strict=True):
        yield _latex_row("", [latex_text(word) for word in words], table)
    for band in table.bands:
        yield r"\midrule"
        label = latex_text(band.label)
        for row in range(max(map(len, band.cells))):
            texts = [_latex_line(cell[row]) if row < len(cell) else "" for cell in band.cells]
            if band.spans:
                texts = [f"\\multicolumn{{{n}}}{{c}}{{{texts[0]}}}"]
            if row and any(isinstance(cell[row], Bracket) for cell in band.cells if row < len(cell)):
                yield r"\addlinespace"
            yield _latex_row(label, texts, table)
            label = ""
    yield r"\bottomrule"
    yield r"\end{tabular}"


def _latex_row(label: str, texts: Sequence[str], table: Configuration) -> str:
    cells = [label, *texts] if table.labeled else list(texts)
    return f"{' & '.join(cells)} \\\\"


def _latex_line(line: str | Bracket) -> str:
    if isinstance(line, str):
        return latex_text(line)
    inside = r" \\ ".join(f"\\mbox{{{latex_text(text)}}}" for text in line.lines)
    times = f"\\times {line.times}" if line.times > 1 else ""
    return f"$\\left[\\begin{{array}}{{@{{}}c@{{}}}}{inside}\\end{{array}}\\right]{times}$"


WRITERS = MappingProxyType({"markdown": markdown, "html": html, "latex": latex})
"""The writers of documents, by the name of their format."""
