"""The files that the page shows: read, checked, and written back as they were (line ends, byte-order mark)."""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Collection, Mapping
from dataclasses import replace
from pathlib import Path
from threading import Lock
from typing import Any

from netspec.diagnostics import SpecError
from netspec.elaborate import UnknownParameter
from netspec.elaborate.limits import Limits
from netspec.elaborate.project import read_source, used_files
from netspec.files import atomic_write, read_bounded
from netspec.model import Checked, check
from netspec.page.comparison import comparable, comparison
from netspec.page.document import COLOURS, document, version_of
from netspec.scene.drawing import picture
from netspec.scene.options import DrawOptions
from netspec.scene.svg import as_svg
from netspec.source import SourceFile

__all__ = ["Changed", "SpecFiles", "given_against", "given_parameters", "given_picture"]

_EACH_WITH_EACH = 6
"""Files of which each is compared with each; the work grows with the square."""
_WRITABLE = stat.S_IWUSR | stat.S_IWGRP | stat.S_IWOTH
_BOM = b"\xef\xbb\xbf"


class Changed(Exception):
    """The file is no longer what the page has read; `text` is what it is."""

    def __init__(self, text: str) -> None:
        super().__init__("the file has changed on disk")
        self.text = text


class SpecFiles:
    """Specs by the names under which the page knows them; no other file is read or written. Those in `kept` are not
    written: they are the record of a run."""

    def __init__(
        self,
        paths: Mapping[str, Path],
        limits: Limits,
        parameters: Mapping[str, Any] | None = None,
        kept: Collection[str] = (),
    ) -> None:
        self._paths, self._limits, self._parameters = dict(paths), limits, dict(parameters or {})
        self._kept = frozenset(kept)
        self._saving = Lock()

    @property
    def names(self) -> list[str]:
        return list(self._paths)

    def folders(self) -> set[Path]:
        """Those of the files, and of the files that they use."""
        found: set[Path] = set()
        for first in self._paths.values():
            root = Path(os.path.normpath(first.parent.absolute()))
            waiting = [root / first.name]
            while waiting and len(found) < self._limits.files:
                path = waiting.pop()
                if path in found or root not in path.parents:
                    continue
                found.add(path)
                with contextlib.suppress(SpecError):
                    waiting += used_files(read_source(path, self._limits), self._limits)
        return {path.parent for path in found if path.parent.is_dir()}

    def gone(self, name: str) -> bool:
        return not self._paths[name].exists()

    def source(self, name: str) -> SourceFile:
        """What stands on disk. Raises SpecError where it cannot be read, KeyError for a file that is not the page's."""
        return read_source(self._paths[name], self._limits, name=name)

    def checked(
        self,
        name: str,
        text: str | None = None,
        parameters: Mapping[str, Any] | None = None,
        against: tuple[str, str] | None = None,
    ) -> dict[str, Any]:
        """The document of a file, with another text if one is given. Parameters that the net does not have are left out.
        `against` is a file that it is compared with, and the text of that.

        Raises SpecError where the file cannot be read, KeyError for one that is not the page's.
        """
        found = self._check(name, text, parameters or {})
        compared = None
        if against is not None and found.graph is not None and comparable(found.graph):
            other = self._check(*against, {}).graph
            compared = comparison(other, found.graph, against[0]) if other is not None and comparable(other) else None
        library = bool(found.library)
        return document(found.source, found.graph, found.diagnostics, name, library=library, compared=compared)

    def comparisons(self) -> dict[str, dict[str, dict[str, Any]]]:
        """What differs between the files, by the one that is shown and the other: each with each, or of many each with
        the first."""
        graphs = {name: self._check(name, None, {}).graph for name in self.names}
        whole = {name: graph for name, graph in graphs.items() if graph is not None and comparable(graph)}
        first = next(iter(whole), "")
        pairs = [
            (a, b) for a in whole for b in whole if a != b and (len(whole) <= _EACH_WITH_EACH or first in (a, b))
        ]  # fmt: skip
        found: dict[str, dict[str, dict[str, Any]]] = {}
        for shown, other in pairs:
            found.setdefault(shown, {})[other] = comparison(whole[other], whole[shown], other)
        return found

    def written(
        self, name: str, text: str, parameters: Mapping[str, Any], form: str, options: DrawOptions | None = None
    ) -> str:
        """What a text compiles to: PyTorch source (`py`) or a picture (`svg`).

        Raises SpecError where the text has errors, KeyError for a file that is not the page's, ValueError for another form.
        """
        if form not in ("py", "svg"):
            raise ValueError("form is py or svg")
        model = self._check(name, text, parameters).lenient().model()
        return model.torch_source() if form == "py" else as_svg(picture(model.graph, options=options))

    def _check(self, name: str, text: str | None, parameters: Mapping[str, Any]) -> Checked:
        source = self.source(name) if text is None else SourceFile(text, name, self._paths[name])
        if len(source.text) > self._limits.bytes:
            raise self._too_large(name)
        values = {**self._parameters, **parameters}
        while True:
            try:
                return check(source, values, self._limits)
            except UnknownParameter as unknown:
                del values[unknown.name]

    def save(self, name: str, text: str, version: str) -> str:
        """Writes a text and returns its version; a file that is gone is written anew. Raises Changed where the file is no longer
        of the version that the page knows, SpecError where it cannot be written, KeyError for one that is not the page's."""
        path = self._paths[name]
        if name in self._kept:
            raise SpecError.of(
                "NS501", f"{path} is not changed: it is what a run was trained with",
                helps=["copy it to a file of its own to change it"],
            )  # fmt: skip
        if "\0" in text:
            raise SpecError.of("NS002", f"{name} is not saved: its text holds a zero byte, and could not be read again")
        with self._saving:  # of two that know the same version, the second is told
            old = b""
            if not self.gone(name):
                now = self.source(name).text
                if version_of(now) != version:
                    raise Changed(now)
                if not path.stat().st_mode & _WRITABLE:
                    raise SpecError.of("NS501", f"{name} is not saved: the file is read-only")
                old = read_bounded(path, self._limits.bytes)
            lines = text.replace("\r\n", "\n").replace("\n", "\r\n" if b"\r\n" in old else "\n")
            data = (_BOM if old.startswith(_BOM) else b"") + lines.encode("utf-8")
            if len(data) > self._limits.bytes:
                raise self._too_large(name)
            with atomic_write(path) as file:
                file.write(data)
        return version_of(SourceFile(text).text)

    def _too_large(self, name: str) -> SpecError:
        return SpecError.of("NS003", f"{name} is larger than {self._limits.bytes:,} bytes")


def given_parameters(request: Mapping[str, Any]) -> dict[str, Any]:
    """The values of parameters in what the page asks for. Raises ValueError."""
    values = request.get("parameters", {})
    if not isinstance(values, dict) or not all(isinstance(v, (bool, int, float, str)) for v in values.values()):
        raise ValueError("parameters are numbers, words, true and false")
    return values


def given_picture(request: Mapping[str, Any]) -> DrawOptions:
    """How a picture is drawn: its theme, the figure that colors boxes, and the keys of the parts that are open.
    Raises ValueError."""
    theme, by, keys = request.get("theme", "light"), request.get("by", ""), request.get("open")
    if by not in ("", *COLOURS):
        raise ValueError(f"by is {', '.join(COLOURS)}, or empty")
    if keys is not None and not (isinstance(keys, list) and all(isinstance(key, str) for key in keys)):
        raise ValueError("open is a list of keys")
    options = DrawOptions.of("TB", theme, None, (), by, ())
    return options if keys is None else replace(options, open=frozenset(keys))


def given_against(request: Mapping[str, Any]) -> tuple[str, str] | None:
    """The file that the page compares with, and its text. Raises ValueError."""
    given = request.get("against")
    if given is None:
        return None
    if not isinstance(given, dict) or not all(isinstance(given.get(name), str) for name in ("file", "text")):
        raise ValueError("against has a file and its text")
    return given["file"], given["text"]
