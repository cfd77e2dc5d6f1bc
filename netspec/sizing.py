"""`netspec.sizes`: which sizes of its inputs a spec takes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from netspec.analysis.sizes import answers
from netspec.diagnostics import SpecError
from netspec.elaborate.limits import Limits
from netspec.model import check
from netspec.report.sizes import SizesReport, sizes_data, sizes_lines, sizes_table
from netspec.spec_source import Spec, parameter_values, source_of
from netspec.survey import survey_of

__all__ = ["Sizes", "sizes"]


@dataclass(frozen=True, slots=True)
class Sizes:
    """The sizes that a spec takes. In a notebook it is a table; as text, what `netspec sizes` prints."""

    report: SizesReport

    @property
    def names(self) -> tuple[str, ...]:
        """The sizes of the inputs that can change: `H` and `W`."""
        return tuple(self.report.declared)

    @property
    def smallest(self) -> dict[str, int] | None:
        """The smallest input, by the names of its sizes; None where the spec takes none."""
        return answers.smallest(self.report.survey.boxes)

    def takes(self, **sizes: int) -> bool:
        """Whether the spec takes an input: `takes(H=224, W=224)`. Raises TypeError unless every size is given, and
        ValueError where the network depends on the sizes in too many ways for an answer."""
        if set(sizes) != set(self.names):
            raise TypeError(f"the sizes are {', '.join(self.names) or 'none'}, not {', '.join(sizes) or 'none'}")
        if any(sizes in box for box in self.report.survey.undecided):
            raise ValueError(f"undecided for {', '.join(f'{name}={size}' for name, size in sizes.items())}")
        return any(sizes in box for box in self.report.survey.boxes)

    def tiles(self, **sizes: int) -> bool:
        """Whether it takes an input, and every window tiles what it is applied to: no row or column is left over."""
        network = answers.network_of(self.report.survey, sizes) if self.takes(**sizes) else None
        return network is not None and any(sizes in box for box in answers.tiled(network))

    def to_dict(self) -> dict[str, Any]:
        """The same as plain data, as `netspec sizes --format json` prints it."""
        return sizes_data(self.report)

    def __str__(self) -> str:
        return "".join(f"{line}\n" for line in sizes_lines(self.report, columns=80, color=False))

    def _repr_html_(self) -> str:
        return sizes_table(self.report)._repr_html_()


def sizes(spec: Spec, parameters: Mapping[str, Any] | None = None, /, **more: Any) -> Sizes:
    """Which sizes of its inputs a spec takes, for all sizes up to 65,536 at once; those that it states are left open.

    `parameters` and keywords are values for the parameters of the net. Raises SpecError where the spec cannot be read or
    parsed, or is wrong whatever its sizes are, and TypeError as `check` does.
    """
    limits = Limits()
    given = {**parameter_values(parameters or {}), **parameter_values(more)}
    source = source_of(spec, limits)
    checked = check(source, given, limits)
    if checked.library:
        checked.model()  # which says why it has no sizes
    found = survey_of(source, given, limits)
    if found is None or not (found.survey.networks or found.survey.undecided):
        raise SpecError(checked.diagnostics)
    name = checked.graph.name if checked.graph is not None else source.name
    return Sizes(SizesReport(source.name, name, found.survey, found.declared))
