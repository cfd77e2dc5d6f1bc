"""What elaboration carries along: the current tensor, the names in scope, the defaults in force."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from netspec.graph import Definition, Region, TensorType
from netspec.ops.op import Op
from netspec.source import Span
from netspec.symbolic import Symbolic
from netspec.syntax import tree as t
from netspec.values import Named

__all__ = [
    "FAILED",
    "UNKNOWN",
    "BlockValue",
    "BoundLayer",
    "Callable_",
    "Defaults",
    "Expectation",
    "FileScope",
    "Frame",
    "FunctionValue",
    "Lazy",
    "Namer",
    "Site",
    "Tensor",
    "labels_in",
    "ordinal",
]


@dataclass(frozen=True, slots=True)
class Tensor:
    """A tensor of the graph; with `node` None, one whose layer failed, of which nothing more is said.

    What a block gives has its outputs by name. With several of them it is `several` tensors, and none by itself.
    """

    node: int | None
    type: TensorType | None
    outputs: tuple[tuple[str, Tensor], ...] = ()

    @property
    def known(self) -> bool:
        return self.node is not None

    @property
    def several(self) -> bool:
        return len(self.outputs) > 1


UNKNOWN = Tensor(None, None)

FAILED: Any = object()
"""The value of an expression that could not be computed, which is reported already."""


@dataclass(slots=True, eq=False)
class Defaults:
    """A chain of `default` statements, newest first; scopes share its tail."""

    statement: t.Default
    frame: Frame
    older: Defaults | None

    def __iter__(self) -> Iterator[Defaults]:
        link: Defaults | None = self
        while link is not None:
            yield link
            link = link.older


@dataclass(slots=True)
class FunctionValue:
    definition: t.Function
    frame: Frame


@dataclass(slots=True, eq=False)
class BlockValue(Named):
    """A block, a net brought in by `use … as`, or shared weights, with the names and defaults where it is defined."""

    name: str
    parameters: tuple[t.Parameter, ...]
    statements: tuple[Any, ...]
    frame: Frame
    defaults: Defaults | None
    fit: str
    span: Span
    kind: str = "block"
    file: t.File | None = None
    first: Any = None
    calls: int = 0
    used: bool = False

    @property
    def definition(self) -> Definition:
        return Definition(self.name, tuple(p.name for p in self.parameters), self.span)


Callable_ = BlockValue | FunctionValue


@dataclass(slots=True)
class FileScope:
    """The names one file declares: blocks and functions, which may be called before the line that defines them."""

    blocks: dict[str, BlockValue] = field(default_factory=dict)
    functions: dict[str, FunctionValue] = field(default_factory=dict)


class Namer:
    """Names for the unlabelled members of one named region: numbered by kind, around the labels."""

    def __init__(self, labels: set[str]) -> None:
        self.taken = set(labels)
        self.counts: dict[str, int] = {}
        self.given: set[str] = set()

    def number(self, kind: str) -> str:
        while True:
            count = self.counts.get(kind, 0) + 1
            self.counts[kind] = count
            name = f"{kind}{count}"
            if name not in self.taken:
                self.taken.add(name)
                return name

    def label(self, name: str) -> str:
        """The name of a labelled member: the label, numbered from its second use on (`{ a: … } x2`: a, a_2)."""
        free, number = name, 2
        while free in self.given or (free != name and free in self.taken):
            free, number = f"{name}_{number}", number + 1
        self.given.add(free)
        self.taken.add(free)
        return free

    def unique(self, name: str) -> str:
        """A given name, with a number where it is taken."""
        if name not in self.taken:
            self.taken.add(name)
            return name
        return self.number(f"{name}_")


class Lazy:
    """A top-level `let` of a used file, computed when a block asks for it."""

    __slots__ = ("expr", "frame")

    def __init__(self, expr: t.Expr, frame: Frame) -> None:
        self.expr, self.frame = expr, frame


class Frame:
    """Where execution is: one per pair of braces.

    Variables are looked up along `definitions`, labels along `enclosing`: for inner braces both are the frame
    around them; a block's body sees the variables where it is defined and no labels but its own.
    """

    __slots__ = (
        "defaults",
        "definitions",
        "enclosing",
        "entry",
        "file",
        "fit",
        "here",
        "labels",
        "members",
        "namer",
        "names",
        "outputs",
        "region",
        "shared",
        "symbols",
    )

    def __init__(self, file: FileScope, region: Region, namer: Namer, definitions: Frame | None = None) -> None:
        self.file = file
        self.region = region
        self.namer = namer
        self.definitions = definitions
        self.enclosing: Frame | None = None
        self.names: dict[str, Any] = {}
        self.shared: dict[str, BlockValue] = {}
        """Blocks with one set of weights that are declared between these braces."""
        self.symbols: dict[str, Symbolic] = {}
        """What the variables were written as, where they are more than a constant."""
        self.labels: dict[str, Tensor] = {}
        self.members: dict[str, tuple[int, int]] = {}
        self.outputs: list[tuple[str, Tensor]] = []
        """What the body of a block gives, by name."""
        self.entry: Tensor | None = None
        self.here: Tensor | None = None
        self.defaults: Defaults | None = None
        self.fit = "floor"

    def inner(self, region: Region | None = None, namer: Namer | None = None) -> Frame:
        """The frame of braces inside this one; a named region brings its own namer."""
        frame = Frame(self.file, region or self.region, namer or self.namer, self)
        frame.enclosing = self
        frame.entry, frame.here, frame.defaults, frame.fit = self.entry, self.here, self.defaults, self.fit
        return frame

    @property
    def has_tensor(self) -> bool:
        """Whether there is a current tensor, which may be unknown, and not several."""
        return self.here is not None and not self.here.several

    def with_tensor(self, tensor: Tensor) -> Frame:
        """A frame in which a tensor is the current one."""
        frame = self.inner()
        frame.here = tensor
        return frame

    def lookup(self, name: str) -> Any:
        """The value of a variable. Raises KeyError."""
        frame: Frame | None = self
        while frame is not None:
            if name in frame.names:
                return frame.names[name]
            frame = frame.definitions
        raise KeyError(name)

    def block(self, name: str) -> BlockValue | None:
        """The block of a name: a parameter or a shared one declared here or around, or one of the file."""
        frame: Frame | None = self
        while frame is not None:
            if isinstance(value := frame.names.get(name), BlockValue):
                return value
            if name in frame.shared:
                return frame.shared[name]
            frame = frame.definitions
        return self.file.blocks.get(name)

    def symbol(self, name: str) -> Symbolic | None:
        """What a variable was written as; None for a constant, and where there is no such variable."""
        frame: Frame | None = self
        while frame is not None:
            if name in frame.names:
                return frame.symbols.get(name)
            frame = frame.definitions
        return None

    def layer(self, name: str) -> str | None:
        """The layer that a parameter names: `unit` where it is "conv"."""
        try:
            value = self.lookup(name)
        except KeyError:
            return None
        return value if isinstance(value, str) else None

    def label(self, name: str) -> Tensor | None:
        """The tensor of a label, or of an output of the block that it labels (`pair.left`)."""
        frame, name = self.at_label(name)
        if frame is None:
            return None
        label, _, output = name.partition(".")
        tensor = frame.labels[label]
        if not output or (tensor.type is None and not tensor.outputs):
            return tensor
        return dict(tensor.outputs).get(output)

    def labelled(self, name: str) -> tuple[int, int] | None:
        """The nodes under a label: from one index up to, not including, another."""
        frame, name = self.at_label(name)
        return frame.members.get(name.partition(".")[0]) if frame is not None else None

    def at_label(self, name: str) -> tuple[Frame | None, str]:
        """Where a label is visible, None for nowhere, and the label itself: a variable may hold it as a text."""
        frame: Frame | None = self
        while frame is not None:
            if name not in frame.labels and isinstance(value := frame.names.get(name), str):
                name = value
            if name.partition(".")[0] in frame.labels:
                break
            frame = frame.enclosing
        return frame, name

    def visible(self) -> Iterator[str]:
        """Every variable in scope, for suggestions."""
        frame: Frame | None = self
        while frame is not None:
            yield from frame.names
            frame = frame.definitions

    def visible_labels(self) -> Iterator[str]:
        frame: Frame | None = self
        while frame is not None:
            yield from frame.labels
            frame = frame.enclosing


_ORDINALS = ("", "first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth", "tenth")


def ordinal(number: int) -> str:
    """`third`, `22nd`."""
    if number < len(_ORDINALS):
        return _ORDINALS[number]
    tail = "th" if number % 100 in (11, 12, 13) else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number}{tail}"


def labels_in(statements: tuple[Any, ...]) -> set[str]:
    """Every label that a region's statements define, inner braces included: automatic names step around them."""
    found: set[str] = set()
    stack: list[Any] = list(statements)
    while stack:
        node = stack.pop()
        if isinstance(node, t.Chain):
            stack.extend(node.steps)
        elif isinstance(node, t.Step):
            if node.label is not None:
                found.add(node.label.text)
                if node.times is not None or not isinstance(node.term, (t.Layer, t.Fed)):
                    continue  # a named region of its own
            stack.append(node.term)
        elif isinstance(node, t.Body):
            stack.extend(node.statements)
        elif isinstance(node, (t.Join, t.Fed)):
            stack.extend(node.branches)
        elif isinstance(node, (t.Residual, t.If)):
            stack.append(node.body)
            if isinstance(node.otherwise, (t.Body, t.If)):
                stack.append(node.otherwise)
        elif isinstance(node, (t.Dense, t.Windows, t.Repeat, t.For, t.Aux)):
            stack.append(node.body)
    return found


@dataclass(slots=True)
class BoundLayer:
    """An op with its options bound, and where each of them was written."""

    op: Op
    spans: dict[str, Span] = field(default_factory=dict)
    origins: Mapping[str, Symbolic] = field(default_factory=dict)
    """How the values were written, by option (`norm.eps` for an option of the normalization after it)."""


@dataclass(frozen=True, slots=True)
class Site:
    """Where a layer is added: the text that it comes from, and its place in the network."""

    span: Span
    frame: Frame
    name: str | None = None
    """None: it is numbered."""
    branches: tuple[Span, ...] = ()
    """The texts of what it joins, where they are written out."""


@dataclass(frozen=True, slots=True)
class Expectation:
    """An `expect` line, with where it stood when it was reached."""

    statement: t.Expect
    frame: Frame
    here: Tensor | None
    context: tuple[str, ...]
    asked: bool = False
    """Whether it is from outside the spec: about the network that is asked for, whatever the parameters of the file are."""
