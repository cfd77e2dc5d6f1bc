"""What a recipe plans for after the last update of a run; how many updates there are is known only with the data.

For plans in epochs, `netspec check` says it.
"""

from __future__ import annotations

from collections.abc import Iterator

from netspec.training.plan import Plan

__all__ = ["after_the_last_update"]


def after_the_last_update(plan: Plan, last: int) -> list[str]:
    """What is counted in updates and comes later than the last of them, as notes."""
    return [f"{what}, but training ends after {last:,}" for at, what in _counted_in_updates(plan) if at >= last]


def _counted_in_updates(plan: Plan) -> Iterator[tuple[int, str]]:
    """Numbers of updates, and what the recipe plans for after so many."""
    values = plan.schedule.values
    warmup = values["warmup_steps"]
    if warmup:
        yield warmup, f"the warmup takes {warmup:,} updates"
    if values.get("unit") == "step":
        start = 0 if values["warmup_over"] else warmup
        after = " after the warmup" if start else ""
        at = max(values.get("at", ()), default=values.get("every"))
        if at is not None and plan.schedule.word == "cosine_restarts":
            yield start + at, f"the first cycle of the schedule takes {at:,} updates{after}"
        elif at is not None:
            yield start + at, f"the schedule changes the learning rate at {at:,} updates{after}"
    every, unit = plan.validate
    if unit == "step":
        yield every - 1, f"the net is evaluated every {every:,} updates"
    averaged = plan.optional("ema", "every") or 1
    if averaged > 1:
        yield averaged, f"`ema` averages the weights every {averaged:,} updates"
