"""Frames in the page: rounds of several layers and the bodies of windows, which have the name of their first layer."""

from __future__ import annotations

from pathlib import Path

import pytest
from browsing import Watched, watched  # noqa: F401
from conftest import ROOT
from playwright.sync_api import expect
from test_browser import opened
from test_writing import picture

import netspec
from netspec.scene.parts import Parts

SPEC = """net Framed
input 3x16x16
repeat 2 {
  conv3-8 pad=1
  maxpool
}
windows 2 {
  repeat 3 { ln; linear-8 }
}
"""


@pytest.mark.slow
def test_a_frame_is_chosen_and_closed(watched: Watched, tmp_path: Path) -> None:
    path = tmp_path / "framed.net"
    path.write_text(SPEC)
    with opened(watched, path) as tab:
        frame = tab.get_by_role("treeitem").filter(has_text="×2").first
        expect(frame).to_have_attribute("aria-expanded", "true")
        frame.click()
        expect(frame).to_have_attribute("aria-selected", "true")
        expect(watched.item("conv 3x3-8")).to_have_attribute("aria-selected", "false")
        assert ">maxpool<" in picture(tab)
        tab.get_by_role("button", name="Close all").click()
        expect(frame).to_have_attribute("aria-expanded", "false")
        expect(tab.get_by_role("treeitem", expanded=True)).to_have_count(0)
        assert ">maxpool<" not in picture(tab)


@pytest.mark.parametrize("spec", [SPEC, *(ROOT / "examples" / f"{name}.net" for name in ("swin_t", "mvit_v2_s"))])
def test_every_part_has_a_key_of_its_own(spec: str | Path) -> None:
    graph = (netspec.load(spec) if isinstance(spec, Path) else netspec.loads(spec)).graph
    parts = Parts(graph)
    keys = [parts.key(part) for part in parts.root.walk()]
    assert len(set(keys)) == len(keys)
