"""The layout of large networks with every round of every repeat: a transformer of 10,000 layers, DenseNet-BC-190, ResNet-1202.

Wanted: less than a second each. Times are of the processor, the best of some runs; the layout is that of `draw --expand all`,
the picture all that follows from the checked network to the text of the SVG.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from pathlib import Path

import netspec
from netspec.graph import Graph
from netspec.scene.drawing import picture
from netspec.scene.layout import Measure, laid_out
from netspec.scene.level_geometry import Spacing
from netspec.scene.options import DrawOptions
from netspec.scene.parts import Parts
from netspec.scene.svg import as_svg

EXAMPLES = Path(__file__).resolve().parent.parent / "examples"
MEASURE = Measure(lambda part: (96.0, 24.0), lambda part: 60.0, lambda node: (50.0, 13.0))


NETWORKS: dict[str, tuple[str, dict[str, int]]] = {
    "transformer of 10,000": ("transformer_encoder", {"layers": 1000}),
    "DenseNet-BC-190, k = 40": ("densenet_bc_100_12", {"L": 190, "k": 40}),
    "ResNet-1202": ("resnet1202_cifar", {}),
}


def best(work: Callable[[], object], repeats: int) -> float:
    times = []
    for _ in range(repeats):
        start = time.process_time()
        work()
        times.append(time.process_time() - start)
    return min(times)


def main(repeats: int) -> int:
    good = True
    for name, (example, values) in NETWORKS.items():
        graph: Graph = netspec.check(EXAMPLES / f"{example}.net", values).lenient().model().graph
        layout = best(
            lambda graph=graph: laid_out(Parts(graph, folded=False), lambda part: True, MEASURE, Spacing()), repeats
        )
        whole = best(lambda graph=graph: as_svg(picture(graph, options=DrawOptions(expand=("all",)))), repeats)
        edges = sum(len(node.inputs) for node in graph.nodes)
        print(
            f"{name:<24}  {len(graph.nodes):>6,} nodes  {edges:>6,} edges  layout {layout:6.2f} s  picture {whole:6.2f} s"
        )
        good = good and layout < 1
    print("every layout in less than a second: " + ("ok" if good else "NOT MET"))
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else 3))
