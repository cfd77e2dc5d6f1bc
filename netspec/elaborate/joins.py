"""Branches that come together: joins, residual and dense."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from netspec.diagnostics.facts import Misspelt
from netspec.elaborate.binding import report_unknown_option
from netspec.elaborate.branching import branches_of, starts_elsewhere
from netspec.elaborate.facts import ChangedShape
from netspec.elaborate.origins import option_origins
from netspec.elaborate.state import FAILED, UNKNOWN, BoundLayer, Frame, Site, Tensor, ordinal
from netspec.graph import Decision, TensorType
from netspec.ops import JOINS
from netspec.ops.join import Add, Concat, Divide
from netspec.ops.kinds import BadValue
from netspec.ops.regularization import DropPath
from netspec.source import Span
from netspec.symbolic import Symbolic
from netspec.syntax import tree as t

if TYPE_CHECKING:
    from netspec.elaborate.context import ElaborationContext

__all__ = ["run_dense", "run_join", "run_residual"]


def branch(run: ElaborationContext, chain: t.Chain | t.Body, frame: Frame, where: str) -> Tensor:
    """The tensor that a branch leaves."""
    inner = frame.inner(run.region(frame, "branch", "", chain.span))
    with run.inside(where):
        if isinstance(chain, t.Body):
            run.run(chain.statements, inner)
        else:
            run.chain(chain, inner)
    return inner.here if inner.here is not None else UNKNOWN


def run_join(run: ElaborationContext, join: t.Join, frame: Frame) -> None:
    op = JOINS[join.kind]
    bound = Joined(op)
    for option in join.options:
        join_option(run, bound, option, frame)
    if not join.branches:
        run.error(
            "NS206",
            f"`{join.kind}` has no branches",
            join.span,
            helps=[f"write `{join.kind} [ conv3-64 pad=1; identity ]`"],
        )
        frame.here = UNKNOWN
        return
    if len(join.branches) == 1 and not isinstance(join.branches[0].steps[0].term, (t.For, t.Repeat)):
        run.diagnostics.warning(
            "NS907",
            f"`{join.kind}` has a single branch, and joins nothing",
            join.span,
            notes=run.trail(),
            helps=["add the other branch (`identity` is what comes in), or take the brackets out"],
        )
    outer = frame.inner(run.region(frame, "join", "", join.span))
    if not frame.has_tensor and not all(map(starts_elsewhere, join.branches)):
        run.no_tensor(join.span, frame)
        outer.here = UNKNOWN
    tensors, branches = joined_branches(run, join, bound, frame, outer)
    if bound.failed or not tensors:
        if not bound.failed:
            numbers = any(isinstance(chain.steps[0].term, t.Scalar) for chain in join.branches)
            what = "joins numbers only" if numbers else "has no branches: nothing in it makes one"
            run.error("NS206", f"`{join.kind}` {what}", join.span, helps=[f"write `{join.kind} [ identity; … ]`"])
        frame.here = UNKNOWN
        return
    layer = BoundLayer(op(**bound.values), bound.spans, bound.origins)
    run.add(layer, tuple(tensors), Site(join.span, frame, branches=tuple(branches)))


def joined_branches(
    run: ElaborationContext, join: t.Join, bound: Joined, frame: Frame, outer: Frame
) -> tuple[list[Tensor], list[Span]]:
    """The tensors of the branches, with where each is written; a number is bound."""
    tensors: list[Tensor] = []
    spans: list[Span] = []
    for i, chain in enumerate(join.branches):
        if isinstance(chain.steps[0].term, t.Scalar):
            join_number(run, bound, chain.steps[0].term, frame, first=i == 0)
            continue
        for made in branches_of(run, chain, outer):
            if made is None:
                bound.failed = True
                continue
            body, around = made
            where = f"inside `{join.kind}` at line {join.span.line}, {ordinal(len(spans) + 1)} branch"
            tensors.append(branch(run, body, around, where))
            spans.append(body.span)
    return tensors, spans


@dataclass(slots=True)
class Joined:
    """The options of a join as they are read, and the number among its branches."""

    op: type[Any]
    values: dict[str, Any] = field(default_factory=dict)
    spans: dict[str, Span] = field(default_factory=dict)
    origins: dict[str, Symbolic] = field(default_factory=dict)
    failed: bool = False


def join_number(run: ElaborationContext, bound: Joined, scalar: t.Scalar, frame: Frame, *, first: bool) -> None:
    """A number in the place of a branch; what does not fit is reported."""
    name, kind = bound.op.name, bound.op.options.get("number")
    bound.failed = True
    value = run.evaluate(scalar.value, frame)
    if value is FAILED:
        return
    if kind is None:
        run.error("NS307", f"`{name}` joins tensors, not numbers", scalar.span, helps=["take the number out"])
    elif "number" in bound.values:
        helps = [f"write one number: `({bound.spans['number'].text} {bound.op.sign} {scalar.span.text})`"]
        run.error("NS203", f"a second number in `{name}`", scalar.span, helps=helps if bound.op.sign in "+×" else [])
    else:
        try:
            kind.kind.read(value)
        except BadValue as bad:
            run.bad_value(bad, f"a branch of `{name}`", scalar.span)
            return
        if value == 0 and bound.op is Divide and not first:
            run.error("NS205", "a division by zero", scalar.span)
            return
        bound.failed = False
        bound.values["number"] = value
        if "first" in bound.op.options:  # elsewhere the order does not matter
            bound.values["first"] = first
        bound.spans["number"] = scalar.span
        bound.origins |= option_origins(bound.op, "number", scalar.value, frame, run.graph.functions)


def join_option(run: ElaborationContext, bound: Joined, option: t.Option, frame: Frame) -> None:
    known = bound.op.options.get(option.name)
    if known is None or known.slot == "branch":
        report_unknown_option(run, bound.op, option)
        return
    value = run.evaluate(option.value, frame, words=True)
    if value is FAILED:
        return
    try:
        bound.values[option.name] = known.kind.read(value)
        bound.spans[option.name] = option.span
    except BadValue as bad:
        run.bad_value(bad, option.name, option.span)


def run_residual(run: ElaborationContext, residual: t.Residual, frame: Frame) -> None:
    dropped = drop_probability(run, residual, frame)
    run.lint_empty(residual.body, "the body of this residual")
    start = run.current(residual.span, frame)
    outer = frame.inner(run.region(frame, "join", "", residual.span))
    body = branch(run, residual.body, outer, f"inside `residual` at line {residual.span.line}")
    if not body.known or not start.known:
        frame.here = UNKNOWN
        return
    compared = tuple(tensor.node for tensor in (body, start) if tensor.node is not None)
    frame.region.decisions.append(Decision(residual.span.start, int(body.type != start.type), None, compared))
    shortcut = start
    written: tuple[Span, ...] = ()
    if body.type != start.type:
        if residual.otherwise == "none":
            frame.here = body
            return
        if residual.otherwise is None:
            if run.first_time((residual, body.type, start.type)):
                shape_changes(run, residual, "residual", body, start)
            frame.here = UNKNOWN
            return
        shortcut = branch(run, residual.otherwise, outer, f"the shortcut of `residual` at line {residual.span.line}")
        written = (residual.body.span, residual.otherwise.span)
    if dropped:
        outer.here = body
        (rate,) = (option.value for option in residual.options[:1])
        origins = option_origins(DropPath, "p", rate, frame, run.graph.functions)
        run.add(BoundLayer(DropPath(p=dropped), origins=origins), (body,), Site(residual.span, outer))
        body = outer.here
    run.add(BoundLayer(Add()), (body, shortcut), Site(residual.span, frame, branches=written))
    if frame.here is not None and frame.here.node is not None:
        run.graph.nodes[frame.here.node].residual = True


def drop_probability(run: ElaborationContext, residual: t.Residual, frame: Frame) -> float:
    for option in residual.options:
        if option.name != "droppath":
            run.error(
                "NS202",
                f"`residual` has no option `{option.name}`",
                option.name_span,
                facts=Misspelt(option.name_span, option.name, ("droppath",), "its option is droppath"),
            )
            continue
        value = run.evaluate(option.value, frame)
        if value is FAILED:
            return 0.0
        try:
            return DropPath.options["p"].kind.read(value)  # type: ignore[no-any-return]
        except BadValue as bad:
            run.bad_value(bad, "droppath", option.span)
    return 0.0


def shape_changes(
    run: ElaborationContext, statement: t.Residual | t.Dense, word: str, body: Tensor, start: Tensor
) -> None:
    """The body of a `residual` or a `dense` gives what cannot be joined with what comes in."""
    from netspec.elaborate.branches import layers_before, paths, turning_points

    assert body.type is not None
    assert start.type is not None
    way = paths(run.graph, (body, start))[0]
    before = layers_before(run.graph, start)
    changes = "the shape" if word == "residual" else "the size of the image"
    run.error(
        "NS306", f"the body of this {word} changes {changes}", statement.span,
        notes=[f"what comes in is {start.type.noun}", f"the body gives {body.type.noun}"],
        secondary=turning_points(run.graph, way, start.type)[:3],
        facts=ChangedShape(statement, tuple(way), tuple(before), start.type, body.type),
    )  # fmt: skip


def run_dense(run: ElaborationContext, dense: t.Dense, frame: Frame) -> None:
    run.lint_empty(dense.body, "the body of this `dense`")
    start = run.current(dense.span, frame)
    outer = frame.inner(run.region(frame, "join", "", dense.span))
    body = branch(run, dense.body, outer, "")
    if body.type is not None and start.type is not None and _differ(body.type, start.type):
        if run.first_time((dense, body.type, start.type)):
            shape_changes(run, dense, "dense", body, start)
        frame.here = UNKNOWN
        return
    run.add(BoundLayer(Concat(axis="channels")), (start, body), Site(dense.span, frame))


def _differ(one: TensorType, other: TensorType) -> bool:
    """Whether two images differ in more than their channels."""
    return one.layout == other.layout == "map" and one.spatial != other.spatial
