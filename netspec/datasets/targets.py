"""Targets: how stored targets fit the output of the net, and the collection of the three splits."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from netspec.datasets.cutting import Cut, Cuts, cut_targets
from netspec.datasets.examples import IGNORED, Batch, Collection, DataOptions, Examples, Goal
from netspec.datasets.fit import sizes
from netspec.datasets.points import moved
from netspec.datasets.pools import LEFT_OUT, TEST, TRAIN, VALIDATION, Pool, Source, Taken
from netspec.datasets.sequences import sequence_targets
from netspec.datasets.splits import split
from netspec.diagnostics import SpecError
from netspec.diagnostics.facts import ClassCount
from netspec.graph import TensorType

if TYPE_CHECKING:
    import numpy as np
    import torch

    from netspec.datasets.examples import Indices
    from netspec.datasets.wanted import Wanted

__all__ = ["Selected", "StoredTargets", "collect"]

_SPARES = 100


@dataclass(frozen=True)
class StoredTargets:
    """The targets of an output for every row (None: the pool reads them). `ones` is the length of the one-hot vectors that class
    indices are converted to, and `mirror` is the input that is also the target; `points`: values that are points of the image as it is stored."""

    rows: np.ndarray[Any, Any] | None
    ones: int = 0
    mirror: str = ""
    ignore: int | None = None
    points: bool = False

    def of(self, rows: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
        import numpy as np

        assert self.rows is not None
        if not self.ones:
            return self.rows[rows]  # type: ignore[no-any-return]
        ones: np.ndarray[Any, Any] = self.rows[rows][:, None] == np.arange(self.ones)
        return ones.astype(np.float32)

    def batch(self, taken: Taken, cuts: Cuts | None) -> torch.Tensor:
        """Those of some rows, which were cut."""
        import numpy as np
        import torch

        if self.mirror:
            return taken.inputs[self.mirror]
        if self.rows is None:
            assert taken.target is not None
            return (
                taken.target if self.ignore is None else taken.target.masked_fill(taken.target == self.ignore, IGNORED)
            )
        target = torch.from_numpy(np.ascontiguousarray(self.of(taken.rows)))
        return cut_targets(target, cuts) if cuts is not None and target.ndim > 2 else target


class Selected:
    """Some rows of a pool, with the targets of each output."""

    loader: Any = None

    def __init__(
        self, pool: Pool, rows: np.ndarray[Any, Any], targets: Mapping[str, StoredTargets], *, replaces: bool = False
    ) -> None:
        self._pool, self._rows, self._targets, self._replaces = pool, rows, targets, replaces
        self.shapes: Mapping[str, tuple[int, ...]] = pool.shapes
        self.decodes = pool.decodes
        self.points = tuple(name for name, held in targets.items() if held.points)

    def __len__(self) -> int:
        return len(self._rows)

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in self.__dict__.items() if name != "loader"}

    def targets(self, name: str = "") -> np.ndarray[Any, Any] | None:
        held = self._targets[name or next(iter(self._targets))]
        return held.of(self._rows) if held.rows is not None else None

    def shown(self, index: int) -> str:
        return self._pool.shown(int(self._rows[index]))

    def batch(self, indices: Indices, cut: Cut | None = None) -> Batch:
        import numpy as np

        cuts = None if cut is None else cut.drawn()
        rows = self._rows[np.asarray(indices, dtype=np.int64)]
        taken = self._pool.take(rows, self._spares if self._replaces else None, cuts)
        targets = {name: held.batch(taken, cuts) for name, held in self._targets.items()}
        if self.points:
            parts = self._pool.parts(taken.rows, cuts)
            height, width = next(images.shape[2:] for images in taken.inputs.values() if images.ndim == 4)
            targets |= {name: moved(targets[name], parts, (height, width)) for name in self.points}
        return Batch(taken.inputs, targets, taken.replaced)

    def _spares(self, row: int) -> Iterator[int]:
        """Rows that can replace one that cannot be decoded: the next ones of the same class and split."""
        import numpy as np

        fellows, classes = self._rows, next(iter(self._targets.values())).rows
        if classes is not None and classes.ndim == 1 and classes.dtype == np.int64:
            fellows = fellows[classes[fellows] == classes[row]]
        place = int(np.searchsorted(fellows, row))
        for step in range(1, min(len(fellows), _SPARES + 1)):
            yield int(fellows[(place + step) % len(fellows)])


def collect(source: Source, wanted: Wanted, options: DataOptions) -> Collection:
    """Splits the source and checks its targets against the output of the net. Raises SpecError (NS601 to NS604)."""
    import numpy as np

    if not (source.part == TRAIN).any():
        left = f"all {len(source.skipped)} examples are corrupt" if source.skipped else "no split is used for training"
        raise SpecError.of("NS601", f"{source.name} has no examples to train on", notes=[left])
    targets: dict[str, StoredTargets] = {}
    names: dict[str, tuple[str, ...]] = {}
    for name, goal in wanted.goals.items():
        targets[name], names[name] = _targets_of(_source_of(source, wanted, name), wanted, goal)
    first = next(name for name, goal in wanted.goals.items() if goal is wanted.goal)
    is_class = wanted.task == "class" or bool(targets[first].ones)
    part = split(source.part, _strata(source, is_class), source.keys, options)
    digest = hashlib.blake2b(source.fingerprint.encode(), digest_size=16)
    digest.update(part.tobytes())
    parts: list[Examples | None] = []
    for code in (TRAIN, VALIDATION, TEST):
        rows = np.flatnonzero(part == code)
        parts.append(Selected(source.pool, rows, targets, replaces=options.corrupt == "skip") if len(rows) else None)
    train, validation, test = parts
    if train is None:
        raise SpecError.of("NS601", f"{source.name} has too few examples to train on", notes=[f"it has {len(part)}"])
    return Collection(
        source.name, train, validation, test, names, digest.hexdigest(), tuple(source.skipped), source.sample_rate
    )


def _source_of(source: Source, wanted: Wanted, name: str) -> Source:
    """The source with the targets of an output. Raises SpecError (NS602) where it has none of them."""
    stored = list(wanted.stored)
    if name not in stored[1:]:
        return source
    if name not in source.further:
        listed = ", ".join(f"`{other}`" for other in stored)
        raise SpecError.of(
            "NS602", f"{source.name} has one target for each example, but {len(stored)} outputs of the net need one: {listed}",
            helps=[wanted.formats],
        )  # fmt: skip
    targets, classes = source.further[name]
    return replace(source, targets=targets, classes=classes, read_targets=False)


def _targets_of(source: Source, wanted: Wanted, goal: Goal) -> tuple[StoredTargets, tuple[str, ...]]:
    """The targets of an output, and the names of its classes."""
    import numpy as np

    output = _stored_output(wanted, goal, source.pool)
    if goal.task == "input":
        mirror = _mirrored(source, wanted.inputs, output)
        return StoredTargets(np.zeros(len(source.part), dtype=np.int64), mirror=mirror), ()
    if source.read_targets:
        return StoredTargets(None, ignore=goal.ignore), source.classes
    if goal.task == "sequence":
        sequences, classes = sequence_targets(source, goal)
        return StoredTargets(sequences), classes
    if source.targets is not None and source.targets.dtype.kind == "U":
        raise SpecError.of("NS602", f"the targets of {source.name} are not numbers", notes=[f"their dtype is {source.targets.dtype}"])  # fmt: skip
    if goal.task == "group":
        return StoredTargets(_group_targets(source)), source.classes
    if goal.task == "class":
        indices, classes = _class_targets(source, output, wanted.formats, goal.ignore)
        return StoredTargets(indices), classes
    values, ones = _value_targets(source, output)
    if goal.points:
        _require_points(source, ones)
    return StoredTargets(values, ones, points=goal.points), ()


def _require_points(source: Source, ones: int) -> None:
    """Raises SpecError (NS602) where targets are not points of the only image."""
    if ones or source.classes:
        raise SpecError.of(
            "NS602", f"the targets of {source.name} are classes, but `target=points` needs the x and y of each point",
            helps=["store them as values: x1, y1, x2, y2, …, in pixels", "or remove `target=points`"],
        )  # fmt: skip
    if sum(len(shape) == 3 for shape in source.pool.shapes.values()) != 1:
        raise SpecError.of(
            "NS602", f"`target=points` needs one image for each example, which {source.name} does not have",
            helps=["store images as images, not as rows of numbers", "or remove `target=points`"],
        )  # fmt: skip


def _group_targets(source: Source) -> np.ndarray[Any, Any]:
    """The class of each example, of as many classes as there are."""
    import numpy as np

    targets = source.targets
    if targets is None:
        raise unlabeled(source)
    if targets.size != len(targets) or not (targets == np.floor(targets)).all() or targets.min() < 0:
        raise SpecError.of(
            "NS602", f"the targets of {source.name} are not one class for each example",
            notes=["`loss triplet` compares examples of the same class with those of others"],
            helps=["store one number from 0 for each example"],
        )  # fmt: skip
    result: np.ndarray[Any, Any] = targets.reshape(-1).astype(np.int64)
    return result


def _stored_output(wanted: Wanted, goal: Goal, pool: Pool) -> TensorType:
    """The output of the net. If every pixel has a target and images are stored larger than the input, to be cropped, it is
    as large as they are."""
    output = goal.output
    of_pixels = goal.stored and output.layout == "map" and output.rank == 2
    for name, kind in wanted.inputs.items():
        stored = pool.shapes[name]
        if of_pixels and kind.spatial == output.spatial and len(stored) == 3:
            return TensorType("map", (output.features, *stored[1:]))
    return output


def _strata(source: Source, is_class: bool) -> np.ndarray[Any, Any] | None:
    """The classes, even if the net does not use them, so that an autoencoder trains on the same examples as a classifier.
    Labels with almost as many values as examples do not count as classes."""
    import numpy as np

    targets = source.targets
    if targets is None or targets.dtype.kind == "f" or targets.size != len(targets) or source.in_order:
        return None
    labels = targets.reshape(-1)
    few = is_class or bool(source.classes) or 10 * len(np.unique(labels)) <= len(labels)
    return labels if few else None


def _mirrored(source: Source, inputs: Mapping[str, TensorType], output: TensorType) -> str:
    """The input that the output is compared with."""
    for name, kind in inputs.items():
        if kind.size == output.size and kind.layout != "ids":
            return name
    raise SpecError.of(
        "NS602",
        "the output cannot be compared with the input",
        notes=[f"the input is {', '.join(k.noun for k in inputs.values())}, but the output is {output.noun}"],
        helps=["make the output the same size as the input"],
    )


def unlabeled(source: Source) -> SpecError:
    return SpecError.of(
        "NS602",
        f"{source.name} has no targets",
        helps=["to train an autoencoder, write `loss mse target=input` in `train { … }`"],
    )


def _class_targets(
    source: Source, output: TensorType, formats: str = "", ignore: int | None = None
) -> tuple[np.ndarray[Any, Any], tuple[str, ...]]:
    import numpy as np

    if source.targets is None:
        raise unlabeled(source)
    targets = source.targets
    usable = source.part != LEFT_OUT
    if targets.dtype.kind == "f":
        if not (targets[usable] == np.floor(targets[usable])).all():
            raise SpecError.of(
                "NS602",
                f"the targets of {source.name} are values, but the loss needs classes",
                helps=["train with `loss mse`, or store class indices"],
            )
        targets = np.where(np.isfinite(targets), targets, 0)
    targets = targets.astype(np.int64)
    wanted = output.shape[:-1] if output.layout == "sequence" else output.shape[1:]
    if [n for n in targets.shape[1:] if n != 1] != [n for n in wanted if n != 1]:
        helps = [formats] if formats else []
        if targets.shape[1:] == (output.features,):
            helps = ["store class indices instead of one-hot vectors: y.argmax(1)"]
        raise SpecError.of(
            "NS602",
            f"the targets of {source.name} do not match the output of the net",
            notes=[f"each target is {_noun(targets.shape[1:])}", f"the output is {output.noun}, so each target must be {_noun(wanted)}"],
            helps=helps,
        )  # fmt: skip
    targets = targets.reshape(len(targets), *wanted)
    ignored = np.zeros(targets.shape, dtype=bool) if ignore is None else targets == ignore
    classes = _classes(source, targets, usable.reshape(-1, *(1,) * len(wanted)) & ~ignored, output.features)
    return np.where(ignored, IGNORED, targets) if ignored.any() else targets, classes


def _noun(shape: tuple[int, ...]) -> str:
    return f"{sizes(shape)} class indices" if shape else "one class index"


def _classes(
    source: Source, targets: np.ndarray[Any, Any], usable: np.ndarray[Any, Any], features: int
) -> tuple[str, ...]:
    """The names of the classes; `usable`: which of the targets count."""
    import numpy as np

    if not usable.any():
        raise SpecError.of(
            "NS602", f"no label of {source.name} counts", notes=["all of them are the class to `ignore`"]
        )
    low, high = int(targets[usable].min()), int(targets[usable].max())
    known = len(source.classes) or high + 1
    if low < 0 or (source.classes and high >= known):
        row = int(np.argwhere(usable & ((targets < 0) | (targets >= known)))[0][0])
        raise SpecError.of(
            "NS602",
            f"a label of {source.name} is out of range",
            notes=[f"the labels are {low} to {high}; the first one out of range is that of example {row}"],
            helps=[f"number the classes from 0 to {known - 1 if source.classes else features - 1}"],
        )
    if known > features or (source.classes and known != features):
        helps = [f"give the last layer {known} outputs, such as `FC-{known}`"]
        different = len(np.unique(targets[usable]))
        if not source.classes and known > 10 * different:
            helps = [f"number the classes from 0 to {different - 1}: there are {different} different labels"]
        if low == 1 and high == features and not source.classes:
            helps.append(f"or number the classes from 0: the labels 0 to {features - 1}")
        if features == 1 and known == 2:
            helps.append("or keep one output and train it with `loss bce`")
        raise SpecError.of(
            "NS602",
            f"{source.name} has {known} classes, but the net has {features} outputs",
            notes=[] if source.classes else [f"its labels are {low} to {high}"],
            helps=helps,
            facts=ClassCount(known),
        )
    return source.classes or tuple(map(str, range(features)))


def _value_targets(source: Source, output: TensorType) -> tuple[np.ndarray[Any, Any], int]:
    """Targets in the shape of the output, or class indices and the length of their one-hot vectors."""
    import numpy as np

    targets = source.targets
    if targets is None:
        raise unlabeled(source)
    whole = targets.dtype.kind in "iub"
    if whole and targets.ndim == 1 and output.size > 1 and output.shape[0] == output.size:
        _, count = _class_targets(replace(source, targets=targets), TensorType("vector", (output.size,)))
        if output.shape == (len(count),):
            return targets.astype(np.int64), len(count)
    if source.classes and output.size == 1 and len(source.classes) != 2:
        raise SpecError.of(
            "NS602",
            f"{source.name} has {len(source.classes)} classes, but the net has one output",
            helps=[f"give the last layer {len(source.classes)} outputs, such as `FC-{len(source.classes)}`"],
            facts=ClassCount(len(source.classes)),
        )
    found = targets.shape[1:]
    same = [n for n in found if n != 1] == [n for n in output.shape if n != 1]
    if not same and not (output.layout == "vector" and int(np.prod(found)) == output.size):
        raise SpecError.of(
            "NS602",
            f"the targets of {source.name} do not match the output of the net",
            notes=[f"each target is {sizes(found)}", f"the output is {output.noun}"],
            helps=[f"give the last layer {int(np.prod(found))} outputs"] if len(found) < 2 else [],
        )
    return targets.reshape(len(targets), *output.shape).astype(np.float32), 0
