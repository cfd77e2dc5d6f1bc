"""netspec in the browser: what the worker (`viewer/src/worker.ts`) calls.

A spec comes from a stranger's link, so it is checked within the bounds of `--limit-profile service`; `use` reads the specs
of the gallery. Nothing here measures time: the page ends the worker where the reader does not want to wait.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from netspec.diagnostics import SpecError
from netspec.elaborate.limits import SERVICE_LIMITS
from netspec.server.spec_files import SpecFiles, given_against, given_parameters, given_picture

__all__ = ["BOUNDS", "UNTITLED", "Session"]

BOUNDS = SERVICE_LIMITS.raised(files=1_000)
UNTITLED = "untitled.net"
"""What a spec is called that is not in the gallery."""


class Session:
    """Answers requests about the specs in a folder, which need not be saved in it."""

    def __init__(self, folder: str) -> None:
        root = Path(folder)
        paths = {path.relative_to(root).as_posix(): path for path in sorted(root.rglob("*.net"))}
        self._files = SpecFiles({**paths, UNTITLED: root / UNTITLED}, BOUNDS)

    def answer(self, request: str) -> str:
        """What is asked for, in JSON: `document` of a text (see `netspec.page.document`), `text` where a form is asked for,
        else `error`."""
        try:
            return json.dumps(self._answered(json.loads(request)))
        except SpecError as error:
            return json.dumps({"error": "\n".join(d.message for d in error.diagnostics)})
        except (KeyError, ValueError) as error:
            return json.dumps({"error": f"the request cannot be read: {error}"})

    def _answered(self, asked: dict[str, Any]) -> dict[str, Any]:
        values = given_parameters(asked)
        if "form" in asked:
            written = self._files.written(asked["file"], asked["text"], values, asked["form"], given_picture(asked))
            return {"text": written}
        return {"document": self._files.checked(asked["file"], asked["text"], values, given_against(asked))}
