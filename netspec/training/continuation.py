"""Reads from a run folder how the run was started, to resume or use it."""

from __future__ import annotations

from dataclasses import fields, replace
from pathlib import Path
from typing import Any

from netspec.datasets import DataOptions
from netspec.diagnostics import SpecError
from netspec.elaborate.limits import Limits
from netspec.elaborate.project import read_source
from netspec.training.hardware import Hardware
from netspec.training.request import Request
from netspec.training.run_folder import RunFolder

__all__ = ["data_options_of", "request_of"]


def request_of(
    folder: RunFolder, hardware: Hardware, *, workers: int | None = None, teacher: Path | None = None
) -> Request:
    """The request that started a run, on this hardware; `teacher` is where its teacher is now. Raises SpecError (NS606)."""
    info = folder.read_info()
    if teacher is None and info.get("teacher"):
        teacher = Path(info["teacher"]["where"])
    options = replace(data_options_of(folder, info), workers=workers)
    source = read_source(folder.spec, Limits())
    return Request(
        source, info["data"]["where"], options, hardware, save_every=info.get("save_every", 30.0),
        save_updates=info.get("save_updates"), test=info.get("test", True), give_up=info.get("give_up"), teacher=teacher,
    )  # fmt: skip


def data_options_of(folder: RunFolder, info: dict[str, Any]) -> DataOptions:
    known = {f.name for f in fields(DataOptions)}
    held = info["data"].get("options", {})
    if not isinstance(held, dict) or not held.keys() <= known:
        raise SpecError.of("NS606", f"{folder.info} was written by a different version of netspec")
    return DataOptions(**held)
