"""Checks of validation and test data against the training set: copies, scale, channels, classes, targets."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import TYPE_CHECKING, Any

from netspec.datasets import Examples
from netspec.training.check_result import CheckResult
from netspec.training.sanity_near_copies import check_near_copies, sketches
from netspec.training.sanity_runs import Bench, Held

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["check_copies", "check_splits"]

_VALUES = {False: 200_000_000, True: 50_000_000}
"""Values of examples that are compared exactly, by whether they are decoded from files."""
_LARGE, _TOKENS = 64, 16
"""Examples of so many values, or tokens, are not the same by chance."""
_FEW = 20
"""Fewer examples of a part are not compared."""
_MOSTLY = 0.8
"""The part of the images by which one part differs from another in that they are gray."""
_SURE = 5.0
"""Standard errors that count as a difference."""


def _others(bench: Bench) -> Iterator[tuple[str, Examples]]:
    for name, part in (("validation", bench.collection.validation), ("test", bench.collection.test)):
        if part is not None:
            yield name, part


# Copies


@dataclass
class _Prints:
    """The digests of examples, by which equal ones are found; constant examples, such as black images, have none."""

    digests: dict[int, bytes] = field(default_factory=dict)
    constant: list[int] = field(default_factory=list)
    largest: dict[int, float] = field(default_factory=dict)
    """The largest magnitude in each example."""
    sketches: dict[int, Tensor] = field(default_factory=dict)
    """Of images that are not constant."""
    compared: int = 0


def _is_large(bench: Bench) -> bool:
    return sum(k.size * (_LARGE // _TOKENS if k.layout == "ids" else 1) for k in bench.plan.inputs.values()) >= _LARGE


def _prints(bench: Bench, examples: Examples) -> _Prints:
    most = _VALUES[bool(getattr(examples, "decodes", False))] // bench.example_size
    step = max(1, math.ceil(len(examples) / max(1, most)))
    rows = range(0, len(examples), step)
    found, large = _Prints(compared=len(rows)), _is_large(bench)
    for start in range(0, len(rows), 256):
        some = rows[start : start + 256]
        read = examples.batch(list(some)).inputs
        inputs = [value.flatten(1).numpy() for value in read.values()]
        image = bench.engine.inputs.image
        drawn = sketches(read[image]) if image is not None and len(read) == 1 else None
        for place, row in enumerate(some):
            one = [values[place] for values in inputs]
            found.largest[row] = max(float(abs(v).max(initial=0)) for v in one)
            if large and all((v == v[0]).all() for v in one):
                found.constant.append(row)
            else:
                found.digests[row] = blake2b(b"".join(v.tobytes() for v in one), digest_size=16).digest()
                if drawn is not None:
                    found.sketches[row] = drawn[place]
    return found


def check_copies(bench: Bench) -> list[CheckResult]:
    """Examples that are constant, twice in the training set with different labels, or in two parts."""
    train = bench.collection.train
    known = _prints(bench, train)
    by_digest: dict[bytes, int] = {}
    for row, digest in known.digests.items():
        by_digest.setdefault(digest, row)
    twins = len(known.digests) - len(by_digest)
    chance = 0.0 if _is_large(bench) else 2 * twins / max(1, known.compared) + 0.05
    others = [(name, part, _prints(bench, part)) for name, part in _others(bench)]
    near = (
        (name, part, train, known.sketches, {r: s for r, s in prints.sketches.items() if prints.digests[r] not in by_digest})
        for name, part, prints in others
    )  # fmt: skip
    return [
        *_constant(known),
        *_large(train, known),
        *(_repeated(known, twins) if _is_large(bench) else []),
        *_contradictions(bench, known, by_digest),
        *(_copied(name, part, train, prints, by_digest, chance) for name, part, prints in others),
        *(result for given in near for result in check_near_copies(*given)),
    ]


def _constant(known: _Prints) -> list[CheckResult]:
    if not known.constant:
        return []
    share = len(known.constant) / known.compared
    measured = f"{len(known.constant)} of {known.compared} training examples have the same value everywhere"
    fault = "constant examples" if share > 0.1 else ""
    return [CheckResult("constant examples", measured, fault, "check how the data was read and stored", note=not fault)]


def _large(train: Examples, known: _Prints) -> list[CheckResult]:
    """Single values far beyond those of other examples, which spoil statistics."""
    row, most = max(known.largest.items(), key=lambda item: item[1])
    usual = sorted(known.largest.values())[len(known.largest) // 2]
    if not usual or most < 1000 * usual:
        return []
    measured = f"the largest value of {train.shown(row)} is {most:.3g}, of most training examples {usual:.3g}"
    return [CheckResult("large values", measured, note=True, advice="inspect it: one such value spoils the mean and the standard deviation of all")]  # fmt: skip


def _repeated(known: _Prints, twins: int) -> list[CheckResult]:
    if twins <= 0.02 * known.compared:
        return []
    measured = f"{twins} of {known.compared} training examples are copies of others"
    return [CheckResult("training copies", measured, note=True, advice="they count several times, and must not be divided between training and validation")]  # fmt: skip


def _contradictions(bench: Bench, known: _Prints, by_digest: dict[bytes, int]) -> list[CheckResult]:
    """Training examples that are equal and have different labels."""
    labels = bench.labels(bench.collection.train)
    if labels is None or labels.ndim != 1:
        return []
    wrong = [
        (row, by_digest[digest]) for row, digest in known.digests.items() if labels[row] != labels[by_digest[digest]]
    ]
    if not wrong:
        return []
    train = bench.collection.train
    row, first = wrong[0]
    measured = (
        f"{len(wrong)} of {known.compared} training examples equal another one with a different label: "
        f"{train.shown(first)} (class {labels[first]}) and {train.shown(row)} (class {labels[row]})"
    )
    certain = _is_large(bench) and len(wrong) > 0.01 * known.compared
    fault = "equal examples with different labels" if certain else ""
    return [CheckResult("contradictions", measured, fault, "remove them, or correct their labels", note=not fault)]


def _copied(
    name: str, part: Examples, train: Examples, prints: _Prints, by_digest: dict[bytes, int], chance: float
) -> CheckResult:
    pairs = [(row, by_digest[digest]) for row, digest in prints.digests.items() if digest in by_digest]
    check = f"{name} copies"
    whole = "" if prints.compared == len(part) else f" (compared: {prints.compared} of {len(part)})"
    if not pairs:
        return CheckResult(check, f"no {name} example is in the training set{whole}")
    row, twin = pairs[0]
    measured = f"{len(pairs)} of {prints.compared} {name} examples are also in the training set: {part.shown(row)} is {train.shown(twin)}"
    advice = "remove them from one of the two, or let netspec split the data"
    if len(pairs) / prints.compared <= chance:
        return CheckResult(check, measured, note=True, advice="few different inputs are possible")
    return CheckResult(check, measured, f"{name} examples are in the training set", advice)


# Scale, channels, classes and targets


def check_splits(bench: Bench, some: Held) -> list[CheckResult]:
    """Whether the inputs and the targets of each part are distributed like those of the training set."""
    found: list[CheckResult] = []
    for name, part in _others(bench):
        if len(part) < _FEW or len(some) < _FEW:
            continue
        held = bench.held(len(some), examples=part)
        found += _inputs(bench, name, some, held)
        found += [result for result in (_classes(bench, name, part), _values(bench, name, part)) if result]
    return found


def _inputs(bench: Bench, name: str, some: Held, held: Held) -> list[CheckResult]:
    ours, theirs = (
        dict(zip(bench.plan.inputs, bench.engine.inputs.test(h.batch(range(len(h))))[0], strict=True)) for h in (some, held)
    )  # fmt: skip
    results = []
    for given, kind in bench.plan.inputs.items():
        if kind.layout == "ids":
            continue
        check = f"{name} inputs" if len(bench.plan.inputs) == 1 else f"{name} input `{given}`"
        if kind.layout == "map" and kind.rank == 2 and kind.features == 3:
            labels = [bench.labels(h) for h in (some, held)]
            colored = _grayness(check, name, ours[given], theirs[given])
            wrong = colored or _channel_order(check, name, ours[given], theirs[given], labels)
            if wrong is not None:
                results.append(wrong)
                continue
        results.append(_same_scale(check, name, ours[given], theirs[given]))
    return results


def _same_scale(check: str, name: str, ours: Tensor, theirs: Tensor) -> CheckResult:
    import torch

    a, b = (values.double().flatten(1) for values in (ours, theirs))
    if not torch.isfinite(b).all():
        count = int((~torch.isfinite(b).all(1)).sum())
        return CheckResult(check, f"NaN or infinity in {count} of {len(b)} examples", "NaN in the data", "use `--corrupt skip` to leave such examples out")  # fmt: skip
    (mean, std), (mean2, std2) = ((float(v.mean()), float(v.std())) for v in (a, b))
    measured = (
        f"mean {mean2:.3g}, standard deviation {std2:.3g}; those of the training set are {mean:.3g} and {std:.3g}"
    )
    ratio = std2 / std if std else math.inf
    shift = abs(mean2 - mean) / max(std, 1e-12)
    advice = f"prepare {name} and training data in the same way"
    for factor in (255.0, 1 / 255):
        if abs(ratio / factor - 1) < 0.2:
            advice = f"one of them is scaled by 255: {advice}"
    if not 0.5 < ratio < 2 or shift > 1:
        return CheckResult(check, measured, f"{name} inputs are on another scale", advice)
    error = math.sqrt(sum(float(v.mean(1).var()) / len(v) for v in (a, b)))
    differs = (shift > 0.25 and abs(mean2 - mean) > _SURE * error) or not 1 / 1.3 < ratio < 1.3
    return CheckResult(check, measured, note=differs, advice=advice if differs else "")


def _grayness(check: str, name: str, ours: Tensor, theirs: Tensor) -> CheckResult | None:
    """Where one part is gray and the other has colors."""
    shares = [float((x == x[:, :1]).flatten(1).all(1).float().mean()) for x in (ours, theirs)]
    if abs(shares[0] - shares[1]) < _MOSTLY:
        return None
    gray, colored = (name, "training") if shares[1] > shares[0] else ("training", name)
    measured = f"{shares[1]:.0%} of the images are gray, {shares[0]:.0%} of those of the training set"
    return CheckResult(
        check, measured, f"{name} images have other colors", f"{gray} images are gray: read them like {colored} images"
    )


def _channel_order(check: str, name: str, ours: Tensor, theirs: Tensor, labels: list[Any]) -> CheckResult | None:
    """Where the first and the last channel are exchanged: how much they differ, in mean and spread, in each class."""
    same, swapped, green, count = 0.0, 0.0, 0.0, 0
    for chosen in _by_class(*labels):
        for measure in ("mean", "std"):
            gaps, errors, middle = [], [], []
            for values, rows in zip((ours, theirs), chosen, strict=True):
                of_channels = getattr(values[rows].double().flatten(2), measure)(2)
                gap = of_channels[:, 0] - of_channels[:, 2]
                gaps.append(float(gap.mean()))
                errors.append(float(gap.var()) / len(gap))
                middle.append(float(of_channels[:, 1].mean()))
            error = sum(errors) or 1.0
            same += (gaps[0] - gaps[1]) ** 2 / error
            swapped += (gaps[0] + gaps[1]) ** 2 / error
            green += (middle[0] - middle[1]) ** 2 / error
            count += 1
    if same < 10 * count or max(swapped, green) > same / 4:
        return None
    measured = "its first and last channel differ like the last and the first of the training set"
    return CheckResult(check, measured, f"{name} images have another channel order", "read both as RGB: one of them seems to be BGR (OpenCV)")  # fmt: skip


def _by_class(ours: Any, theirs: Any) -> list[tuple[Any, Any]]:
    """The rows of each class that has enough examples in both; all rows where there are no classes."""
    everything = [(slice(None), slice(None))]
    if ours is None or theirs is None or ours.ndim != 1:
        return everything
    pairs = [((ours == c).nonzero()[0], (theirs == c).nonzero()[0]) for c in sorted(set(ours.tolist()))]
    return [pair for pair in pairs if min(map(len, pair)) >= 5] or everything


def _classes(bench: Bench, name: str, part: Examples) -> CheckResult | None:
    import numpy as np

    labels, known = bench.labels(part), bench.labels(bench.collection.train)
    if labels is None or known is None or labels.ndim != 1 or min(labels.min(), known.min()) < 0:
        return None
    check = f"{name} labels"
    here, ours = Counter(labels.tolist()), Counter(known.tolist())
    foreign = sorted(here.keys() - ours.keys())
    if foreign:
        count = sum(here[c] for c in foreign)
        return CheckResult(check, f"{count} of {len(labels)} examples have classes without training examples: {_listed(foreign)}", "classes that training does not have", "split the data again, by class")  # fmt: skip
    if len(here) == 1 and len(ours) > 1:
        return CheckResult(check, f"all {len(labels)} examples have class {next(iter(here))}", f"all {name} labels are the same", "check whether the data or the split is sorted by class")  # fmt: skip
    size = bench.plan.output.type.features
    shares = [np.bincount(v, minlength=size) / len(v) for v in (labels, known)]
    away = float(np.abs(shares[0] - shares[1]).sum()) / 2
    # the expected distance of samples of this size, generously
    usual = 2 * float(np.sqrt(shares[1] * (1 - shares[1]) / len(labels)).sum())
    if away > max(0.25, usual):
        return CheckResult(check, f"{away:.0%} of the examples would need another class to be distributed like training", note=True, advice="the score is that of another distribution of classes")  # fmt: skip
    missing = sorted(ours.keys() - here.keys())
    if missing and len(labels) >= 10 * len(ours):
        return CheckResult(check, f"{len(missing)} of {len(ours)} classes have no {name} examples: {_listed(missing)}", note=True)  # fmt: skip
    return CheckResult(check, f"{len(here)} classes, distributed like those of the training set")


def _listed(classes: list[int]) -> str:
    return ", ".join(map(str, classes[:6])) + (" …" if len(classes) > 6 else "")


def _values(bench: Bench, name: str, part: Examples) -> CheckResult | None:
    if bench.plan.task != "values" or bench.plan.labels or bench.labels(part) is not None:
        return None
    theirs, ours = part.targets(), bench.collection.train.targets()
    if theirs is None or ours is None:
        return None
    return _same_target_scale(f"{name} targets", name, ours, theirs)


def _same_target_scale(check: str, name: str, ours: Any, theirs: Any) -> CheckResult:
    mean, std, mean2, std2 = (float(v) for v in (ours.mean(), ours.std(), theirs.mean(), theirs.std()))
    measured = (
        f"mean {mean2:.3g}, standard deviation {std2:.3g}; those of the training set are {mean:.3g} and {std:.3g}"
    )
    if not std:
        return CheckResult(check, measured, "all targets are the same", "check how the data was stored")
    if not 1 / 3 < std2 / std < 3 or abs(mean2 - mean) > 2 * std:
        return CheckResult(check, measured, f"{name} targets are on another scale", f"prepare {name} and training targets in the same way")  # fmt: skip
    return CheckResult(check, measured)
