"""Training data: storage formats, splits, and how the data fits the net."""

from __future__ import annotations

from netspec.datasets.examples import Batch, Collection, DataOptions, Examples, Task, batches, open_collection
from netspec.datasets.fit import arranged

__all__ = ["Batch", "Collection", "DataOptions", "Examples", "Task", "arranged", "batches", "open_collection"]
