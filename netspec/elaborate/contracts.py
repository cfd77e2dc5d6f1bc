"""`expect`: what the author says of the network, held against what was computed."""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, ROUND_HALF_UP, Decimal
from typing import TYPE_CHECKING, Any

from netspec.analysis.analysis import Analysis
from netspec.analysis.figures import FIGURES
from netspec.diagnostics import Diagnostic
from netspec.diagnostics.facts import Instead, Misspelt
from netspec.elaborate.arithmetic import EvaluationError, Unknown, compare
from netspec.elaborate.expressions import Evaluator
from netspec.elaborate.facts import ExpectationFails, SeveralOutputs, scope_of
from netspec.elaborate.state import Expectation, Frame, Tensor
from netspec.graph import Node, TensorType
from netspec.source import Span
from netspec.syntax import tree as t
from netspec.values import Quantity, kind_of, show

if TYPE_CHECKING:
    from netspec.elaborate.context import ElaborationContext

__all__ = ["QUANTITIES", "Expectation", "Judgement", "check_expectations", "judge"]

QUANTITIES = (*(name for name, figure in FIGURES.items() if figure.part is not None), "output")
_COMPARISONS = ("==", "!=", "<", "<=", ">", ">=", "~")
_OF_LABELS = (*(name for name in QUANTITIES if name != "output"), "shape")


def check_expectations(run: ElaborationContext, failed: bool) -> None:
    """Reports those that do not hold. Where layers `failed`, those of the whole network cannot be decided."""
    analysis = Analysis(run.graph)
    for expectation in run.expectations:
        run.context = list(expectation.context)
        check = _Check(run, expectation, analysis, failed)
        try:
            check.check()
        except EvaluationError as error:
            if error.diagnostic.code == "NS402" and check.excused(check.condition):
                check.note(error.diagnostic.code, error.diagnostic.message, error.diagnostic.span)
            else:
                run.report(error.diagnostic)
        except Unknown:
            pass
    run.context = []


@dataclass(frozen=True, slots=True)
class Judgement:
    """Whether a condition holds of a network, and if not, by how much it is missed.

    `excess` is relative: 0.25 where `params <= 4M` meets 5M. Of `a and b` it is the sum, of `a or b` the least; 1 where
    there is nothing to measure.
    """

    holds: bool
    excess: float


def judge(run: ElaborationContext, frame: Frame, condition: t.Expr, analysis: Analysis) -> Judgement:
    """A condition held against a network without errors. Raises EvaluationError."""
    statement = t.Expect(condition, condition.span)
    check = _Check(run, Expectation(statement, frame, frame.here, ()), analysis, failed=False)
    excess = check.excess(condition)
    return Judgement(excess == 0, excess)


class _Check(Evaluator):
    """Evaluates one expectation: expressions as everywhere, and the quantities of the network beside them."""

    def __init__(self, run: ElaborationContext, expectation: Expectation, analysis: Analysis, failed: bool) -> None:
        super().__init__(run.limits)
        self.run = run
        self.analysis = analysis
        self.failed = failed
        self.frame = expectation.frame
        self.here = expectation.here
        self.condition = expectation.statement.condition
        self.asked = expectation.asked

    def check(self) -> None:
        later, self.frame.here = self.frame.here, self.here  # `here` is where the line is
        try:
            self.hold(self.condition)
        finally:
            self.frame.here = later

    def hold(self, condition: t.Expr) -> None:
        """Reports the comparison that fails; of `a and b` each by itself."""
        if isinstance(condition, t.Binary) and condition.operator == "and":
            self.hold(condition.left)
            self.hold(condition.right)
        elif isinstance(condition, t.Binary) and condition.operator in _COMPARISONS:
            left, right = self.value(condition.left, self.frame), self.value(condition.right, self.frame)
            if not self.holds(condition, left, right):
                self.report(condition, left, right)
        elif not self.truth(condition, self.frame):
            report = self.note if self.excused(condition) else self.run.error
            report("NS401", "this expectation does not hold", condition.span)

    def excused(self, condition: t.Expr) -> bool:
        """Whether it is about other values of the parameters than those that are given."""
        return not self.asked and self.run.overrides.excuse(condition, self.frame)

    def note(self, code: str, message: str, span: Span | None, label: str = "") -> None:
        notes = (self.run.overrides.note(), *self.run.trail())
        self.run.diagnostics.add(Diagnostic(code, "note", message, span, label, notes=notes))

    def excess(self, condition: t.Expr) -> float:
        """By how much a condition is missed, as in `Judgement`; 0 where it holds."""
        if isinstance(condition, t.Binary) and condition.operator in ("and", "or"):
            left, right = self.excess(condition.left), self.excess(condition.right)
            return left + right if condition.operator == "and" else min(left, right)
        if isinstance(condition, t.Binary) and condition.operator in _COMPARISONS:
            values = self.value(condition.left, self.frame), self.value(condition.right, self.frame)
            return 0.0 if self.holds(condition, *values) else _distance(*values)
        return 0.0 if self.truth(condition, self.frame) else 1.0

    def holds(self, condition: t.Binary, left: Any, right: Any) -> bool:
        operator = condition.operator
        if isinstance(left, TensorType) or isinstance(right, TensorType):
            if operator not in ("==", "!="):
                raise EvaluationError("NS210", f"shapes compare with `==`, not `{operator}`", condition.span)
            return (_sizes(left) == _sizes(right)) == (operator == "==")
        if isinstance(left, tuple) != isinstance(right, tuple):  # a receptive field of one number means every axis
            left, right = (v if isinstance(v, tuple) else (v,) * len(_other(left, right)) for v in (left, right))
        if operator in ("==", "!="):
            return bool(left == right) == (operator == "==")
        if isinstance(left, tuple):
            return all(self.number_holds(condition, a, b) for a, b in zip(left, right, strict=False))
        return self.number_holds(condition, left, right)

    def number_holds(self, condition: t.Binary, left: Any, right: Any) -> bool:
        if condition.operator == "~":
            for value in (left, right):
                if isinstance(value, bool) or not isinstance(value, (int, float)):
                    raise EvaluationError("NS210", f"`~` compares numbers, found {kind_of(value)}", condition.span)
            return _close(left, right, condition)
        return compare(condition.operator, left, right, condition.span)

    def report(self, condition: t.Binary, left: Any, right: Any) -> None:
        actual, wanted = (left, right) if _is_computed(condition.left) else (right, left)
        computed = condition.left if _is_computed(condition.left) else condition.right
        message, label = (
            f"{lead}{_name(computed)} is {_grouped(actual)}" for lead in (f"expected {_words(condition)}, but ", "")
        )
        if self.excused(condition):
            self.note("NS401", message, condition.span, label)
            return
        notes = []
        numbers = [v for v in (actual, wanted) if isinstance(v, (int, float)) and not isinstance(v, bool)]
        if len(numbers) == 2 and actual != wanted:
            difference = actual - wanted
            notes.append(
                f"that is {_grouped(abs(difference))} {'more' if difference > 0 else 'fewer' if isinstance(difference, int) else 'less'}"
            )
        wrong = condition.right if computed is condition.left else condition.left
        corrected = condition.operator == "==" and isinstance(wrong, t.Literal_)
        if not isinstance(actual, TensorType) and _name(computed) == "params" and not corrected:
            notes += largest_layers(self.nodes())
        here = self.here.type if self.here is not None else None
        earlier = isinstance(actual, TensorType) and here is not None and _name(computed) == "output"
        earlier = earlier and isinstance(wanted, (tuple, list)) and _sizes(here) == _sizes(wanted)
        helps = ["`output` is that of the finished network: label the layer above, `a: …`, and write `shape(a)`"]
        self.run.error(
            "NS401", message, condition.span, label=label, notes=notes, helps=helps if earlier else (),
            facts=ExpectationFails(condition, wrong, actual, wanted, self.target(computed, actual)),
        )  # fmt: skip

    def target(self, computed: t.Expr, actual: Any) -> int | None:
        """The node whose shape is computed."""
        if not isinstance(actual, TensorType):
            return None
        if isinstance(computed, t.Call) and isinstance(computed.arguments[0], (t.Name, t.Fact)):
            tensor = self.frame.label(_label(computed.arguments[0]))
            return tensor.node if tensor is not None else None
        return self.output(computed.span) if isinstance(computed, t.Name) else None

    # Values: the quantities of the network beside the ordinary expressions

    def _name(self, expr: t.Name, frame: Frame, words: bool) -> Any:
        if not self.is_variable(expr.text, frame):
            if expr.text in QUANTITIES:
                return self.quantity(expr.text, expr.span)
            scaled = re.fullmatch(r"([kmg])(flops|macs|params)", expr.text.lower())
            if scaled:
                text = f"{scaled[2]} < 1{scaled[1].upper()}"
                help_ = f"the suffix belongs to the figure: `{text}`"
                raise EvaluationError("NS208", f"there is no quantity `{expr.text}`", expr.span, help_)
            parts = expr.text.split("x")
            if len(parts) > 1 and all(part.isdecimal() or self.is_variable(part, frame) for part in parts):
                text = f"({', '.join(parts)})"
                size = Instead(expr.span, text, f"a size with names is a tuple: `{text}`")
                raise EvaluationError("NS208", f"`{expr.text}` is not defined", expr.span, facts=size)
            have = f"there are {', '.join(QUANTITIES)}, and shape(label)"
            facts = Misspelt(expr.span, expr.text, (*QUANTITIES, *scope_of(frame).variables), have)
            raise EvaluationError("NS208", f"there is no quantity `{expr.text}`", expr.span, facts=facts)
        return super()._name(expr, frame, words)

    def _call(self, expr: t.Call, frame: Frame, words: bool) -> Any:
        if expr.name in (*QUANTITIES, *_OF_LABELS) and expr.name not in frame.file.functions:
            return self.of_label(expr)
        return super()._call(expr, frame, words)

    def _binary(self, expr: t.Binary, frame: Frame, words: bool) -> Any:
        if expr.operator in _COMPARISONS:
            return self.holds(expr, self.value(expr.left, frame), self.value(expr.right, frame))
        return super()._binary(expr, frame, words)

    def is_variable(self, name: str, frame: Frame) -> bool:
        try:
            frame.lookup(name)
        except KeyError:
            return name in ("yes", "no", "none")
        return True

    def nodes(self) -> list[Node]:
        return list(self.frame.region.nodes())

    def output(self, span: Span) -> int:
        if self.frame.region.parent is None and self.run.graph.outputs:
            index = self.run.graph.outputs[0][1]
        else:
            here = self.here or self.frame.here
            index = here.node if here is not None and here.node is not None else -1
        if index < 0:
            raise Unknown
        return index

    def quantity(self, name: str, span: Span) -> Any:
        if self.failed:
            raise Unknown
        graph = self.run.graph
        if name == "output":
            if len(graph.outputs) > 1 and self.frame.region.parent is None:
                names = ", ".join(n for n, _ in graph.outputs)
                raise EvaluationError(
                    "NS402", "there are several outputs", span, f"say which: shape(label); the outputs are {names}",
                    facts=SeveralOutputs(tuple(n for n, _ in graph.outputs)),
                )  # fmt: skip
            return graph.nodes[self.output(span)].type
        at = self.frame.region.parent is not None and FIGURES[name].at_output
        return self.figure(name, [graph.nodes[self.output(span)]] if at else self.nodes(), span)

    def figure(self, name: str, nodes: list[Node], span: Span) -> Any:
        """A figure as a value of an expression; a single number where it is the same along all axes."""
        value = self.analysis.of(name, nodes)
        if value is None:
            raise EvaluationError("NS402", f"there is no {name} here: the whole input is seen", span)
        if isinstance(value, tuple):
            return value[0] if len(set(value)) == 1 else value
        return value

    def of_label(self, expr: t.Call) -> Any:
        if len(expr.arguments) != 1 or expr.options or not isinstance(expr.arguments[0], (t.Name, t.Fact)):
            raise EvaluationError(
                "NS207",
                f"`{expr.name}` takes the label of a layer",
                expr.span,
                f"write `{expr.name}(stem)` for a layer labelled `stem:`",
            )
        if expr.name not in _OF_LABELS:
            raise EvaluationError(
                "NS208",
                f"there is no `{expr.name}` of a label",
                expr.name_span,
                f"there are {', '.join(f'{n}(label)' for n in _OF_LABELS)}",
            )
        written, name = expr.arguments[0], _label(expr.arguments[0])
        tensor = self.frame.label(name)
        outputs = dict(self.run.graph.outputs)
        if tensor is None and name in outputs:
            index = outputs[name]
            tensor = Tensor(index, self.run.graph.nodes[index].type) if index >= 0 else Tensor(None, None)
        if tensor is None and name in self.run.lost_outputs:
            raise Unknown
        if tensor is None:
            helps = "labels inside braces are visible there only"
            if name in self.run.all_labels:
                helps = f"`{name}` is inside braces, and is visible there only"
            elif any(n.name == self.frame.region.path + name for n in self.nodes()):
                helps = f"`{name}` is an automatic name; to refer to the layer write a label before it: `name: …`"
            known = Misspelt(written.span, name, scope_of(self.frame).labels, helps)
            raise EvaluationError("NS208", f"there is no label `{name}` here", written.span, facts=known)
        if tensor.several and expr.name == "shape":
            listed = ", ".join(f"`shape({name}.{output})`" for output, _ in tensor.outputs)
            raise EvaluationError(
                "NS402", f"`{name}` is {len(tensor.outputs)} tensors", expr.span, f"there are {listed}"
            )
        if tensor.several:
            first, last = self.frame.labelled(name) or (0, 0)
            return self.figure(expr.name, self.run.graph.nodes[first:last], expr.span)
        if tensor.type is None or tensor.node is None:
            raise Unknown
        if expr.name == "shape":
            return tensor.type
        first, last = self.frame.labelled(name) or (tensor.node, tensor.node + 1)
        if FIGURES[expr.name].at_output:
            first, last = tensor.node, tensor.node + 1
        return self.figure(expr.name, self.run.graph.nodes[first:last], expr.span)


def _label(expr: t.Name | t.Fact) -> str:
    """The label that a figure is of: `stem`, or `pair.left`."""
    return expr.text if isinstance(expr, t.Name) else f"{expr.owner}.{expr.field}"


def _distance(left: Any, right: Any) -> float:
    """How far two values are apart, relative to the second (the first, where it is 0); 1 for what has no distance."""
    if isinstance(left, tuple) or isinstance(right, tuple):
        pairs = zip(
            *(v if isinstance(v, tuple) else (v,) * len(_other(left, right)) for v in (left, right)), strict=False
        )
        return max((_distance(a, b) for a, b in pairs), default=1.0)
    if any(isinstance(v, bool) or not isinstance(v, (int, float)) for v in (left, right)) or left == right:
        return 1.0
    return float(abs(left - right) / (abs(right) or abs(left)))


def largest_layers(nodes: list[Node]) -> list[str]:
    """Where most of the parameters are."""
    nodes = sorted((n for n in nodes if n.n_params and not n.aux), key=lambda n: -n.n_params)[:3]
    return [f"most are in {', '.join(f'{n.name} ({n.n_params:,})' for n in nodes)}"] if len(nodes) > 1 else []


def _other(left: Any, right: Any) -> tuple[Any, ...]:
    return left if isinstance(left, tuple) else right


def _sizes(value: Any) -> tuple[int, ...]:
    if isinstance(value, TensorType):
        return value.shape
    return tuple(value) if isinstance(value, (tuple, list)) else (value,)


def _is_computed(expr: t.Expr) -> bool:
    if isinstance(expr, t.Fact):
        return True
    if isinstance(expr, t.Name):
        return expr.text in QUANTITIES
    if isinstance(expr, t.Call):
        return expr.name in (*QUANTITIES, *_OF_LABELS) or any(map(_is_computed, expr.arguments))
    return isinstance(expr, t.Binary) and (_is_computed(expr.left) or _is_computed(expr.right))


def _name(expr: t.Expr) -> str:
    return " ".join(expr.span.text.split())


def _words(condition: t.Binary) -> str:
    return f"`{' '.join(condition.span.text.split())}`"


def _grouped(value: Any) -> str:
    if isinstance(value, bool):
        return show(value)
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, TensorType):
        return str(value)
    if isinstance(value, tuple):
        return "x".join(map(str, value))
    return show(value)


def _close(left: Any, right: Any, condition: t.Binary) -> bool:
    """Whether the true value, rounded to the digits written, is what is written."""
    written, true = (condition.right, left) if not _is_computed(condition.right) else (condition.left, right)
    text = written.text if isinstance(written, t.Literal_) else ""
    if not isinstance(written, t.Literal_) or written.kind not in ("int", "float", "quantity"):
        value = left if true is right else right
        if isinstance(value, Quantity):
            text = value.text
        else:
            raise EvaluationError(
                "NS402",
                "`~` compares with a number as it is written",
                written.span,
                "write a figure such as `138M`, or compare with `==`, `<=`",
            )
    text = text.replace("_", "")
    unit = Decimal(1)
    if text[-1] in "KMGB":
        unit = Decimal({"K": 10**3, "M": 10**6, "G": 10**9, "B": 10**9}[text[-1]])
        text = text[:-1]
    figure = Decimal(text)
    exact = Decimal(str(true)) / unit
    step = Decimal(1).scaleb(int(figure.as_tuple().exponent))
    return any(exact.quantize(step, rounding=how) == figure for how in (ROUND_HALF_UP, ROUND_HALF_EVEN))
