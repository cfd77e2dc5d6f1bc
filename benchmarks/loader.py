"""Images per second of the processor: netspec's loader against torch's DataLoader with simplejpeg, on the same JPEG files.

    python benchmarks/loader.py [ROUNDS] [IMAGES]

Both decode each file once, cut a random part of it (8% to 100% of the area, 3/4 to 4/3) and scale it to 224x224 bytes with
Pillow's antialiased bilinear filter; batches of 64, in the process itself and with one worker, in turns. What counts is the time of
processors, of the process and of its workers, so other work on the machine matters little; the figure is the median over the
rounds of (netspec / by hand), more is better.
"""

from __future__ import annotations

import math
import multiprocessing
import os
import random
import statistics
import sys
import tempfile
import time
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import simplejpeg
import torch
from PIL import Image
from torch.utils.data import DataLoader, Dataset

from netspec.datasets import DataOptions, batches
from netspec.datasets.cutting import Cut
from netspec.datasets.draws import Draws
from netspec.model import check
from netspec.source import SourceFile
from netspec.training.plan import Plan
from netspec.training.session import Request, open_data

SPEC = "input 3xSIZExSIZE\nconv3-8\ngap\nFC-CLASSES\ntrain {\n  augment { crop SIZE scale=(0.08, 1) }\n}\n"
BATCH = 64


def photographs(folder: Path, count: int, *, classes: int = 2, distinct: int | None = None) -> None:
    """JPEG files of 500x375, smooth with noise, about 60 KB each like those of ImageNet, in a folder for each class. Of more than
    `distinct` files, the others are further names of the first ones."""
    generator = np.random.default_rng(0)
    made: list[Path] = []
    for number in range(count):
        place = folder / f"{number % classes:04}"
        place.mkdir(parents=True, exist_ok=True)
        file = place / f"{number:06}.jpg"
        if distinct is not None and number >= distinct:
            os.link(made[number % distinct], file)
            continue
        coarse = generator.integers(0, 255, (12, 16, 3), dtype=np.uint8)
        image = np.asarray(Image.fromarray(coarse).resize((500, 375), Image.Resampling.BICUBIC)).astype(np.int16)
        image = image + generator.normal(0, 8, image.shape).astype(np.int16)
        Image.fromarray(image.clip(0, 255).astype(np.uint8)).save(file, quality=87)
        made.append(file)


class ByHand(Dataset[Any]):
    """What a careful person writes."""

    def __init__(self, folder: Path, size: int = 224) -> None:
        self.files = [str(file) for file in sorted(folder.rglob("*.jpg"))]
        names = sorted({Path(file).parent.name for file in self.files})
        self.targets = [names.index(Path(file).parent.name) for file in self.files]
        self.size = size

    def __len__(self) -> int:
        return len(self.files)

    def __getitem__(self, index: int) -> tuple[torch.Tensor, int]:
        with open(self.files[index], "rb") as file:  # noqa: PTH123
            pixels = simplejpeg.decode_jpeg(file.read())
        height, width = pixels.shape[:2]
        left, top, w, h = 0, 0, width, height
        for _ in range(10):
            area = height * width * random.uniform(0.08, 1)
            ratio = math.exp(random.uniform(math.log(3 / 4), math.log(4 / 3)))
            wide, high = round(math.sqrt(area * ratio)), round(math.sqrt(area / ratio))
            if wide <= width and high <= height:
                left, top, w, h = random.randint(0, width - wide), random.randint(0, height - high), wide, high
                break
        part = Image.fromarray(pixels).crop((left, top, left + w, top + h))
        scaled = np.asarray(part.resize((self.size, self.size), Image.Resampling.BILINEAR))
        return torch.from_numpy(scaled).permute(2, 0, 1).contiguous(), self.targets[index]


def processor_seconds() -> float:
    """Of this process and of those that it has started and that still run."""
    ticks = 0
    for child in multiprocessing.active_children():
        fields = Path(f"/proc/{child.pid}/stat").read_text().rsplit(")", 1)[1].split()
        ticks += int(fields[11]) + int(fields[12])
    return time.process_time() + ticks / os.sysconf("SC_CLK_TCK")


def ours(folder: Path, workers: int, *, size: int = 224, batch: int = BATCH) -> Any:
    text = SPEC.replace("SIZE", str(size)).replace("CLASSES", str(len(list(folder.iterdir()))))
    request = Request(
        SourceFile(text, "net.net"), str(folder), DataOptions(validation=0.0, test=0.0, workers=workers, resize=True)
    )
    plan = Plan.of(check(request.source).model().graph)
    train = open_data(plan, request).train
    order = np.arange(len(train))

    def epoch() -> int:
        starts = range(0, len(order), batch)
        pieces = [order[i : i + batch].tolist() for i in starts]
        cuts = [
            Cut((size, size), (0.08, 1.0), (3 / 4, 4 / 3), Draws(0, i, range(len(p)), len(p)))
            for i, p in enumerate(pieces)
        ]
        return sum(len(one.target) for one in batches(train, pieces, workers, cuts))

    return epoch


def theirs(folder: Path, workers: int, *, size: int = 224, batch: int = BATCH) -> Any:
    loader: Any = DataLoader(
        ByHand(folder, size), batch_size=batch, num_workers=workers, persistent_workers=workers > 0,
        pin_memory=torch.cuda.is_available(),
    )  # fmt: skip

    def epoch() -> int:
        return sum(len(target) for _, target in loader)

    return epoch


def main() -> int:
    rounds, count = (int(sys.argv[i]) if len(sys.argv) > i else n for i, n in ((1, 7), (2, 512)))
    torch.set_num_threads(1)
    warnings.filterwarnings("ignore", message="The given NumPy array is not writable")
    good = True
    with tempfile.TemporaryDirectory() as name:
        photographs(Path(name), count)
        for workers in (0, 1):
            both = [ours(Path(name), workers), theirs(Path(name), workers)]
            rates: list[list[float]] = [[], []]
            for epoch in both:
                epoch()  # starts the workers, fills caches
            for _ in range(rounds):
                for epoch, rate in zip(both, rates, strict=True):
                    began = processor_seconds()
                    images = epoch()
                    rate.append(images / (processor_seconds() - began))
            ratio = statistics.median(a / b for a, b in zip(*rates, strict=True))
            mine, other = (statistics.median(rate) for rate in rates)
            print(
                f"{workers} workers: netspec {mine:.0f}, by hand {other:.0f} images per second of the processor; ratio {ratio:.2f}"
            )
            good &= ratio >= 0.95
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
