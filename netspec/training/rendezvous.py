"""How processes that torchrun starts again find each other: by a part of its store that no process of an earlier start knows.

torchrun keeps one store through all restarts, and with it the addresses of processes that are dead. Whoever reads one of these
connects to nothing, or waits for ever (pytorch issue 135712).
"""

from __future__ import annotations

import atexit
import os
import time
from datetime import timedelta
from hashlib import sha256
from typing import Any
from uuid import uuid4

__all__ = ["agreed_part", "join"]

_WAIT = timedelta(minutes=30)
"""For all processes to have started, and for one that no longer answers."""


def join(fabric: Any) -> None:
    """Makes the process group of a Fabric that torchrun has started, before its launch; nothing elsewhere."""
    if os.environ.get("TORCHELASTIC_USE_AGENT_STORE") != "True":
        return
    import torch
    import torch.distributed as dist
    from torch._C._distributed_c10d import PrefixStore, TCPStore

    rank, world = int(os.environ["RANK"]), int(os.environ["WORLD_SIZE"])
    store = TCPStore(os.environ["MASTER_ADDR"], int(os.environ["MASTER_PORT"]), world, is_master=False, timeout=_WAIT)
    part = PrefixStore(agreed_part(store, rank, world), store)
    cuda = fabric.device.type == "cuda"
    if cuda:
        torch.cuda.set_device(fabric.device)
        atexit.register(_leave)
    dist.init_process_group(
        "nccl" if cuda else "gloo", store=part, rank=rank, world_size=world, timeout=_WAIT, device_id=fabric.device if cuda else None
    )  # fmt: skip


def agreed_part(store: Any, rank: int, world: int) -> str:
    """A prefix of keys for processes that have all started now: each draws a name, and the prefix is made of all of them. It is
    agreed on when every process has seen the same names, its own among them; one that is dead cannot have seen a new one."""
    store.set(f"netspec/{rank}", uuid4().hex)
    seen = ""
    while True:
        names = b"".join(store.multi_get([f"netspec/{n}" for n in range(world)]))
        prefix = f"netspec/{sha256(names).hexdigest()}"
        if prefix != seen:
            seen = prefix
            store.add(prefix, 1)
        if store.add(prefix, 0) == world:
            return prefix
        time.sleep(0.05)


def _leave() -> None:
    import torch.distributed as dist

    if dist.is_initialized():
        dist.destroy_process_group()
