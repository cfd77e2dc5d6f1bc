"""`netspec.train(…)`: what `netspec train` does, from Python."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from netspec.datasets import DataOptions
from netspec.elaborate.limits import Limits
from netspec.model import Model, check
from netspec.source import SourceFile
from netspec.spec_source import Spec, source_of
from netspec.training.callbacks import Callback, Calling, Watchers
from netspec.training.compiling import Compiled
from netspec.training.continuation import request_of
from netspec.training.hardware import Hardware
from netspec.training.progress import Reporter
from netspec.training.resolve import Override, resolved
from netspec.training.run_data import built_in_data
from netspec.training.run_folder import RunFolder, new_run_path
from netspec.training.session import Outcome, Request
from netspec.training.session import train as train_request
from netspec.training.trackers import TRACKERS, tracking
from netspec.values import show as shown

__all__ = ["data_options", "spec_text", "train"]


def train(
    spec: Spec | Model,
    data: str | Path | None = None,
    *,
    folder: str | Path | None = None,
    resume: bool = False,
    callbacks: Sequence[Callback] = (),
    settings: Mapping[str, Any] | None = None,
    weights: str | Path | None = None,
    track: str | Sequence[str] = (),
    accelerator: str = "auto",
    devices: int = 1,
    strategy: str = "auto",
    compiled: Compiled | None = None,
    test: bool = True,
    show: bool = True,
    **options: Any,
) -> Outcome:
    """Trains a network by its recipe, as `netspec train` does, and returns its Outcome: `.path`, `.best`, `.test`, `.finished`.

    `data` is that of `--data`, by default that of the recipe or the digits. `settings` override the recipe, by the names of `--set`:
    `{"epochs": 3, "optimizer.lr": 0.1}`. With `resume=True` the run of `folder` goes on, if there is one. `options` are those of the
    data: validation, test_share, resize, workers, corrupt, size. `compiled="graphs"` is `--cuda-graphs`. `show` prints a line for every epoch. Raises SpecError as
    the command reports errors, ValueError for an unknown setting, TypeError for an unknown option.
    """
    from rich.console import Console

    calling = Calling(callbacks)
    trackers = (track,) if isinstance(track, str) else tuple(track)
    if unknown := set(trackers) - set(TRACKERS):
        raise ValueError(f"no tracker {min(unknown)}; there are {', '.join(TRACKERS)}")
    if resume and folder is None:
        raise ValueError("resume=True needs the folder of the run")
    source = spec_text(spec, settings or {})
    hardware = Hardware(accelerator, devices, strategy=strategy, compiled=compiled)
    run = RunFolder(Path(folder) if folder is not None else new_run_path(source.path))
    request = Request(
        source, str(data) if data is not None else built_in_data(check(source)), data_options(options), hardware,
        Path(weights) if weights is not None else None, test=test, track=trackers,
    )  # fmt: skip
    again = resume and run.exists
    if again:
        held = request_of(run, hardware, workers=request.options.workers, asked=request)
        request = replace(held, track=(*held.track, *request.track))
    with Reporter(Console(quiet=not show, highlight=False)) as reporter, tracking(request.track, reporter) as watcher:
        return train_request(request, run, Watchers([watcher, calling]), resume=again)


def spec_text(spec: Spec | Model, settings: Mapping[str, Any]) -> SourceFile:
    """The text of a spec with the parameters of a model and the settings in it. Raises SpecError, ValueError."""
    given: dict[str, str] = {}
    if isinstance(spec, Model):
        source, values = spec.source, spec.graph.parameters
        written = check(source).graph
        before = written.parameters if written is not None else {}
        given = {name: _text(value) for name, value in values.items() if before.get(name) != value}
    else:
        source = source_of(spec, Limits())
    texts = {name: value if isinstance(value, str) else _text(value) for name, value in settings.items()}
    return resolved(source, given, [Override.of(f"{name}={text}") for name, text in texts.items()])


def _text(value: Any) -> str:
    """A value as the language writes it, with all digits."""
    return repr(value) if isinstance(value, float) else shown(value)


def data_options(options: Mapping[str, Any]) -> DataOptions:
    known = ("validation", "test_share", "resize", "workers", "corrupt", "size")
    if unknown := set(options) - set(known):
        raise TypeError(f"there is no option {min(unknown)}; those of the data are {', '.join(known)}")
    return DataOptions(**{"test" if name == "test_share" else name: value for name, value in options.items()})
