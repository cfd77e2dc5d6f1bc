"""Specs as the Python API takes them: text, a path, an open file."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Any, TypeAlias

from netspec.diagnostics import SpecError
from netspec.elaborate.limits import Limits
from netspec.elaborate.project import decode, read_source
from netspec.source import SourceFile
from netspec.values import Size, Word

__all__ = ["Spec", "is_text", "parameter_values", "path_or_revision", "source_of", "spec_path"]

Spec: TypeAlias = str | os.PathLike[str] | IO[str] | IO[bytes] | SourceFile
"""The text of a spec, the path of its file or of the folder of a run, an open file, or a source."""

_LARGEST = 10**4_000
"""Of the numbers given from outside; Python prints none that is much longer."""
_TEXT_HELP = "the text of a spec has several lines, or `;` between its statements: `input 3x32x32; conv3-64`"


def is_text(spec: str) -> bool:
    """Whether a string is the text of a spec and not the path of a file.

    Text has a newline or a `;`, or it has several words and does not end in `.net`. The files on disk have no say in it.
    """
    words = spec.split()
    return "\n" in spec or ";" in spec or not words or (len(words) > 1 and not words[-1].endswith(".net"))


def source_of(spec: Spec, limits: Limits) -> SourceFile:
    """Reads a spec. Raises SpecError (NS001 to NS003) where it cannot be read, TypeError for what is no spec."""
    if isinstance(spec, SourceFile):
        return spec
    if isinstance(spec, str) and is_text(spec):
        return _bounded(spec, "<text>", None, limits)
    if isinstance(spec, (str, os.PathLike)):
        named = os.fspath(spec)
        if isinstance(named, str):
            return _from_path(Path(named), limits, typed=isinstance(spec, str))
    elif callable(getattr(spec, "read", None)):
        return _from_file(spec, limits)
    raise TypeError(f"a spec is text, a path or an open file, found {_kind(spec)}")


def path_or_revision(spec: str, limits: Limits) -> SourceFile:
    """The source of a path, or of a file of a git revision, such as `HEAD~1:net.net`. Raises SpecError."""
    from netspec.reading.revisions import is_revision, revision_of

    if not is_revision(spec):
        return _from_path(Path(spec), limits, typed=False)
    revision, path = revision_of(spec)
    try:
        return read_source(path, limits, name=spec, files=revision)
    except SpecError as error:
        first, name = error.diagnostics[0], spec.removeprefix(f"{revision.name}:")
        if first.code != "NS001" or not Path(name).exists() or name.startswith("."):
            raise
        helps = [f"paths in git begin at the top of the repository; from this folder: {revision.name}:./{name}"]
        raise SpecError.of(first.code, first.message, helps=helps) from None


def spec_path(path: Path) -> Path:
    """The file of a spec: the folder of a run stands for the spec in it."""
    try:
        return path / "spec.net" if (path / "run.json").is_file() else path
    except OSError:  # a name that no file can have: reading says so
        return path


def _from_path(path: Path, limits: Limits, *, typed: bool) -> SourceFile:
    """`typed`: the path was a string, which may have been meant as text."""
    try:
        return read_source(spec_path(path), limits)
    except SpecError as error:
        first = error.diagnostics[0]
        if typed and first.code == "NS001" and not first.helps and path.name == str(path) and not path.suffix:
            raise SpecError.of(first.code, first.message, helps=[_TEXT_HELP]) from None
        raise


def _from_file(file: Any, limits: Limits) -> SourceFile:
    name = getattr(file, "name", None)
    path = Path(name) if isinstance(name, str) and Path(name).is_file() else None
    shown = name if isinstance(name, str) else "<file>"
    try:
        data = file.read(limits.bytes + 1)
    except UnicodeDecodeError:
        raise SpecError.of("NS002", f"{shown} is not UTF-8 text") from None
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise SpecError.of("NS001", f"{shown} cannot be read: {reason}") from None
    if isinstance(data, str):
        return _bounded(data, shown, path, limits)
    if isinstance(data, bytes):
        return decode(data, shown, path, limits)
    raise TypeError(f"a spec is text, a path or an open file, found {_kind(file)} whose `read` gives {_kind(data)}")


def _bounded(text: str, shown: str, path: Path | None, limits: Limits) -> SourceFile:
    return decode(text.encode("utf-8", "surrogatepass")[: limits.bytes + 1], shown, path, limits)


def parameter_values(values: Mapping[str, Any]) -> dict[str, Any]:
    """The values of parameters as the language has them. Raises TypeError for one that it does not have."""
    if not isinstance(values, Mapping):
        raise TypeError(
            f"parameters are given by name, such as `classes=10` or {{'classes': 10}}; found {_kind(values)}"
        )
    return {name: _value(name, value) for name, value in values.items()}


def _value(name: str, value: Any) -> Any:
    if getattr(value, "ndim", None) == 0:  # a scalar of NumPy or PyTorch
        value = value.item()
    if isinstance(value, int) and abs(value) > _LARGEST:
        raise TypeError(f"the parameter `{name}` is a number of more than {len(str(_LARGEST)) - 1:,} digits")
    if type(value) in (list, tuple):
        return type(value)(_value(name, item) for item in value)
    if (
        value is None
        or isinstance(value, (str, int, Word, Size))
        or (isinstance(value, float) and math.isfinite(value))
    ):
        return value
    found = value if isinstance(value, float) else _kind(value)
    raise TypeError(f"the parameter `{name}` takes a number, text, yes or no, None, or a list of them; found {found}")


def _kind(value: Any) -> str:
    kind = type(value).__name__
    return f"an object of type {kind}" if kind != "NoneType" else "None"
