"""Expectations that do not hold (NS401, NS402): the figure that the network has."""

from __future__ import annotations

import re
from collections.abc import Iterator
from decimal import ROUND_HALF_EVEN, Decimal

from netspec.diagnostics import Fix
from netspec.elaborate.branches import way_to
from netspec.elaborate.facts import ExpectationFails, SeveralOutputs
from netspec.fixes.fix_context import FixContext, inserted, name_of
from netspec.fixes.matching import matching_fixes
from netspec.fixes.rule import semantic
from netspec.graph import TensorType
from netspec.source import Span
from netspec.syntax import tree as t

__all__ = ["RULES"]

_UNITS = {"K": 10**3, "M": 10**6, "G": 10**9, "B": 10**9}


@semantic(
    "NS401-figure",
    ExpectationFails,
    20,
    ("input 8\nFC-2\nexpect params == 16\n", "input 8\nFC-2\nexpect params == 18\n"),
    ("input 8\nFC-2000\nexpect params ~ 19K\n", "input 8\nFC-2000\nexpect params ~ 18K\n"),
    title="the network has another figure than was expected",
)
def figure(context: FixContext) -> Iterator[Fix]:
    """If the network is right, the figure is corrected."""
    facts: ExpectationFails = context.facts
    wrong, actual, operator = facts.wrong, facts.actual, facts.condition.operator
    if isinstance(actual, TensorType) and isinstance(wrong, t.Literal_) and operator == "==":
        yield _written(wrong.span, str(actual))
    if isinstance(actual, bool) or not isinstance(actual, int):
        return
    if isinstance(wrong, t.Literal_) and operator == "==":
        yield _written(wrong.span, f"{actual:_}")
    elif isinstance(wrong, t.Literal_) and operator == "~" and (text := _rounded(actual, wrong.text)):
        yield _written(wrong.span, text)
    elif isinstance(wrong, t.Literal_) and operator in ("<=", "<") and wrong is facts.condition.right:
        yield Fix.replace(wrong.span, _bound(actual), f"or raise the bound: `{_bound(actual)}`")
    elif isinstance(wrong, t.Binary) and operator == "==":
        yield from _factor(facts, wrong) if wrong.operator == "*" else ()
        if not re.search(r"[A-Za-z]", wrong.span.text):
            yield _written(wrong.span, f"{actual:_}")


def _factor(facts: ExpectationFails, product: t.Binary) -> Iterator[Fix]:
    """The number in a product with which it is what the network has."""
    for factor in (product.left, product.right):
        whole = isinstance(factor, t.Literal_) and factor.kind == "int" and isinstance(facts.wanted, int)
        rest = facts.wanted // max(1, int(factor.span.text.replace("_", ""))) if whole else 0
        if rest > 0 and facts.actual % rest == 0:
            yield _written(factor.span, str(facts.actual // rest))
            return


def _written(span: Span, text: str) -> Fix:
    return Fix.replace(span, text, f"if the network is right, write `{text}`")


def _rounded(actual: int, text: str) -> str:
    """A figure with the suffix and the digits that another is written with."""
    unit = _UNITS.get(text[-1], 1)
    if actual * 2 < unit:
        return f"{actual:_}"
    digits = len(text.rstrip("KMGB").partition(".")[2])
    step = Decimal(1).scaleb(-digits)
    return f"{(Decimal(actual) / unit).quantize(step, rounding=ROUND_HALF_EVEN)}{text[-1] if unit > 1 else ''}"


def _bound(actual: int) -> str:
    """A round figure a little above a number: `1.3M` for 1,208,146."""
    for suffix, unit in (("G", 10**9), ("M", 10**6), ("K", 10**3)):
        if actual >= unit:
            tenths = -(-actual * 10 // unit) + 1
            return f"{tenths // 10}.{tenths % 10}{suffix}" if tenths % 10 else f"{tenths // 10}{suffix}"
    return str(actual + 1)


@semantic(
    "NS401-option",
    ExpectationFails,
    30,
    ("input 1x8x8\nconv3-2\nexpect output == 2x8x8\n", "input 1x8x8\nconv3-2 pad=1\nexpect output == 2x8x8\n"),
    title="one option of one layer gives another shape than was expected",
    guess=True,
)
def option(context: FixContext) -> Iterator[Fix]:
    """Another padding, stride or width of one layer gives the expected shape."""
    facts: ExpectationFails = context.facts
    sizes = tuple(facts.wanted) if isinstance(facts.wanted, (tuple, list)) else (facts.wanted,)
    if facts.target is None or len(sizes) != len(facts.actual.shape) or not all(isinstance(n, int) for n in sizes):
        return
    goal = TensorType(facts.actual.layout, sizes)
    yield from matching_fixes(context, way_to(context.graph, facts.target), goal, "the network")


@semantic(
    "NS401-copies",
    ExpectationFails,
    35,
    (
        "input 8x4x4\nconv3-8 pad=1 x3\nFC-2\nexpect depth == 3\n",
        "input 8x4x4\nconv3-8 pad=1 x2\nFC-2\nexpect depth == 3\n",
    ),
    title="one copy too many or too few",
    guess=True,
)
def copies(context: FixContext) -> Iterator[Fix]:
    """With one copy more or less, or with `gap` before the first fully connected layer, every expectation holds."""
    for step in context.steps:
        times = step.step.times
        if times is not None:
            bare = times.span.text.strip("x× ()")
            for new in (
                (str(int(bare) - 1), str(int(bare) + 1)) if bare.isdigit() else (f"({bare} - 1)", f"({bare} + 1)")
            ):
                end = Span(times.span.source, step.step.term.span.end, step.span.end)
                yield Fix.replace(
                    end, f" x{new}", f"with `x{new}` instead of `{end.text.strip()}` at line {step.span.line} it holds"
                )
    dense = next((s for s in context.steps if name_of(s) in ("fc", "linear", "flatten") and not s.block), None)
    yield from inserted(dense, "gap") if dense is not None else ()


@semantic(
    "NS402-which-output",
    SeveralOutputs,
    20,
    ("input 8\nFC-4\noutput a\nFC-2\noutput b\nexpect output == 4\n", "input 8\nFC-4\noutput a\nFC-2\noutput b\nexpect shape(a) == 4\n"),
    title="`output` where there are several",
    guess=True,
)  # fmt: skip
def which_output(context: FixContext) -> Iterator[Fix]:
    """`shape(name)` is the shape of one of them."""
    facts: SeveralOutputs = context.facts
    for name in facts.names:
        yield Fix.replace(context.span, f"shape({name})", f"write `shape({name})`")


RULES = (figure, option, copies, which_output)
