"""The inputs and outputs of a block: `input a, b` and `output x` in its body, the branches and the labels of a call."""

from __future__ import annotations

from typing import TYPE_CHECKING

from netspec.elaborate.branching import branches_of, starts_elsewhere
from netspec.elaborate.facts import InputsOfBlock, InputWithoutSize
from netspec.elaborate.joins import branch
from netspec.elaborate.state import UNKNOWN, BlockValue, Frame, Tensor, ordinal
from netspec.syntax import tree as t

if TYPE_CHECKING:
    from netspec.elaborate.context import ElaborationContext

__all__ = ["declare_port", "given_inputs", "inputs_of", "output_of_block", "result_of"]


def inputs_of(block: BlockValue) -> tuple[str, ...]:
    """The names of the tensors that a block takes; none where it takes the current one, without a name."""
    names: list[str] = []
    for statement in block.statements:
        if isinstance(statement, t.Port):
            names += (name.text for name in statement.names)
        elif isinstance(statement, t.Input):  # in a block one with a size is an error, which is reported there
            names.append((None if block.kind == "net" else _in_capitals(statement)) or statement.name or "input")
    return tuple(names)


def _in_capitals(statement: t.Input) -> str | None:
    """`input A` in a block is its input A; in a net it is an input with an open size."""
    lone = len(statement.sizes) == 1 and isinstance(statement.sizes[0], t.Name)
    return statement.sizes[0].span.text if lone and statement.name is None and not statement.words else None


def declare_port(run: ElaborationContext, port: t.Port | t.Input, frame: Frame) -> None:
    """`input a` where it is reached: the block has the tensor already; elsewhere it is in the wrong place."""
    if run.calling and frame.enclosing is None:
        names = [n.text for n in port.names] if isinstance(port, t.Port) else [_in_capitals(port) or ""]
        seen = inputs_of(run.calling[-1])
        twice = next((name for name in names if seen.count(name) > 1), None)
        if twice is not None and run.first_time(("an input twice", port)):
            run.error("NS209", f"the block has an input `{twice}` already", port.span)
        return
    if run.calling:
        run.error("NS212", "`input` belongs at the top level of a block", port.span)
    elif isinstance(port, t.Port):
        names = [name.text for name in port.names]
        message = f"the input{'s' if len(names) > 1 else ''} of a net need{'' if len(names) > 1 else 's'} a size"
        run.error("NS206", message, port.span, facts=InputWithoutSize(tuple(names), port.span))
        frame.labels.update(dict.fromkeys(names, UNKNOWN))
        frame.entry = frame.here = UNKNOWN


def given_inputs(
    run: ElaborationContext, block: BlockValue, layer: t.Layer, branches: tuple[t.Chain, ...] | None, frame: Frame
) -> list[Tensor] | None:
    """The tensors with which a block is called, in the order of its inputs; None where they do not fit, which is reported."""
    names = inputs_of(block)
    if branches is not None:
        tensors = _of_branches(run, layer, branches, frame)
        if tensors is None:
            return None
    elif frame.here is not None and frame.here.several and len(names) > 1:
        tensors = [tensor for _, tensor in frame.here.outputs]
    elif not frame.has_tensor:
        if len(names) < 2 or (frame.here is not None and frame.here.several):
            run.no_tensor(layer.head_span, frame)
            return None
        tensors = []
    else:
        assert frame.here is not None
        tensors = [frame.here]
    if len(tensors) != max(1, len(names)):
        _report_number(run, block, layer, names, tensors, branches)
        return None
    return tensors


def _of_branches(
    run: ElaborationContext, layer: t.Layer, branches: tuple[t.Chain, ...], frame: Frame
) -> list[Tensor] | None:
    outer = frame.inner(run.region(frame, "join", "", layer.span))
    if not frame.has_tensor and not all(map(starts_elsewhere, branches)):
        run.no_tensor(layer.span, frame)
        outer.here = UNKNOWN
    tensors: list[Tensor] = []
    failed = False
    for chain in branches:
        if isinstance(chain.steps[0].term, t.Scalar):
            run.error("NS207", f"an input of `{layer.head}` is a tensor, not a number", chain.span)
            failed = True
            continue
        for made in branches_of(run, chain, outer):
            if made is None:
                failed = True
                continue
            where = f"inside the inputs of `{layer.head}` at line {layer.span.line}, {ordinal(len(tensors) + 1)} branch"
            found = branch(run, *made, where)
            if found.several:
                run.no_tensor(chain.span, outer.with_tensor(found))
                failed = True
            tensors.append(found)
    return None if failed else tensors


def _report_number(
    run: ElaborationContext, block: BlockValue, layer: t.Layer, names: tuple[str, ...], tensors: list[Tensor],
    branches: tuple[t.Chain, ...] | None,
) -> None:  # fmt: skip
    takes = f"{len(names)} inputs, {', '.join(names[:-1])} and {names[-1]}" if len(names) > 1 else "one input"
    found = f"{len(tensors)} branch{'es' if len(tensors) != 1 else ''}"
    if branches is None:
        found = "only the current tensor" if len(tensors) == 1 else f"{len(tensors)} tensors" if tensors else "none"
    froms = "; ".join(f"from {name}" for name in names or ("a",))
    run.error(
        "NS207", f"`{block.name}` takes {takes}, found {found}", layer.head_span,
        helps=[f"write a branch for each: `{layer.call_span.text} [ {froms} ]`"] if len(names) > 1 else [],
        facts=InputsOfBlock(names, layer),
    )  # fmt: skip


def output_of_block(run: ElaborationContext, output: t.Output, frame: Frame) -> None:
    """`output x` in a block: what it gives under that name."""
    body = frame
    while body.enclosing is not None:
        body = body.enclosing
    if output.name in dict(body.outputs):
        message = f"the block has an output `{output.name}` already"
        if run.first_time(("an output twice", output)):
            run.error("NS209", message, output.name_span)
    elif not frame.has_tensor:
        run.no_tensor(output.span, frame)
        body.outputs.append((output.name, UNKNOWN))
    else:
        assert frame.here is not None
        body.outputs.append((output.name, frame.here))


def result_of(inner: Frame) -> Tensor | None:
    """What a block gives: its outputs, or the tensor that its body leaves where it declares none."""
    if not inner.outputs:
        return inner.here
    if len(inner.outputs) > 1:
        return Tensor(None, None, tuple(inner.outputs))
    ((_, tensor),) = inner.outputs
    return Tensor(tensor.node, tensor.type, tuple(inner.outputs))
