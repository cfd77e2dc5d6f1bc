"""Lists in expressions, held against Python's own: comprehensions, indices, slices and the functions of lists."""

from __future__ import annotations

import math
from typing import Any

import pytest

import netspec
from netspec.diagnostics import Diagnostics
from netspec.elaborate.expressions import Evaluator
from netspec.elaborate.limits import Limits
from netspec.elaborate.state import FileScope, Frame, Namer
from netspec.graph import Region
from netspec.source import SourceFile, Span
from netspec.syntax import parse

XS = [3, 1, 4, 1, 5, 9, 2, 6]
SAME = [
    "xs[0]", "xs[-1]", "xs[2:5]", "xs[:3]", "xs[3:]", "xs[:]", "xs[::2]", "xs[::-1]", "xs[-3:-1]", "xs[5:2]", "xs[10:]",
    "[x * 2 for x in xs]", "[x for x in xs if x > 3]", "[x + y for x in xs[:2] for y in range(3) if y != x]",
    "[(x if x > 3 else -x) for x in xs]", "[[x, y] for x, y in zip(xs[:2], xs[2:4])]",
    "[i * x for i, x in enumerate(xs)]", "[i * (a - b) for i, (a, b) in enumerate(zip(xs, xs[::-1]))]",
    "[x for x in [y + 1 for y in xs]]", "[x for x in [[1, 2], [3]][0]]",
    "sum([x for x in xs])", "len([x for x in xs if x == 1])", "max([x for x in xs])",
    "range(4)", "range(2, 9, 3)", "range(5, 0, -2)", "range(3, 3)", "enumerate([7, 8], 1)", "reversed(xs)", "zip([1], [2], [3])",
    "floor(log(8) / log(2) + 0.5)", "xs[sum(xs[:2]) + 1]",
]  # fmt: skip


def value(expression: str) -> Any:
    """What the language says of an expression."""
    source = SourceFile(f"let found = {expression}", "spec.net")
    tree = parse(source, Diagnostics())
    assert tree is not None
    frame = Frame(FileScope(), Region("net", "", "", None, Span(source, 0, 0)), Namer(set()))
    frame.names["xs"] = XS
    return Evaluator(Limits()).value(tree.items[0].value, frame)


@pytest.mark.parametrize("expression", SAME)
def test_it_is_what_python_computes(expression: str) -> None:
    names = {"xs": XS, "floor": math.floor, "log": math.log}
    expected = eval(expression, names)
    expected = list(expected) if isinstance(expected, (range, zip, enumerate, type(reversed([])))) else expected
    assert value(expression) == expected


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("linspace(0, 0.2, 5)", [0, 0.05, 0.1, 0.15, 0.2]), ("linspace(1, 9, 3)", [1, 5, 9]), ("linspace(2, 3, 1)", [2]),
        ("linspace(0, 1, 0)", []), ("exp(0)", 1), ("log(8, 2)", 3), ("0.1 * 0.15", 0.015), ("0.1 + 0.2", 0.3),
        ("3x5[0]", 3), ("(1, 2, 3)[1:]", (2, 3)),
    ],
)  # fmt: skip
def test_values(expression: str, expected: Any) -> None:
    assert value(expression) == expected


RATES = """
net N(drop = 0.3)
let depths = [1, 2, 3]
{}
block b(p) {{ residual droppath=p {{ conv1-4 }} }}
input 4x8x8
for s, n in enumerate(depths) {{ repeat n as i {{ b({}) }} }}
"""
SPELLINGS = {
    "a comprehension": ("let rates = [drop * i / 6 for i in range(sum(depths))]", "rates[sum(depths[:s]) + i]"),
    "a table by hand": ("let firsts = [0, 1, 3]", "drop * (firsts[s] + i) / 6"),
}


@pytest.mark.parametrize(("before", "rate"), SPELLINGS.values(), ids=SPELLINGS)
def test_rates_keep_their_formula_in_generated_source(before: str, rate: str) -> None:
    """The class takes the rate of the net, and makes those of the layers of it."""
    model = netspec.loads(RATES.format(before, rate))
    source = model.torch_source()
    assert "def __init__(self, drop: float = 0.3)" in source
    assert "drop * 2 / 6" in source
    rates = [round(node.op.p, 12) for node in model.graph.nodes if node.kind == "droppath"]
    assert rates == [0.05, 0.1, 0.15, 0.2, 0.25]
    module = model.to_torch()
    assert [round(m.p, 12) for m in module.modules() if hasattr(m, "p")] == rates
    other = netspec.loads(RATES.format(before, rate), drop=0.6)
    assert [round(node.op.p, 12) for node in other.graph.nodes if node.kind == "droppath"] == [r * 2 for r in rates]


@pytest.mark.parametrize(
    "text",
    [
        "let big = range(10**15)", "let big = range(0, 10**15, 2)", "let big = linspace(0, 1, 10**14)",
        "let big = [0 for i in range(500) for j in range(500)]", "let big = [i for i in range(100_000)]\nlet more = [i for i in big]\nlet yet = [i for i in more]",
        "let big = [range(90_000) for i in range(100)]", "for i in range(10**9) { conv1-4 }",
    ],
)  # fmt: skip
def test_what_is_too_large_is_refused_before_it_is_made(text: str) -> None:
    found = netspec.check(f"input 3x8x8\n{text}\nconv1-4\n").diagnostics
    assert [d.code for d in found if d.is_error] == ["NS005"]


def test_a_conditional_that_is_not_taken_is_not_computed() -> None:
    """Not for its value, and not for its formula."""
    found = netspec.check("let xs = [1, 2]\ninput 3x8x8\nconv1-(xs[0 if yes else range(10**15)[0]])\n")
    assert [d for d in found.diagnostics if d.is_error] == []


MISTAKES = {
    "out of range": ("xs[8]", "NS205", "`xs` has 8 items, 0 to 7; there is no item 8"),
    "out of range from the end": ("xs[-9]", "NS205", "`xs` has 8 items, 0 to 7; there is no item -9"),
    "of an empty list": ("[][0]", "NS205", "`[]` is empty: it has no item 0"),
    "no list": ("3[0]", "NS204", "`3` has no items: it is a whole number, 3"),
    "an index that is not whole": ("xs[0.5]", "NS204", "an index is a whole number, found a number, 0.5"),
    "a step of 0": ("xs[::0]", "NS205", "the step of a slice cannot be 0"),
    "a range with a step of 0": ("range(1, 5, 0)", "NS210", "the step of `range` cannot be 0"),
    "lists of two lengths": ("zip(xs, [1, 2])", "NS210", "`zip` needs lists of one length, found 8 and 2 items"),
    "a loop over a number": ("[i for i in 3]", "NS204", "`for` runs over a list, found a whole number"),
    "a condition that is a number": ("[i for i in xs if i]", "NS204", "a condition is yes or no, found a whole number"),
    "names for other items": ("[a + b for a, b in [(1, 2, 3)]]", "NS204", "2 names take 2 values at a time, found 3"),
    "a logarithm of 0": ("log(0)", "NS210", "`log` cannot take 0"),
    "too few values": ("linspace(0, 1)", "NS206", "`linspace` takes 3 values, found 2"),
    "too many values": ("range(1, 2, 3, 4)", "NS206", "`range` takes 1 to 3 values, found 4"),
    "no values": ("sum()", "NS206", "`sum` takes 1 value, found 0"),
    "an enumeration of a number": ("enumerate(3)", "NS210", "`enumerate` cannot take 3"),
}


@pytest.mark.parametrize(("expression", "code", "message"), MISTAKES.values(), ids=MISTAKES)
def test_mistakes(expression: str, code: str, message: str) -> None:
    text = f"let xs = {XS}\nlet found = {expression}\ninput 4\nlinear-(xs[0])\n"
    (found,) = [d for d in netspec.check(text).diagnostics if d.is_error]
    assert (found.code, found.message) == (code, message)
    assert found.span is not None
    assert found.span.line == 2
