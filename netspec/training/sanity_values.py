"""Checks of single values of an input: channels that hold nothing, and values that give the target away."""

from __future__ import annotations

from typing import TYPE_CHECKING

from netspec.training.check_result import CheckResult
from netspec.training.sanity_runs import Bench, Held

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["check_channels", "check_leaks", "check_missing"]

_CERTAIN = 0.995
"""The part of the variance of the targets that a value explains; of the examples of a class that have a value, and of the others
that do not."""
_FAR = 3.0
"""A number is no measurement if it is as far from the others as so many times their range."""
_COLUMNS = 4
"""Points of fewer dimensions may be sorted into classes by one of them."""
_MANY = 20
"""The least number of examples of each class, or of a value."""


def check_channels(bench: Bench, some: Held) -> list[CheckResult]:
    """Channels that have one value in all examples."""
    results = []
    for name, values in some.batch(range(len(some))).inputs.items():
        kind = bench.plan.inputs[name]
        if kind.layout != "map" or kind.features < 2 or len(some) < _MANY:
            continue
        flat = values.float().movedim(1, 0).flatten(1)
        same = (flat == flat[:, :1]).all(1)
        if not same.any() or same.all():
            continue
        shown = ", ".join(map(str, same.nonzero()[:4, 0].tolist()))
        measured = f"{int(same.sum())} of {kind.features} channels have the same value in all of {len(some)} examples: {shown} (counted from 0)"
        results.append(CheckResult("channels", measured, note=True, advice="check how the data was read and stored"))
    return results


def check_missing(bench: Bench, some: Held) -> list[CheckResult]:
    """A number far from all others that a column has again and again, such as -999 where a value is missing."""
    for name, values in some.batch(range(len(some))).inputs.items():
        if bench.plan.inputs[name].layout != "vector" or len(some) < _MANY:
            continue
        for column in range(values.shape[1]):
            one = values[:, column].double()
            for extreme in (one.min(), one.max()):
                others = one[one != extreme]
                count = len(one) - len(others)
                if not 2 <= count < len(others) or len(set(others.tolist())) < _MANY // 2:
                    continue
                if (others - extreme).abs().min() > _FAR * (others.max() - others.min()):
                    measured = f"{count} of {len(one)} examples have {extreme:g} at [{column}], the others {others.min():.3g} to {others.max():.3g}"
                    return [CheckResult("missing values", measured, note=True, advice="it may stand for a missing value, and spoils the mean and the standard deviation")]  # fmt: skip
    return []


def check_leaks(bench: Bench, some: Held) -> list[CheckResult]:
    """A single value, such as a pixel or a column, that tells the target."""
    import torch

    labels = bench.labels(some)
    given = labels if labels is not None else some.targets()
    if given is None or given.ndim > (2 if labels is None else 1) or len(bench.plan.heads) > 1:
        return []
    target = torch.as_tensor(given)
    for name, values in some.batch(range(len(some))).inputs.items():
        if bench.plan.inputs[name].layout == "ids" or bench.plan.inputs[name].size < 2 or len(some) < _MANY:
            continue
        flat = values.float().flatten(1)
        place = _closest(flat, target.reshape(len(some), -1)) if labels is None else _stamp(flat, target)
        if place is None and labels is not None and flat.shape[1] >= _COLUMNS:
            place = _sorting(flat, target)
        if place is not None:
            index = [int(i) for i in torch.unravel_index(torch.tensor(place), values.shape[1:])]
            of = "" if len(bench.plan.inputs) == 1 else f" of `{name}`"
            what = "explains the targets on its own" if labels is None else "tells a class on its own"
            measured = f"the value at {index}{of} {what}"
            return [CheckResult("leak", measured, note=True, advice="make sure that it is known before the target is, and remove it if not")]  # fmt: skip
    return []


def _stamp(values: Tensor, classes: Tensor) -> int | None:
    """A value that is the same in the examples of one class, and different in the others."""
    for label in sorted(set(classes.tolist())):
        here, others = values[classes == label], values[classes != label]
        if min(len(here), len(others)) < _MANY:
            continue
        mark = here.median(0).values
        found = ((here == mark).float().mean(0) > _CERTAIN) & ((others != mark).float().mean(0) > _CERTAIN)
        if found.any():
            return int(found.nonzero()[0])
    return None


def _sorting(values: Tensor, classes: Tensor) -> int | None:
    """A value by which all classes are sorted, each in one stretch, such as the number of a row in a sorted table. Examples with
    the same value come in any order."""
    import torch

    values, classes = values[classes >= 0], classes[classes >= 0]
    if int(classes.bincount(minlength=2).sort(descending=True).values[1]) < _MANY:
        return None
    order = torch.randperm(len(classes), generator=torch.Generator().manual_seed(0))
    arranged = classes[order][values[order].argsort(dim=0, stable=True)]
    stretches = (arranged[1:] != arranged[:-1]).sum(0) + 1
    place = int(stretches.argmin())
    allowed = len(set(classes.tolist())) + 2 * (1 - _CERTAIN) * len(classes)
    return place if int(stretches[place]) <= allowed else None


def _closest(values: Tensor, target: Tensor) -> int | None:
    """The value whose correlation with a column of the target is nearly 1 or -1."""
    a, b = (v - v.mean(0) for v in (values.double(), target.double()))
    a, b = (v / v.norm(dim=0).clamp(min=1e-12) for v in (a, b))
    squares = (a.T @ b).square()
    place = int(squares.max(1).values.argmax())
    return place if float(squares[place].max()) > _CERTAIN else None
