"""Statements that could not be parsed: what they would have declared or computed is unknown, and silently so."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from netspec.diagnostics import Skipped
from netspec.elaborate.state import FAILED, UNKNOWN, BlockValue, Frame, Site
from netspec.syntax import tree as t

if TYPE_CHECKING:
    from netspec.elaborate.context import ElaborationContext

__all__ = ["declare_skipped", "run_skipped", "without_skipped"]

_QUIET = ("expect", "fit", "output", "net", "block", "fn", "let", "use", "train", "aux", "shared")
"""Statements after which the current tensor is what it was before."""


def _first_word(skipped: Skipped) -> str:
    found = re.match(r"\s*([A-Za-z_]\w*)", skipped.text)
    return found[1] if found else ""


def declare_skipped(run: ElaborationContext, file: t.File, frame: Frame) -> None:
    """Enters the names that left-out statements of the top level would have declared, so that their use is no error."""
    for (source, _), skipped in run.diagnostics.skipped.items():
        if source is not file.source:
            continue
        word = _first_word(skipped)
        named = re.match(r"\s*(?:block|fn|shared|use\b.*\bas)\s+([A-Za-z_]\w*)", skipped.text, re.DOTALL)
        if named and word == "fn":
            frame.names.setdefault(named[1], FAILED)
        elif named and named[1] not in frame.file.blocks:
            frame.file.blocks[named[1]] = BlockValue(named[1], (), (), frame, None, "floor", skipped.span, "missing")
        if word == "net":
            for name in re.findall(r"[A-Za-z_]\w*", skipped.text)[2:]:
                frame.names.setdefault(name, FAILED)
        if word == "use" and not named:
            run.unknown_blocks = True


def run_skipped(run: ElaborationContext, skipped: Skipped, frame: Frame) -> None:
    """What the statement would have left: its variables and labels are unknown, and the tensor after a layer is."""
    for name in re.findall(r"\blet\s+([A-Za-z_]\w*)", skipped.text):
        frame.names[name] = FAILED
    for label in re.findall(r"(?:^|->|[\s;{])([A-Za-z_]\w*)\s*:", skipped.text):
        frame.labels.setdefault(label, UNKNOWN)
        run.all_labels.add(label)
    word = _first_word(skipped)
    if word == "output":
        run.graph.outputs.append((skipped.text.split()[-1], -1))
    if word == "input":
        for label in re.findall(r"\binput\s+([A-Za-z_]\w*)", skipped.text):
            frame.labels[label] = UNKNOWN
        frame.labels.setdefault("input", UNKNOWN)
        frame.entry = UNKNOWN
    if word not in _QUIET:
        run.fail(Site(skipped.span, frame))


def without_skipped(run: ElaborationContext, train: t.Train) -> t.Train:
    """The recipe without the lines that could not be parsed."""

    def kept(settings: tuple[t.Setting, ...]) -> tuple[t.Setting, ...]:
        return tuple(
            t.Setting(s.name, s.values, s.options, kept(s.settings) if s.settings is not None else None, s.name_span, s.span)
            for s in settings
            if (s.span.source, s.span.start) not in run.diagnostics.skipped
        )  # fmt: skip

    return t.Train(kept(train.settings), train.span)
