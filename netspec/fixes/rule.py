"""A rule is a declaration: what it matches, what it says and does, and examples, which are its tests and its page."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from inspect import cleandoc
from types import MappingProxyType
from typing import TYPE_CHECKING, ClassVar, Literal, TypeVar

from netspec.diagnostics import CODES, Applicability, Fix

if TYPE_CHECKING:
    from netspec.fixes.fix_context import FixContext
    from netspec.syntax.error_site import ErrorSite, SyntaxFix

__all__ = ["Example", "Rule", "SemanticRule", "SyntaxRule", "by_id", "in_order", "semantic", "syntax_rule"]

_ID = re.compile(r"(NS\d{3})-[a-z0-9]+(?:-[a-z0-9]+)*")


@dataclass(frozen=True, slots=True)
class Example:
    """A text that the rule matches, and the text with its fix."""

    wrong: str
    right: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """What the rules of both phases declare. They are tried in the order of (priority, id), wherever they are written."""

    phase: ClassVar[Literal["syntax", "semantic"]]

    id: str
    """The code and a sub-code: `NS101-elif`."""
    title: str
    """What is wrong, in a few lower-case words."""
    why: str
    """The paragraph of its page."""
    priority: int
    applicability: Applicability = "review"
    examples: tuple[Example, ...]

    def __post_init__(self) -> None:
        found = _ID.fullmatch(self.id)
        if found is None or found[1] not in CODES:
            raise ValueError(f"`{self.id}` is not a registered code and a sub-code")
        if not self.examples:
            raise ValueError(f"`{self.id}` has no example")

    @property
    def code(self) -> str:
        return self.id.partition("-")[0]


@dataclass(frozen=True, slots=True, kw_only=True)
class SyntaxRule(Rule):
    """Explains one place of a text that cannot be parsed. The first rule that matches is the only one that speaks."""

    phase = "syntax"

    match: Callable[[ErrorSite], SyntaxFix | None]


def syntax_rule(
    id: str, title: str, *, wrong: str, right: str, priority: int = 50, applicability: Applicability = "review"
) -> Callable[[Callable[[ErrorSite], SyntaxFix | None]], SyntaxRule]:
    """Makes a rule of a function that matches; its docstring is the paragraph of the page."""

    def made(match: Callable[[ErrorSite], SyntaxFix | None]) -> SyntaxRule:
        why = " ".join((match.__doc__ or title).split())
        return SyntaxRule(
            id=id, title=title, why=why, priority=priority, applicability=applicability,
            examples=(Example(wrong, right),), match=match,
        )  # fmt: skip

    return made


@dataclass(frozen=True, slots=True, kw_only=True)
class SemanticRule(Rule):
    """Finds fixes for one diagnostic of a text that was parsed. It reads the typed facts of the diagnostic, never its
    words. Of all rules for a code the fixes are tried in order, and those that work are shown."""

    phase = "semantic"

    facts: type
    """The type of the facts that it reads; a diagnostic with other facts is not shown to it."""
    match: Callable[[FixContext], Iterator[Fix | str]]
    """Fixes, and helps (as text) that no edit can follow."""
    guess: bool = False
    """Whether its fixes are shown only where they fix the whole file, and only where fewer than a few others do."""

    def __call__(self, context: FixContext) -> Iterator[Fix | str]:
        """What it proposes, under its own name."""
        for found in self.match(context):
            yield replace(found, rule=self.id) if isinstance(found, Fix) else found


def semantic(
    id: str,
    facts: type,
    priority: int,
    *examples: tuple[str, str],
    title: str,
    guess: bool = False,
    applicability: Applicability = "review",
) -> Callable[[Callable[[FixContext], Iterator[Fix | str]]], SemanticRule]:
    """Declares a function as a semantic rule: its docstring is the text of the page."""

    def declare(match: Callable[[FixContext], Iterator[Fix | str]]) -> SemanticRule:
        return SemanticRule(
            id=id, title=title, why=cleandoc(match.__doc__ or ""), priority=priority, applicability=applicability,
            examples=tuple(Example(*example) for example in examples), facts=facts, match=match, guess=guess,
        )  # fmt: skip

    return declare


_AnyRule = TypeVar("_AnyRule", bound=Rule)


def by_id(rules: Iterable[_AnyRule]) -> MappingProxyType[str, _AnyRule]:
    """An immutable catalogue. Raises ValueError for an id that is used twice."""
    found: dict[str, _AnyRule] = {}
    for rule in in_order(rules):
        if rule.id in found:
            raise ValueError(f"two rules have the id `{rule.id}`")
        found[rule.id] = rule
    return MappingProxyType(found)


def in_order(rules: Iterable[_AnyRule]) -> list[_AnyRule]:
    return sorted(rules, key=lambda rule: (rule.priority, rule.id))
