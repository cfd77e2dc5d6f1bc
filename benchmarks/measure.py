"""Time and peak memory of commands, each in a fresh process."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass

__all__ = ["Cost", "compare", "cost_of"]


@dataclass(frozen=True, slots=True)
class Cost:
    """Median wall time in seconds and largest peak resident memory in MB."""

    seconds: float
    megabytes: float


def cost_of(command: Sequence[str], repeats: int) -> Cost:
    """After one run that fills caches, as an installed program has them. Raises CalledProcessError where it fails."""
    times, peaks = [], []
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=environment, check=False)
    for _ in range(repeats):
        start = time.perf_counter()
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, env=environment)
        _, status, usage = os.wait4(process.pid, 0)
        times.append(time.perf_counter() - start)
        peaks.append(usage.ru_maxrss / 1024)
        if status:
            raise subprocess.CalledProcessError(
                status, command, stderr=process.stderr.read() if process.stderr else b""
            )
        if process.stderr:
            process.stderr.close()
    return Cost(statistics.median(times), max(peaks))


def compare(
    ours: tuple[str, Sequence[str]], theirs: tuple[str, Sequence[str]], *, repeats: int, speed: float, memory: float
) -> bool:
    """Prints both costs and their ratios; whether we are `speed` times as fast in `memory` of theirs."""
    mine, other = cost_of(ours[1], repeats), cost_of(theirs[1], repeats)
    width = max(len(ours[0]), len(theirs[0]))
    for name, cost in ((ours[0], mine), (theirs[0], other)):
        print(f"{name:<{width}}  {cost.seconds:8.3f} s  {cost.megabytes:8.0f} MB")
    faster, share = other.seconds / mine.seconds, mine.megabytes / other.megabytes
    good = faster >= speed and share <= memory
    print(
        f"{faster:.1f} times as fast (wanted {speed:g}), {share:.2f} of the memory (wanted {memory:g}): {'ok' if good else 'NOT MET'}"
    )
    return good


if __name__ == "__main__":
    sys.exit("import me")
