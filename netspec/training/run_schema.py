"""What `run.json` and a checkpoint hold, checked where they are read."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

__all__ = ["CheckpointState", "RunInfo", "StoredReview", "complaint"]


class _Stored(BaseModel):
    """Fields of later versions are left alone."""

    model_config = ConfigDict(strict=True, extra="allow", defer_build=True)


class StoredScore(_Stored):
    loss: float
    accuracy: float | None = None
    r2: float | None = None
    labels: list[float] = []


class StoredResult(_Stored):
    finished: bool
    best_epoch: float | None = None
    validation: StoredScore | None = None
    test: StoredScore | None = None
    advice: str | None = None


class StoredOptions(_Stored):
    """The fields of DataOptions."""

    validation: float = Field(0.1, ge=0, lt=1)
    test: float | None = Field(None, ge=0, lt=1)
    folds: int = Field(0, ge=0)
    fold: int = Field(0, ge=0)
    resize: bool = False
    workers: int | None = Field(None, ge=0)
    corrupt: Literal["stop", "skip"] = "stop"
    pixels: int | None = Field(None, ge=1)
    cut: bool = False
    size: int | None = Field(None, ge=1)


class StoredData(_Stored):
    where: str
    options: StoredOptions = Field(default_factory=lambda: StoredOptions.model_validate({}))
    classes: list[str] = []
    outputs: dict[str, list[str]] = {}
    counts: dict[str, int] = {}
    fingerprint: str | None = None
    skipped: list[str] = []
    sample_rate: int | None = Field(None, ge=1)


_Picture = Annotated[str, Field(pattern=r"^data:image/png;base64,[A-Za-z0-9+/=]*$")]


class StoredMistake(BaseModel):
    """The fields of Mistake."""

    model_config = ConfigDict(extra="forbid", defer_build=True)

    index: int
    name: str
    loss: float | None
    truth: str
    predicted: str
    classes: tuple[int, int] | None
    confidence: float | None
    of_truth: float | None
    share: float | None
    picture: _Picture | None
    output: _Picture | None
    values: str


class StoredReview(BaseModel):
    """What `review.json` holds: the result of `netspec.training.review.reviewed`."""

    model_config = ConfigDict(extra="forbid", defer_build=True)

    state: list[float | None] | None
    part: str
    data: str
    kind: Literal["classes", "positions", "labels", "values", "input"]
    examples: int
    wrong: int
    scores: dict[str, float]
    classes: list[str]
    confusion: list[list[int]] | None
    confused: list[tuple[int, int, int]]
    labels: list[tuple[int, int, int, int]]
    mistakes: list[StoredMistake]
    warnings: list[str]


class StoredTeacher(_Stored):
    where: str
    fingerprint: str


class RunInfo(_Stored):
    data: StoredData
    task: str = "class"
    save_every: float = Field(30.0, ge=0, allow_inf_nan=False)
    save_updates: int | None = Field(None, ge=1)
    test: bool = True
    give_up: int | None = Field(None, ge=1)
    teacher: StoredTeacher | None = None
    track: dict[Literal["mlflow", "wandb"], str] = {}
    """The ids of the run in trackers."""
    environment: dict[str, Any] | None = None
    result: StoredResult | None = None


_Score = list[float | list[tuple[str, float]] | None]
_Rows = list[tuple[int | float, int, float, _Score | None, _Score | None, float, int]]


class CheckpointState(BaseModel):
    """The state of an engine. Tensors are compared with the net where they are loaded."""

    model_config = ConfigDict(extra="allow", defer_build=True)

    module: dict[str, Any]
    optimizer: dict[str, Any]
    ema: dict[str, Any] | None
    scaler: dict[str, Any]
    plateau: tuple[float, float | None, int] | None
    sums: list[float] = Field(min_length=3)
    at: tuple[int, int, int, float, float, tuple[float, float] | None, int, float | None]
    history: _Rows
    high: int = Field(0, ge=0)


def complaint(error: ValidationError) -> str:
    """The first thing that is wrong, and where."""
    first = error.errors(include_url=False, include_input=False)[0]
    return f"`{'.'.join(map(str, first['loc']))}`: {first['msg'][:1].lower()}{first['msg'][1:]}"[:200]
