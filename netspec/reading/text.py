"""Files of text, read within a bound."""

from __future__ import annotations

from pathlib import Path

from netspec.diagnostics import SpecError
from netspec.files import read_bounded
from netspec.reading.bounds import LARGEST_TEXT

__all__ = ["read_text"]


def read_text(path: Path, code: str = "NS001") -> str:
    """The text of a regular file in UTF-8. Raises SpecError (NS001 where there is none, else `code`)."""
    try:
        data = read_bounded(path, LARGEST_TEXT)
        if len(data) > LARGEST_TEXT:
            raise ValueError(f"it is larger than {LARGEST_TEXT:,} bytes")
        return data.decode("utf-8")
    except FileNotFoundError:
        raise SpecError.of("NS001", f"no such file: {path}") from None
    except (OSError, ValueError) as error:
        said = error.strerror if isinstance(error, OSError) and error.strerror else str(error)[:200]
        raise SpecError.of(code, f"{path} cannot be read as text", notes=[said]) from None
