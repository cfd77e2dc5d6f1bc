"""Sets of sizes in words: `multiples of 32 from 32`, `572 to 587`, `H = W`."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from netspec.analysis.sizes.boxes import Box
from netspec.analysis.sizes.periodic import ALL, PeriodicSet
from netspec.analysis.sizes.search import Refusal
from netspec.ops.formula import Polynomial
from netspec.ops.open_size import Decided
from netspec.ops.size_forms import scaled
from netspec.ops.size_text import form_text

__all__ = ["box_text", "boxes_text", "joined", "place", "relation_text", "set_text"]

_MOST = 6
"""Residues, and runs of sizes, that are listed."""


def set_text(sizes: PeriodicSet) -> str:
    """A set of sizes in words."""
    if sizes == ALL:
        return "any size"
    if sizes.empty:
        return "no size"
    low = _runs(size for size in range(1, sizes.start) if size in sizes)
    if sizes.finite:
        return _listed(low)
    cycle = [size for size in range(sizes.start, sizes.start + sizes.period) if size in sizes]
    text = _cycle_text(sizes, cycle)
    return f"{_listed(low)}, and {text}" if low else text


def _cycle_text(sizes: PeriodicSet, cycle: Sequence[int]) -> str:
    period, first = sizes.period, cycle[0]
    if period == 1:
        return f"{first:,} or more"
    if len(cycle) == 1 and first % period == 0:
        return f"{'even sizes' if period == 2 else f'multiples of {period:,}'} from {first:,}"
    if len(cycle) == 1 and period == 2:
        return f"odd sizes from {first:,}"
    if 2 * len(cycle) <= period or period <= 4:
        text = _listed(_residues(period, (size % period for size in cycle)))
        return text if sizes.start == 1 else f"{text} from {first:,}"
    missing = (size % period for size in range(sizes.start, sizes.start + period) if size not in sizes)
    return f"{first:,} or more except {_listed(_residues(period, missing))}"


def _residues(period: int, residues: Iterable[int]) -> list[str]:
    """`16k to 16k + 7`: classes of sizes, consecutive ones as one text."""

    def text(residue: int) -> str:
        return f"{period:,}k + {residue:,}" if residue else f"{period:,}k"

    runs = _grouped(sorted(residues))
    return [text(run[0]) if len(run) == 1 else f"{text(run[0])} to {text(run[-1])}" for run in runs]


def _runs(sizes: Iterable[int]) -> list[str]:
    """`5`, `7 to 9`: consecutive sizes as one text."""
    return [f"{run[0]:,}" if len(run) == 1 else f"{run[0]:,} to {run[-1]:,}" for run in _grouped(sizes)]


def _grouped(sizes: Iterable[int]) -> list[list[int]]:
    runs: list[list[int]] = []
    for size in sizes:
        if runs and runs[-1][-1] == size - 1:
            runs[-1].append(size)
        else:
            runs.append([size])
    return runs


def _listed(texts: Sequence[str]) -> str:
    if len(texts) > _MOST:
        return f"{', '.join(texts[:_MOST])} … ({len(texts) - _MOST:,} more)"
    return joined(texts)


def joined(texts: Sequence[str], word: str = "and") -> str:
    """`a`, `a and b`, `a, b and c`."""
    return texts[0] if len(texts) == 1 else f"{', '.join(texts[:-1])} {word} {texts[-1]}"


def place(refusal: Refusal) -> str:
    """A layer that refuses sizes, and where it is written."""
    span = refusal.span
    return f"{refusal.layer} (line {span.line}, column {span.column})" if span is not None else refusal.layer


def relation_text(decided: Decided) -> str:
    """A relation between sizes: `H = W`, `⌊H/2⌋ < W`."""
    left = Polynomial(tuple(term for term in decided.form.terms if term[1] > 0))
    right = scaled(Polynomial(tuple(term for term in decided.form.terms if term[1] < 0)), -1)
    signs = {("==", True): "=", ("==", False): "≠", ("<", True): "<", ("<", False): "≥"}
    return f"{form_text(left)} {signs[decided.sign, decided.holds]} {form_text(right)}"


def box_text(box: Box) -> str:
    """`H and W: multiples of 32 from 32; H = W`. Axes of any size are left out where others are not."""
    sets = {allowed: [name for name, other in box.axes if other == allowed] for _, allowed in box.axes}
    told = [f"{joined(names)}: {set_text(allowed)}" for allowed, names in sets.items() if allowed != ALL]
    told += [relation_text(relation) for relation in box.relations]
    return "; ".join(told) or "any size"


def boxes_text(boxes: Sequence[Box]) -> str:
    """Several boxes: one or the other."""
    return " | ".join(map(box_text, boxes)) or "no size"
