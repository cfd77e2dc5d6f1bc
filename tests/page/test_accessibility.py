"""The page of a spec by keyboard alone and by axe-core; those of runs and of the playground are tried where they are made."""

from __future__ import annotations

from pathlib import Path

import pytest
from accessibility import both_themes, walked
from browsing import Watched, watched  # noqa: F401
from playwright.sync_api import expect
from serving import served
from test_browser import SPEC, exported

pytestmark = pytest.mark.slow
WRONG = SPEC.replace("maxpool", "maxpol")


def test_an_exported_comparison(watched: Watched, tmp_path: Path) -> None:
    tab = watched.tab
    tab.goto(exported(tmp_path, "resnet18", "resnet34"))
    tab.get_by_label("Compare with").select_option("resnet34.net")
    expect(tab.get_by_role("region", name="Differences")).to_contain_text("basic3")
    walked(tab)
    watched.item("gap").click()
    walked(tab)
    both_themes(tab)


@pytest.mark.parametrize("text", [SPEC, WRONG])
def test_a_spec_that_is_edited(watched: Watched, tmp_path: Path, text: str) -> None:
    path = tmp_path / "small.net"
    path.write_text(text)
    with served(Path(path.name), cwd=tmp_path) as server:
        tab = watched.tab
        tab.goto(server.address)
        expect(tab.locator(".cm-content")).to_contain_text("net Small")
        walked(tab)
        both_themes(tab)
        tab.goto("about:blank")
