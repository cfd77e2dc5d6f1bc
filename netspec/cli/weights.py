"""netspec weights"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click

from netspec.cli.output import echo
from netspec.cli.specs import checked_model, limit_option, parameter_option

__all__ = ["command"]


@click.group("weights")
def command() -> None:
    """Work with weights: `map` renames the tensors of a checkpoint to the names of a spec."""


@command.command("map")
@click.argument("file", metavar="SPEC")
@click.argument("checkpoint", metavar="CHECKPOINT", type=click.Path(path_type=Path))
@click.option(
    "-o", "output", metavar="OUT", type=click.Path(path_type=Path), help="Write the weights to this safetensors file."
)
@click.option(
    "--partial",
    is_flag=True,
    help="Leave out what does not match, such as a head for other classes: these tensors get initial weights.",
)
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True, help="Seed of initial weights.")
@click.option("--show", is_flag=True, help="Print the match of every tensor.")
@parameter_option
@limit_option
def map_command(
    file: str,
    checkpoint: Path,
    output: Path | None,
    partial: bool,
    seed: int,
    show: bool,
    definitions: tuple[str, ...],
    limits: tuple[str, ...],
) -> None:
    """Match every tensor of CHECKPOINT (safetensors, a torch state dict, or a run's folder) with a tensor of SPEC.

    Tensors are matched by name, then by order and shape. If any tensor is left unmatched, it is reported, nothing is
    written, and the exit code is 1, except with --partial if anything matches.
    """
    model: Any = checked_model(file, definitions, limits)
    from netspec.reading.state_dicts import read_state
    from netspec.weights.mapping import match

    tensors = read_state(checkpoint)
    found = match(model.graph, tensors.shapes)
    if show:
        width = max(map(len, found.sources), default=0)
        for name, source in found.sources.items():
            echo(f"{name:<{width}}  {source}")
    echo(f"{len(found.sources)} tensors matched: {found.by_name} by name, {found.by_order} by order and shape")
    missing = "initial weights:" if partial else "missing tensor:"
    for what, names in ((missing, found.missing), ("unmatched tensor:", found.left_over)):
        for name in names:
            echo(f"{what} {name}", err=True)
    done = found.complete or (partial and bool(found.sources))
    if output is not None and done:
        _write(model, tensors, found.sources, output, seed if partial else None)
    sys.exit(0 if done else 1)


def _write(model: Any, tensors: Any, sources: dict[str, str], output: Path, seed: int | None) -> None:
    """The tensors of the checkpoint under the names of the spec; with a seed, initial weights for the others."""
    import numpy as np
    from safetensors.numpy import save

    from netspec.files import atomic_write
    from netspec.weights import initial_weights, state_entries
    from netspec.weights.stored import as_param

    arrays = {} if seed is None else {name: np.array(array) for name, array in initial_weights(model.graph, seed)}
    for name, _, param in state_entries(model.graph):
        if name in sources:
            array = as_param(tensors[sources[name]], sources[name], param, tensors.where)
            arrays[name] = np.array(array.reshape(param.shape), order="C")  # keeps scalars scalar
    with atomic_write(output) as file:
        file.write(save(arrays))
    echo(f"{output}: {len(arrays)} tensors, {sum(a.nbytes for a in arrays.values()) / 1e6:,.1f} MB")
