"""Images as a format stores them, before a net takes them, and the source that they are for a net."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from netspec.datasets.fit import only_input
from netspec.datasets.images import ImagePool, StoredImages, fitted_frame, headers
from netspec.datasets.pools import LEFT_OUT, Source
from netspec.diagnostics import SpecError

if TYPE_CHECKING:
    import numpy as np

    from netspec.datasets.examples import DataOptions
    from netspec.datasets.wanted import Wanted

__all__ = ["ImageSet", "fitted_images"]


@dataclass(frozen=True)
class ImageSet:
    """Numbered images with, for each, the target (of all or none), the split given by the data (TRAIN may still be split) and
    a key that determines its split."""

    shown: str
    images: StoredImages
    targets: np.ndarray[Any, Any] | None
    part: np.ndarray[Any, Any]
    keys: np.ndarray[Any, Any]
    digest: str
    """Changes if the names or sizes of the files change, their classes or their splits."""
    classes: tuple[str, ...] = ()
    masks: StoredImages | None = None
    """The masks of the images, which are the targets then."""
    further: Mapping[str, tuple[np.ndarray[Any, Any], tuple[str, ...]]] = field(default_factory=dict)
    """The targets of other outputs than the first by their names, and the names of their classes."""
    unread: tuple[str, ...] = ()
    """Columns beside these, which only a net could ask for."""


def fitted_images(found: ImageSet, wanted: Wanted, options: DataOptions) -> Source:
    """Images without masks as the data of a net: corrupt ones are left out, or end it. Raises SpecError (NS502, NS602, NS603, NS604)."""
    name, kind = only_input(wanted.inputs, found.shown)
    part = found.part.copy()
    good, bad = headers(found.images, options)
    part[list(bad)] = LEFT_OUT
    if not good:
        raise SpecError.of(
            "NS601", f"none of the images in {found.shown} can be read", notes=[f"{len(bad)} files are corrupt"]
        )
    frame = fitted_frame(kind, list(good.values()), options, found.shown)
    return Source(
        found.shown, ImagePool(found.images, name, frame), found.targets, part, found.keys, f"{found.digest} {frame}",
        found.classes, [found.images.shown(row) for row in bad], further=found.further,
    )  # fmt: skip
