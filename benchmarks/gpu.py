"""Generated against hand-written ResNet-50 on a GPU: training step throughput, and inference on three engines.

Training: eager fp32; bf16 with channels-last; the same with torch.compile. Inference: eager, compiled, ONNX Runtime on
CUDA. Without a GPU it says what it would need and runs a small form of the same on the CPU.
Figures of machines that had one are kept in benchmarks/results/.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

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
        "inference": [row._asdict() for row in inference(model, arguments, compiled=compiled)],
    }
    print(json.dumps(results, indent=2))
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
