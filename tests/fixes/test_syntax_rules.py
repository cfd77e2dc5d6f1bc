"""The rules of the syntax phase: each example gives its rule alone, and its fix the right text; no two rules of one
priority match one place, so that their order in a file means nothing."""

from __future__ import annotations

import random
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from netspec.diagnostics import Diagnostic, Diagnostics
from netspec.fixes import rules
from netspec.fixes.edits import apply_edits
from netspec.fixes.explain import explain_syntax
from netspec.fixes.rule import SyntaxRule, by_id
from netspec.model import check
from netspec.source import SourceFile
from netspec.syntax import parse
from netspec.syntax.error_site import ErrorSite, SyntaxFix

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "diagnostics"))
from cases import CASES
from edit_cases import EDIT_CASES

RULES = list(rules.syntax_rules().values())
TEXTS = [case.text for case in CASES] + [case.mistaken for case in EDIT_CASES] + [r.examples[0].wrong for r in RULES]


def found(text: str, folder: Path) -> tuple[Diagnostic, ...]:
    (folder / "blocks.net").write_text("block unit(w) { FC-w }\n")
    return check(SourceFile(text, "spec.net", folder / "spec.net")).diagnostics


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.id)
def test_the_example_gives_the_rule_and_its_fix_the_right_text(rule: SyntaxRule, tmp_path: Path) -> None:
    for example in rule.examples:
        (diagnostic,) = found(example.wrong, tmp_path)
        assert (diagnostic.rule, diagnostic.code) == (rule.id, rule.code)
        assert found(example.right, tmp_path) == ()
        fixed = [apply_edits(example.wrong, fix.edits) for fix in diagnostic.fixes]
        assert fixed == ([] if rule.applicability == "unsure" and not fixed else [example.right])
        assert [fix.applicability for fix in diagnostic.fixes] == [rule.applicability] * len(fixed)


def reported(text: str, seen: Callable[[ErrorSite], None] = lambda site: None) -> list[str]:
    """What the parser says of a text; `seen` is told every place at which it stops."""

    def explained(site: ErrorSite) -> SyntaxFix:
        seen(site)
        return explain_syntax(site)

    diagnostics = Diagnostics()
    parse(SourceFile(text), diagnostics, recover=True, explain=explained)
    return [f"{d} {d.rule} {d.helps}" for d in diagnostics]


@pytest.mark.slow
def test_no_two_rules_of_one_priority_match_one_place() -> None:
    for text in TEXTS:
        sites: list[ErrorSite] = []
        reported(text, sites.append)
        for site in sites:
            matching = [rule for rule in RULES if rule.match(site) is not None]
            first = [rule.id for rule in matching if rule.priority == matching[0].priority]
            assert len(first) < 2, f"{first} match\n{text}"


@pytest.mark.slow
def test_rules_of_one_priority_may_be_shuffled(monkeypatch: pytest.MonkeyPatch) -> None:
    before, shuffled = [reported(text) for text in TEXTS], RULES.copy()
    random.Random(12).shuffle(shuffled)
    order = {rule.id: rule for rule in sorted(shuffled, key=lambda rule: rule.priority)}
    assert list(order) != list(by_id(RULES))
    monkeypatch.setattr(rules, "syntax_rules", lambda: order)
    assert [reported(text) for text in TEXTS] == before
