"""Weights: initial ones by scheme, foreign checkpoints, folding."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import numpy as np
import pytest
import torch
from agreement import largest_difference
from conftest import ROOT, run_netspec
from safetensors.torch import save_file

import netspec
from netspec.weights import initial_weights
from netspec.weights.mapping import match

# Names and shapes of torchvision 0.29's state dicts, in their order
TORCHVISION = json.loads(gzip.decompress((ROOT / "tests" / "data" / "torchvision_state_dicts.json.gz").read_bytes()))
SPEC_OF = {"googlenet": "googlenet_torchvision"}


@pytest.mark.parametrize("name", TORCHVISION)
def test_torchvision_checkpoints_find_every_place(name: str) -> None:
    graph = netspec.load(ROOT / "examples" / f"{SPEC_OF.get(name, name)}.net").graph
    shapes = {k: tuple(shape) for k, shape in TORCHVISION[name]}
    found = match(graph, shapes)
    assert found.complete
    assert len(set(found.sources.values())) == len(found.sources)
    ours = {f"{n.name}.{p.name}": p for n in graph.nodes for p in n.params}
    assert set(found.sources) == set(ours)
    for mine, theirs in found.sources.items():
        assert int(np.prod(shapes[theirs])) == ours[mine].size
        assert mine.rpartition(".")[2] == theirs.rpartition(".")[2] or ours[mine].name == "weight"


def test_the_order_of_a_residual_network_is_kept() -> None:
    graph = netspec.load(ROOT / "examples" / "resnet50.net").graph
    found = match(graph, {k: tuple(s) for k, s in TORCHVISION["resnet50"]})
    assert found.sources["bottleneck4.conv2.weight"] == "layer2.0.conv2.weight"
    assert found.sources["bottleneck4.conv4.weight"] == "layer2.0.downsample.0.weight"
    assert found.sources["bottleneck16.bn3.running_var"] == "layer4.2.bn3.running_var"


def test_auxiliary_heads_go_to_auxiliary_heads() -> None:
    graph = netspec.load(ROOT / "examples" / "googlenet_torchvision.net").graph
    found = match(graph, {k: tuple(s) for k, s in TORCHVISION["googlenet"]})
    aux = {node.name for node in graph.nodes if node.aux}
    for mine, theirs in found.sources.items():
        assert (mine.rpartition(".")[0] in aux) == theirs.startswith("aux")


def test_a_checkpoint_of_another_network_is_told_apart(tmp_path: Path) -> None:
    save_file({k: torch.zeros(s) for k, s in TORCHVISION["squeezenet1_1"]}, tmp_path / "other.safetensors")
    result = run_netspec(
        "weights",
        "map",
        "examples/resnet18.net",
        str(tmp_path / "other.safetensors"),
        "-o",
        str(tmp_path / "x.safetensors"),
    )
    assert result.returncode == 1
    assert "missing tensor:" in result.stderr
    assert "unmatched tensor:" in result.stderr
    assert not (tmp_path / "x.safetensors").exists()


def test_map_writes_what_compile_reads(tmp_path: Path) -> None:
    shapes = TORCHVISION["resnet18"]
    generator = torch.Generator().manual_seed(0)
    tensors = {k: 0.1 + torch.rand(s, generator=generator) / 10 for k, s in shapes}  # variances are positive
    save_file(tensors, tmp_path / "theirs.safetensors")
    spec, ours = "examples/resnet18.net", str(tmp_path / "ours.safetensors")
    mapped = run_netspec("weights", "map", spec, str(tmp_path / "theirs.safetensors"), "-o", ours, "--show")
    assert mapped.returncode == 0, mapped.stderr
    assert "conv1.weight" in mapped.stdout
    compiled = run_netspec("compile", spec, "-o", str(tmp_path / "x.onnx"), "--weights", ours, "--verify")
    assert compiled.returncode == 0, compiled.stderr


# Schemes


def tensors(init: str, net: str = "conv3-32; conv3-64; FC-50 act=relu; FC-10") -> dict[str, np.ndarray]:
    lines = "\n".join(init.split(";"))
    return dict(initial_weights(netspec.loads(f"input 16x12x12; {net}\ntrain {{\n{lines}\n}}").graph, 0))


@pytest.mark.parametrize(
    ("init", "std"),
    [
        ("init gaussian 0.01", 0.01),
        ("init he", (2 / 288) ** 0.5),
        ("init lecun", (1 / 288) ** 0.5),
        ("init xavier", (2 / (288 + 576)) ** 0.5),
    ],
)
def test_schemes_have_their_variance(init: str, std: float) -> None:
    weight = tensors(init)["conv2.weight"]
    assert weight.std() == pytest.approx(std, rel=0.03)
    assert abs(weight.mean()) < 0.03 * std
    torch_own = torch.empty(64, 32, 3, 3)
    if init == "init xavier":
        torch.nn.init.xavier_uniform_(torch_own)
        assert weight.max() == pytest.approx(float(torch_own.max()), rel=0.01)


def test_orthogonal_rows_and_columns() -> None:
    weights = tensors("init orthogonal; init bias 1")
    tall, wide = weights["conv2.weight"].reshape(64, -1), weights["fc1.weight"]
    np.testing.assert_allclose(tall @ tall.T, np.eye(64), atol=1e-5)
    np.testing.assert_allclose(wide @ wide.T, np.eye(50), atol=1e-5)
    assert set(weights["conv1.bias"]) == {1.0}


def test_zero_residual_starts_as_the_identity() -> None:
    net = "conv3-16 pad=1 norm=bn; residual { conv3-16 pad=1 norm=bn act=relu; conv3-16 pad=1 norm=bn }; FC-3"
    weights = tensors("init zero_residual", net)
    assert not weights["bn3.weight"].any()
    assert weights["bn1.weight"].all()
    assert weights["bn2.weight"].all()


def test_the_same_seed_is_the_same_everywhere() -> None:
    model = netspec.load(ROOT / "examples" / "lenet5.net")
    state = model.to_torch(seed=7).state_dict()
    for name, array in initial_weights(model.graph, 7):
        np.testing.assert_array_equal(state[name].numpy(), array)
    assert model.to_onnx(seed=7) == model.to_onnx(weights=state)


# Folding and the other ways of exporting


FOLDED = "input 4x9x9; convT3-6/2 groups=2 norm=bn bias=no; conv3-8 groups=2 norm=bn(eps=1e-3) act=relu; dwconv3 norm=bn; linear-6 norm=bn; FC-5 norm=bn(affine=no); FC-3"


@pytest.mark.parametrize("batch", [1, 7])
def test_folded_and_unfolded_agree_with_torch(batch: int) -> None:
    model = netspec.loads(FOLDED)
    assert largest_difference(model, batch=batch) <= 1e-5
    assert largest_difference(model, batch=batch, fold=False) <= 1e-5
    proto = model.to_onnx()
    assert proto is not None
    assert "BatchNormalization" not in {n.op_type for n in proto.graph.node}


def test_a_norm_that_cannot_be_folded_stays() -> None:
    for text in ("conv3-8; a: relu; bn; FC-3", "a: conv3-8; bn; add [ identity; from a ]; FC-3", "bn; conv3-8; FC-3"):
        model = netspec.loads(f"input 3x8x8; {text}")
        proto = model.to_onnx()
        assert proto is not None
        assert "BatchNormalization" in {n.op_type for n in proto.graph.node}
        assert largest_difference(model) <= 1e-5


@pytest.mark.parametrize("opset", range(13, 23))
def test_every_opset(opset: int) -> None:
    text = "input 3x16x16; normalize mean=0.5; conv3-8 pad=1 norm=bn act=hardswish; conv3-8 norm=ln act=gelu; gn 4; mish; maxout 2; adaptive_avgpool 5; upsample 2; crop 8x8; tokens; attention heads=2; l2norm; lstm-6; take -1; FC-4; softmax"
    model = netspec.loads(text)
    proto = model.to_onnx(opset=opset)
    assert proto is not None
    assert proto.opset_import[0].version == opset
    assert largest_difference(model, opset=opset) <= 1e-4


def test_an_opset_that_cannot_be_written_and_sizes_that_cannot_be_left_open(tmp_path: Path) -> None:
    for arguments, code in (
        (("--opset", "12"), "NS505"),
        (("--dynamic", "batch,height,width"), "NS506"),
        (("--dynamic", "time"), "NS505"),
    ):
        result = run_netspec("compile", "examples/lenet5.net", "-o", str(tmp_path / "x.onnx"), *arguments)
        assert result.returncode == 1
        assert f"error[{code}]" in result.stderr


def test_open_height_and_width() -> None:
    import onnxruntime

    model = netspec.loads(
        "input 3x32x32; conv3-8 pad=1 norm=bn act=relu; maxpool3/2 pad=1; a: conv3-8/2 pad=1; upsample 2; convT2-4/2; gap; FC-5"
    )
    proto = model.to_onnx(dynamic=("batch", "height", "width"))
    assert proto is not None
    session = onnxruntime.InferenceSession(proto.SerializeToString(), providers=["CPUExecutionProvider"])
    module = model.to_torch(seed=0).eval()
    for size in ((32, 32), (40, 64), (96, 32)):
        x = torch.randn(2, 3, *size)
        with torch.no_grad():
            np.testing.assert_allclose(session.run(None, {"input": x.numpy()})[0], module(x).numpy(), atol=1e-5)


def test_training_graph_half_precision_and_metadata(tmp_path: Path) -> None:
    import onnx

    model = netspec.loads("input 3x16x16; conv3-8 norm=bn act=relu; aux weight=0.3 { gap; FC-3 }; dropout 0.5; FC-3")
    train = model.to_onnx(train=True)
    assert train is not None
    onnx.checker.check_model(train, full_check=True)
    kinds = {n.op_type for n in train.graph.node}
    assert {"BatchNormalization", "Dropout"} <= kinds
    assert [o.name for o in train.graph.output] == ["output", "aux1"]
    half = model.to_onnx(fp16=True)
    assert half is not None
    assert {t.data_type for t in half.graph.initializer if t.name.endswith("weight")} == {onnx.TensorProto.FLOAT16}
    props = {p.key: p.value for p in half.metadata_props}
    assert props["netspec.spec"].startswith("input 3x16x16")
    assert len(props["netspec.sha256"]) == 64
    result = run_netspec("compile", "examples/resnet20_cifar.net", "-o", str(tmp_path / "x.onnx"), "--fp16", "--verify")
    assert result.returncode == 0, result.stderr


def test_int8_with_calibration(tmp_path: Path) -> None:
    np.save(tmp_path / "data.npy", np.random.default_rng(0).standard_normal((24, 1, 32, 32)).astype(np.float32))
    out = tmp_path / "x.onnx"
    result = run_netspec(
        "compile", "examples/lenet5.net", "-o", str(out), "--int8", "--calibrate", str(tmp_path / "data.npy")
    )
    assert result.returncode == 0, result.stderr
    assert "the top class stays the same for" in result.stdout
    np.save(tmp_path / "data.npy", np.zeros((4, 3, 8, 8), dtype=np.float32))
    wrong = run_netspec(
        "compile", "examples/lenet5.net", "-o", str(out), "--int8", "--calibrate", str(tmp_path / "data.npy")
    )
    assert wrong.returncode == 1
    assert "error[NS503]" in wrong.stderr


def test_a_truncated_checkpoint(tmp_path: Path) -> None:
    save_file(netspec.load(ROOT / "examples" / "lenet5.net").to_torch(seed=0).state_dict(), tmp_path / "w.safetensors")
    data = (tmp_path / "w.safetensors").read_bytes()
    (tmp_path / "w.safetensors").write_bytes(data[: len(data) // 2])
    result = run_netspec(
        "compile", "examples/lenet5.net", "-o", str(tmp_path / "x.onnx"), "--weights", str(tmp_path / "w.safetensors")
    )
    assert result.returncode == 1
    assert "error[NS503]" in result.stderr
    assert not (tmp_path / "x.onnx").exists()


def test_exported_program(tmp_path: Path) -> None:
    out = tmp_path / "x.pt2"
    assert run_netspec("compile", "examples/lenet5.net", "-o", str(out), "--seed", "3").returncode == 0
    program = torch.export.load(out).module()
    module = netspec.load(ROOT / "examples" / "lenet5.net").to_torch(seed=3).eval()
    x = torch.randn(5, 1, 32, 32)
    torch.testing.assert_close(program(x), module(x))
