"""windows and each: a body that runs on every window or slice of the current tensor."""

from __future__ import annotations

from typing import TYPE_CHECKING

from netspec.elaborate.binding import bind
from netspec.elaborate.state import UNKNOWN, BoundLayer, Frame, Site
from netspec.ops.windowing import Scoped
from netspec.syntax import tree as t

if TYPE_CHECKING:
    from netspec.elaborate.context import ElaborationContext

__all__ = ["run_windows"]


def run_windows(run: ElaborationContext, windows: t.Windows, frame: Frame) -> None:
    """Cuts the current tensor, runs the body on one window, and puts together what it gives; `in` is the window."""
    bound = bind(run, windows.head, frame)
    run.lint_empty(windows.body, f"the body of this `{windows.head.head}`")
    inner = frame.inner(run.region(frame, "windows", "", windows.span))
    if frame.here is None:
        run.no_tensor(windows.head.head_span, frame)
    if bound is None or frame.here is None:
        frame.here = UNKNOWN
        return
    assert isinstance(bound.op, Scoped)
    run.add(bound, (frame.here,), Site(windows.head.span, inner))
    inner.entry = inner.here
    with run.inside(f"inside `{windows.head.head}` at line {windows.span.line}"):
        run.run(windows.body.statements, inner)
    body = inner.here or UNKNOWN
    run.add(BoundLayer(bound.op.joining()), (body,), Site(windows.span, inner))
    frame.here = inner.here
