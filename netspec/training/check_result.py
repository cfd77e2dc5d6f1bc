"""What a check before training found."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["CheckResult"]


@dataclass(frozen=True)
class CheckResult:
    """One line of the verdict: what was checked, what was measured, what to do."""

    check: str
    measured: str
    fault: str = ""
    """The problem by its name; none where all is well."""
    advice: str = ""
    note: bool = False
    """Nothing wrong, but worth knowing."""

    @property
    def status(self) -> str:
        return "problem" if self.fault else "note" if self.note else "ok"
