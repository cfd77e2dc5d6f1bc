"""What a text costs the command line: processor time and memory of `netspec check`, in a process of its own."""

from __future__ import annotations

import os
import re
import resource
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SECONDS = 2.0
BYTES = 256 * 10**6
"""What one check may take on the default limits, a spec that unrolls to the layers that they allow left out."""
SLACK = 1.5
"""A processor that is shared with other programs is slower than `_unit` shows."""
UNIT = 0.0195
"""Seconds that `_unit` takes on the processor for which the bound is meant (one core of 2024). Where it takes longer, on
a slower processor or beside other programs, so may the check."""
_STATUS, _CLEAR = Path("/proc/self/status"), Path("/proc/self/clear_refs")


@dataclass(frozen=True, slots=True)
class Cost:
    """Of the processor, in seconds; the highest memory in bytes."""

    seconds: float
    bytes: int

    def too_much(self, checks: int = 1) -> bool:
        """Whether it is beyond the bounds of so many checks one after another."""
        return self.seconds > SLACK * SECONDS * checks or self.bytes > BYTES

    def __str__(self) -> str:
        return f"{self.seconds:.2f} s of CPU, {self.bytes / 1e6:.0f} MB"


def forget_peak() -> None:
    """The highest memory of this process is counted from here on, where the system can do that."""
    if _CLEAR.exists():
        _CLEAR.write_text("5")


def peak() -> int:
    """The highest memory of this process, in bytes."""
    if _STATUS.exists():
        found = re.search(r"^VmHWM:\s*(\d+) kB", _STATUS.read_text(), flags=re.M)
        if found is not None:
            return int(found[1]) * 1024
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most if sys.platform == "darwin" else most * 1024


def cost_of_check(text: str, *options: str) -> Cost:
    """Of the best of several runs: beside other programs a processor is slower."""
    runs = []
    for _ in range(6):
        runs.append(_run(text, options))
        if not runs[-1].too_much():
            break
    return min(runs, key=lambda run: run.seconds)


def _run(text: str, options: tuple[str, ...]) -> Cost:
    done = subprocess.run(
        [sys.executable, str(Path(__file__)), *options], input=text.encode("utf-8", "surrogatepass"), timeout=3600,
        capture_output=True, check=False, env={**os.environ, "PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    seconds, memory = done.stderr.decode("utf-8", "replace").split()[-2:]
    return Cost(float(seconds), int(memory))


def _unit() -> float:
    """Seconds of the processor that a little work of Python takes."""
    held: dict[int, str] = {}
    begun = time.process_time()
    for i in range(100_000):
        held[i % 97] = str(i)
    return time.process_time() - begun


if __name__ == "__main__":
    before = _unit()
    from netspec.cli import main

    try:
        main(["check", *sys.argv[1:], "-"])
    except SystemExit:
        pass
    finally:
        used = time.process_time() - before
        after = _unit()
        sys.stderr.write(f"\n{used * min(1.0, 2 * UNIT / (before + after))} {peak()}\n")
