"""ONNX export from one safetensors file, cold, against building the module, loading the same file and
`torch.onnx.export(dynamo=True)`, in one run, for VGG-16 and ResNet-50; and the export of a network of 3 GB.

Wanted: at most a quarter of the time, at most half the peak memory for VGG-16, no more nodes than torch's; the 3 GB
network in under 1 GB of memory beyond its weights file (which is mapped, not read).
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

from measure import compare, cost_of

ROOT = Path(__file__).resolve().parent.parent
PEER = """
import importlib, sys, torch
from safetensors.torch import load_file
sys.path.insert(0, sys.argv[1])
module = getattr(importlib.import_module(sys.argv[2]), sys.argv[3])()
module.load_state_dict(load_file(f"{sys.argv[1]}/{sys.argv[2]}.safetensors"))
torch.onnx.export(module.eval(), (torch.zeros(2, 3, 224, 224),), sys.argv[4], dynamo=True,
    dynamic_shapes=({0: torch.export.Dim("batch")},), external_data=False, verbose=False)
"""


def compile_command(spec: Path, out: str, weights: str) -> list[str]:
    return [sys.executable, "-m", "netspec", "compile", str(spec), "-o", out, "--weights", weights]


PREPARE = """
import sys
from pathlib import Path
import numpy as np, netspec
from safetensors.numpy import save_file
from netspec.weights import initial_weights
folder, spec = Path(sys.argv[1]), Path(sys.argv[2])
model = netspec.load(spec)
(folder / f"{spec.stem}.py").write_text(model.torch_source())
save_file({k: np.array(v, order="C") for k, v in initial_weights(model.graph, 0)}, folder / f"{spec.stem}.safetensors")
print(model.name)
"""
COUNT = "import onnx, sys; print(len(onnx.load(sys.argv[1], load_external_data=False).graph.node))"


def python(*arguments: str) -> str:
    """What a Python process prints: the work is done there, because a child's peak memory includes its parent's."""
    return subprocess.run([sys.executable, "-c", *arguments], capture_output=True, text=True, check=True).stdout.strip()


def main(repeats: int) -> int:
    good = True
    with tempfile.TemporaryDirectory() as folder:
        for name, memory in (("vgg16", 0.5), ("resnet50", 1.0)):
            spec = ROOT / "examples" / f"{name}.net"
            net = python(PREPARE, folder, str(spec))
            ours = (
                f"netspec compile {name}",
                compile_command(spec, f"{folder}/a.onnx", f"{folder}/{name}.safetensors"),
            )
            theirs = ("torch.onnx.export", [sys.executable, "-c", PEER, folder, name, net, f"{folder}/b.onnx"])
            good &= compare(ours, theirs, repeats=repeats, speed=4, memory=memory)
            nodes = [int(python(COUNT, f"{folder}/{f}.onnx")) for f in "ab"]
            print(f"nodes: {nodes[0]} against {nodes[1]}: {'ok' if nodes[0] <= nodes[1] else 'NOT MET'}")
            good &= nodes[0] <= nodes[1]
        good &= large(Path(folder))
    return 0 if good else 1


def large(folder: Path) -> bool:
    """A network of 3 GB of weights."""
    spec = folder / "large.net"
    spec.write_text("input 16000\nFC-16000 act=relu x3\nFC-10\n")
    python(PREPARE, str(folder), str(spec))
    cost = cost_of(compile_command(spec, str(folder / "large.onnx"), str(folder / "large.safetensors")), 1)
    size = (folder / "large.safetensors").stat().st_size / 1e6
    fine = cost.megabytes < size + 1000
    print(
        f"3 GB network: {size:,.0f} MB of weights exported in {cost.seconds:.1f} s with a peak of {cost.megabytes:,.0f} MB: {'ok' if fine else 'NOT MET'}"
    )
    return fine


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else 3))
