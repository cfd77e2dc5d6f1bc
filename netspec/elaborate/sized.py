"""Elaboration with open sizes: one sample is built, and what it stands for is noted on the way."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from netspec.analysis.sizes.boxes import Box, everything, narrowed
from netspec.analysis.sizes.cases import Case, cases
from netspec.analysis.sizes.search import Refusal, Walk, alike, merged
from netspec.diagnostics import Diagnostic, Diagnostics
from netspec.elaborate.context import Inferred
from netspec.elaborate.elaborator import Elaborator
from netspec.elaborate.state import BoundLayer, Frame, Site, Tensor
from netspec.graph import TensorType, output_of, runs, seen_by
from netspec.ops.op import Misfit, Op
from netspec.ops.open_size import Decided, at, is_open, undecided
from netspec.syntax import tree as t

__all__ = ["FirstError", "Refused", "SizedElaborator"]


class Refused(Exception):
    """The first error of a sample: nothing more is asked of it."""

    def __init__(self, diagnostic: Diagnostic) -> None:
        super().__init__(diagnostic.message)
        self.diagnostic = diagnostic


class FirstError(Diagnostics):
    """Raises Refused for the first error, and keeps no warnings."""

    def add(self, diagnostic: Diagnostic) -> None:
        if diagnostic.is_error:
            raise Refused(diagnostic)


class _Rule:
    """The cases of one op on types with open sizes."""

    def __init__(self, op: Op, found: list[Case[TensorType]]) -> None:
        self.main = found[0]
        result = self.main.result
        self.allowed: list[Box] = []
        if isinstance(result, TensorType):
            fits = (c.box for c in found if isinstance(c.result, TensorType) and alike(c.result, result, c.box))
            self.allowed = merged(fits)
        self.refused = [(case.box, case.result) for case in found if isinstance(case.result, Misfit)]


class SizedElaborator(Elaborator):
    """Builds the network of one sample of open sizes, and a `walk` of what it stands for."""

    def __init__(self, *inner: Any, sample: Mapping[str, int], decided: Mapping[Decided, None]) -> None:
        super().__init__(*inner)
        self.sample = sample
        self.decided = decided
        """What has been decided so far, outside of the rules of ops."""
        self.walk = Walk([everything(sample)])
        self._used = 0
        self._rules: dict[tuple[Any, ...], _Rule] = {}
        self._tiling: dict[tuple[Any, ...], list[Box] | None] = {}
        self._site: Site | None = None
        self._name = ""

    def catch_up(self) -> None:
        """Narrows what the walk stands for by the decisions since."""
        new = list(self.decided)[self._used :]
        self._used += len(new)
        if new:
            boxes = (narrowed(box, new) for box in self.walk.boxes)
            self.walk.boxes = [box for box in boxes if not box.empty]

    def add(self, layer: BoundLayer, inputs: tuple[Tensor, ...], site: Site) -> None:
        self._site = site
        self._name = site.frame.region.path + (site.name or layer.op.name)
        refused = len(self.walk.refusals)
        super().add(layer, inputs, site)
        for i in range(refused, len(self.walk.refusals)):  # now that the layer has its name
            self.walk.refusals[i] = replace(self.walk.refusals[i], layer=self.graph.nodes[-1].name)
        tiling = self._tiling.get((layer.op, *(tensor.type for tensor in inputs)))
        if tiling is not None:
            self.walk.tiling[len(self.graph.nodes) - 1] = tiling

    def infer(self, op: Op, types: tuple[TensorType, ...]) -> Inferred:
        if not any(is_open(size) for kind in types for size in kind.sizes) and not _has_open_option(op):
            return super().infer(op, types)
        self.catch_up()
        exact = self._site is not None and self._site.frame.fit == "exact"
        key = (op, types, exact)
        rule = self._rules.get(key)
        if rule is None:
            rule = self._rules[key] = _Rule(
                op, cases(lambda sizes, x: _output(_op_at(op, sizes), x, exact=exact), types, self.sample)
            )
            self._tiling[(op, *types)] = self.tiling(op, types)
        for box, misfit in rule.refused:
            self.refuse(box, misfit, rule)
        if isinstance(rule.main.result, Misfit):
            self.walk.boxes = []
            raise rule.main.result
        self.walk.boxes = _both(self.walk.boxes, rule.allowed)
        with undecided():
            seen = seen_by(op, types)
            return rule.main.result, (), op.params(*seen), runs(op, types) * op.macs(*seen)

    def tiling(self, op: Op, types: tuple[TensorType, ...]) -> list[Box] | None:
        """The sizes for which the windows of a layer see all of its input; None where that is so for all sizes."""
        with undecided():
            rests = [rest for rest, _ in op.tiling(*seen_by(op, types))]
        if not any(map(is_open, rests)) and not any(rests):
            return None

        def sees_all(sizes: Mapping[str, int], x: tuple[TensorType, ...]) -> bool:
            there = _op_at(op, sizes)
            return not any(unseen for _, unseen in there.tiling(*seen_by(there, x)))

        found = cases(sees_all, types, self.sample)
        if all(case.result is True for case in found):
            return None
        return merged(case.box for case in found if case.result is True)

    def refuse(self, box: Box, misfit: Misfit, rule: _Rule) -> None:
        boxes = tuple(_both(self.walk.boxes, [box]))
        if boxes:
            allowed, span = tuple(rule.allowed), self._site.span if self._site is not None else None
            self.walk.refusals.append(
                Refusal(boxes, misfit.code, misfit.message, misfit.label, span, self._name, allowed)
            )

    def _expect(self, expect: t.Expect, frame: Frame) -> None:
        """Expectations are of one network."""

    def _train(self, train: t.Train, frame: Frame) -> None:
        """So is the recipe."""


def _has_open_option(op: Op) -> bool:
    return any(is_open(v) for value in op._key() for v in (value if isinstance(value, tuple) else (value,)))


def _op_at(op: Op, sizes: Mapping[str, int]) -> Op:
    """An op for another sample of sizes, where its options depend on them."""
    if not _has_open_option(op):
        return op
    options = zip(op.options, op._key(), strict=True)
    return type(op)(
        **{name: tuple(at(v, sizes) for v in value) if isinstance(value, tuple) else at(value, sizes) for name, value in options}
    )  # fmt: skip


def _output(op: Op, types: tuple[TensorType, ...], *, exact: bool) -> TensorType:
    output = output_of(op, types)
    if exact and any(rest for rest, _ in op.tiling(*seen_by(op, types))):
        raise Misfit("NS302", "the window does not tile its input")
    return output


def _both(boxes: list[Box], others: list[Box]) -> list[Box]:
    found = (box & other for box in boxes for other in others)
    return [box for box in found if not box.empty]
