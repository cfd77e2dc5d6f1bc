"""Facts that the diagnostics of elaboration carry: what is written, what is visible there, what came in and what was wanted.
Rules (`netspec.fixes`) read them to find out what was meant; nothing reads a message."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from netspec.elaborate.state import Frame
from netspec.graph import Node, Region, TensorType
from netspec.ops.op import Change, Leftover, Op, Option
from netspec.source import Span
from netspec.syntax import tree as t
from netspec.values import Value

__all__ = [
    "ChangedShape",
    "CommentSign",
    "DoesNotFit",
    "DoesNotTile",
    "ExpectationFails",
    "ForeignCall",
    "InputBelow",
    "InputIsNamed",
    "ItemOfOtherLength",
    "LabelTwice",
    "LateValue",
    "LayerAsValue",
    "LoopCall",
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


@dataclass(frozen=True, slots=True)
class Scope:
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


@dataclass(frozen=True, slots=True)
class UnknownHead:
    """A layer that is neither in the catalogue nor a block."""

    layer: t.Layer
    scope: Scope


@dataclass(frozen=True, slots=True)
class SettingOutside:
    """A line of a recipe outside of `train { … }`; `rows` are it and those that follow it."""

    name: str
    rows: tuple[Span, ...]
    has_train: bool


@dataclass(frozen=True, slots=True)
class UnknownOption:
    op: type[Op]
    option: t.Option
    layer: t.Layer | None


@dataclass(frozen=True, slots=True)
class UnwantedSlot:
    """A width or a stride on a layer that has none. `bad` is how a lone value refuses it."""

    op: type[Op]
    layer: t.Layer
    slot: str
    value: Value
    span: Span
    here: TensorType | None
    refused: Option[Any] | None = None


@dataclass(frozen=True, slots=True)
class LateValue:
    """A value without a name after one with a name."""

    layer: t.Layer | None
    value: t.Expr
    options: tuple[t.Option, ...]


@dataclass(frozen=True, slots=True)
class LayerAsValue:
    name: str
    span: Span


@dataclass(frozen=True, slots=True)
class StrayValue:
    """A value for which a layer has no place."""

    op: type[Op]
    layer: t.Layer
    value: Value
    span: Span
    argument: bool
    has_width: bool


@dataclass(frozen=True, slots=True)
class ForeignCall:
    """A call as another framework writes it, and the same in netspec."""

    whole: Span
    text: str


@dataclass(frozen=True, slots=True)
class CommentSign:
    span: Span


@dataclass(frozen=True, slots=True)
class MissingValue:
    op: type[Op]
    option: Option[Any]
    layer: t.Layer
    here: TensorType | None


@dataclass(frozen=True, slots=True)
class UndefinedName:
    """A variable that is not defined. `layer` is the layer whose value it is, if it is one."""

    name: str
    span: Span
    scope: Scope
    functions: tuple[str, ...] = ()
    layer: t.Layer | None = None


# Blocks and loops


@dataclass(frozen=True, slots=True)
class LooseArguments:
    """What a block is given outside of its parentheses."""

    block: str
    parameters: tuple[str, ...]
    layer: t.Layer


@dataclass(frozen=True, slots=True)
class MissingArguments:
    parameters: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class SurplusArguments:
    parameters: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class LoopCall:
    """`range`, `zip` and the like of Python, over which a `for` cannot run."""

    loop: t.For


@dataclass(frozen=True, slots=True)
class ItemOfOtherLength:
    """An item of a list without a value for each name of a `for`; `at` is its place where the list is written out."""

    loop: t.For
    at: int | None


# Labels and inputs


@dataclass(frozen=True, slots=True)
class UnknownLabel:
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


@dataclass(frozen=True, slots=True)
class LabelTwice:
    label: Span
    uses: tuple[int, ...]
    missing: str | None
    free: str


@dataclass(frozen=True, slots=True)
class InputBelow:
    """The input is below the first layer."""

    first: Span
    statement: Span


@dataclass(frozen=True, slots=True)
class SeveralInputs:
    names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class InputIsNamed:
    """`input rgb 224x224`: a word in the place of a name."""

    span: Span
    text: str


# Shapes


@dataclass(frozen=True, slots=True)
class DoesNotFit:
    """A layer that does not take what comes in."""

    op: Op
    types: tuple[TensorType, ...]
    span: Span
    spans: dict[str, Span]
    region: Region
    changes: tuple[Change, ...]
    source: Node | None
    indivisible: tuple[int, int] | None = None


@dataclass(frozen=True, slots=True)
class DoesNotTile:
    op: Op
    types: tuple[TensorType, ...]
    span: Span
    region: Region
    leftovers: tuple[Leftover, ...]


@dataclass(frozen=True, slots=True)
class UnequalBranches:
    """Branches of a join that do not fit together. A way is the layers of a branch after the tensor that all come from."""

    op: Op
    types: tuple[TensorType, ...]
    ways: tuple[tuple[Node, ...], ...]
    odd: int
    usual: int
    branches: tuple[Span, ...]


@dataclass(frozen=True, slots=True)
class ChangedShape:
    """The body of a `residual` or a `dense` gives what cannot be joined with what comes in."""

    statement: t.Residual | t.Dense
    way: tuple[Node, ...]
    before: tuple[Node, ...]
    """The layers that what comes in is from."""
    start: TensorType
    body: TensorType


@dataclass(frozen=True, slots=True)
class SharedOnOtherChannels:
    """A shared block is called on another number of channels than at first."""

    first: int
    here: int


@dataclass(frozen=True, slots=True)
class UnfitTie:
    """Transposed weights take `takes` features, and the layer gets another number."""

    takes: int


# Expectations


@dataclass(frozen=True, slots=True)
class ExpectationFails:
    condition: t.Binary
    wrong: t.Expr
    """The side that states what was expected."""
    actual: Any
    wanted: Any
    target: int | None
    """The node whose shape was expected to be another."""


@dataclass(frozen=True, slots=True)
class SeveralOutputs:
    names: tuple[str, ...]
