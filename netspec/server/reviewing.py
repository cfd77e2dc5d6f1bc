"""Reviews of runs, computed in a process apart: PyTorch is large, and whoever leaves the page ends it."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import sys
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

from netspec.diagnostics.display import printable
from netspec.training.review import PARTS

__all__ = ["Reviews", "command"]

_PIECE = 1 << 16


def command(path: Path, part: str) -> list[str]:
    """The command that reviews a run. It imports from the folders that this process imports from, no others."""
    here = not {"", str(Path.cwd())} & set(sys.path)
    return [
        sys.executable, *(["-P"] if here else []), "-m", "netspec.training.review", str(path.resolve()), *([part] if part else []),
    ]  # fmt: skip


class Reviews:
    """At most one process for each run."""

    def __init__(self) -> None:
        self._busy: set[Path] = set()

    def lines(self, path: Path, part: str) -> AsyncIterator[bytes]:
        """What the process writes (see `netspec.training.review`); it is ended with the iterator.

        Raises ValueError for a part that there is not.
        """
        if part and part not in PARTS:
            raise ValueError(f"a part is {', '.join(PARTS)}")
        return self._lines(path, part)

    async def _lines(self, path: Path, part: str) -> AsyncIterator[bytes]:
        if path in self._busy:
            yield _errors("this run is being evaluated already")
            return
        self._busy.add(path)
        pipe = asyncio.subprocess.PIPE
        process = await asyncio.create_subprocess_exec(
            *command(path, part), stdin=asyncio.subprocess.DEVNULL, stdout=pipe, stderr=pipe
        )
        assert process.stdout is not None
        assert process.stderr is not None
        said = asyncio.create_task(_last(process.stderr))
        try:
            while piece := await process.stdout.read(_PIECE):
                yield piece
            code = await process.wait()
            if code not in (0, 1):
                how = f"signal {-code}" if code < 0 else f"code {code}"
                yield _errors(f"the evaluation ended with {how}", (await said)[-1:])
        finally:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            said.cancel()
            self._busy.discard(path)


async def _last(stream: asyncio.StreamReader) -> list[str]:
    """The last lines of a stream that is read to its end."""
    kept = b""
    while piece := await stream.read(_PIECE):
        kept = (kept + piece)[-_PIECE:]
    return [printable(line.strip()) for line in kept.decode(errors="replace").split(os.linesep) if line.strip()]


def _errors(message: str, notes: Sequence[str] = ()) -> bytes:
    data: dict[str, Any] = {"errors": [{"message": message, "notes": list(notes), "helps": []}]}
    return json.dumps(data).encode() + b"\n"
