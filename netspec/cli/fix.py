"""`netspec check --fix` and `--diff`: apply or show the safe fixes."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable

from netspec.cli.output import echo
from netspec.diagnostics import Diagnostic
from netspec.diagnostics.mending import mended, restore_line_ends
from netspec.model import Checked
from netspec.source import SourceFile

__all__ = ["fix_or_diff"]


def fix_or_diff(checked: Checked, check: Callable[[SourceFile], Checked], *, write: bool) -> Checked | None:
    """Writes the fixed text of what was checked and returns the check of that, or shows the difference. Raises SpecError
    (NS501)."""
    source, latest = checked.source, checked

    def findings(text: SourceFile) -> Iterable[Diagnostic]:
        nonlocal latest
        latest = checked if text is source else check(text)
        return latest.diagnostics

    new = mended(source, findings)
    if new.text == source.text:
        return None
    if not write or source.path is None:
        before, after = (s.text.splitlines(keepends=True) for s in (source, new))
        lines = difflib.unified_diff(before, after, source.name, f"{source.name} (fixed)")
        echo("".join(line if line.endswith("\n") else f"{line}\n" for line in lines), nl=False)
        return None
    from netspec.files import atomic_write

    original = source.path.read_bytes().decode("utf-8")
    with atomic_write(source.path) as file:
        file.write(restore_line_ends(original, source.text, new.text).encode())
    echo(f"{source.name}: fixed", err=True)
    return latest if latest.source is new else check(new)
