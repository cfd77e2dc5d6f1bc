"""The site: one page, the documents of its gallery, and what its worker loads. Static files, for any server and folder."""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from types import MappingProxyType
from typing import Any

from netspec.diagnostics import SpecError
from netspec.files import atomic_write, cannot_write
from netspec.optional import install_command
from netspec.page.html import page, start_data
from netspec.playground import pyodide
from netspec.playground.gallery import entry, named
from netspec.playground.session import BOUNDS, UNTITLED
from netspec.server.spec_files import SpecFiles
from netspec.version import __version__

__all__ = ["build"]

_LIST = "netspec-playground.json"
"""The names of the files of a site, in its folder: they may be replaced."""
_PACKAGES = ("netspec", "lark")
"""What `check` needs in the browser."""
_NOT_NEEDED = ("netspec/page/bundle", "netspec/examples")
_STARTER = """net Untitled(classes = 10)

default conv pad=same act=relu

input 3x32x32

conv3-32 x2 -> maxpool
conv3-64 x2 -> maxpool
gap
FC-classes
"""


def build(
    folder: Path,
    specs: Sequence[Path],
    given: Path | None = None,
    links: Iterable[tuple[str, str]] = (),
    pages: Mapping[str, bytes] = MappingProxyType({}),
) -> str:
    """Writes the site into a folder, which is new, empty or of an earlier site; says what it holds.

    `given` is the folder of Pyodide; `links` are titles and addresses of documentation, `pages` its files by name. The
    first of the specs is shown first. Raises SpecError: NS001 to NS005 where a spec cannot be read, NS501 for another folder, NS502 without Pyodide.
    """
    place, version = pyodide.found(given, Path.cwd())
    paths = named(specs, BOUNDS)
    shown = SpecFiles({**paths, UNTITLED: Path(UNTITLED)}, BOUNDS)
    documents = [*(shown.checked(name) for name in paths), shown.checked(UNTITLED, _STARTER)]
    loaded = dict(_loaded(place, version))
    start = _start(documents, loaded, version, links)
    made = {
        **pages,
        **loaded,
        **{f"gallery/{document['file']}.json": _json(document) for document in documents},
        "index.html": page(start, "netspec: neural networks as short as the table in the paper", site=True).encode(),
    }
    _write(folder, made)
    return f"{folder}: {len(paths)} spec{'' if len(paths) == 1 else 's'}, {sum(map(len, made.values())) / 1e6:.1f} MB"


def _start(
    documents: list[dict[str, Any]], loaded: dict[str, bytes], version: str, links: Iterable[tuple[str, str]]
) -> dict[str, Any]:
    """What the page starts from: every text, and the network of the first."""
    light = [{**document, "network": None, "findings": []} for document in documents[1:]]
    archive = next(name for name in loaded if name.startswith("netspec"))
    worker = files("netspec.page").joinpath("bundle", "worker.js").read_text(encoding="utf-8")
    site = {
        "worker": worker, "archive": archive, "pyodide": f"pyodide-{version}/", "bytes": sum(len(data) for name, data in loaded.items() if not name.endswith(".mjs")),
        "untitled": UNTITLED, "install": install_command(), "netspec": __version__, "links": list(links),
        "gallery": [entry(document) for document in documents[:-1]],
    }  # fmt: skip
    return {**start_data([*documents[:1], *light]), "site": site}


def _loaded(place: Path, version: str) -> Iterator[tuple[str, bytes]]:
    """What the worker loads, by names that change with the content: browsers keep what has a name that they know."""
    archive = _archive()
    yield f"netspec-{__version__}-{_digest(archive)}.zip", archive
    for name in pyodide.FILES:
        yield f"pyodide-{version}/{name}", (place / name).read_bytes()


def _archive() -> bytes:
    """The installed packages in one archive: the same bytes for the same packages."""
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w", zipfile.ZIP_DEFLATED) as archive:
        for package in _PACKAGES:
            for name, content in _tree(files(package), package):
                archive.writestr(zipfile.ZipInfo(name), content, zipfile.ZIP_DEFLATED)
    return data.getvalue()


def _tree(folder: Traversable, name: str) -> Iterator[tuple[str, bytes]]:
    for item in sorted(folder.iterdir(), key=lambda item: item.name):
        inner = f"{name}/{item.name}"
        if item.is_dir():
            if item.name != "__pycache__" and inner not in _NOT_NEEDED:
                yield from _tree(item, inner)
        elif not item.name.endswith(".pyc"):
            yield inner, item.read_bytes()


def _write(folder: Path, made: dict[str, bytes]) -> None:
    """Writes the files, the page last, and removes those of an earlier site that are no longer part of it."""
    try:
        before = _earlier(folder)
        for name in sorted({name.rpartition("/")[0] for name in made}):
            (folder / name).mkdir(parents=True, exist_ok=True)
        for name, data in {_LIST: _json(sorted(made)), **made}.items():
            with atomic_write(folder / name) as file:
                file.write(data)
        for name in before - set(made):
            (folder / name).unlink(missing_ok=True)
    except OSError as error:
        raise cannot_write(folder, error) from None


def _earlier(folder: Path) -> set[str]:
    """The files of the site that a folder holds. Raises SpecError (NS501) where it holds something else."""
    if not folder.exists() or (folder.is_dir() and not any(folder.iterdir())):
        return set()
    try:
        names = json.loads((folder / _LIST).read_text(encoding="utf-8"))
        if isinstance(names, list) and all(isinstance(name, str) and _is_inside(name) for name in names):
            return set(names)
    except (OSError, ValueError, RecursionError):
        pass
    raise SpecError.of(
        "NS501",
        f"{folder} is not a playground, and its files might be lost",
        helps=["name a new folder, or an empty one"],
    )


def _is_inside(name: str) -> bool:
    return not Path(name).is_absolute() and ".." not in Path(name).parts


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()[:12]


def _json(data: Any) -> bytes:
    return json.dumps(data, separators=(",", ":")).encode()
