"""What the views of `netspec show` share: their options, how they open a network, and what they write."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from netspec.cli.given_options import value_or_path
from netspec.cli.output import echo, echo_json, echo_verbatim, progress_shown
from netspec.cli.run_options import part_option, run_weights_option
from netspec.cli.specs import checked_model, limit_option, parameter_option
from netspec.diagnostics import SpecError

if TYPE_CHECKING:
    from netspec.inside.look import Inside
    from netspec.inside.view import View
    from netspec.training.trained import Trained

__all__ = ["Look", "class_option", "run_options", "shown", "view_options"]

F = TypeVar("F", bound=Callable[..., Any])
_EXAMPLE = re.compile(r"(train|validation|test):(\d{1,12})")


def _output_options(command: F) -> F:
    for option in (
        click.option("--json", "as_json", is_flag=True, help="Print the numbers as JSON."),
        click.option(
            "-o", "--output", "outputs", metavar="OUT", multiple=True, type=click.Path(path_type=Path),
            help="Write the picture (.svg, .png, .pdf) or the numbers (.npz, .npy, .json); can be repeated. Default: VIEW.svg.",
        ),
    ):  # fmt: skip
        command = option(command)
    return command


def view_options(command: F) -> F:
    """The spec or run, its weights, and what is written."""
    for option in (
        limit_option,
        parameter_option,
        click.option("--seed", type=click.IntRange(0), default=0, show_default=True, help="Seed of initial weights and random inputs."),
        click.option(
            "--weights", metavar="FILE|RUN", type=click.Path(path_type=Path),
            help="Weights for a spec: a file, or the folder of a run; default: those of the run, or initial weights.",
        ),
        _output_options,
        click.argument("file", metavar="SPEC|RUN"),
    ):  # fmt: skip
        command = option(command)
    return command


def run_options(command: F) -> F:
    """A run, which part of its data, and what is written."""
    for option in (
        run_weights_option("kept"),
        part_option("Split to show; default: test, else validation."),
        click.option("--count", type=click.IntRange(1, 400), default=24, show_default=True, help="Number of examples."),
        _output_options,
        click.argument("run", metavar="RUN", type=click.Path(path_type=Path)),
    ):  # fmt: skip
        command = option(command)
    return command


def class_option(command: F) -> F:
    return click.option("--class", "cls", metavar="NAME|NUMBER", help="Class; default: the predicted one.")(command)


@dataclass(frozen=True)
class Look:
    """The network that the options name."""

    file: str
    wanted: dict[str, Any]

    @cached_property
    def is_run(self) -> bool:
        return (Path(self.file) / "run.json").is_file()

    @cached_property
    def inside(self) -> Inside:
        """Raises SpecError, SystemExit(1)."""
        from netspec.inside.look import Inside
        from netspec.training.run_folder import RunFolder

        model = checked_model(self.file, self.wanted["definitions"], self.wanted["limits"])
        weights = self.wanted["weights"]
        if weights is None and self.is_run:
            weights = Path(self.file)
        names = RunFolder.classes_in(weights) or (RunFolder.classes_in(Path(self.file)) if self.is_run else ())
        return Inside(model.graph, weights, seed=self.wanted["seed"], classes=names)

    @cached_property
    def run(self) -> Trained:
        """Raises SpecError."""
        from netspec.training.trained import Trained

        return Trained.open(Path(self.file))

    def image(self, text: str) -> Any:
        """A file, a list of numbers, or of a run `test:3`. Raises SpecError."""
        found = _EXAMPLE.fullmatch(text)
        if found is None or Path(text).exists():
            return value_or_path(text)
        if not self.is_run:
            raise SpecError.of("NS503", f"{text} is an example of the data of a run, and {self.file} is not a run", helps=["give the path of an image or array"])  # fmt: skip
        from netspec.training.run_views import RunExamples

        return RunExamples(self.run, found[1]).example(int(found[2]))


def shown(make: Callable[[], View], outputs: tuple[Path, ...], *, as_json: bool) -> None:
    """Writes a view and prints what it says. Raises SpecError."""
    with progress_shown():
        view = make()
        for path in (outputs := outputs or (Path(f"{view.name}.svg"),)):
            view.save(path)
    if as_json:
        echo_json(dict(view.data))
        return
    echo_verbatim(view.text + "\n", nl=False)
    for path in outputs:
        echo(f"written to {path}")
