"""Training data: storage formats, splits, and how the data fits the net."""

from __future__ import annotations

from netspec.datasets.batch_loading import batches
from netspec.datasets.examples import Batch, Collection, DataOptions, Examples, Goal, Task
from netspec.datasets.fit import arranged
from netspec.datasets.opening import open_collection
from netspec.datasets.wanted import Wanted

__all__ = [
    "Batch",
    "Collection",
    "DataOptions",
    "Examples",
    "Goal",
    "Task",
    "Wanted",
    "arranged",
    "batches",
    "open_collection",
]
