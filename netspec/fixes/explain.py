"""What is said of a place that cannot be parsed: the first rule that matches it speaks."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from netspec.syntax.error_site import ErrorSite, SyntaxFix

__all__ = ["explain_syntax"]

_LONGEST = 2_000
"""Longer lines are not written by hand, and not looked at closely."""
_SHOWN = 40


def explain_syntax(site: ErrorSite) -> SyntaxFix:
    from netspec.fixes import rules
    from netspec.syntax.error_site import SyntaxFix

    for rule in rules.syntax_rules().values() if site.row.end - site.row.start <= _LONGEST else ():
        found = rule.match(site)
        if found is not None:
            return replace(
                found, message=found.message or rule.title, rule=rule.id,
                applicability=found.applicability or rule.applicability,
            )  # fmt: skip
    if site.here.text == '"':
        return SyntaxFix("this string does not end on its line")
    return SyntaxFix(f"unexpected {_shown(site)}", expected=True)


def _shown(site: ErrorSite) -> str:
    if site.here.kind == "edge":
        return "end of file"
    if site.terminal == "_NL":
        return "end of line"
    start = site.here.start if site.here.kind == "sign" else max(site.at, site.here.start)
    return f"`{site.text[start : min(site.here.end, start + _SHOWN)]}`"
