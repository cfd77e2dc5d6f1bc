"""Values from outside for the parameters of the net, and what still counts of its expectations under them.

Expectations are about the network that the file describes: that of the default values. Where others are given, one that is
written with the parameter (`expect output == classes`) still has to hold. One that names a number (`expect output == 1000`)
cannot be expected to.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from netspec.elaborate.arithmetic import EvaluationError, Unknown
from netspec.elaborate.limits import LimitReached
from netspec.elaborate.origins import origin
from netspec.elaborate.state import Frame
from netspec.symbolic import Fact, Name, leaves
from netspec.syntax import tree as t
from netspec.values import show

if TYPE_CHECKING:
    from netspec.elaborate.expressions import Evaluator

__all__ = ["Overrides"]


class Overrides:
    """The parameters of the net whose values are not those of the file."""

    def __init__(self) -> None:
        self._given: dict[str, str] = {}
        """What is said of each: `10 here instead of 1000`."""
        self._affected: set[str] = set()
        """These, and the parameters whose defaults are computed from them."""

    def __bool__(self) -> bool:
        return bool(self._given)

    def give(self, parameter: t.Parameter, value: Any, frame: Frame, evaluator: Evaluator) -> None:
        """A value is given for a parameter; that of the file changes nothing."""
        if parameter.default is None:
            self._given[parameter.name] = f"{show(value)} here"
        else:
            try:
                default = evaluator.value(parameter.default, frame)
            except (EvaluationError, Unknown, LimitReached):
                self._given[parameter.name] = f"{show(value)} here"
            else:
                if default == value:
                    return
                self._given[parameter.name] = f"{show(value)} here instead of {show(default)}"
        self._affected.add(parameter.name)

    def compute(self, parameter: t.Parameter, frame: Frame) -> None:
        """The default of a parameter is taken: it may be computed from one that is given."""
        if self._given and parameter.default is not None and self._mentions(parameter.default, frame):
            self._affected.add(parameter.name)

    def excuse(self, condition: t.Expr, frame: Frame) -> bool:
        """Whether a condition is about the values of the file: it names a number, and no parameter that is changed.

        In a block its own parameters and the sizes of its input count as changed: what is written with them is general.
        """
        return bool(self._given) and _names_a_number(condition, frame) and not self._mentions(condition, frame)

    def note(self) -> str:
        said = ", ".join(f"`{name}` is {words}" for name, words in self._given.items())
        return f"{said}; the expectation does not mention {'it' if len(self._given) == 1 else 'them'}"

    def _mentions(self, expr: t.Expr, frame: Frame) -> bool:
        return any(
            isinstance(leaf, Fact) or (isinstance(leaf, Name) and (leaf.scope != "net" or leaf.name in self._affected))
            for leaf in leaves(origin(expr, frame, {}))
        )


def _names_a_number(condition: t.Expr, frame: Frame) -> bool:
    """A literal, or a variable, beside the quantities of the network."""
    stack: list[Any] = [condition]
    while stack:
        node = stack.pop()
        if isinstance(node, t.Literal_) and node.kind in ("int", "float", "quantity", "size"):
            return True
        if isinstance(node, t.Name) and node.text in frame.visible():
            return True
        if isinstance(node, (t.TreeNode, tuple)):
            stack.extend(node)
    return False
