"""ResNet-50 on a GPU: training steps, training from JPEG files against a plain loop, and inference on several engines.

    python benchmarks/gpu.py [--size 224] [--batch 256] [--images 40000] [--seconds 480]

In order: the loader alone against torch's DataLoader with simplejpeg; training steps on one batch, generated against written by
hand (fp32; bf16 with channels-last; compiled; with CUDA graphs); `netspec train` on noise; `netspec train` from JPEG files of
500x375 against a plain loop as torchvision's reference script has it, with the same bf16, channels-last and compiler; inference
with PyTorch, ONNX Runtime on CUDA and on TensorRT. What counts is training from files relative to the smaller of the loader alone and
training on noise. Rates are images per second.

Results are written to benchmarks/results/DEVICE.json after every part; a part that would begin after `--seconds` is left out, and what
is missing on the machine is named. It fits ten minutes of one H100 with 16 cores. Without a GPU it says what it would need; --small runs all of it with a small net on the CPU.
"""

from __future__ import annotations

import argparse
import gc
import json
import os
import sys
import tempfile
import time
import warnings
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import torch

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "tests"), str(ROOT / "benchmarks")]

from gpu_images import loader_rate, reference_rate, reference_story, trained_rate  # noqa: E402
from gpu_steps import WAYS, inference, step_rate  # noqa: E402
from handwritten.resnet50 import ResNet50  # noqa: E402
from loader import ours, photographs, theirs  # noqa: E402

import netspec  # noqa: E402

SMALL = "input 3xSIZExSIZE\nnormalize mean=0.45 std=0.23\nconv3-16 pad=1 norm=bn act=relu\nresidual { conv3-16 pad=1 norm=bn }\ngap\nFC-CLASSES\n"
RECIPE = "train {\n  optimizer sgd lr=0.1 momentum=0.9 weight_decay=1e-4\n  augment { CROPflip }\n}\n"
CROP = "crop SIZE scale=(0.08, 1) ratio=(3/4, 4/3); "


class Results:
    """The figures as they are measured, and what was left out."""

    def __init__(self, about: dict[str, Any], file: Path | None, seconds: float) -> None:
        self.figures, self.file, self.seconds = about, file, seconds
        self.began = time.monotonic()

    def measure(self, group: str, name: str, call: Callable[[], Any]) -> Any:
        """One figure; None if there is no time for it, or if it fails, which does not end the rest."""
        held = self.figures.setdefault(group, {})
        spent = time.monotonic() - self.began
        if spent > self.seconds:
            held[name] = f"left out: {spent:.0f} s are over"
        else:
            try:
                found = call()
                held |= found if isinstance(found, dict) else {name: round(found, 1)}
            except Exception as error:
                held[name] = f"{type(error).__name__}: {next(iter(str(error).strip().splitlines()), '')[:200]}"
        self.figures["seconds"] = round(time.monotonic() - self.began)
        print(
            f"{self.figures['seconds']:4} s  {group}: {name}: {held.get(name, 'see below')}",
            file=sys.stderr,
            flush=True,
        )
        if self.file is not None:
            self.file.write_text(json.dumps(self.figures, indent=2) + "\n")
        torch._dynamo.reset()  # it compiles the code of a class for a few of its objects only
        gc.collect()
        torch.cuda.empty_cache()
        value = held.get(name)
        return value if isinstance(value, float) else None


def main() -> int:
    arguments = _arguments()
    device = "cuda" if torch.cuda.is_available() else "cpu"
    if device == "cpu" and not arguments.small:
        print(
            "no GPU here: this needs PyTorch with CUDA and, for ONNX Runtime, the extra gpu; --small runs it on the CPU"
        )
        return 0
    torch.set_float32_matmul_precision("high")  # as `netspec train` does, for all
    torch.backends.cudnn.benchmark = True
    warnings.filterwarnings("ignore", message="The given NumPy array is not writable")
    name = torch.cuda.get_device_name() if device == "cuda" else "CPU"
    file = arguments.output
    if file is None and device == "cuda":
        file = ROOT / "benchmarks" / "results" / f"{name.lower().replace(' ', '-')}.json"
    about = {
        "device": name, "cores": len(os.sched_getaffinity(0)), "torch": torch.__version__, "cuda": torch.version.cuda,
        "size": arguments.size, "batch": arguments.batch, "plain loop": reference_story(),
    }  # fmt: skip
    results = Results(about, file, arguments.seconds)
    with tempfile.TemporaryDirectory() as folder:
        _all(results, arguments, device, Path(folder))
    print(json.dumps(results.figures, indent=2))
    return 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", type=int, default=224, help="of the cropped images")
    parser.add_argument("--batch", type=int, default=256)
    parser.add_argument("--images", type=int, default=40_000, help="names of JPEG files")
    parser.add_argument("--runs", type=int, default=20, help="timed steps, and runs of inference")
    parser.add_argument("--first", type=int, default=20, help="updates of a training before it is timed")
    parser.add_argument("--seconds", type=float, default=480, help="no part begins later")
    parser.add_argument(
        "--output", type=Path, help="file of the results; default: benchmarks/results/DEVICE.json on a GPU"
    )
    parser.add_argument("--small", action="store_true", help="a small net and few images, for machines without a GPU")
    arguments = parser.parse_args()
    if arguments.small:
        arguments.size, arguments.batch, arguments.images, arguments.runs, arguments.first = 32, 8, 96, 3, 4
    arguments.images -= arguments.images % arguments.batch  # a smaller last batch would be compiled within the time
    return arguments


def _text(arguments: argparse.Namespace, *, crop: bool) -> str:
    """The spec with a recipe."""
    if arguments.small:
        net = SMALL
    else:
        net = (ROOT / "examples" / "resnet50.net").read_text(encoding="utf-8").split("\nexpect ")[0]
        net = net.replace("input 3x224x224", "input 3xSIZExSIZE\nnormalize mean=0.45 std=0.23")
        net = net.replace("classes = 1000", "classes = CLASSES")
    text = net.rstrip() + "\n" + RECIPE.replace("CROP", CROP if crop else "")
    return text.replace("SIZE", str(arguments.size)).replace("CLASSES", str(_classes(arguments)))


def _classes(arguments: argparse.Namespace) -> int:
    return min(1000, arguments.images // 4)


def _all(results: Results, arguments: argparse.Namespace, device: str, folder: Path) -> None:
    spec, noise = _text(arguments, crop=True), _text(arguments, crop=False)
    model = netspec.loads(noise)
    images, batch, size, first = folder / "images", arguments.batch, arguments.size, arguments.first
    photographs(images, arguments.images, classes=_classes(arguments), distinct=400)
    workers = max(1, len(os.sched_getaffinity(0)) - 1)
    shape = {"size": size, "batch": batch}
    alone = {}
    for name, made in (("netspec", ours), ("DataLoader and simplejpeg", theirs)):
        epoch = made(images, workers, **shape)
        results.measure("loader alone, to start", name, partial(loader_rate, epoch, arguments.images))
        alone[name] = results.measure("loader alone", name, partial(loader_rate, epoch, arguments.images))
        del epoch
    by_hand = {"size": size, "batch": batch, "first": first, "workers": workers, "device": device}
    plain = model.to_torch if arguments.small else partial(ResNet50, _classes(arguments))
    ours_rate = results.measure(
        "from JPEG files", "netspec train", lambda: trained_rate(spec, str(images), batch, first, resize=True)
    )
    theirs_rate = results.measure("from JPEG files", "plain loop", lambda: reference_rate(plain(), images, **by_hand))
    synthetic = partial(trained_rate, noise, "synthetic", batch, first, size=batch * (first + 2 * arguments.runs))
    on_noise = results.measure("netspec train on noise", "default", synthetic)
    _ratios(results, ours_rate, theirs_rate, alone["netspec"], on_noise)
    _steps(results, arguments, device, {"generated": model.to_torch, "by hand": plain})
    if device == "cuda":
        results.measure("netspec train on noise", "CUDA graphs", partial(synthetic, compiled="graphs"))
    for provider in (None, "cuda" if device == "cuda" else "cpu", "tensorrt"):
        for count in (1, batch):
            name = f"{provider or 'PyTorch'}, batch {count}"
            results.measure("inference", name, partial(inference, model, count, arguments.runs, provider))


def _ratios(results: Results, files: Any, plain: Any, loader: Any, noise: Any) -> None:
    ratios = results.figures["ratios"] = {}
    if files and plain:
        ratios["from JPEG files, netspec train / plain loop"] = files / plain
    if files and loader and noise:
        ratios["from JPEG files / min(loader alone, netspec train on noise)"] = files / min(loader, noise)


def _steps(results: Results, arguments: argparse.Namespace, device: str, makers: dict[str, Any]) -> None:
    (kind,) = netspec.loads(_text(arguments, crop=False)).inputs.values()
    x = torch.randn(arguments.batch, *kind.shape, device=device)
    y = torch.randint(0, _classes(arguments), (arguments.batch,), device=device)
    for way in WAYS:
        for name, make in makers.items():
            call = partial(_step, way, make, x, y, arguments.runs)
            results.measure(f"training step, {name}", way, call)


def _step(way: str, make: Callable[[], torch.nn.Module], x: torch.Tensor, y: torch.Tensor, runs: int) -> float:
    if way.endswith("CUDA graphs") and x.device.type == "cpu":
        raise RuntimeError("CUDA graphs need a CUDA GPU")
    return step_rate(way, make(), x, y, runs)


if __name__ == "__main__":
    sys.exit(main())
