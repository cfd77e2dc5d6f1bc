"""Text → syntax tree: Lark's parse tree read into our own nodes, with spans."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, TypeVar, cast

from lark import Token, Tree

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


class TooDeep(Exception):
    """Brackets or operators nest deeper than MAX_DEPTH."""

    def __init__(self, span: Span) -> None:
        self.span = span


def read(source: SourceFile, parsed: Tree[Token], place: Callable[[int], int] | None = None) -> t.File:
    """`place` gives the offset in the source of one in a text with repairs. Raises TooDeep."""
    reader = _Reader(source, place)
    return t.File(source, tuple(cast(t.Item, reader.node(child)) for child in _trees(parsed)))


def _trees(parsed: Tree[Token]) -> Iterator[Tree[Token]]:
    return (child for child in parsed.children if isinstance(child, Tree))


class _Reader:
    def __init__(self, source: SourceFile, place: Callable[[int], int] | None) -> None:
        self.source = source
        self.place = place
        self.depth = 0

    # Positions and dispatch

    def span(self, part: Tree[Token] | Token) -> Span:
        if isinstance(part, Token):
            start, end = part.start_pos or 0, part.end_pos or 0
        else:
            meta = part.meta
            start, end = (0, 0) if meta.empty else (meta.start_pos, meta.end_pos)
        if self.place is not None:
            start, end = self.place(start), self.place(end)
        return Span(self.source, start, end)

    def node(self, part: Any) -> Any:
        if part is None:
            return None
        if isinstance(part, Token):
            return self.token(part)
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise TooDeep(self.span(part))
        try:
            operator = _OPERATORS.get(part.data)
            if operator:
                left, right = part.children
                return t.Binary(operator, self.node(left), self.node(right), self.span(part))
            return getattr(self, part.data)(part, *part.children)
        finally:
            self.depth -= 1

    def token(self, token: Token) -> t.Expr:
        span = self.span(token)
        if token.type == "NAME":
            return t.Name(_text(token), span)
        return t.Literal_(_LITERALS[token.type], _text(token), span)  # type: ignore[arg-type]

    def name_of(self, token: Token) -> t.Name:
        return t.Name(_text(token), self.span(token))

    def all(self, parts: list[Any], kind: type[_T]) -> tuple[_T, ...]:
        return tuple(n for n in (self.node(p) for p in parts) if isinstance(n, kind))

    # Expressions

    def literal(self, part: Tree[Token], token: Token) -> t.Expr:
        return self.token(token)

    value = literal

    def name(self, part: Tree[Token], token: Token) -> t.Name:
        return self.name_of(token)

    def fact(self, part: Tree[Token], owner: Token, field: Token) -> t.Fact:
        return t.Fact(_text(owner), _text(field), self.span(part))

    def call(self, part: Tree[Token], name: Token, *arguments: Any) -> t.Call:
        values, options = self.arguments_of(arguments)
        return t.Call(_text(name), values, options, self.span(name), self.span(part))

    def compare(self, part: Tree[Token], left: Any, operator: Token, right: Any) -> t.Binary:
        return t.Binary(str(operator), self.node(left), self.node(right), self.span(part))

    def not_(self, part: Tree[Token], operand: Any) -> t.Unary:
        return t.Unary("not", self.node(operand), self.span(part))

    def negative(self, part: Tree[Token], operand: Any) -> t.Unary:
        return t.Unary("-", self.node(operand), self.span(part))

    def ternary(self, part: Tree[Token], value: Any, condition: Any, otherwise: Any) -> t.Conditional:
        return t.Conditional(self.node(value), self.node(condition), self.node(otherwise), self.span(part))

    def tuple(self, part: Tree[Token], *items: Any) -> t.Sequence_:
        return t.Sequence_("tuple", tuple(self.node(i) for i in items), self.span(part))

    def list(self, part: Tree[Token], *items: Any) -> t.Sequence_:
        return t.Sequence_("list", tuple(self.node(i) for i in items if i is not None), self.span(part))

    def option(self, part: Tree[Token], name: Token, value: Any) -> t.Option:
        return t.Option(_text(name), self.node(value), self.span(name), self.span(part))

    def arguments_of(self, parts: Any) -> Any:
        nodes = [self.node(p) for p in parts if p is not None]
        return (
            tuple(n for n in nodes if not isinstance(n, t.Option)),
            tuple(n for n in nodes if isinstance(n, t.Option)),
        )

    # Declarations

    def param(self, part: Tree[Token], name: Token, default: Any) -> t.Parameter:
        return t.Parameter(_text(name), self.node(default), self.span(part))

    def params(self, part: Tree[Token] | None) -> Any:
        return tuple(self.node(p) for p in _trees(part)) if part is not None else ()

    def net(self, part: Tree[Token], name: Token, params: Any = None) -> t.Net:
        return t.Net(_text(name), self.params(params), self.span(part))

    def use(self, part: Tree[Token], path: Token, alias: Token | None) -> t.Use:
        return t.Use(str(path)[1:-1], _text(alias) if alias else None, self.span(path), self.span(part))

    def block(self, part: Tree[Token], name: Token, *rest: Any) -> t.Block:
        params = self.params(rest[0]) if len(rest) > 1 else ()
        return t.Block(_text(name), params, self.node(rest[-1]), self.span(name), self.span(part))

    def fn(self, part: Tree[Token], name: Token, params: Any, body: Any) -> t.Function:
        return t.Function(_text(name), self.params(params), self.node(body), self.span(name), self.span(part))

    def shared(self, part: Tree[Token], name: Token, body: Any) -> t.Shared:
        return t.Shared(_text(name), self.node(body), self.span(name), self.span(part))

    # Statements

    def body(self, part: Tree[Token], *statements: Any) -> t.Body:
        return t.Body(tuple(self.node(s) for s in statements if s is not None), self.span(part))

    def input(self, part: Tree[Token], name: Token | None, size: Token, *words: Token) -> t.Input:
        names = tuple(self.name_of(w) for w in words)
        return t.Input(_text(name) if name else None, _text(size), names, self.span(size), self.span(part))

    def let(self, part: Tree[Token], name: Token, value: Any) -> t.Let:
        return t.Let(_text(name), self.node(value), self.span(name), self.span(part))

    def default(self, part: Tree[Token], *parts: Any) -> t.Default:
        names = tuple(self.name_of(p) for p in parts if isinstance(p, Token))
        return t.Default(names, self.all([p for p in parts if isinstance(p, Tree)], t.Option), self.span(part))

    def expect(self, part: Tree[Token], condition: Any) -> t.Expect:
        return t.Expect(self.node(condition), self.span(part))

    def fit(self, part: Tree[Token], mode: Token) -> t.Fit:
        return t.Fit(self.name_of(mode), self.span(part))

    def output(self, part: Tree[Token], name: Token) -> t.Output:
        return t.Output(_text(name), self.span(name), self.span(part))

    def aux(self, part: Tree[Token], *parts: Any) -> t.Aux:
        return t.Aux(self.all([*parts[:-1]], t.Option), self.node(parts[-1]), self.span(part))

    def train(self, part: Tree[Token], *settings: Any) -> t.Train:
        return t.Train(tuple(self.node(s) for s in settings if s is not None), self.span(part))

    def setting(self, part: Tree[Token], name: Token, *parts: Any) -> t.Setting:
        nested: tuple[t.Setting, ...] | None = None
        values: tuple[t.Expr, ...] = ()
        options: tuple[t.Option, ...] = ()
        for p in parts:
            if isinstance(p, Tree) and p.data == "settings":
                nested = tuple(self.node(s) for s in p.children if s is not None)
            elif p is not None:
                node = self.node(p)
                if isinstance(node, t.Option):
                    options += (node,)
                else:
                    values += (node,)
        return t.Setting(_text(name), values, options, nested, self.span(name), self.span(part))

    # Flow

    def chain(self, part: Tree[Token], *steps: Any) -> t.Chain:
        return t.Chain(tuple(self.node(s) for s in steps), self.span(part))

    def step(self, part: Tree[Token], label: Token | None, term: Any, times: Any) -> t.Step:
        name = self.name_of(label) if label else None
        return t.Step(name, self.node(term), self.node(times), self.span(part))

    def times(self, part: Tree[Token], count: Any) -> t.Expr:
        if isinstance(count, Token):
            return t.Literal_("int", str(count).lstrip("x× \t"), self.span(count))
        return cast(t.Expr, self.node(count))

    def from_(self, part: Tree[Token], label: Token) -> t.From:
        return t.From(_text(label), self.span(label), self.span(part))

    def residual(self, part: Tree[Token], *parts: Any) -> t.Residual:
        trees = [p for p in parts if p is not None]
        options = self.all([p for p in trees if isinstance(p, Tree) and p.data == "option"], t.Option)
        rest = [p for p in trees if not (isinstance(p, Tree) and p.data == "option")]
        otherwise: Any = None
        if len(rest) > 1:
            otherwise = "none" if isinstance(rest[1], Token) else self.node(rest[1])
        return t.Residual(options, self.node(rest[0]), otherwise, self.span(part))

    def dense(self, part: Tree[Token], body: Any) -> t.Dense:
        return t.Dense(self.node(body), self.span(part))

    def checkpoint(self, part: Tree[Token], body: Any) -> t.Checkpoint:
        return t.Checkpoint(self.node(body), self.span(part))

    def repeat(self, part: Tree[Token], count: Any, counter: Token | None, body: Any) -> t.Repeat:
        return t.Repeat(self.node(count), _text(counter) if counter else None, self.node(body), self.span(part))

    def loop(self, part: Tree[Token], names: Tree[Token], items: Any, body: Any) -> t.For:
        variables = tuple(self.name_of(cast(Token, n)) for n in names.children)
        return t.For(variables, self.node(items), self.node(body), self.span(part))

    def when(self, part: Tree[Token], condition: Any, body: Any, otherwise: Any = None) -> t.If:
        return t.If(self.node(condition), self.node(body), self.node(otherwise), self.span(part))

    def join(self, part: Tree[Token], kind: Token, *parts: Any) -> t.Join:
        trees = [p for p in parts if p is not None]
        options = self.all([p for p in trees if p.data == "option"], t.Option)
        branches = self.all([p for p in trees if p.data == "chain"], t.Chain)
        return t.Join(str(kind), options, branches, self.span(part))  # type: ignore[arg-type]

    def layer(self, part: Tree[Token], head: Token, *parts: Any) -> t.Layer:
        arguments: Any = None
        argument_options: Any = ()
        slots: dict[str, t.Expr] = {}
        values: list[t.Expr] = []
        options: list[t.Option] = []
        for p in parts:
            if p is None:
                continue
            if p.data == "arguments":
                arguments, argument_options = self.arguments_of(p.children)
            elif p.data in ("width", "stride"):
                slots[p.data] = self.node(p.children[0])
            else:
                node = self.node(p)
                (options if isinstance(node, t.Option) else values).append(node)
        return t.Layer(
            _text(head), arguments, argument_options, slots.get("width"), slots.get("stride"),
            tuple(values), tuple(options), self.span(head), self.span(part),
        )  # fmt: skip


# `from` is a keyword of Python, so the rule's method is bound under its own name here.
setattr(_Reader, "from", _Reader.from_)


def _text(token: Token) -> str:
    return str(token).replace("×", "x") if token.type in ("NAME", "SIZE") else str(token)
