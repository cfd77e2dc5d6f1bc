"""What a fix changes, as lines taken out and lines put in, where its title does not say the whole of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from netspec.diagnostics import Edit, Fix
from netspec.diagnostics.display import printable, width
from netspec.diagnostics.mending import apply_fixes

__all__ = ["draw_change"]

_MOST_LINES = 8


def draw_change(fix: Fix, columns: int, gutter: int, paint: Callable[[str, str], str]) -> list[str]:
    """The lines before and after the fix; none where its title holds the new text, or where they do not fit."""
    new_text = fix.edits[0].text.strip()
    if len(fix.edits) == 1 and new_text in fix.title and (len(new_text) != 1 or new_text.isalnum()):
        return []
    rows = list(_changed_lines(fix.edits))
    if len(rows) > _MOST_LINES or any(width(text) > columns - gutter - 3 for _, _, text in rows):
        return []
    return [
        f"{paint(str(number).rjust(gutter), 'frame')} {paint(f'{sign} {printable(text)}'.rstrip(), style)}"
        for number, sign, text in rows
        for style in ("old" if sign == "-" else "new",)
    ]


def _changed_lines(edits: tuple[Edit, ...]) -> Iterator[tuple[int, str, str]]:
    """(line, `-` or `+`, text) of the lines that edits change; lines in a row are shown together."""
    source = edits[0].span.source
    groups: list[tuple[int, int, list[Edit]]] = []
    for edit in sorted(edits, key=lambda edit: edit.span.start):
        first, last = (source.position(at)[0] for at in (edit.span.start, edit.span.end))
        if groups and first <= groups[-1][1] + 1:
            groups[-1] = (groups[-1][0], max(last, groups[-1][1]), [*groups[-1][2], edit])
        else:
            groups.append((first, last, [edit]))
    new = apply_fixes(source.text, [Fix("", edits)]).split("\n")
    shift = 0
    for first, last, group in groups:
        old = [source.line_text(number) for number in range(first, last + 1)]
        grown = sum(edit.text.count("\n") - edit.span.text.count("\n") for edit in group)
        start = first - 1 + shift
        fresh = new[start : start + len(old) + grown]
        while old and fresh and old[-1] == fresh[-1]:
            del old[-1], fresh[-1]
        while old and fresh and old[0] == fresh[0]:
            del old[0], fresh[0]
            first, start = first + 1, start + 1
        yield from ((first + i, "-", text) for i, text in enumerate(old))
        yield from ((start + 1 + i, "+", text) for i, text in enumerate(fresh))
        shift += grown
