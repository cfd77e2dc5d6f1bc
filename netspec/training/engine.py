"""The training loop: the work of one process in every update, on Lightning Fabric.

No random state outlives an update: the order of the examples, their augmentation and the noise in the net are functions
of (seed, epoch, update). A killed run therefore resumes bit for bit from any checkpoint.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import nullcontext
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from netspec.datasets import Collection, batches
from netspec.training.chosen_metrics import Metrics
from netspec.training.compiling import Compiled, begin_replay, compiled_module, replayed
from netspec.training.endings import Diverged, Interrupted
from netspec.training.groups import Groups, make_optimizer
from netspec.training.inputs import Inputs
from netspec.training.judging import Judgment, judged, training_sums, weighted_losses
from netspec.training.learner import logits_module, moving_average, outputs_of
from netspec.training.loss_reading import LossReader
from netspec.training.losses import by_unit, divergence, max_norm_, penalty, summands
from netspec.training.plan import Plan
from netspec.training.prefetch import prefetched
from netspec.training.processes import Division, divided, take_buffers
from netspec.training.randomness import seed_update
from netspec.training.rows import Calendar, Progress, Row, progress_of, progress_values, row_values, rows_since_best
from netspec.training.sampling import (
    Piece,
    Share,
    order_of_an_epoch,
    order_of_evaluation,
    update_count,
    updates_of_an_epoch,
)
from netspec.training.schedules import Plateau, schedule
from netspec.training.scores import Score
from netspec.training.sharding import (
    gathered_state,
    gathered_weights,
    load_gathered_state,
    load_whole_weights,
    sharded,
    whole,
)
from netspec.training.watching import Watcher

if TYPE_CHECKING:
    import torch
    from torch import Tensor

    from netspec.datasets import Examples
    from netspec.training.distillation import Teacher
    from netspec.training.heads import Head
    from netspec.training.mixing import Mixed

__all__ = ["Diverged", "Engine", "Interrupted", "Row", "Watcher"]

_EVALUATED = 4096
"""The largest batch of an evaluation."""


class Engine:
    """A net, its data and its plan, ready to be trained.

    `fabric` is a launched Lightning Fabric. `module` is the spec's own module; the engine trains it in place.
    """

    teacher: Teacher | None = None
    """Whose outputs are targets too."""
    unrehearsed = False
    """Whether DDP has not yet arranged the gradients."""
    tell: Callable[[str], None]
    """Takes a note: before the start into `notes`, then to the user."""

    def __init__(
        self, plan: Plan, module: torch.nn.Module, collection: Collection, fabric: Any, inputs: Inputs,
        *, workers: int | None = 0, compiled: Compiled = False,
    ) -> None:  # fmt: skip
        import torch

        self.plan, self.collection, self.fabric, self.inputs = plan, collection, fabric, inputs
        self.workers = workers
        self.share = Share(fabric.global_rank, fabric.world_size, 2 if inputs.mixes else 1)
        self.module = logits_module(plan, module)
        self.device_type: str = fabric.device.type
        self.cuda, self.on_cpu = (self.device_type == kind for kind in ("cuda", "cpu"))
        self.division = Division()
        if fabric.world_size > 1:
            self.module = divided(self.module, self.division, plan, len(collection.train), fabric)
        self.groups = Groups.of(plan, self.module)
        split = sharded(fabric)
        images = any(t.layout == "map" and t.rank == 2 for t in plan.inputs.values())
        self.module.to(fabric.device)
        if self.cuda and images and not split:  # FSDP2 shards contiguous weights
            self.module.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        compilable, self.graphs = compiled_module(self.module, compiled), compiled == "graphs"
        self._set_up(compilable)
        self.alone = fabric.world_size == 1
        if self.alone and self.on_cpu and plan.precision in ("auto", "fp32"):
            # Fabric's wrappers would do nothing here, at a noticeable cost for small nets
            self.wrapped, self.stepper, self.backward = compilable, self.optimizer, _backward
        else:
            self.backward = fabric.backward
        self.forward = self.wrapped if split else compilable
        """The module for evaluation, without the DDP wrapper, which would wait for processes with fewer batches."""
        self.ema = moving_average(self.module, plan.recipe.one("ema"))
        self.parts = judged(plan, collection.train)
        self.judge = self.parts[0].judge
        self.metrics = Metrics(plan, self.parts, fabric.device, collection, shared=not split)
        self.decaying = list(self.groups.weights.values())
        self.units = by_unit(self.module, self.decaying)
        self.bounds = [line.values["bound"] for line in plan.penalties if line.word == "max_norm"]
        self.updates = update_count(len(collection.train), plan.batch, plan.accumulate)
        self.calendar = Calendar.of(plan, self.updates, len(collection.train))
        self.factor = schedule(plan.schedule, lr=plan.lr, epochs=plan.epochs, updates=self.updates)
        chosen = plan.schedule
        self.plateau = Plateau(chosen.values["factor"], chosen.values["patience"]) if chosen.word == "plateau" else None
        self.at = Progress()
        self.sums = training_sums(self.parts)
        self.loss_reader = LossReader(fabric)
        self.notes: list[str] = []
        """Notes on the start of the run, such as the origin of its weights."""
        self.replaced: set[str] = set()
        """Files that could not be decoded and were replaced by others."""

    def _set_up(self, module: Any) -> None:
        """The optimizer, and both in the wrappers of the strategy."""
        fabric, plan = self.fabric, self.plan
        if not sharded(fabric):
            self.optimizer = make_optimizer(plan, self.groups, fused=plan.precision != "fp16")
            self.wrapped, self.stepper = fabric.setup(module, self.optimizer)
            self.unrehearsed = fabric.world_size > 2  # the sum of two is the same in any order
            return
        self.wrapped = fabric.setup_module(module)
        self.groups = Groups.of(plan, self.module)  # sharding has replaced the parameters
        self.optimizer = make_optimizer(plan, self.groups, fused=False)
        self.stepper = fabric.setup_optimizers(self.optimizer)

    # The whole run

    def fit(self, watcher: Watcher, interrupted: Callable[[], bool] = lambda: False) -> bool:
        """Trains until the plan is complete, early stopping, or an interruption; returns whether it is complete.

        Raises Diverged, and SpecError of the data.
        """
        while not self.finished:
            if interrupted() or not self._epoch(watcher, interrupted):
                return False
        return True

    @property
    def finished(self) -> bool:
        patience = self.plan.patience
        return self.at.epoch >= self.plan.epochs or (patience is not None and self.at.waited >= patience)

    @property
    def lr(self) -> float:
        """The learning rate of the next update, before per-layer factors."""
        scale = self.plateau.scale if self.plateau is not None else 1.0
        return self.plan.lr * self.factor(self.at.step) * scale

    def _epoch(self, watcher: Watcher, interrupted: Callable[[], bool]) -> bool:
        at, train = self.at, self.collection.train
        order = order_of_an_epoch(
            len(train), seed=self.plan.seed, epoch=at.epoch, sampling=self.plan.sampling, targets=train.targets
        )
        plan = updates_of_an_epoch(order, self.plan.batch, self.plan.accumulate, share=self.share)
        left = plan[at.update :]
        first, each = at.step, self.plan.accumulate  # now: the stream is read ahead
        places = ((first + n) * each + m for n, pieces in enumerate(left) for m in range(len(pieces)))
        flat = [piece for pieces in left for piece in pieces]
        cuts = (self.inputs.cut(place, p.computed, p.total) for place, p in zip(places, flat, strict=True))
        stream = prefetched(batches(train, (piece.indices for piece in flat), self.workers, cuts), self.fabric.device)
        self._train_mode()
        self._report(watcher)  # where a run was stopped between an update and its evaluation
        for pieces in left:
            if self.finished:
                return True
            began = time.perf_counter()
            loss = self._update(pieces, stream)
            at.update += 1
            at.step += 1
            at.seconds += time.perf_counter() - began
            watcher.update(self, loss)
            if interrupted():
                self.loss_reader.read(at)
                return False
            self._report(watcher)
        at.epoch, at.update = at.epoch + 1, 0
        return True

    def _report(self, watcher: Watcher) -> None:
        """Evaluates and adds a row to the history, where it is time and not done yet."""
        at = self.at
        if not self.calendar.due(at.step) or (at.history and at.history[-1].step == at.step):
            return
        self.loss_reader.read(at)
        validation = self.evaluate(self.collection.validation) if self.collection.validation is not None else None
        before = at.history[-1].step if at.history else 0
        examples = self.calendar.examples(at.step) - self.calendar.examples(before)
        row = Row(self.calendar.epoch(at.step), at.step, at.lr, self.sums.score(self.fabric), validation, at.seconds, examples)  # fmt: skip
        at.history.append(row)
        best = at.best is None or row.score.rank > at.best
        at.best, at.waited = (row.score.rank, 0) if best else (at.best, at.waited + 1)
        if self.plan.stop_by is not None:
            at.waited = rows_since_best(at.history, self.plan.stop_by)
        if self.plateau is not None:
            self.plateau.see(row.score.value)
        at.seconds = 0.0
        self.sums = training_sums(self.parts)
        watcher.epoch(self, row, best=best)

    # One update

    def _train_mode(self) -> None:
        self.wrapped.train()
        self.groups.keep_frozen(self.module, self.at.epoch, alone=self.alone)

    def _update(self, pieces: list[Piece], stream: Iterator[Any]) -> float | None:
        plan, step = self.plan, self.at.step
        lr = self.at.lr = self.lr
        for group in self.optimizer.param_groups:
            group["lr"] = lr * group.get("factor", 1.0)
        again = plan.optimizer.word == "lbfgs"
        held: Any = [next(stream) for _ in pieces] if again or self.unrehearsed else stream
        if self.unrehearsed:
            self._rehearse(pieces, held, step)
        loss = None

        def closure() -> Tensor:
            nonlocal loss
            for parameter in self.groups.trained.values():
                parameter.grad = None
            total = self.gradients(pieces, held, step, count=loss is None)
            loss = total if loss is None else loss
            return total

        if again:
            self.stepper.step(closure)  # type: ignore[arg-type]
            assert loss is not None
            read = self.loss_reader.see(loss, pieces, self.at)
        else:
            read = self.loss_reader.see(closure(), pieces, self.at)
            self.groups.drop_gradients(self.at.epoch)
            if plan.clip is not None:
                self._clip(plan.clip)
            self.stepper.step()
        for bound in self.bounds:
            max_norm_(self.units, bound)
        if self.ema is not None and step % plan.optional("ema", "every") == 0:
            self.ema.update_parameters(self.module)
        return read

    def _rehearse(self, pieces: list[Piece], held: list[Any], step: int) -> None:
        """Two backward passes whose gradients are not used. After them DDP arranges gradients as they came, and so adds those of
        three or more processes in another order: a resumed run is to add in the order of one that went on."""
        self.unrehearsed = False
        before = [buffer.clone() for buffer in self.module.buffers()]
        for _ in range(2):
            self.gradients(pieces, held, step, count=False)
        for buffer, value in zip(self.module.buffers(), before, strict=True):
            buffer.copy_(value)

    def _clip(self, norm: float) -> None:
        if self.backward is _backward:
            from torch.nn.utils import clip_grad_norm_

            clip_grad_norm_(list(self.groups.trained.values()), norm)
        else:
            self.fabric.clip_gradients(self.wrapped, self.stepper, max_norm=norm, error_if_nonfinite=False)

    def gradients(self, pieces: list[Piece], held: Iterable[Any], step: int, *, count: bool = True) -> Tensor:
        """Forward and backward over the pieces of an update, whose batches are `held`; returns the mean loss over the share
        of this process, including penalties."""
        seed_update(self.plan.seed, step, self.device_type)
        if self.graphs:
            begin_replay()  # once for all pieces: their gradients add up in the memory of the graphs
        total = None
        for number, (piece, batch) in enumerate(zip(pieces, held, strict=False)):
            last = number == len(pieces) - 1
            with nullcontext() if self.alone else self.fabric.no_backward_sync(self.wrapped, enabled=not last):
                losses, counts, answers = self.losses(batch, piece, step * self.plan.accumulate + number)
                examples = losses.shape[0]
                share = piece.weight / examples * self.share.world
                extra = whole(penalty(self.plan.penalties, self.decaying)) if last else None
                self.backward(*summands(losses, share, extra))
            summed = losses.detach().sum()
            loss = summed * share if extra is None else summed * share + extra.detach()
            total = loss if total is None else total + loss
            if count and len(piece.rows):
                self.sums.add(summed, examples, counts, answers)
        assert total is not None
        return total

    def losses(self, batch: Any, piece: Piece, place: int) -> tuple[Tensor, Tensor | None, Any]:
        """The loss of each example, including auxiliary heads, and what is counted of the predictions (see Judge)."""
        self.division.rows, self.division.total = piece.rows, piece.total
        self.replaced.update(batch.replaced)
        inputs, targets, mixed = self.inputs.train(batch, place, piece.computed, piece.total)
        outputs = outputs_of(self.plan, self.wrapped(*inputs))
        losses = self.losses_of(outputs, inputs, targets, mixed)
        if len(self.parts) > 1:
            return losses, None, 0
        return losses, *self.judge(outputs[0][1], targets[self.plan.head.name])

    def losses_of(
        self, outputs: list[tuple[Head, Tensor]], inputs: Any, targets: dict[str, Tensor], mixed: dict[str, Mixed]
    ) -> Tensor:
        """The loss of each example, without penalties on weights."""
        losses = weighted_losses(outputs, self.parts, targets, mixed)
        if self.plan.divergence:
            losses = losses + self.plan.divergence * divergence(self.module)
        if self.teacher is not None:
            losses = self.teacher.guide(losses, inputs, outputs[0][1])
        return losses

    # Evaluation

    def evaluate(self, examples: Examples, interrupted: Callable[[], bool] = lambda: False) -> Score:
        """The mean loss (without auxiliary heads and penalties) and score over examples, over all processes.

        Raises Interrupted if `interrupted` returns true after a batch; several processes finish first.
        """
        import torch

        module = self.ema.module if self.ema is not None else self.forward
        was_training = self.wrapped.training
        if not self.alone and not self.plan.sync_bn:
            take_buffers(self.inferring)
        module.eval()
        judgment, inferred = Judgment(self.plan, self.parts), replayed(module) if self.graphs else module
        size = max(1, math.ceil(min(max(self.plan.batch, 64), _EVALUATED) / self.share.world))
        share = Share() if sharded(self.fabric) else self.share
        mine = order_of_evaluation(self.plan, len(examples))[share.rank :: share.world]
        plan = [mine[i : i + size] for i in range(0, len(mine), size)]
        with torch.no_grad(), self.fabric.autocast():
            for batch in prefetched(batches(examples, plan, self.workers), self.fabric.device):
                inputs, targets = self.inputs.test_all(batch)
                result = inferred(*inputs)
                judgment.add(result, targets)
                self.metrics.update(result, targets)
                if self.alone and interrupted():
                    raise Interrupted
        if was_training:
            self._train_mode()
        score = judgment.score(None if sharded(self.fabric) else self.fabric, self.metrics.values())
        return score if self.plan.best_by is None else replace(score, by=score.merit(self.plan.best_by))

    # State

    def state(self) -> dict[str, Any]:
        """Everything needed to resume the run. Every process takes part."""
        at = self.at
        module, optimizer = gathered_state(self.fabric, self.module, self.optimizer)
        return {
            "module": module,
            "optimizer": optimizer,
            "ema": self.ema.state_dict() if self.ema is not None else None,
            "scaler": self.fabric.strategy.precision.state_dict(),
            "plateau": [self.plateau.scale, self.plateau.best, self.plateau.waited] if self.plateau else None,
            "sums": self.sums.totals(self.fabric),
            "at": progress_values(at),
            "history": [row_values(row) for row in at.history],
            "high": self.loss_reader.high,
        }

    def load_state(self, state: dict[str, Any]) -> None:
        load_gathered_state(self.fabric, self.module, self.optimizer, state["module"], state["optimizer"])
        self.fabric.strategy.precision.load_state_dict(state["scaler"])
        if self.ema is not None:
            self.ema.load_state_dict(state["ema"])
        if self.plateau is not None:
            self.plateau.scale, self.plateau.best, self.plateau.waited = state["plateau"]
        self.sums = training_sums(self.parts, state["sums"] if self.share.rank == 0 else None)
        self.at = progress_of(state["at"], state["history"])
        self.loss_reader.high = state.get("high", 0)

    def weights(self) -> dict[str, Tensor]:
        """The state dict for inference: the moving average, if there is one."""
        return gathered_weights(self.fabric, self.inferring)

    def load_weights(self, weights: Mapping[str, Tensor]) -> None:
        """What `weights` gave; every process has it."""
        load_whole_weights(self.fabric, self.inferring, weights)

    @property
    def inferring(self) -> torch.nn.Module:
        """The module for inference: the moving average, if there is one."""
        module: torch.nn.Module = self.module if self.ema is None else self.ema.module
        return module


def _backward(summands: Tensor, weights: Tensor) -> None:
    summands.backward(weights)  # type: ignore[no-untyped-call]
