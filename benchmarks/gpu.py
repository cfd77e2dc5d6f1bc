"""Generated against hand-written ResNet-50 on a GPU: training step throughput, and inference on three engines.

Training: eager fp32; bf16 with channels-last; the same with torch.compile; and `netspec train` on synthetic images, with its
defaults. Inference: eager, compiled, ONNX Runtime on CUDA. The figures of a GPU are written to benchmarks/results/DEVICE.json.
Without one it says what it would need; --small runs the same with a small network on the CPU.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import torch

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

from handwritten.resnet50 import ResNet50  # noqa: E402

import netspec  # noqa: E402

SMALL = "input 3x32x32; conv3-16 pad=1 norm=bn act=relu; residual { conv3-16 pad=1 norm=bn }; gap; FC-10"


def throughput(call: Callable[[], object], images: int, device: str, runs: int) -> float:
    """Images a second: the median of `runs` after warm-up, each waited for."""

    def wait() -> None:
        if device == "cuda":
            torch.cuda.synchronize()

    for _ in range(3):
        call()
    wait()
    times = []
    for _ in range(runs):
        start = time.perf_counter()
        call()
        wait()
        times.append(time.perf_counter() - start)
    return images / statistics.median(times)


def training_step(
    module: torch.nn.Module, optimizer: torch.optim.Optimizer, x: torch.Tensor, y: torch.Tensor, *, half: bool
) -> None:
    optimizer.zero_grad(set_to_none=True)
    with torch.autocast(x.device.type, dtype=torch.bfloat16, enabled=half):
        loss = torch.nn.functional.cross_entropy(module(x), y)
    loss.backward()
    optimizer.step()


def train_figures(
    make: Callable[[], torch.nn.Module], x: torch.Tensor, y: torch.Tensor, runs: int, *, compiled: bool
) -> dict[str, float]:
    device = x.device.type
    figures = {}
    for name, half, compile_ in (
        ("fp32", False, False),
        ("bf16 channels-last", True, False),
        ("bf16 channels-last compiled", True, True),
    ):
        if compile_ and not compiled:
            continue
        module = make().to(device).train()
        data = x
        if half:
            module, data = module.to(memory_format=torch.channels_last), x.to(memory_format=torch.channels_last)
        runner = torch.compile(module) if compile_ else module
        optimizer = torch.optim.SGD(module.parameters(), lr=0.1, momentum=0.9)
        figures[name] = throughput(partial(training_step, runner, optimizer, data, y, half=half), len(x), device, runs)
    return figures


class Clock(netspec.Callback):
    """The time of updates after the first ten."""

    def on_update(self, run: Any, loss: float | None) -> None:
        if run.step in (10, run.updates):
            if torch.cuda.is_available():
                torch.cuda.synchronize()
            self.times = [*getattr(self, "times", []), time.perf_counter()]


def trained(model: netspec.Model, batch: int, runs: int) -> float:
    """Images a second of `netspec train`."""
    clock = Clock()
    with tempfile.TemporaryDirectory() as folder:
        netspec.train(
            model, "synthetic", folder=Path(folder) / "run", size=batch * (runs + 10), validation=0, test_share=0,
            settings={"batch": batch, "epochs": 1}, callbacks=[clock], show=False,
        )  # fmt: skip
    first, last = clock.times
    return batch * runs / (last - first)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--batch", type=int, default=128)
    parser.add_argument("--runs", type=int, default=20)
    parser.add_argument("--small", action="store_true", help="a small network, for machines without a GPU")
    arguments = parser.parse_args()
    device = "cuda" if torch.cuda.is_available() else "cpu"
    if device == "cpu" and not arguments.small:
        print(
            "no GPU here: this needs PyTorch with CUDA and, for ONNX Runtime, onnxruntime-gpu; --small runs the CPU form"
        )
        return 0
    torch.manual_seed(0)
    model = netspec.loads(SMALL) if arguments.small else netspec.load(ROOT / "examples" / "resnet50.net")
    (kind,) = model.inputs.values()
    classes = next(iter(model.outputs.values())).shape[0]
    x = torch.randn(arguments.batch, *kind.shape, device=device)
    y = torch.randint(0, classes, (arguments.batch,), device=device)
    compiled = device == "cuda"
    makers = {"generated": model.to_torch} | ({} if arguments.small else {"hand-written": ResNet50})
    results = {
        "device": torch.cuda.get_device_name() if device == "cuda" else "CPU",
        "torch": torch.__version__,
        "batch": arguments.batch,
        "training images/s": {
            name: train_figures(make, x, y, arguments.runs, compiled=compiled) for name, make in makers.items()
        },
        "netspec train images/s": trained(model, arguments.batch, arguments.runs),
        "inference": [row._asdict() for row in inference(model, arguments, compiled=compiled)],
    }
    text = json.dumps(results, indent=2)
    print(text)
    if device == "cuda":
        name = f"{results['device']}".lower().replace(" ", "-")
        (ROOT / "benchmarks" / "results" / f"{name}.json").write_text(text + "\n")
    return 0


def inference(model: netspec.Model, arguments: argparse.Namespace, *, compiled: bool) -> list[object]:
    """Eager, compiled and ONNX Runtime, where ONNX and its runtime are installed."""
    try:
        from netspec.backends.bench import measure

        return list(measure(model.graph, [1, arguments.batch], None, arguments.runs, None, compiled=compiled))
    except netspec.SpecError as error:
        print(error, file=sys.stderr)
        return []


if __name__ == "__main__":
    sys.exit(main())
