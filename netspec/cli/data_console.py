"""The output of `netspec data check`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from netspec.cli.output import echo
from netspec.diagnostics import SpecError

if TYPE_CHECKING:
    from netspec.datasets.contents import Contents

__all__ = ["print_contents"]

_MOST_CLASSES = 20
_MOST_SIZES = 5
_MOST_COPIES = 50


def print_contents(contents: Contents, spec: str | None, misfit: SpecError | None) -> None:
    """What is in data, and whether it fits the net of `spec`. Raises SpecError (NS607, and `misfit`) if something is wrong."""
    classes = f" in {_counted(len(contents.classes), 'class')}" if contents.classes else ""
    echo(f"{contents.name}: {contents.total:,} examples{classes}", bold=True)
    _print_counts(contents)
    _print_sizes(contents)
    if contents.unread:
        echo(f"not read without the spec of a net that takes it: {', '.join(contents.unread)}")
    for name, cause in contents.broken:
        echo(f"broken: {name}: {cause}", fg="red")
    for copy in contents.copies[:_MOST_COPIES]:
        label = ", with another label" if copy.labels_differ else ""
        echo(f"copy: {copy.shown} ({copy.part}) is {copy.other} ({copy.other_part}){label}", fg="red")
    if len(contents.copies) > _MOST_COPIES:
        echo(f"and {len(contents.copies) - _MOST_COPIES:,} more copies", fg="red")
    if spec is not None and misfit is None:
        echo(f"the data fits {spec}")
    problems = []
    if contents.broken:
        problems.append(f"{_counted(len(contents.broken), 'example')} cannot be read")
    if contents.copies:
        one = len(contents.copies) == 1
        problems.append(
            f"{_counted(len(contents.copies), 'example')} {'is a copy of one' if one else 'are copies of those'} in another part"
        )
    if not problems and misfit is not None:
        raise misfit
    if problems:
        helps = ["repair or remove them, or train with `--corrupt skip`"] if contents.broken else []
        helps += (
            ["remove copies from one of the parts: what is trained on cannot be tested with"] if contents.copies else []
        )
        found = SpecError.of("NS607", f"{contents.name}: {'; '.join(problems)}", helps=helps)
        raise SpecError((*found.diagnostics, *(misfit.diagnostics if misfit is not None else ())))


def _counted(count: int, noun: str) -> str:
    return f"{count:,} {noun}{'' if count == 1 else 'es' if noun.endswith('s') else 's'}"


def _print_counts(contents: Contents) -> None:
    """A table of classes and parts; of many classes the smallest ones."""
    totals = {part: sum(counts) for part, counts in contents.counts.items()}
    rows = [(name, [counts[i] for counts in contents.counts.values()]) for i, name in enumerate(contents.classes)]
    shown = rows if len(rows) <= _MOST_CLASSES else sorted(rows, key=lambda row: sum(row[1]))[:_MOST_CLASSES]
    width = max([5, *(len(name) for name, _ in shown)])
    columns = [max(len(part), len(f"{total:,}")) for part, total in totals.items()]
    for name, numbers in [("", None), *shown, ("all", list(totals.values()))]:
        cells = totals if numbers is None else [f"{number:,}" for number in numbers]
        line = "  ".join(f"{cell:>{size}}" for cell, size in zip(cells, columns, strict=True))
        echo(f"  {name:<{width}}  {line}")
    if len(shown) < len(rows):
        echo(f"  (the {len(shown)} smallest of {len(rows)} classes)")
    echo("parts: made of the data by netspec" if contents.made else "parts: those of the data")


def _print_sizes(contents: Contents) -> None:
    if not contents.sizes:
        return
    common = contents.sizes.most_common(_MOST_SIZES)
    listed = ", ".join(f"{'x'.join(map(str, size)) or 'a number'} ({count:,})" for size, count in common)
    more = len(contents.sizes) - len(common)
    echo(f"sizes: {listed}" + (f", and {more:,} more" if more else ""))
