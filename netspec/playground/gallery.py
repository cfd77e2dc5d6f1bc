"""The specs of a playground: by name, with the files that they use, and what the gallery says about each."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from netspec.diagnostics import SpecError
from netspec.elaborate.limits import Limits
from netspec.elaborate.project import read_source, used_files
from netspec.gallery import about

__all__ = ["entry", "named"]


def named(specs: Iterable[Path], limits: Limits) -> dict[str, Path]:
    """The specs, and the files that they use, by their path below the folder that holds them all. Raises SpecError."""
    given = [Path(os.path.normpath(path.absolute())) for path in specs]
    root = Path(os.path.commonpath([path.parent for path in given]))
    found: dict[str, Path] = {}
    waiting = given[::-1]
    while waiting:
        path = waiting.pop()
        name = path.relative_to(root).as_posix()
        if name not in found:
            source = read_source(path, limits, name=name)
            found[name] = path
            if len(found) > limits.files:
                raise SpecError.of(
                    "NS005", f"a playground takes at most {limits.files} specs, with those that they use"
                )
            waiting += [used for used in used_files(source, limits)[::-1] if root in used.parents and used.is_file()]
    return found


def entry(document: dict[str, Any]) -> dict[str, Any]:
    """The row of a document in the gallery: what its first comment calls it, the first year there, and its figures."""
    network = document["network"]
    said = about(document["text"], network["name"] if network else document["file"].removesuffix(".net"))
    return {
        "file": document["file"],
        "title": said.title,
        "year": said.year,
        "params": network["parts"][0]["values"].get("params") if network else None,
        "layers": len(network["nodes"]) if network else None,
        "library": document["library"],
    }
