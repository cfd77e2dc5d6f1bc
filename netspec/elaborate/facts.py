"""Facts that the diagnostics of elaboration carry: what is written, what is visible there, what came in and what was wanted.
Rules (`netspec.fixes`) read them to find out what was meant; nothing reads a message."""

from __future__ import annotations

from typing import Any

from netspec.elaborate.state import Frame
from netspec.graph import Node, Region, TensorType
from netspec.ops.op import Change, Leftover, Op, Option
from netspec.records import Record
from netspec.source import Span
from netspec.syntax import tree as t
from netspec.values import Value

__all__ = [
    "BranchesOfNothing",
    "ChangedShape",
    "CommentSign",
    "DoesNotFit",
    "DoesNotTile",
    "ExpectationFails",
    "ForeignCall",
    "InputBelow",
    "InputIsNamed",
    "InputWithoutSize",
    "InputsOfBlock",
    "ItemOfOtherLength",
    "LabelTwice",
    "LateValue",
    "LayerAsValue",
    "LoopOverNumber",
    "LooseArguments",
    "MissingArguments",
    "MissingValue",
    "Scope",
    "SettingOutside",
    "SeveralInputs",
    "SeveralOutputs",
    "SharedOnOtherChannels",
    "StrayValue",
    "SurplusArguments",
    "UndefinedName",
    "UnequalBranches",
    "UnfitTie",
    "UnknownHead",
    "UnknownLabel",
    "UnknownOption",
    "UnwantedSlot",
    "scope_of",
]

_MOST_NAMES = 1000


class Scope(Record):
    """The names that are visible somewhere, and the type of the current tensor."""

    here: TensorType | None
    variables: tuple[str, ...]
    labels: tuple[str, ...]
    blocks: tuple[str, ...]


def scope_of(frame: Frame) -> Scope:
    here = frame.here.type if frame.here is not None else None
    variables, labels = dict.fromkeys(frame.visible()), dict.fromkeys(frame.visible_labels())
    return Scope(here, tuple(variables)[:_MOST_NAMES], tuple(labels)[:_MOST_NAMES], tuple(frame.file.blocks))


# Layers and their options


class UnknownHead(Record):
    """A layer that is neither in the catalogue nor a block."""

    layer: t.Layer
    scope: Scope


class SettingOutside(Record):
    """A line of a recipe outside of `train { … }`; `rows` are it and those that follow it."""

    name: str
    rows: tuple[Span, ...]
    has_train: bool


class UnknownOption(Record):
    op: type[Op]
    option: t.Option
    layer: t.Layer | None


class UnwantedSlot(Record):
    """A width or a stride on a layer that has none. `bad` is how a lone value refuses it."""

    op: type[Op]
    layer: t.Layer
    slot: str
    value: Value
    span: Span
    here: TensorType | None
    refused: Option[Any] | None = None


class LateValue(Record):
    """A value without a name after one with a name."""

    layer: t.Layer | None
    value: t.Expr
    options: tuple[t.Option, ...]


class LayerAsValue(Record):
    name: str
    span: Span


class StrayValue(Record):
    """A value for which a layer has no place."""

    op: type[Op]
    layer: t.Layer
    value: Value
    span: Span
    argument: bool
    has_width: bool


class ForeignCall(Record):
    """A call as another framework writes it, and the same in netspec."""

    whole: Span
    text: str


class CommentSign(Record):
    span: Span


class MissingValue(Record):
    op: type[Op]
    option: Option[Any]
    layer: t.Layer
    here: TensorType | None


class UndefinedName(Record):
    """A variable that is not defined. `layer` is the layer whose value it is, if it is one."""

    name: str
    span: Span
    scope: Scope
    functions: tuple[str, ...] = ()
    layer: t.Layer | None = None


# Blocks and loops


class LooseArguments(Record):
    """What a block is given outside of its parentheses."""

    block: str
    parameters: tuple[str, ...]
    layer: t.Layer


class BranchesOfNothing(Record):
    """Branches after a word that joins nothing, or after a layer (`is_layer`)."""

    fed: t.Fed
    is_layer: bool


class InputsOfBlock(Record):
    """A block that is called with another number of tensors than it takes."""

    names: tuple[str, ...]
    layer: t.Layer


class MissingArguments(Record):
    parameters: tuple[str, ...]


class SurplusArguments(Record):
    parameters: tuple[str, ...]


class LoopOverNumber(Record):
    """A `for` over a number; the span of what it runs over."""

    items: Span


class ItemOfOtherLength(Record):
    """An item of a list without a value for each name of a `for`; `at` is its place where the list is written out."""

    loop: t.For | t.Clause
    at: int | None
    single: bool = False
    """Whether the item is one value, and no list."""


# Labels and inputs


class UnknownLabel(Record):
    """A label that is not visible. `node` is the layer whose automatic name it is; `entry` is the first statement of
    the block that is being called; `elsewhere` says that it is a label somewhere."""

    name: str
    span: Span
    scope: Scope
    parameters: tuple[str, ...] | None
    """Those of the block of that name."""
    node: Node | None
    entry: Any
    elsewhere: bool
    below: Span | None


class LabelTwice(Record):
    label: Span
    uses: tuple[int, ...]
    missing: str | None
    free: str


class InputBelow(Record):
    """The input is below the first layer."""

    first: Span
    statement: Span


class SeveralInputs(Record):
    names: tuple[str, ...]


class InputWithoutSize(Record):
    """`input a` in a net, which has to state the size of a."""

    names: tuple[str, ...]
    span: Span


class InputIsNamed(Record):
    """`input rgb 224x224`: a word in the place of a name."""

    span: Span
    text: str


# Shapes


class DoesNotFit(Record):
    """A layer that does not take what comes in."""

    op: Op
    types: tuple[TensorType, ...]
    span: Span
    spans: dict[str, Span]
    region: Region
    changes: tuple[Change, ...]
    source: Node | None
    indivisible: tuple[int, int] | None = None


class DoesNotTile(Record):
    op: Op
    types: tuple[TensorType, ...]
    span: Span
    region: Region
    leftovers: tuple[Leftover, ...]


class UnequalBranches(Record):
    """Branches of a join that do not fit together. A way is the layers of a branch after the tensor that all come from."""

    op: Op
    types: tuple[TensorType, ...]
    ways: tuple[tuple[Node, ...], ...]
    odd: int
    usual: int
    branches: tuple[Span, ...]


class ChangedShape(Record):
    """The body of a `residual` or a `dense` gives what cannot be joined with what comes in."""

    statement: t.Residual | t.Dense
    way: tuple[Node, ...]
    before: tuple[Node, ...]
    """The layers that what comes in is from."""
    start: TensorType
    body: TensorType


class SharedOnOtherChannels(Record):
    """A shared block is called on another number of channels than at first."""

    first: int
    here: int


class UnfitTie(Record):
    """Tied weights take `takes` features, and the layer gets another number, or gives one."""

    takes: int


# Expectations


class ExpectationFails(Record):
    condition: t.Binary
    wrong: t.Expr
    """The side that states what was expected."""
    actual: Any
    wanted: Any
    target: int | None
    """The node whose shape was expected to be another."""


class SeveralOutputs(Record):
    names: tuple[str, ...]
