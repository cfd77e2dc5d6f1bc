"""Where Pyodide comes from: the folder of the npm package, which is too large for ours."""

from __future__ import annotations

import json
from pathlib import Path

from netspec.diagnostics import SpecError

__all__ = ["FILES", "VERSION", "found"]

VERSION = "314.0.7"
"""That of the tests; another one of the same first number has the same Python."""
FILES = ("pyodide.mjs", "pyodide.asm.mjs", "pyodide.asm.wasm", "python_stdlib.zip", "pyodide-lock.json")
"""What the browser loads."""


def found(given: Path | None, folder: Path) -> tuple[Path, str]:
    """Pyodide's folder, given or in `node_modules` of a folder or one above it, and its version.

    Raises SpecError (NS502) where it is not there, is not whole, or has another Python.
    """
    near = [given] if given else [above / "node_modules" / "pyodide" for above in (folder, *folder.parents)]
    place = next((path for path in near if (path / "package.json").is_file()), None)
    if place is None:
        missing = (
            f"{given} is not the folder of Pyodide's npm package"
            if given
            else "Pyodide, which is Python for browsers, is not here"
        )
        raise SpecError.of("NS502", missing, helps=[_INSTALL])
    version = _version(place)
    if version.partition(".")[0] != VERSION.partition(".")[0]:
        message = (
            f"{place} is {f'Pyodide {version}' if version else 'another package'}, and the playground needs {VERSION}"
        )
        raise SpecError.of("NS502", message, helps=[_INSTALL])
    lost = [name for name in FILES if not (place / name).is_file()]
    if lost:
        raise SpecError.of("NS502", f"{place} lacks {', '.join(lost)}", helps=[_INSTALL])
    return place, version


_INSTALL = (
    f"run `npm install pyodide@{VERSION}` and this command again, in the same folder; or name the folder of the package "
    "with `--pyodide FOLDER`"
)


def _version(place: Path) -> str:
    """The version in the package's own words; empty where it is another package."""
    try:
        data = json.loads((place / "package.json").read_text(encoding="utf-8"))
        return str(data["version"]) if data["name"] == "pyodide" else ""
    except (OSError, ValueError, KeyError, TypeError):
        return ""
