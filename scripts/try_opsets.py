"""Tries every example at every opset of ONNX that netspec writes.

python scripts/try_opsets.py [NAME]...      all examples, or those named

An example with a layer that ONNX has from a later opset on is tried from there.

Each model is checked with full shape inference, and every shape that ONNX infers is compared with the one in the report. The
examples of few MACs and weights also run in ONNX Runtime at every opset; the outputs are those of the default opset.
"""

from __future__ import annotations

import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT / "tests"))

import numpy as np  # noqa: E402, TID253
import onnxruntime  # noqa: E402, TID253
from agreement import onnx_shapes  # noqa: E402
from conftest import specs  # noqa: E402

import netspec  # noqa: E402
from netspec.analysis.samples import sample_inputs  # noqa: E402
from netspec.backends.onnx.options import HIGHEST_OPSET, LOWEST_OPSET, ExportOptions  # noqa: E402

DEFAULT = ExportOptions().opset
LIGHT = 700_000_000
"""MACs, and ten times the parameters, of what runs."""


def outputs(model: netspec.Model, opset: int) -> list[np.ndarray]:
    proto = model.to_onnx(opset=opset)
    assert proto is not None
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(proto.SerializeToString(), options, providers=["CPUExecutionProvider"])
    return session.run(list(model.outputs), sample_inputs(model.graph, 2))


def wrong(model: netspec.Model, opset: int, expected: list[np.ndarray]) -> list[str]:
    """What is wrong with a model at an opset; `expected` is empty for what does not run."""
    said = []
    try:
        inferred = onnx_shapes(model, opset)
        shapes = {layer.name: tuple(layer.output) for layer in model.layers}
        shapes |= {name: kind.shape for name, kind in model.outputs.items()}
        said += [
            f"{name} is {inferred[name]}, not {shape}"
            for name, shape in shapes.items()
            if inferred.get(name, shape) != shape
        ]
        for one, other in zip(expected, outputs(model, opset) if expected else (), strict=True):
            scale = float(np.abs(one).max()) or 1.0
            difference = float(np.abs(one - other).max()) / scale
            said += [f"outputs differ by {difference:.1e}"] if not difference <= 1e-4 else []
    except Exception as error:  # of the checker, of ONNX Runtime, or of the export
        said.append(f"{type(error).__name__}: {error}")
    return said


def main() -> int:
    named = sys.argv[1:]
    failed = 0
    for path in specs():
        if named and path.stem not in named:
            continue
        model = netspec.load(path)
        light = model.macs <= LIGHT and 10 * model.params <= LIGHT
        expected = outputs(model, DEFAULT) if light else []
        lowest = max(LOWEST_OPSET, *(node.op.lowest_opset for node in model.graph.nodes))
        for opset in range(lowest, HIGHEST_OPSET + 1):
            for line in wrong(model, opset, expected):
                failed += 1
                print(f"{path.stem} at opset {opset}: {line}", flush=True)
        print(f"{path.stem}: {'runs' if light else 'checked'}", flush=True)
    print(f"{failed} failures")
    return min(failed, 1)


if __name__ == "__main__":
    raise SystemExit(main())
