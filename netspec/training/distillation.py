"""Distillation: the outputs of a trained network, the teacher, as targets beside the labels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from netspec.diagnostics import SpecError
from netspec.recipe import Chosen
from netspec.settings import LIKELIHOODS, OF_CLASSES
from netspec.training.beside import beside
from netspec.training.learner import logits_module, starting_weights
from netspec.training.plan import Plan
from netspec.training.request import Request

if TYPE_CHECKING:
    import torch
    from torch import Tensor

__all__ = ["Teacher", "open_teacher"]


@dataclass(frozen=True)
class Teacher:
    """A trained network, in evaluation mode, whose logits a network is trained to give."""

    path: Path
    plan: Plan
    module: torch.nn.Module
    classes: tuple[str, ...]
    """Empty where they have no names."""
    chosen: Chosen
    fabric: Any

    def guide(self, losses: Tensor, inputs: Sequence[Tensor], output: Tensor) -> Tensor:
        """(1 - weight) losses + weight distance, for each example; `output` are the logits of the student."""
        import torch

        with torch.no_grad(), self.fabric.autocast():
            given = self.module(*inputs).float()
        weight: float = self.chosen.values["weight"]
        axis = self.plan.output.type.feature_axis
        distance = self._distance(output.float().movedim(axis, 1), given.movedim(axis, 1))
        return (1 - weight) * losses + weight * distance.flatten(1).mean(1)

    def _distance(self, student: Tensor, teacher: Tensor) -> Tensor:
        """N x …, one value for each position, of logits N x classes x …

        hard: cross-entropy with the teacher's class (Touvron et al. 2021). soft: the Kullback-Leibler divergence of the
        probabilities at the temperature, times its square (Hinton et al. 2015)."""
        from torch.nn import functional as F

        if self.chosen.word == "hard":
            return F.cross_entropy(student, teacher.argmax(1), reduction="none").unsqueeze(1)
        heat: float = self.chosen.values["temperature"]
        mine, theirs = ((logits / heat).log_softmax(1) for logits in (student, teacher))
        return F.kl_div(mine, theirs, reduction="none", log_target=True).sum(1, keepdim=True) * heat**2

    def fingerprint(self) -> str:
        """Of the weights, so that a run is resumed with the same."""
        import hashlib

        found = hashlib.sha256()
        for name, value in self.module.state_dict().items():
            found.update(name.encode())
            found.update(value.detach().cpu().contiguous().flatten().view(_bytes()).numpy().tobytes())
        return found.hexdigest()[:16]


def _bytes() -> Any:
    import torch

    return torch.uint8


def open_teacher(plan: Plan, request: Request, classes: Sequence[str], fabric: Any) -> Teacher | None:
    """The teacher that the recipe asks for, on the device; None without `distill`. `classes` are those of the data.

    It is what the request names, else what the recipe names in the folder of the spec. Raises SpecError (NS004, NS604, and errors
    of the run or spec that it is).
    """
    chosen = plan.distill
    path = request.teacher
    if chosen is None:
        if path is not None:
            raise SpecError.of(
                "NS604", "a teacher is given, but the recipe has no `distill`", helps=["add `distill soft` to `train { … }`"]
            )  # fmt: skip
        return None
    if path is None:
        named = chosen.values["teacher"]
        if named is None:
            raise SpecError.of(
                "NS604", "`distill` has no teacher",
                helps=["name the folder of a run: `distill soft \"runs/teacher\"`, or `--teacher RUN`"],
            )  # fmt: skip
        path = beside(request.source, named, "--teacher RUN")
    theirs, module, names = _opened_spec(path) if path.suffix == ".net" else _opened_run(path)
    _compare(path, theirs, plan)
    if names and classes and names != tuple(classes):
        differing = ((mine, other) for mine, other in zip(classes, names, strict=False) if mine != other)
        mine, other = next(differing, (classes[-1], names[-1]))
        raise SpecError.of(
            "NS604", f"the classes of the teacher {path} are not those of the data",
            notes=[f"class {list(classes).index(mine)} is {mine} in the data, and {other} for the teacher"],
            helps=["use a teacher that was trained on the same classes in the same order"],
        )  # fmt: skip
    module.eval().requires_grad_(False).to(fabric.device)
    return Teacher(path.resolve(), theirs, module, names, chosen, fabric)


def _opened_run(path: Path) -> tuple[Plan, torch.nn.Module, tuple[str, ...]]:
    from netspec.training.trained import Trained

    run = Trained.open(path)
    return run.plan, run.module, run.classes


def _opened_spec(path: Path) -> tuple[Plan, torch.nn.Module, tuple[str, ...]]:
    """A spec whose recipe names its weights, all of them."""
    from netspec.model import load

    model = load(path)
    plan = Plan.of(model.graph)
    if plan.weights is None:
        raise SpecError.of(
            "NS604", f"the teacher {path} names no weights",
            helps=["write `weights \"teacher.safetensors\"` in its `train { … }`, or give the folder of a run"],
        )  # fmt: skip
    start = starting_weights(model, beside(model.source, plan.weights, "--teacher RUN"))
    module = logits_module(plan, model.to_torch())
    missing = module.load_state_dict(start.state, strict=False).missing_keys
    if missing:
        raise SpecError.of(
            "NS604", f"the weights of the teacher {path} are not complete", notes=[f"missing: {', '.join(missing[:4])}"]
        )
    return plan, module, ()


def _compare(path: Path, teacher: Plan, student: Plan) -> None:
    """Raises SpecError (NS604) where their outputs cannot be compared."""
    if len(student.heads) > 1 or len(teacher.heads) > 1:
        raise SpecError.of(
            "NS604", "`distill` compares a single output with that of the teacher, but there are several", helps=["remove `distill`"]
        )  # fmt: skip
    if student.task != "class" or student.loss.word not in LIKELIHOODS:
        raise SpecError.of(
            "NS604", f"`distill` compares the probabilities of classes, but the loss is `{student.loss.word}`",
            helps=["write `loss cross_entropy`, or remove `distill`"],
        )  # fmt: skip
    if teacher.loss.word not in (LIKELIHOODS if student.chosen("distill").word == "soft" else (*OF_CLASSES, "bce")):
        raise SpecError.of(
            "NS604", f"the teacher {path} was trained with `loss {teacher.loss.word}`, so it has no probabilities of classes",
            helps=["use a teacher that was trained with `loss cross_entropy`"],
        )  # fmt: skip
    mine, theirs = student.output.type, teacher.output.type
    if mine != theirs:
        raise SpecError.of(
            "NS604", f"the teacher outputs {theirs.noun}, but the net outputs {mine.noun}",
            notes=[f"the teacher is {path}"],
            helps=["both need one output for each class of the data"],
        )  # fmt: skip
    if list(student.inputs.values()) != list(teacher.inputs.values()):
        shown = [", ".join(kind.noun for kind in plan.inputs.values()) for plan in (teacher, student)]
        raise SpecError.of(
            "NS604", f"the teacher takes {shown[0]}, but the net takes {shown[1]}",
            notes=[f"the teacher is {path}"], helps=["both see the same examples"],
        )  # fmt: skip
