"""Gradual unfreezing: from which epoch each layer is trained."""

from __future__ import annotations

from netspec.analysis.frozen import frozen_nodes, labeled, unfrozen_backward
from netspec.diagnostics import SpecError
from netspec.training.plan import Plan

__all__ = ["first_epochs"]


def first_epochs(plan: Plan) -> dict[int, int]:
    """The number of epochs before a layer is trained, by its index, where it is not trained from the start. Raises SpecError
    (NS604) where `freeze` or `train_only` freezes it for ever, or where nothing is left to train at first."""
    graph = plan.graph
    found: dict[int, int] = {}
    for line in plan.unfreezing:
        for label in line.labels:
            found |= dict.fromkeys((node.index for node in labeled(graph, label)), line.values["at"])
    if clash := sorted(found.keys() & frozen_nodes(graph, plan.recipe)):
        raise SpecError.of(
            "NS604", f"`unfreeze` names the layer `{graph.nodes[clash[0]].name}`, which is frozen for the whole run",
            helps=["keep it in one of the two lines: `freeze`, or `unfreeze` (layers are frozen until then)"],
        )  # fmt: skip
    if plan.unfreeze_backward is not None:
        found = unfrozen_backward(graph, plan.unfreeze_backward)
    return {index: epoch for index, epoch in found.items() if epoch}
