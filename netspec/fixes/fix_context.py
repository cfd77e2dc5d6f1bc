"""What a rule knows of the place of a diagnostic, and the fixes that rules are made of."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from netspec.diagnostics import Diagnostic, Edit, Fix
from netspec.fixes import edits
from netspec.fixes.validation import Budget
from netspec.graph import Graph, Node, TensorType, output_of, seen_by
from netspec.ops import CATALOGUE
from netspec.ops.op import Leftover, Misfit, Op
from netspec.source import Span
from netspec.syntax import tree as t
from netspec.syntax.steps import StepRef

__all__ = [
    "POOLINGS", "FixContext", "inserted", "kernel_of", "name_of", "removed", "replaced_in", "resumed", "rewritten", "short", "swapped",
]  # fmt: skip

POOLINGS = ("maxpool", "avgpool", "lppool")
_LONGEST = 60


@dataclass(frozen=True, slots=True)
class FixContext:
    """A diagnostic with its facts, the tree and the graph of the file, and the step where it is (None in a used file)."""

    file: t.File
    graph: Graph
    nodes: Mapping[Span, Sequence[Node]]
    diagnostic: Diagnostic
    steps: Sequence[StepRef]
    step: StepRef | None
    budget: Budget

    @property
    def facts(self) -> Any:
        return self.diagnostic.facts

    @property
    def span(self) -> Span:
        assert self.diagnostic.span is not None
        return self.diagnostic.span

    @property
    def here(self) -> Iterator[StepRef]:
        """The step, as often as there is one: rules loop over it."""
        if self.step is not None:
            yield self.step

    @property
    def came_in(self) -> TensorType | None:
        types = getattr(self.facts, "types", ())
        return types[0] if types else None

    @property
    def inputs(self) -> list[t.Input]:
        return [item for item in self.file.items if isinstance(item, t.Input)]

    def earlier(self, here: StepRef) -> list[StepRef]:
        """The steps before one that are written in the same statements or around them, the nearest first."""
        around = {id(step.statements) for step in here.around}
        return [s for s in reversed(self.steps) if s.span.end <= here.span.start and id(s.statements) in around]

    def infer(self, op: Op, types: tuple[TensorType, ...]) -> tuple[TensorType, tuple[Leftover, ...]] | None:
        """What an op gives, and what its window leaves over; None where it does not fit, or the budget is spent."""
        if not self.budget.spend_inference():
            return None
        try:
            op.validate()
            return output_of(op, types), op.leftovers(*seen_by(op, types))
        except (Misfit, ArithmeticError, TypeError, ValueError):
            return None

    def input_types(self, node: Node) -> tuple[TensorType, ...]:
        return self.graph.input_types(node)


def name_of(step: StepRef | None) -> str:
    """The layer that a step names, as the catalogue calls it; empty for anything else."""
    head = step.layer.head.lower() if step is not None and step.layer is not None else ""
    op = CATALOGUE.get(head) or CATALOGUE.get(re.sub(r"[\dx×]+$", "", head))
    return op.name.lower() if op is not None else ""


def kernel_of(step: StepRef) -> int:
    found = re.match(r"[A-Za-z]+(\d+)", step.text)
    return int(found[1]) if found else 0


def short(text: str) -> str:
    text = " ".join(text.split())
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"


def removed(step: StepRef) -> Iterator[Fix]:
    """Without a step, its arrow or its line; nothing where it is all that is there."""
    if len(step.chain.steps) > 1 or (len(step.statements) > 1 and edits.line_of_its_own(step.span)):
        yield Fix(f"remove `{short(step.span.text)}` at line {step.span.line}", (edits.delete(step.span),))


def swapped(one: StepRef | None, other: StepRef | None) -> Iterator[Fix]:
    if one is not None and other is not None:
        title = f"put `{short(other.span.text)}` before `{short(one.span.text)}`"
        yield Fix(title, edits.exchange(one.span, other.span))


def before(step: StepRef, layer: str) -> Edit:
    """A layer before a step: on a line of its own where the step begins one."""
    if step.index == 0 and edits.line_of_its_own(step.chain.span):
        return edits.insert_line_before(step.span, layer)
    return edits.insert_before(step.span, f"{layer} -> ")


def inserted(step: StepRef, layer: str, title: str = "") -> Iterator[Fix]:
    title = title or f"put `{layer}` before `{short(step.span.text)}` at line {step.span.line}"
    yield Fix(title, (before(step, layer),))


def rewritten(step: StepRef, text: str) -> Fix:
    title = f"write `{short(text)}` instead of `{short(step.text)}` at line {step.span.line}"
    return Fix.replace(step.step.term.span, text, title)


def replaced_in(step: StepRef, part: Span, text: str) -> Fix:
    whole = step.step.term.span
    old = whole.source.text
    return rewritten(step, old[whole.start : part.start] + text + old[part.end : whole.end])


def resumed(context: FixContext, steps: Iterable[StepRef]) -> Iterator[Fix]:
    """`from label` before a step, where a branch was left and not gone back from."""
    labels = [s.step.label.text for s in context.steps if s.step.label is not None and s.parent is None and not s.block]
    inputs = [item.name for item in context.inputs if item.name]
    for step in steps:
        if step.index == 0 and step.parent is None and not step.block and step.at > 0:
            for label in (*reversed(labels[-6:]), *(inputs if len(inputs) > 1 else ())):
                yield from inserted(step, f"from {label}")
