"""netspec view"""

from __future__ import annotations

import os
import secrets
import webbrowser
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from netspec.cli.output import echo
from netspec.cli.specs import limit_option, parameter_option, read_limits, read_parameters
from netspec.elaborate.limits import Limits
from netspec.elaborate.project import read_source
from netspec.files import atomic_write
from netspec.page.html import page, start_data
from netspec.server.spec_files import SpecFiles
from netspec.spec_source import spec_path

if TYPE_CHECKING:
    from netspec.server.run_folders import RunFolders

__all__ = ["command"]


@click.command("view")
@click.argument("specs", metavar="SPEC|RUN...", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option(
    "--export", metavar="PAGE.html", type=click.Path(path_type=Path), help="Write the page as one file instead."
)
@click.option(
    "--playground",
    metavar="DIR",
    type=click.Path(path_type=Path),
    help="Write a site in which netspec runs in the browser, with the SPECs as its gallery.",
)
@click.option(
    "--pyodide",
    metavar="FOLDER",
    type=click.Path(path_type=Path),
    help="The npm package pyodide, for --playground (default: in node_modules, here or above).",
)
@click.option(
    "--port", type=click.IntRange(0, 65535), default=0, help="The port on this machine (default: a free one)."
)
@click.option("--browser/--no-browser", default=True, help="Open the page in the browser (default).")
@click.option(
    "--evaluate",
    is_flag=True,
    help="With --export: evaluate the runs first, for their confusion matrices and the examples most wrong.",
)
@parameter_option
@limit_option
def command(
    specs: tuple[Path, ...],
    export: Path | None,
    playground: Path | None,
    pyodide: Path | None,
    port: int,
    browser: bool,
    evaluate: bool,
    definitions: tuple[str, ...],
    limits: tuple[str, ...],
) -> None:
    """Show specs beside their diagrams, in a page that follows what you write, and runs with their curves.

    The page is served on this machine only, checks the text as you type, and saves it where you ask it to. Several SPECs can be
    compared. A RUN, the folder of `netspec train`, is shown while it trains; several are drawn into the same curves. A page written
    by --export works without a server and asks no one for anything. A site written by --playground checks what is typed, without
    a server of ours: netspec itself runs in the browser.
    """
    if playground is not None and (export is not None or definitions or limits):
        raise click.UsageError("--playground takes the specs as they are: without --export, -D and --limit.")
    if pyodide is not None and playground is None:
        raise click.UsageError("--pyodide is for --playground.")
    bounds = read_limits(limits)
    if evaluate and export is None:
        raise click.UsageError("--evaluate is for --export; the page itself has a button.")
    if playground is not None:
        _write_playground(playground, specs, pyodide)
        return
    paths = _named(specs)
    runs = _runs(paths)
    if evaluate:
        _evaluate(runs)
    files = _files(paths, bounds, read_parameters(definitions), runs)
    if export is not None:
        _export(files, runs, export)
    else:
        _serve(files, runs, port, browser)


def _named(paths: tuple[Path, ...]) -> dict[str, Path]:
    """The paths by what the page calls them: as few of their last parts as tell them apart. A page that is published
    does not name the folders of its author."""
    parts = {path: Path(os.path.normpath(path.absolute())).parts for path in dict.fromkeys(paths)}

    def tail(path: Path, count: int) -> tuple[str, ...]:
        return parts[path][-count:]

    def name(path: Path) -> str:
        counts = range(1, len(parts[path]))
        alone = (n for n in counts if sum(tail(path, n) == tail(other, n) for other in parts) == 1)
        return Path(*tail(path, next(alone, len(parts[path])))).as_posix()

    return {name(path): path for path in parts}


def _runs(paths: dict[str, Path]) -> RunFolders:
    """Those that are folders of runs; each must be readable. Raises SpecError."""
    from netspec.server.run_folders import RunFolders

    runs = RunFolders({name: path for name, path in paths.items() if spec_path(path) != path})
    runs.states()
    return runs


def _files(paths: dict[str, Path], limits: Limits, parameters: dict[str, Any], runs: RunFolders) -> SpecFiles:
    """The specs by name; each must be readable. Raises SpecError."""
    files = SpecFiles({name: spec_path(path) for name, path in paths.items()}, limits, parameters, kept=runs.names)
    for path in paths.values():
        read_source(spec_path(path), limits)
    return files


def _evaluate(runs: RunFolders) -> None:
    """Evaluates each run, which keeps the result. Raises SpecError."""
    from netspec.training.review import write_review

    for name in runs.names:
        review = write_review(runs.path(name))
        for warning in review["warnings"]:
            echo(f"warning: {warning}")
        echo(f"{name}: evaluated on {review['examples']:,} {review['part']} examples")


def _export(files: SpecFiles, runs: RunFolders, path: Path) -> None:
    documents = [files.checked(name) for name in files.names]
    title = documents[0]["network"]["name"] if documents[0]["network"] else documents[0]["file"]
    with atomic_write(path) as file:
        file.write(
            page(
                start_data(documents, runs=runs.states(), comparisons=files.comparisons()), f"{title} - netspec"
            ).encode()
        )
    echo(f"{path}: {len(documents)} spec{'s' if len(documents) > 1 else ''}")


def _write_playground(folder: Path, specs: tuple[Path, ...], pyodide: Path | None) -> None:
    from netspec.playground.site import build

    echo(build(folder, [spec_path(path) for path in specs], pyodide))
    echo(f"to see it here: python -m http.server --bind 127.0.0.1 --directory {folder}")


def _serve(files: SpecFiles, runs: RunFolders, port: int, browser: bool) -> None:
    from netspec.server.application import loopback, serve

    listener = loopback(port)
    token = secrets.token_urlsafe(24)
    address = f"http://127.0.0.1:{listener.getsockname()[1]}/?token={token}"

    def started() -> None:
        echo(f"{address}\nCtrl-C ends it.")
        if browser:
            webbrowser.open(address)

    serve(files, runs, listener, token, started)
