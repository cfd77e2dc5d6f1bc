"""The files of a spec: read from the folder of the first one, or from the library in the wheel, and nowhere else."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from netspec import library
from netspec.diagnostics import Diagnostics, SpecError, nearest
from netspec.diagnostics.facts import Instead
from netspec.elaborate.limits import Limits
from netspec.files import read_bounded
from netspec.source import FileTree, SourceFile, Span
from netspec.syntax import parse
from netspec.syntax import tree as t

if TYPE_CHECKING:
    from netspec.syntax.error_site import Explain

__all__ = ["Project", "read_source", "used_files"]


def read_source(path: Path, limits: Limits, *, name: str | None = None, files: FileTree | None = None) -> SourceFile:
    """The text of a file, on disk or among others. Raises SpecError where it cannot be read, is not text, or is too large."""
    shown = name or str(path)
    try:
        if files is not None:
            return decode(files.read(path, limits.bytes), shown, path, limits, files)
        if path.is_dir():
            raise SpecError.of("NS001", f"{shown} is a folder, not a file", helps=["name the `.net` files in it"])
        if path.exists() and not path.is_file():
            raise SpecError.of(
                "NS001", f"{shown} is not a file that can be read as a whole", helps=["`-` reads standard input"]
            )
        data = read_bounded(path, limits.bytes)
    except FileNotFoundError:
        near = _near_file(path) if files is None else None
        raise SpecError.of(
            "NS001", f"there is no file {shown}", helps=[f"did you mean {near}?"] if near else []
        ) from None
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise SpecError.of("NS001", f"{shown} cannot be read: {reason}") from None
    return decode(data, shown, path, limits)


def decode(data: bytes, shown: str, path: Path | None, limits: Limits, files: FileTree | None = None) -> SourceFile:
    """Raises SpecError for data that is no text, or too much of it."""
    if len(data) > limits.bytes:
        raise SpecError.of(
            "NS003",
            f"{shown} is larger than {limits.bytes:,} bytes",
            helps=["raise the bound with `--limit bytes=N` where the spec is trusted"],
        )
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise SpecError.of(
            "NS002",
            f"{shown} is not UTF-8 text",
            notes=[f"the byte at offset {error.start} is 0x{data[error.start]:02x}"],
        ) from None
    if "\x00" in text:
        raise SpecError.of("NS002", f"{shown} is not text: it holds a zero byte")
    return SourceFile(text, shown, path, files)


def _near_file(path: Path) -> str | None:
    """The name of a spec in the same folder that was probably meant."""
    try:
        names = {p.stem: p.name for p in path.parent.iterdir() if p.suffix == ".net"}
    except OSError:
        return None
    near = nearest(path.stem, names)
    longer = sorted(name for name in names if len(path.stem) > 2 and name.startswith(path.stem))
    return names[near] if near else names[longer[0]] if longer else None


def _in_library(path: str, span: Span) -> Instead | None:
    """The file of the library that a path was probably meant to be."""
    name = Path(path.strip("<>")).stem
    meant = name if name in library.names() else name.removesuffix("_blocks")
    return Instead(span, f"<{meant}>", f"<{meant}> is in the library") if meant in library.names() else None


def used_files(source: SourceFile, limits: Limits) -> list[Path]:
    """The files that a spec names in `use`, whether there are any; what cannot be read is reported when the spec is checked."""
    tree = parse(source, Diagnostics(), recover=True, most_tokens=limits.tokens)
    if tree is None or source.path is None:
        return []
    named = [item.path for item in tree.items if isinstance(item, t.Use) and not item.library]
    return [Path(os.path.normpath(source.path.parent / path)) for path in named]


class Project:
    """Reads and parses the files that `use` names, each once."""

    def __init__(
        self,
        first: SourceFile,
        diagnostics: Diagnostics,
        limits: Limits,
        trees: dict[Path, t.File | None] | None = None,
        explain: Explain | None = None,
    ) -> None:
        self.explain = explain
        self.root = first.located(first.path.parent) if first.path is not None else None
        self.diagnostics = diagnostics
        self.limits = limits
        self.trees: dict[Path, t.File | None] = trees if trees is not None else {}

    def use(self, item: t.Use, source: SourceFile) -> tuple[Path, t.File] | None:
        """The tree of a used file; None where there is none, which is reported."""
        if item.library:
            return self._of_library(item)
        return self._of_folder(item.path, source, item.path_span)

    def _of_library(self, item: t.Use) -> tuple[Path, t.File] | None:
        """A file of the standard library, whatever folder the spec is in."""
        source = library.source(item.path)
        if source is None:
            near = nearest(item.path, library.names())
            title = f"did you mean `<{near}>`?" if near else "`netspec library` lists them with their blocks"
            self.diagnostics.error(
                "NS001", f"the library has no file <{item.path}>", item.path_span,
                notes=[f"it has {', '.join(library.names())}"],
                facts=Instead(item.path_span, f"<{near}>", title) if near else None,
                helps=() if near else [title],
            )  # fmt: skip
            return None
        assert source.path is not None
        if source.path not in self.trees:
            self.trees[source.path] = self._parsed(source)
        tree = self.trees[source.path]
        return (source.path, tree) if tree is not None else None

    def _of_folder(self, path: str, source: SourceFile, span: Span) -> tuple[Path, t.File] | None:
        if self.root is None or source.path is None:
            self.diagnostics.error(
                "NS004", "`use` needs a spec that is a file", span, notes=["this text has no folder to look in"],
                facts=_in_library(path, span),
            )  # fmt: skip
            return None
        target = Path(path)
        try:
            resolved = source.located(source.path.parent / target)
        except (OSError, ValueError, RuntimeError):
            resolved = Path("/")
        if target.is_absolute() or self.root not in resolved.parents:
            self.diagnostics.error(
                "NS004", f'"{path}" lies outside the project folder', span,
                notes=["a spec reads files only from the folder of the file that was named, and below it"],
            )  # fmt: skip
            return None
        if resolved not in self.trees:
            if sum(library.FOLDER not in file.parents for file in self.trees) >= self.limits.files:
                self.diagnostics.error(
                    "NS005",
                    f"more than {self.limits.files} files are used",
                    span,
                    helps=["raise the bound with `--limit files=N`"],
                )
                return None
            self.trees[resolved] = self._read(resolved, source, path, span)
        tree = self.trees[resolved]
        return (resolved, tree) if tree is not None else None

    def _read(self, resolved: Path, source: SourceFile, path: str, span: Span) -> t.File | None:
        assert source.path is not None
        try:
            shown = str(Path(source.name).parent / path) if source.path else path
            text = read_source(resolved, self.limits, name=shown, files=source.files)
        except SpecError as error:
            first = error.diagnostics[0]
            near = _near_file(resolved) if first.code == "NS001" and source.files is None else None
            meant = f'"{Path(path).with_name(near)}"' if near else ""
            facts = Instead(span, meant, f"did you mean {meant}?") if near else _in_library(path, span)
            helps = () if facts else first.helps
            self.diagnostics.error(first.code, first.message, span, notes=first.notes, helps=helps, facts=facts)
            return None
        return self._parsed(text)

    def _parsed(self, text: SourceFile) -> t.File | None:
        inner = Diagnostics()
        most = self.limits.tokens
        tree = parse(text, inner, recover=True, explain=self.explain, most_tokens=most)
        self.diagnostics.skipped.update(inner.skipped)
        for diagnostic in inner:
            self.diagnostics.add(diagnostic)
        return tree
