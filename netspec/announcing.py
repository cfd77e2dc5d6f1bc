"""Work that takes long says how far it is, to whoever listens: the command line does, on a terminal."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

__all__ = ["announce", "announced_to"]


def _nobody(text: str) -> None:
    """The listener by default."""


_listener: ContextVar[Callable[[str], None]] = ContextVar("listener", default=_nobody)


def announce(text: str) -> None:
    """Says what is being done, such as `epoch 3 of 30`."""
    _listener.get()(text)


@contextmanager
def announced_to(listener: Callable[[str], None]) -> Iterator[None]:
    """While it lasts, the listener gets what is announced."""
    before = _listener.set(listener)
    try:
        yield
    finally:
        _listener.reset(before)
