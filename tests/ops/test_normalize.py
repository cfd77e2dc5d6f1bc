"""`normalize channel` and `normalize image`: numbers that come from the training set."""

from __future__ import annotations

import pytest
import torch
from agreement import largest_difference

import netspec
from netspec.analysis.conditions import Conditions
from netspec.ops.normalize import Normalize

NET = "input 3x8x10\nnormalize {}\nconv3-4 norm=bn\ngap\nFC-2\n"


def normalize(model: netspec.Model) -> Normalize:
    (op,) = (node.op for node in model.graph.nodes if isinstance(node.op, Normalize))
    return op


@pytest.mark.parametrize(
    ("text", "declared", "mean", "std"),
    [
        ("channel", "3x8x10", (3, 1, 1), (3, 1, 1)),
        ("image", "3x8x10", (3, 8, 10), (1, 1, 1)),
        ("channel", "3x8", (3, 1), (3, 1)),
        ("image", "3x8", (3, 8), (1, 1)),
        ("channel", "24", (24,), (24,)),
        ("image", "24", (24,), (1,)),
        ("channel", "7x5 sequence", (5,), (5,)),
        ("image", "7x5 sequence", (7, 5), (1,)),
    ],
)
def test_buffers_hold_the_numbers(text: str, declared: str, mean: tuple[int, ...], std: tuple[int, ...]) -> None:
    """One for each channel or for each value; they change nothing before training puts the numbers in."""
    model = netspec.loads(f"input {declared}\nnormalize {text}\nrelu")
    module = model.to_torch(seed=0).eval()
    state = module.state_dict()
    assert {name: tuple(v.shape) for name, v in state.items()} == {"normalize1.mean": mean, "normalize1.std": std}
    assert model.params == 0
    assert model.layers[0].buffers == sum(v.numel() for v in state.values())
    x = torch.rand(2, *next(iter(model.inputs.values())).shape)
    assert torch.equal(module(x), x)


def test_the_trainer_finds_where_the_numbers_come_from() -> None:
    for source in ("given", "channel", "image", "zca"):
        assert normalize(netspec.loads(NET.format(source))).source == source
    assert normalize(netspec.loads(NET.format("mean=0.5"))).source == "given"


@pytest.mark.parametrize("text", ["channel", "image"])
def test_numbers_of_the_training_set_are_applied_and_exported(text: str) -> None:
    """As a few lines of torch; `largest_difference` puts other numbers into the buffers and asks ONNX Runtime."""
    model = netspec.loads(f"input 3x8x10\nnormalize {text}")
    x = torch.rand(50, 3, 8, 10)
    mean = x.mean((0, 2, 3)).reshape(3, 1, 1) if text == "channel" else x.mean(0)
    std = x.std((0, 2, 3)).reshape(3, 1, 1) if text == "channel" else torch.ones(1, 1, 1)
    module = model.to_torch()
    module.load_state_dict({"normalize1.mean": mean, "normalize1.std": std})
    y = module(x)
    wanted = (x - x.mean((0, 2, 3), keepdim=True)) / x.std((0, 2, 3)).reshape(1, 3, 1, 1)
    assert torch.allclose(y, wanted if text == "channel" else x - x.mean(0), atol=1e-6)
    for fold in (True, False):
        assert largest_difference(netspec.loads(NET.format(text)), fold=fold) <= 1e-5


def test_a_mean_image_fixes_the_size() -> None:
    assert netspec.loads(NET.format("channel")).to_onnx(dynamic=("batch", "height", "width")) is not None
    with pytest.raises(netspec.SpecError, match="normalize1 needs a fixed size") as caught:
        netspec.loads(NET.format("image")).to_onnx(dynamic=("batch", "height", "width"))
    assert [d.code for d in caught.value.diagnostics] == ["NS506"]


@pytest.mark.parametrize(
    ("text", "code", "says"),
    [
        ("channel mean=0", "NS207", "`normalize channel` computes `mean` from the training set"),
        ("image std=2", "NS207", "use either `normalize image` or"),
        ("chanel", "NS205", "did you mean `channel`"),
        ("mean=(1, 2)", "NS307", "2 values for 3 channels"),
        ("pca mean=0", "NS207", "`normalize pca` computes `mean` from the training set"),
        ("zca components=3", "NS207", "`components` is an option of `normalize pca` and `normalize whiten`"),
        ("pca eps=1", "NS207", "`normalize pca` does not use `eps`"),
        ("pca components=241", "NS307", "241 components of 240 values"),
    ],
)
def test_a_mistake_is_one_diagnostic(text: str, code: str, says: str) -> None:
    with pytest.raises(netspec.SpecError) as caught:
        netspec.loads(NET.format(text))
    assert [d.code for d in caught.value.diagnostics] == [code]
    assert says in str(caught.value)


def test_large_examples_have_no_principal_components() -> None:
    with pytest.raises(netspec.SpecError, match="its matrix would have 150,528 rows and columns"):
        netspec.loads("input 3x224x224\nnormalize zca\ngap\nFC-2")


@pytest.mark.parametrize(("text", "output"), [("pca", (240,)), ("whiten components=7", (7,)), ("zca", (3, 8, 10))])
def test_a_rotation_is_a_product_with_a_matrix(text: str, output: tuple[int, ...]) -> None:
    """Which counts as one; before training the matrix is that of the identity."""
    model = netspec.loads(f"input 3x8x10\nnormalize {text}")
    assert model.layers[0].output == output
    rows = output[0] if len(output) == 1 else 240
    assert (model.params, model.totals.buffers, model.macs) == (0, 240 + rows * 240, rows * 240)
    x = torch.rand(2, 3, 8, 10)
    assert torch.equal(model.to_torch()(x).flatten(1), x.flatten(1)[:, :rows])
    with pytest.raises(netspec.SpecError, match="needs a fixed size"):
        netspec.loads(f"input 3x8x10\nnormalize {text}\nrelu").to_onnx(dynamic=("batch", "height", "width"))


def test_the_source_and_the_report_say_where_the_numbers_come_from() -> None:
    model = netspec.loads(NET.format("image"))
    assert "self.normalize1 = Standardize(mean=(3, 8, 10), std=(1, 1, 1))" in model.torch_source()
    assert "x - mean, mean image of the training set" in model.report()
    assert "Normalize(mean=[0.5], std=[1.0], rank=2)" in netspec.loads(NET.format("mean=0.5")).torch_source()


@pytest.mark.parametrize(
    ("text", "counts"),
    [
        ("input 3x8x8\nnormalize pca components=20\nFC-10", (4040, 200, 210, 210)),
        ("input 3x8x8\nnormalize zca\nconv3-4\nFC-10", (42_192, 5328, 5482, 5482)),
        ("input 24\nnormalize whiten\nFC-10", (816, 240, 250, 250)),
    ],
)
def test_tools_count_a_rotation_as_measured(text: str, counts: tuple[int, ...]) -> None:
    """By fvcore, thop, torchinfo and ptflops themselves; fvcore alone sees it, because it traces operators."""
    model = netspec.loads(text)
    tools = ("fvcore", "thop", "torchinfo", "ptflops")
    assert tuple(model.figure("macs", Conditions(macs=tool)) for tool in tools) == counts
    assert model.macs == counts[0]
