"""Bounds on what a spec may ask for. A spec is data from a stranger: each bound has a diagnostic and can be raised."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace

__all__ = ["LIMIT_NAMES", "SERVICE_LIMITS", "LimitReached", "Limits"]


@dataclass(frozen=True, slots=True)
class Limits:
    """`layers`: unrolled layers. `steps`: statements and expressions computed, beside those that layers take (20 each).
    `depth`: nesting of blocks and braces. `integer`: magnitude of a whole number. `bytes`: size of one file.
    `tokens`: words and signs of one file, comments left out. `files`: files read through `use`, beside the library. `errors`: errors after
    which the rest is not checked. `packages`: installed packages whose layers are loaded.

    With these values a spec is answered in about two seconds and 256 MB.
    """

    layers: int = 100_000
    steps: int = 200_000
    tokens: int = 30_000
    depth: int = 100
    integer: int = 10**15
    bytes: int = 1_048_576
    files: int = 100
    errors: int = 300
    packages: int = 20

    def raised(self, **values: int) -> Limits:
        return replace(self, **values)


LIMIT_NAMES = tuple(f.name for f in fields(Limits))

SERVICE_LIMITS = Limits(
    layers=10_000, steps=100_000, tokens=10_000, depth=50, bytes=65_536, files=0, errors=100, packages=0
)
"""For those who check the specs of strangers. No file is read through `use` but those of the library, and no code of a package."""


class LimitReached(Exception):
    """A bound is exceeded; elaboration stops there."""

    def __init__(self, name: str, bound: int, what: str) -> None:
        super().__init__(what)
        self.name, self.bound, self.what = name, bound, what

    @property
    def help(self) -> str:
        return f"the bound is {self.bound:,}; raise it with `--limit {self.name}=N` where the spec is trusted"
