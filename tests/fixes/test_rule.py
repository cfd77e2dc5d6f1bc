"""What a rule must declare, and the order in which rules are tried."""

from __future__ import annotations

import pytest

from netspec.fixes.rule import Example, SyntaxRule, by_id


def rule(id_: str, priority: int = 50, examples: tuple[Example, ...] = (Example("a", "b"),)) -> SyntaxRule:
    return SyntaxRule(id=id_, title="t", why="w", priority=priority, examples=examples, match=lambda site: None)


def test_rules_are_in_order_of_priority_and_id() -> None:
    rules = [rule("NS101-b"), rule("NS101-c", 10), rule("NS101-a")]
    assert list(by_id(rules)) == list(by_id(reversed(rules))) == ["NS101-c", "NS101-a", "NS101-b"]


def test_a_declaration_that_is_wrong_raises() -> None:
    for wrong in ("NS101", "NS999-a", "NS101-A", "elif"):
        with pytest.raises(ValueError, match=wrong):
            rule(wrong)
    with pytest.raises(ValueError, match="no example"):
        rule("NS101-a", examples=())
    with pytest.raises(ValueError, match="two rules"):
        by_id([rule("NS101-a", 1), rule("NS101-a", 2)])
    with pytest.raises(TypeError):
        by_id([rule("NS101-a")])["NS101-b"] = rule("NS101-b")  # type: ignore[index]
