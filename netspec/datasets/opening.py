"""Data of any format, opened and checked against the net."""

from __future__ import annotations

from collections.abc import Mapping

from netspec.datasets.examples import Collection, DataOptions, Task
from netspec.graph import TensorType

__all__ = ["open_collection"]


def open_collection(
    where: str, inputs: Mapping[str, TensorType], output: TensorType, task: Task, options: DataOptions
) -> Collection:
    """The examples at `where`, checked against the net. Raises SpecError (NS502, NS601 to NS604)."""
    from netspec.datasets.formats import open_source
    from netspec.datasets.targets import collect

    source = open_source(where, inputs, output, task, options)
    return collect(source, inputs, output, task, options)
