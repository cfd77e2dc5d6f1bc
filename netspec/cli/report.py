"""netspec report"""

from __future__ import annotations

from pathlib import Path

import click

from netspec.cli.output import echo, progress_shown
from netspec.cli.run_options import part_option, run_weights_option

__all__ = ["command"]

_CARD = (".md", ".markdown")


@click.command("report")
@click.argument("run", metavar="RUN", type=click.Path(path_type=Path))
@click.option(
    "-o", "--output", metavar="OUT.html", type=click.Path(path_type=Path),
    help="The page; a name that ends in .md is a model card. Default: report.html, unless --card is given.",
)  # fmt: skip
@click.option("--card", metavar="OUT.md", type=click.Path(path_type=Path), help="Write a model card in Markdown, too.")
@part_option("Split to evaluate; default: test, else validation.")
@run_weights_option()
def command(run: Path, output: Path | None, card: Path | None, part: str | None, weights: str) -> None:
    """Write all about a run into one page: scores, curves, confusion matrix, examples, mistakes, filters, the network, its spec
    and recipe, data and environment.

    The page is a single file that loads nothing. A model card has the same in Markdown, without pictures.
    """
    outputs = [path for path in (output, card) if path is not None] or [Path("report.html")]
    for path in outputs:
        if path.suffix.lower() not in (".html", ".htm", *_CARD):
            raise click.UsageError(f"{path} ends in neither .html nor .md.")
    if card is not None and card.suffix.lower() not in _CARD:
        raise click.UsageError("--card needs a file name ending in .md.")
    _write(run, outputs, part, weights)
    for path in outputs:
        echo(f"written to {path}")


def _write(run: Path, outputs: list[Path], part: str | None, weights: str) -> None:
    from netspec.files import atomic_write
    from netspec.training.model_card import as_card
    from netspec.training.report_page import as_page
    from netspec.training.run_report import report_of

    with progress_shown():
        report = report_of(run, weights, part)  # type: ignore[arg-type]
    for path in outputs:
        text = as_card(report) if path.suffix.lower() in _CARD else as_page(report)
        with atomic_write(path) as file:
            file.write(text.encode())
