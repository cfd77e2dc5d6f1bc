"""The command line: one file per command, each imported when it is called."""

from __future__ import annotations

from importlib import import_module
from typing import Any

import click

__all__ = ["main"]

_COMMANDS = {
    "check": "check a spec: shapes, parameters, MACs",
    "compile": "turn a spec into PyTorch or ONNX",
    "draw": "draw a spec as a diagram",
    "explain": "what a code such as NS301 means, with an example",
    "fmt": "bring specs into the canonical form",
    "run": "run a spec or an ONNX model on an image or an array",
    "bench": "time PyTorch, torch.compile and ONNX Runtime",
    "train": "train a net by its recipe, on one machine or several",
    "eval": "measure runs: accuracy, confusion, ensembles, ONNX",
    "predict": "what a run says of images or arrays",
    "compare": "runs side by side, and in what they differ",
    "tune": "search for settings and sizes with Optuna",
    "weights": "bring foreign checkpoints to a spec's names",
    "ops": "what each layer does, its options and formulas",
}


class _Commands(click.Group):
    """Loads a command's module only when that command is called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in _COMMANDS:
            return None
        command: click.Command = import_module(f"netspec.cli.{cmd_name}").command
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

    def main(self, *args: Any, **extra: Any) -> Any:
        from netspec.cli.boundary import prepare_streams

        prepare_streams()
        return super().main(*args, **extra)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(_COMMANDS.items()))


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="netspec", prog_name="netspec")
def main() -> None:
    """Neural networks as short as the table in the paper: checked, compiled, drawn and trained.

    Exit codes: 0 fine, 1 the spec has errors, 2 wrong usage.
    """
