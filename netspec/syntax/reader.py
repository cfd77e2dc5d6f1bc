"""Text → syntax tree: Lark's parse tree transformed into our own nodes, with spans."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Literal, NamedTuple, TypeVar

from lark import Token, Transformer, Tree
from lark.tree import Meta

from netspec.source import SourceFile, Span
from netspec.syntax import tree as t

__all__ = ["MAX_DEPTH", "TooDeep", "read"]

MAX_DEPTH = 100

_T = TypeVar("_T")
_OPERATORS = {
    "or_": "or", "and_": "and", "add": "+", "subtract": "-", "multiply": "*", "divide": "/",
    "floor_divide": "//", "modulo": "%", "power_": "**",
}  # fmt: skip
_LITERALS = {"INT": "int", "FLOAT": "float", "QUANTITY": "quantity", "SIZE": "size", "STRING": "string", "NONE": "none"}
_PARTS = frozenset(("start", "params", "names", "settings", "arguments", "width", "stride"))
"""Rules that are parts of the node above them, and no level of their own."""


class TooDeep(Exception):
    """Brackets or operators nest deeper than MAX_DEPTH."""

    def __init__(self, span: Span) -> None:
        self.span = span


def read(source: SourceFile, parsed: Tree[Token], place: Callable[[int], int] | None = None) -> t.File:
    """`place` gives the offset in the source of one in a text with repairs. Raises TooDeep."""
    reader = _Reader(source, place)
    deep = _too_deep(parsed)
    if deep is not None:
        raise TooDeep(reader.span_of(deep.meta))
    file: t.File = reader.transform(parsed)
    return file


def _too_deep(parsed: Tree[Token]) -> Tree[Token] | None:
    """The first part that is nested too deep; found without recursion, which such a tree would exhaust."""
    waiting = [(parsed, 0)]
    while waiting:
        part, above = waiting.pop()
        depth = above + (part.data not in _PARTS)
        if depth > MAX_DEPTH:
            return part
        waiting += [(child, depth) for child in reversed(part.children) if isinstance(child, Tree)]
    return None


class _Slot(NamedTuple):
    """What is written after the `-` or the `/` of a layer."""

    name: Literal["width", "stride"]
    value: t.Expr


class _Arguments(NamedTuple):
    """What is written in the parentheses of a layer; None where there are none."""

    values: tuple[t.Expr, ...] | None
    options: tuple[t.Option, ...]


class _Extents(NamedTuple):
    """The sizes of an input, and where they are written."""

    values: tuple[t.Expr, ...]
    span: Span


class _Reader(Transformer[Token, Any]):
    """A method for each rule of the grammar: it takes its span and its children, which are nodes already, or tokens."""

    def __init__(self, source: SourceFile, place: Callable[[int], int] | None) -> None:
        super().__init__(visit_tokens=False)
        self._source = source
        self._place = place

    def _call_userfunc(self, tree: Tree[Token], new_children: list[Any] | None = None) -> Any:
        """Calls the method of a rule as `v_args(meta=True, inline=True)` would, which takes three times as long."""
        children: list[Any] = tree.children if new_children is None else new_children
        if tree.data in _OPERATORS:
            left, right = children
            return t.Binary(_OPERATORS[tree.data], left, right, self.span_of(tree.meta))
        return getattr(self, tree.data)(self.span_of(tree.meta), *children)

    # Positions and words

    def span_of(self, part: Meta | Token) -> Span:
        start, end = (0, 0) if isinstance(part, Meta) and part.empty else (part.start_pos or 0, part.end_pos or 0)
        if self._place is not None:
            start, end = self._place(start), self._place(end)
        return Span(self._source, start, end)

    def _name(self, token: Token) -> t.Name:
        return t.Name(_text(token), self.span_of(token))

    def _expression(self, part: t.Expr | Token) -> t.Expr:
        if not isinstance(part, Token):
            return part
        if part.type == "NAME":
            return self._name(part)
        return t.Literal_(_LITERALS[part.type], _text(part), self.span_of(part))  # type: ignore[arg-type]

    # Expressions

    def literal(self, span: Span, token: Token) -> t.Expr:
        return self._expression(token)

    name = value = literal

    def fact(self, span: Span, owner: Token, field: Token, last: Token | None) -> t.Fact:
        if last is not None:
            return t.Fact(f"{_text(owner)}.{_text(field)}", _text(last), span)
        return t.Fact(_text(owner), _text(field), span)

    def comprehension(self, span: Span, value: t.Expr, *clauses: t.Clause) -> t.Comprehension:
        return t.Comprehension(value, clauses, span)

    def clause(self, span: Span, names: t.Unpack, items: t.Expr, condition: t.Expr | None) -> t.Clause:
        return t.Clause(names, items, condition, span)

    def slice(self, span: Span, start: t.Expr | None, stop: t.Expr | None, step: t.Expr | None) -> t.Slice:
        return t.Slice(start, stop, step, span)

    def element(self, span: Span, value: t.Expr, index: t.Expr | t.Slice) -> t.Element:
        return t.Element(value, index, span)

    def call(self, span: Span, name: Token, *arguments: Any) -> t.Call:
        values, options = _split(arguments)
        return t.Call(_text(name), values, options, self.span_of(name), span)

    def compare(self, span: Span, left: t.Expr, operator: Token, right: t.Expr) -> t.Binary:
        return t.Binary(str(operator), left, right, span)

    def not_(self, span: Span, operand: t.Expr) -> t.Unary:
        return t.Unary("not", operand, span)

    def negative(self, span: Span, operand: t.Expr) -> t.Unary:
        return t.Unary("-", operand, span)

    def ternary(self, span: Span, value: t.Expr, condition: t.Expr, otherwise: t.Expr) -> t.Conditional:
        return t.Conditional(value, condition, otherwise, span)

    def tuple(self, span: Span, *items: t.Expr) -> t.Sequence_:
        return t.Sequence_("tuple", items, span)

    def list(self, span: Span, *items: t.Expr) -> t.Sequence_:
        return t.Sequence_("list", items, span)

    def option(self, span: Span, name: Token, value: t.Expr) -> t.Option:
        return t.Option(_text(name), value, self.span_of(name), span)

    # Declarations

    def start(self, span: Span, *items: t.Item) -> t.File:
        return t.File(self._source, items)

    def param(self, span: Span, name: Token, default: t.Expr | None) -> t.Parameter:
        return t.Parameter(_text(name), default, span)

    def params(self, span: Span, *params: t.Parameter) -> Any:
        return params

    def net(self, span: Span, name: Token, params: Any = ()) -> t.Net:
        return t.Net(_text(name), params, span)

    def use(self, span: Span, path: Token, alias: Token | None, with_: Token | None) -> t.Use:
        library, name = path.type == "LIBRARY", _text(alias) if alias else None
        return t.Use(str(path)[1:-1], library, name, with_ is not None, self.span_of(path), span)

    def block(self, span: Span, name: Token, *rest: Any) -> t.Block:
        *params, body = rest
        return t.Block(_text(name), params[0] if params else (), body, self.span_of(name), span)

    def fn(self, span: Span, name: Token, params: Any, body: t.Expr) -> t.Function:
        return t.Function(_text(name), params, body, self.span_of(name), span)

    def shared(self, span: Span, name: Token, body: t.Body) -> t.Shared:
        return t.Shared(_text(name), body, self.span_of(name), span)

    # Statements

    def body(self, span: Span, *statements: t.Statement) -> t.Body:
        return t.Body(statements, span)

    def input(self, span: Span, name: Token | None, sizes: _Extents, *words: Token) -> t.Input:
        return t.Input(_text(name) if name else None, sizes.values, tuple(map(self._name, words)), sizes.span, span)

    def port(self, span: Span, *names: Token) -> t.Port:
        return t.Port(tuple(map(self._name, names)), span)

    def extents(self, span: Span, *parts: Token | t.Expr | None) -> _Extents:
        """Each size of an input; those in a tuple, in parentheses, and those written between them (`3x(w)xH`)."""
        values: list[t.Expr] = []
        for part in parts:
            if isinstance(part, Token):
                values += self._numbers_and_names(part)
            elif isinstance(part, t.Sequence_) and len(parts) == 1:
                values += part.items
            elif part is not None:
                values.append(part)
        return _Extents(tuple(values), span)

    def _numbers_and_names(self, token: Token) -> Iterator[t.Expr]:
        start = self.span_of(token).start
        for found in re.finditer(r"[^x×]+", token):
            span = Span(self._source, start + found.start(), start + found.end())
            number = found[0][0].isdigit()
            yield t.Literal_("int", found[0], span) if number else t.Name(found[0], span)

    def let(self, span: Span, name: Token, value: t.Expr) -> t.Let:
        return t.Let(_text(name), value, self.span_of(name), span)

    def default(self, span: Span, *parts: Token | t.Option) -> t.Default:
        names = tuple(self._name(p) for p in parts if isinstance(p, Token))
        return t.Default(names, _of(t.Option, parts), span)

    def expect(self, span: Span, condition: t.Expr) -> t.Expect:
        return t.Expect(condition, span)

    def fit(self, span: Span, mode: Token) -> t.Fit:
        return t.Fit(self._name(mode), span)

    def output(self, span: Span, name: Token) -> t.Output:
        return t.Output(_text(name), self.span_of(name), span)

    def aux(self, span: Span, *parts: Any) -> t.Aux:
        *options, body = parts
        return t.Aux(tuple(options), body, span)

    def train(self, span: Span, *settings: t.Setting) -> t.Train:
        return t.Train(settings, span)

    def settings(self, span: Span, *settings: t.Setting) -> Any:
        return settings

    def setting(self, span: Span, name: Token, *parts: Any) -> t.Setting:
        nested = parts[-1] if parts and isinstance(parts[-1], tuple) else None
        values, options = _split(parts if nested is None else parts[:-1])
        return t.Setting(_text(name), values, options, nested, self.span_of(name), span)

    # Flow

    def chain(self, span: Span, *steps: t.Step) -> t.Chain:
        return t.Chain(steps, span)

    def step(self, span: Span, label: Token | None, term: t.Term, times: t.Expr | None) -> t.Step:
        return t.Step(self._name(label) if label else None, term, times, span)

    def times(self, span: Span, count: t.Expr | Token) -> t.Expr:
        if isinstance(count, Token):
            return t.Literal_("int", str(count).lstrip("x× \t"), self.span_of(count))
        return count

    def from_(self, span: Span, label: Token, output: Token | None) -> t.From:
        where = self.span_of(label)
        if output is None:
            return t.From(_text(label), where, span)
        whole = Span(self._source, where.start, self.span_of(output).end)
        return t.From(f"{_text(label)}.{_text(output)}", whole, span)

    def residual(self, span: Span, *parts: Any) -> t.Residual:
        *options, body, otherwise = parts
        return t.Residual(tuple(options), body, "none" if isinstance(otherwise, Token) else otherwise, span)

    def dense(self, span: Span, body: t.Body) -> t.Dense:
        return t.Dense(body, span)

    def checkpoint(self, span: Span, body: t.Body) -> t.Checkpoint:
        return t.Checkpoint(body, span)

    def windows(self, span: Span, head: Token, *parts: Any) -> t.Windows:
        *written, body = parts
        text = span.source.text[span.start : body.span.start].rstrip()
        layer = self.layer(Span(span.source, span.start, span.start + len(text)), head, *written)
        return t.Windows(layer, body, span)

    def repeat(self, span: Span, count: t.Expr, counter: Token | None, body: t.Body) -> t.Repeat:
        return t.Repeat(count, _text(counter) if counter else None, body, span)

    def names(self, span: Span, *names: Token | t.Unpack) -> t.Unpack:
        return t.Unpack(tuple(self._name(n) if isinstance(n, Token) else n for n in names), span)

    def loop(self, span: Span, variables: t.Unpack, items: t.Expr, body: t.Body) -> t.For:
        return t.For(variables, items, body, span)

    def when(self, span: Span, condition: t.Expr, body: t.Body, otherwise: Any = None) -> t.If:
        return t.If(condition, body, otherwise, span)

    def join(self, span: Span, kind: Token, *parts: t.Option | t.Chain) -> t.Join:
        return t.Join(str(kind), _of(t.Option, parts), _of(t.Chain, parts), span)

    def fed(self, span: Span, layer: t.Layer, *branches: t.Chain) -> t.Fed:
        return t.Fed(layer, branches, span)

    def scalar(self, span: Span, value: t.Expr) -> t.Chain:
        return t.Chain((t.Step(None, t.Scalar(value, span), None, span),), span)

    def arguments(self, span: Span, *arguments: Any) -> _Arguments:
        return _Arguments(*_split(arguments))

    def width(self, span: Span, value: t.Expr | Token) -> _Slot:
        return _Slot("width", self._expression(value))

    def stride(self, span: Span, value: t.Expr | Token) -> _Slot:
        return _Slot("stride", self._expression(value))

    def layer(self, span: Span, head: Token, *parts: Any) -> t.Layer:
        (arguments,) = _of(_Arguments, parts) or (_Arguments(None, ()),)
        slots = dict(_of(_Slot, parts))
        values, options = _split(p for p in parts if not isinstance(p, (_Arguments, _Slot)))
        return t.Layer(
            _text(head), *arguments, slots.get("width"), slots.get("stride"), values, options, self.span_of(head), span
        )


def _of(kind: type[_T], parts: Iterable[Any]) -> tuple[_T, ...]:
    return tuple(p for p in parts if isinstance(p, kind))


def _split(parts: Iterable[t.Expr | t.Option]) -> tuple[tuple[t.Expr, ...], tuple[t.Option, ...]]:
    """Values, and options."""
    values: list[t.Expr] = []
    options: list[t.Option] = []
    for part in parts:
        if isinstance(part, t.Option):
            options.append(part)
        else:
            values.append(part)
    return tuple(values), tuple(options)


def _text(token: Token) -> str:
    return str(token).replace("×", "x") if token.type in ("NAME", "SIZE") else str(token)
