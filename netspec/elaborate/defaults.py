"""What is wrong with a `default` statement."""

from __future__ import annotations

from typing import TYPE_CHECKING

from netspec.diagnostics.facts import GivenTwice, Misspelt
from netspec.elaborate.binding import report_unknown_option
from netspec.elaborate.outside_layers import BROKEN, outside_op, read_value
from netspec.elaborate.state import Frame
from netspec.ops import CATALOGUE
from netspec.ops.kinds import BadValue
from netspec.syntax import tree as t

if TYPE_CHECKING:
    from netspec.elaborate.context import ElaborationContext

__all__ = ["check_default"]


def check_default(run: ElaborationContext, statement: t.Default, frame: Frame) -> None:
    """Reports what is wrong with a `default` statement, used or not."""
    for name in statement.layers:
        op = CATALOGUE.get(name.text.lower()) or outside_op(run, name.span, name.text.lower())
        if op is BROKEN:
            continue
        if op is None:
            names = tuple(op.name for op in CATALOGUE.values())
            run.error(
                "NS201", f"there is no layer `{name.text}`", name.span, facts=Misspelt(name.span, name.text, names)
            )
            continue
        seen: set[str] = set()
        for option in statement.options:
            if option.name in seen:
                run.error("NS203", f"`{option.name}` is given twice", option.span, facts=GivenTwice(option.span))
            seen.add(option.name)
            if option.name not in op.options:
                report_unknown_option(run, op, option)
                continue
            value = run.evaluate(option.value, frame, words=True)
            if value is not run.FAILED:
                try:
                    read_value(run, op.options[option.name], value, option.span)
                except BadValue as bad:
                    run.bad_value(bad, option.name, option.span)
