"""The options that say under which conditions a network is judged: batch, number format, optimizer, device, who counts."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Any, TypeVar

import click

from netspec.analysis.conditions import COUNTERS, DTYPES, OPTIMIZERS, Conditions

__all__ = ["condition_options", "read_conditions", "read_size", "require_device", "require_peaks"]

_SIZE = re.compile(r"(\d{1,15}(?:\.\d{1,15})?)\s*([kMGT]?)(i?)B?", re.IGNORECASE)
F = TypeVar("F", bound=Callable[..., Any])


def condition_options(command: F) -> F:
    """Adds the options; `read_conditions` makes `Conditions` of their values."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


_OPTIONS = (
    click.option("--batch", type=click.IntRange(1), default=1, metavar="N", help="Batch size for memory and time."),
    click.option("--dtype", type=click.Choice(DTYPES), default="fp32", help="Number format for memory and time."),
    click.option(
        "--optimizer", type=click.Choice(OPTIMIZERS), help="Count memory and time of training with this optimizer."
    ),
    click.option(
        "--device",
        metavar="NAME",
        help="Estimate the time on a device, such as h100 or cpu, or FLOPS,BANDWIDTH[,MEMORY]: 50T,900G,24G.",
    ),
    click.option("--macs", type=click.Choice(COUNTERS), default="netspec", help="Count MACs as this tool does."),
)


def read_conditions(batch: int, dtype: str, optimizer: str | None, device: str | None, macs: str) -> Conditions:
    """Raises UsageError for an unknown device."""
    require_device(device)
    return Conditions(batch, dtype, optimizer, device, macs)  # type: ignore[arg-type]


def require_device(device: str | None) -> None:
    """Raises UsageError for an unknown device."""
    if device is not None:
        from netspec.analysis.devices import device_named

        try:
            device_named(device)
        except ValueError as error:
            raise click.UsageError(f"--device {device}: {error}.") from None


def require_peaks(names: Iterable[str], given: Conditions, what: str) -> None:
    """Raises UsageError for a figure that needs a device, where none is given; `what` it is shown as."""
    timed = [name for name in names if name in ("time", "bound")]
    if timed and given.device is None:
        from netspec.analysis.devices import DEVICES

        raise click.UsageError(f"The {what} `{timed[0]}` needs --device: {', '.join(DEVICES)}, or figures of your own.")


def read_size(text: str) -> int:
    """Bytes: `80GB` (10^9), `24GiB` (2^30), `500M`. Raises UsageError."""
    found = _SIZE.fullmatch(text.strip())
    if found is None or not float(found[1]):
        raise click.UsageError(f"--fits needs a size such as 80GB or 24GiB, found `{text}`.")
    power = " kmgt".index(found[2].lower() or " ")
    return int(float(found[1]) * (1024 if found[3] else 1000) ** power)
