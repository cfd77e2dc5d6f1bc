"""netspec new"""

from __future__ import annotations

import re
from pathlib import Path

import click

from netspec.cli.output import echo, echo_verbatim
from netspec.diagnostics import SpecError, nearest
from netspec.files import atomic_write
from netspec.gallery import examples, files_of

__all__ = ["command"]


@click.command("new")
@click.argument("name", metavar="EXAMPLE")
@click.option(
    "-o", "--output", type=click.Path(path_type=Path), metavar="FILE",
    help="The file to write, or its folder (default: EXAMPLE.net here); - for standard output.",
)  # fmt: skip
def command(name: str, output: Path | None) -> None:
    """Start a spec from an example, such as resnet50. Existing files are not overwritten.

    `netspec examples` lists the examples.
    """
    known = {example.name: example for example in examples()}
    example = known.get(name.removesuffix(".net"))
    if example is None:
        near = nearest(name, known)
        hint = f"Did you mean `{near}`?" if near else "`netspec examples` lists them."
        raise click.UsageError(f"There is no example `{name}`. {hint}")
    first, *used = files_of(example.name)
    if output is not None and str(output) == "-":
        echo_verbatim(first.read_text(encoding="utf-8"), nl=False)
        return
    target = Path(first.name) if output is None else output / first.name if output.is_dir() else output
    copies = {target: first, **{target.parent / path.name: path for path in used}}
    for path, source in copies.items():
        if path.is_symlink() or (path.exists() and (path == target or path.read_bytes() != source.read_bytes())):
            raise SpecError.of("NS501", f"{path} exists already", helps=["name another file with `-o FILE`"])
    for path, source in copies.items():
        with atomic_write(path) as file:
            file.write(source.read_bytes())
    for path in copies:
        echo(str(path))
    parameter = re.match(r"(\w+) = ([\w.]+)(?=,|$)", example.parameters)
    option = f" -D {parameter[1]}={parameter[2]}" if parameter else ""
    echo(f"check it: netspec check {target}{option}", err=True)
