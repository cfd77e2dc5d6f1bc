"""The columns of a report, by name: figures of the register, what a layer is, and presets."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType

from netspec.analysis.figures import FIGURES
from netspec.diagnostics import nearest
from netspec.report.table_formats import Heading

__all__ = ["FACTS", "PRESETS", "UnknownColumn", "columns_of"]

FACTS: Mapping[str, Heading] = MappingProxyType(
    {
        heading.name: heading
        for heading in (
            Heading("op", "op"),
            Heading("what", "what", narrow="fold"),
            Heading("inputs", "inputs", narrow="fold"),
            Heading("input", "input", right=True),
            Heading("output", "output", right=True),
            Heading("line", "line", right=True),
        )
    }
)
"""What a layer is, as columns: its op, its description, the layers it reads, its shapes, its line in the spec."""

PRESETS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "default": ("params", "macs"),
        "cost": ("params", "macs", "traffic", "intensity"),
        "counts": ("params", "buffers", "neurons", "connections"),
        "receptive": ("receptive_field", "rf_stride", "rf_start", "rf_center", "leftover"),
        "memory": ("weight_memory", "gradient_memory", "optimizer_memory", "activation_memory"),
        "time": ("macs", "traffic", "time", "bound"),
    }
)


class UnknownColumn(KeyError):
    """A name that is neither a figure nor another column nor a preset; `near` is the one that was probably meant."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.near = nearest(name, (*FIGURES, *FACTS, *PRESETS))
        super().__init__(f"there is no column {name}" + (f"; did you mean {self.near}?" if self.near else ""))


def columns_of(names: Iterable[str], facts: Iterable[str] = ("what", "output")) -> tuple[str, ...]:
    """The names of columns, each once: presets replaced by what is in them, aliases by the names of their figures.

    `facts` are added in front unless the names say themselves what a layer is. A name that is both a figure
    and a preset is the preset if it is the only one. Raises UnknownColumn.
    """
    names = [name.strip().replace("-", "_") for name in names]
    if len(names) == 1 and names[0] in PRESETS:
        names = list(PRESETS[names[0]])
    chosen: dict[str, None] = {}
    for name in names:
        for column in (name,) if name in FIGURES or name in FACTS else PRESETS.get(name, ()):
            chosen[FIGURES[column].name if column in FIGURES else column] = None
        if name not in FIGURES and name not in FACTS and name not in PRESETS:
            raise UnknownColumn(name)
    return tuple(chosen) if any(name in FACTS for name in chosen) else (*facts, *chosen)
