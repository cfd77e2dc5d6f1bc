"""How a run has learnt: its decision regions after every epoch."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from netspec.inside.decision_regions import boundary
from netspec.inside.look import Inside
from netspec.inside.view import View
from netspec.training.retrained import retrained
from netspec.training.run_views import RunExamples, labelled_points

if TYPE_CHECKING:
    from netspec.scene.figure import Figure

__all__ = ["learning"]

_MOST = 60
"""Frames of an animation; of more epochs, evenly spaced ones."""


def learning(held: RunExamples) -> View:
    """The decision regions after every epoch, with the points of a part of the data: the run is trained again from its seed, and
    the words say whether that gave the weights of the run. Raises SpecError (NS503)."""
    import numpy as np

    run = held.run
    points, labels = labelled_points(held)
    graph = run.model.graph
    boundary(Inside(graph, run.weights), points, labels)  # before a training: whether the network has decision regions
    again = retrained(run)
    epochs = sorted(again.weights)
    last, many = epochs[-1], len(epochs) - 1
    frames_of = min(_MOST, many) or 1
    shown = [epochs[place] for place in sorted({round(i * many / frames_of) for i in range(frames_of + 1)})]
    views = [
        boundary(Inside(graph, again.weights[epoch], classes=run.classes), points, labels, f", epoch {epoch} of {last}")
        for epoch in shown
    ]
    agrees = "are" if again.same else "differ from"
    why = (
        ""
        if again.same
        else ": it was trained on another machine, with another number of threads, or from a file of weights"
    )
    lines = [f"the run was trained again for {last} epochs; its last weights {agrees} those of the run{why}"]
    counts = [view.data.get("correct") for view in views]
    lines += [
        f"epoch {epoch}: {count} of {len(points)} points are in the region of their class"
        for epoch, count in zip(shown, counts, strict=True)
    ]
    data: dict[str, Any] = {"epochs": shown, "correct": counts, "points": len(points), "same_weights": again.same}
    arrays = {name: np.stack([view.arrays[name] for view in views]) for name in ("classes", "confidence")}
    arrays |= {name: views[0].arrays[name] for name in ("x", "y", "points", "labels")} | {"epochs": np.array(shown)}

    def frames() -> list[Figure]:
        return [view.drawn() for view in views]

    return View("boundary", "\n".join(lines), data, arrays, views[-1].drawn, frames)
