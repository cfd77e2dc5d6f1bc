"""The catalogue of rules: one module per family, listed here, loaded where a spec has an error of their phase."""

from __future__ import annotations

from functools import cache
from types import MappingProxyType

from netspec.fixes.rule import Rule, SemanticRule, SyntaxRule, by_id

__all__ = ["all_rules", "semantic_rules", "syntax_rules"]


@cache
def syntax_rules() -> MappingProxyType[str, SyntaxRule]:
    """By id, in the order in which they are tried."""
    from netspec.fixes.rules.syntax import (
        brackets,
        foreign_syntax,
        formats,
        layers,
        lists,
        numbers,
        operators,
        recipes,
        statements,
    )

    families = (brackets, foreign_syntax, formats, layers, lists, numbers, operators, recipes, statements)
    return by_id(rule for family in families for rule in family.RULES)


@cache
def semantic_rules() -> MappingProxyType[str, SemanticRule]:
    """By id, in the order in which they are tried."""
    from netspec.fixes.rules import (
        bodies,
        branch_shapes,
        calls,
        expectations,
        heads,
        joins,
        kinds,
        names,
        options,
        recipes,
        sizes,
        widths,
    )

    families = (
        bodies, branch_shapes, calls, expectations, heads, joins, kinds, names, options, recipes, sizes, widths,
    )  # fmt: skip
    return by_id(rule for family in families for rule in family.RULES)


@cache
def all_rules() -> MappingProxyType[str, Rule]:
    rules: list[Rule] = [*syntax_rules().values(), *semantic_rules().values()]
    return by_id(rules)
