"""A tab of Debian's Firefox, headless, through WebDriver BiDi (https://w3c.github.io/webdriver-bidi): no driver between."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import time
from pathlib import Path
from typing import Any

from conftest import PATIENCE
from websockets.sync.client import ClientConnection, connect

__all__ = ["Firefox"]

_LISTENS = re.compile(r"WebDriver BiDi listening on (ws://127\.0\.0\.1:\d+)")
_SLOW = 120.0
"""Seconds for a page on a machine under load."""
_SETTINGS = {
    "app.update.disabledForTesting": True,
    "browser.shell.checkDefaultBrowser": False,
    "datareporting.policy.dataSubmissionEnabled": False,
    "network.connectivity-service.enabled": False,
    "network.captive-portal-service.enabled": False,
    "toolkit.telemetry.enabled": False,
}


class Firefox:
    """`wrong` are the errors and warnings of the console."""

    def __init__(self, profile: Path) -> None:
        program = shutil.which("firefox-esr") or shutil.which("firefox")
        assert program is not None, "scripts/test.sh installs Debian's firefox-esr"
        lines = [f"user_pref({json.dumps(name)}, {json.dumps(value)});\n" for name, value in _SETTINGS.items()]
        (profile / "user.js").write_text("".join(lines))
        command = [program, "--headless", "--no-remote", "--remote-debugging-port", "0", "--profile", str(profile)]
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        self.wrong: list[str] = []
        self._sent = 0
        try:
            self._socket = self._connected()
            self._send("session.new", {"capabilities": {}})
            self._send("session.subscribe", {"events": ["log.entryAdded"]})
            self._tab = self._send("browsingContext.create", {"type": "tab"})["context"]
            viewport = {"width": 1400, "height": 850}
            self._send("browsingContext.setViewport", {"context": self._tab, "viewport": viewport})
        except BaseException:
            self._process.kill()
            raise

    def _connected(self) -> ClientConnection:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            if found := _LISTENS.search(line):
                return connect(f"{found[1]}/session", max_size=None, open_timeout=PATIENCE, ping_timeout=None)
        raise AssertionError("Firefox ended before it listened")

    def _send(self, method: str, params: dict[str, Any]) -> dict[str, Any]:
        self._sent += 1
        self._socket.send(json.dumps({"id": self._sent, "method": method, "params": params}))
        while True:
            said = json.loads(self._socket.recv(timeout=PATIENCE))
            if said.get("method") == "log.entryAdded" and said["params"]["level"] in ("error", "warn"):
                self.wrong.append(said["params"]["text"])
            if said.get("id") == self._sent:
                assert said["type"] == "success", said
                result: dict[str, Any] = said["result"]
                return result

    def close(self) -> None:
        self._socket.close()
        self._process.terminate()
        self._process.wait(PATIENCE)

    def goto(self, address: str) -> None:
        self._send("browsingContext.navigate", {"context": self._tab, "url": address, "wait": "complete"})

    def value(self, expression: str) -> Any:
        """What an expression in JavaScript gives, through JSON."""
        found = self._send(
            "script.evaluate",
            {"expression": f"JSON.stringify({expression})", "target": {"context": self._tab}, "awaitPromise": False},
        )
        assert found["type"] == "success", found
        return json.loads(found["result"].get("value", "null"))

    def until(self, expression: str) -> None:
        """Waits until an expression is true."""
        end = time.monotonic() + _SLOW
        while not self.value(f"Boolean({expression})"):
            assert time.monotonic() < end, f"never true: {expression}"
            time.sleep(0.1)

    def click(self, element: str) -> None:
        """On the middle of the element that an expression gives."""
        box = self.value(f"(({element}).scrollIntoView({{ block: 'nearest' }}), ({element}).getBoundingClientRect())")
        place = {"x": int(box["x"] + box["width"] / 2), "y": int(box["y"] + box["height"] / 2)}
        steps = [
            {"type": "pointerMove", **place},
            {"type": "pointerDown", "button": 0},
            {"type": "pointerUp", "button": 0},
        ]
        self._perform({"type": "pointer", "id": "mouse", "actions": steps})

    def press(self, text: str) -> None:
        """Keys, one after the other."""
        steps = [{"type": kind, "value": key} for key in text for kind in ("keyDown", "keyUp")]
        self._perform({"type": "key", "id": "keys", "actions": steps})

    def _perform(self, actions: dict[str, Any]) -> None:
        self._send("input.performActions", {"context": self._tab, "actions": [actions]})

    def screenshot(self, path: Path) -> None:
        import base64

        data = self._send("browsingContext.captureScreenshot", {"context": self._tab})["data"]
        path.write_bytes(base64.b64decode(data))
