"""Augmentation through torch.compile: one graph for all updates, the same pixels, and no run that ends because of the compiler.

The graphs are those that a GPU would get; they are run without its code generator, which needs a C++ compiler here.
"""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from augmenting import augmenter, chosen
from torch import Tensor

from netspec.datasets import Batch
from netspec.model import loads
from netspec.training.augment import Augmenter
from netspec.training.inputs import Inputs
from netspec.training.plan import Plan
from netspec.training.progressive import Growing

ASKED: dict[str, dict[str, Any]] = {
    "crop and flip": {"crop": {"pad": 3}, "flip": {"p": 0.5}, "flip_vertical": {"p": 0.3}},
    "all": {
        "rotate": {"high": 20.0}, "rescale": {"high": 1.2}, "flip": {"p": 0.5}, "jitter": {}, "lighting": {"std": 0.1},
        "erase": {"p": 0.6}, "noise": {"std": 0.05},
    },
    "around a policy": {"crop": {"pad": 3}, "randaugment": {}, "jitter": {}},
}  # fmt: skip


class Graphs:
    """Stands in for the code generator: counts graphs, and keeps what was asked of torch.compile."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *, fails: bool = False) -> None:
        self.count, self.fails, self.options = 0, fails, []
        own = torch.compile

        def compile_(function: Callable[..., Any], **options: Any) -> Any:
            self.options.append(options)
            return own(function, **options, backend=self.made)

        torch._dynamo.reset()
        monkeypatch.setattr(torch, "compile", compile_)

    def made(self, module: torch.fx.GraphModule, inputs: list[Any]) -> Any:
        self.count += 1
        if self.fails:
            raise NotImplementedError("no code for this GPU\nand more")
        return module.forward


def images(count: int) -> Tensor:
    return torch.randint(0, 256, (count, 3, 12, 16), dtype=torch.uint8, generator=torch.Generator().manual_seed(count))


def pair(name: str) -> tuple[Augmenter, Augmenter, list[str]]:
    """One as it is, one compiled, and the notes of the second."""
    plain, other = (augmenter((3, 12, 16), (3, 12, 16), colors=torch.eye(3), **ASKED[name]) for _ in range(2))
    notes: list[str] = []
    other.compile(notes.append)
    return plain, other, notes


@pytest.mark.slow
@pytest.mark.parametrize(("name", "graphs"), [("crop and flip", 1), ("all", 1), ("around a policy", 2)])
def test_many_updates_compile_once(monkeypatch: pytest.MonkeyPatch, name: str, graphs: int) -> None:
    counted = Graphs(monkeypatch)
    plain, compiled, notes = pair(name)
    for step in range(5):
        one, other = (made.train(images(6), step, range(6), 6) for made in (plain, compiled))
        assert torch.allclose(one, other, atol=1e-6)
        assert counted.count == graphs
    rows = range(2, 6)  # of another process, and a smaller batch
    one, other = (made.train(images(4), 9, rows, 8) for made in (plain, compiled))
    assert torch.allclose(one, other, atol=1e-6)
    assert counted.count == 2 * graphs
    assert not notes
    assert all(options["fullgraph"] for options in counted.options), "no part is left to the interpreter"


@pytest.mark.slow
def test_a_compiler_that_fails_is_noted_and_training_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    counted = Graphs(monkeypatch, fails=True)
    plain, compiled, notes = pair("crop and flip")
    for step in range(3):
        one, other = (made.train(images(6), step, range(6), 6) for made in (plain, compiled))
        assert torch.equal(one, other)
    assert counted.count == 1, "it is not tried again"
    (note,) = notes
    assert note.startswith("the augmentation goes on without torch.compile: ")
    assert "\n" not in note


@pytest.mark.slow
def test_what_is_wrong_without_the_compiler_is_no_fault_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    Graphs(monkeypatch)
    _, compiled, notes = pair("crop and flip")
    with pytest.raises(RuntimeError, match=r"size|shape|index"):
        compiled.train(torch.zeros(6, 3, 0, 16), 0, range(6), 6)
    assert not notes


@pytest.mark.slow
def test_every_stage_of_progressive_resizing_is_compiled(monkeypatch: pytest.MonkeyPatch) -> None:
    counted = Graphs(monkeypatch)
    asked = chosen(progressive={"size": 6, "stages": 2, "strength": 1.0}, crop={"scale": (0.5, 1.0)}, flip={})
    plan: Any = SimpleNamespace(accumulate=1, epochs=2)
    made = Growing(asked, (3, 12, 16), (3, 12, 16), 0, None, plan=plan, updates=3)
    made.compile(pytest.fail)
    for step in range(6):
        height, width = made.sizes[made.stage(step)]
        assert made.train(images(6)[..., :height, :width], step, range(6), 6).shape == (6, 3, height, width)
    assert counted.count == len(made.parts) == 2


def test_bytes_are_scaled_in_the_graph() -> None:
    """What the training gives to the augmentation are the bytes as they were read."""
    seen: list[torch.dtype] = []

    class Watched(Augmenter):
        def train(self, images: Tensor, step: int, rows: range, total: int) -> Tensor:
            seen.append(images.dtype)
            return super().train(images, step, rows, total)

    plan = Plan.of(loads("input 3x12x16\nFC-2\nsoftmax\ntrain { augment { flip } }\n").graph)
    made = Watched(chosen(flip={}), (3, 12, 16), (3, 12, 16), 0)
    inputs = Inputs(plan, "input", made, torch.device("cpu"))
    batch = Batch({"input": images(4)}, {plan.head.name: torch.zeros(4, dtype=torch.long)})
    (trained,), *_ = inputs.train(batch, 0, range(4), 4)
    assert seen == [torch.uint8]
    assert torch.equal(trained, made.train(images(4).float().div(255), 0, range(4), 4))
    (tested,), _ = inputs.test_all(batch)
    assert torch.equal(tested, images(4).float().div(255))
