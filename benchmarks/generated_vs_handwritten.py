"""The generated modules against hand-written ones: same weights, same inputs, in one run.

Times forward and forward+backward in pairs, one after the other, the order changing from pair to pair, and takes the
median of the ratios. Wanted: at most 1 % slower. Outputs must be equal, bit by bit where the order of operations is the same.
"""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import torch

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

from handwritten import densenet121, mobilenet_v2, resnet50, vgg16  # noqa: E402

import netspec  # noqa: E402

NETWORKS = {"resnet50": resnet50, "vgg16": vgg16, "mobilenet_v2": mobilenet_v2, "densenet121": densenet121}
HERE = {"resnet50": "ResNet50", "vgg16": "VGG16", "mobilenet_v2": "MobileNetV2", "densenet121": "DenseNet121"}


def pair(name: str) -> tuple[torch.nn.Module, torch.nn.Module]:
    """Both modules with one set of weights, paired by order and shape."""
    from netspec.weights.mapping import match

    model = netspec.load(ROOT / "examples" / f"{name}.net")
    theirs = getattr(NETWORKS[name], HERE[name])()
    ours = model.to_torch(seed=0)
    found = match(model.graph, {k: tuple(v.shape) for k, v in theirs.state_dict().items()})
    if not found.complete:
        raise SystemExit(f"{name}: {found.missing[:3]} {found.left_over[:3]}")
    state = ours.state_dict()
    theirs.load_state_dict(
        {
            theirs_name: state[ours_name].reshape(theirs.state_dict()[theirs_name].shape)
            for ours_name, theirs_name in found.sources.items()
        }
    )
    return ours, theirs


def ratio(first: Callable[[], object], second: Callable[[], object], pairs: int) -> float:
    """The median of first's time over second's."""
    first(), second()
    ratios = []
    for i in range(pairs):
        times = {}
        for key, call in [("a", first), ("b", second)][:: 1 if i % 2 else -1]:
            start = time.perf_counter()
            call()
            times[key] = time.perf_counter() - start
        ratios.append(times["a"] / times["b"])
    return statistics.median(ratios)


def step(module: torch.nn.Module, x: torch.Tensor) -> None:
    module.zero_grad(set_to_none=True)
    module(x).square().mean().backward()


def main(pairs: int) -> int:
    torch.manual_seed(0)
    good = True
    x = torch.randn(4, 3, 224, 224)
    for name in NETWORKS:
        ours, theirs = pair(name)
        if name == "vgg16":  # its page ends in the softmax; without it the two backward passes would differ in work
            theirs = torch.nn.Sequential(theirs, torch.nn.Softmax(dim=1))
        ours.eval(), theirs.eval()
        with torch.no_grad():
            a, b = ours(x), theirs(x)
            same = torch.equal(a, b)
            forward = ratio(partial(ours, x), partial(theirs, x), pairs)
        ours.train(), theirs.train()
        both = ratio(partial(step, ours, x), partial(step, theirs, x), pairs)
        fine = same and forward <= 1.01 and both <= 1.01
        good &= fine
        shown = f"forward {forward:.3f}  forward+backward {both:.3f}  outputs {'bit-equal' if same else 'DIFFER'}"
        print(f"{name:<14} {shown}: {'ok' if fine else 'NOT MET'}", flush=True)
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else 15))
