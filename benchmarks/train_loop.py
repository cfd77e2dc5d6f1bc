"""Examples per second of `netspec train`'s loop against a loop written by hand, on the same net, data and optimizer.

    python benchmarks/train_loop.py [ROUNDS]

Both run in one process, in turns; the figure is the median over the rounds of (netspec / by hand), more is better.
On a GPU, `--resnet50` compares ResNet-50 on synthetic ImageNet: the defaults of `netspec train` (bf16, channels last,
torch.compile) against the plain eager fp32 loop.
"""

from __future__ import annotations

import statistics
import sys
import time
from pathlib import Path
from typing import Any

import torch
from torch.nn import functional as F

from netspec.datasets import DataOptions
from netspec.model import check
from netspec.source import SourceFile
from netspec.training.engine import Engine, Watcher
from netspec.training.hardware import Hardware, launch
from netspec.training.plan import Plan
from netspec.training.session import Request, build_engine, open_data

EXAMPLES = Path(__file__).resolve().parent.parent / "examples"
RECIPE = "\ntrain {{\n  optimizer sgd lr=0.01 momentum=0.9 weight_decay=5e-4 decay=all\n  epochs {epochs}\n  batch {batch}\n}}\n"


def text_of(name: str) -> str:
    """An example without its recipe."""
    return (EXAMPLES / f"{name}.net").read_text().split("\ntrain {")[0]


def engine_of(text: str, data: str, size: int, accelerator: str) -> Engine:
    options = DataOptions(validation=0.0, test=0.0, size=size or None)
    request = Request(SourceFile(text, "benchmark.net"), data, options, Hardware(accelerator))
    model = check(request.source).model()
    plan = Plan.of(model.graph)
    return build_engine(model, plan, open_data(plan, request), launch(request.hardware, plan), request)


def by_hand(engine: Engine, module: torch.nn.Module, device: str) -> Any:
    """The loop that a careful person writes: everything in memory, one shuffle an epoch."""
    train, batch = engine.collection.train, engine.plan.batch
    everything = train.batch(range(len(train)))
    (x,), y = everything.inputs.values(), everything.target
    kind = next(iter(engine.plan.inputs.values()))
    x = x.reshape(len(x), *kind.shape)
    module.to(device).train()
    optimizer = torch.optim.SGD(module.parameters(), lr=0.01, momentum=0.9, weight_decay=5e-4)

    def epoch() -> float:
        total, right = 0.0, 0
        for indices in torch.randperm(len(x)).split(batch):
            images = x[indices].to(device)
            images = images.float().div_(255) if images.dtype == torch.uint8 else images
            target = y[indices].to(device)
            optimizer.zero_grad(set_to_none=True)
            scores = module(images)
            loss = F.cross_entropy(scores, target)
            loss.backward()
            optimizer.step()
            if device == "cpu":
                total += loss.item() * len(target)
                right += int((scores.argmax(1) == target).sum())
        return total

    return epoch


def seconds(call: Any) -> float:
    if torch.cuda.is_available():
        torch.cuda.synchronize()
    began = time.perf_counter()
    call()
    if torch.cuda.is_available():
        torch.cuda.synchronize()
    return time.perf_counter() - began


def compare(name: str, data: str, size: int, batch: int, rounds: int, accelerator: str = "cpu") -> float:
    text = text_of(name) + RECIPE.format(epochs=100_000, batch=batch)
    engine = engine_of(text, data, size, accelerator)
    module = check(SourceFile(text)).model().to_torch(seed=0)
    from netspec.training.learner import logits_module

    plain = by_hand(engine, logits_module(engine.plan, module), "cuda" if engine.cuda else "cpu")

    def ours() -> None:
        engine._epoch(Watcher(), lambda: False)

    for _ in range(2):
        ours(), plain()
    pairs = [(seconds(ours), seconds(plain)) for _ in range(rounds)]
    count = len(engine.collection.train)
    ratio = statistics.median(hand / mine for mine, hand in pairs)
    mine, hand = (count / statistics.median(p[i] for p in pairs) for i in (0, 1))
    print(f"{name:16} batch {batch:4}  netspec {mine:10,.0f}/s  by hand {hand:10,.0f}/s  ratio {ratio:.3f}")
    return ratio


def main() -> None:
    if "--resnet50" in sys.argv:
        compare("resnet50", "synthetic", 2048, 128, 5, "cuda")
        return
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 9
    compare("mlp_digits", "digits", 0, 128, 3 * rounds)
    compare("lenet_digits", "digits", 0, 64, rounds)
    compare("resnet8_digits", "digits", 0, 128, rounds)
    compare("convnetjs_cifar10", "synthetic", 2048, 128, rounds)


if __name__ == "__main__":
    main()
