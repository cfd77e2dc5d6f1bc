"""The site that is published, in Chromium: netspec in a worker, without a server that checks.

`scripts/site.py` makes it, with Pyodide from `viewer/node_modules`, where `npm ci` puts it.
"""

from __future__ import annotations

import base64
import functools
import http.server
import json
import re
import shutil
import subprocess
import sys
import threading
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from accessibility import both_themes, violations, walked
from browsing import Watched, browser
from conftest import PATIENCE, ROOT
from playwright.sync_api import Page, Route, expect

from netspec.playground.gallery import named
from netspec.playground.session import BOUNDS, UNTITLED
from netspec.scene.options import DrawOptions
from netspec.server.spec_files import SpecFiles

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that is served; the site is below it, as on a host of many projects."""
    if shutil.which("npm") is None:
        pytest.skip("npm is not installed, and Pyodide comes from it: the playground is not tried")
    root = tmp_path_factory.mktemp("served")
    (root / "some").mkdir()
    made = subprocess.run(
        [sys.executable, str(ROOT / "scripts" / "site.py"), str(root / "some" / "site")],
        capture_output=True, text=True, cwd=root, timeout=PATIENCE, check=False,
    )  # fmt: skip
    assert made.returncode == 0, f"{made.stderr}in viewer/, `npm ci --ignore-scripts` installs Pyodide"
    return root


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *arguments: Any) -> None:
        pass


@pytest.fixture(scope="module")
def address(site: Path) -> Iterator[str]:
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(_Quiet, directory=str(site)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}/some/site/"
    server.shutdown()


def wrong(watched: Watched) -> list[str]:
    """Errors, and requests to others; the worker is a text of the page's own."""
    return [line for line in watched.wrong if not line.startswith("blob:http://127.0.0.1:")]


@pytest.fixture(scope="module")
def shared(address: str) -> Iterator[Watched]:
    """One tab for all: Python is loaded once."""
    found = Watched()
    found.tab.set_default_timeout(PATIENCE * 1000)
    found.tab.goto(address)
    yield found
    found.tab.close()


@pytest.fixture
def tab(shared: Watched, address: str) -> Iterator[Page]:
    """The tab at the first example, as it is in the gallery."""
    shared.tab.evaluate("location.hash = '#xor.net'")
    expect(shared.tab.locator("header b")).to_have_text("xor.net")
    if shared.tab.get_by_role("button", name="Reset").count():
        shared.tab.get_by_role("button", name="Reset").click()
    shared.tab.get_by_role("tab", name="Spec").click()
    yield shared.tab
    assert wrong(shared) == []


def test_all_but_checking_is_there_before_python(address: str) -> None:
    watched = Watched()
    tab, held = watched.tab, list[Route]()
    tab.route("**/pyodide-*/**", lambda route: held.append(route))
    tab.goto(address)
    expect(tab.locator(".summary")).to_have_text("11,689,512 parameters, 1,814,073,344 MACs")
    expect(tab.get_by_role("status")).to_contain_text("Python is loading")
    gallery = tab.get_by_role("region", name="Gallery")
    assert gallery.get_by_role("listitem").count() == len(list((ROOT / "examples").glob("*.net")))
    gallery.get_by_role("searchbox").fill("2014 goog")
    expect(gallery.get_by_role("listitem")).to_have_count(2)
    gallery.get_by_role("button", name="GoogLeNet 2014 7.0M").click()
    expect(tab.locator(".summary")).to_have_text("6,998,552 parameters, 1,582,671,872 MACs")
    tab.locator(".cm-line", has_text="FC-classes").last.click()
    tab.keyboard.press("End")
    tab.keyboard.type("  # mine")
    expect(tab.locator(".cm-content")).to_contain_text("FC-classes  # mine")
    expect(tab.get_by_role("link", name="Tutorial")).to_have_attribute("href", "docs/tutorial.html")
    for route in held:
        route.abort()
    expect(tab.get_by_role("status")).to_contain_text("The gallery shows its diagrams all the same")
    assert [line for line in wrong(watched) if "ERR_FAILED" not in line] == [], "the requests that were aborted"
    tab.close()


ASK = "([file, text, values]) => new Promise((done, failed) => netspec.python.check({file, text, parameters: values}, done, failed))"
WRITE = "([form, file, text, values]) => netspec.python.write(form, {file, text, parameters: values, theme: 'dark'})"
SPECS = {
    "xor.net": {}, "resnet18.net": {"classes": 7}, "resnet34.net": {}, "lstm_text.net": {}, "googlenet.net": {}, "siamese.net": {}, "resnet_blocks.net": {},
}  # fmt: skip
WRONG = ("input 3x8x8\nconv9-4\nFC-10 -> sofmax\n", "", "net é𝄞(w = 3)\ninput 3x8x8\n# 𝄞\nconv3-w pad=1 stide=2\n")


def test_the_worker_answers_as_python_does(tab: Page) -> None:
    files = SpecFiles(
        {**named(sorted((ROOT / "examples").glob("*.net")), BOUNDS), UNTITLED: ROOT / "examples" / UNTITLED}, BOUNDS
    )
    asked = [(name, (ROOT / "examples" / name).read_text("utf-8"), values) for name, values in SPECS.items()]
    for name, text, values in [*asked, *((UNTITLED, text, {}) for text in WRONG)]:
        there = tab.evaluate(ASK, [name, text, values])
        assert there == json.loads(json.dumps(files.checked(name, text, values))), name
    for name, text, values in asked[:2]:
        assert tab.evaluate(WRITE, ["py", name, text, values]) == files.written(name, text, values, "py")
        assert tab.evaluate(WRITE, ["svg", name, text, values]) == files.written(
            name, text, values, "svg", DrawOptions(theme="dark")
        )


def test_the_documents_of_the_gallery_are_those_of_the_worker(tab: Page, site: Path) -> None:
    gallery = json.loads((site / "some" / "site" / "gallery" / "unet.net.json").read_text("utf-8"))
    assert tab.evaluate(ASK, ["unet.net", gallery["text"], {}]) == gallery


def test_an_error_its_fix_and_the_code(tab: Page) -> None:
    tab.evaluate("location.hash = '#lenet5.net'")
    expect(tab.locator(".summary")).to_contain_text("61,706 parameters")
    tab.locator(".cm-line", has_text="maxpool").first.click()
    tab.keyboard.press("End")
    tab.keyboard.type("l")
    finding = tab.get_by_role("list", name="Findings").get_by_role("listitem")
    expect(finding).to_contain_text("did you mean")
    tab.get_by_role("tab", name="PyTorch").click()
    expect(tab.get_by_role("tabpanel")).to_contain_text("No PyTorch code: there is no layer or block `maxpooll`")
    finding.get_by_role("button", name="Fix: did you mean `maxpool`?").click()
    expect(tab.get_by_role("list", name="Findings")).to_have_count(0)
    expect(tab.get_by_role("tabpanel")).to_contain_text("class LeNet5(nn.Sequential):")
    slider = tab.get_by_role("slider", name="classes")
    slider.focus()
    slider.press("ArrowRight")
    expect(tab.locator(".summary")).to_contain_text("61,791 parameters")
    expect(tab.get_by_role("tabpanel")).to_contain_text("classes: int = 11")
    tab.get_by_role("tab", name="Spec").click()


@pytest.mark.parametrize(
    ("form", "name", "begin"),
    [("Spec", "xor.net", "# XOR"), ("PyTorch", "xor.py", "# XOR"), ("Picture", "xor.svg", "<svg")],
)
def test_files_to_take_away(tab: Page, form: str, name: str, begin: str) -> None:
    tab.locator("summary", has_text="Download").click()
    with tab.expect_download() as waiting:
        tab.get_by_role("button", name=f"{form} ({name})").click()
    assert waiting.value.suggested_filename == name
    assert Path(waiting.value.path()).read_text("utf-8").startswith(begin)


def test_a_link_holds_the_text_and_the_parameters(tab: Page) -> None:
    tab.get_by_role("button", name="New", exact=True).click()
    tab.locator(".cm-line", has_text="FC-classes").click()
    tab.keyboard.press("End")
    tab.keyboard.type(" -> softmax  # é𝄞")
    slider = tab.get_by_role("slider", name="classes")
    slider.focus()
    slider.press("ArrowLeft")
    tab.get_by_role("button", name="Copy link").click()
    expect(tab.get_by_role("status")).to_contain_text("it holds the text itself")
    other = Watched()
    other.tab.route("**/pyodide-*/**", lambda route: None)
    other.tab.goto(tab.url)
    expect(other.tab.locator(".cm-content")).to_contain_text("FC-classes -> softmax  # é𝄞")
    other.tab.close()
    assert wrong(other) == []
    tab.get_by_role("button", name="Reset").click()
    expect(tab.locator(".cm-content")).not_to_contain_text("softmax")


def fragment(shared: Any, level: int = 9) -> str:
    packer = zlib.compressobj(level, zlib.DEFLATED, -15)
    data = packer.compress(json.dumps(shared).encode()) + packer.flush()
    return f"#spec={base64.urlsafe_b64encode(data).decode().rstrip('=')}"


DAMAGED = {
    "no data": "#spec=", "no base64": "#spec=***", "no archive": "#spec=AAAA", "a bomb": fragment({"file": "x", "text": "a" * 50_000_000}),
    "a list": fragment([1]), "nothing": fragment(None), "no text": fragment({"file": UNTITLED, "text": 7}),
    "no values": fragment({"file": UNTITLED, "text": "", "parameters": {"a": [1]}}), "no name": "#%ff",
}  # fmt: skip


@pytest.mark.parametrize("name", DAMAGED)
def test_a_damaged_link_is_reported(tab: Page, name: str) -> None:
    tab.evaluate("to => location.hash = to", DAMAGED[name])
    expect(tab.get_by_role("status")).to_contain_text("the link is damaged")
    expect(tab.locator("header b")).to_have_text("xor.net")


def test_a_hostile_link_runs_nothing(tab: Page) -> None:
    asked: list[str] = []
    tab.on("dialog", lambda dialog: (asked.append(dialog.message), dialog.dismiss()))
    text = "# <img src=x onerror=alert(1)></script><script>alert(2)</script>\u202e\ninput 3x8x8\nconv3-4 name='<b>'\n"
    evil = {
        "file": "../../<img src=x onerror=alert(3)>.net",
        "text": text,
        "parameters": {"<img src=x>": 1, "__proto__": 1},
    }
    tab.evaluate("to => location.hash = to", fragment(evil))
    expect(tab.locator("header b")).to_have_text(UNTITLED)
    expect(tab.get_by_role("list", name="Findings")).to_be_visible()
    assert tab.locator("img[src]").count() == 0
    assert asked == []
    tab.get_by_role("button", name="Reset").click()


HEAVY = "input 3x64x64\n" + "repeat 4990 { add [ identity; conv3-3 pad=1 ] }\n" + "gapp\n"


def test_a_check_can_be_stopped_and_the_page_stays_alive(tab: Page) -> None:
    tab.evaluate("to => location.hash = to", fragment({"file": UNTITLED, "text": HEAVY}))
    stop = tab.get_by_role("button", name="Stop")
    expect(stop).to_be_visible()
    tab.get_by_role("searchbox", name="Search the gallery").fill("resnet")  # meanwhile, the page answers
    expect(tab.get_by_role("button", name="ResNet-152")).to_be_visible()
    stop.click()
    expect(tab.get_by_role("status")).to_contain_text("stopped")
    tab.get_by_role("searchbox", name="Search the gallery").fill("")
    tab.get_by_role("button", name="Reset").click()
    expect(tab.locator(".summary")).to_contain_text("66,218 parameters")
    expect(tab.get_by_role("status")).not_to_contain_text("stopped")


def test_a_text_that_nests_absurdly_is_reported(tab: Page) -> None:
    deep = "input 3x8x8\nadd " + "[ add " * 2000 + "[ identity; conv1-3 ]" + " ]" * 2000 + "\n"
    tab.evaluate("to => location.hash = to", fragment({"file": UNTITLED, "text": deep}))
    expect(tab.get_by_role("list", name="Findings")).to_contain_text("this nests deeper than 100 levels")
    tab.get_by_role("button", name="Reset").click()
    expect(tab.locator(".summary")).to_contain_text("66,218 parameters")


def test_back_leads_to_the_spec_before(tab: Page) -> None:
    tab.get_by_role("searchbox", name="Search the gallery").fill("8-3-8")
    tab.get_by_role("button", name="8-3-8").click()
    expect(tab).to_have_url(re.compile("#encoder_8_3_8.net$"))
    tab.get_by_label("Compare with").select_option("xor.net")
    expect(tab.get_by_role("region", name="Differences")).to_contain_text("9 → 59")
    tab.go_back()
    expect(tab.locator("header b")).to_have_text("xor.net")
    expect(tab.get_by_role("region", name="Differences")).to_have_count(0)  # it is compared with itself
    tab.go_forward()
    expect(tab.locator("header b")).to_have_text("encoder_8_3_8.net")
    tab.get_by_role("searchbox", name="Search the gallery").fill("")


def test_the_keyboard_alone(tab: Page) -> None:
    tab.get_by_role("searchbox", name="Search the gallery").focus()
    tab.keyboard.type("8-3-8")
    for _ in range(3):
        tab.keyboard.press("Tab")  # the order, a new spec, the first row
    tab.keyboard.press("Enter")
    expect(tab.locator("header b")).to_have_text("encoder_8_3_8.net")
    expect(tab).to_have_url(re.compile("#encoder_8_3_8.net$"))  # which follows a moment later
    expect(tab.locator(".summary")).to_contain_text("59 parameters")
    tab.keyboard.press("Tab")
    tab.keyboard.press("Tab")
    expect(tab.get_by_role("tab", name="PyTorch")).to_be_focused()
    tab.keyboard.press("Enter")
    expect(tab.get_by_role("tabpanel")).to_contain_text("class Encoder838")
    tab.keyboard.press("Shift+Tab")
    tab.keyboard.press("Enter")
    expect(tab.locator(".cm-content")).to_be_visible()
    tab.get_by_role("searchbox", name="Search the gallery").fill("")


def test_a_spec_of_the_documentation_opens(tab: Page, address: str) -> None:
    watched = Watched()
    watched.tab.route("**/pyodide-*/**", lambda route: None)
    watched.tab.goto(f"{address}docs/tutorial.html")
    watched.tab.get_by_role("link", name="Open in the playground").first.click()
    expect(watched.tab.locator("header b")).to_have_text(UNTITLED)
    expect(watched.tab.locator(".cm-content")).to_contain_text("input")
    watched.tab.close()
    assert wrong(watched) == []


def test_the_worker_has_the_policy_of_the_page(address: str) -> None:
    """A worker made as that of Python is: it reaches no other host, not even one that lets everybody in."""

    class Open(_Quiet):
        def end_headers(self) -> None:
            self.send_header("Access-Control-Allow-Origin", "*")
            super().end_headers()

    other = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Open)
    threading.Thread(target=other.serve_forever, daemon=True).start()
    code = f"fetch('http://127.0.0.1:{other.server_address[1]}/').then(() => postMessage('let in'), () => postMessage('kept out'))"
    worker = (
        "code => new Promise(done => new Worker(URL.createObjectURL(new Blob([code]))).onmessage = e => done(e.data))"
    )
    tab = browser().new_page()
    tab.route("**/pyodide-*/**", lambda route: None)
    tab.goto(f"{address}gallery/")  # a page without a policy
    assert tab.evaluate(worker, code) == "let in"
    tab.goto(address)
    assert tab.evaluate(worker, code) == "kept out"
    tab.close()
    other.shutdown()


def test_the_keyboard_reaches_everything_and_axe_finds_nothing(tab: Page) -> None:
    expect(tab.get_by_role("tab", name="PyTorch")).to_be_enabled()
    walked(tab)
    both_themes(tab)
    tab.get_by_role("tab", name="PyTorch").click()
    expect(tab.get_by_role("tabpanel")).to_contain_text("class XOR")
    walked(tab)
    both_themes(tab)


def test_axe_finds_nothing_in_the_documentation(site: Path, address: str) -> None:
    watched = Watched()
    pages = sorted(p.name for p in (site / "some" / "site" / "docs").glob("*.html"))
    found = {}
    various = {"tutorial.html", "language.html", "gallery.html", "view.html"}  # with all that pages are made of
    assert various <= set(pages)
    for name in pages:
        for scheme in ("light", "dark") if name in various else ("light",):
            watched.tab.emulate_media(color_scheme=scheme)
            watched.tab.goto(f"{address}docs/{name}")
            found[name, scheme] = violations(watched.tab)
    watched.tab.close()
    assert {place: lines for place, lines in found.items() if lines} == {}
    assert wrong(watched) == []
