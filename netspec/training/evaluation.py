"""Evaluation of runs: one run, an ensemble of several, or a run and its exported model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from netspec.announcing import announce
from netspec.datasets import Collection, DataOptions, batches
from netspec.diagnostics import Diagnostic, SpecError
from netspec.settings import OF_CLASSES
from netspec.training.heads import Head
from netspec.training.inputs import Inputs
from netspec.training.judging import is_one_hot
from netspec.training.measures import Measured, Tally
from netspec.training.plan import Plan
from netspec.training.session import Request, open_data
from netspec.training.trained import Net, OnnxNet, Trained, answers, views

if TYPE_CHECKING:
    from torch import Tensor

    from netspec.datasets import Batch, Examples

__all__ = ["Evaluation", "Onlooker", "Question", "evaluate", "evaluate_exported"]

_BATCH = 128
_PARTS = ("test", "validation", "train")


@dataclass(frozen=True)
class Question:
    """The data for evaluation. `data` None: that of the first run; `part` None: test, else validation."""

    data: str | None = None
    options: DataOptions = field(default_factory=lambda: DataOptions(validation=0.0, test=0.0))
    """Options for `data`; those of the run if it is the data of the run."""
    part: str | None = None
    ten_crop: bool = False


@dataclass(frozen=True)
class Evaluation:
    """Scores by name; `ensemble` is that of their mean. `difference` is the largest difference between two nets."""

    data: str
    part: str
    names: dict[str, tuple[str, ...]]
    """The names of the classes of each output."""
    scores: dict[str, Measured]
    ensemble: Measured | None
    warnings: tuple[Diagnostic, ...]
    difference: float = 0.0
    disagreements: int = 0
    """Number of examples for which the first two nets predict different classes."""

    @property
    def classes(self) -> tuple[str, ...]:
        """Those of the first output."""
        return next(iter(self.names.values()))

    def of_outputs(self) -> dict[str, Evaluation]:
        """The evaluation of each output by its name; "" for that of the only one."""
        final = self.final
        if final.outputs is None:
            return {"": self}
        return {
            name: replace(
                self,
                names={name: self.names[name]},
                scores={run: score.outputs[name] for run, score in self.scores.items() if score.outputs is not None},
                ensemble=None if self.ensemble is None else final.outputs[name],
            )
            for name in final.outputs
        }

    @property
    def final(self) -> Measured:
        return self.ensemble or next(iter(self.scores.values()))


class Onlooker:
    """Sees the batches of the first net while they are evaluated."""

    def begin(self, net: Net, examples: Examples, classes: Sequence[str], one_hot: bool) -> None:
        """Before the first batch. `one_hot`: whether the targets are one-hot classes."""

    def batch(self, indices: range, batch: Batch, given: Tensor, target: Tensor) -> None:
        """`given`: outputs as `trained.answers` has them; `target` in the format of the loss; both on the CPU."""


@dataclass(frozen=True)
class _Contestant:
    net: Net
    examples: Examples
    views: list[Inputs]


def evaluate(runs: Sequence[Trained], question: Question, onlooker: Onlooker | None = None) -> Evaluation:
    """The score of each run and, for several, of their mean. Raises SpecError."""
    kinds = {tuple((h.task, h.loss.word in OF_CLASSES, h.type) for h in run.plan.heads) for run in runs}
    if len(kinds) > 1 or len({r.plan.loss.word == "hinge" for r in runs}) > 1:
        raise SpecError.of(
            "NS604", "the outputs of these runs cannot be averaged",
            notes=[f"{run.name}: {run.plan.loss.word}, {run.plan.output.type.noun}" for run in runs],
        )  # fmt: skip
    opened = _Data(runs[0], question)
    contestants = [opened.contestant(run, question) for run in runs]
    names = _names(runs)
    return _measure(dict(zip(names, contestants, strict=True)), opened, together=len(runs) > 1, onlooker=onlooker)


def evaluate_exported(run: Trained, path: Path, question: Question, *, export: bool) -> Evaluation:
    """Evaluates the run and its ONNX model on the same examples; with `export` the model is written first. Raises SpecError."""
    if export:
        run.model.to_onnx(path, run.weights, classes=run.classes)
    onnx = OnnxNet.open(path, run.plan)
    opened = _Data(run, question)
    one = opened.contestant(run, question)
    other = _Contestant(onnx, one.examples, views(onnx, one.examples.shapes, ten_crop=question.ten_crop))
    return _measure({run.name: one, onnx.name: other}, opened, together=False)


def _names(runs: Sequence[Trained]) -> list[str]:
    """The names of the folders; full paths if two are the same."""
    names = [run.name for run in runs]
    return names if len(set(names)) == len(names) else [str(run.folder.path) for run in runs]


class _Data:
    """The examples for all contestants, opened for each net in its input format."""

    def __init__(self, first: Trained, question: Question) -> None:
        self.first = first
        self.own = question.data is None or _place(question.data) == first.request.data
        self.where = first.request.data if self.own else str(question.data)
        self.options = replace(
            first.request.options if self.own else question.options, workers=question.options.workers
        )  # fmt: skip
        self.part = question.part
        self.warnings: list[Diagnostic] = []
        self.held: list[tuple[Any, Collection]] = []
        self.targets: Any = None
        self.classes: dict[str, tuple[str, ...]] = {}
        self.one_hot: dict[str, bool] = {}

    def contestant(self, run: Trained, question: Question) -> _Contestant:
        collection = self._open(run)
        self._compare(run, collection)
        examples = self._choose(collection)
        return _Contestant(run, examples, views(run, examples.shapes, ten_crop=question.ten_crop))

    def _open(self, run: Trained) -> Collection:
        plan = run.plan
        key = (plan.wanted, plan.recipe.augment.get("crop"))
        for known, collection in self.held:
            if known == key:
                return collection
        opened = open_data(plan, Request(run.request.source, self.where, self.options))
        self.held.append((key, opened))
        return opened

    def _compare(self, run: Trained, collection: Collection) -> None:
        """Warnings about the data of a run."""
        recorded = run.info["data"]
        ours = replace(run.request.options, workers=self.options.workers)
        same_place = run.request.data == self.where
        if self.own and same_place and ours == self.options:
            if recorded.get("fingerprint") != collection.fingerprint:
                self._warn(
                    f"the data of {run.folder.path} has changed since training",
                    "it may have been trained on some of these examples",
                )
        elif self.own and (not same_place or replace(ours, fold=0, folds=0) != replace(self.options, fold=0, folds=0)):
            self._warn(
                f"{run.folder.path} was trained on different data or with a different split than {self.first.folder.path}",
                "it may have been trained on some of these examples",
            )
        for head in run.plan.heads:
            here, before = collection.names[head.name], run.names[head.name]
            if here != before and head.task in ("class", "sequence"):
                self._warn(
                    f"the class names of {self.where} differ from those of {run.folder.path}",
                    f"{_listed(here)} versus {_listed(before)}; classes are compared by index",
                )
        self.classes = self.classes or run.names

    def _warn(self, message: str, note: str) -> None:
        self.warnings.append(Diagnostic("NS606", "warning", message, notes=(note,)))

    def _choose(self, collection: Collection) -> Examples:
        """The requested split; by default the first one that exists. The same for every net."""
        import numpy as np

        parts = {"test": collection.test, "validation": collection.validation, "train": collection.train}
        wanted = self.part or next(
            (p for p in _PARTS if parts[p] is not None and (p != "train" or not self.own)), "test"
        )  # fmt: skip
        examples = parts[wanted]
        if examples is None:
            there = ", ".join(p for p in _PARTS if parts[p] is not None)
            raise SpecError.of(
                "NS601", f"{self.where} has no {wanted} examples", helps=[f"choose a different `--part`: {there}"]
            )
        self.part = wanted
        targets = examples.targets()
        if self.targets is not None and targets is not None and not np.array_equal(targets, self.targets):
            raise SpecError.of(
                "NS602", "these runs read the examples differently", helps=["evaluate them separately, or with the same `--data`"]
            )  # fmt: skip
        self.targets = targets
        heads = self.first.plan.heads
        self.one_hot = {h.name: h.task == "values" and is_one_hot(examples.targets(h.name)) for h in heads}
        return examples


def _place(where: str) -> str:
    path = Path(where)
    return str(path.resolve()) if path.exists() else where


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names[:5]) + (" …" if len(names) > 5 else "")


class _Tallies:
    """What is counted of the outputs of one net."""

    def __init__(self, plan: Plan, one_hot: Mapping[str, bool]) -> None:
        self.each = {head.name: Tally(head, one_hot=one_hot[head.name]) for head in plan.heads}
        self.heads = plan.heads

    def add(self, given: Sequence[Tensor], targets: Mapping[str, Tensor]) -> None:
        for head, output in zip(self.heads, given, strict=True):
            self.each[head.name].add(output, targets[head.name])

    def result(self) -> Measured:
        found = {name: tally.result() for name, tally in self.each.items()}
        first = found[self.heads[0].name]
        if len(found) == 1:
            return first
        return Measured(first.examples, sum(head.weight * found[head.name].loss for head in self.heads), outputs=found)


def _measure(
    contestants: dict[str, _Contestant], data: _Data, *, together: bool, onlooker: Onlooker | None = None
) -> Evaluation:
    nets = list(contestants.values())
    count = len(nets[0].examples)
    plan = [range(i, min(i + _BATCH, count)) for i in range(0, count, _BATCH)]
    tallies = {name: _Tallies(c.net.plan, data.one_hot) for name, c in contestants.items()}
    whole = _Tallies(nets[0].net.plan, data.one_hot) if together else None
    first = nets[0].net.plan.head
    names = {head.name: _class_names(head, data) for head in nets[0].net.plan.heads}
    onlooker = onlooker or Onlooker()
    onlooker.begin(nets[0].net, nets[0].examples, names[first.name], data.one_hot[first.name])
    difference, disagreements = 0.0, 0
    groups = zip(*(batches(c.examples, plan, data.options.workers) for c in nets), strict=True)
    for indices, group in zip(plan, groups, strict=True):
        given: list[list[Tensor]] = []
        targets: dict[str, Tensor] = {}
        for tally, contestant, batch in zip(tallies.values(), nets, group, strict=True):
            mean, targets = _answered(contestant, batch)
            given.append(mean)
            tally.add(mean, targets)
        onlooker.batch(indices, group[0], given[0][0], targets[first.name])
        announce(f"evaluated {indices.stop:,} of {count:,} examples")
        if whole is not None:
            whole.add(_means(given), targets)
        elif len(given) == 2:
            ours, theirs = given
            difference = max(difference, *(float((a - b).abs().max()) for a, b in zip(ours, theirs, strict=True)))
            if first.task == "class":
                axis = first.type.feature_axis
                disagreements += int((ours[0].argmax(axis) != theirs[0].argmax(axis)).sum())
    return Evaluation(
        data.where, str(data.part), names, {name: tally.result() for name, tally in tallies.items()},
        whole.result() if whole is not None else None, tuple(data.warnings), difference, disagreements,
    )  # fmt: skip


def _answered(contestant: _Contestant, batch: Batch) -> tuple[list[Tensor], dict[str, Tensor]]:
    """The answers of each output, averaged over the views of the examples, and the targets."""
    heads = contestant.net.plan.heads
    shown = [view.test_all(batch) for view in contestant.views]
    each = [
        [answers(head, output) for head, output in zip(heads, contestant.net.outputs(inputs), strict=True)]
        for inputs, _ in shown
    ]
    return _means(each), {name: target.cpu() for name, target in shown[0][1].items()}


def _means(each: Sequence[Sequence[Tensor]]) -> list[Tensor]:
    """Of each output, over several answers."""
    import torch

    return [torch.stack(list(outputs)).mean(0) for outputs in zip(*each, strict=True)]


def _class_names(head: Head, data: _Data) -> tuple[str, ...]:
    single = head.labels and head.type.features == 1
    return data.classes[head.name] or tuple(map(str, range(2 if single else head.type.features)))
