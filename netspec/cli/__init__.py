"""The command line: one file per command, imported when the command runs."""

from __future__ import annotations

import gc
from importlib import import_module
from typing import Any

import click

from netspec.version import __version__

__all__ = ["main"]

_COMMANDS = {
    "check": "Check specs: shapes, parameters, MACs.",
    "table": "Show networks side by side, as in the tables of papers.",
    "compile": "Compile a spec to PyTorch or ONNX.",
    "diff": "Compare two specs, or two revisions of one, layer by layer.",
    "draw": "Draw a spec as a diagram.",
    "sizes": "Show which input sizes a spec takes.",
    "view": "Show specs beside their diagrams, in a page.",
    "explain": "Explain an error code such as NS301, with an example.",
    "fmt": "Format specs.",
    "sweep": "Tabulate a spec over a grid of parameters.",
    "solve": "Find parameters that keep a budget.",
    "run": "Run a spec or an ONNX model on an image or array.",
    "trace": "Show what every layer computes, gradients, and check them.",
    "show": "Show what a network has learnt and what it looks at.",
    "badge": "Write a badge with a figure of a spec, as SVG.",
    "bench": "Benchmark PyTorch, torch.compile and ONNX Runtime.",
    "data": "Check data, and pack it to be read fast.",
    "train": "Train a net by its recipe, on one or more machines.",
    "eval": "Evaluate runs: accuracy, confusion matrix, ensembles, ONNX.",
    "predict": "Predict on images, arrays, texts or tables with a trained run.",
    "report": "Write a page or a model card about a run.",
    "compare": "Compare runs and their settings.",
    "tune": "Search for hyperparameters with Optuna.",
    "weights": "Map checkpoints to the names of a spec.",
    "new": "Start a spec from an example.",
    "examples": "List the examples with their figures and papers.",
    "ops": "Show the layers, their options and formulas.",
    "library": "Show the blocks that `use <NAME>` brings in.",
}


class _Commands(click.Group):
    """Imports the module of a command only when the command is called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in _COMMANDS:
            return None
        gc.disable()  # what modules define stays: while they are imported, nothing is worth looking for
        try:
            command: click.Command = import_module(f"netspec.cli.{cmd_name}").command
        finally:
            gc.freeze()
            gc.enable()
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        from netspec.diagnostics import nearest

        if args and not args[0].startswith("-") and args[0] not in _COMMANDS:
            near = nearest(args[0], _COMMANDS)
            hint = f" Did you mean `{near}`?" if near else ""
            if args[0].endswith(".net"):
                hint = f" To check a spec: `netspec check {args[0]}`."
            raise click.UsageError(f"There is no command `{args[0]}`.{hint}", ctx)
        return super().resolve_command(ctx, args)

    def invoke(self, ctx: click.Context) -> Any:
        from netspec.cli.boundary import contained

        with contained():
            return super().invoke(ctx)

    def make_context(self, *args: Any, **extra: Any) -> click.Context:
        from netspec.cli.boundary import contained

        with contained():
            return super().make_context(*args, **extra)

    def main(self, *args: Any, **extra: Any) -> Any:
        from netspec.cli.boundary import prepare_streams

        prepare_streams()
        return super().main(*args, **extra)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(_COMMANDS.items()))


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name="netspec")
def main() -> None:
    """Check, compile, draw and train neural networks that are as short as the table in the paper.

    Exit codes: 0 success, 1 errors, 2 wrong usage.
    """
