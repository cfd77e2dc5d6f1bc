"""What a checked network shows of its inside, in Python: traces and checks of gradients."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from netspec.graph import Graph

if TYPE_CHECKING:
    from collections.abc import Sequence

    import torch

    from netspec.inside.gradient_check import GradientCheck
    from netspec.inside.look import Inside
    from netspec.inside.objective import ObjectiveFunction
    from netspec.inside.trace import Trace

__all__ = ["Inspected"]


class Inspected:
    """The methods of a model that run it."""

    graph: Graph

    def require_sizes(self) -> None:
        """Raises SpecError (NS307) where the spec leaves sizes open."""

    def trace(
        self,
        inputs: Any = None,
        *,
        weights: str | Path | Mapping[str, Any] | None = None,
        seed: int = 0,
        examples: int = 1,
        backward: bool = False,
        objective: ObjectiveFunction | None = None,
        training: bool = False,
    ) -> Trace:
        """The tensor of every layer, by its name, as in inference; with `backward` the gradients too. With `training`, dropout
        and noise are drawn from the seed, and batch norms use the statistics of the batch.

        `inputs` are arrays, numbers or paths by the name of the input, or one value for the only input; inputs that are not
        given are random, from the seed. An array is one example or a batch. `objective` is a function of the tensors
        by name, `lambda t: t["fc1"][0, 3]`, whose gradient is computed; by default the sum of the outputs.
        Raises SpecError where PyTorch is missing, or inputs or weights do not fit.
        """
        from netspec.inside.trace import trace

        self.require_sizes()
        return trace(
            self.graph, _pairs(inputs), weights=weights, seed=seed, examples=examples, backward=backward, objective=objective,
            training=training,
        )  # fmt: skip

    def inside(
        self,
        weights: str | Path | Mapping[str, Any] | None = None,
        *,
        seed: int = 0,
        classes: Sequence[str] = (),
    ) -> Inside:
        """The network with its weights, opened for looking: kernels, feature maps, what a class depends on.

        `weights` is a file, the folder of a run, or a mapping of arrays; `classes` are the names of the outputs.
        Raises SpecError where PyTorch is missing or the weights do not fit.
        """
        from netspec.inside.look import Inside

        self.require_sizes()
        return Inside(self.graph, weights, seed=seed, classes=classes)

    def check_gradients(
        self,
        inputs: Any = None,
        *,
        weights: str | Path | Mapping[str, Any] | None = None,
        seed: int = 0,
        examples: int = 2,
        step: float = 1e-4,
        values: int | None = None,
        objective: ObjectiveFunction | None = None,
        module: torch.nn.Module | None = None,
    ) -> GradientCheck:
        """Analytic gradients against centred finite differences in float64, for every parameter and input.

        `values` is how many values are checked (None: at most 1,000, fewer for large networks, at least one of each
        tensor). `module` is checked instead of the generated one: it has the same inputs and parameters, and is
        converted to float64. The other arguments are those of `trace`; the default objective is a weighted sum of the
        outputs. Raises SpecError as `trace` does, ValueError for a step that is not positive.
        """
        from netspec.inside.gradient_check import check_gradients

        self.require_sizes()
        if not 0 < step < 1:
            raise ValueError(f"the step is between 0 and 1, such as 1e-4, not {step}")
        return check_gradients(
            self.graph, _pairs(inputs), weights=weights, seed=seed, examples=examples, step=step, values=values,
            objective=objective, module=module,
        )  # fmt: skip


def _pairs(inputs: Any) -> list[tuple[str, Any]]:
    if inputs is None:
        return []
    named = inputs.items() if isinstance(inputs, Mapping) else [("", inputs)]
    return [(str(name), _plain(value)) for name, value in named]


def _plain(value: Any) -> Any:
    """Paths as `Path`, tensors as arrays."""
    if isinstance(value, (str, os.PathLike)):
        return Path(value)
    return value.detach().cpu().numpy() if hasattr(value, "detach") else value
