"""Batches in the order of a plan, decoded by worker processes if that is faster."""

from __future__ import annotations

import atexit
import copy
import os
import signal
import weakref
from collections.abc import Iterable, Iterator
from itertools import islice, repeat, starmap
from typing import TYPE_CHECKING, Any, TypeAlias

from netspec.diagnostics import SpecError

if TYPE_CHECKING:
    from netspec.datasets.cutting import Cut
    from netspec.datasets.examples import Batch, Examples, Indices

    Asked: TypeAlias = tuple[Indices, Cut | None]

__all__ = ["batches", "worker_count"]

_SECONDS_TO_SAVE = 60
_FEW = 1000
"""Fewer images are decoded in the process itself: starting others takes as long."""
_AT_ONCE = 1 << 17
"""Bytes of batches that are gathered at once: they stay in the cache of a processor until they are used."""


class _Plan:
    """The examples of each batch; replaced every epoch while the worker processes keep running."""

    def __init__(self) -> None:
        self.batches: Iterable[Asked] = ()
        self.in_use = False
        self.ends = False

    def __iter__(self) -> Iterator[Asked]:
        return iter(self.batches)


class _Work:
    """The work of a process: one batch at a time. Errors are returned as values, because torch would rebuild them from text."""

    def __init__(self, examples: Examples) -> None:
        self._examples = examples

    def __getitem__(self, asked: Asked) -> Batch | SpecError:
        try:
            return self._examples.batch(*asked)
        except SpecError as error:
            return error


def worker_count(examples: Examples, ranks: int = 1) -> int:
    """The processes that decode for each of `ranks` processes on this machine: one less than the cores that it has, and none
    for few images."""
    if len(examples) < _FEW:
        return 0
    return max(
        0,
        len(os.sched_getaffinity(0)) // ranks - 1
        if hasattr(os, "sched_getaffinity")
        else (os.cpu_count() or 1) // ranks - 1,
    )


def batches(
    examples: Examples,
    plan: Iterable[Indices],
    workers: int | None = None,
    cuts: Iterable[Cut | None] | None = None,
) -> Iterator[Batch]:
    """The batches of the plan, in order, their images cut by `cuts`; independent of the number of workers.

    Arrays are indexed directly, several small batches at once. Files are decoded by `workers` processes (None: see worker_count),
    which run until `examples` is deleted.
    Raises SpecError (NS602, NS603).
    """
    asked = zip(plan, repeat(None) if cuts is None else cuts, strict=False)
    if workers is None:
        workers = worker_count(examples)
    if not getattr(examples, "decodes", False):
        yield from _gathered(examples, asked)
        return
    if workers < 1:
        yield from starmap(examples.batch, asked)
        return
    kept: tuple[Any, _Plan, int] | None = getattr(examples, "loader", None)
    if kept is None or kept[1].in_use or kept[2] != workers:
        kept = (*_loader(examples, workers), workers)
        examples.loader = kept  # type: ignore[attr-defined]
    loader, current, _ = kept
    current.batches, current.in_use = asked, True
    try:
        stream = iter(loader)
        if not current.ends:
            current.ends = True
            atexit.register(weakref.finalize(loader, _end, stream, os.getpid()))
        for batch in stream:
            if isinstance(batch, SpecError):
                raise batch
            yield batch
    finally:
        current.in_use = False
        current.batches = ()


def _gathered(examples: Examples, asked: Iterable[Asked]) -> Iterator[Batch]:
    """Batches of arrays. As many as are small together are gathered at once and divided; images that are cut, batch by batch."""
    import numpy as np

    remaining, together = iter(asked), 1
    while some := list(islice(remaining, together)):
        if any(cut is not None for _, cut in some):
            yield from starmap(examples.batch, some)
            continue
        whole = examples.batch(np.concatenate([np.asarray(indices, np.int64) for indices, _ in some]))
        yield from whole.split([len(indices) for indices, _ in some])
        together = max(1, _AT_ONCE * len(some) // max(1, whole.nbytes))


def _loader(examples: Examples, workers: int) -> tuple[Any, _Plan]:
    import torch
    from torch.utils.data import DataLoader

    plan = _Plan()
    untyped: Any = DataLoader
    loader = untyped(
        _Work(copy.copy(examples)),  # must not reference the loader: they would keep each other alive
        sampler=plan,
        batch_size=None,
        num_workers=workers,
        collate_fn=_unchanged,
        worker_init_fn=_outlive_signals,
        persistent_workers=True,
        pin_memory=torch.cuda.is_available(),
        prefetch_factor=4,
        generator=torch.Generator(),  # so that the results do not depend on the number of workers
    )
    return loader, plan


_of_the_parent: list[Any] = []


def _end(stream: Any, process: int) -> None:
    """Ends the processes of a deleted loader, or at exit, before torch and multiprocessing wait for them.

    The stream is still intact here. If it were garbage collected, its queues could already be gone, and a forked
    process would end the workers of its parent.
    """
    if os.getpid() == process:
        stream._shutdown_workers()
    else:
        _of_the_parent.append(stream)


def _unchanged(batch: Batch | SpecError) -> Batch | SpecError:
    return batch


def _outlive_signals(_: int) -> None:
    """Ignores Ctrl-C and SIGTERM, which reach every process of a group: the run saves first, then ends its workers."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, lambda *_: signal.alarm(_SECONDS_TO_SAVE))
