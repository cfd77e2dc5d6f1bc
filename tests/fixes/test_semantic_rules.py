"""Every example of a semantic rule: the mistake is found, the rule offers a fix that gives the right spec, and that checks."""

from __future__ import annotations

import random

import pytest

from netspec.diagnostics.mending import apply_fixes
from netspec.diagnostics.terminal import render_plain
from netspec.fixes import suggestion
from netspec.fixes.rule import SemanticRule, in_order
from netspec.fixes.rules import semantic_rules
from netspec.model import check
from netspec.source import SourceFile

EXAMPLES = [(rule, example.wrong, example.right) for rule in semantic_rules().values() for example in rule.examples]
NAMES = [f"{rule.id} {i}" for i, (rule, _, _) in enumerate(EXAMPLES)]


def rendered(text: str) -> list[str]:
    return [render_plain(diagnostic) for diagnostic in check(SourceFile(text)).diagnostics]


@pytest.mark.parametrize(("rule", "wrong", "right"), EXAMPLES, ids=NAMES)
def test_the_rule_gives_the_right_spec(rule: SemanticRule, wrong: str, right: str) -> None:
    found = check(SourceFile(wrong)).diagnostics
    mine = [(d, fix) for d in found for fix in d.fixes if fix.rule == rule.id]
    assert mine, [(str(d), d.helps, [fix.rule for fix in d.fixes]) for d in found]
    assert right in [apply_fixes(wrong, [fix]) for _, fix in mine], [apply_fixes(wrong, [fix]) for _, fix in mine]
    assert {d.code for d, _ in mine} == {rule.code}
    assert not [str(d) for d in check(SourceFile(right)).diagnostics if d.is_error or d.code == rule.code]


def test_two_rules_for_one_kind_of_facts_are_in_a_stated_order() -> None:
    """Rules that may speak of the same diagnostic have different priorities."""
    rules = list(semantic_rules().values())
    for i, one in enumerate(rules):
        for other in rules[i + 1 :]:
            if one.code == other.code and one.facts is other.facts:
                assert one.priority != other.priority, (one.id, other.id)


def test_the_order_in_which_rules_are_written_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    texts = [wrong for _, wrong, _ in EXAMPLES][::5]
    before = [rendered(text) for text in texts]
    shuffled = list(semantic_rules().values())
    random.Random(4).shuffle(shuffled)
    catalogue = {rule.id: rule for rule in in_order(shuffled)}
    monkeypatch.setattr(suggestion, "semantic_rules", lambda: catalogue)
    assert [rendered(text) for text in texts] == before
