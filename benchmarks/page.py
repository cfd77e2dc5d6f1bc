"""The page in headless Chromium: layout, frames while panning and zooming, and thousands of edits.

A transformer of 10,000 layers, no two neighbors of which are equal, 100 branches of 100 layers side by side, and DenseNet-BC-190 with
growth 40, everything opened. Aims:
layout under a second, in Python and in the page; 60 frames per second (16.7 ms) at 10,000 boxes in view, where the machine has a GPU:
without one, Chromium rasterizes on the processor, so the milliseconds that painting takes of each frame are reported as well:
those of the script, and `pixels`, those until the pixels are there (of the quickest tenth, without other load; measured apart
from the frames).
Then 2,000 edits as fast as the page takes them: the heap before and after, and whether what is shown is what the text says.
`soak`, which runs only if asked for: 200 edits a minute for ten minutes, a layer typed letter by letter after Swin V2-T and deleted
again, with what the page and the process of the server hold.

    python benchmarks/page.py [layout] [frames] [edits] [soak]

Needs `pip install 'netspec-nn[dev]'` and Debian's chromium.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from playwright.sync_api import CDPSession, Page, sync_playwright

import netspec
from netspec.analysis.analysis import Analysis
from netspec.graph import Graph
from netspec.page.document import document
from netspec.page.html import page, start_data
from netspec.scene.faces import SIZE, SMALL, Faces, head_text, type_text
from netspec.scene.layout import Inside, Measure, laid_out
from netspec.scene.lettering import text_width
from netspec.scene.level_geometry import Spacing
from netspec.scene.parts import Part, Parts

ROOT = Path(__file__).resolve().parent.parent
EDITS = 2_000
FRAMES = 120
PARTS = 4
MINUTES, PER_MINUTE = 10, 200
TYPED = "FC-37 act=relu"

# Milliseconds of script per frame: what runs in callbacks of requestAnimationFrame.
TIMED = """
window.ask = window.requestAnimationFrame.bind(window);
window.spent = 0;
window.requestAnimationFrame = (work) => ask((now) => { const start = performance.now(); work(now); window.spent += performance.now() - start; });
window.frames = async (count, act) => {
  const found = [];
  let last = await new Promise(ask);
  for (let i = 0; i < count; i++) {
    window.spent = 0;
    act(i);
    const now = await new Promise(ask);
    const next = await new Promise(ask);
    found.push([next - now, window.spent]);
    last = next;
  }
  return found;
};
"""
WHEEL = """(steps) => {
  const canvas = document.querySelector(".diagram canvas");
  const box = canvas.getBoundingClientRect();
  const at = { clientX: box.x + box.width / 2, clientY: box.y + box.height / 2, bubbles: true, cancelable: true };
  return frames(steps.count, (i) => canvas.dispatchEvent(new WheelEvent("wheel", { ...at, ctrlKey: steps.zoom,
    deltaX: 0, deltaY: (Math.floor(i / 15) % 2 ? -1 : 1) * steps.delta })));
}"""

# Milliseconds until a pixel can be read after a turn of the wheel.
PIXELS = """async (steps) => {
  const canvas = document.querySelector(".diagram canvas");
  const box = canvas.getBoundingClientRect();
  const at = { clientX: box.x + box.width / 2, clientY: box.y + box.height / 2, bubbles: true, cancelable: true };
  const found = [];
  for (let i = 0; i < steps.count; i++) {
    await new Promise(ask);
    window.spent = 0;
    canvas.dispatchEvent(new WheelEvent("wheel", { ...at, ctrlKey: steps.zoom,
      deltaX: 0, deltaY: (Math.floor(i / 15) % 2 ? -1 : 1) * steps.delta }));
    found.push(await new Promise((done) => ask(() => {
      const start = performance.now();
      canvas.getContext("2d").getImageData(0, 0, 1, 1);
      done(window.spent + performance.now() - start);
    })));
  }
  return found;
}"""
MOVES = (
    ("panning, all in view", None, False, 20),
    ("zooming", None, True, 12),
    ("panning, zoom 1", 0, False, 60),
    ("panning, zoom 0.41", 4, False, 20),
    ("panning, zoom 0.21", 7, False, 20),
    ("panning, zoom 0.13", 9, False, 20),
)
"""What is done: its name, how often the drawing of actual size is made smaller, whether it zooms, and the turns of the wheel."""


def transformer(layers: int) -> str:
    """Blocks of ten layers; neighbors differ in their dropout, so that none are drawn as one."""
    block = "block encoder(p) {\n  residual { attention heads=4 -> dropout p }\n  ln\n  residual { linear-256 act=relu -> linear-64 -> dropout p }\n  ln\n}\n"
    blocks = "".join(f"encoder(0.{1 + i % 2})\n" for i in range(layers // 10))
    return f"net Transformer\n{block}input ids 64 int\nembed-64 vocab=100\n{blocks}gap\nFC-2\n"


def branches(wide: int, deep: int) -> str:
    """Parallel chains of layers: a drawing as wide as it is high."""
    chain = " -> ".join("tanh" if i % 2 else "sigmoid" for i in range(deep))
    return f"net Branches\ninput 8x8x8\nconcat [ {'; '.join([chain] * wide)} ]\ngap\nFC-2\n"


def subjects() -> dict[str, Graph]:
    densenet = ROOT / "examples" / "densenet_bc_100_12.net"
    text = "".join(line for line in densenet.read_text().splitlines(True) if not line.startswith("expect"))
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "densenet.net").write_text(text)
        dense = netspec.load(Path(folder) / "densenet.net", L=190, k=40).graph
    return {
        "transformer, 10,000 layers": netspec.loads(transformer(10_000)).graph,
        "100 branches of 100 layers": netspec.loads(branches(100, 100)).graph,
        "DenseNet-BC-190 (k = 40)": dense,
    }


def seconds(work: Callable[[], object], times: int = 3) -> float:
    """Of this process alone: other load does not count."""
    found = []
    for _ in range(times):
        start = time.process_time()
        work()
        found.append(time.process_time() - start)
    return min(found)


def python_layout(graph: Graph, *, folded: bool) -> tuple[float, int]:
    """Seconds of order and coordinates with everything opened, and the boxes laid out."""
    parts = Parts(graph, folded=folded)
    faces = Faces(parts, Analysis(graph))
    sizes: dict[tuple[object, ...], tuple[float, float]] = {}

    def size(part: Part) -> tuple[float, float]:
        key = (part.start, part.stop, part.name)
        if key not in sizes:
            sizes[key] = (faces.face(part).width, faces.face(part).height)
        return sizes[key]

    measure = Measure(
        size,
        lambda part: text_width(head_text(part), SIZE, bold=True) + 18.0,
        lambda node: (text_width(type_text(graph.shown(node)), SMALL) + 8.0, 13.0),
    )
    inside = laid_out(parts, lambda part: True, measure, Spacing())  # measures texts, once
    return seconds(lambda: laid_out(Parts(graph, folded=folded), lambda part: True, measure, Spacing())), _boxes(inside)


def _boxes(inside: Inside) -> int:
    return sum(1 + (_boxes(box.inside) if box.inside else 0) for box in inside.boxes)


def opened(tab: Page, graph: Graph, folder: str) -> None:
    shown = document(netspec.loads("input 3; relu").source, graph, (), "x.net")
    path = Path(folder) / "page.html"
    path.write_text(page(start_data([shown]), "x"), encoding="utf-8")
    tab.goto(path.as_uri())


def layouts() -> None:
    print(
        f"{'layout, everything open':<28}  {'boxes':>7}  {'Python, s':>9}  {'all rounds':>10}  {'boxes':>7}  {'page, s':>8}"
    )
    with chromium() as tab, tempfile.TemporaryDirectory() as folder:
        for name, graph in subjects().items():
            (took, boxes), (unfolded, all_boxes) = (python_layout(graph, folded=f) for f in (True, False))
            opened(tab, graph, folder)
            found = tab.evaluate(
                "() => [0, 1, 2, 3, 4, 5, 6].map(() => { const start = performance.now();"
                "netspec.layout(netspec.start.documents[0].network, () => true); return performance.now() - start; })"
            )
            print(
                f"{name:<28}  {boxes:>7,}  {took:>9.3f}  {unfolded:>10.3f}  {all_boxes:>7,}  {min(found) / 1000:>8.3f}",
                flush=True,
            )


def frames() -> None:
    print(f"{'frames, everything open':<48}  {'median':>7}  {'95 %':>7}  {'script':>7}  {'pixels':>7}  ms")
    with chromium() as tab, tempfile.TemporaryDirectory() as folder:
        for name, graph in subjects().items():
            opened(tab, graph, folder)
            tab.get_by_role("button", name="Open all").click()
            for what, smaller, zoom, delta in MOVES:
                if smaller is None:
                    tab.get_by_role("button", name="Fit all").click()
                else:
                    for key in "1" + "-" * smaller:
                        tab.locator(".diagram canvas").first.press(key)
                steps = {"count": FRAMES, "zoom": zoom, "delta": delta}
                took = tab.evaluate(WHEEL, steps)
                gaps, script = [f[0] for f in took], [f[1] for f in took]
                pixels = sorted(tab.evaluate(PIXELS, steps))[FRAMES // 10]
                print(
                    f"{name + ', ' + what:<48}  {statistics.median(gaps):>7.1f}  {sorted(gaps)[int(0.95 * len(gaps))]:>7.1f}  "
                    f"{statistics.median(script):>7.1f}  {pixels:>7.1f}", flush=True,
                )  # fmt: skip


@contextlib.contextmanager
def live(text: str) -> Iterator[tuple[Page, int]]:
    """The page of a spec with the cursor at its end, and the process of its server."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "edited.net"
        path.write_text(text)
        server = subprocess.Popen(
            [sys.executable, "-m", "netspec", "view", str(path), "--no-browser"],
            stdout=subprocess.PIPE, text=True, env={**os.environ, "PYTHONUNBUFFERED": "1"},
        )  # fmt: skip
        assert server.stdout is not None
        try:
            with chromium() as tab:
                tab.goto(server.stdout.readline().strip())
                tab.locator(".cm-content").click()
                tab.keyboard.press("Control+End")
                yield tab, server.pid
                tab.goto("about:blank")
        finally:
            server.terminate()
            server.wait()


def without_expectations(name: str) -> str:
    text = (ROOT / "examples" / f"{name}.net").read_text()
    return "".join(line for line in text.splitlines(True) if not line.startswith("expect")).rstrip()


def awaited(tab: Page, text: str) -> str:
    """What the page says of a text, once it does."""
    wanted = f"{netspec.loads(text).params:,} parameters"
    tab.wait_for_function("(wanted) => document.querySelector('.summary').textContent.includes(wanted)", arg=wanted)
    return wanted


def table(held: list[dict[str, float]], count: int) -> None:
    print(f"{'after edits':<18}" + "".join(f"{count * i // (len(held) - 1):>12,}" for i in range(len(held))))
    for name in held[0]:
        print(f"{name:<18}" + "".join(f"{found[name]:>12,.0f}" for found in held))


def edits() -> None:
    """In the live page: two digits are written and taken back, again and again."""
    text = f"{without_expectations('lenet5')}\nFC-10"
    with live(text) as (tab, _):
        devtools = tab.context.new_cdp_session(tab)
        _type(tab, 200)
        held = [heap(devtools)]
        took = 0.0
        for _ in range(PARTS):
            start = time.perf_counter()
            _type(tab, EDITS // PARTS)
            took += time.perf_counter() - start
            held.append(heap(devtools))
        tab.keyboard.type("7")
        wanted = awaited(tab, f"{text}7\n")
    print(f"{EDITS:,} edits in {took:.0f} s; at the end the page shows {wanted}")
    table(held, EDITS)


def soak() -> None:
    """At the pace of a fast writer, and slow enough that every edit is checked."""
    text = f"{without_expectations('swin_v2_t')}\n"
    keys = [*TYPED, *["Backspace"] * len(TYPED)]
    with live(text) as (tab, server):
        devtools = tab.context.new_cdp_session(tab)
        count, held = 0, [heap(devtools) | resident(server)]
        for _ in range(MINUTES):
            start = time.perf_counter()
            for i in range(PER_MINUTE):
                time.sleep(max(0.0, start + i * 60 / PER_MINUTE - time.perf_counter()))
                tab.keyboard.press(keys[count % len(keys)])
                count += 1
            held.append(heap(devtools) | resident(server))
        while count % len(keys) != len(TYPED):
            tab.keyboard.press(keys[count % len(keys)])
            count += 1
        wanted = awaited(tab, f"{text}{TYPED}\n")
    print(f"{count:,} edits, {PER_MINUTE} a minute; at the end the page shows {wanted}")
    table(held, count)


def resident(process: int) -> dict[str, float]:
    """Bytes of memory that a process holds."""
    pages = int(Path(f"/proc/{process}/statm").read_text().split()[1])
    return {"server, bytes": pages * float(os.sysconf("SC_PAGE_SIZE"))}


def _type(tab: Page, count: int) -> None:
    for _ in range(count // 4):
        tab.keyboard.type("12")
        tab.keyboard.press("Backspace")
        tab.keyboard.press("Backspace")


def heap(devtools: CDPSession) -> dict[str, float]:
    """Bytes and objects that are held, after garbage is collected."""
    time.sleep(2)  # the last check arrives
    for _ in range(3):
        devtools.send("HeapProfiler.collectGarbage")
    used = devtools.send("Runtime.getHeapUsage")
    counted = devtools.send("Memory.getDOMCounters")
    return {"heap, bytes": used["usedSize"], "DOM nodes": counted["nodes"], "listeners": counted["jsEventListeners"]}


class chromium:
    """A tab of headless Chromium."""

    def __enter__(self) -> Page:
        self.playwright = sync_playwright().start()
        program = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
        self.browser = self.playwright.chromium.launch(
            executable_path=program, args=["--no-sandbox", "--js-flags=--expose-gc"]
        )
        tab = self.browser.new_page(viewport={"width": 1400, "height": 850})
        tab.set_default_timeout(300_000)
        tab.add_init_script(TIMED)
        return tab

    def __exit__(self, *_: object) -> None:
        self.browser.close()
        self.playwright.stop()


def main() -> int:
    wanted = sys.argv[1:] or ["layout", "frames", "edits"]
    for name, work in (("layout", layouts), ("frames", frames), ("edits", edits), ("soak", soak)):
        if name in wanted:
            work()
    return 0


if __name__ == "__main__":
    sys.exit(main())
