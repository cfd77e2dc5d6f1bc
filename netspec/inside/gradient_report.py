"""A check of gradients as a table and as JSON."""

from __future__ import annotations

import math
from typing import Any

from netspec.inside.checked import TOLERANCE, CheckedTensor, CheckedTensors
from netspec.report.table_formats import Entry, Heading, Row, Table
from netspec.report.terminal import terminal_lines

__all__ = ["check_data", "check_table", "check_text"]

_MOST_NAMED = 5
_STYLES = {"ok": "", "kink": "dim", "wrong": "bold red"}


def check_text(check: CheckedTensors, *, columns: int, color: bool = False) -> str:
    return "\n".join(terminal_lines(check_table(check), room=columns, color=color))


def check_table(check: CheckedTensors) -> Table:
    headings = [
        Heading("tensor", "tensor", narrow="cut"), Heading("shape", "shape", True), Heading("checked", "checked", True),
        Heading("analytic", "analytic", True), Heading("numeric", "numeric", True), Heading("error", "rel. error", True),
        Heading("verdict", "verdict"),
    ]  # fmt: skip
    title = f"{check.network}: analytic gradients against centred differences, step {check.step:g}, float64"
    return Table(title, headings, [_row(tensor) for tensor in check.tensors], _notes(check))


def _row(tensor: CheckedTensor) -> Row:
    """The worst value of a tensor stands for it."""
    worst = tensor.worst
    share = f"{tensor.checked:,}" if tensor.checked == tensor.size else f"{tensor.checked:,} of {tensor.size:,}"
    return Row(
        [
            Entry(tensor.name, tensor.name),
            Entry("x".join(map(str, tensor.shape)) or "1", tensor.shape or 1),
            Entry(share, tensor.checked),
            Entry(f"{worst.analytic:.6g}", worst.analytic),
            Entry(f"{worst.numeric:.6g}", worst.numeric),
            Entry(f"{worst.error:.1e}", worst.error),
            Entry(tensor.verdict, tensor.verdict, _STYLES[tensor.verdict]),
        ]
    )


def _notes(check: CheckedTensors) -> list[str]:
    if not check.tensors:
        return ["nothing to check: the network has no parameters, and its inputs are whole numbers"]
    checked, size = sum(t.checked for t in check.tensors), sum(t.size for t in check.tensors)
    of = "all" if checked == size else f"{checked:,} of"
    sampled = "" if checked == size else ", and a random direction through each tensor"
    notes = [
        f"checked: {of} {size:,} values in {len(check.tensors)} tensors{sampled}; each row shows the worst of its tensor",
        f"differentiated: {check.objective}; ok: relative error up to {TOLERANCE:g}",
    ]
    values = [value for tensor in check.tensors for value in tensor.values]
    smaller = sum(value.verdict == "ok" and value.step < check.step for value in values)
    if smaller:
        least = min(value.step for value in values if value.verdict == "ok")
        notes.append(
            f"{smaller} of them agree only at a smaller step (down to {least:g}): a kink or strong curvature is within {check.step:g}"
        )
    kinks = sum(value.verdict == "kink" for value in values)
    if kinks:
        notes.append(f"{kinks} at a kink (relu at 0, a tie of max): the gradient lies between the slopes of both sides")
    for value in check.wrong[:_MOST_NAMED]:
        notes.append(f"wrong: {value.text}")
    if len(check.wrong) > _MOST_NAMED:
        notes.append(f"and {len(check.wrong) - _MOST_NAMED} more that are wrong")
    notes.append("every gradient is right" if check.ok else f"{len(check.wrong)} gradients are wrong")
    return notes


def check_data(check: CheckedTensors) -> dict[str, Any]:
    return {
        "network": check.network, "ok": check.ok, "step": check.step, "objective": check.objective,
        "tensors": [_data(tensor) for tensor in check.tensors],
    }  # fmt: skip


def _data(tensor: CheckedTensor) -> dict[str, Any]:
    worst = tensor.worst
    error = worst.error if math.isfinite(worst.error) else None
    return {
        "name": tensor.name, "shape": list(tensor.shape), "checked": tensor.checked, "verdict": tensor.verdict,
        "worst": {
            "place": None if worst.direction else list(worst.place), "analytic": worst.analytic, "numeric": worst.numeric,
            "error": error, "step": worst.step,
        },
    }  # fmt: skip
