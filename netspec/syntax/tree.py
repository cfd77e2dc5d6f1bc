"""The syntax tree: what was written, each node with its span, nothing resolved yet."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Literal, TypeAlias

from netspec.source import SourceFile, Span

if TYPE_CHECKING:
    from dataclasses import dataclass as tree_node
else:
    # Equality and repr are not generated: nothing compares trees, and generating them costs start-up time.
    tree_node = partial(dataclass, frozen=True, slots=True, eq=False, repr=False)


# Expressions


@tree_node()
class Literal_:
    """A number, a quantity such as `138M`, a size such as `3x5`, a string, or `none`."""

    kind: Literal["int", "float", "quantity", "size", "string", "none"]
    text: str
    span: Span


@tree_node()
class Name:
    text: str
    span: Span


@tree_node()
class Fact:
    """`in.channels`, `here.width`, `stem.size`."""

    owner: str
    field: str
    span: Span


@tree_node()
class Unary:
    operator: str
    operand: Expr
    span: Span


@tree_node()
class Binary:
    operator: str
    left: Expr
    right: Expr
    span: Span


@tree_node()
class Conditional:
    value: Expr
    condition: Expr
    otherwise: Expr
    span: Span


@tree_node()
class Sequence_:
    """A tuple or a list."""

    kind: Literal["tuple", "list"]
    items: tuple[Expr, ...]
    span: Span


@tree_node()
class Option:
    """`name=value`, on a layer, a block call, a join or in a call."""

    name: str
    value: Expr
    name_span: Span
    span: Span


@tree_node()
class Call:
    """`max(a, b)` of a function, or `gn(32)` where a word is wanted."""

    name: str
    arguments: tuple[Expr, ...]
    options: tuple[Option, ...]
    name_span: Span
    span: Span


Expr: TypeAlias = Literal_ | Name | Fact | Unary | Binary | Conditional | Sequence_ | Call


# Declarations


@tree_node()
class Parameter:
    name: str
    default: Expr | None
    span: Span


@tree_node()
class Net:
    name: str
    parameters: tuple[Parameter, ...]
    span: Span


@tree_node()
class Use:
    path: str
    alias: str | None
    path_span: Span
    span: Span


@tree_node()
class Body:
    statements: tuple[Statement, ...]
    span: Span


@tree_node()
class Block:
    name: str
    parameters: tuple[Parameter, ...]
    body: Body
    name_span: Span
    span: Span


@tree_node()
class Function:
    name: str
    parameters: tuple[Parameter, ...]
    body: Expr
    name_span: Span
    span: Span


@tree_node()
class Shared:
    name: str
    body: Body
    name_span: Span
    span: Span


# Statements


@tree_node()
class Input:
    name: str | None
    size: str
    words: tuple[Name, ...]
    size_span: Span
    span: Span


@tree_node()
class Let:
    name: str
    value: Expr
    name_span: Span
    span: Span


@tree_node()
class Default:
    layers: tuple[Name, ...]
    options: tuple[Option, ...]
    span: Span


@tree_node()
class Expect:
    condition: Expr
    span: Span


@tree_node()
class Fit:
    mode: Name
    span: Span


@tree_node()
class Output:
    name: str
    name_span: Span
    span: Span


@tree_node()
class Aux:
    options: tuple[Option, ...]
    body: Body
    span: Span


@tree_node()
class Setting:
    """One line of a `train { … }` section, with a section of its own where it has braces."""

    name: str
    values: tuple[Expr, ...]
    options: tuple[Option, ...]
    settings: tuple[Setting, ...] | None
    name_span: Span
    span: Span


@tree_node()
class Train:
    settings: tuple[Setting, ...]
    span: Span


# Flow


@tree_node()
class Layer:
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


@tree_node()
class From:
    label: str
    label_span: Span
    span: Span


@tree_node()
class Residual:
    """`otherwise` is the body after `else`, "none" for `else none`, None where there is no `else`."""

    options: tuple[Option, ...]
    body: Body
    otherwise: Body | Literal["none"] | None
    span: Span


@tree_node()
class Dense:
    body: Body
    span: Span


@tree_node()
class Repeat:
    count: Expr
    counter: str | None
    body: Body
    span: Span


@tree_node()
class For:
    names: tuple[Name, ...]
    items: Expr
    body: Body
    span: Span


@tree_node()
class If:
    condition: Expr
    body: Body
    otherwise: Body | If | None
    span: Span


@tree_node()
class Join:
    kind: Literal["add", "concat", "mul"]
    options: tuple[Option, ...]
    branches: tuple[Chain, ...]
    span: Span


Term: TypeAlias = Layer | From | Residual | Dense | Repeat | For | If | Join | Body


@tree_node()
class Step:
    """One link of a chain: a term, its label if any, and how many copies of it."""

    label: Name | None
    term: Term
    times: Expr | None
    span: Span


@tree_node()
class Chain:
    steps: tuple[Step, ...]
    span: Span


Statement: TypeAlias = Input | Let | Default | Expect | Fit | Output | Aux | Train | Shared | Chain
Item: TypeAlias = Net | Use | Block | Function | Statement


@tree_node()
class File:
    source: SourceFile
    items: tuple[Item, ...]
