"""`netspec view` in a process of its own, and requests to it."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit


class Served:
    def __init__(self, address: str) -> None:
        self.address = address
        parts = urlsplit(address)
        self.host = parts.netloc
        self.token = parse_qs(parts.query)["token"][0]

    def request(self, path: str, data: Any = None, **headers: str) -> tuple[int, Any, dict[str, str]]:
        """(status, body, headers); headers by name with underscores."""
        sent = {"X-Netspec-Token": self.token, **{k.replace("_", "-"): v for k, v in headers.items()}}
        body = None if data is None else data if isinstance(data, bytes) else json.dumps(data).encode()
        asked = urllib.request.Request(f"http://{self.host}{path}", body, sent)
        try:
            with urllib.request.urlopen(asked) as answer:
                return answer.status, answer.read().decode(), dict(answer.headers)
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode(), dict(error.headers)


@contextlib.contextmanager
def served(*specs: Path, cwd: Path) -> Iterator[Served]:
    command = [sys.executable, "-m", "netspec", "view", *map(str, specs), "--no-browser"]
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, text=True, cwd=cwd, env={**os.environ, "PYTHONUNBUFFERED": "1"}
    )
    try:
        assert process.stdout is not None
        yield Served(process.stdout.readline().strip())
    finally:
        process.terminate()
        process.wait()
