"""Short training runs from the same initial weights, used by the sanity checks and the learning-rate search."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from netspec.datasets import Batch, Collection, Examples
from netspec.datasets.cutting import Cut, cut_images, cut_targets
from netspec.datasets.points import cut_points
from netspec.model import Model, check
from netspec.ops.regularization import Regularizer
from netspec.recipe import Chosen, Recipe
from netspec.settings import SETTINGS
from netspec.training.engine import Diverged, Engine, Watcher
from netspec.training.hardware import launch
from netspec.training.inputs import Inputs
from netspec.training.plan import Plan
from netspec.training.scores import score_of
from netspec.training.session import Request, build_engine, open_data

if TYPE_CHECKING:
    import numpy as np
    from torch import Tensor

    from netspec.datasets.examples import Indices
    from netspec.training.mixing import Mixed

__all__ = ["Bench", "Held", "Trace", "adam", "run_trial"]


class Held:
    """Some examples, decoded once and kept in memory."""

    def __init__(self, examples: Examples, indices: Sequence[int]) -> None:
        self.shapes: Mapping[str, tuple[int, ...]] = examples.shapes
        self.points = examples.points
        self._all = examples.batch(indices)
        self._count = len(indices)
        self._examples, self._indices = examples, indices

    def __len__(self) -> int:
        return self._count

    def targets(self, name: str = "") -> np.ndarray[Any, Any] | None:
        targets = self._examples.targets(name)
        return targets[list(self._indices)] if targets is not None else None

    def shown(self, index: int) -> str:
        return self._examples.shown(self._indices[index])

    def batch(self, indices: Indices, cut: Cut | None = None) -> Batch:
        rows = list(indices)
        inputs, targets = (
            {n: values[rows] for n, values in held.items()} for held in (self._all.inputs, self._all.targets)
        )
        if cut is not None:
            cuts = cut.drawn()
            targets |= {n: cut_points(targets[n], inputs, cuts) for n in self.points}
            inputs = {n: cut_images(v, cuts) if v.ndim == 4 else v for n, v in inputs.items()}
            targets = {n: cut_targets(v, cuts) if v.ndim > 2 else v for n, v in targets.items()}
        return Batch(inputs, targets)


class _Plain(Inputs):
    """Training inputs without augmentation."""

    def train(
        self, batch: Batch, place: int, rows: range, total: int
    ) -> tuple[list[Tensor], dict[str, Tensor], dict[str, Mixed]]:
        return (*self.test_all(batch), {})

    def cut(self, place: int, rows: range, total: int) -> None:
        return None


@dataclass
class Trace:
    """The loss without auxiliary heads and the accuracy (None if not a classifier) of each update."""

    losses: list[float] = field(default_factory=list)
    right: list[float | None] = field(default_factory=list)
    cut: bool = False
    """Whether the bound on computations was reached before the last update."""

    @property
    def finite(self) -> bool:
        return all(map(math.isfinite, self.losses))


class _Recorder(Watcher):
    def __init__(self, engine: Engine) -> None:
        self.trace = Trace()
        self.before = engine.sums.values()

    def update(self, engine: Engine, loss: float | None) -> None:
        now = engine.sums.values()
        score = score_of(engine.sums.kind, [b - a for a, b in zip(self.before, now, strict=True)])
        self.before = now
        self.trace.losses.append(score.loss)
        self.trace.right.append(score.accuracy)

    def epoch(self, engine: Engine, row: Any, *, best: bool) -> None:
        self.before = engine.sums.values()


_MOST_MACS = {"cpu": 2e12}
"""The multiply-accumulates of a trial, forward and backward, by device: about a minute on two cores. Counted and not timed,
so that a busy machine finds the same."""
_MOST_MACS_ELSEWHERE = 1e14
_LEAST_UPDATES = 20


def _affordable(engine: Engine) -> int:
    """The number of updates within the bound."""
    plan = engine.plan
    examples = min(plan.batch * plan.accumulate, len(engine.collection.train))
    each = 3 * examples * sum(node.macs for node in plan.graph.nodes)  # backward costs twice as much as forward
    most = _MOST_MACS.get(engine.fabric.device.type, _MOST_MACS_ELSEWHERE)
    return max(_LEAST_UPDATES, int(most / max(1, each)))


def run_trial(engine: Engine, updates: int, stop: Callable[[Trace], bool] = lambda _: False) -> Trace:
    """Runs the given number of updates, or fewer if the loss is not finite (it is the last of the trace), `stop` returns
    true after one of them, or they would compute too much."""
    recorder = _Recorder(engine)
    trace, most = recorder.trace, _affordable(engine)

    def enough() -> bool:
        count = len(trace.losses)
        done = count >= updates or not trace.finite or (count > 0 and stop(trace))
        trace.cut = not done and count >= most
        return done or trace.cut

    try:
        engine.fit(recorder, enough)
    except Diverged as error:
        trace.losses.append(error.loss)
        trace.right.append(None)
    return trace


@dataclass(frozen=True)
class Bench:
    """An untrained net with its data, from which any number of trials can start."""

    model: Model
    plan: Plan
    collection: Collection
    engine: Engine
    """Untrained; never modified."""

    @classmethod
    def of(cls, request: Request) -> Bench:
        """Always on a single device. Raises SpecError."""
        hardware = replace(request.hardware, devices=1, nodes=1, strategy="auto", compiled=False)
        request = replace(request, hardware=hardware)
        model = check(request.source).lenient().model()
        plan = Plan.of(model.graph)
        fabric = launch(hardware, plan)
        collection = open_data(plan, request)
        return cls(model, plan, collection, build_engine(model, plan, collection, fabric, request))

    @property
    def example_size(self) -> int:
        """The number of input values per example."""
        return sum(kind.size for kind in self.plan.inputs.values())

    def held(self, count: int, *, balanced: bool = False, examples: Examples | None = None) -> Held:
        """A number of examples (by default training examples), drawn with the seed; `balanced`: over the classes."""
        import numpy as np

        examples = self.collection.train if examples is None else examples
        order = np.random.Generator(np.random.PCG64([self.plan.seed, 0x7E57])).permutation(len(examples))
        labels = self.labels(examples) if balanced else None
        if labels is not None and labels.ndim == 1:
            shuffled = labels[order]
            rank = np.zeros(len(order), dtype=np.int64)  # index within its class
            for label in np.unique(shuffled):
                of_class = shuffled == label
                rank[of_class] = np.arange(of_class.sum())
            order = order[np.argsort(rank, kind="stable")]
        return Held(examples, order[:count].tolist())

    def labels(self, examples: Examples) -> np.ndarray[Any, Any] | None:
        """The classes of examples, also if stored as one-hot vectors; None if there are none."""
        targets = examples.targets()
        if targets is not None and self.engine.judge.one_hot:
            classes: np.ndarray[Any, Any] = targets.argmax(1)
            return classes
        return targets if self.plan.task == "class" else None

    def trial(
        self, train: Examples, *, batch: int | None = None, optimizer: Chosen | None = None, plain: bool = False, warmup: int = 0
    ) -> Engine:  # fmt: skip
        """An engine with a copy of the untrained net and a constant learning rate. `plain`: without regularization."""
        plan = self._plan(optimizer or self.plan.optimizer, batch, warmup, plain)
        module = copy.deepcopy(self.engine.module)
        if plain:
            _silence(plan, module)
        given = self.engine.inputs
        kind = _Plain if plain else Inputs
        inputs = kind(plan, given.image, given.augmenter, given.device, channels_last=given.channels_last)
        collection = replace(self.collection, train=train, validation=None, test=None)
        return Engine(plan, module, collection, self.engine.fabric, inputs)

    def _plan(self, optimizer: Chosen, batch: int | None, warmup: int, plain: bool) -> Plan:
        recipe = self.plan.recipe
        settings = {
            n: lines
            for n, lines in recipe.settings.items()
            if n not in ("stop", "ema", "pretrain", "metric", "best", "sampling")
        }
        settings["schedule"] = (Chosen("constant", {"warmup": warmup, "warmup_steps": 0, "warmup_start": None}),)
        settings["epochs"] = (Chosen("", {"n": 1_000_000}),)
        if batch is not None:
            settings["batch"] = (Chosen("", {"n": batch, "accumulate": 1}),)
        if plain:
            settings.pop("regularize", None)
            if "weight_decay" in optimizer.values:
                optimizer = replace(optimizer, values={**optimizer.values, "weight_decay": 0.0})
        settings["optimizer"] = (optimizer,)
        return Plan(self.plan.graph, Recipe(settings, {} if plain else recipe.augment))


def adam() -> Chosen:
    """Adam with its defaults, with which most nets can learn."""
    form = next(f for f in SETTINGS["optimizer"].forms if f.word == "adam")
    return Chosen(form.word, {option.name: option.default for option in form.options.values()})


def _silence(plan: Plan, module: Any) -> None:
    """Removes dropout and noise, in place."""
    from torch import nn

    for node in plan.graph.nodes:
        if isinstance(node.op, Regularizer) and node.name in dict(module.named_modules()):
            module.set_submodule(node.name, nn.Identity(), strict=True)
