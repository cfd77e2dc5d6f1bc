"""The loss of every example of an evaluation, as a table."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from netspec.files import atomic_write
from netspec.report.table_formats import Entry, Heading, Row, Table
from netspec.training.evaluation import Onlooker
from netspec.training.losses import Loss, loss_function
from netspec.training.plan import Plan
from netspec.training.trained import logits_of

if TYPE_CHECKING:
    from torch import Tensor

    from netspec.datasets import Examples

__all__ = ["PerExample"]


class PerExample(Onlooker):
    """Collects a row for each example: its number in the split, its loss, and for classes what is true and predicted."""

    def __init__(self) -> None:
        self.plan: Plan | None = None
        self.loss: Loss | None = None
        self.classes: Sequence[str] = ()
        self.rows: list[Row] = []

    def begin(self, net: Any, examples: Examples, classes: Sequence[str], one_hot: bool) -> None:
        self.plan, self.classes = net.plan, classes
        self.loss = loss_function(net.plan.loss, net.plan.output.type.feature_axis)

    def batch(self, indices: range, batch: Any, given: Tensor, target: Tensor) -> None:
        assert self.plan is not None
        assert self.loss is not None
        losses = self.loss(logits_of(self.plan.head, given), target).tolist()
        of_classes = self.plan.task == "class" and target.ndim == 1
        for place, (index, loss) in enumerate(zip(indices, losses, strict=True)):
            entries = [Entry(str(index), index), Entry(f"{loss:.6g}", loss)]
            if of_classes:
                names = [self.classes[int(i)] for i in (target[place], given[place].argmax())]
                entries += [Entry(name, name) for name in names]
            self.rows.append(Row(entries))

    def table(self) -> Table:
        names = ["example", "loss", "true", "predicted"][: len(self.rows[0].entries) if self.rows else 2]
        return Table("", [Heading(name, name, name == "loss") for name in names], self.rows)

    def write(self, path: Path) -> None:
        """Writes a CSV file. Raises SpecError (NS501)."""
        with atomic_write(path) as file:
            file.write(self.table().write("csv").encode())
