"""The page in Chromium: what a user does with it, by pointer and by keyboard."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from browsing import Watched, watched  # noqa: F401
from conftest import ROOT
from playwright.sync_api import Page, expect
from serving import served

import netspec
from netspec.analysis.analysis import Analysis
from netspec.elaborate.limits import Limits
from netspec.page.html import page, start_data
from netspec.scene.faces import SIZE, SMALL, Faces, head_text, type_text
from netspec.scene.graph_style import STACK
from netspec.scene.layout import Inside, Measure, laid_out
from netspec.scene.lettering import text_width
from netspec.scene.level_geometry import Spacing
from netspec.scene.opening import opened as draws_open
from netspec.scene.options import DrawOptions
from netspec.scene.parts import Part, Parts
from netspec.server.spec_files import SpecFiles

pytestmark = pytest.mark.slow
SPEC = """net Small(w = 8)

block unit(c) {
  add [ identity; conv3-c pad=1 -> relu ]
}

input 3x16x16
conv3-w pad=1
unit(w) x3
maxpool
gap
FC-10
"""


@contextlib.contextmanager
def opened(watched: Watched, spec: Path) -> Iterator[Page]:
    """The spec in a page; the tab leaves it before the server ends."""
    with served(Path(spec.name), cwd=spec.parent) as server:
        watched.tab.goto(server.address)
        yield watched.tab
        watched.tab.goto("about:blank")


@pytest.fixture
def spec(tmp_path: Path) -> Path:
    path = tmp_path / "small.net"
    path.write_text(SPEC)
    return path


def exported(tmp_path: Path, *names: str) -> str:
    files = SpecFiles({f"{name}.net": ROOT / "examples" / f"{name}.net" for name in names}, Limits())
    documents = [files.checked(name) for name in files.names]
    path = tmp_path / "page.html"
    start = start_data(documents, comparisons=files.comparisons())
    path.write_text(page(start, "x"), encoding="utf-8")
    return path.as_uri()


def test_an_exported_page_is_complete(watched: Watched, tmp_path: Path) -> None:
    tab = watched.tab
    tab.goto(exported(tmp_path, "resnet18", "resnet34"))
    expect(tab.locator(".summary")).to_have_text("11,689,512 parameters, 1,814,073,344 MACs")
    tab.get_by_role("searchbox").fill("gap")
    expect(tab.get_by_role("treeitem")).to_have_count(1)
    watched.item("gap").click()
    expect(tab.get_by_role("region", name="Details")).to_contain_text("512×1×1")
    tab.get_by_role("searchbox").fill("")
    tab.get_by_label("Compare with").select_option("resnet34.net")
    differences = tab.get_by_role("region", name="Differences")
    expect(differences).to_contain_text("-10,108,160 (-46.4%)")
    expect(differences.get_by_role("rowheader").first).to_have_text("parameters")
    expect(differences.get_by_role("listitem")).to_have_count(4)
    differences.get_by_role("button", name="basic3").click()
    expect(tab.locator(".change")).to_have_text("− removed after it: basic3: basic(64, 1), 7 layers")
    expect(tab.get_by_role("button", name="Save")).to_have_count(0)


def test_the_panel_of_a_layer(watched: Watched, tmp_path: Path) -> None:
    tab = watched.tab
    tab.goto(exported(tmp_path, "resnet18"))
    tab.get_by_role("searchbox").fill("conv 3x3-128, stride 2")
    tab.get_by_role("treeitem").click()
    details = tab.get_by_role("region", name="Details")
    expect(details).to_contain_text("(56 + 2*1 - 3)/2 + 1 = 28.5, rounded down to 28")
    expect(details.get_by_role("img")).to_have_attribute(
        "aria-label", re.compile("^row: 51 of 224 rows, the next one 8 further, the first begins 25 before the input")
    )
    field = details.locator("rect.middle").bounding_box()
    whole = details.locator("rect.input").bounding_box()
    assert field is not None
    assert whole is not None
    assert field["width"] / whole["width"] == pytest.approx(51 / 224, rel=0.05)
    crumbs = tab.get_by_role("navigation", name="Path")
    expect(crumbs.get_by_role("listitem")).to_have_text(["ResNet18", "basic(128, 2)", "conv 3x3-128, stride 2, pad 1"])
    tab.get_by_role("searchbox").fill("")
    crumbs.get_by_role("button", name="basic").click()
    expect(watched.item("basic(128, 2)")).to_have_attribute("aria-selected", "true")


def test_parts_open_and_close(watched: Watched, spec: Path) -> None:
    with opened(watched, spec):
        unit = watched.item("unit(8) ×3")
        expect(unit).to_have_attribute("aria-expanded", "true")
        unit.get_by_role("button", name="Close").click()
        expect(unit).to_have_attribute("aria-expanded", "false")
        expect(watched.item("relu")).to_have_count(0)
        unit.get_by_role("button", name="Open").click()
        expect(watched.item("conv")).to_have_count(2)


def test_a_click_on_either_side_shows_the_other(watched: Watched, spec: Path) -> None:
    with opened(watched, spec) as tab:
        watched.item("maxpool").click()
        expect(tab.locator(".cm-content .chosen")).to_have_text("maxpool")
        watched.item("unit(8) ×3").click()
        expect(tab.locator(".cm-content .chosen")).to_have_text("unit(w)")
        canvas = tab.locator(".diagram > canvas").first
        box = canvas.bounding_box()
        assert box is not None
        width, height = tab.evaluate("netspec.layout(netspec.start.documents[0].network, () => true).size")
        zoom = min(1.2, box["width"] / (width + 48), (box["height"] - 40) / (height + 48))
        top = (
            box["height"] - 40
        ) / 2 - height * zoom / 2  # the drawing fits, and stands in the middle above the buttons
        canvas.click(position={"x": box["width"] / 2, "y": top + 12 * zoom})
        expect(tab.locator(".cm-content .chosen")).to_have_text("input 3x16x16")
        expect(tab.get_by_role("region", name="Details")).to_contain_text("3×16×16")


def test_a_slider_checks_the_network_anew(watched: Watched, spec: Path) -> None:
    with opened(watched, spec) as tab:
        expect(tab.locator(".summary")).to_contain_text("2,066 parameters")
        slider = tab.get_by_role("slider", name="w")
        slider.focus()
        slider.press("ArrowRight")
        wanted = netspec.loads(SPEC, w=9).params
        expect(tab.locator(".summary")).to_contain_text(f"{wanted:,} parameters")
        tab.get_by_role("button", name="As in the spec").click()
        expect(tab.locator(".summary")).to_contain_text("2,066 parameters")


def test_a_slider_changes_the_size_of_the_input(watched: Watched, spec: Path) -> None:
    with opened(watched, spec) as tab:
        slider = tab.get_by_role("slider", name="size")
        expect(slider).to_have_value("16")
        slider.focus()
        slider.press("ArrowLeft")
        slider.press("ArrowLeft")
        expect(tab.locator(".cm-content")).to_contain_text("input 3x14x14")
        expect(tab.locator(".summary")).to_contain_text(f"{netspec.loads(SPEC.replace('16x16', '14x14')).macs:,} MACs")


def test_a_comparison_follows_the_text(watched: Watched, spec: Path) -> None:
    base = spec.with_name("base.net")
    base.write_text(SPEC)
    with served(Path(spec.name), Path(base.name), cwd=spec.parent) as server:
        tab = watched.tab
        tab.goto(server.address)
        tab.get_by_label("Compare with").select_option("base.net")
        differences = tab.get_by_role("region", name="Differences")
        expect(differences).to_contain_text("The same network.")
        tab.locator(".cm-line", has_text="FC-10").click()
        tab.keyboard.press("End")
        tab.keyboard.type("0")
        tab.keyboard.press("Home")
        tab.keyboard.type("dropout 0.5\n")
        expect(differences.get_by_role("listitem")).to_have_text(
            [re.compile(r"\+.*dropout p = 0.5"), re.compile("~.*width 10 → 100")]
        )
        watched.item("FC").click()
        expect(tab.locator(".change")).to_have_text("~ changed: width 10 → 100")
        base.write_text(SPEC.replace("FC-10", "FC-100"))
        expect(differences.get_by_role("listitem")).to_have_count(1)
        tab.goto("about:blank")


def test_two_fingers_zoom(watched: Watched, tmp_path: Path) -> None:
    tab = watched.tab
    tab.goto(exported(tmp_path, "resnet18"))
    canvas = tab.locator(".diagram > canvas").first
    before = canvas.screenshot()
    canvas.evaluate(
        """canvas => {
          const box = canvas.getBoundingClientRect();
          canvas.setPointerCapture = () => {};
          const send = (type, id, x) => canvas.dispatchEvent(new PointerEvent(type, {
            pointerId: id, pointerType: "touch", clientX: box.x + x, clientY: box.y + 200, bubbles: true }));
          send("pointerdown", 11, 280), send("pointerdown", 12, 320);
          send("pointermove", 11, 200), send("pointermove", 12, 400);
          send("pointerup", 11, 200), send("pointerup", 12, 400);
        }"""
    )
    tab.wait_for_timeout(200)
    assert canvas.screenshot() != before
    tab.get_by_role("button", name="Fit", exact=True).click()
    tab.wait_for_timeout(200)
    assert canvas.screenshot() == before  # no part was chosen, and the same is in view again


def test_an_error_appears_and_its_fix_removes_it(watched: Watched, spec: Path) -> None:
    with opened(watched, spec) as tab:
        tab.locator(".cm-line", has_text="maxpool").click()
        tab.keyboard.press("End")
        tab.keyboard.type("l")
        finding = tab.get_by_role("list", name="Findings").get_by_role("listitem")
        expect(finding).to_contain_text("did you mean")
        expect(tab.locator(".cm-lintRange-error")).to_have_text("maxpooll")
        mark = tab.locator(".errormarks button")  # beside the block that comes before, the last of what is known
        expect(mark).to_have_text("NS201, line 10: there is no layer or block `maxpooll`")
        mark.click()
        expect(tab.locator(".cm-content")).to_be_focused()
        expect(tab.locator(".cm-activeLine, .cm-line").filter(has_text="maxpooll")).to_be_visible()
        finding.get_by_role("button", name="Fix: did you mean `maxpool`?").click()
        expect(tab.get_by_role("list", name="Findings")).to_have_count(0)
        expect(tab.locator(".cm-content")).to_contain_text("maxpool")


def test_an_edit_is_saved_and_a_change_on_disk_arrives(watched: Watched, spec: Path) -> None:
    with opened(watched, spec) as tab:
        tab.locator(".cm-line", has_text="FC-10").click()
        tab.keyboard.press("End")
        tab.keyboard.type("0")
        expect(tab.locator(".summary")).to_contain_text(
            f"{netspec.loads(SPEC.replace('FC-10', 'FC-100')).params:,} parameters"
        )
        tab.keyboard.press("Control+s")
        expect(tab.get_by_role("button", name="Saved")).to_be_disabled()
        assert spec.read_text() == SPEC.replace("FC-10", "FC-100")
        spec.write_text(SPEC.replace("FC-10", "FC-7"))
        expect(tab.locator(".cm-content")).to_contain_text("FC-7")
        expect(watched.item("FC")).to_contain_text("7 units")


def test_a_change_on_disk_does_not_overwrite_what_is_being_written(watched: Watched, spec: Path) -> None:
    with opened(watched, spec) as tab:
        tab.locator(".cm-line", has_text="FC-10").click()
        tab.keyboard.press("End")
        tab.keyboard.type("1")
        spec.write_text(SPEC.replace("FC-10", "FC-7"))
        expect(tab.get_by_role("status")).to_contain_text("The file has changed on disk")
        expect(tab.locator(".cm-content")).to_contain_text("FC-101")
        tab.get_by_role("button", name="Take it").click()
        expect(tab.locator(".cm-content")).to_contain_text("FC-7")


def test_what_happens_to_one_file_does_not_touch_another(watched: Watched, spec: Path) -> None:
    other = spec.with_name("other.net")
    other.write_text(SPEC.replace("Small", "Other"))
    with served(Path("small.net"), Path("other.net"), cwd=spec.parent) as server:
        tab = watched.tab
        tab.goto(server.address)
        tab.locator(".cm-line", has_text="FC-10").click()
        tab.keyboard.press("End")
        tab.keyboard.type("1")
        spec.write_text(SPEC.replace("FC-10", "FC-7"))
        expect(tab.get_by_role("button", name="Take it")).to_be_visible()
        tab.get_by_label("Spec", exact=True).select_option("other.net")
        expect(tab.get_by_role("button", name="Take it")).to_have_count(0)
        other.unlink()
        expect(tab.get_by_role("status")).to_contain_text("no longer on disk")
        tab.get_by_role("button", name="Save").click()
        expect(tab.get_by_role("button", name="Saved")).to_be_disabled()
        assert other.read_text() == SPEC.replace("Small", "Other")
        tab.get_by_label("Spec", exact=True).select_option("small.net")
        tab.get_by_role("button", name="Take it").click()
        expect(tab.locator(".cm-content")).to_contain_text("FC-7")
        tab.goto("about:blank")


def test_enter_goes_through_what_a_search_finds(watched: Watched, spec: Path) -> None:
    with opened(watched, spec) as tab:
        tab.get_by_label("Search the parts").fill("conv1")
        expect(tab.locator(".found")).to_have_text("2 found")
        for place, name in (("1 of 2", "conv1"), ("2 of 2", "unit1.conv1"), ("1 of 2", "conv1")):
            tab.keyboard.press("Enter")
            expect(tab.locator(".found")).to_have_text(place)
            expect(tab.get_by_role("treeitem", selected=True)).to_contain_text(name)


def test_the_keyboard_alone(watched: Watched, spec: Path) -> None:
    with opened(watched, spec) as tab:
        tab.get_by_role("tree").focus()
        for _ in range(3):
            tab.keyboard.press("ArrowDown")
        unit = watched.item("unit(8) ×3")
        expect(unit).to_have_attribute("aria-selected", "true")
        tab.keyboard.press("ArrowLeft")
        expect(unit).to_have_attribute("aria-expanded", "false")
        tab.keyboard.press("Enter")
        expect(unit).to_have_attribute("aria-expanded", "true")


HOSTILE = SPEC.replace("input", "# </script><img src=x onerror=alert(1)>\u202e\ninput")


def test_a_hostile_spec_runs_nothing(watched: Watched, tmp_path: Path) -> None:
    path = tmp_path / "a<b>&.net"
    path.write_text(HOSTILE)
    asked: list[str] = []
    watched.tab.on("dialog", lambda dialog: (asked.append(dialog.message), dialog.dismiss()))
    with opened(watched, path):
        expect(watched.tab.locator("header b")).to_have_text(path.name)
        expect(watched.tab.locator(".summary")).to_contain_text("parameters")
        assert watched.tab.locator("img[src]").count() == 0
        expect(watched.tab.locator(".cm-specialChar")).to_have_count(1)  # the mark that turns the direction is seen
    assert asked == []


def test_a_notebook_shows_the_page_in_a_frame(watched: Watched, tmp_path: Path) -> None:
    path = tmp_path / "notebook.html"
    path.write_text(f"<!doctype html><meta charset=utf-8>{netspec.loads(SPEC).view()._repr_html_()}", encoding="utf-8")
    watched.tab.goto(path.as_uri())
    frame = watched.tab.frame_locator("iframe")
    expect(frame.locator(".summary")).to_contain_text("2,066 parameters")
    frame.get_by_role("treeitem").filter(has_text="maxpool").click()
    expect(frame.get_by_role("region", name="Details")).to_contain_text("8×8×8")


def _python_layout(name: str) -> Inside:
    graph = netspec.load(ROOT / "examples" / f"{name}.net").graph
    parts = Parts(graph)
    faces = Faces(parts, Analysis(graph))

    def size(part: Part) -> tuple[float, float]:
        stack = STACK if part.count > 1 else 0.0
        return faces.face(part).width + stack, faces.face(part).height + stack

    measure = Measure(
        size, lambda part: text_width(head_text(part), SIZE, bold=True) + 18.0,
        lambda node: (text_width(type_text(graph.nodes[node].type), SMALL) + 8.0, 13.0),
    )  # fmt: skip
    return laid_out(parts, lambda part: True, measure, Spacing())


def _compare(here: Inside, there: dict[str, Any]) -> None:
    assert there["size"] == pytest.approx(here.size, abs=0.01)
    for box, other in zip(here.boxes, there["boxes"], strict=True):
        assert other["corner"] == pytest.approx(box.corner, abs=0.01)
        assert (box.inside is None) == (other["inside"] is None)
        if box.inside is not None:
            _compare(box.inside, other["inside"])
    for route, other in zip(here.routes, there["routes"], strict=True):
        assert other["node"] == route.node
        assert [x for point in other["points"] for x in point] == pytest.approx(
            [x for p in route.points for x in p], abs=0.01
        )
    for (node, corner), (other_node, other_corner) in zip(here.labels, there["labels"], strict=True):
        assert node == other_node
        assert other_corner == pytest.approx(corner, abs=0.01)


@pytest.mark.parametrize(
    "name",
    [
        "googlenet",
        "unet",
        "densenet121",
        "swin_t",
        "shufflenet_v2_x1_0",
        "transformer_base",
        "siamese",
        "bifpn_efficientnet_b0",
    ],
)
def test_the_page_lays_out_as_files_do(watched: Watched, tmp_path: Path, name: str) -> None:
    watched.tab.goto(exported(tmp_path, name))
    there = watched.tab.evaluate("netspec.layout(netspec.start.documents[0].network, () => true)")
    _compare(_python_layout(name), there)


def test_what_is_open_at_first_and_what_text_in_closed_blocks_marks(watched: Watched, tmp_path: Path) -> None:
    """As `draw` opens them, frames of windows included, though closed blocks around them hide those."""
    watched.tab.goto(exported(tmp_path, "swin_t"))
    shown = watched.tab.evaluate("""() => {
        const { network, text } = netspec.start.documents[0];
        const open = netspec.openAtFirst(network, network.depth);
        const marked = netspec.shownFor(network, netspec.partsAt(network, text.indexOf("attention heads")), open);
        return [open, marked].map((parts) => [...parts].map((part) => network.parts[part].head));
    }""")
    parts = Parts(netspec.load(ROOT / "examples" / "swin_t.net").graph)
    is_open = draws_open(parts, DrawOptions())
    assert shown[0] == [
        head_text(part) for part in parts.root.walk() if part.members and part is not parts.root and is_open(part)
    ]
    assert shown[1] == [head_text(part) for part in parts.root.members if part.region and part.region.block == "swin"]
