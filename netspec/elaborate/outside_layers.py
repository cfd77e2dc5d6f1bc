"""Layers from installed packages, where a spec names one that the catalogue does not have."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from netspec.elaborate.limits import LimitReached
from netspec.ops.kinds import PerAxis
from netspec.ops.layer_word import LayerWord, bind_word
from netspec.ops.op import Op, Option
from netspec.source import Span
from netspec.values import Value

if TYPE_CHECKING:
    from netspec.elaborate.context import ElaborationContext

__all__ = ["BROKEN", "outside_op", "read_value"]


class _Broken(Op):
    """In place of a layer that cannot be used, which is reported; with a kernel in its name or without."""

    kernel = Option(PerAxis(1), 1, slot="kernel", doc="")


BROKEN = _Broken


def outside_op(run: ElaborationContext, span: Span, name: str) -> type[Op] | None:
    """The layer of an installed package with a name in lower case; None where there is none, BROKEN where it cannot be used.

    Raises LimitReached where the layers of no package, or of no more packages, are to be loaded.
    """
    from netspec.ops import outside

    offers = outside.offered().get(name)
    if offers is None:
        return None
    offer = offers[0]
    run.packages.add(offer.package)
    if len(run.packages) > run.limits.packages:
        raise LimitReached("packages", run.limits.packages, f"{offer} is not loaded")
    try:
        return outside.load(name)
    except outside.Unusable as unusable:
        if run.first_time(("a broken package", name)):
            run.error("NS215", f"{offer} cannot be used", span, notes=[str(unusable)], helps=[
                f"update or remove the package: pip uninstall {offer.package.split()[0]}",
            ])  # fmt: skip
        return BROKEN


def read_value(run: ElaborationContext, option: Option[Any], value: Value, span: Span) -> Any:
    """A value as an option has it: of `norm` and `act` it may name a layer of a package. BROKEN where that cannot be used.

    Raises BadValue, and LimitReached.
    """
    word = option.kind.unknown(value) if isinstance(option.kind, LayerWord) else None
    op = outside_op(run, span, word.name.lower()) if word is not None else None
    if op is None or word is None:
        return option.kind.read(value)
    return op if op is BROKEN else bind_word(op, word)
