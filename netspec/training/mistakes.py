"""The examples that a net gets most wrong."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from netspec.datasets.examples import IGNORED
from netspec.diagnostics.display import printable
from netspec.training.evaluation import Onlooker
from netspec.training.losses import loss_function
from netspec.training.showing import image_of, inputs_text, numbers_text, picture, text_of
from netspec.training.trained import Net, logits_of

if TYPE_CHECKING:
    from torch import Tensor

    from netspec.datasets import Batch, Examples

__all__ = ["Kind", "Mistake", "Mistakes"]

Kind = Literal["classes", "positions", "labels", "values", "input"]
"""What a net predicts of an example: its class, the class of each of its positions, labels, values, or the input again."""

_SHOWN_CLASSES = 3
_SHOWN_POSITIONS = 24


@dataclass(frozen=True)
class Mistake:
    """One example. `truth` and `predicted` are texts, `classes` the indices of the two where there is one class.

    `confidence` is the value of the predicted class and `of_truth` that of the true one: probabilities, scores for the hinge
    loss. `share`: of the positions, how many are wrong. `picture` and `output` are images as `data:` addresses, `values` is
    the input where it is no image.
    """

    index: int
    name: str
    loss: float | None
    truth: str
    predicted: str
    classes: tuple[int, int] | None = None
    confidence: float | None = None
    of_truth: float | None = None
    share: float | None = None
    picture: str | None = None
    output: str | None = None
    values: str = ""


@dataclass(frozen=True)
class _Kept:
    rank: tuple[float, int]
    inputs: dict[str, Tensor]
    given: Tensor
    target: Tensor


class Mistakes(Onlooker):
    """Keeps the `most` examples with the highest losses of those that are predicted wrong (of values: of all).

    `told` is called with the number of examples seen and that of all, after each batch.
    """

    def __init__(self, most: int, told: Callable[[int, int], None] = lambda done, total: None) -> None:
        self.most, self.told = most, told
        self.wrong = 0
        """How many examples are predicted wrong."""
        self.kind: Kind = "values"
        self._kept: list[_Kept] = []

    def begin(self, net: Net, examples: Examples, classes: Sequence[str], one_hot: bool) -> None:
        plan = net.plan
        output = plan.output.type
        self.plan, self.examples, self.names, self.one_hot = plan, examples, classes, one_hot
        self.axis, self.loss = output.feature_axis, loss_function(plan.loss, output.feature_axis)
        self.binary = plan.labels and output.features == 1
        alone = output.features == output.size
        if plan.task == "input":
            self.kind = "input"
        elif plan.task == "class" or one_hot or self.binary:
            self.kind = "classes" if alone else "positions"
        elif plan.labels:
            self.kind = "labels"
        self.told(0, len(examples))

    def batch(self, indices: range, batch: Batch, given: Tensor, target: Tensor) -> None:
        import torch

        losses = self.loss(logits_of(self.plan.head, given), target).double().nan_to_num(nan=math.inf)
        wrong = self._wrong(given, target)
        self.wrong += int(wrong.sum())
        chosen = torch.nonzero(wrong).flatten().tolist()
        chosen.sort(key=lambda row: (-float(losses[row]), row))
        for row in chosen[: self.most]:
            inputs = {name: value[row].clone() for name, value in batch.inputs.items()}
            rank = (-float(losses[row]), indices[row])
            self._kept.append(_Kept(rank, inputs, given[row].clone(), target[row].clone()))
        self._kept.sort(key=lambda kept: kept.rank)
        del self._kept[self.most :]
        self.told(indices.stop, len(self.examples))

    def found(self) -> list[Mistake]:
        """The most wrong first."""
        return [self._mistake(kept) for kept in self._kept]

    def beside(self) -> list[tuple[Tensor, ...]]:
        """For each mistake what is shown beside its image: the classes of its pixels, true and predicted (H x W), or its
        reconstruction, as the input lies in memory. Nothing for others."""
        output = self.plan.output.type
        if self.kind == "input":
            return [(kept.given,) for kept in self._kept] if self._in_order() else [() for _ in self._kept]
        if self.kind != "positions" or output.layout != "map" or output.rank != 2:
            return [() for _ in self._kept]
        pairs = [self._compared(kept.given[None], kept.target[None]) for kept in self._kept]
        return [(true[0], predicted[0]) for predicted, true in pairs]

    def _wrong(self, given: Tensor, target: Tensor) -> Tensor:
        """Whether each example of a batch is predicted wrong."""
        import torch

        if self.kind in ("values", "input"):
            return torch.ones(len(given), dtype=torch.bool)
        return self._differs(given, target).flatten(1).any(1)

    def _differs(self, given: Tensor, target: Tensor) -> Tensor:
        """Where the prediction differs from the target: N x positions (or labels), at least one."""
        predicted, true = self._compared(given, target)
        return ((predicted != true) & (true != IGNORED)).reshape(len(given), -1)

    def _compared(self, given: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
        """The classes predicted and true, or of several labels which hold."""
        if self.binary or self.kind == "labels":
            return (given > 0.5).long(), (target.reshape(given.shape) > 0.5).long()
        return given.argmax(self.axis), target.argmax(self.axis) if self.one_hot else target

    def _mistake(self, kept: _Kept) -> Mistake:
        loss, index = -kept.rank[0], kept.rank[1]
        seen: dict[str, Any] = {}
        batched = {name: value[None] for name, value in kept.inputs.items()}
        image = image_of(batched)
        if image is not None:
            seen["picture"] = picture(kept.inputs[image])
            if self.kind == "input" and kept.given.numel() == kept.inputs[image].numel() and self._in_order():
                seen["output"] = picture(kept.given.reshape(kept.inputs[image].shape))
        else:
            seen["values"] = inputs_text(kept.inputs, self.plan.vocabularies, self.names)
        name = printable(self.examples.shown(index))
        return Mistake(index, name, loss if math.isfinite(loss) else None, **self._words(kept), **seen)

    def _in_order(self) -> bool:
        """Whether the output lies in memory as the image does."""
        return self.plan.output.type.layout in ("map", "vector")

    def _words(self, kept: _Kept) -> dict[str, Any]:
        """What the example is and what the net says, as fields of a mistake."""
        given, target = kept.given[None], kept.target[None]
        if self.kind in ("values", "input"):
            same = {"truth": "", "predicted": ""} if self.kind == "input" else {}
            return {"truth": numbers_text(target.flatten().tolist()), "predicted": numbers_text(given.flatten().tolist()), **same}  # fmt: skip
        predicted, true = self._compared(given, target)
        if self.kind == "labels":
            held = ", ".join if self.plan.output.type.size == self.plan.output.type.features else self._shares
            return {
                "truth": held(self._holding(true)) or "none", "predicted": held(self._holding(predicted)) or "none",
                "share": float(self._differs(given, target).double().mean()),
            }  # fmt: skip
        if self.kind == "classes":
            pair = int(true.flatten()[0]), int(predicted.flatten()[0])
            sure = self._sure(given.flatten().tolist(), pair)
            return {"truth": self._name(pair[0]), "predicted": self._name(pair[1]), "classes": pair, **sure}
        counted = (true != IGNORED).sum()
        share = float(self._differs(given, target).sum() / counted.clamp(min=1))
        return {"truth": self._positions(true), "predicted": self._positions(predicted), "share": share}

    def _sure(self, values: list[float], pair: tuple[int, int]) -> dict[str, float | None]:
        if self.binary:
            values = [1 - values[0], values[0]]
        found = [values[pair[1]], values[pair[0]]]
        return {k: v if math.isfinite(v) else None for k, v in zip(("confidence", "of_truth"), found, strict=True)}

    def _name(self, index: int) -> str:
        return printable(self.names[index]) if 0 <= index < len(self.names) else str(index)

    def _holding(self, held: Tensor) -> list[str]:
        """The names of the labels that hold, once for each position."""
        rows = held.movedim(self.axis, -1).reshape(-1, self.plan.output.type.features)
        return [self._name(label) for row in rows for label in row.nonzero().flatten().tolist()]

    def _positions(self, classes: Tensor) -> str:
        """A sequence word by word, or as a text where it is one; of a map, the shares of its classes."""
        if self.plan.output.type.features in self.plan.vocabularies.values():
            flat = classes.flatten().tolist()
            return printable(text_of(flat, self.plan.output.type.features, self.names))
        names = [self._name(c) for c in classes.flatten().tolist() if c != IGNORED]
        if self.plan.output.type.layout != "sequence":
            return self._shares(names)
        return " ".join(names[:_SHOWN_POSITIONS]) + (" …" if len(names) > _SHOWN_POSITIONS else "")

    @staticmethod
    def _shares(names: Sequence[str]) -> str:
        """`road 71%, car 20%, …`"""
        counts = Counter(names)
        best = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
        shown = [f"{name} {count / counts.total():.0%}" for name, count in best[:_SHOWN_CLASSES]]
        return ", ".join([*shown, "…"] if len(best) > _SHOWN_CLASSES else shown)
