"""Files of a revision in a git repository: `HEAD~1:nets/model.net`.

Git is called without a shell, with the full id of a commit or of a file; nothing that it would run for a user (pagers,
filters, monitors of the file system) takes part, and nothing is fetched.
"""

from __future__ import annotations

import os
import posixpath
import re
import subprocess
from collections.abc import Sequence
from pathlib import Path

from netspec.diagnostics import SpecError

__all__ = ["Revision", "is_revision", "revision_of"]

_SPELLED = re.compile(r"(?P<revision>[^:\s][^:]+|[^:\s./\\]):(?P<path>[^\0]+)", re.DOTALL)
_DRIVE = re.compile(r"[A-Za-z]:[\\/]")
_FOLDER, _LINK, _MODULE = "040000", "120000", "160000"
_OPTIONS = ("--no-pager", "--no-optional-locks", "--literal-pathspecs", "-c", "core.fsmonitor=false")


def is_revision(spec: str) -> bool:
    """Whether a spec is written as a file of a revision, and is not the name of a file on disk."""
    return _SPELLED.fullmatch(spec) is not None and not _DRIVE.match(spec) and not _exists(spec)


def _exists(path: str) -> bool:
    try:
        return Path(path).exists()
    except (OSError, ValueError):
        return False


def revision_of(spec: str, folder: Path | None = None) -> tuple[Revision, Path]:
    """The revision and the path of a file in it, as `git show` takes them: from the top of the repository, or from the
    current folder where the path begins with `./` or `../`.

    Raises SpecError where there is no such commit, no repository, or no git, and for a path outside the repository.
    """
    spelled = _SPELLED.fullmatch(spec)
    assert spelled is not None, spec
    name, path = spelled["revision"], spelled["path"]
    folder = folder or Path.cwd()
    try:
        prefix = _git(folder, "rev-parse", "--show-prefix").decode(errors="surrogateescape").removesuffix("\n")
        top = Path(_git(folder, "rev-parse", "--show-toplevel").decode(errors="surrogateescape").removesuffix("\n"))
    except subprocess.CalledProcessError as error:
        raise SpecError.of(
            "NS001", f"{spec} cannot be read: {folder} is in no git repository", notes=_said(error)
        ) from None
    if name.startswith("-"):
        raise SpecError.of("NS001", f"{name} is not a revision")
    try:
        commit = _git(top, "rev-parse", "--verify", "--quiet", f"{name}^{{commit}}").decode().strip()
    except subprocess.CalledProcessError:
        raise SpecError.of("NS001", f"there is no revision {name} in this repository") from None
    revision = Revision(top, commit, name)
    try:
        return revision, revision.located(Path("/", prefix if path.startswith(("./", "../")) else "", path))
    except ValueError:
        raise SpecError.of("NS004", f"{path} is outside the repository") from None


class Revision:
    """The files of a commit. Their paths begin with `/`, the top of the repository."""

    def __init__(self, top: Path, commit: str, name: str) -> None:
        self.top, self.commit, self.name = top, commit, name

    def located(self, path: Path) -> Path:
        """The path without `.` and `..`. Raises ValueError for one outside the repository."""
        depth, parts = 0, [part for part in path.parts if part not in ("/", ".")]
        for part in parts:
            depth += -1 if part == ".." else 1
            if depth < 0:
                raise ValueError("it is outside the repository")
        return Path(posixpath.normpath("/" + "/".join(parts)))

    def read(self, path: Path, most: int) -> bytes:
        """The first `most` + 1 bytes of a file. Raises OSError for anything else than a regular file."""
        try:
            listed = _git(self.top, "ls-tree", "-z", "--full-tree", self.commit, "--", str(path).lstrip("/"))
            if not listed:
                raise FileNotFoundError(2, f"it is not in {self.name}", str(path))
            mode, _, file = listed.split(b"\t")[0].decode().split(" ")
            if mode in (_FOLDER, _MODULE):
                raise IsADirectoryError(21, "it is a folder, not a file", str(path))
            if mode == _LINK:
                raise OSError(22, f"it is a symbolic link in {self.name}", str(path))
            if int(_git(self.top, "cat-file", "-s", file)) > most:
                return b" " * (most + 1)  # too large, which is all that is said of it
            return _git(self.top, "cat-file", "blob", file)
        except subprocess.CalledProcessError as error:
            raise OSError(5, next(iter(_said(error)), "git cannot read it"), str(path)) from None


def _git(folder: Path, *arguments: str) -> bytes:
    """What a command of git prints. Raises CalledProcessError, and SpecError (NS502) where there is no git."""
    command: Sequence[str] = ("git", *_OPTIONS, *arguments)
    quiet = {"GIT_TERMINAL_PROMPT": "0", "GIT_NO_LAZY_FETCH": "1", "LC_ALL": "C"}
    try:
        done = subprocess.run(
            command, cwd=folder, env={**os.environ, **quiet}, stdin=subprocess.DEVNULL, capture_output=True, check=True
        )
    except FileNotFoundError:
        raise SpecError.of("NS502", "git is not installed", helps=["install git, or compare two files"]) from None
    except ValueError as error:  # a zero byte in an argument
        raise SpecError.of("NS001", f"this is not a revision: {error}") from None
    return done.stdout


def _said(error: subprocess.CalledProcessError) -> list[str]:
    text = (error.stderr or b"").decode(errors="replace").strip().splitlines()
    return [text[0].removeprefix("fatal: ")[:300]] if text else []
