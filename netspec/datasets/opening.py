"""Data of any format, opened and checked against the net."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from netspec.datasets.examples import Collection, DataOptions
from netspec.diagnostics import SpecError

if TYPE_CHECKING:
    from netspec.datasets.pools import Source
    from netspec.datasets.wanted import Wanted

__all__ = ["open_collection"]


def open_collection(where: str, wanted: Wanted, options: DataOptions) -> Collection:
    """The examples at `where`, checked against what the net wants.

    Raises SpecError (NS502, NS601 to NS604).
    """
    from netspec.datasets.formats import open_source
    from netspec.datasets.small_sets import WHOLE_SETS
    from netspec.datasets.targets import collect

    if where in WHOLE_SETS:
        options = replace(options, validation=0.0, test=0.0)
    try:
        source = open_source(where, wanted, options)
        _require_known_ids(source, wanted)
        return collect(source, wanted, options)
    except SpecError as error:
        if where != "digits":
            raise
        note = "without `--data` the net is trained on `digits`, 1,797 handwritten digits"
        help_ = f"give your own data with `--data`; {wanted.formats}"
        raise SpecError(
            replace(d, notes=(*d.notes, note), helps=(help_, *(f"or {h.removeprefix('or ')}" for h in d.helps)))
            for d in error.diagnostics
        ) from None


def _require_known_ids(source: Source, wanted: Wanted) -> None:
    """Raises SpecError (NS602) if an id is larger than those that the net looks up."""
    for name, count in wanted.vocabularies.items():
        low, high = source.pool.bounds(name)
        if low < 0 or high >= count:
            raise SpecError.of(
                "NS602", f"{source.name} has ids that the net does not look up",
                notes=[f"they are {low} to {high}, but `embed` has `vocab={count}`: 0 to {count - 1}"],
                helps=[f"write `vocab={high + 1}`", "texts of classes are read as bytes, which need `vocab=256`"] if low >= 0 else ["number ids from 0"],
            )  # fmt: skip
