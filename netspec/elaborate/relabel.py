"""A label that two layers have: what the second should be called, and which uses of it mean the second."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from netspec.diagnostics import Edit, Fix, Label, nearest
from netspec.elaborate.state import Frame
from netspec.source import Span
from netspec.syntax import tree as t

if TYPE_CHECKING:
    from netspec.elaborate.elaborator import Elaborator

__all__ = ["report_label_twice"]


def report_label_twice(run: Elaborator, label: t.Name, frame: Frame) -> None:
    """Reports it with the edits that rename: the label alone, with the use that follows it, with all that follow."""
    source, name = label.span.source, label.text
    text = source.text
    written = [m.start(1) for m in re.finditer(rf"(?m)(?:^|->|[;{{\\[])[ \t]*({name})[ \t]*:", text)]
    first = next((at for at in written if at != label.span.start), None)
    uses = [m.start(1) for m in re.finditer(rf"\bfrom[ \t]+({name})\b", text) if m.start(1) > label.span.start]
    known = set(re.findall(r"(?m)(?:^|->|[;{\[])[ \t]*([A-Za-z_]\w*)[ \t]*:", text))
    idle = [word for word in dict.fromkeys(re.findall(r"\bfrom[ \t]+([A-Za-z_]\w*)", text)) if word not in known]
    alike = [word for word in idle if re.sub(r"\d+", "", word) == re.sub(r"\d+", "", name)]
    missing = alike[0] if alike else nearest(name, idle)
    free = missing or next(f"{name}_{n}" for n in range(2, 10**6) if f"{name}_{n}" not in frame.labels)
    if missing is not None:
        run.other_names.add(missing)
    own = Edit(label.span, free)
    fixes = [Fix(f"call this one `{free}`", (own,))]
    for count, which in ((1, "the next `from`"), (len(uses), "what goes on from it below")):
        if missing is None and uses[:count] and count <= len(uses):
            edits = (own, *(Edit(Span(source, at, at + len(name)), free) for at in uses[:count]))
            fixes.append(Fix(f"call this one `{free}`, in {which} too", edits))
    run.error(
        "NS209", f"the label `{name}` is defined twice in one block", label.span,
        secondary=[Label(Span(source, first, first + len(name)), "first here")] if first is not None else [],
        fixes=fixes,
    )  # fmt: skip
