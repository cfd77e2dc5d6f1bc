"""Segmentations against a net: whether it labels pixels, and what the values of masks mean."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from netspec.datasets.fit import only_input, sizes
from netspec.datasets.image_set import ImageSet
from netspec.datasets.images import ImagePool, StoredImages, fitted_frame, headers
from netspec.datasets.masks import VOID, MaskPool, Meaning, pixels_of, require_same_size
from netspec.datasets.pools import LEFT_OUT, Source
from netspec.diagnostics import SpecError
from netspec.graph import TensorType

if TYPE_CHECKING:
    from netspec.datasets.decoding import Header
    from netspec.datasets.examples import DataOptions, Goal, Task
    from netspec.datasets.wanted import Wanted

__all__ = ["fitted_masks"]

_MOST_CHECKED = 256


def fitted_masks(found: ImageSet, wanted: Wanted, options: DataOptions) -> Source:
    """Images with masks as the data of a net. Raises SpecError (NS502, NS601, NS602, NS603, NS604)."""
    assert found.masks is not None
    shown, output, task = found.shown, wanted.output, wanted.task
    name, kind = only_input(wanted.inputs, shown)
    if task != "input":
        _require_map(shown, kind, output, task)
    part = found.part.copy()
    good, bad = headers(found.images, options)
    values: set[int] = set()
    if task != "input":
        values, unreadable = _checked(found.images, found.masks, good, options)
        bad |= unreadable
    part[list(bad)] = LEFT_OUT
    usable = {row: header for row, header in good.items() if row not in bad}
    if not usable:
        raise SpecError.of(
            "NS601", f"none of the images in {shown} can be read", notes=[f"{len(bad)} files are corrupt"]
        )
    frame = fitted_frame(kind, list(usable.values()), options, shown)
    pool = ImagePool(found.images, name, frame)
    if task != "input":
        pool = MaskPool(found.images, found.masks, name, frame, _meaning(shown, values, found.classes, wanted.goal))
    return Source(
        shown,
        pool,
        None,
        part,
        found.keys,
        f"{found.digest} {frame}",
        found.classes or tuple(map(str, range(max(2, output.features)))),
        [found.images.shown(row) for row in bad],
        read_targets=task != "input",
    )


def _require_map(shown: str, kind: TensorType, output: TensorType, task: Task) -> None:
    """Raises SpecError (NS602) if the net does not label the pixels of an image."""
    notes = [f"it has images and masks, but the output of the net is {output.noun}"]
    if output.layout != "map" or output.rank != 2:
        helps = ["end the net with a map of classes, such as `conv1-2 act=none` without `gap` or `flatten`", "to classify whole images, sort them into one folder per class"]  # fmt: skip
    elif output.spatial != kind.spatial:
        notes = [
            f"masks are as large as images, {sizes(kind.spatial)}, but the output of the net is {sizes(output.spatial)}"
        ]
        helps = ["use `pad=same` in convolutions, and upsample as often as the net pools"]
    elif task == "values" and output.features != 1:
        notes = [f"masks hold one class for each pixel, but the loss compares {output.features} values for each"]
        helps = ["train with `loss cross_entropy`, or with `loss bce` and a single output channel"]
    else:
        return
    raise SpecError.of("NS602", f"the masks of {shown} do not match the output of the net", notes=notes, helps=helps)


def _checked(
    images: StoredImages, masks: StoredImages, good: Mapping[int, Header], options: DataOptions
) -> tuple[set[int], dict[int, SpecError]]:
    """The pixel values in masks, and the masks that cannot be read; of many, some hundred evenly spaced ones are checked.

    Raises SpecError (NS602, NS603).
    """
    import numpy as np

    rows = list(good)
    found: set[int] = set()
    bad: dict[int, SpecError] = {}
    for row in rows[:: 1 if options.corrupt == "skip" else max(1, -(-len(rows) // _MOST_CHECKED))]:
        shown, header = masks.shown(row), good[row]
        try:
            pixels = pixels_of(masks.stored(row), shown)
        except SpecError as error:
            if options.corrupt == "stop" or error.diagnostics[0].code != "NS603":
                raise
            bad[row] = error
            continue
        require_same_size((header.height, header.width), pixels.shape, images.shown(row), shown)
        found.update(np.unique(pixels).tolist())
    return found, bad


def _meaning(shown: str, found: set[int], names: tuple[str, ...], goal: Goal) -> Meaning:
    """Raises SpecError (NS602) if the masks have other classes than the net."""
    output, task = goal.output, goal.task
    count = max(2, output.features)
    white = VOID in found and found <= {0, VOID} and goal.ignore != VOID
    found = found - {goal.ignore}
    known = len(names) or (2 if white else 0)
    highest = max((v for v in found if v != VOID), default=0)
    if not white and highest >= count:
        said = f"the masks of {shown} have {highest + 1} classes, but the net has {count}"
        notes = [f"their pixel values go up to {highest}" + (f"; {VOID} is left out" if VOID in found else "")]
        if output.features == 1:
            notes.append("a single output channel tells two classes apart")
        helps = [f"give the last layer {highest + 1} outputs, such as `conv1-{highest + 1}`"]
        if len(found) == 2 and 0 in found:
            helps = [f"the masks have only two values, 0 and {highest}: save them as 0 and 1, or 0 and {VOID}"]
        raise SpecError.of("NS602", said, notes=notes, helps=helps)
    if known and known != count:
        origin = (
            f"classes.txt names {known} classes"
            if names
            else f"the pixels of its masks are all 0 or {VOID}, black and white"
        )
        raise SpecError.of(
            "NS602", f"{shown} has {known} classes, but the net has {count} outputs", notes=[origin],
            helps=[f"give the last layer {known} outputs, such as `conv1-{known}`"],
        )  # fmt: skip
    return Meaning(count, white=white, values=task == "values", void=task == "class", ignore=goal.ignore)
