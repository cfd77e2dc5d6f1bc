"""The examples, which come with netspec: what the first comment of each says, and its published figures."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

__all__ = ["About", "Example", "about", "examples", "files_of", "folder", "names"]

_YEAR = re.compile(r"\b(?:1[89]|20)\d\d\b(?=[,)])"), re.compile(r"\b(?:1[89]|20)\d\d\b")
_TITLE = re.compile(r"(.+?),?(?: *[(:]|\.(?: |$)|$)")
_LONGEST = 60


@dataclass(frozen=True, slots=True)
class About:
    """What the comment at the top of a spec says: what the network is called, and where it was published."""

    title: str
    year: int | None
    paper: str


@dataclass(frozen=True, slots=True)
class Example:
    """An example: its name (`resnet50`), its figures, and the parameters of its net (`classes = 1000`)."""

    name: str
    about: About
    params: int
    macs: int
    parameters: str


def about(text: str, name: str) -> About:
    """Of a spec; the title is the name where the comment does not begin with a short one."""
    comment = _first_comment(text)
    year = next((found for pattern in _YEAR if (found := pattern.search(comment))), None)
    title, paper = _TITLE.match(comment), re.search(r'"([^"]+)"', comment)
    called = title[1] if title else name
    if len(called) > _LONGEST:
        called = called.partition(",")[0]
    return About(called if len(called) <= _LONGEST else name, int(year[0]) if year else None, paper[1] if paper else "")


def _first_comment(text: str) -> str:
    """The comment that a text begins with, in one line."""
    lines = []
    for line in text.splitlines():
        if not line.startswith("#"):
            break
        lines.append(line.lstrip("# ").rstrip())
    return " ".join(lines)


def folder() -> Path:
    """Where the examples are: in the installed package, or in a checkout beside it."""
    package = Path(__file__).resolve().parent
    return next(path for path in (package / "examples", package.parent / "examples") if path.is_dir())


def names() -> list[str]:
    """The examples that are networks; files that only declare blocks are used by others."""
    texts = {path.stem: path.read_text(encoding="utf-8") for path in folder().glob("*.net")}
    return sorted(name for name, text in texts.items() if re.search(r"(?m)^input\b", text))


def examples() -> Iterator[Example]:
    """Every example, by its name."""
    for name in names():
        text = (folder() / f"{name}.net").read_text(encoding="utf-8")
        params, macs = (_stated(text, figure) for figure in ("params", "macs"))
        header = re.search(r"(?m)^net \w+\((.*)\)$", text)
        yield Example(name, about(text, name), params, macs, header[1] if header else "")


def _stated(text: str, figure: str) -> int:
    """A figure that an example states as a number: its check verifies it."""
    found = re.search(rf"(?m)^expect {figure} == ([\d_]+)(?= *(?:#|$))", text)
    assert found is not None, f"an example states its {figure}"
    return int(found[1])


def files_of(name: str) -> list[Path]:
    """The file of an example, and those that it uses from its folder."""
    path = folder() / f"{name}.net"
    used = re.findall(r'(?m)^use "([^"]+)"', path.read_text(encoding="utf-8"))
    return [path, *(folder() / file for file in used)]
