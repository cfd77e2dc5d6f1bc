"""netspec show"""

from __future__ import annotations

from importlib import import_module
from typing import Any

import click

__all__ = ["command"]

_VIEWS = {
    "filters": ("show_network", "The kernels of a layer, and whether they look smooth or noisy."),
    "receptive": ("show_network", "The receptive field of a unit: its box, and what it depends on by gradients."),
    "activations": ("show_image", "The feature maps of an image."),
    "saliency": ("show_image", "The pixels that the score of a class depends on."),
    "gradcam": ("show_image", "The region of an image that speaks for a class (Grad-CAM)."),
    "occlusion": ("show_image", "The fall of the score where a square of the image is covered."),
    "maximize": ("show_network", "An image that maximizes the score of a class or a unit."),
    "dream": ("show_image", "DeepDream: what a layer sees in an image, made stronger in it."),
    "boundary": ("show_data", "The decision regions of a network with two inputs."),
    "panel": ("show_data", "Images of the data with their five likeliest classes."),
    "worst": ("show_data", "The most confident mistakes."),
    "neighbors": ("show_features", "The examples nearest to an image in the last hidden layer."),
    "embedding": ("show_features", "The last hidden layer in two dimensions: PCA or t-SNE."),
    "top": ("show_features", "The examples that excite a unit most."),
}


class _Views(click.Group):
    """`show RUN filters` and `show filters RUN` are the same. Each view is imported when it is called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(_VIEWS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in _VIEWS:
            return None
        module = import_module(f"netspec.cli.{_VIEWS[cmd_name][0]}")
        command: click.Command = getattr(module, f"{cmd_name}_command")
        return command

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        place = _view_place(args)
        return super().parse_args(ctx, [args[place], *args[:place], *args[place + 1 :]] if place else args)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        from netspec.diagnostics import nearest

        if args and not args[0].startswith("-") and args[0] not in _VIEWS:
            near = next(filter(None, (nearest(word, _VIEWS) for word in args[1:2])), None)
            hint = f" Did you mean `{near}`?" if near else f" Views: {', '.join(_VIEWS)}."
            raise click.UsageError(f"`netspec show {' '.join(args[:2])}` names no view.{hint}", ctx)
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Views"):
            formatter.write_dl([(name, text) for name, (_, text) in _VIEWS.items()])


def _view_place(args: list[str]) -> int | None:
    """Where the name of the view is: after the spec and the values of its options."""
    places = [i for i, word in enumerate(args) if word in _VIEWS]
    sure = [i for i in places if not i or not args[i - 1].startswith("-")]
    return next(iter(sure or places), None)


@click.group("show", cls=_Views, subcommand_metavar="SPEC|RUN VIEW [ARGS]...")
def command(**wanted: Any) -> None:
    """Show what a network has learnt and what it looks at.

    Every view writes a picture (-o OUT.svg, .png or .pdf; default: its name with .svg) and, with more -o, its numbers (.npz,
    .npy, .json). `netspec show VIEW --help` has the options of a view.
    """
