"""`netspec.prepare(…)`: the module and the recipe of a spec, for a training loop of one's own."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from netspec.datasets import Examples, batches
from netspec.diagnostics import SpecError
from netspec.model import Model, check
from netspec.spec_source import Spec
from netspec.training.engine import Engine
from netspec.training.hardware import Hardware, launch
from netspec.training.learner import outputs_of
from netspec.training.losses import penalty
from netspec.training.mixing import Mixed
from netspec.training.plan import Plan
from netspec.training.prefetch import prefetched
from netspec.training.randomness import seed_update
from netspec.training.request import Request
from netspec.training.run_data import built_in_data, open_data
from netspec.training.sampling import order_of_an_epoch, updates_of_an_epoch
from netspec.training.session import build_engine
from netspec.training.started_run import data_options, spec_text

if TYPE_CHECKING:
    import torch
    from torch import Tensor

__all__ = ["Prepared", "prepare"]


class Prepared:
    """What `netspec train` trains with, on one device: initial weights, batches as they are drawn and augmented, loss, optimizer
    and schedule. The loop is yours; see docs/python.md."""

    def __init__(self, engine: Engine) -> None:
        import torch

        self._engine, self._plan = engine, engine.plan
        self.module: torch.nn.Module = engine.module
        """The module, which outputs logits where the spec ends in the softmax or sigmoid of its loss."""
        self.optimizer: torch.optim.Optimizer = engine.optimizer
        self.scheduler = torch.optim.lr_scheduler.LambdaLR(self.optimizer, engine.factor)
        """The schedule of the recipe, to be stepped after every update."""
        self.epochs, self.updates = engine.plan.epochs, engine.updates
        """The epochs of the recipe, and the batches of each."""
        self._step = 0
        self._inputs: Any = ()
        self.module.register_forward_pre_hook(self._before)

    def _before(self, module: torch.nn.Module, inputs: Any) -> None:
        """Seeds what is drawn in a forward pass, such as dropout, by the number of the update, and keeps its inputs for a
        teacher."""
        if module.training:
            seed_update(self._plan.seed, self._step, self._engine.fabric.device.type)
            self._step, self._inputs = self._step + 1, inputs

    def batches(self, epoch: int) -> Iterator[tuple[list[Tensor], Any]]:
        """The batches of an epoch, counted from 0: inputs in the order of the spec, and the target for `loss`, with several outputs a dict by
        their names. Puts the module in
        training mode."""
        engine, plan = self._engine, self._plan
        train = engine.collection.train
        order = order_of_an_epoch(
            len(train), seed=plan.seed, epoch=epoch, sampling=plan.sampling, targets=train.targets
        )
        pieces = [piece for one in updates_of_an_epoch(order, plan.batch, 1, share=engine.share) for piece in one]
        first = self._step = epoch * len(pieces)
        cuts = (engine.inputs.cut(first + n, piece.rows, piece.total) for n, piece in enumerate(pieces))
        plain = batches(train, (piece.indices for piece in pieces), engine.workers, cuts)
        stream = prefetched(plain, engine.fabric.device)
        self.module.train()
        engine.groups.keep_frozen(self.module, epoch, alone=engine.alone)
        for step, (piece, batch) in enumerate(zip(pieces, stream, strict=True), start=first):
            inputs, targets, mixed = engine.inputs.train(batch, step, piece.rows, piece.total)
            pairs = {name: (one.target, one.other, one.share) for name, one in mixed.items()}
            yield inputs, self._of_outputs(targets | pairs)

    def loss(self, output: Any, target: Any) -> Tensor:
        """The mean loss of a batch in training: with auxiliary heads, mixed targets, a teacher, and the penalties of `regularize`."""
        targets = dict(target) if len(self._plan.heads) > 1 else {self._plan.head.name: target}
        mixed = {name: Mixed(*one) for name, one in targets.items() if isinstance(one, (tuple, list))}
        targets |= {name: one.target for name, one in mixed.items()}
        losses = self._engine.losses_of(outputs_of(self._plan, output), self._inputs, targets, mixed)
        extra = penalty(self._plan.penalties, self._engine.decaying)
        return losses.mean() if extra is None else losses.mean() + extra

    def _of_outputs(self, targets: dict[str, Any]) -> Any:
        """The target of the only output, or those of several by their names."""
        return targets if len(self._plan.heads) > 1 else targets[self._plan.head.name]

    def validation(self) -> Iterator[tuple[list[Tensor], Any]]:
        """The batches of the validation examples, not augmented. Puts the module in evaluation mode."""
        return self._held_out(self._engine.collection.validation)

    def test(self) -> Iterator[tuple[list[Tensor], Any]]:
        """The batches of the test examples."""
        return self._held_out(self._engine.collection.test)

    def _held_out(self, examples: Examples | None) -> Iterator[tuple[list[Tensor], Any]]:
        self.module.eval()
        count = len(examples) if examples is not None else 0
        plan = [range(i, min(i + self._plan.batch, count)) for i in range(0, count, self._plan.batch)]
        if examples is not None:
            for batch in prefetched(batches(examples, plan, self._engine.workers), self._engine.fabric.device):
                inputs, targets = self._engine.inputs.test_all(batch)
                yield inputs, self._of_outputs(targets)


def prepare(
    spec: Spec | Model, data: str | Path | None = None, *, settings: Mapping[str, Any] | None = None, weights: str | Path | None = None,
    accelerator: str = "auto", **options: Any,
) -> Prepared:  # fmt: skip
    """The module and the recipe of a spec with its data, for a loop of one's own; arguments as of `netspec.train`.

    Warns of settings that are part of the loop of `netspec train` and are left to yours. Raises SpecError, NS604 for
    `optimizer lbfgs`, whose loop is another one.
    """
    source = spec_text(spec, settings or {})
    checked = check(source).lenient()
    model = checked.model()
    plan = Plan.of(model.graph)
    if plan.optimizer.word == "lbfgs":
        raise SpecError.of(
            "NS604",
            "`optimizer lbfgs` computes the loss several times in an update",
            helps=["train with `netspec.train`"],
        )
    where = str(data) if data is not None else built_in_data(checked)
    request = Request(
        source,
        where,
        data_options(options),
        Hardware(accelerator, compiled=False),
        Path(weights) if weights is not None else None,
    )
    fabric = launch(request.hardware, plan)
    engine = build_engine(model, plan, open_data(plan, request), fabric, request)
    if left := _left(plan):
        warnings.warn(f"the loop is to carry out itself, if at all: {', '.join(left)}", stacklevel=2)
    return Prepared(engine)


def _left(plan: Plan) -> list[str]:
    """Settings that are part of the loop."""
    asked = {
        "accumulate": plan.accumulate > 1,
        "best": plan.best_by is not None,
        "clip": plan.clip is not None,
        "ema": plan.ema is not None,
        "pretrain": plan.pretrain_epochs is not None,
        "precision": plan.precision in ("bf16", "fp16"),
        "regularize max_norm": any(line.word == "max_norm" for line in plan.penalties),
        "schedule plateau": plan.schedule.word == "plateau",
        "stop": plan.patience is not None,
        "validate": plan.validate != (1, "epoch"),
    }
    return [f"`{name}`" for name, given in asked.items() if given]
