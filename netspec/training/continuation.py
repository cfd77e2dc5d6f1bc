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
    folder: RunFolder, hardware: Hardware, *, workers: int | None = None, teacher: Path | None = None, asked: Request | None = None,
) -> Request:  # fmt: skip
    """The request that started a run, on this hardware; `teacher` is where its teacher is now, and `asked` a request that must
    have the same spec. Raises SpecError (NS606)."""
    info = folder.read_info()
    if teacher is None and info.get("teacher"):
        teacher = Path(info["teacher"]["where"])
    options = replace(data_options_of(folder, info), workers=workers)
    source = read_source(folder.spec, Limits())
    if asked is not None and asked.source.text != source.text:
        raise SpecError.of(
            "NS606", f"{folder.path} was started with a different spec or settings than those of {asked.source.name} now",
            helps=[f"to resume it with its original settings: `netspec train --resume {folder.path}`", "or choose another folder with `--folder`"],
        )  # fmt: skip
    return Request(
        source, info["data"]["where"], options, hardware, save_every=info.get("save_every", 30.0),
        save_updates=info.get("save_updates"), test=info.get("test", True), give_up=info.get("give_up"), teacher=teacher,
        track=tuple(info.get("track", {})),
    )  # fmt: skip


def data_options_of(folder: RunFolder, info: dict[str, Any]) -> DataOptions:
    known = {f.name for f in fields(DataOptions)}
    held = info["data"].get("options", {})
    if not isinstance(held, dict) or not held.keys() <= known:
        raise SpecError.of("NS606", f"{folder.info} was written by a different version of netspec")
    return DataOptions(**held)
