"""The elaborator: runs the statements of a tree and builds the graph. Flow stands here; layers, calls and contracts beside it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeAlias

from netspec.diagnostics import Diagnostic, Diagnostics, Fix, Label, nearest
from netspec.elaborate.binding import BoundLayer, bind, check_default
from netspec.elaborate.checkpoint import run_checkpoint
from netspec.elaborate.expressions import Evaluator, Trouble, Unknown
from netspec.elaborate.joins import run_dense, run_join, run_residual
from netspec.elaborate.limits import LimitReached, Limits
from netspec.elaborate.loops import run_for, run_if, run_repeat
from netspec.elaborate.state import FAILED, UNKNOWN, Defaults, Frame, Namer, Tensor, labels_in, ordinal
from netspec.elaborate.ties import tied_node
from netspec.graph import Graph, Node, Param, Region, RegionKind, TensorType
from netspec.ops.op import Leftover, Misfit, Op
from netspec.ops.shape import Flatten
from netspec.source import Span
from netspec.syntax import tree as t
from netspec.values import kind_of, show

if TYPE_CHECKING:
    from collections.abc import Iterator

    from netspec.elaborate.contracts import Expectation
    from netspec.elaborate.project import Project

__all__ = ["Elaborator"]

Inferred: TypeAlias = tuple[TensorType, tuple[Leftover, ...], tuple[Param, ...], int]


class Elaborator:
    """The state of one elaboration: the graph so far, the findings, and the work spent."""

    FAILED = FAILED

    def __init__(self, graph: Graph, diagnostics: Diagnostics, limits: Limits, project: Project) -> None:
        self.graph = graph
        self.diagnostics = diagnostics
        self.limits = limits
        self.project = project
        self.evaluator = Evaluator(limits)
        self.expectations: list[Expectation] = []
        self.train: t.Train | None = None
        self.context: list[str] = []
        self.depth = 0
        self.aux_depth = 0
        self.calling: list[Any] = []
        self.shared_from: list[Iterator[Node]] = []
        self.all_labels: set[str] = set()
        self.place: Span | None = None
        """The statement, or the number of copies, at which a limit is reached."""
        self._told: set[Any] = set()
        self.unknown_blocks = False
        """Whether a `use` could not be parsed, so that any name may be a block."""
        self.bound_layers: dict[tuple[Any, ...], BoundLayer] = {}
        self._inferred: dict[tuple[Op, tuple[TensorType, ...]], Inferred] = {}
        self._default_cache: dict[tuple[Defaults, type[Op]], list[tuple[str, Any, Span]]] = {}

    @property
    def failed_layers(self) -> bool:
        """Whether a layer failed, so that totals mean nothing."""
        if self.graph.failed or any(index < 0 for _, index in self.graph.outputs):
            return True
        return any(d.is_error and not d.code.startswith(("NS1", "NS4")) for d in self.diagnostics)

    # Findings

    def error(
        self,
        code: str,
        message: str,
        span: Span | None,
        *,
        label: str = "",
        notes: Iterable[str] = (),
        helps: Iterable[str] = (),
        secondary: Iterable[Label] = (),
        fixes: Iterable[Fix] = (),
    ) -> None:
        self.diagnostics.error(
            code, message, span, label=label, notes=[*notes, *self.trail()], helps=helps, secondary=secondary, fixes=fixes
        )  # fmt: skip

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
            fixes=diagnostic.fixes,
        )

    @contextmanager
    def inside(self, what: str) -> Iterator[None]:
        """Diagnostics meanwhile say where they stand; the nesting is bounded."""
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
        except Trouble as trouble:
            self.report(trouble.diagnostic)
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

    def default_values(self, op: type[Op], frame: Frame) -> list[tuple[str, Any, Span]]:
        """(option, value, span) from the defaults in force for an op, the newest first."""
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
                    if option.name in op.options and all(option.name != name for name, _, _ in found):
                        value = self.evaluate(option.value, link.frame, words=True)
                        if value is not self.FAILED:
                            found.append((option.name, value, option.span))
            self._default_cache[key] = found
        return found

    # Statements

    def run(self, statements: Sequence[Any], frame: Frame) -> None:
        for statement in statements:
            if not self.context:
                self.place = statement.span
            self.evaluator.spend()
            getattr(self, f"_{type(statement).__name__.lower()}")(statement, frame)

    def _chain(self, chain: t.Chain, frame: Frame) -> None:
        for step in chain.steps:
            self.step(step, frame)

    def _let(self, let: t.Let, frame: Frame) -> None:
        if let.name in frame.names:
            self.error("NS209", f"`{let.name}` is defined twice here", let.name_span)
            return
        if frame.enclosing is not None and let.name in _words_of(let.value) and let.name in frame.visible():
            self.diagnostics.warning(
                "NS909",
                f"this `{let.name}` is a new variable, and ends with the braces",
                let.name_span,
                notes=["a variable does not change: the one outside keeps its value", *self.trail()],
                helps=["compute it from a counter: `repeat 3 as i { … }`", "or give the new one a name of its own"],
            )
        frame.names[let.name] = self.evaluate(let.value, frame)

    def _default(self, default: t.Default, frame: Frame) -> None:
        check_default(self, default, frame)
        frame.defaults = Defaults(default, frame, frame.defaults)

    def _fit(self, fit: t.Fit, frame: Frame) -> None:
        if fit.mode.text not in ("exact", "floor"):
            near = nearest(fit.mode.text, ("exact", "floor"))
            self.error(
                "NS205",
                f"fit is exact or floor, not `{fit.mode.text}`",
                fit.mode.span,
                helps=[f"did you mean `{near}`?"] if near else [],
            )
            return
        frame.fit = fit.mode.text

    def _expect(self, expect: t.Expect, frame: Frame) -> None:
        from netspec.elaborate.contracts import Expectation

        self.expectations.append(Expectation(expect, frame, frame.here, tuple(self.context)))

    def _input(self, statement: t.Input, frame: Frame) -> None:
        from netspec.elaborate.declarations import declare_input

        declare_input(self, statement, frame)

    def _output(self, output: t.Output, frame: Frame) -> None:
        from netspec.elaborate.declarations import declare_output

        declare_output(self, output, frame)

    def _train(self, train: t.Train, frame: Frame) -> None:
        if self.train is not None:
            self.error("NS209", "there is one `train` section already", train.span)
            return
        if self.diagnostics.skipped:
            from netspec.elaborate.skips import without_skipped

            train = without_skipped(self, train)
        self.train = train

    def _shared(self, shared: t.Shared, frame: Frame) -> None:
        from netspec.elaborate.calls import declare_shared

        declare_shared(self, shared, frame)

    def _aux(self, aux: t.Aux, frame: Frame) -> None:
        from netspec.elaborate.declarations import run_aux

        run_aux(self, aux, frame)

    # Nothing to do when they are reached: they are declared before the first statement runs

    def _net(self, item: t.Net, frame: Frame) -> None: ...

    def _use(self, item: t.Use, frame: Frame) -> None: ...

    def _function(self, item: t.Function, frame: Frame) -> None: ...

    def _block(self, item: t.Block, frame: Frame) -> None: ...

    # Steps

    def step(self, step: t.Step, frame: Frame) -> None:
        """One link of a chain: its copies, its label."""
        copies = 1
        if step.times is not None:
            count = self.count(step.times, frame, "the number of copies")
            if count is None:
                self.fail(frame, None, step.span, ())
                copies = 1
            else:
                copies = count
        label = step.label
        if label is not None and not self.may_label(label, frame):
            label = None
        if label is None:
            self.copies(step, copies, frame)
            return
        name = frame.namer.label(label.text)
        self.all_labels.add(label.text)
        first = len(self.graph.nodes)
        if isinstance(step.term, t.Layer) and step.times is None:
            self.term(step.term, frame, name)
        else:
            inner = self.named(frame, "group", name, step.span, (step.term,) if step.term else ())
            self.copies(step, copies, inner)
            frame.here = inner.here
        if frame.here is not None:
            frame.labels[label.text] = frame.here
            frame.members[label.text] = (first, len(self.graph.nodes))

    def may_label(self, label: t.Name, frame: Frame) -> bool:
        from netspec.elaborate.declarations import RESERVED_LABELS

        word = label.text in ("yes", "no", "none")
        if word or label.text in RESERVED_LABELS or label.text.startswith("_"):
            other = f"{label.text.lstrip('_') or 'layer'}_"
            help_ = f"call it `{other}`"
            why = "it is a value of the language" if word else "PyTorch modules and Python use this name themselves"
            fix = Fix.replace(label.span, other, help_)
            self.error(
                "NS213", f"`{label.text}` cannot be a label", label.span, notes=[why], helps=[help_], fixes=[fix]
            )
            return False
        if label.text in frame.labels:
            free = next(f"{label.text}_{n}" for n in range(2, 10**6) if f"{label.text}_{n}" not in frame.labels)
            fix = Fix.replace(label.span, free, f"call this one `{free}`")
            message = f"the label `{label.text}` is defined twice in one block"
            self.error("NS209", message, label.span, fixes=[fix])
            return False
        return True

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

    def copies(self, step: t.Step, copies: int, frame: Frame) -> None:
        if step.times is None:
            self.term(step.term, frame, None)
            return
        if not self.context:
            self.place = step.times.span
        inner = frame.inner(self.region(frame, "repeat", "", step.span))
        inner.region.arguments = (("count", copies),)
        for i in range(copies):
            self.evaluator.spend()
            with self.inside(f"{ordinal(i + 1)} of {copies} copies" if copies > 1 else ""):
                self.term(step.term, inner, None)
        frame.here = inner.here

    def term(self, term: t.Term, frame: Frame, label: str | None) -> None:
        found, failed = len(self.diagnostics.items), len(self.graph.failed)
        self._term(term, frame, label)
        if frame.here is UNKNOWN and len(self.diagnostics.items) > found and len(self.graph.failed) == failed:
            self.fail(frame, label, term.span, ())

    def _term(self, term: t.Term, frame: Frame, label: str | None) -> None:
        if isinstance(term, t.Layer):
            self.layer(term, frame, label)
        elif isinstance(term, t.From):
            self.go_from(term, frame)
        elif isinstance(term, t.Body):
            self.braces(term, frame)
        else:
            _TERMS[type(term)](self, term, frame)

    def braces(self, body: t.Body, frame: Frame, kind: RegionKind = "group") -> None:
        """`{ … }`: names and labels inside stay inside; the tensor that it leaves goes on."""
        inner = frame.inner(self.region(frame, kind, "", body.span))
        self.lint_empty(body, "these braces")
        with self.inside(""):
            self.run(body.statements, inner)
        frame.here = inner.here

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

    def go_from(self, statement: t.From, frame: Frame) -> None:
        tensor = frame.label(statement.label)
        if tensor is None:
            near = nearest(statement.label, frame.visible_labels())
            self.error(
                "NS208",
                f"there is no label `{statement.label}` here",
                statement.label_span,
                helps=[self.missing_label(statement.label, near)],
            )
            tensor = UNKNOWN
        frame.here = tensor

    def missing_label(self, label: str, near: str | None) -> str:
        if near:
            return f"did you mean `{near}`?"
        if label in self.all_labels:
            return f"`{label}` stands inside braces, and is visible there only"
        return f"write `{label}:` before an earlier layer in this block"

    # Layers

    def layer(self, layer: t.Layer, frame: Frame, label: str | None) -> None:
        if layer.head == "_" and (layer.span.source, layer.span.start) in self.diagnostics.skipped:
            from netspec.elaborate.skips import run_skipped

            run_skipped(self, self.diagnostics.skipped[layer.span.source, layer.span.start], frame)
            return
        if layer.head in frame.file.blocks:
            from netspec.elaborate.calls import call_block

            call_block(self, frame.file.blocks[layer.head], layer, frame, label)
            return
        bound = bind(self, layer, frame)
        if bound is None:
            here = frame.here
            self.fail(frame, label, layer.span, (here.type,) if here is not None and here.type is not None else ())
            return
        base = label or ""
        expanded = bound.op.expand(frame.here.type) if frame.here is not None and frame.here.type is not None else None
        if expanded is None:
            self.apply(bound, layer, frame, base or None)
        else:
            base = base or frame.namer.number(bound.op.name.lower())
            for suffix, op in expanded:
                self.apply(BoundLayer(op, bound.spans), layer, frame, frame.namer.unique(f"{base}_{suffix}"))
        for option in ("norm", "act"):
            after = getattr(bound.op, option)
            if isinstance(after, Op):
                name = frame.namer.unique(f"{base}_{after.name.lower()}") if base else None
                spans = dict.fromkeys(after.options, bound.spans.get(option, layer.span))
                self.apply(BoundLayer(after, spans), layer, frame, name)

    def apply(self, bound: BoundLayer, layer: t.Layer, frame: Frame, name: str | None) -> None:
        """Adds a layer behind the current tensor, after a flatten where it needs one."""
        here = frame.here
        if here is None:
            self.no_tensor(layer.head_span, frame)
            frame.here = UNKNOWN
            return
        if here.type is None:
            if self.graph.failed:
                self.graph.failed[-1].followers += 1
            return
        if bound.op.needs_flat(here.type):
            self.add(
                Flatten(), (here,), layer.head_span, frame, frame.namer.unique(f"{name}_flatten") if name else None, {}
            )
            here = frame.here
            assert here is not None
        self.add(bound.op, (here,), layer.span, frame, name, bound.spans)

    def no_tensor(self, span: Span, frame: Frame) -> None:
        if len(self.graph.inputs) > 1:
            first = self.graph.inputs[0][0]
            names = ", ".join(n for n, _ in self.graph.inputs)
            self.error(
                "NS308",
                "with several inputs, say which one the first layer reads",
                span,
                notes=[f"the inputs are {names}"],
                helps=[f"write `from {first}` before it"],
            )
        else:
            self.error(
                "NS308",
                "there is no input before the first layer",
                span,
                helps=["declare it: `input 3x224x224` (channels first)"],
            )

    def add(
        self, op: Op, inputs: tuple[Tensor, ...], span: Span, frame: Frame, name: str | None, spans: dict[str, Span]
    ) -> None:
        """Adds a node; where its inputs do not fit, says so and goes on with an unknown tensor."""
        if not all(tensor.known for tensor in inputs):
            frame.here = UNKNOWN
            return
        types = tuple(tensor.type for tensor in inputs if tensor.type is not None)
        try:
            output, leftovers, params, macs = self.infer(op, types)
        except Misfit as misfit:
            if not self.first_time((op, types, span)):
                pass
            elif misfit.code == "NS306" and len(inputs) > 1:
                from netspec.elaborate.branches import report_branches

                report_branches(self, misfit, op, inputs, span)
            else:
                from netspec.elaborate.failures import report_misfit

                report_misfit(self, misfit, op, types, span, spans)
            self.fail(frame, name or frame.namer.number(op.name.lower()), span, types)
            return
        if leftovers:
            from netspec.elaborate.failures import report_leftovers

            report_leftovers(self, leftovers, op, types, span, frame)
        if max(output.shape) > self.limits.integer or output.size > self.limits.integer:
            raise LimitReached("integer", self.limits.integer, f"{output} is too large a tensor")
        tied = tied_node(self, op, types[0], spans, frame) if getattr(op, "tie", None) else None
        self.node(op, tuple(t_.node for t_ in inputs if t_.node is not None), output, params, macs, span, frame, name)
        if tied is not None:
            self.graph.nodes[-1].tied = tied

    def fail(self, frame: Frame, name: str | None, span: Span, inputs: tuple[TensorType, ...]) -> None:
        """Goes on with an unknown tensor behind a layer in error, which is reported; the report shows its row."""
        from netspec.elaborate.failures import row_of_failure

        frame.here = UNKNOWN
        row_of_failure(self, frame, name, span, inputs)

    def first_time(self, key: Any) -> bool:
        """Whether a failure is new: the copies of a layer that does not fit fail alike, and are looked into once."""
        if key in self._told:
            return False
        self._told.add(key)
        return True

    def infer(self, op: Op, types: tuple[TensorType, ...]) -> Inferred:
        """What an op gives for its inputs; the same op on the same types is inferred once. Raises Misfit."""
        key = (op, types)
        found = self._inferred.get(key)
        if found is None:
            found = op.output(*types), op.leftovers(*types), op.params(*types), op.macs(*types)
            self._inferred[key] = found
        return found

    def node(
        self,
        op: Op,
        inputs: tuple[int, ...],
        output: TensorType,
        params: Any,
        macs: int,
        span: Span,
        frame: Frame,
        name: str | None,
    ) -> None:
        graph = self.graph
        if len(graph.nodes) >= self.limits.layers:
            raise LimitReached("layers", self.limits.layers, "this spec unrolls to too many layers")
        local = name or frame.namer.number(op.name.lower())
        node = Node(
            len(graph.nodes),
            frame.region.path + local,
            op,
            inputs,
            output,
            params,
            macs,
            span,
            frame.region,
            aux=self.aux_depth > 0,
        )
        if self.shared_from and node.params:
            self.share(node, span)
        graph.nodes.append(node)
        frame.region.members.append(node)
        frame.here = Tensor(node.index, output)

    def share(self, node: Node, span: Span) -> None:
        """Uses the weights of the layer that stood here at the first call of a shared block."""
        first = [next(nodes, None) for nodes in self.shared_from][-1]  # all of them walk along
        mine = [(p.name, p.shape) for p in node.params]
        if first is None or type(first.op) is not type(node.op) or [(p.name, p.shape) for p in first.params] != mine:
            was = (
                f"{first.name} has {', '.join(f'{p.name} {p.shape}' for p in first.params)}"
                if first
                else "there was no such layer"
            )
            self.error(
                "NS306",
                "the weights of a shared block do not fit this input",
                span,
                notes=[f"at the first call: {was}", f"here: {', '.join(f'{p.name} {p.shape}' for p in node.params)}"],
            )
            return
        node.shares = first.index if first.shares is None else first.shares


def _words_of(expr: t.Expr) -> list[str]:
    return re.findall(r"[A-Za-z_]\w*", expr.span.text)


_TERMS: dict[type, Callable[[Elaborator, Any, Frame], None]] = {
    t.Join: run_join,
    t.Residual: run_residual,
    t.Dense: run_dense,
    t.Checkpoint: run_checkpoint,
    t.Repeat: run_repeat,
    t.For: run_for,
    t.If: run_if,
}
