"""ONNX export of VGG-16 against building the module and `torch.onnx.export(dynamo=True)`, each cold, in one run.

Wanted: at most half the time and half the peak memory.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from measure import compare

ROOT = Path(__file__).resolve().parent.parent
PEER = """
import sys, torch
sys.path.insert(0, sys.argv[1])
from vgg16 import VGG16
batch = torch.export.Dim("batch")
torch.onnx.export(VGG16().eval(), (torch.zeros(2, 3, 224, 224),), sys.argv[2], dynamo=True, dynamic_shapes=({0: batch},), external_data=False, verbose=False)
"""

if __name__ == "__main__":
    repeats = int(sys.argv[1]) if len(sys.argv) > 1 else 3
    spec = ROOT / "examples" / "vgg16.net"
    with tempfile.TemporaryDirectory() as folder:
        import netspec

        (Path(folder) / "vgg16.py").write_text(netspec.load(spec).torch_source())
        ours = ("netspec compile", [sys.executable, "-m", "netspec", "compile", str(spec), "-o", f"{folder}/a.onnx"])
        theirs = ("torch.onnx.export", [sys.executable, "-c", PEER, folder, f"{folder}/b.onnx"])
        sys.exit(0 if compare(ours, theirs, repeats=repeats, speed=2, memory=0.5) else 1)
