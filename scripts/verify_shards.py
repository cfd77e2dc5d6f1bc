"""Verifies that shards are dealt exactly: 20,000 tiny images in 20 WebDataset shards, two processes with two workers each.

    python scripts/verify_shards.py [IMAGES]

Trains two epochs, kills both processes in the middle of the first, and resumes. Each image has its number in its pixels, so the
batches themselves say what was read: every image once in each epoch, and the updates that were repeated the same as before.
"""

from __future__ import annotations

import io
import os
import signal
import subprocess
import sys
import tarfile
import tempfile
from collections import Counter, defaultdict
from pathlib import Path
from typing import Any

SPEC = "input 3x4x4\nconv3-2\ngap\nFC-4\ntrain {{ epochs 2; batch {batch}; optimizer sgd lr=0.01 }}\n"
BATCH, SHARDS, KILLED = 100, 20, 0.35


def write_shards(folder: Path, count: int) -> None:
    import numpy as np
    from PIL import Image

    for shard in range(SHARDS):
        with tarfile.open(folder / f"shard-{shard:03}.tar", "w") as tar:
            for number in range(shard * count // SHARDS, (shard + 1) * count // SHARDS):
                content = io.BytesIO()
                pixels = np.full((4, 4, 3), (number >> 8, number & 255, 7), np.uint8)
                Image.fromarray(pixels).save(content, "PNG")
                for suffix, data in ((".png", content.getvalue()), (".cls", str(number % 4).encode())):
                    info = tarfile.TarInfo(f"{number:06}{suffix}")
                    info.size = len(data)
                    tar.addfile(info, io.BytesIO(data))


def work(folder: Path, count: int, kill_at: int) -> None:
    """One process of the run, which writes the numbers of the images of each of its batches; ends itself at a batch."""
    from netspec.datasets import DataOptions
    from netspec.source import SourceFile
    from netspec.training.engine import Watcher
    from netspec.training.hardware import Hardware
    from netspec.training.inputs import Inputs
    from netspec.training.run_folder import RunFolder
    from netspec.training.session import Request, train

    inner = Inputs.train

    def recorded(self: Any, batch: Any, place: int, rows: Any, total: int) -> Any:
        if place == kill_at:
            os.kill(os.getpid(), signal.SIGKILL)
        pixels = batch.inputs["input"][: len(rows), :2, 0, 0].long()
        numbers = (pixels[:, 0] * 256 + pixels[:, 1]).tolist()
        if (batch.target[: len(rows)] != batch.target.new_tensor(numbers) % 4).any():
            raise AssertionError("a label belongs to another image")
        print(place, *numbers, file=record, flush=True)
        return inner(self, batch, place, rows, total)

    Inputs.train = recorded  # type: ignore[method-assign]
    options = DataOptions(validation=0.0, test=0.0, workers=2)
    request = Request(
        SourceFile(SPEC.format(batch=BATCH), "net.net"), str(folder / "shard-{000..019}.tar"), options,
        Hardware(accelerator="cpu", devices=2, strategy="ddp"), save_every=0.0,
    )  # fmt: skip
    run = RunFolder(folder / "run")
    with (folder / f"seen-{os.environ['RANK']}").open("a") as record:
        train(request, run, Watcher(), resume=(folder / "run" / "run.json").exists())


def launch(folder: Path, count: int, kill_at: int) -> int:
    line = [
        "-m",
        "torch.distributed.run",
        "--standalone",
        "--nproc-per-node",
        "2",
        __file__,
        "work",
        folder,
        count,
        kill_at,
    ]
    root = str(Path(__file__).resolve().parents[1])
    return subprocess.run(
        [sys.executable, *map(str, line)], env=os.environ | {"PYTHONPATH": root}, stderr=subprocess.PIPE, check=False
    ).returncode  # fmt: skip


def verify(folder: Path, count: int) -> list[str]:
    """What is wrong."""
    wrong, batches = [], defaultdict(list)
    for rank in (0, 1):
        known: dict[int, list[int]] = {}
        repeated = 0
        for line in (folder / f"seen-{rank}").read_text().splitlines():
            place, *numbers = map(int, line.split())
            if place in known:
                repeated += 1
                if known[place] != numbers:
                    wrong.append(f"process {rank} read other images when batch {place} was repeated")
            known[place] = numbers
        print(f"process {rank}: {len(known)} batches, {repeated} of them twice")
        for place, numbers in known.items():
            batches[place] += numbers
    each = count // BATCH
    for epoch in (0, 1):
        seen = Counter(n for place in range(epoch * each, (epoch + 1) * each) for n in batches.get(place, ()))
        print(f"epoch {epoch + 1}: {len(seen):,} images, the most often read one {max(seen.values(), default=0)} times")
        if seen != Counter(range(count)):
            wrong.append(f"epoch {epoch + 1} does not have each image once")
    if all(batches[place] == batches[each + place] for place in range(each)):
        wrong.append("both epochs have the same order")
    return wrong


def main() -> int:
    if sys.argv[1:2] == ["work"]:
        work(Path(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4]))
        return 0
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 20_000
    with tempfile.TemporaryDirectory() as name:
        write_shards(Path(name), count)
        if launch(Path(name), count, int(KILLED * count / BATCH)) == 0:
            print("the run was not killed")
            return 1
        if launch(Path(name), count, -1) != 0:
            print("the run could not be resumed")
            return 1
        wrong = verify(Path(name), count)
    print("\n".join(wrong) or "each image once in each epoch")
    return bool(wrong)


if __name__ == "__main__":
    sys.exit(main())
