"""A tab of Debian's Chromium, in a browser that the tests of a process share."""

from __future__ import annotations

import atexit
import re
import shutil
from collections.abc import Iterator
from functools import cache
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

QUIET = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
expect.set_options(timeout=120_000)  # a machine under load


@cache
def browser() -> Browser:
    program = shutil.which("chromium")
    assert program is not None, "scripts/test.sh installs Debian's chromium"
    playwright = sync_playwright().start()
    started = playwright.chromium.launch(executable_path=program, args=list(QUIET))
    atexit.register(lambda: (started.close(), playwright.stop()))
    return started


class Watched:
    """A tab, and what must not happen in it: errors, and requests to others."""

    def __init__(self) -> None:
        self.tab: Page = browser().new_page(viewport={"width": 1400, "height": 850})
        self.tab.set_default_timeout(120_000)  # a machine under load
        self.wrong: list[str] = []
        self.tab.on("console", lambda m: self.wrong.append(m.text) if m.type in ("error", "warning") else None)
        self.tab.on("pageerror", lambda error: self.wrong.append(str(error)))
        self.tab.on(
            "request",
            lambda r: None if re.match(r"file:|data:|about:|http://127\.0\.0\.1:", r.url) else self.wrong.append(r.url),
        )

    def item(self, name: str) -> Any:
        return self.tab.get_by_role("treeitem").filter(has_text=name)


@pytest.fixture
def watched() -> Iterator[Watched]:
    found = Watched()
    yield found
    assert found.wrong == []
    found.tab.close()
