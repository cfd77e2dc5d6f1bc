"""`netspec draw` of VGG-16 and ResNet-50, cold, against torchview's `draw_graph` of the same networks, in one run.

Both write an SVG. torchview traces the module that `netspec compile` writes on the meta device, and Graphviz lays it out.
Wanted: at least 10 times as fast. Needs `pip install torchview graphviz` (with `--no-deps`, it leaves PyTorch alone) and `dot`.

python benchmarks/draw_vs_torchview.py [REPEATS] [PYTHON WITH TORCHVIEW]
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from measure import compare

import netspec

ROOT = Path(__file__).resolve().parent.parent
PEER = """
import importlib.util, sys
from torchview import draw_graph
spec = importlib.util.spec_from_file_location("net", sys.argv[1])
module = importlib.util.module_from_spec(spec)
sys.modules["net"] = module
spec.loader.exec_module(module)
drawn = draw_graph(getattr(module, sys.argv[2])(), input_size=(1, 3, 224, 224), device="meta")
drawn.visual_graph.render(sys.argv[3], format="svg")
"""


def main(repeats: int, python: str) -> int:
    good = True
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for example in ("vgg16", "resnet50"):
            spec = ROOT / "examples" / f"{example}.net"
            model = netspec.load(spec)
            (folder / f"{example}.py").write_text(model.torch_source(), encoding="utf-8")
            ours = [sys.executable, "-m", "netspec", "draw", str(spec), "-o", str(folder / f"{example}.svg")]
            theirs = [python, "-c", PEER, str(folder / f"{example}.py"), model.name, str(folder / f"{example}_peer")]
            print(model.name)
            good = (
                compare(("netspec draw", ours), ("torchview", theirs), repeats=repeats, speed=10, memory=0.2) and good
            )
    return 0 if good else 1


if __name__ == "__main__":
    times = int(sys.argv[1]) if len(sys.argv) > 1 else 5
    sys.exit(main(times, sys.argv[2] if len(sys.argv) > 2 else sys.executable))
