"""The state of an elaboration: the graph as it grows, the diagnostics, and the work spent."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, TypeAlias

from netspec.diagnostics import Details, Diagnostic, Diagnostics
from netspec.diagnostics.facts import BadOption, Misspelt
from netspec.elaborate.arithmetic import EvaluationError, Unknown
from netspec.elaborate.expressions import Evaluator
from netspec.elaborate.limits import LimitReached, Limits
from netspec.elaborate.origins import option_origins
from netspec.elaborate.overrides import Overrides
from netspec.elaborate.state import (
    FAILED,
    UNKNOWN,
    BoundLayer,
    Defaults,
    Expectation,
    Frame,
    Namer,
    Site,
    Tensor,
    labels_in,
)
from netspec.graph import Graph, Node, Param, Region, RegionKind, TensorType, output_of, runs, seen_by
from netspec.ops.kinds import BadValue
from netspec.ops.op import Leftover, Op
from netspec.source import Span
from netspec.symbolic import Symbolic
from netspec.syntax import tree as t
from netspec.values import kind_of, show

if TYPE_CHECKING:
    from typing import Unpack

    from netspec.elaborate.project import Project

__all__ = ["NO_ORIGINS", "ElaborationContext"]

NO_ORIGINS: Mapping[str, Symbolic] = MappingProxyType({})
Inferred: TypeAlias = tuple[TensorType, tuple[Leftover, ...], tuple[Param, ...], int]


class ElaborationContext(ABC):
    """Diagnostics, values of expressions, and nodes: what running statements needs."""

    FAILED = FAILED

    def __init__(self, graph: Graph, diagnostics: Diagnostics, limits: Limits, project: Project) -> None:
        self.graph = graph
        self.diagnostics = diagnostics
        self.limits = limits
        self.project = project
        self.evaluator = Evaluator(limits)
        self.expectations: list[Expectation] = []
        self.overrides = Overrides()
        self.train: t.Train | None = None
        self.context: list[str] = []
        self.depth = 0
        self.aux_depth = 0
        self.calling: list[Any] = []
        self.shared_from: list[Iterator[Node]] = []
        self.all_labels: set[str] = set()
        self.packages: set[str] = set()
        """The installed packages whose layers the spec names."""
        self.place: Span | None = None
        """The statement, or the number of copies, at which a limit is reached."""
        self.exported: dict[t.Use, list[tuple[t.Default, Frame]]] = {}
        """The defaults that a `use … with defaults` brings in, each with the variables that it sees."""
        self.inputs_ahead: list[Span] = []
        """The `input` statements of the net."""
        self._reported: set[Any] = set()
        self.lost_outputs: set[str] = set()
        """Outputs that would be the tensor of a layer in error."""
        self.other_names: set[str] = set()
        """Labels that are used and defined nowhere: what one of two layers of one name should probably be called."""
        self.unknown_blocks = False
        """Whether a `use` could not be parsed, so that any name may be a block."""
        self.bound_layers: dict[tuple[Any, ...], BoundLayer] = {}
        self._inferred: dict[tuple[Op, tuple[TensorType, ...]], Inferred] = {}
        self._default_cache: dict[tuple[Defaults, type[Op]], list[tuple[str, Any, Span, dict[str, Symbolic]]]] = {}

    @property
    def failed_layers(self) -> bool:
        """Whether a layer failed, so that totals mean nothing."""
        if self.graph.failed or any(index < 0 for _, index in self.graph.outputs):
            return True
        return any(d.is_error and not d.code.startswith(("NS1", "NS4")) for d in self.diagnostics)

    # Diagnostics

    def error(self, code: str, message: str, span: Span | None, **details: Unpack[Details]) -> None:
        if len(self.diagnostics) >= self.limits.errors and code != "NS005":
            raise LimitReached("errors", self.limits.errors, "this spec has too many errors: the rest is not checked")
        details["notes"] = [*details.get("notes", ()), *self.trail()]
        self.diagnostics.error(code, message, span, **details)

    def bad_value(self, bad: BadValue, name: str, span: Span) -> None:
        """Reports a value that an option does not take."""
        span = span.in_string(bad.within)
        facts: Any = BadOption(span, bad.fraction, bad.instead, bad.hint, whole=bad.fraction is not None)
        if bad.word:
            facts = Misspelt(span, bad.word, bad.choices, bad.helps[0] if bad.helps else "")
        elif not bad.instead and bad.fraction is None:
            facts = BadOption(span, None)
        helps = () if bad.word or facts.title else bad.helps
        self.error(bad.code, f"{name}: {bad.message}", span, helps=helps, facts=facts)

    def trail(self) -> list[str]:
        if not self.context:
            return []
        innermost = self.context[-1]
        lead = "" if innermost.startswith("inside") else "in the " if innermost.endswith(" copies") else "in "
        return [lead + ", ".join(reversed(self.context))]

    def report(self, diagnostic: Diagnostic) -> None:
        self.error(
            diagnostic.code,
            diagnostic.message,
            diagnostic.span,
            label=diagnostic.label,
            notes=diagnostic.notes,
            helps=diagnostic.helps,
            secondary=diagnostic.secondary,
            facts=diagnostic.facts,
        )

    @contextmanager
    def inside(self, what: str) -> Iterator[None]:
        """Diagnostics meanwhile say where they are; the nesting is bounded."""
        self.depth += 1
        if self.depth > self.limits.depth:
            raise LimitReached("depth", self.limits.depth, "blocks and braces nest too deep")
        if what:
            self.context.append(what)
        try:
            yield
        finally:
            self.depth -= 1
            if what:
                self.context.pop()

    # Expressions

    def evaluate(self, expr: t.Expr, frame: Frame, *, words: bool = False) -> Any:
        """The value, or FAILED where there is none, which is reported."""
        try:
            return self.evaluator.value(expr, frame, words=words)
        except EvaluationError as error:
            self.report(error.diagnostic)
        except Unknown:
            pass
        return self.FAILED

    def count(self, expr: t.Expr, frame: Frame, what: str) -> int | None:
        """A number of copies, 0 or more; None where there is none."""
        value = self.evaluate(expr, frame)
        if value is self.FAILED:
            return None
        if isinstance(value, bool) or not isinstance(value, (int, float)) or value != int(value):
            self.error("NS204", f"{what} is a whole number, found {kind_of(value)}, {show(value)}", expr.span)
            return None
        if value < 0:
            self.error("NS205", f"{what} cannot be negative: {show(value)}", expr.span)
            return None
        return int(value)

    def default_values(self, op: type[Op], frame: Frame) -> list[tuple[str, Any, Span, dict[str, Symbolic]]]:
        """(option, value, span, origins) from the defaults in force for an op, the newest first."""
        if frame.defaults is None:
            return []
        key = (frame.defaults, op)
        found = self._default_cache.get(key)
        if found is None:
            found = []
            for link in frame.defaults:
                if not any(name.text.lower() in (op.name.lower(), *op.aliases) for name in link.statement.layers):
                    continue
                for option in link.statement.options:
                    if option.name in op.options and all(option.name != name for name, *_ in found):
                        value = self.evaluate(option.value, link.frame, words=True)
                        if value is not self.FAILED:
                            origins = option_origins(op, option.name, option.value, link.frame, self.graph.functions)
                            found.append((option.name, value, option.span, origins))
            self._default_cache[key] = found
        return found

    def first_time(self, key: Any) -> bool:
        """Whether a failure is new: the copies of a layer that does not fit fail alike, and are looked into once."""
        if key in self._reported:
            return False
        self._reported.add(key)
        return True

    def infer(self, op: Op, types: tuple[TensorType, ...]) -> Inferred:
        """What an op gives for its inputs; the same op on the same types is inferred once. Raises Misfit."""
        key = (op, types)
        found = self._inferred.get(key)
        if found is None:
            seen = seen_by(op, types)
            output = output_of(op, types)
            found = output, op.leftovers(*seen), op.params(*seen), runs(op, types) * op.macs(*seen)
            self._inferred[key] = found
        return found

    def room_for(self, layers: int) -> None:
        """Raises LimitReached where so many more layers are too many."""
        if len(self.graph.nodes) + layers > self.limits.layers:
            raise LimitReached("layers", self.limits.layers, "this spec unrolls to too many layers")

    def current(self, span: Span, frame: Frame) -> Tensor:
        """The current tensor; unknown where there is none, or several, which is reported."""
        if frame.here is None or frame.here.several:
            self.no_tensor(span, frame)
            frame.here = UNKNOWN
        return frame.here

    # Regions

    def named(self, frame: Frame, kind: RegionKind, name: str, span: Span, statements: tuple[Any, ...]) -> Frame:
        """A frame whose members are prefixed with a name of their own."""
        inner = frame.inner(self.region(frame, kind, name, span), Namer(labels_in(statements)))
        return inner

    def region(self, frame: Frame, kind: RegionKind, name: str, span: Span) -> Region:
        outer = frame.region
        path = f"{outer.path}{name}." if name else outer.path
        region = Region(kind, name, path, outer, span)
        outer.members.append(region)
        return region

    def lint_empty(self, body: t.Body, what: str) -> None:
        """Warns (NS908) of braces with nothing in them."""
        if not body.statements:
            self.diagnostics.warning(
                "NS908",
                f"there is nothing in {what}",
                body.span,
                notes=self.trail(),
                helps=["write the layers that belong here; `identity` says that nothing is meant"],
            )

    # What the elaborator does; it runs the statements

    @abstractmethod
    def run(self, statements: Sequence[Any], frame: Frame) -> None:
        """Runs statements one after another."""

    @abstractmethod
    def chain(self, chain: t.Chain, frame: Frame) -> None:
        """Runs the steps of a chain."""

    @abstractmethod
    def braces(self, body: t.Body, frame: Frame, kind: RegionKind = "group") -> None:
        """Runs `{ … }`: names inside stay inside; the tensor goes on."""

    @abstractmethod
    def add(self, layer: BoundLayer, inputs: tuple[Tensor, ...], site: Site) -> None:
        """Adds a layer."""

    @abstractmethod
    def node(self, op: Op, inputs: tuple[int, ...], output: TensorType, params: Any, macs: int, site: Site) -> None:
        """Adds a node whose type is known."""

    @abstractmethod
    def fail(self, site: Site, inputs: tuple[TensorType, ...] = ()) -> None:
        """Goes on with an unknown tensor after a layer in error."""

    @abstractmethod
    def no_tensor(self, span: Span, frame: Frame) -> None:
        """Reports that there is no current tensor."""
