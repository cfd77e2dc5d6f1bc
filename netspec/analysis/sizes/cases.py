"""What a rule gives for all sizes: it is run for samples, each of which stands for every size that decides alike."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from netspec.analysis.sizes.boxes import Box, everything, narrowed, without
from netspec.graph import TensorType
from netspec.ops.op import Misfit
from netspec.ops.open_size import at, deciding

__all__ = ["Case", "cases", "typed_at"]

T = TypeVar("T")
_MOST = 64
"""Cases of one rule that are followed."""


@dataclass(frozen=True, slots=True)
class Case(Generic[T]):
    """A result, or why there is none, for all sizes of a box."""

    box: Box
    result: T | Misfit


def typed_at(types: Sequence[TensorType], sizes: Mapping[str, int]) -> tuple[TensorType, ...]:
    """Types of open sizes for another sample."""
    return tuple(kind.mapped(lambda size: at(size, sizes)) for kind in types)


def cases(
    rule: Callable[[Mapping[str, int], tuple[TensorType, ...]], T],
    types: Sequence[TensorType],
    sample: Mapping[str, int],
) -> list[Case[T]]:
    """The cases of a rule, which gets a sample and types of its sizes; the first is that of `sample`. Sizes in none of them
    are not known. Raises TooManySizes."""
    found: list[Case[T]] = []
    todo: list[Box] = [everything(sample)]
    sizes: Mapping[str, int] | None = sample
    while todo and len(found) < _MOST:
        if found:
            box = todo[-1]
            sizes = box.sample()
        if sizes is None:
            todo.pop()
            continue
        with deciding() as decisions:
            try:
                result: T | Misfit = rule(sizes, typed_at(types, sizes))
            except Misfit as misfit:
                result = misfit
        case = Case(narrowed(everything(sample), decisions), result)
        found.append(case)
        todo = [piece for box in todo for piece in without(box, case.box)]
    return found
