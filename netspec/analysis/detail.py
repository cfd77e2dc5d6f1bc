"""One respect in which two layers differ."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Detail"]


@dataclass(frozen=True, slots=True)
class Detail:
    """`what` is an option, or `layer`, `input`, `output`, `weights`, `parameters`, `checkpoint`, `block`, or a parameter of
    a block; the values are text as the language has it. `matters` is False for how a part is written, which by itself makes
    no other network."""

    what: str
    before: str
    after: str
    matters: bool = True
