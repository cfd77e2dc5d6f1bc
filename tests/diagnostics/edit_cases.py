"""The cases of edits.txt: mistakes written by people who had the documentation alone, each with the right spec.

A case is `### name outcome codes`, then the spec: lines of the mistaken one begin with `-|`, those of the right one with
`+|`. Outcomes, the best first: `first`, the first edit that is offered gives the right spec; `right`, another one does;
`checks`, an edit gives a spec that checks; `found`, the mistake is found.
`python scripts/measure_fixes.py --record` writes outcomes and codes anew; read the difference before it is committed.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from netspec.diagnostics import Diagnostic
from netspec.diagnostics.mending import apply_fixes
from netspec.model import check
from netspec.source import SourceFile

__all__ = ["EDIT_CASES", "EditCase", "findings", "outcome_of", "record"]

_FILE = Path(__file__).resolve().parent / "edits.txt"


@dataclass(frozen=True, slots=True)
class EditCase:
    name: str
    outcome: str
    codes: tuple[str, ...]
    mistaken: str
    right: str

    def __str__(self) -> str:
        return self.name


def _case(part: str) -> EditCase:
    head, _, body = part.partition("\n")
    name, outcome, *codes = head.split()
    rows = body.rstrip("\n").split("\n")
    mistaken = "\n".join(row.removeprefix("-|") for row in rows if not row.startswith("+|"))
    right = "\n".join(row.removeprefix("+|") for row in rows if not row.startswith("-|"))
    return EditCase(name, outcome, tuple(codes), mistaken + "\n", right + "\n")


EDIT_CASES = [_case(part) for part in re.split(r"^### ", _FILE.read_text("utf-8"), flags=re.M)[1:]]


@cache
def findings(text: str) -> tuple[Diagnostic, ...]:
    return check(SourceFile(text, "spec.net")).diagnostics


def _plain(text: str) -> list[str]:
    """The lines without comments and without spaces that mean nothing."""
    rows = (" ".join(row.split("#")[0].split()) for row in text.splitlines())
    return [row for row in rows if row]


def outcome_of(case: EditCase) -> str:
    texts = [apply_fixes(case.mistaken, [fix]) for found in findings(case.mistaken) for fix in found.fixes]
    right = [_plain(text) == _plain(case.right) for text in texts]
    if any(right):
        return "first" if right[0] else "right"
    return "checks" if any(not any(d.is_error for d in findings(text)) for text in texts) else "found"


def record() -> None:
    text = _FILE.read_text("utf-8")
    for case in EDIT_CASES:
        codes = " ".join(d.code for d in findings(case.mistaken))
        text = re.sub(rf"^### {case.name} .*$", f"### {case.name} {outcome_of(case)} {codes}", text, flags=re.M)
    _FILE.write_text(text, "utf-8")


if __name__ == "__main__":
    record()
