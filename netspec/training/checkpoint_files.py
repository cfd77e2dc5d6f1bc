"""Checkpoints: the complete state of a run, written atomically."""

from __future__ import annotations

import contextlib
import os
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from netspec.diagnostics import SpecError
from netspec.files import atomic_write, cannot_write, open_regular
from netspec.reading.bounds import require_modest_archive

if TYPE_CHECKING:
    import torch

__all__ = ["read_checkpoint", "read_weights", "write_checkpoint", "write_weights"]

VERSION = 1


def write_checkpoint(path: Path, state: dict[str, Any]) -> None:
    """Replaces a checkpoint once the new one is completely on disk; an interrupted or failed write keeps the old one.

    Raises SpecError (NS501), for example if the disk is full.
    """
    import torch

    with _system_errors(path), atomic_write(path) as file:
        torch.save({"version": VERSION, **state}, file)


def read_checkpoint(path: Path) -> dict[str, Any]:
    """Raises SpecError (NS606). Reads only tensors and plain values; never executes code from the file."""
    import torch

    try:
        with open_regular(path):
            pass
        if zipfile.is_zipfile(path):
            require_modest_archive(path)
        state = torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError:
        raise SpecError.of("NS606", f"{path.parent} has no checkpoint yet", helps=["start a new run"]) from None
    except Exception as error:  # torch.load raises arbitrary exceptions for damaged files
        reason = str(error).strip().split("\n")[0][:200]
        raise SpecError.of("NS606", f"{path} cannot be read as a checkpoint", notes=[reason]) from None
    if not isinstance(state, dict) or state.get("version") != VERSION:
        raise SpecError.of("NS606", f"{path} was written by a different version of netspec")
    from pydantic import ValidationError

    from netspec.training.run_schema import CheckpointState, complaint

    try:
        CheckpointState.model_validate(state)
    except ValidationError as error:
        raise SpecError.of("NS606", f"{path} is not a valid checkpoint", notes=[complaint(error)]) from None
    return state


def write_weights(path: Path, state: dict[str, torch.Tensor], metadata: dict[str, str]) -> None:
    """The weights as safetensors, contiguous and on the CPU. Raises SpecError (NS501)."""
    from safetensors.torch import save

    with _system_errors(path), atomic_write(path) as file:
        file.write(save({name: t.detach().cpu().contiguous() for name, t in state.items()}, metadata))


def read_weights(path: Path) -> dict[str, torch.Tensor]:
    """Raises SpecError (NS606)."""
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        with open_regular(path):  # of a pipe safetensors would wait for a writer
            pass
        return load_file(path)
    except (SafetensorError, OSError, ValueError) as error:
        raise SpecError.of("NS606", f"{path} cannot be read as weights", notes=[str(error)[:200]]) from None


@contextlib.contextmanager
def _system_errors(path: Path) -> Any:
    """torch reports a failed write as a RuntimeError."""
    try:
        yield
    except RuntimeError as error:
        raise cannot_write(path, OSError(os.strerror(28) if "write" in str(error) else str(error)[:200])) from None
