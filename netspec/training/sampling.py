"""The order of the examples: a pure function of the seed, the epoch and the update."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from netspec.diagnostics import SpecError
from netspec.recipe import Chosen

if TYPE_CHECKING:
    import numpy as np

    from netspec.training.plan import Plan

__all__ = ["Piece", "Share", "order_of_an_epoch", "order_of_evaluation", "update_count", "updates_of_an_epoch"]


@dataclass(frozen=True, slots=True)
class Share:
    """The part of every batch that this process computes."""

    rank: int = 0
    world: int = 1
    together: int = 1
    """How many rows in a row are computed by the same process: the pairs of mixup."""

    def rows(self, total: int) -> range:
        """Its rows of a batch; if there are fewer rows than processes, some have none."""
        units = max(1, total // self.together)
        start = self.rank * units // self.world * self.together
        stop = (self.rank + 1) * units // self.world * self.together
        return range(start, total if self.rank + 1 == self.world else stop)


@dataclass(frozen=True, slots=True)
class Piece:
    """One forward and backward pass of this process.

    `indices` are its examples, rows `rows` of a batch of `total`; the update has `update_total` examples. A process
    without rows computes one example with weight 0, since every process takes part in every pass.
    """

    indices: np.ndarray[Any, Any]
    rows: range
    total: int
    update_total: int

    @property
    def computed(self) -> range:
        """The rows that it computes: the first one where it has none."""
        return self.rows or range(1)

    @property
    def weight(self) -> float:
        """The weight of these examples in the mean over the update, before gradients are averaged over processes."""
        return len(self.rows) / self.update_total


def update_count(examples: int, batch: int, accumulate: int) -> int:
    """The number of updates per epoch."""
    per_update = batch * accumulate
    whole, rest = divmod(examples, per_update)
    return max(1, whole + (rest > 1 or (rest == 1 and per_update == 1)))


def order_of_an_epoch(
    examples: int,
    *,
    seed: int,
    epoch: int,
    sampling: Chosen | None = None,
    targets: Callable[[], np.ndarray[Any, Any] | None] = lambda: None,
) -> np.ndarray[Any, Any]:
    """The examples of an epoch, as many as there are, determined by the seed and the epoch: each once, or as `sampling` says.

    `balanced`: drawn with replacement, every class as often as the others. `repeated`: a part of the examples, each several
    times in a row (Hoffer et al. 2020). Raises SpecError (NS604) for `balanced` without classes.
    """
    import numpy as np

    generator = np.random.Generator(np.random.PCG64([seed, 0x0DE8, epoch]))
    if sampling is None:
        return generator.permutation(examples)
    if sampling.word == "repeated":
        return np.repeat(generator.permutation(examples), sampling.values["times"])[:examples]
    classes = targets()
    if classes is None or classes.ndim != 1 or classes.dtype.kind == "f":
        raise SpecError.of("NS604", "`sampling balanced` needs a class for each example", helps=["remove it"])
    weights = (classes >= 0) / np.bincount(classes[classes >= 0])[
        classes.clip(min=0)
    ]  # one that is ignored is not drawn
    ends = np.cumsum(weights)
    drawn: np.ndarray[Any, Any] = np.searchsorted(ends, generator.random(examples) * ends[-1], side="right")
    return drawn.clip(max=examples - 1)


def order_of_evaluation(plan: Plan, count: int) -> Sequence[int]:
    """The examples as they are, or mixed where the loss compares those of a batch, which are often stored class by class."""
    if all(head.task != "group" for head in plan.heads):
        return range(count)
    mixed: list[int] = order_of_an_epoch(count, seed=plan.seed, epoch=0).tolist()
    return mixed


def updates_of_an_epoch(order: np.ndarray[Any, Any], batch: int, accumulate: int, *, share: Share) -> list[list[Piece]]:
    """The pieces of every update of an epoch, whose examples are `order`.

    A last update of a single example is skipped (batch norms do not support it); the order changes every epoch, so it is
    a different example each time.
    """
    per_update = batch * accumulate
    count = update_count(len(order), batch, accumulate)
    return [_pieces(order[i * per_update : (i + 1) * per_update], batch, share) for i in range(count)]


def _pieces(indices: np.ndarray[Any, Any], batch: int, share: Share) -> list[Piece]:
    import numpy as np

    pieces = []
    count = -(-len(indices) // batch)
    for part in np.array_split(indices, count) if count > 1 else [indices]:  # even sizes: none is a single example
        rows = share.rows(len(part))
        mine = part[rows.start : rows.stop] if len(rows) else part[:1]
        pieces.append(Piece(mine, rows, len(part), len(indices)))
    return pieces
