"""`--limit-profile service`: bounds for those who check the specs of strangers."""

from __future__ import annotations

import signal
from collections.abc import Callable
from types import FrameType

from netspec.diagnostics import SpecError

__all__ = ["apply_service_bounds"]

_SECONDS, _MEMORY, _GRACE = 1.0, 256 * 2**20, 2


def apply_service_bounds() -> Callable[[], None]:
    """One second of CPU, which ends in a diagnostic, and 256 MiB of memory, for the rest of this process. Where a
    library does not let itself be interrupted, the system ends the process two seconds later. What is returned ends the
    bound on time, when all is done."""
    import resource

    signal.signal(signal.SIGPROF, _time_is_up)
    signal.setitimer(signal.ITIMER_PROF, _SECONDS)
    used = resource.getrusage(resource.RUSAGE_SELF)
    last = int(used.ru_utime + used.ru_stime + _SECONDS) + _GRACE
    for kind, bound in ((resource.RLIMIT_CPU, last), (resource.RLIMIT_DATA, _MEMORY)):
        hard = resource.getrlimit(kind)[1]
        resource.setrlimit(kind, (bound if hard == resource.RLIM_INFINITY else min(bound, hard), hard))
    return _disarm


def _disarm() -> None:
    signal.setitimer(signal.ITIMER_PROF, 0)


def _time_is_up(number: int, frame: FrameType | None) -> None:
    _disarm()
    raise SpecError.of(
        "NS005", "the check takes more than one second of CPU time",
        helps=["`--limit-profile service` sets this bound; check a trusted spec without it"],
    )  # fmt: skip
