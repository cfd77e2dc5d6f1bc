"""The lines below the table of a network: its totals, and what follows from the conditions."""

from __future__ import annotations

from typing import NamedTuple

from netspec.analysis.analysis import Analysis
from netspec.analysis.conditions import Conditions
from netspec.analysis.totals import CONVENTION, totals
from netspec.analysis.units import bytes_text

__all__ = ["Line", "condition_lines", "conditions_text", "convention", "total_lines"]


class Line(NamedTuple):
    """A name, a value and a note on it."""

    name: str
    value: str
    note: str = ""


def total_lines(analysis: Analysis) -> list[Line]:
    """Parameters, MACs, FLOPs and memory."""
    total = totals(analysis.graph, analysis.graph.nodes)
    trained = "all trainable" if total.trainable == total.params else f"{total.trainable:,} trained by the recipe"
    lines = [Line("parameters", f"{total.params:,}", trained)]
    if total.aux_params:
        lines.append(Line("auxiliary", f"{total.aux_params:,}", "parameters of auxiliary heads, only used in training"))
    if total.buffers:
        lines.append(Line("buffers", f"{total.buffers:,}", "running statistics, not trained"))
    return [
        *lines,
        Line("MACs", analysis.text("macs", analysis.total("macs"))),
        Line("FLOPs", analysis.text("flops", analysis.total("flops"))),
        Line("memory", bytes_text(total.memory), "weights and layer outputs, float32"),
    ]


def condition_lines(analysis: Analysis, fits: int | None = None) -> list[Line]:
    """What was asked for beside one input in float32: memory of training or inference, time, the largest batch that
    fits into `fits` bytes (with a device and none given: into its memory)."""
    given = analysis.conditions
    lines: list[Line] = []
    if given.optimizer is not None:
        said = f"a step with {given.optimizer}: weights, gradients, optimizer state, activations kept"
        lines.append(Line("training", _text(analysis, "training_memory"), f"{said}; {conditions_text(given)}"))
    elif (given.batch, given.dtype) != (1, "fp32") or fits is not None:
        said = "weights and the most activations held at once"
        lines.append(Line("inference", _text(analysis, "inference_memory"), f"{said}; {conditions_text(given)}"))
    if given.device is not None:
        lines.append(_time(analysis, given.device))
    if fits is not None or (given.device is not None and given.optimizer is not None):
        lines.append(_largest_batch(analysis, fits))
    return lines


def _text(analysis: Analysis, name: str) -> str:
    return analysis.text(name, analysis.total(name))


def _time(analysis: Analysis, name: str) -> Line:
    from netspec.analysis.devices import device_named

    device = device_named(name)
    step = "a training step" if analysis.conditions.optimizer is not None else "a forward pass"
    said = f"estimate: at least this for {step} on {device.title} (roofline), mostly {_text(analysis, 'bound')}-bound"
    return Line("time", _text(analysis, "time"), f"{said}; {conditions_text(analysis.conditions)}")


def _largest_batch(analysis: Analysis, fits: int | None) -> Line:
    from netspec.analysis.devices import device_named
    from netspec.analysis.resources import largest_batch

    given = analysis.conditions
    if fits is None and given.device is not None:
        fits = device_named(given.device).memory
    use = f"training with {given.optimizer}" if given.optimizer is not None else "inference"
    batch = largest_batch(analysis.facts, fits)
    note = f"for {use} in {bytes_text(fits or 0)}, {given.dtype}"
    return Line("fits", f"{batch:,}", f"largest batch {note}" if batch else f"not even one input {note}")


def conditions_text(given: Conditions) -> str:
    return f"batch {given.batch:,}, {given.dtype}"


def convention(analysis: Analysis) -> str:
    """How MACs are counted."""
    tool = analysis.conditions.macs
    if tool == "netspec":
        return CONVENTION
    from netspec.analysis.dialects import DIALECTS

    dialect = DIALECTS[tool]
    return f"MACs as {tool} {dialect.version} counts them for one input. {dialect.doc}"
