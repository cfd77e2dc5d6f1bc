"""The data of a run, opened for its net and its recipe."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from netspec.datasets import Collection, DataOptions, open_collection
from netspec.datasets.wanted import Wanted
from netspec.diagnostics import Diagnostic, SpecError
from netspec.diagnostics.facts import ClassCount
from netspec.graph import TensorType
from netspec.model import Checked
from netspec.training.plan import Plan
from netspec.training.request import Request

__all__ = ["OpenedData", "built_in_data", "cuts_randomly", "open_data", "wanted_data"]


def built_in_data(checked: Checked) -> str:
    """The data that the recipe names, else the digits."""
    recipe = checked.graph.recipe if checked.graph is not None else None
    line = recipe.one("data") if recipe is not None else None
    return line.word if line is not None else "digits"


class OpenedData:
    """The data of the last run, for the next one that asks for the same, such as the trials of a study."""

    def __init__(self) -> None:
        self.asked: Any = None
        self.collection: Collection | None = None

    def of(self, asked: Any, opened: Callable[[], Collection]) -> Collection:
        if self.collection is None or asked != self.asked:
            self.collection = None  # not both in memory
            self.asked, self.collection = asked, opened()
        return self.collection


def open_data(plan: Plan, request: Request, kept: OpenedData | None = None) -> Collection:
    """The examples of a request, checked against the net; `kept` holds those of the last one. Raises SpecError.

    For `augment { crop from=N }` the shorter side of images is scaled to N; for `crop` alone images are not scaled. Images of
    which a random resized crop is read are scaled only for testing.
    """
    asked = (request.data, *wanted_data(plan, request.options))
    try:
        return (kept or OpenedData()).of(asked, lambda: open_collection(*asked))
    except SpecError as error:
        raise SpecError(_with_parameter(d, plan.outputs_parameter) for d in error.diagnostics) from None


def wanted_data(plan: Plan, options: DataOptions) -> tuple[Wanted, DataOptions]:
    """What a net and its recipe need from data, and how it is read."""
    wanted = plan.wanted
    crop = plan.recipe.augment.get("crop")
    if crop is not None:
        side = crop.values["from"]
        options = replace(options, resize=options.resize or side is not None or cuts_randomly(plan), cut=side is None)
        if side is not None:
            goals = {
                head.name: replace(head.goal, output=_squared(head.type, side)) if plan.covers(head) else head.goal
                for head in plan.heads
            }
            wanted = replace(wanted, inputs={n: _squared(kind, side) for n, kind in wanted.inputs.items()}, goals=goals)
    return wanted, options


def cuts_randomly(plan: Plan) -> bool:
    """Whether a random part of each image is read in training."""
    crop = plan.recipe.augment.get("crop")
    return crop is not None and bool(crop.values["scale"] or crop.values["ratio"])


def _with_parameter(diagnostic: Diagnostic, parameter: str | None) -> Diagnostic:
    """For another number of classes: the parameter of the net that sets it."""
    if not isinstance(diagnostic.facts, ClassCount) or parameter is None:
        return diagnostic
    return replace(diagnostic, helps=(f"set the parameter of the net: `-D {parameter}={diagnostic.facts.count}`",))


def _squared(kind: TensorType, side: int) -> TensorType:
    return TensorType("map", (kind.features, side, side)) if kind.layout == "map" and kind.rank == 2 else kind
