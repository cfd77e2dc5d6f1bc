"""Labels in the text: where they are written, and where they are gone on from."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING

from netspec.diagnostics import Label, nearest
from netspec.elaborate.facts import LabelTwice
from netspec.elaborate.state import Frame
from netspec.source import SourceFile, Span
from netspec.syntax import tree as t
from netspec.syntax.tokens import masked

if TYPE_CHECKING:
    from netspec.elaborate.context import ElaborationContext

__all__ = ["labels_and_uses", "report_label_twice"]


def report_label_twice(run: ElaborationContext, label: t.Name, frame: Frame) -> None:
    """Reports a label that two layers have, with the name that the second should probably have."""
    source, name = label.span.source, label.text
    written, used = labels_and_uses(source)
    first = next((at for at in written.get(name, ()) if at != label.span.start), None)
    end = _end_of_braces(source, label.span.start)
    uses = [at for at in used.get(name, ()) if label.span.start < at < end]
    idle = [word for word in used if word not in written]
    alike = [word for word in idle if re.sub(r"\d+", "", word) == re.sub(r"\d+", "", name)]
    missing = alike[0] if alike else nearest(name, idle)
    free = missing or next(f"{name}_{n}" for n in range(2, 10**6) if f"{name}_{n}" not in frame.labels)
    if missing is not None:
        run.other_names.add(missing)
    run.error(
        "NS209", f"the label `{name}` is defined twice in one block", label.span,
        secondary=[Label(Span(source, first, first + len(name)), "first here")] if first is not None else [],
        facts=LabelTwice(label.span, tuple(uses), missing, free),
    )  # fmt: skip


@lru_cache(maxsize=4)
def labels_and_uses(source: SourceFile) -> tuple[dict[str, list[int]], dict[str, list[int]]]:
    """Where each label is written, and where each is gone on from, in the order of the text."""
    plain = masked(source.text)
    written: dict[str, list[int]] = {}
    used: dict[str, list[int]] = {}
    for found in re.finditer(r"(?m)(?:^|->|[;{\[])[ \t]*([A-Za-z_]\w*)[ \t]*:", plain):
        written.setdefault(found[1], []).append(found.start(1))
    for found in re.finditer(r"\bfrom[ \t]+([A-Za-z_]\w*)", plain):
        used.setdefault(found[1], []).append(found.start(1))
    return written, used


def _end_of_braces(source: SourceFile, at: int) -> int:
    """Where the braces around an offset end; the end of the text where there are none."""
    depth = 0
    for found in re.finditer(r"[{}]", masked(source.text[at:])):
        depth += 1 if found.group() == "{" else -1
        if depth < 0:
            return at + found.start()
    return len(source.text)
