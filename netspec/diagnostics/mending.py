"""Applying fixes to the text that they were made for."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from netspec.diagnostics import Diagnostic, Fix
from netspec.source import SourceFile

__all__ = ["apply_fixes", "mended", "restore_line_ends"]

_ROUNDS = 20


def apply_fixes(text: str, fixes: Iterable[Fix]) -> str:
    """The text with the edits of the fixes; of fixes that overlap the first is applied."""
    taken: list[tuple[int, int, str]] = []
    for fix in fixes:
        edits = [(edit.span.start, edit.span.end, edit.text) for edit in fix.edits]
        if any((start < e and s < end) or (start, end) == (s, e) for start, end, _ in edits for s, e, _ in taken):
            continue
        taken += edits
    for start, end, new in sorted(taken, reverse=True):
        text = text[:start] + new + text[end:]
    return text


def mended(source: SourceFile, findings: Callable[[SourceFile], Iterable[Diagnostic]]) -> SourceFile:
    """The source with every safe fix applied, checked again until none is left."""
    for _ in range(_ROUNDS):
        fixes = [
            fix
            for diagnostic in findings(source)
            for fix in diagnostic.fixes
            if fix.safe and all(edit.span.source is source for edit in fix.edits)
        ]
        text = apply_fixes(source.text, fixes)
        if text == source.text:
            break
        source = source.edited(text)
    return source


def restore_line_ends(original: str, before: str, after: str) -> str:
    """What was changed in a text that was read without its byte-order mark and with plain line ends, put back into
    the original: lines that stayed keep their ends, new ones take the end that the file uses most.
    """
    from difflib import SequenceMatcher

    mark = "\ufeff" if original.startswith("\ufeff") else ""
    whole = (
        original.removeprefix("\ufeff").replace("\r\n", "\r\n\0").replace("\r", "\r\0").replace("\r\0\n\0", "\r\n\0")
    )
    old = [part for piece in whole.split("\0") for part in piece.splitlines(keepends=True) if part]
    usual = "\r\n" if sum(line.endswith("\r\n") for line in old) * 2 > len(old) else "\n"
    plain, new = before.splitlines(keepends=True), after.splitlines(keepends=True)
    if len(plain) != len(old):
        return mark + after.replace("\n", usual)
    out: list[str] = []
    for tag, i, j, k, m in SequenceMatcher(None, plain, new, autojunk=False).get_opcodes():
        out += old[i:j] if tag == "equal" else [line.replace("\n", usual) for line in new[k:m]]
    return mark + "".join(out)
