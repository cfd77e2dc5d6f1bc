"""The elaborator: runs the statements of a tree and builds the graph. Flow is here; layers, calls and contracts are beside it."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from netspec.diagnostics import Label
from netspec.diagnostics.facts import Instead, Misspelt
from netspec.elaborate.binding import bind, find_op
from netspec.elaborate.builder import GraphBuilder
from netspec.elaborate.checkpoint import run_checkpoint
from netspec.elaborate.defaults import check_default
from netspec.elaborate.facts import UnknownLabel, scope_of
from netspec.elaborate.further_inputs import further_inputs
from netspec.elaborate.joins import run_dense, run_join, run_residual
from netspec.elaborate.loops import before_rounds, run_for, run_if, run_repeat
from netspec.elaborate.origins import origin
from netspec.elaborate.state import UNKNOWN, BoundLayer, Defaults, Frame, Site, ordinal
from netspec.elaborate.windows import run_windows
from netspec.graph import Region, RegionKind
from netspec.ops import CATALOGUE
from netspec.ops.op import Op
from netspec.ops.shape import Flatten
from netspec.source import Span
from netspec.symbolic import Constant
from netspec.syntax import tree as t

if TYPE_CHECKING:
    pass

__all__ = ["Elaborator"]


class Elaborator(GraphBuilder):
    """Runs the statements of a tree: declarations, chains, layers; joins, loops and calls are beside it."""

    # Statements

    def run(self, statements: Sequence[Any], frame: Frame) -> None:
        for statement in statements:
            if not self.context:
                self.place = statement.span
            self.evaluator.spend()
            getattr(self, f"_{type(statement).__name__.lower()}")(statement, frame)

    def chain(self, chain: t.Chain, frame: Frame) -> None:
        for step in chain.steps:
            self.step(step, frame)

    _chain = chain

    def _let(self, let: t.Let, frame: Frame) -> None:
        if let.name in frame.names:
            self.error("NS209", f"`{let.name}` is defined twice here", let.name_span)
            return
        layer = re.match(r"([A-Za-z]+)[\dx×]*-[\w(]", let.value.span.text)
        if layer is not None and layer[1].lower() in CATALOGUE:
            title = f"a layer is named by a label: `{let.name}: {let.value.span.text}`"
            whole = Span(let.span.source, let.span.start, let.value.span.start)
            facts = Instead(whole, f"{let.name}: ", title)
            self.error("NS204", "a variable holds a value, not a layer", let.value.span, facts=facts)
            self.other_names.add(let.name)
            frame.here = UNKNOWN
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
        written = origin(let.value, frame, self.graph.functions)
        if not isinstance(written, Constant):
            frame.symbols[let.name] = written

    def _default(self, default: t.Default, frame: Frame) -> None:
        check_default(self, default, frame)
        frame.defaults = Defaults(default, frame, frame.defaults)

    def _use(self, item: t.Use, frame: Frame) -> None:
        for default, around in self.exported.get(item, ()):
            frame.defaults = Defaults(default, around, frame.defaults)

    def _fit(self, fit: t.Fit, frame: Frame) -> None:
        if fit.mode.text not in ("exact", "floor"):
            facts = Misspelt(fit.mode.span, fit.mode.text, ("exact", "floor"))
            self.error("NS205", f"fit is exact or floor, not `{fit.mode.text}`", fit.mode.span, facts=facts)
            return
        frame.fit = fit.mode.text

    def _expect(self, expect: t.Expect, frame: Frame) -> None:
        from netspec.elaborate.state import Expectation

        self.expectations.append(Expectation(expect, frame, frame.here, tuple(self.context)))

    def _input(self, statement: t.Input, frame: Frame) -> None:
        from netspec.elaborate.declarations import declare_input

        declare_input(self, statement, frame)

    def _port(self, port: t.Port, frame: Frame) -> None:
        from netspec.elaborate.ports import declare_port

        declare_port(self, port, frame)

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
        from netspec.elaborate.blocks import declare_shared

        declare_shared(self, shared, frame)

    def _aux(self, aux: t.Aux, frame: Frame) -> None:
        from netspec.elaborate.declarations import run_aux

        run_aux(self, aux, frame)

    # Nothing to do when they are reached: they are declared before the first statement runs

    def _net(self, item: t.Net, frame: Frame) -> None: ...

    def _function(self, item: t.Function, frame: Frame) -> None: ...

    def _block(self, item: t.Block, frame: Frame) -> None: ...

    # Steps

    def step(self, step: t.Step, frame: Frame) -> None:
        """One link of a chain: its copies, its label."""
        copies = 1
        if step.times is not None:
            count = self.count(step.times, frame, "the number of copies")
            if count is None:
                self.fail(Site(step.span, frame))
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
        if isinstance(step.term, (t.Layer, t.Fed)) and step.times is None:
            self.term(step.term, frame, name)
            instance = frame.region.members[-1] if frame.region.members else None
            if isinstance(step.term, t.Fed) and isinstance(instance, Region):  # the branches are not its own
                first = next((node.index for node in instance.nodes()), first)
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
            why = "it is a value of the language" if word else "PyTorch modules and Python use this name themselves"
            facts = Instead(label.span, other, f"call it `{other}`")
            self.error("NS213", f"`{label.text}` cannot be a label", label.span, notes=[why], facts=facts)
            return False
        if label.text in frame.labels:
            from netspec.elaborate.labels import report_label_twice

            report_label_twice(self, label, frame)
            frame.labels[label.text] = UNKNOWN  # which of the two is meant from here on is not known
            return False
        return True

    def copies(self, step: t.Step, copies: int, frame: Frame) -> None:
        if step.times is None:
            self.term(step.term, frame, None)
            return
        if not self.context:
            self.place = step.times.span
        inner = frame.inner(self.region(frame, "repeat", "", step.span))
        inner.region.arguments = (("count", copies),)
        inner.region.count = origin(step.times, frame, self.graph.functions)
        before_rounds(self, (t.Chain((t.Step(None, step.term, None, step.span),), step.span),), frame, copies)
        for i in range(copies):
            inner.region.rounds.append(len(inner.region.members))
            with self.inside(f"{ordinal(i + 1)} of {copies} copies" if copies > 1 else ""):
                # a copy of a block takes what the one before gives
                self.term(step.term.layer if i and isinstance(step.term, t.Fed) else step.term, inner, None)
            if inner.here is UNKNOWN:
                break  # the next copies would say nothing new
        frame.here = inner.here

    def term(self, term: t.Term, frame: Frame, label: str | None) -> None:
        found, failed = len(self.diagnostics.items), len(self.graph.failed)
        self._term(term, frame, label)
        if frame.here is UNKNOWN and len(self.diagnostics.items) > found and len(self.graph.failed) == failed:
            self.fail(Site(term.span, frame, label))

    def _term(self, term: t.Term, frame: Frame, label: str | None) -> None:
        if isinstance(term, t.Layer):
            self.layer(term, frame, label)
        elif isinstance(term, t.Fed):
            from netspec.elaborate.calls import run_fed

            run_fed(self, term, frame, label)
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

    def go_from(self, statement: t.From, frame: Frame) -> None:
        tensor = frame.entry if statement.label == "in" else frame.label(statement.label)
        if tensor is None and statement.label in self.other_names:
            tensor = UNKNOWN  # reported with the label that is defined twice
        elif tensor is None and frame.at_label(statement.label)[0] is not None:
            from netspec.elaborate.failures import report_no_output

            report_no_output(self, statement, frame)
            tensor = UNKNOWN
        elif tensor is None:
            name = frame.at_label(statement.label)[1]
            self.error(
                "NS208", f"there is no label `{name}` here", statement.label_span,
                notes=[f"`{statement.label}` is `{name}`"] if name != statement.label else [],
                secondary=[Label(later, "it is here")] if (later := self.label_below(statement)) is not None else [],
                facts=self.unknown_label(statement, frame, later),
            )  # fmt: skip
            tensor = UNKNOWN
        frame.here = tensor

    def unknown_label(self, statement: t.From, frame: Frame, later: Span | None) -> UnknownLabel:
        name = frame.at_label(statement.label)[1]
        block = frame.block(name)
        named = (n for n in self.graph.nodes if n.name == frame.region.path + name and n.inputs)
        node = next((n for n in named if n.span.source is statement.span.source), None)
        entry = self.calling[-1].statements[0] if self.calling and self.calling[-1].statements else None
        parameters = tuple(p.name for p in block.parameters) if block is not None else None
        known = scope_of(frame)
        return UnknownLabel(name, statement.label_span, known, parameters, node, entry, name in self.all_labels, later)

    def label_below(self, statement: t.From) -> Span | None:
        """Where a label that is not defined yet is written, where it is written nowhere above."""
        from netspec.elaborate.labels import labels_and_uses

        found = labels_and_uses(statement.span.source)[0].get(statement.label, [])
        if self.calling or not found or found[0] < statement.span.start:
            return None
        return Span(statement.span.source, found[0], found[0] + len(statement.label))

    # Layers

    def layer(self, layer: t.Layer, frame: Frame, label: str | None) -> None:
        if layer.head == "_" and (layer.span.source, layer.span.start) in self.diagnostics.skipped:
            from netspec.elaborate.skips import run_skipped

            run_skipped(self, self.diagnostics.skipped[layer.span.source, layer.span.start], frame)
            return
        block = frame.block(layer.head)
        if block is not None:
            from netspec.elaborate.calls import call_block

            call_block(self, block, layer, frame, label)
            return
        named = frame.layer(layer.head) if find_op(layer) is None else None
        if named is not None:
            called = t.Layer(named, *list(layer)[1:])
            if frame.block(named) is not None or find_op(called) is not None:
                self.layer(called, frame, label)
                return
        bound = bind(self, layer, frame)
        if bound is None:
            here = frame.here
            self.fail(
                Site(layer.span, frame, label), (here.type,) if here is not None and here.type is not None else ()
            )
            return
        base = label or ""
        expanded = bound.op.expand(frame.here.type) if frame.here is not None and frame.here.type is not None else None
        if expanded is None:
            self.apply(bound, layer, frame, base or None)
        else:
            base = base or frame.namer.number(bound.op.name.lower())
            for suffix, op, handed_on in expanded:
                origins = {name: written for name, written in bound.origins.items() if name in handed_on}
                self.apply(BoundLayer(op, bound.spans, origins), layer, frame, frame.namer.unique(f"{base}_{suffix}"))
        for option in ("norm", "act"):
            after = getattr(bound.op, option)
            if isinstance(after, Op):
                name = frame.namer.unique(f"{base}_{after.name.lower()}") if base else None
                spans = dict.fromkeys(after.options, bound.spans.get(option, layer.span))
                origins = {
                    n.removeprefix(f"{option}."): s for n, s in bound.origins.items() if n.startswith(f"{option}.")
                }
                if option in bound.origins:
                    origins["op"] = bound.origins[option]
                self.apply(BoundLayer(after, spans, origins), layer, frame, name)

    def apply(self, bound: BoundLayer, layer: t.Layer, frame: Frame, name: str | None) -> None:
        """Adds a layer after the current tensor, after a flatten where it needs one."""
        here = frame.entry if bound.op.ignores_input and frame.entry is not None else frame.here
        if here is None or here.several:
            self.current(layer.head_span, frame)
            return
        if here.type is None:
            if self.graph.failed:
                self.graph.failed[-1].followers += 1
            return
        if bound.op.needs_flat(here.type):
            flat = frame.namer.unique(f"{name}_flatten") if name else None
            self.add(BoundLayer(Flatten()), (here,), Site(layer.head_span, frame, flat))
            here = frame.here
            assert here is not None
        self.add(bound, (here, *further_inputs(self, bound, frame)), Site(layer.span, frame, name))


def _words_of(expr: t.Expr) -> list[str]:
    return re.findall(r"[A-Za-z_]\w*", expr.span.text)


_TERMS: dict[type, Callable[[Elaborator, Any, Frame], None]] = {
    t.Join: run_join,
    t.Residual: run_residual,
    t.Dense: run_dense,
    t.Checkpoint: run_checkpoint,
    t.Windows: run_windows,
    t.Repeat: run_repeat,
    t.For: run_for,
    t.If: run_if,
}
