"""Data of any format, opened and checked against the net."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from netspec.datasets.examples import Collection, DataOptions, Task
from netspec.diagnostics import SpecError
from netspec.graph import TensorType

__all__ = ["open_collection"]


def open_collection(
    where: str,
    inputs: Mapping[str, TensorType],
    output: TensorType,
    task: Task,
    options: DataOptions,
    vocabularies: Mapping[str, int] | None = None,
) -> Collection:
    """The examples at `where`, checked against the net; `vocabularies` says how many different ids its inputs may hold.

    Raises SpecError (NS502, NS601 to NS604).
    """
    from netspec.datasets.formats import open_source
    from netspec.datasets.targets import collect
    from netspec.datasets.wanted import Wanted

    wanted = Wanted(inputs, output, task, vocabularies or {})
    try:
        return collect(open_source(where, wanted, options), wanted, options)
    except SpecError as error:
        if where != "digits":
            raise
        raise SpecError(replace(d, helps=(*d.helps, f"or give your own data with `--data`; {wanted.formats}")) for d in error.diagnostics) from None  # fmt: skip
