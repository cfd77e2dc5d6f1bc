"""The loss of a recipe as something to differentiate: of one batch, for given targets, without penalties."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from netspec.analysis.in_place import source
from netspec.diagnostics import SpecError
from netspec.graph import Graph, Node
from netspec.inside.objective import Objective
from netspec.training.losses import loss_function
from netspec.training.plan import Plan

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["loss_objective", "needs_no_target"]


def needs_no_target(graph: Graph) -> bool:
    """Whether the input itself is the target."""
    return Plan(graph, graph.recipe or Plan.nothing()).task == "input"


def loss_objective(graph: Graph, target: Any) -> Objective:
    """The mean loss of the examples, of the output before the final softmax or sigmoid that the loss computes itself.

    `target` is a class, a list (one for each example), an array of the shape of the output, or the path of an `.npy`; one
    target is for all examples. Raises SpecError (NS503, NS604) where it does not fit.
    """
    plan = Plan(graph, graph.recipe or Plan.nothing())
    if len(graph.outputs) != 1:
        raise SpecError.of("NS604", f"a loss needs a single output, but the net has {len(graph.outputs)}")
    plan.require_classes()
    end = plan.output
    logits = graph.nodes[end.inputs[0]] if plan.head.squashed else end
    node = graph.nodes[source(graph, logits.index)]
    loss = loss_function(plan.loss, node.type.feature_axis)
    if plan.task in ("group", "sequence"):
        raise SpecError.of("NS604", f"the loss `{plan.loss.word}` has no target that is one class or one value")
    array = None if target is None else _target(plan, target)

    def each(tensors: Mapping[str, Tensor]) -> Tensor:
        output = tensors[node.name]
        return loss(output, tensors[graph.inputs[0][0]] if array is None else _for(plan, array, output))

    return Objective(f"the {plan.loss.word} loss", lambda tensors: each(tensors).mean(), each)


def _target(plan: Plan, target: Any) -> Any:
    import numpy as np

    if isinstance(target, Path):
        from netspec.reading.arrays import read_array

        array = read_array(target)
    else:
        array = np.asarray(target)
    if array.dtype.kind not in "biuf":
        raise SpecError.of("NS503", "the target does not hold numbers", notes=[f"it holds {array.dtype}"])
    if plan.task == "class":
        most = plan.output.type.features
        if array.dtype.kind == "f" or array.min() < 0 or array.max() >= most:
            raise SpecError.of("NS503", f"the target of `{plan.loss.word}` is a class from 0 to {most - 1}")
    return array


def _for(plan: Plan, array: Any, output: Tensor) -> Tensor:
    """The targets for a batch of outputs. Raises SpecError (NS503)."""
    import numpy as np
    import torch

    kind = plan.output.type
    one = _without_features(plan.output) if plan.task == "class" else kind.shape
    count = len(output)
    if array.shape in ((), one) or (array.ndim == 0 and not one):
        array = np.broadcast_to(array, (count, *one))
    elif array.shape == (count,) and plan.task != "class" and kind.size == 1:
        array = array.reshape(count, *one)
    if array.shape != (count, *one):
        found, wanted = ("x".join(map(str, s)) or "one number" for s in (array.shape, (count, *one)))
        raise SpecError.of("NS503", "the target does not fit the output", notes=[f"expected {wanted}, found {found}"])
    tensor = torch.from_numpy(np.array(array))
    return tensor.long() if plan.task == "class" else tensor.to(output.dtype)


def _without_features(node: Node) -> tuple[int, ...]:
    """The shape of the classes of one example: nothing, or one for each position."""
    shape, axis = node.type.shape, node.type.feature_axis - 1
    return (*shape[:axis], *shape[axis + 1 :])
