"""Seconds and memory of checking, per thousand unrolled layers: it grows linearly.

Also the time of DenseNet-201 and ResNet-152 against VGG-16, cold. Wanted: less than twice.
"""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

from measure import cost_of

ROOT = Path(__file__).resolve().parent.parent
CHECK = """
import resource, sys, time
import netspec
start = time.perf_counter()
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
model = netspec.loads(f"input 8x16x16; block b(w) {{ conv3-w pad=1 norm=bn act=relu }}; b(8) x{int(sys.argv[1]) // 3}")
seconds = time.perf_counter() - start
print(len(model.graph.layers), seconds, (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024)
"""


def main() -> int:
    rates = []
    print(f"{'layers':>8}  {'seconds':>8}  {'ms per 1,000':>12}  {'MB per 1,000':>12}")
    for wanted in (1_000, 10_000, 100_000):
        shown = subprocess.run(
            [sys.executable, "-c", CHECK, str(wanted)], capture_output=True, text=True, check=True
        ).stdout.split()
        layers, seconds, megabytes = int(shown[0]), float(shown[1]), float(shown[2])
        rates.append(seconds / layers)
        print(f"{layers:>8,}  {seconds:>8.3f}  {1e6 * seconds / layers:>12.2f}  {1000 * megabytes / layers:>12.2f}")
    start = time.perf_counter()
    costs = {
        name: cost_of([sys.executable, "-m", "netspec", "check", str(ROOT / "examples" / f"{name}.net")], 5)
        for name in ("vgg16", "densenet201", "resnet152")
    }
    for name, cost in costs.items():
        print(f"{name:<12} {cost.seconds:.3f} s, {cost.seconds / costs['vgg16'].seconds:.2f} times VGG-16")
    linear = rates[2] <= 1.5 * max(rates[0], rates[1])
    cheap = all(cost.seconds < 2 * costs["vgg16"].seconds for cost in costs.values())
    print(
        f"linear: {'ok' if linear else 'NOT MET'}; less than twice VGG-16: {'ok' if cheap else 'NOT MET'} ({time.perf_counter() - start:.0f} s)"
    )
    return 0 if linear and cheap else 1


if __name__ == "__main__":
    sys.exit(main())
