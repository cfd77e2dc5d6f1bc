"""Layers and expressions as text: what the formatter prints on one line."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Any

from netspec.ops import CATALOGUE
from netspec.source import Span
from netspec.syntax import tree as t

__all__ = ["Printer"]

_LEVELS = {"or": 1, "and": 2, "+": 5, "-": 5, "*": 6, "/": 6, "//": 6, "%": 6, "**": 8}
_COMPARISONS = ("==", "!=", "<", "<=", ">", ">=", "~")


class Printer:
    """The canonical text of layers and expressions; `blocks` are the names that the file itself declares."""

    def __init__(self, blocks: set[str]) -> None:
        self.blocks = blocks
        self.in_slot = False

    def times(self, step: t.Step) -> str:
        if step.times is None:
            return ""
        if isinstance(step.times, t.Literal_) and step.times.kind == "int":
            return f" x{step.times.text}"
        return f" x({self.expr(step.times)})"

    def scalar(self, term: t.Scalar) -> str:
        """A number as a branch; what is computed stands in parentheses."""
        value = term.value.operand if isinstance(term.value, t.Unary) else term.value
        text = self.expr(term.value)
        return text if isinstance(value, t.Literal_) else f"({text})"

    # Heads

    def opening(self, term: Any) -> str | None:
        """What precedes the braces of a term; None for one that has none."""
        if isinstance(term, t.Residual):
            return " ".join(["residual", *map(self.option, term.options)])
        if isinstance(term, (t.Dense, t.Checkpoint)):
            return type(term).__name__.lower()
        if isinstance(term, t.Windows):
            return self.layer(term.head)
        if isinstance(term, t.Repeat):
            return f"repeat {self.expr(term.count)}" + (f" as {term.counter}" if term.counter else "")
        if isinstance(term, t.For):
            return f"for {self.for_names(term.names)} in {self.expr(term.items)}"
        return f"if {self.expr(term.condition)}" if isinstance(term, t.If) else None

    def for_names(self, names: t.Unpack) -> str:
        return ", ".join(n.text if isinstance(n, t.Name) else f"({self.for_names(n)})" for n in names.items)

    def layer_name(self, head: str) -> str:
        """Built-in layers in the catalogue's spelling; what the file itself names stays as it is."""
        if head in self.blocks:
            return head
        match = re.fullmatch(r"(.*?)(\d+(?:x\d+)*)?", head)
        assert match is not None
        for stem, rest in ((head, ""), (match[1], match[2] or "")):
            op = CATALOGUE.get(stem.lower())
            if op is not None and op.name.lower() == stem.lower():
                return op.name + rest
        return head

    def layer(self, layer: t.Layer) -> str:
        text = self.layer_name(layer.head)
        if layer.arguments is not None:
            text += self.arguments(layer.arguments, layer.argument_options)
        if layer.width is not None:
            text += f"-{self.slot(layer.width)}"
        if layer.stride is not None:
            text += f"/{self.slot(layer.stride)}"
        return " ".join([text, *(self.expr(v) for v in layer.values), *map(self.option, layer.options)])

    def slot(self, expr: t.Expr) -> str:
        self.in_slot = True  # `conv1-(4*w)`, but `let h = 4 * w`
        text = self.expr(expr)
        self.in_slot = False
        plain = isinstance(expr, (t.Name, t.Element)) or (
            isinstance(expr, t.Literal_) and expr.kind in ("int", "float", "size")
        )
        return text if plain or (isinstance(expr, t.Sequence_) and expr.kind == "tuple") else f"({text})"

    def extents(self, sizes: Sequence[t.Expr]) -> str:
        """The sizes of an input: `3x(size)x(2 * size)`."""
        if len(sizes) == 1 and isinstance(sizes[0], t.Literal_) and sizes[0].kind == "size":
            return sizes[0].text
        plain = re.compile(r"[A-Z][A-Z0-9_]*").fullmatch

        def shown(size: t.Expr) -> str:
            bare = (isinstance(size, t.Literal_) and size.kind == "int") or (
                isinstance(size, t.Name) and plain(size.text)
            )
            return self.expr(size) if bare else f"({self.expr(size)})"

        return "x".join(map(shown, sizes))

    def parameters(self, parameters: Sequence[t.Parameter]) -> str:
        if not parameters:
            return ""
        shown = [p.name + (f" = {self.expr(p.default)}" if p.default is not None else "") for p in parameters]
        return f"({', '.join(shown)})"

    def arguments(self, values: Iterable[t.Expr], options: Iterable[t.Option]) -> str:
        return f"({', '.join([*(self.expr(v) for v in values), *map(self.option, options)])})"

    def option(self, option: t.Option) -> str:
        return f"{option.name}={self.expr(option.value)}"

    # Expressions

    def rows(self, items: t.Sequence_) -> list[str]:
        tuples = [i.items for i in items.items if isinstance(i, t.Sequence_) and i.kind == "tuple"]
        if len(tuples) < len(items.items) or len({len(row) for row in tuples}) != 1:
            return [self.expr(item) for item in items.items]
        cells = [[self.expr(cell) for cell in row] for row in tuples]
        widths = [max(len(row[i]) for row in cells) for i in range(len(cells[0]))]
        return [f"({', '.join(c.rjust(w) for c, w in zip(row, widths, strict=True))})" for row in cells]

    def expr(self, expr: t.Expr, level: int = 0) -> str:
        """The text of an expression, in parentheses where it binds looser than its place asks for."""
        text, mine = self.bare(expr)
        return f"({text})" if mine < level else text

    def bare(self, expr: t.Expr) -> tuple[str, int]:
        if isinstance(expr, (t.Literal_, t.Name)):
            return expr.text, 9
        if isinstance(expr, t.Fact):
            return f"{expr.owner}.{expr.field}", 9
        if isinstance(expr, t.Call):
            return expr.name + self.arguments(expr.arguments, expr.options), 9
        if isinstance(expr, t.Element):
            return f"{self.expr(expr.value, 9)}[{self.index(expr.index)}]", 9
        if isinstance(expr, t.Comprehension):
            return f"[{' '.join([self.expr(expr.value), *map(self.clause, expr.clauses)])}]", 9
        if isinstance(expr, t.Sequence_):
            items = ", ".join(self.expr(i) for i in expr.items)
            return (f"[{items}]" if expr.kind == "list" else f"({items})"), 9
        if isinstance(expr, t.Conditional):
            value, condition = self.expr(expr.value, 1), self.expr(expr.condition, 1)
            return f"{value} if {condition} else {self.expr(expr.otherwise)}", 0
        if isinstance(expr, t.Unary):
            return (
                (f"not {self.expr(expr.operand, 3)}", 3)
                if expr.operator == "not"
                else (f"-{self.expr(expr.operand, 7)}", 7)
            )
        return self.binary(expr)

    def index(self, index: t.Expr | t.Slice) -> str:
        if not isinstance(index, t.Slice):
            return self.expr(index)
        start, stop, step = (
            self.expr(part) if part is not None else "" for part in index if not isinstance(part, Span)
        )
        return f"{start}:{stop}" + (f":{step}" if step else "")

    def clause(self, clause: t.Clause) -> str:
        kept = f" if {self.expr(clause.condition, 1)}" if clause.condition is not None else ""
        return f"for {self.for_names(clause.names)} in {self.expr(clause.items, 1)}{kept}"

    def binary(self, expr: t.Binary) -> tuple[str, int]:
        operator = expr.operator
        if operator in _COMPARISONS:
            return f"{self.expr(expr.left, 5)} {operator} {self.expr(expr.right, 5)}", 4
        level = _LEVELS[operator]
        left, right = (9, 7) if operator == "**" else (level, level + 1)
        tight = (
            self.in_slot and level >= 6 and all(isinstance(s, (t.Name, t.Literal_)) for s in (expr.left, expr.right))
        )
        gap = "" if tight else " "
        return f"{self.expr(expr.left, left)}{gap}{operator}{gap}{self.expr(expr.right, right)}", level
