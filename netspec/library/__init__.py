"""The standard library: files of blocks in the wheel, which `use <resnet>` brings in whatever folder the spec is in."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from types import MappingProxyType

from netspec.source import SourceFile

__all__ = ["FOLDER", "blocks", "names", "source"]

FOLDER = Path(__file__).resolve().parent


@cache
def names() -> tuple[str, ...]:
    """What can stand between the angle brackets."""
    return tuple(sorted(path.stem for path in FOLDER.glob("*.net")))


def source(name: str) -> SourceFile | None:
    """A file of the library; None where there is none of that name."""
    if name not in names():
        return None
    path = FOLDER / f"{name}.net"
    return SourceFile(path.read_text(encoding="utf-8"), f"<{name}>", path, read_only=True)


@cache
def blocks() -> Mapping[str, str]:
    """The blocks of the library, each with the file that declares it. No two files declare one name: any can be used together."""
    found = {}
    for name in names():
        text = (FOLDER / f"{name}.net").read_text(encoding="utf-8")
        found.update(dict.fromkeys(re.findall(r"(?m)^block (\w+)", text), name))
    return MappingProxyType(found)
