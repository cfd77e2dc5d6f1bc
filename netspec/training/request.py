"""What is asked of a run."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from netspec.datasets import DataOptions
from netspec.source import SourceFile
from netspec.training.hardware import Hardware

__all__ = ["Request"]


@dataclass(frozen=True)
class Request:
    """What to train, on which data and hardware. `source` is the resolved spec."""

    source: SourceFile
    data: str
    options: DataOptions = field(default_factory=DataOptions)
    hardware: Hardware = field(default_factory=Hardware)
    weights: Path | None = None
    """Initial weights, overriding those of the recipe."""
    save_every: float = 30.0
    """Seconds between checkpoints."""
    save_updates: int | None = None
    """Updates between checkpoints, in place of seconds."""
    test: bool = True
    """Whether to evaluate the best weights on the test examples at the end."""
    give_up: int | None = None
    """Stop after so many updates in a row above three times the first loss."""
    teacher: Path | None = None
    """The run or spec for `distill`, overriding that of the recipe."""
    track: tuple[str, ...] = ()
    """Names of trackers (see TRACKERS) that the run is written to."""
