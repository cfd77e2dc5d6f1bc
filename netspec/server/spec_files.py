"""The files that the page shows: read, checked, and written back as they were (line ends, byte-order mark)."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from netspec.diagnostics import SpecError
from netspec.elaborate import UnknownParameter
from netspec.elaborate.limits import Limits
from netspec.elaborate.project import read_source
from netspec.files import atomic_write, read_bounded
from netspec.model import check
from netspec.page.document import document, version_of
from netspec.source import SourceFile

__all__ = ["Changed", "SpecFiles"]

_BOM = b"\xef\xbb\xbf"


class Changed(Exception):
    """The file is no longer what the page has read; `text` is what it is."""

    def __init__(self, text: str) -> None:
        super().__init__("the file has changed on disk")
        self.text = text


class SpecFiles:
    """Specs by the names under which the page knows them; no other file is read or written."""

    def __init__(self, paths: Mapping[str, Path], limits: Limits, parameters: Mapping[str, Any] | None = None) -> None:
        self._paths, self._limits, self._parameters = dict(paths), limits, dict(parameters or {})

    @property
    def names(self) -> list[str]:
        return list(self._paths)

    def folders(self) -> set[Path]:
        return {path.parent for path in self._paths.values()}

    def source(self, name: str) -> SourceFile:
        """What stands on disk. Raises SpecError where it cannot be read, KeyError for a file that is not the page's."""
        return read_source(self._paths[name], self._limits, name=name)

    def checked(
        self, name: str, text: str | None = None, parameters: Mapping[str, Any] | None = None
    ) -> dict[str, Any]:
        """The document of a file, with another text if one is given. Parameters that the net does not have are left out.

        Raises SpecError where the file cannot be read, KeyError for one that is not the page's.
        """
        source = self.source(name) if text is None else SourceFile(text, name, self._paths[name])
        if len(source.text) > self._limits.bytes:
            raise SpecError.of("NS003", f"{name} is larger than {self._limits.bytes:,} bytes")
        values = {**self._parameters, **(parameters or {})}
        while True:
            try:
                found = check(source, values, self._limits)
                return document(source, found.graph, found.diagnostics, name, library=bool(found.library))
            except UnknownParameter as unknown:
                del values[unknown.name]

    def save(self, name: str, text: str, version: str) -> str:
        """Writes a text and returns its version. Raises Changed where the file is no longer of the version that the page knows,
        SpecError where it cannot be written, KeyError for one that is not the page's."""
        path = self._paths[name]
        now = self.source(name).text
        if version_of(now) != version:
            raise Changed(now)
        old = read_bounded(path, self._limits.bytes)
        data = text.replace("\r\n", "\n")
        if b"\r\n" in old:
            data = data.replace("\n", "\r\n")
        with atomic_write(path) as file:
            file.write((_BOM if old.startswith(_BOM) else b"") + data.encode("utf-8"))
        return version_of(SourceFile(text).text)
