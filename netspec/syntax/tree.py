"""The syntax tree: what was written, each node with its span, nothing resolved yet."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, ClassVar, Literal, TypeAlias, dataclass_transform

from netspec.source import SourceFile, Span


@dataclass_transform(frozen_default=True, eq_default=False)
class TreeNode:
    """An immutable record. A dataclass would do the same; forty of them cost a tenth of the start-up time."""

    _fields: ClassVar[tuple[str, ...]] = ()

    def __init_subclass__(cls) -> None:
        cls._fields = tuple(cls.__annotations__)

    def __init__(self, *values: Any) -> None:
        self.__dict__.update(zip(self._fields, values, strict=True))

    def __setattr__(self, name: str, value: Any) -> None:
        raise AttributeError(f"{type(self).__name__} is immutable")

    def __iter__(self) -> Iterator[Any]:
        return iter(self.__dict__.values())


# Expressions


class Literal_(TreeNode):
    """A number, a quantity such as `138M`, a size such as `3x5`, a string, or `none`."""

    kind: Literal["int", "float", "quantity", "size", "string", "none"]
    text: str
    span: Span


class Name(TreeNode):
    text: str
    span: Span


class Fact(TreeNode):
    """`in.channels`, `here.width`, `stem.size`; the owner is `pair.left` in `pair.left.channels`."""

    owner: str
    field: str
    span: Span


class Unary(TreeNode):
    operator: str
    operand: Expr
    span: Span


class Binary(TreeNode):
    operator: str
    left: Expr
    right: Expr
    span: Span


class Conditional(TreeNode):
    value: Expr
    condition: Expr
    otherwise: Expr
    span: Span


class Sequence_(TreeNode):
    """A tuple or a list."""

    kind: Literal["tuple", "list"]
    items: tuple[Expr, ...]
    span: Span


class Clause(TreeNode):
    """`for names in items if condition` of a comprehension."""

    names: Unpack
    items: Expr
    condition: Expr | None
    span: Span


class Comprehension(TreeNode):
    """`[w * 2 for w in widths if w > 16]`."""

    value: Expr
    clauses: tuple[Clause, ...]
    span: Span


class Slice(TreeNode):
    """`a:b`, `a:b:step` in an index; each may be left out."""

    start: Expr | None
    stop: Expr | None
    step: Expr | None
    span: Span


class Element(TreeNode):
    """`widths[i]`, `widths[1:]`."""

    value: Expr
    index: Expr | Slice
    span: Span


class Unpack(TreeNode):
    """The names of a `for`; one in parentheses takes an item apart: `for i, (w, n) in enumerate(stages)`."""

    items: tuple[Name | Unpack, ...]
    span: Span


class Option(TreeNode):
    """`name=value`, on a layer, a block call, a join or in a call."""

    name: str
    value: Expr
    name_span: Span
    span: Span


class Call(TreeNode):
    """`max(a, b)` of a function, or `gn(32)` where a word is wanted."""

    name: str
    arguments: tuple[Expr, ...]
    options: tuple[Option, ...]
    name_span: Span
    span: Span


Expr: TypeAlias = Literal_ | Name | Fact | Unary | Binary | Conditional | Sequence_ | Comprehension | Element | Call


# Declarations


class Parameter(TreeNode):
    name: str
    default: Expr | None
    span: Span


class Net(TreeNode):
    name: str
    parameters: tuple[Parameter, ...]
    span: Span


class Use(TreeNode):
    """`defaults`: whether the `default` statements of the file are in force from here on."""

    path: str  # of a file; the name where `library` says that it is of the standard library
    library: bool
    alias: str | None
    defaults: bool
    path_span: Span
    span: Span


class Body(TreeNode):
    statements: tuple[Statement, ...]
    span: Span


class Block(TreeNode):
    name: str
    parameters: tuple[Parameter, ...]
    body: Body
    name_span: Span
    span: Span


class Function(TreeNode):
    name: str
    parameters: tuple[Parameter, ...]
    body: Expr
    name_span: Span
    span: Span


class Shared(TreeNode):
    name: str
    body: Body
    name_span: Span
    span: Span


# Statements


class Input(TreeNode):
    """`sizes` are expressions: numbers, names in capitals, and what is in parentheses."""

    name: str | None
    sizes: tuple[Expr, ...]
    words: tuple[Name, ...]
    size_span: Span
    span: Span

    @property
    def numbers(self) -> tuple[int, ...] | None:
        """The sizes where all of them are written as numbers."""
        texts = [size.text.replace("_", "") for size in self.sizes if isinstance(size, Literal_) and size.kind == "int"]
        return tuple(map(int, texts)) if len(texts) == len(self.sizes) and max(map(len, texts)) <= 40 else None


class Port(TreeNode):
    """`input a, b` in a block: the tensors that it takes, without sizes."""

    names: tuple[Name, ...]
    span: Span


class Let(TreeNode):
    name: str
    value: Expr
    name_span: Span
    span: Span


class Default(TreeNode):
    layers: tuple[Name, ...]
    options: tuple[Option, ...]
    span: Span


class Expect(TreeNode):
    condition: Expr
    span: Span


class Fit(TreeNode):
    mode: Name
    span: Span


class Output(TreeNode):
    name: str
    name_span: Span
    span: Span


class Aux(TreeNode):
    options: tuple[Option, ...]
    body: Body
    span: Span


class Setting(TreeNode):
    """One line of a `train { … }` section, with a section of its own where it has braces."""

    name: str
    values: tuple[Expr, ...]
    options: tuple[Option, ...]
    settings: tuple[Setting, ...] | None
    name_span: Span
    span: Span


class Train(TreeNode):
    settings: tuple[Setting, ...]
    span: Span


# Flow


class Layer(TreeNode):
    """`head(arguments)-width/stride values options`, before the head is known to be a layer or a block."""

    head: str
    arguments: tuple[Expr, ...] | None
    argument_options: tuple[Option, ...]
    width: Expr | None
    stride: Expr | None
    values: tuple[Expr, ...]
    options: tuple[Option, ...]
    head_span: Span
    span: Span

    @property
    def call_span(self) -> Span:
        """The head with the parentheses after it."""
        return self.head_span.with_parentheses(self.span.end)


class From(TreeNode):
    """`from stem`; the label is `pair.left` for the output `left` of a block."""

    label: str
    label_span: Span
    span: Span


class Residual(TreeNode):
    """`otherwise` is the body after `else`, "none" for `else none`, None where there is no `else`."""

    options: tuple[Option, ...]
    body: Body
    otherwise: Body | Literal["none"] | None
    span: Span


class Dense(TreeNode):
    body: Body
    span: Span


class Checkpoint(TreeNode):
    body: Body
    span: Span


class Windows(TreeNode):
    """A body for every window, or every slice: `windows 7x7 { … }`, `each depth { … }`."""

    head: Layer
    body: Body
    span: Span


class Repeat(TreeNode):
    count: Expr
    counter: str | None
    body: Body
    span: Span


class For(TreeNode):
    names: Unpack
    items: Expr
    body: Body
    span: Span


class If(TreeNode):
    condition: Expr
    body: Body
    otherwise: Body | If | None
    span: Span


class Scalar(TreeNode):
    """A number in the place of a branch: `mul [ identity; 0.5 ]`."""

    value: Expr
    span: Span


class Join(TreeNode):
    kind: str
    options: tuple[Option, ...]
    branches: tuple[Chain, ...]
    span: Span


class Fed(TreeNode):
    """`fuse(32) [ from a; from b ]`: a block with a branch for each of its inputs."""

    layer: Layer
    branches: tuple[Chain, ...]
    span: Span


Scope: TypeAlias = Residual | Dense | Checkpoint | Windows | Repeat | For | If
Term: TypeAlias = Layer | Fed | From | Scope | Join | Scalar | Body


class Step(TreeNode):
    """One link of a chain: a term, its label if any, and how many copies of it."""

    label: Name | None
    term: Term
    times: Expr | None
    span: Span


class Chain(TreeNode):
    steps: tuple[Step, ...]
    span: Span


Statement: TypeAlias = Input | Port | Let | Default | Expect | Fit | Output | Aux | Train | Shared | Chain
Item: TypeAlias = Net | Use | Block | Function | Statement


class File(TreeNode):
    source: SourceFile
    items: tuple[Item, ...]
