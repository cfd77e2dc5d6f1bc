"""Parts of benchmarks/gpu.py: training with the loop of netspec and with a plain one, on noise and from JPEG files."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from gpu_steps import compiled
from loader import ByHand
from torch.nn import functional as F
from torch.utils.data import DataLoader

import netspec

__all__ = ["Clock", "loader_rate", "reference_rate", "reference_story", "trained_rate"]

MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


class Clock(netspec.Callback):
    """The time of updates after the first `first`, which compile and fill queues."""

    def __init__(self, first: int) -> None:
        self.first, self.times, self.steps = first, [0.0, 0.0], [0, 0]

    def on_update(self, run: Any, loss: float | None) -> None:
        if run.step in (self.first, run.updates):
            wait()
            last = int(run.step != self.first)
            self.times[last], self.steps[last] = time.perf_counter(), run.step

    def rate(self, batch: int) -> float:
        """Images a second."""
        return batch * (self.steps[1] - self.steps[0]) / (self.times[1] - self.times[0])


def wait() -> None:
    if torch.cuda.is_available():
        torch.cuda.synchronize()


def trained_rate(spec: str, data: str, batch: int, first: int, **options: Any) -> float:
    """Images a second of `netspec train` with its defaults, over one epoch after its `first` updates."""
    clock = Clock(first)
    with tempfile.TemporaryDirectory() as folder:
        netspec.train(
            spec, data, folder=Path(folder) / "run", validation=0, test_share=0, test=False, callbacks=[clock],
            settings={"batch": batch, "epochs": 1}, show=False, **options,
        )  # fmt: skip
    return clock.rate(batch)


def loader_rate(epoch: Any, count: int) -> float:
    """Images a second of an epoch of a loader whose workers run already."""
    began = time.perf_counter()
    if epoch() != count:
        raise AssertionError("an epoch is to read every image once")
    return count / (time.perf_counter() - began)


def reference_story() -> str:
    """What the plain loop reads images with."""
    try:
        import torchvision
    except ImportError:
        return "simplejpeg and Pillow (torchvision is not installed), flips and normalization on the device"
    return f"torchvision {torchvision.__version__}, transforms of its reference script on the CPU"


def reference_rate(
    module: torch.nn.Module, folder: Path, *, size: int, batch: int, first: int, workers: int, device: str
) -> float:
    """Images a second of one epoch of the loop that torchvision's reference script has, after its `first` updates: random
    resized crop, flip, bf16, channels-last, torch.compile, SGD."""
    module = module.to(device).train().to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    runner = compiled(module, device)
    optimizer = torch.optim.SGD(module.parameters(), lr=0.1, momentum=0.9, weight_decay=1e-4)
    began, done = 0.0, 0
    for step, (images, target) in enumerate(_batches(folder, size, batch, workers, device), start=1):
        with torch.autocast(device, dtype=torch.bfloat16):
            loss = F.cross_entropy(runner(images), target)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()
        if step == first:
            wait()
            began = time.perf_counter()
        done = step
    wait()
    return batch * (done - first) / (time.perf_counter() - began)


def _batches(folder: Path, size: int, batch: int, workers: int, device: str) -> Iterator[tuple[Any, Any]]:
    """Normalized images and classes on the device."""
    try:
        dataset, ready = _of_torchvision(folder, size), True
    except ImportError:
        dataset, ready = ByHand(folder, size), False
    loader: Any = DataLoader(
        dataset, batch, shuffle=True, num_workers=workers, pin_memory=device == "cuda", drop_last=True
    )
    mean, std = (torch.tensor(values, device=device)[:, None, None] for values in (MEAN, STD))
    for read, classes in loader:
        images = read.to(device, non_blocking=True)
        if not ready:
            images = (images.float().div_(255) - mean) / std
            flipped = torch.rand(len(images), 1, 1, 1, device=device) < 0.5
            images = torch.where(flipped, images.flip(3), images)
        yield images.to(memory_format=torch.channels_last), classes.to(device, non_blocking=True)


def _of_torchvision(folder: Path, size: int) -> Any:
    from torchvision import datasets, transforms

    steps = [
        transforms.RandomResizedCrop(size, antialias=True),
        transforms.RandomHorizontalFlip(),
        transforms.PILToTensor(),
        transforms.ConvertImageDtype(torch.float),
        transforms.Normalize(MEAN, STD),
    ]
    return datasets.ImageFolder(str(folder), transforms.Compose(steps))
