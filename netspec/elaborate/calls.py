"""Blocks: declared, brought in with `use`, shared, and called."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from netspec import library
from netspec.diagnostics.facts import GivenTwice
from netspec.elaborate.expressions import EvaluationError, match_parameters, value_after_name
from netspec.elaborate.facts import LateValue, LooseArguments
from netspec.elaborate.origins import origin
from netspec.elaborate.state import (
    UNKNOWN,
    BlockValue,
    Defaults,
    FileScope,
    Frame,
    FunctionValue,
    Lazy,
    Namer,
    Tensor,
    labels_in,
)
from netspec.graph import Node, Region
from netspec.source import Span
from netspec.symbolic import Name
from netspec.syntax import tree as t
from netspec.values import show

if TYPE_CHECKING:
    from pathlib import Path

    from netspec.elaborate.context import ElaborationContext

__all__ = ["call_block", "declare_file", "declare_shared"]


_CALL_STEPS = 20
"""What a block instance counts as: it costs about as much as so many expressions."""


def declare_file(run: ElaborationContext, file: t.File, frame: Frame, stack: tuple[Path, ...] = ()) -> None:
    """Enters a file's blocks and functions, and those of the files it uses, before anything runs."""
    for item in file.items:
        if isinstance(item, t.Use):
            _declare_use(run, item, file, frame, stack)
        elif isinstance(item, t.Block):
            run.lint_empty(item.body, f"the block `{item.name}`")
            body = item.body.statements
            block = BlockValue(item.name, item.parameters, body, frame, None, frame.fit, item.name_span)
            _declare(run, frame.file, item.name, block, item.name_span)
        elif isinstance(item, t.Shared) and stack:  # one set of weights for the file that uses this one
            _declare(run, frame.file, item.name, _shared_block(item, frame), item.name_span)
        elif isinstance(item, t.Function):
            first = frame.file.functions.get(item.name)
            if first is not None and not _of_library(first.definition.span):
                run.error("NS209", f"the function `{item.name}` is defined twice", item.name_span)
            else:
                frame.file.functions[item.name] = FunctionValue(item, frame)
        if isinstance(item, (t.Block, t.Function, t.Net)):
            _check_parameters(run, item)
    if run.diagnostics.skipped:
        from netspec.elaborate.skips import declare_skipped

        declare_skipped(run, file, frame)
    _capture_defaults(frame, file)
    _find_recursion(run, frame)


def _check_parameters(run: ElaborationContext, item: t.Block | t.Function | t.Net) -> None:
    seen: set[str] = set()
    for parameter in item.parameters:
        if parameter.name in seen:
            run.error("NS209", f"the parameter `{parameter.name}` is declared twice", parameter.span)
        seen.add(parameter.name)


def _declare(run: ElaborationContext, scope: FileScope, name: str, block: BlockValue, span: Span) -> None:
    if name in scope.blocks:
        first = scope.blocks[name]
        if first.span == block.span or _of_library(block.span):
            return  # one block on two ways, or one of the library, which the file has replaced
        if not _of_library(first.span):
            _report_twice(run, name, first, span)
            return
    _check_block_name(run, name, span)
    scope.blocks[name] = block


def _of_library(span: Span) -> bool:
    path = span.source.path
    return path is not None and path.parent == library.FOLDER


def _report_twice(run: ElaborationContext, name: str, first: BlockValue, span: Span) -> None:
    notes = [f"it is defined at {first.span.source.name}:{first.span.line}"]
    run.error("NS209", f"the block `{name}` is defined twice", span, notes=notes)


def _check_block_name(run: ElaborationContext, name: str, span: Span) -> None:
    if name.startswith("_"):
        help_ = "begin it with a letter: it names modules of the compiled net"
        run.error("NS213", f"`{name}` cannot name a block", span, helps=[help_])


def _declare_use(run: ElaborationContext, item: t.Use, file: t.File, frame: Frame, stack: tuple[Path, ...]) -> None:
    found = run.project.use(item, file.source)
    if found is None:
        if item.alias is not None:  # calls of it are not reported as well
            frame.file.blocks[item.alias] = BlockValue(item.alias, (), (), frame, None, "floor", item.span, "missing")
        else:
            run.unknown_blocks = True
        return
    path, used = found
    if path in stack or (file.source.path is not None and path == file.source.located(file.source.path)):
        run.error("NS004", f'"{item.path}" uses itself, directly or around a corner', item.path_span)
        return
    inner = Frame(FileScope(), frame.region, frame.namer)
    declare_file(run, used, inner, (*stack, path))
    if item.alias is None:
        for let in used.items:
            if isinstance(let, t.Let):
                inner.names.setdefault(let.name, Lazy(let.value, inner))
        for name, block in inner.file.blocks.items():
            _declare(run, frame.file, name, block, item.path_span)
        for name, function in inner.file.functions.items():
            frame.file.functions.setdefault(name, function)
        if not inner.file.blocks and not inner.file.functions:
            run.error(
                "NS207",
                f'"{item.path}" declares no blocks',
                item.path_span,
                helps=[f'to use it as a block itself, write `use "{item.path}" as name`'],
            )
        return
    net = next((i for i in used.items if isinstance(i, t.Net)), None)
    block = BlockValue(
        item.alias, net.parameters if net else (), used.items, inner, None, "floor", item.span, "net", used
    )
    _declare(run, frame.file, item.alias, block, item.span)


def _capture_defaults(frame: Frame, file: t.File) -> None:
    """A block sees the defaults and the `fit` that are in force where it is defined."""
    defaults, fit = None, "floor"
    for item in file.items:
        if isinstance(item, t.Default):
            defaults = Defaults(item, frame, defaults)
        elif isinstance(item, t.Fit):
            fit = item.mode.text
        elif isinstance(item, (t.Block, t.Shared)) and item.name in frame.file.blocks:
            block = frame.file.blocks[item.name]
            if block.span == item.name_span:
                block.defaults, block.fit = defaults, fit


def _find_recursion(run: ElaborationContext, frame: Frame) -> None:
    """A block that calls itself, directly or around a corner, is an error even if it is never called."""
    blocks = frame.file.blocks
    calls = {
        name: _called(block.statements, blocks)
        for name, block in blocks.items()
        if block.kind == "block" and block.frame.file is frame.file
    }
    done: set[str] = set()
    for start in calls:
        path: list[tuple[str, Iterator[tuple[str, Span]]]] = [(start, iter(calls[start]))]
        on_path = {start}
        while path and start not in done:
            name, rest = path[-1]
            step = next(rest, None)
            if step is None:
                done.add(name)
                on_path.discard(name)
                path.pop()
                continue
            callee, span = step
            if callee in on_path:
                names = [n for n, _ in path]
                around = " -> ".join([*names[names.index(callee) :], callee])
                run.error(
                    "NS211",
                    f"the block `{callee}` calls itself",
                    span,
                    notes=[around] if callee != name else [],
                    helps=["use `repeat` or `x(n)` for copies"],
                )
                blocks[callee].kind = "recursive"
            elif callee in calls and callee not in done:
                on_path.add(callee)
                path.append((callee, iter(calls[callee])))


def _called(statements: tuple[Any, ...], blocks: dict[str, BlockValue]) -> list[tuple[str, Span]]:
    found: list[tuple[str, Span]] = []
    stack: list[Any] = list(reversed(statements))
    while stack:
        node = stack.pop()
        if isinstance(node, t.Layer):
            if node.head in blocks:
                found.append((node.head, node.head_span))
        elif isinstance(node, t.Chain):
            stack.extend(reversed(node.steps))
        elif isinstance(node, t.Step):
            stack.append(node.term)
        elif isinstance(node, t.Body):
            stack.extend(reversed(node.statements))
        elif isinstance(node, t.Join):
            stack.extend(reversed(node.branches))
        elif hasattr(node, "body"):
            stack.append(node.body)
            if getattr(node, "otherwise", None) is not None and not isinstance(node.otherwise, str):
                stack.append(node.otherwise)
    return found


def declare_shared(run: ElaborationContext, shared: t.Shared, frame: Frame) -> None:
    """A block with one set of weights: for the net, for each instance of the block, or for each round of the loop in
    which it is declared."""
    if shared.name in frame.shared or shared.name in frame.file.blocks:
        first = frame.shared.get(shared.name) or frame.file.blocks[shared.name]
        _report_twice(run, shared.name, first, shared.name_span)
        return
    _check_block_name(run, shared.name, shared.name_span)
    frame.shared[shared.name] = _shared_block(shared, frame)


def _shared_block(shared: t.Shared, frame: Frame) -> BlockValue:
    body = shared.body.statements
    return BlockValue(shared.name, (), body, frame, frame.defaults, frame.fit, shared.name_span, kind="shared")


def call_block(run: ElaborationContext, block: BlockValue, layer: t.Layer, frame: Frame, label: str | None) -> None:
    """An instance of a block after the current tensor, which the arguments may ask for its sizes (`here.channels`)."""
    frame.here = _instance(run, block, layer, frame, label)


def _instance(
    run: ElaborationContext, block: BlockValue, layer: t.Layer, frame: Frame, label: str | None
) -> Tensor | None:
    """What an instance gives; unknown where there is none."""
    start = frame.here
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
    if start is None:
        run.no_tensor(layer.head_span, frame)
        return UNKNOWN
    name, shares = _instance_name(run, block, frame, label)
    region = run.region(frame, "shared" if block.kind == "shared" else "block", name, layer.span)
    region.block = block.name
    region.definition = block.definition
    inner = _inner_frame(block, region, start)
    if not _bind_values(run, block, values, inner):
        return UNKNOWN
    _bind_origins(run, block, layer, frame, inner)
    region.arguments = tuple((p.name, inner.names[p.name]) for p in block.parameters)
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
    return inner.here


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
    given = [(a.span, run.evaluate(a, frame)) for a in layer.arguments or ()]
    named: dict[str, tuple[Span, Any]] = {}
    for option in layer.argument_options:
        if option.name in named:
            run.error("NS203", f"`{option.name}` is given twice", option.span, facts=GivenTwice(option.span))
            return None
        named[option.name] = (option.span, run.evaluate(option.value, frame))
    if any(v is run.FAILED for _, v in (*given, *named.values())):
        return None
    try:
        return match_parameters(f"the block `{block.name}`", block.parameters, given, named, layer.span)
    except EvaluationError as error:
        run.report(error.diagnostic)
        return None


def _instance_name(
    run: ElaborationContext, block: BlockValue, frame: Frame, label: str | None
) -> tuple[str, Iterator[Node] | None]:
    block.calls += 1
    if block.kind == "shared":
        name = label or frame.namer.unique(block.name if block.calls == 1 else f"{block.name}_{block.calls}")
        return name, (n for n in block.first.nodes() if n.params) if block.first is not None else None
    return label or frame.namer.number(block.name), None


def _inner_frame(block: BlockValue, region: Region, start: Tensor) -> Frame:
    inner = Frame(block.frame.file, region, Namer(labels_in(block.statements)), block.frame)
    inner.entry = inner.here = start
    inner.defaults, inner.fit = block.defaults, block.fit
    return inner


def _bind_values(run: ElaborationContext, block: BlockValue, values: dict[str, Any], inner: Frame) -> bool:
    for parameter in block.parameters:
        value = values.get(parameter.name, run.FAILED)
        if parameter.name not in values and parameter.default is not None:
            value = run.evaluate(parameter.default, inner)
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


def _run_body(run: ElaborationContext, block: BlockValue, inner: Frame) -> None:
    if block.kind != "net":
        run.run(block.statements, inner)
        return
    assert block.file is not None
    inner.file = FileScope()
    declare_file(run, block.file, inner)
    skipped = (t.Input, t.Expect, t.Train, t.Output, t.Aux)  # its contract is with its own input and arguments
    run.run([s for s in block.statements if not isinstance(s, skipped)], inner)
