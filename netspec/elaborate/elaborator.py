"""The elaborator: runs the statements of a tree and builds the graph. Flow stands here; layers, calls and contracts beside it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from netspec.diagnostics import Diagnostic, Diagnostics, Label, nearest
from netspec.elaborate.binding import BoundLayer, bind, check_default
from netspec.elaborate.expressions import Evaluator, Trouble, Unknown
from netspec.elaborate.limits import LimitReached, Limits
from netspec.elaborate.state import FAILED, UNKNOWN, Defaults, Frame, Namer, Tensor, labels_in
from netspec.graph import Graph, Node, Region, RegionKind, TensorType
from netspec.ops.join import Add, Concat, Multiply
from netspec.ops.op import Misfit, Op
from netspec.ops.regularise import DropPath
from netspec.ops.shape import Flatten
from netspec.source import Span
from netspec.syntax import tree as t
from netspec.values import kind_of, show

if TYPE_CHECKING:
    from collections.abc import Iterator

    from netspec.elaborate.contracts import Expectation
    from netspec.elaborate.project import Project

__all__ = ["Elaborator"]

_JOINS: dict[str, type[Op]] = {"add": Add, "mul": Multiply, "concat": Concat}


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
        self._default_cache: dict[tuple[int, type[Op]], list[tuple[str, Any, Span]]] = {}

    @property
    def failed_layers(self) -> bool:
        """Whether a layer failed, so that totals mean nothing."""
        return self.diagnostics.has_errors and not all(d.code.startswith("NS4") for d in self.diagnostics if d.is_error)

    # Findings

    def error(
        self, code: str, message: str, span: Span | None, *, label: str = "", notes: Iterable[str] = (), helps: Iterable[str] = (),
        secondary: Iterable[Label] = (),
    ) -> None:  # fmt: skip
        self.diagnostics.error(
            code, message, span, label=label, notes=[*notes, *self.trail()], helps=helps, secondary=secondary
        )

    def trail(self) -> list[str]:
        return ["in " + ", ".join(reversed(self.context))] if self.context else []

    def report(self, diagnostic: Diagnostic) -> None:
        self.error(
            diagnostic.code, diagnostic.message, diagnostic.span, label=diagnostic.label, notes=diagnostic.notes, helps=diagnostic.helps
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
        key = (id(frame.defaults), op)
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
            self.evaluator.spend()
            getattr(self, f"_{type(statement).__name__.lower()}")(statement, frame)

    def _chain(self, chain: t.Chain, frame: Frame) -> None:
        for step in chain.steps:
            self.step(step, frame)

    def _let(self, let: t.Let, frame: Frame) -> None:
        if let.name in frame.names:
            self.error("NS209", f"`{let.name}` is defined twice here", let.name_span)
            return
        frame.names[let.name] = self.evaluate(let.value, frame)

    def _default(self, default: t.Default, frame: Frame) -> None:
        check_default(self, default, frame)
        frame.defaults = Defaults(default, frame, frame.defaults)

    def _fit(self, fit: t.Fit, frame: Frame) -> None:
        if fit.mode.text not in ("exact", "floor"):
            near = nearest(fit.mode.text, ("exact", "floor"))
            self.error("NS205", f"fit is exact or floor, not `{fit.mode.text}`", fit.mode.span, helps=[f"did you mean `{near}`?"] if near else [])
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
                frame.here = UNKNOWN
                copies = 1
            else:
                copies = count
        label = step.label
        if label is not None and not self.may_label(label, frame):
            label = None
        if label is None:
            self.copies(step, copies, frame)
            return
        if isinstance(step.term, t.Layer) and step.times is None:
            self.term(step.term, frame, label.text)
        else:
            inner = self.named(frame, "group", label.text, step.span, (step.term,) if step.term else ())
            self.copies(step, copies, inner)
            frame.here = inner.here
        if frame.here is not None:
            frame.labels[label.text] = frame.here

    def may_label(self, label: t.Name, frame: Frame) -> bool:
        from netspec.elaborate.declarations import RESERVED_LABELS

        if label.text in RESERVED_LABELS:
            self.error(
                "NS213", f"`{label.text}` cannot be a label", label.span, notes=["PyTorch modules and Python use this name themselves"],
                helps=[f"call it `{label.text}_`"],
            )  # fmt: skip
            return False
        if label.text in frame.labels:
            self.error("NS209", f"the label `{label.text}` is defined twice in one block", label.span)
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
        inner = frame.inner(self.region(frame, "repeat", "", step.span))
        inner.region.arguments = (("count", copies),)
        for i in range(copies):
            self.evaluator.spend()
            with self.inside(f"copy {i + 1} of {copies}" if copies > 1 else ""):
                self.term(step.term, inner, None)
        frame.here = inner.here

    def term(self, term: t.Term, frame: Frame, label: str | None) -> None:
        if isinstance(term, t.Layer):
            self.layer(term, frame, label)
        elif isinstance(term, t.From):
            self.go_from(term, frame)
        elif isinstance(term, t.Body):
            self.braces(term, frame)
        else:
            getattr(self, f"_{type(term).__name__.lower()}")(term, frame)

    def braces(self, body: t.Body, frame: Frame, kind: RegionKind = "group") -> None:
        """`{ … }`: names and labels inside stay inside; the tensor that it leaves goes on."""
        inner = frame.inner(self.region(frame, kind, "", body.span))
        with self.inside(""):
            self.run(body.statements, inner)
        frame.here = inner.here

    def go_from(self, statement: t.From, frame: Frame) -> None:
        tensor = frame.label(statement.label)
        if tensor is None:
            near = nearest(statement.label, frame.visible_labels())
            self.error(
                "NS208", f"there is no label `{statement.label}` here", statement.label_span,
                helps=[f"did you mean `{near}`?" if near else f"write `{statement.label}:` before an earlier layer in this block"],
            )  # fmt: skip
            tensor = UNKNOWN
        frame.here = tensor

    # Layers

    def layer(self, layer: t.Layer, frame: Frame, label: str | None) -> None:
        if layer.head in frame.file.blocks:
            from netspec.elaborate.calls import call_block

            call_block(self, frame.file.blocks[layer.head], layer, frame, label)
            return
        bound = bind(self, layer, frame)
        if bound is None:
            frame.here = UNKNOWN
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
            return
        if bound.op.needs_flat(here.type):
            self.add(Flatten(), (here,), layer.head_span, frame, frame.namer.unique(f"{name}_flatten") if name else None, {})
            here = frame.here
            assert here is not None
        self.add(bound.op, (here,), layer.span, frame, name, bound.spans)

    def no_tensor(self, span: Span, frame: Frame) -> None:
        if len(self.graph.inputs) > 1:
            first = self.graph.inputs[0][0]
            names = ", ".join(n for n, _ in self.graph.inputs)
            self.error("NS308", "with several inputs, say which one the first layer reads", span, notes=[f"the inputs are {names}"], helps=[f"write `from {first}` before it"])
        else:
            self.error("NS308", "there is no input before the first layer", span, helps=["declare it: `input 3x224x224` (channels first)"])

    def add(
        self, op: Op, inputs: tuple[Tensor, ...], span: Span, frame: Frame, name: str | None, spans: dict[str, Span]
    ) -> None:
        """Adds a node; where its inputs do not fit, says so and goes on with an unknown tensor."""
        if not all(tensor.known for tensor in inputs):
            frame.here = UNKNOWN
            return
        types = tuple(tensor.type for tensor in inputs if tensor.type is not None)
        try:
            output = op.output(*types)
            leftovers = op.leftovers(*types)
            params, macs = op.params(*types), op.macs(*types)
        except Misfit as misfit:
            self.misfit(misfit, span, spans)
            frame.here = UNKNOWN
            return
        if max(output.shape) > self.limits.integer or output.size > self.limits.integer:
            raise LimitReached("integer", self.limits.integer, f"{output} is too large a tensor")
        for leftover in leftovers:
            self.leftover(leftover, op, span, frame)
        self.node(op, tuple(t_.node for t_ in inputs if t_.node is not None), output, params, macs, span, frame, name)

    def node(
        self, op: Op, inputs: tuple[int, ...], output: TensorType, params: Any, macs: int, span: Span, frame: Frame, name: str | None
    ) -> None:  # fmt: skip
        graph = self.graph
        if len(graph.nodes) >= self.limits.layers:
            raise LimitReached("layers", self.limits.layers, "this spec unrolls to too many layers")
        local = name or frame.namer.number(op.name.lower())
        node = Node(
            len(graph.nodes), frame.region.path + local, op, inputs, output, params, macs, span, frame.region, aux=self.aux_depth > 0
        )
        if self.shared_from:
            self.share(node, span)
        graph.nodes.append(node)
        frame.region.members.append(node)
        frame.here = Tensor(node.index, output)

    def share(self, node: Node, span: Span) -> None:
        """Uses the weights of the layer that stood here at the first call of a shared block."""
        first = next(self.shared_from[-1], None)
        mine = [(p.name, p.shape) for p in node.params]
        if first is None or type(first.op) is not type(node.op) or [(p.name, p.shape) for p in first.params] != mine:
            was = f"{first.name} has {', '.join(f'{p.name} {p.shape}' for p in first.params)}" if first else "there was no such layer"
            self.error("NS306", "the weights of a shared block do not fit this input", span, notes=[f"at the first call: {was}", f"here: {', '.join(f'{p.name} {p.shape}' for p in node.params)}"])
            return
        node.shares = first.index if first.shares is None else first.shares

    def misfit(self, misfit: Misfit, span: Span, spans: dict[str, Span]) -> None:
        where = spans.get(misfit.option, span) if misfit.option else span
        self.error(misfit.code, misfit.message, where, label=misfit.label, notes=misfit.notes, helps=misfit.helps)

    def leftover(self, leftover: Any, op: Op, span: Span, frame: Frame) -> None:
        if frame.fit == "exact":
            self.error(
                "NS302", f"the window does not tile its input along the {leftover.axis}", span,
                notes=[f"{leftover.axis}: {leftover.arithmetic}"], helps=leftover.helps,
            )  # fmt: skip
        elif leftover.dropped:
            plural = "s" if leftover.dropped > 1 else ""
            self.diagnostics.warning(
                "NS305", f"{leftover.dropped} element{plural} of the {leftover.axis} {'are' if plural else 'is'} never seen", span,
                label="rounded down", notes=[f"{leftover.axis}: {leftover.arithmetic}", *self.trail()], helps=leftover.helps,
            )  # fmt: skip

    # Joins

    def branch(self, chain: t.Chain | t.Body, frame: Frame, where: str) -> Tensor:
        """The tensor that a branch leaves."""
        inner = frame.inner(self.region(frame, "branch", "", chain.span))
        with self.inside(where):
            if isinstance(chain, t.Body):
                self.run(chain.statements, inner)
            else:
                self._chain(chain, inner)
        return inner.here if inner.here is not None else UNKNOWN

    def _join(self, join: t.Join, frame: Frame) -> None:
        op = _JOINS[join.kind]
        values: dict[str, Any] = {}
        spans: dict[str, Span] = {}
        for option in join.options:
            self.join_option(op, option, frame, values, spans)
        if not join.branches:
            self.error("NS206", f"`{join.kind}` has no branches", join.span, helps=[f"write `{join.kind} [ conv3-64 pad=1; identity ]`"])
            frame.here = UNKNOWN
            return
        outer = frame.inner(self.region(frame, "join", "", join.span))
        starts_elsewhere = all(isinstance(chain.steps[0].term, t.From) for chain in join.branches)
        if frame.here is None and not starts_elsewhere:
            self.no_tensor(join.span, frame)
            outer.here = UNKNOWN
        tensors = tuple(
            self.branch(chain, outer, f"branch {i + 1} of `{join.kind}` at line {join.span.line}")
            for i, chain in enumerate(join.branches)
        )
        self.add(op(**values), tensors, join.span, frame, None, spans)

    def join_option(self, op: type[Op], option: t.Option, frame: Frame, values: dict[str, Any], spans: dict[str, Span]) -> None:
        from netspec.elaborate.binding import report_unknown_option
        from netspec.ops.kinds import BadValue

        if option.name not in op.options:
            report_unknown_option(self, op, option)
            return
        value = self.evaluate(option.value, frame, words=True)
        if value is self.FAILED:
            return
        try:
            values[option.name] = op.options[option.name].kind.read(value)
            spans[option.name] = option.span
        except BadValue as bad:
            self.error(bad.code, f"{option.name}: {bad.message}", option.span, helps=bad.helps)

    def _residual(self, residual: t.Residual, frame: Frame) -> None:
        droppath = self.droppath(residual, frame)
        if frame.here is None:
            self.no_tensor(residual.span, frame)
            frame.here = UNKNOWN
        start = frame.here
        outer = frame.inner(self.region(frame, "join", "", residual.span))
        body = self.branch(residual.body, outer, "")
        if not body.known or not start.known:
            frame.here = UNKNOWN
            return
        shortcut = start
        if body.type != start.type:
            if residual.otherwise == "none":
                frame.here = body
                return
            if residual.otherwise is None:
                self.residual_mismatch(residual, body, start)
                frame.here = UNKNOWN
                return
            shortcut = self.branch(residual.otherwise, outer, f"the shortcut of `residual` at line {residual.span.line}")
        if droppath:
            outer.here = body
            self.add(DropPath(p=droppath), (body,), residual.span, outer, None, {})
            body = outer.here
        self.add(Add(), (body, shortcut), residual.span, frame, None, {})

    def droppath(self, residual: t.Residual, frame: Frame) -> float:
        for option in residual.options:
            if option.name != "droppath":
                self.error("NS202", f"`residual` has no option `{option.name}`", option.name_span, helps=["its option is droppath"])
                continue
            values: dict[str, Any] = {}
            self.join_option(DropPath, t.Option("p", option.value, option.name_span, option.span), frame, values, {})
            return float(values.get("p", 0.0))
        return 0.0

    def residual_mismatch(self, residual: t.Residual, body: Tensor, start: Tensor) -> None:
        assert body.type is not None and start.type is not None
        helps = []
        if body.type.layout == start.type.layout == "map" and len(body.type.shape) == len(start.type.shape):
            ratios = {w // n for w, n in zip(start.type.spatial, body.type.spatial, strict=True) if n and -(-w // max(1, w // n)) == n}
            stride = f"/{ratios.pop()}" if len(ratios) == 1 and body.type.spatial != start.type.spatial else ""
            helps = [f"give the shortcut a projection: `else {{ conv1-{body.type.features}{stride} }}`", "or drop it here: `else none`"]
        self.error(
            "NS306", "the body of this residual changes the shape", residual.span,
            notes=[f"what comes in is {start.type.noun}", f"the body gives {body.type.noun}"], helps=helps,
        )  # fmt: skip

    def _dense(self, dense: t.Dense, frame: Frame) -> None:
        if frame.here is None:
            self.no_tensor(dense.span, frame)
            frame.here = UNKNOWN
        start = frame.here
        outer = frame.inner(self.region(frame, "join", "", dense.span))
        body = self.branch(dense.body, outer, "")
        self.add(Concat(axis="channels"), (start, body), dense.span, frame, None, {})

    # Loops and conditions

    def _repeat(self, repeat: t.Repeat, frame: Frame) -> None:
        count = self.count(repeat.count, frame, "the number of repeats")
        if count is None:
            frame.here = UNKNOWN
            return
        self.loop(repeat.body, frame, [{repeat.counter: i} if repeat.counter else {} for i in range(min(count, self.limits.steps + 1))], repeat.span)

    def _for(self, loop: t.For, frame: Frame) -> None:
        items = self.evaluate(loop.items, frame)
        if items is self.FAILED:
            frame.here = UNKNOWN
            return
        if not isinstance(items, (list, tuple)):
            self.error("NS204", f"`for` runs over a list, found {kind_of(items)}", loop.items.span, helps=["write `for w in [64, 128]`, or `repeat n as i`"])
            return
        names = [name.text for name in loop.names]
        bindings: list[dict[str, Any]] = []
        for item in items:
            if len(names) == 1:
                bindings.append({names[0]: item})
            elif isinstance(item, (list, tuple)) and len(item) == len(names):
                bindings.append(dict(zip(names, item, strict=True)))
            else:
                found = f"{len(item)}" if isinstance(item, (list, tuple)) else kind_of(item)
                self.error("NS204", f"{len(names)} names take {len(names)} values at a time, found {found}", loop.items.span, notes=[f"the item is {show(item)}"])
                return
        self.loop(loop.body, frame, bindings, loop.span)

    def loop(self, body: t.Body, frame: Frame, bindings: list[dict[str, Any]], span: Span) -> None:
        outer = frame.inner(self.region(frame, "repeat", "", span))
        outer.region.arguments = (("count", len(bindings)),)
        for i, binding in enumerate(bindings):
            self.evaluator.spend()
            inner = outer.inner()
            inner.names.update(binding)
            with self.inside(f"round {i + 1} of {len(bindings)} of the loop at line {span.line}"):
                self.run(body.statements, inner)
            outer.here = inner.here
        frame.here = outer.here

    def _if(self, when: t.If, frame: Frame) -> None:
        value = self.evaluate(when.condition, frame)
        if value is self.FAILED:
            frame.here = UNKNOWN
            return
        if not isinstance(value, bool):
            self.error("NS204", f"a condition is yes or no, found {kind_of(value)}", when.condition.span, helps=["compare it: `… > 0`"])
            return
        chosen = when.body if value else when.otherwise
        if isinstance(chosen, t.If):
            self._if(chosen, frame)
        elif chosen is not None:
            self.braces(chosen, frame)
