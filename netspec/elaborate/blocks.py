"""Blocks as a file declares them: its own, those of the files that it uses, and shared weights."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from netspec import library
from netspec.elaborate.state import BlockValue, Defaults, FileScope, Frame, FunctionValue, Lazy
from netspec.source import Span
from netspec.syntax import tree as t

if TYPE_CHECKING:
    from pathlib import Path

    from netspec.elaborate.context import ElaborationContext

__all__ = ["declare_file", "declare_shared"]


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
    _capture_defaults(run, frame, file)
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
    if item.defaults:
        run.exported[item] = _exported(run, used, inner)
        if not run.exported[item]:
            helps = ["leave out `with defaults`"]
            run.error("NS207", f'"{item.path}" has no defaults', item.path_span, helps=helps)
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
    if item.library:  # none of its files has layers of its own
        message, help_ = (
            f"<{item.path}> declares blocks, and is no network",
            f"write `use <{item.path}>`, and call them",
        )
        run.error("NS207", message, item.span, helps=[help_])
        frame.file.blocks[item.alias] = BlockValue(item.alias, (), (), frame, None, "floor", item.span, "missing")
        run.unknown_blocks = True
        return
    net = next((i for i in used.items if isinstance(i, t.Net)), None)
    block = BlockValue(
        item.alias, net.parameters if net else (), used.items, inner, None, "floor", item.span, "net", used
    )
    _declare(run, frame.file, item.alias, block, item.span)


def _exported(run: ElaborationContext, file: t.File, frame: Frame) -> list[tuple[t.Default, Frame]]:
    """The defaults that a file has at its end, with the variables that they see; the oldest first."""
    found: list[tuple[t.Default, Frame]] = []
    for item in file.items:
        if isinstance(item, t.Use):
            found += run.exported.get(item, ())
        elif isinstance(item, t.Default):
            found.append((item, frame))
    return found


def _capture_defaults(run: ElaborationContext, frame: Frame, file: t.File) -> None:
    """A block sees the defaults and the `fit` that are in force where it is defined."""
    defaults, fit = None, "floor"
    for item in file.items:
        if isinstance(item, t.Default):
            defaults = Defaults(item, frame, defaults)
        elif isinstance(item, t.Use):
            for default, origin in run.exported.get(item, ()):
                defaults = Defaults(default, origin, defaults)
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
        elif isinstance(node, (t.Join, t.Fed)):
            stack.extend(reversed(node.branches))
            stack += [node.layer] if isinstance(node, t.Fed) else []
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
