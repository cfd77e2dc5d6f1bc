"""ConvNetJS's own weights and input give ConvNetJS's own output, in PyTorch and in ONNX Runtime."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pytest
import torch
from conftest import ROOT

import netspec

RUNS: dict[str, Any] = json.loads(gzip.decompress((Path(__file__).parent / "data" / "convnetjs.json.gz").read_bytes()))


def volume(data: dict[str, Any]) -> np.ndarray[Any, Any]:
    """A ConvNetJS volume, stored with the channels innermost, as channels x height x width."""
    values = data["w"]
    flat = np.array(
        [values[str(i)] for i in range(len(values))] if isinstance(values, dict) else values, dtype=np.float64
    )
    return flat.reshape(data["sy"], data["sx"], data["depth"]).transpose(2, 0, 1)


def state_of(run: dict[str, Any]) -> dict[str, torch.Tensor]:
    state: dict[str, torch.Tensor] = {}
    numbers = {"conv": 0, "fc": 0}
    last = None
    for layer in run["net_json"]["layers"]:
        kind = layer["layer_type"]
        if kind in numbers:
            numbers[kind] += 1
            filters = np.stack([volume(f) for f in layer["filters"]])
            if kind == "fc":  # its filters read the last pool's output with the channels innermost
                depth, height, width = last["out_depth"], last["out_sy"], last["out_sx"]
                filters = (
                    filters.reshape(len(filters), height, width, depth).transpose(0, 3, 1, 2).reshape(len(filters), -1)
                )
            state[f"{kind}{numbers[kind]}.weight"] = torch.tensor(filters)
            state[f"{kind}{numbers[kind]}.bias"] = torch.tensor(volume(layer["biases"]).ravel())
        last = layer
    return state


@pytest.mark.parametrize(("name", "example"), [("cifar10", "convnetjs_cifar10"), ("mnist", "convnetjs_mnist")])
def test_output_is_convnetjs_own(name: str, example: str, tmp_path: Path) -> None:
    run = RUNS[name]
    model = netspec.load(ROOT / "examples" / f"{example}.net")
    table = [row["params"] for row in run["table"] if "params" in row]
    assert [layer.params for layer in model.layers if layer.params] == table
    first = run["net_json"]["layers"][0]
    image = volume({"w": run["input"], "sx": first["out_sx"], "sy": first["out_sy"], "depth": first["out_depth"]})
    state = state_of(run)

    module = model.to_torch().double().eval()
    module.load_state_dict(state, strict=True)
    with torch.no_grad():
        ours = module(torch.tensor(image[None])).numpy()[0]
    np.testing.assert_allclose(ours, run["output"], atol=1e-12)

    path = tmp_path / "model.onnx"
    model.to_onnx(path, weights=state)
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    (theirs,) = session.run(None, {"input": image[None].astype(np.float32)})
    np.testing.assert_allclose(theirs[0], run["output"], atol=1e-6)
