"""The page of `netspec report` in a browser: no script, no request, nothing that the policy refuses, light and dark."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from browsing import Watched, watched
from conftest import ROOT, run_netspec

sys.path.append(str(ROOT / "tests" / "training"))
from small_runs import conv_run

__all__ = ["watched"]


@pytest.mark.slow
def test_the_page_of_a_run(watched: Watched, tmp_path: Path) -> None:
    assert run_netspec("report", str(conv_run()), "-o", str(tmp_path / "r.html")).returncode == 0
    tab = watched.tab
    tab.goto((tmp_path / "r.html").as_uri())
    assert tab.locator("h1").inner_text() == "Small"
    colors = []
    for scheme in ("light", "dark"):
        tab.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
        assert tab.locator("#training-curves svg:visible").count() == 1
        assert tab.locator(f"#confusion-matrix .{scheme} svg").is_visible()
        colors.append(tab.evaluate("getComputedStyle(document.body).backgroundColor"))
    assert colors == ["rgb(255, 255, 255)", "rgb(22, 25, 29)"]
    tab.set_viewport_size({"width": 380, "height": 800})
    assert tab.evaluate("document.documentElement.scrollWidth") <= 380
