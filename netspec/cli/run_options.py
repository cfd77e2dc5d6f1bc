"""Options of the commands that open a run: its weights, and which part of its data."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import click

__all__ = ["part_option", "run_weights_option"]


def run_weights_option(parameter: str = "weights") -> Callable[[Any], Any]:
    kept = click.Choice(["best", "last"])
    text = "Weights of the run to use."
    return click.option("--weights", parameter, type=kept, default="best", show_default=True, help=text)


def part_option(text: str, default: str | None = None) -> Callable[[Any], Any]:
    parts = click.Choice(["test", "validation", "train"])
    return click.option("--part", type=parts, default=default, show_default=default is not None, help=text)
