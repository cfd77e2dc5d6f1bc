"""Calls of blocks: their arguments, their inputs and outputs, and the instance."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, TypeAlias

from netspec.diagnostics.facts import GivenTwice
from netspec.elaborate.arithmetic import EvaluationError
from netspec.elaborate.binding import find_op
from netspec.elaborate.blocks import declare_file
from netspec.elaborate.expressions import match_parameters, value_after_name
from netspec.elaborate.facts import BranchesOfNothing, LateValue, LooseArguments
from netspec.elaborate.origins import origin
from netspec.elaborate.ports import given_inputs, inputs_of, result_of
from netspec.elaborate.state import (
    UNKNOWN,
    BlockValue,
    FileScope,
    Frame,
    Namer,
    Tensor,
    labels_in,
)
from netspec.graph import Node, Region
from netspec.ops import CATALOGUE
from netspec.source import Span
from netspec.symbolic import Name
from netspec.syntax import tree as t
from netspec.values import Word, show

if TYPE_CHECKING:
    from netspec.elaborate.context import ElaborationContext

__all__ = ["call_block", "run_fed"]


_CALL_STEPS = 20
"""What a block instance counts as: it costs about as much as so many expressions."""


Branches: TypeAlias = tuple[t.Chain, ...] | None


def call_block(
    run: ElaborationContext, block: BlockValue, layer: t.Layer, frame: Frame, label: str | None,
    branches: Branches = None,
) -> None:  # fmt: skip
    """An instance of a block on the current tensor, which the arguments may ask for its sizes (`here.channels`), or on
    branches."""
    frame.here = _instance(run, block, layer, frame, label, branches)


def run_fed(run: ElaborationContext, fed: t.Fed, frame: Frame, label: str | None = None) -> None:
    """`fuse(32) [ from a; from b ]`: a block with a branch for each of its inputs."""
    block = frame.block(fed.layer.head)
    if block is not None:
        call_block(run, block, fed.layer, frame, label, fed.branches)
        return
    if not run.unknown_blocks:
        op = find_op(fed.layer)
        what = f"the layer `{op[0].name}` takes one tensor" if op else f"`{fed.layer.head}` does not join branches"
        run.error("NS207" if op else "NS201", what, fed.layer.head_span, facts=BranchesOfNothing(fed, op is not None))
    frame.here = UNKNOWN


def _instance(
    run: ElaborationContext, block: BlockValue, layer: t.Layer, frame: Frame, label: str | None, branches: Branches
) -> Tensor | None:
    """What an instance gives; unknown where there is none."""
    run.evaluator.steps += _CALL_STEPS
    block.used = True
    if block.kind in ("missing", "recursive"):  # which is reported where it is used or defined
        return UNKNOWN
    if any(block is active for active in run.calling):
        run.error(
            "NS211",
            f"the block `{block.name}` calls itself",
            layer.head_span,
            helps=["use `repeat` or `x(n)` for copies"],
        )
        return UNKNOWN
    values = _arguments(run, block, layer, frame)
    if values is None:
        return UNKNOWN
    tensors = given_inputs(run, block, layer, branches, frame)
    if tensors is None:
        return UNKNOWN
    name, shares = _instance_name(run, block, frame, label)
    region = run.region(frame, "shared" if block.kind == "shared" else "block", name, layer.span)
    region.block = block.name
    region.definition = block.definition
    inner = _inner_frame(block, region, tensors)
    if not _bind_values(run, block, values, inner):
        return UNKNOWN
    _bind_origins(run, block, layer, frame, inner)
    region.arguments = tuple((p.name, _shown(inner.names[p.name])) for p in block.parameters)
    shown = f"`{block.name}({', '.join(show(v) for _, v in region.arguments)})`"
    run.calling.append(block)
    if shares is not None:
        run.shared_from.append(shares)
        region.shares = block.first
    try:
        with run.inside(f"{shown} called at line {layer.span.line}"):
            _run_body(run, block, inner)
    finally:
        run.calling.pop()
        if shares is not None:
            run.shared_from.pop()
    if block.kind == "shared" and block.first is None:
        block.first = region
    region.outputs = tuple((name, tensor.node) for name, tensor in inner.outputs if tensor.node is not None)
    return result_of(inner)


def _shown(value: Any) -> Any:
    """An argument as the region keeps it: of a block the name."""
    return Word(value.name) if isinstance(value, BlockValue) else value


def _arguments(run: ElaborationContext, block: BlockValue, layer: t.Layer, frame: Frame) -> dict[str, Any] | None:
    if layer.width is not None or layer.stride is not None or layer.values or layer.options:
        slots = [slot for slot in (layer.width, layer.stride) if slot is not None]
        first = [*slots, *layer.values, *layer.options][0]
        what = "width" if layer.width is not None else "stride"
        message = (
            f"the block `{block.name}` does not take a {what}"
            if slots
            else f"arguments of the block `{block.name}` belong in parentheses"
        )
        facts = LooseArguments(block.name, tuple(p.name for p in block.parameters), layer)
        run.error("NS207", message, first.span, facts=facts)
        return None
    late = value_after_name(layer.arguments or (), layer.argument_options)
    if late is not None:
        run.error(
            "NS207",
            "a value without a name cannot follow one with a name",
            late.span,
            facts=LateValue(layer, late, layer.argument_options),
        )
        return None
    given = [(a.span, _argument(run, a, frame)) for a in layer.arguments or ()]
    named: dict[str, tuple[Span, Any]] = {}
    for option in layer.argument_options:
        if option.name in named:
            run.error("NS203", f"`{option.name}` is given twice", option.span, facts=GivenTwice(option.span))
            return None
        named[option.name] = (option.span, _argument(run, option.value, frame))
    if any(v is run.FAILED for _, v in (*given, *named.values())):
        return None
    try:
        return match_parameters(f"the block `{block.name}`", block.parameters, given, named, layer.span)
    except EvaluationError as error:
        run.report(error.diagnostic)
        return None


def _argument(run: ElaborationContext, expr: t.Expr, frame: Frame) -> Any:
    """The value of an argument: a layer may be named, too."""
    is_layer = isinstance(expr, t.Name) and expr.text.lower() in CATALOGUE
    if isinstance(expr, t.Name) and is_layer and expr.text not in frame.visible() and frame.block(expr.text) is None:
        return expr.text
    return run.evaluate(expr, frame)


def _instance_name(
    run: ElaborationContext, block: BlockValue, frame: Frame, label: str | None
) -> tuple[str, Iterator[Node] | None]:
    block.calls += 1
    if block.kind == "shared":
        name = label or frame.namer.unique(block.name if block.calls == 1 else f"{block.name}_{block.calls}")
        return name, (n for n in block.first.nodes() if n.params) if block.first is not None else None
    return label or frame.namer.number(block.name), None


def _inner_frame(block: BlockValue, region: Region, tensors: list[Tensor]) -> Frame:
    inner = Frame(block.frame.file, region, Namer(labels_in(block.statements)), block.frame)
    names = inputs_of(block)
    inner.entry = tensors[0]
    inner.here = tensors[0] if len(tensors) == 1 else None  # which of them the first layer reads is said by `from`
    inner.labels.update(zip(names, tensors, strict=False))
    inner.namer.taken.update(names)
    known = [(name, tensor.node) for name, tensor in zip(names, tensors, strict=False) if tensor.node is not None]
    region.entries = tuple(known)
    inner.defaults, inner.fit = block.defaults, block.fit
    return inner


def _bind_values(run: ElaborationContext, block: BlockValue, values: dict[str, Any], inner: Frame) -> bool:
    for parameter in block.parameters:
        value = values.get(parameter.name, run.FAILED)
        if parameter.name not in values and parameter.default is not None:
            value = _argument(run, parameter.default, inner)
        if value is run.FAILED:
            return False
        inner.names[parameter.name] = value
    return True


def _bind_origins(run: ElaborationContext, block: BlockValue, layer: t.Layer, frame: Frame, inner: Frame) -> None:
    """Keeps how the arguments were written; inside the block they are its parameters."""
    names = [p.name for p in block.parameters]
    given = dict(zip(names, layer.arguments or (), strict=False)) | {o.name: o.value for o in layer.argument_options}
    for parameter in block.parameters:
        inner.symbols[parameter.name] = Name(parameter.name, "block")
        if parameter.name in given:
            inner.region.origins[parameter.name] = origin(given[parameter.name], frame, run.graph.functions)
        elif parameter.default is not None:
            inner.region.origins[parameter.name] = origin(parameter.default, inner, run.graph.functions)
    inner.region.given = frozenset(given)
    inner.region.by_name = frozenset(option.name for option in layer.argument_options)


def _run_body(run: ElaborationContext, block: BlockValue, inner: Frame) -> None:
    if block.kind != "net":
        run.run(block.statements, inner)
        return
    assert block.file is not None
    inner.file = FileScope()
    declare_file(run, block.file, inner)
    skipped = (t.Input, t.Expect, t.Train, t.Aux)  # its contract is with its own input and arguments
    run.run([s for s in block.statements if not isinstance(s, skipped)], inner)
