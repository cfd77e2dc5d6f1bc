"""A run, trained again in memory for what it has not kept: its weights after every epoch.

Training is a function of the spec, the data and the seed, so that these are the weights that the run had; the last ones are compared
with those that it kept.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from netspec.announcing import announce
from netspec.training.checkpoint_files import read_weights
from netspec.training.comparison import read_metrics
from netspec.training.diagnosis import diverged
from netspec.training.engine import Diverged, Engine, Row, Watcher
from netspec.training.hardware import Hardware, launch
from netspec.training.pretraining import pretrain_layerwise
from netspec.training.session import build_engine, open_data
from netspec.training.trained import Trained

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["Retrained", "retrained"]


@dataclass(frozen=True)
class Retrained:
    """The weights by the number of epochs, from 0; `same`: the last ones are those of the run."""

    weights: Mapping[float, Mapping[str, Tensor]]
    same: bool


class _Recorder(Watcher):
    def __init__(self, engine: Engine, steps: int) -> None:
        self.found: dict[float, dict[str, Tensor]] = {0: _copied(engine)}
        self.steps = steps

    def epoch(self, engine: Engine, row: Row, *, best: bool) -> None:
        self.found[row.epoch] = _copied(engine)
        announce(f"trained again for {row.step:,} of {self.steps:,} updates")


def retrained(run: Trained) -> Retrained:
    """Trains as many updates as the run has, on the CPU. Raises SpecError (NS605 where it diverges, and errors of the data)."""
    import torch

    rows = read_metrics(run.folder)
    steps = rows[-1].step if rows else 0
    fabric: Any = launch(Hardware("cpu"), run.plan)
    engine = build_engine(run.model, run.plan, open_data(run.plan, run.request), fabric, run.request)
    for _ in pretrain_layerwise(engine):
        pass
    recorder = _Recorder(engine, steps)
    try:
        engine.fit(recorder, lambda: engine.at.step > steps)
    except Diverged as error:
        raise diverged(engine, error) from None
    kept = read_weights(run.folder.last) if run.folder.last.is_file() else {}
    last = recorder.found[max(recorder.found)]
    same = kept.keys() == last.keys() and all(torch.equal(kept[name], last[name]) for name in kept)
    return Retrained(recorder.found, same)


def _copied(engine: Engine) -> dict[str, Tensor]:
    return {name: value.detach().clone().cpu() for name, value in engine.weights().items()}
