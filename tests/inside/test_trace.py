"""`model.trace`: the tensors are those of the generated module, and the gradients those of torch.autograd."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from conftest import ROOT

import netspec
from netspec.analysis.samples import sample_inputs
from netspec.backends.torch.recording import recording_torch
from netspec.inside.statistics import statistics_of

LECTURE = "input x 1\ninput y 1\ninput z 1\nq: add [ from x; from y ]\nf: mul [ from q; from z ]"
EXAMPLES = (
    "autoencoder_tied", "densenet_bc_100_12", "encoder_8_3_8", "lenet5", "lstm_digits", "maxout_digits", "resnet8_digits",
    "shufflenet_v2_x1_0", "squeezenet1_1", "transformer_encoder", "xor",
)  # fmt: skip


def test_the_circuit_of_the_lecture() -> None:
    """Backpropagation through f = (x + y) z at x = -2, y = 5, z = -4."""
    trace = netspec.loads(LECTURE).trace({"x": -2, "y": 5, "z": -4}, backward=True)
    found = {name: (t.value.item(), t.gradient.item()) for name, t in trace.items()}
    assert found == {"x": (-2, -4), "y": (5, -4), "z": (-4, 3), "q.add1": (3, -4), "f.mul1": (-12, 1)}
    assert trace.value == -12
    assert trace["f.mul1"].inputs == ("q.add1", "z")
    assert [line.split() for line in str(trace).splitlines() if line.startswith(("x", "f"))] == [
        ["x", "input", "-2", "-4"], ["f.mul1", "mul", "of", "q.add1,", "z", "-12", "1"],
    ]  # fmt: skip


def test_the_neuron_of_the_lecture() -> None:
    """The sigmoid of w0 x0 + w1 x1 + w2 at w = (2, -3, -3), x = (-1, -2): 0.73, and gradients -0.20, 0.39, -0.39, -0.59, 0.20."""
    text = "\n".join(f"input {name} 1" for name in ("w0", "x0", "w1", "x1", "w2"))
    text += "\na: mul [ from w0; from x0 ]\nb: mul [ from w1; from x1 ]\nadd [ from a; from b; from w2 ]\nsigmoid"
    trace = netspec.loads(text).trace({"w0": 2, "x0": -1, "w1": -3, "x1": -2, "w2": -3}, backward=True)
    found = {name: round(trace[name].gradient.item(), 2) for name in ("w0", "x0", "w1", "x1", "w2")}
    assert found == {"w0": -0.20, "x0": 0.39, "w1": -0.39, "x1": -0.59, "w2": 0.20}
    assert round(trace["sigmoid1"].value.item(), 2) == 0.73


@pytest.mark.parametrize("name", EXAMPLES)
def test_gradients_are_those_of_autograd(name: str) -> None:
    """Of inputs and parameters, on the module as it is compiled: with activations in place, chains and loops."""
    model = netspec.load(ROOT / "examples" / f"{name}.net")
    trace = model.trace(backward=True, examples=2, objective=lambda t: t["output"].square().sum())
    module = model.to_torch(seed=0).eval()
    inputs = {n: torch.from_numpy(v) for n, v in sample_inputs(model.graph, 2).items()}
    for tensor in inputs.values():
        tensor.requires_grad_(tensor.is_floating_point())
    output = module(*inputs.values())
    output.square().sum().backward()
    last = model.graph.nodes[model.graph.outputs[0][1]].name
    np.testing.assert_allclose(trace[last].value, output.detach().numpy(), rtol=1e-5, atol=1e-6)
    wanted = {n: t for n, t in (*inputs.items(), *module.named_parameters()) if t.requires_grad}
    assert {t.name for t in trace.parameters} == {n for n, _ in module.named_parameters()}
    for key, tensor in wanted.items():
        grad = torch.zeros_like(tensor) if tensor.grad is None else tensor.grad
        close = 1e-4 * float(grad.abs().max())
        np.testing.assert_allclose(trace[key].gradient, grad.numpy(), rtol=1e-3, atol=close, err_msg=key)


@pytest.mark.parametrize("name", EXAMPLES)
def test_every_layer_is_recorded_with_its_shape(name: str) -> None:
    trace = netspec.load(ROOT / "examples" / f"{name}.net").trace(examples=3)
    graph = trace.graph
    assert [t.name for t in trace.tensors] == [node.name for node in graph.nodes]
    assert {t.name: t.value.shape for t in trace.tensors} == {n.name: (3, *n.type.shape) for n in graph.nodes}


def test_layers_have_the_values_that_hooks_see() -> None:
    model = netspec.load(ROOT / "examples" / "resnet8_digits.net")
    trace = model.trace(backward=True)
    module = model.to_torch(seed=0).eval()
    seen: dict[str, Any] = {}

    def keep(path: str) -> Any:
        def hook(part: Any, inputs: Any, output: torch.Tensor) -> None:
            seen[path] = output.detach().clone().numpy()

        return hook

    for path, part in module.named_modules():
        if path and not list(part.children()):
            part.register_forward_hook(keep(path))
    module(torch.from_numpy(sample_inputs(model.graph, 1)["input"]))
    assert len(seen) > 20
    for path, value in seen.items():
        np.testing.assert_allclose(trace[path].value, value, rtol=1e-5, atol=1e-6, err_msg=path)
    body, shortcut = trace["basic2.bn2"], trace["basic2.bn3"]
    np.testing.assert_allclose(trace["basic2.add1"].value, body.value + shortcut.value, rtol=1e-6)
    np.testing.assert_array_equal(trace["basic2.add1"].gradient, body.gradient)


def test_both_uses_of_a_shared_part_are_recorded() -> None:
    text = "input a 4\ninput b 4\nshared t { FC-3 act=relu }\nadd [ from a -> t(); from b -> t() ]"
    model = netspec.loads(text)
    trace = model.trace({"a": [1, 2, 3, 4], "b": [0, 0, 0, 0]}, backward=True)
    assert list(trace)[2:] == ["t.fc1", "t.relu1", "t_2.fc1", "t_2.relu1", "add1", "t.fc1.weight", "t.fc1.bias"]
    np.testing.assert_array_equal(trace["t_2.fc1"].value, [[0, 0, 0]])
    np.testing.assert_allclose(trace["add1"].value, trace["t.relu1"].value + trace["t_2.relu1"].value)


def test_an_activation_named_by_a_parameter_of_its_block() -> None:
    text = (
        'block b(w, act) { conv3-w pad=1 act=act }\ninput 3x8x8\nb(4, act="relu")\nb(4, act="tanh")\nb(4, act="relu")'
    )
    model = netspec.loads(text)
    trace = model.trace()
    assert trace["b1.relu1"].value.min() == 0
    np.testing.assert_allclose(trace["b2.tanh1"].value, np.tanh(trace["b2.conv1"].value), rtol=1e-4, atol=1e-6)


def test_nothing_is_overwritten_and_identities_pass_on() -> None:
    trace = netspec.loads("input 5\nrelu\nbranch: identity\nadd [ identity; tanh ]").trace([-1, -2, 0, 1, 2])
    np.testing.assert_array_equal(trace["input"].value, [[-1, -2, 0, 1, 2]])
    np.testing.assert_array_equal(trace["branch"].value, trace["relu1"].value)
    assert trace["input"].gradient is None


def test_the_objective_is_a_function_of_any_tensors() -> None:
    model = netspec.loads("input 3\nhidden: FC-4 act=tanh\nFC-2")
    trace = model.trace([1, 2, 3], objective=lambda t: t["hidden"][0, 2])
    weight = trace["hidden.weight"].gradient
    np.testing.assert_array_equal(weight[[0, 1, 3]], np.zeros((3, 3)))
    np.testing.assert_array_equal(weight[2], [1, 2, 3])
    np.testing.assert_array_equal(trace["fc1.weight"].gradient, np.zeros((2, 4)))
    with pytest.raises(TypeError, match="an objective is a function"):
        model.trace(objective="loss")  # type: ignore[arg-type]


def test_heads_are_left_out_and_inference_is_traced() -> None:
    model = netspec.loads("input 4\nFC-8\naux { FC-2 }\nbn\ndropout 0.9\nFC-3")
    trace = model.trace()
    assert not [name for name in trace if name.startswith("aux1")]
    np.testing.assert_array_equal(trace["dropout1"].value, trace["bn1"].value)
    np.testing.assert_allclose(trace["bn1"].value, trace["fc1"].value, rtol=1e-4)  # mean 0 and variance 1 are stored


def test_what_is_saved(tmp_path: Path) -> None:
    trace = netspec.loads("input 2\nfile: FC-2\nrelu").trace([[1, 2], [3, 4]], backward=True)
    trace.save(tmp_path / "t.npz")
    with np.load(tmp_path / "t.npz") as stored:
        assert set(stored) == set(trace.arrays())
        assert {"file", "gradient/file", "file.weight", "gradient/file.weight"} <= set(stored)
        np.testing.assert_array_equal(stored["gradient/relu1"], np.ones((2, 2)))
    with pytest.raises(netspec.SpecError, match="can hold one array"):
        trace.save(tmp_path / "t.npy")


def test_weights_are_those_of_a_mapping() -> None:
    model = netspec.loads("input 2\nFC-1")
    trace = model.trace([3, 4], weights={"fc1.weight": np.float32([[1, 10]]), "fc1.bias": np.float32([100])})
    assert trace["fc1"].value.item() == 143


def test_statistics_against_numpy() -> None:
    array = np.float32([[0, 0, 1, 2], [3, 4, 5, 12]])
    of = statistics_of(array)
    assert (of.mean, of.low, of.high, of.zeros, of.count) == (3.375, 0, 12, 0.25, 8)
    assert of.std == pytest.approx(array.std())
    assert of.histogram == tuple(np.histogram(array, 12)[0])
    assert len(of.sparkline) == 12
    odd = statistics_of(np.float32([np.nan, np.inf, 1]))
    assert (odd.not_finite, odd.mean, odd.sparkline) == (2, 1, "█")
    assert statistics_of(np.float32([np.nan])).histogram == ()


@pytest.mark.parametrize("ending", ["svg", "tex"])
def test_the_picture_has_the_numbers(tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"f.{ending}"
    netspec.loads(LECTURE).trace({"x": -2, "y": 5, "z": -4}, backward=True).draw(path)
    text = path.read_text()
    assert all(number in text for number in (">-12<", ">-4<", ">5<", ">3<") if ending == "svg")
    assert "-12" in text


def test_the_picture_of_a_large_network_has_statistics() -> None:
    from netspec.inside.trace_picture import picture_of
    from netspec.scene.figure import Text

    trace = netspec.load(ROOT / "examples" / "lenet5.net").trace()
    texts = [item.text for item in picture_of(trace).items if isinstance(item, Text)]
    of = trace["maxpool1"].statistics
    assert any(t.startswith(f"mean {of.mean:.3g}, std {of.std:.3g}") for t in texts)


def test_the_recorder_gives_what_a_note_returns() -> None:
    """What `note` returns goes on: here the first layer is set to 0."""
    model = netspec.loads("input 2\nFC-2 bias=no\nFC-1 bias=no")
    module = recording_torch(model.graph, lambda node, value: value * (node != 1), seed=0)
    assert module(torch.ones(1, 2)).item() == 0


TRAINED = """input 3x8x8
conv3-6 pad=1 -> bn -> relu
checkpoint { conv3-6 pad=1 -> relu }
dropout 0.4
aux weight=0.3 { gap; FC-2 }
FC-8 -> bn
noise 0.1
FC-3"""


def test_training_is_traced_as_pytorch_trains() -> None:
    """Dropout and noise from the seed, batch statistics; a part that is computed again is noted once; no head is drawn."""
    model = netspec.loads(TRAINED)
    trace = model.trace(examples=4, seed=5, training=True, objective=lambda t: t["output"].square().sum())
    module = model.to_torch(seed=5).train()
    x = torch.from_numpy(sample_inputs(model.graph, 4, 5)["input"]).requires_grad_()
    torch.manual_seed(5)
    output = module(x)
    main = output[0] if isinstance(output, tuple) else output
    main.square().sum().backward()
    np.testing.assert_allclose(trace["fc2"].value, main.detach().numpy(), rtol=1e-4, atol=1e-5)
    assert x.grad is not None
    np.testing.assert_allclose(trace["input"].gradient, x.grad.numpy(), rtol=1e-3, atol=1e-5)
    assert abs(trace["bn1"].value.mean((0, 2, 3))).max() < 1e-5
    before = trace[trace["dropout1"].inputs[0]].value != 0
    assert 0.3 < (trace["dropout1"].value[before] == 0).mean() < 0.5
    assert not [name for name in trace if name.startswith("aux")]
    again = model.trace(examples=4, seed=5, training=True)
    np.testing.assert_array_equal(again["fc2"].value, trace["fc2"].value)
    assert (model.trace(examples=4, seed=6, training=True)["dropout1"].value != trace["dropout1"].value).any()
    assert "as in training" in str(trace)
    with pytest.raises(netspec.SpecError, match="batch norms in training need several examples"):
        model.trace(training=True)
