"""Files that a recipe names."""

from __future__ import annotations

from pathlib import Path

from netspec.diagnostics import SpecError
from netspec.source import SourceFile

__all__ = ["beside"]


def beside(source: SourceFile, name: str, option: str) -> Path:
    """A file or folder that a spec names, which must be in its folder or below, since specs come from anywhere; elsewhere it is
    given by `option` on the command line. Raises SpecError (NS004)."""
    root = (source.path.parent if source.path is not None else Path()).resolve()
    path = (root / name).resolve()
    if root not in path.parents:
        raise SpecError.of(
            "NS004", f'"{name}" is outside the folder of the spec',
            notes=["a spec can only read files in its own folder and below"], helps=[f"give it on the command line: `{option}`"],
        )  # fmt: skip
    return path
