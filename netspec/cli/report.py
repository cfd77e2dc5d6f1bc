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
@click.option(
    "--hub", metavar="FOLDER", type=click.Path(path_type=Path),
    help="Write a folder for a model hub: weights, spec, PyTorch module, and a card with front matter.",
)  # fmt: skip
@click.option(
    "--push",
    metavar="OWNER/NAME",
    help="Upload the folder of --hub to the Hugging Face Hub; a new repository is private.",
)
@part_option("Split to evaluate; default: test, else validation.")
@run_weights_option()
def command(
    run: Path, output: Path | None, card: Path | None, hub: Path | None, push: str | None, part: str | None, weights: str
) -> None:  # fmt: skip
    """Write all about a run into one page: scores, curves, confusion matrix, examples, mistakes, filters, the network, its spec
    and recipe, data and environment.

    The page is a single file that loads nothing. A model card has the same in Markdown, without pictures.
    """
    if push is not None and hub is None:
        raise click.UsageError("--push uploads the folder of --hub; give one.")
    outputs = [path for path in (output, card) if path is not None]
    if not outputs and hub is None:
        outputs = [Path("report.html")]
    for path in outputs:
        if path.suffix.lower() not in (".html", ".htm", *_CARD):
            raise click.UsageError(f"{path} ends in neither .html nor .md.")
    if card is not None and card.suffix.lower() not in _CARD:
        raise click.UsageError("--card needs a file name ending in .md.")
    if outputs:
        _write(run, outputs, part, weights)
    for path in outputs:
        echo(f"written to {path}")
    if hub is not None:
        _write_hub(run, hub, push, part, weights)


def _write_hub(run: Path, hub: Path, push_to: str | None, part: str | None, weights: str) -> None:
    from netspec.training.hub_folder import push, write_hub_folder

    with progress_shown():
        files = write_hub_folder(run, hub, weights, part)  # type: ignore[arg-type]
    echo(f"written to {hub}: {', '.join(files)}")
    if push_to is not None:
        echo(f"uploaded to {push(hub, files, push_to)}")


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
