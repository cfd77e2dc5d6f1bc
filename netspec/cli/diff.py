"""netspec diff"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from netspec.cli.figure_names import read_figures
from netspec.cli.output import color_wanted, columns, echo_json, echo_verbatim
from netspec.cli.specs import limit_option, read_limits, read_parameters, read_spec

if TYPE_CHECKING:
    from netspec.comparing import Diff

__all__ = ["command"]

_FORMATS = ("table", "json", "markdown")


@click.command("diff")
@click.argument("before", metavar="A")
@click.argument("after", metavar="[B]", required=False)
@click.option("-D", "both", metavar="NAME=VALUE", multiple=True, help="Set a parameter of both nets; can be repeated.")
@click.option("-A", "--before", "left", metavar="NAME=VALUE", multiple=True, help="Set a parameter of A only.")
@click.option("-B", "--after", "right", metavar="NAME=VALUE", multiple=True, help="Set a parameter of B only.")
@click.option(
    "--figures", metavar="NAMES", help="Totals to compare, separated by commas (see `netspec check --columns`)."
)
@click.option(
    "--format", "form", type=click.Choice(_FORMATS), default="table", help="Output format; Markdown is for reviews."
)
@click.option(
    "--all", "everything", is_flag=True, help="Show every layer, even if only the size of its tensors differs."
)
@limit_option
def command(
    before: str,
    after: str | None,
    both: tuple[str, ...],
    left: tuple[str, ...],
    right: tuple[str, ...],
    figures: str | None,
    form: str,
    everything: bool,
    limits: tuple[str, ...],
) -> None:
    """Compare two networks layer by layer: what was added, removed and changed, and what that costs.

    A and B are .net files, - for standard input, or files of a git revision, such as HEAD~1:net.net. Without B, A is
    compared with itself under other parameters: -A and -B, which come before -D. Exit codes: 0 equal, 1 different, 2 errors.
    """
    if after is None and not (left or right):
        raise click.UsageError(
            f"Give a second spec, or other parameters with -A or -B. For the last commit: HEAD:./{Path(before).name} {before}"
        )
    from netspec.cli.boundary import contained

    with contained(status=2):
        found = _found(before, after or before, (both, left, right), read_figures(figures), limits)
        if form == "json":
            echo_json(found.to_dict())
        elif form == "markdown":
            echo_verbatim(found.to_markdown(), nl=False)
        else:
            color = color_wanted(sys.stdout)
            lines = found.lines(columns=columns(sys.stdout), color=color, everything=everything)
            echo_verbatim("\n".join(lines), color=color)
    raise SystemExit(0 if found.equal else 1)


def _found(
    before: str, after: str, definitions: tuple[tuple[str, ...], ...], figures: tuple[str, ...], limits: tuple[str, ...]
) -> Diff:
    from netspec.analysis.difference import difference
    from netspec.comparing import Diff, side
    from netspec.elaborate import UnknownParameter
    from netspec.spec_source import path_or_revision

    bounds = read_limits(limits)
    both, left, right = map(read_parameters, definitions)
    sides = []
    for spec, own in ((before, left), (after, right)):
        try:
            source = read_spec(spec, bounds) if spec == "-" else path_or_revision(spec, bounds)
            sides.append(side(source, {**both, **own}, bounds))
        except UnknownParameter as unknown:
            raise click.UsageError(f"The net in {spec} has no parameter `{unknown.name}`; {unknown.help}.") from None
    (first, a), (second, b) = sides
    return Diff((first, second), difference(a.graph, b.graph, figures))
