"""The result of a sanity check."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["CheckResult"]


@dataclass(frozen=True)
class CheckResult:
    """One line of the output: the check, the measured values, and what to do."""

    check: str
    measured: str
    fault: str = ""
    """The name of the problem; empty if there is none."""
    advice: str = ""
    note: bool = False
    """Not a problem, but worth knowing."""

    @property
    def status(self) -> str:
        return "problem" if self.fault else "note" if self.note else "ok"
