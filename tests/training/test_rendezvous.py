"""Processes that are started again agree on a part of the store that none of an earlier start knows."""

from __future__ import annotations

from threading import Thread

import torch.distributed as dist
from conftest import PATIENCE

from netspec.training.rendezvous import agreed_part

WORLD = 3


def started(store: dist.Store) -> set[str]:
    """The parts that processes which start now agree on."""
    found: list[str] = []
    threads = [
        Thread(target=lambda r=rank: found.append(agreed_part(store, r, WORLD)), daemon=True) for rank in range(WORLD)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE)
    assert len(found) == WORLD
    return set(found)


def test_every_start_has_a_part_of_its_own() -> None:
    store = dist.HashStore()
    first, second = started(store), started(store)
    store.set("netspec/1", "one that was killed before it met the others")
    third = started(store)
    assert [len(found) for found in (first, second, third)] == [1, 1, 1]
    assert len(first | second | third) == 3
