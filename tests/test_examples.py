"""Every example: checked without a finding, and agreed upon by three parties and two runtimes."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from agreement import assert_agreement, largest_difference, random_state
from conftest import HEAVY, kinds, specs

import netspec
from netspec import gallery
from netspec.model import check
from netspec.source import SourceFile

BY_NAME = [pytest.param(p, id=p.stem) for p in specs()]
WEIGHED = [pytest.param(p, id=p.stem, marks=pytest.mark.slow) for p in kinds()]


def test_the_heavy_examples_are_examples() -> None:
    """They are left out of the fast part, and there are others in it."""
    assert {p.stem for p in specs()} > HEAVY


@pytest.mark.parametrize("path", BY_NAME)
def test_example_is_checked_without_findings(path: Path) -> None:
    model = netspec.load(path)
    assert not model.diagnostics
    assert "expect" in path.read_text(), "an example states what is known of it"
    assert path.read_text().startswith("#"), "an example names its source"
    told = next(example for example in gallery.examples() if example.name == path.stem)
    assert (told.params, told.macs) == (model.params, model.macs), "what `netspec examples` lists"


@pytest.mark.parametrize("path", BY_NAME)
def test_three_parties_agree_on_shapes_and_parameters(path: Path) -> None:
    assert_agreement(netspec.load(path))


ILL_CONDITIONED = ("levit_128s",)
"""With random statistics of its norms, single and double precision differ by 0.4%."""


SMALLER = {
    "fcn8s": ("500x500", "244x244"), "unet": ("572x572", "252x252"), "deeplabv3_resnet50": ("520x520", "136x136"),
    "clip_vit_b_32": ("x12", "x2"),
}  # fmt: skip
"""Inputs of networks that take every size, and depths, with which they compute the same in a fraction of the time."""
NARROWER = ("-4096", "-256")
"""Layers of which most weights of their networks are, and no other computation."""


def as_begun(path: Path) -> netspec.Model:
    """An example with the usual initial weights: those of deep networks' recipes rely on norms, whose statistics are random here."""
    text = path.read_text("utf-8").replace(*NARROWER)
    if path.stem in SMALLER:
        text = text.replace(*SMALLER[path.stem])
    lines = [line for line in text.splitlines(keepends=True) if not line.startswith(("  init ", "expect "))]
    return check(SourceFile("".join(lines), path.name, path)).model()


@pytest.mark.parametrize("path", WEIGHED)
def test_two_runtimes_agree_with_pytorch(path: Path) -> None:
    """ONNX Runtime with batch norms folded (batch 1), and of nets of some size not (batch 5), and OpenVINO, another reader."""
    model = as_begun(path)
    state = model.to_torch(seed=0).state_dict() if path.stem in ILL_CONDITIONED else random_state(model)
    small = model.macs < 1e9 and model.params < 3e7
    assert largest_difference(model, batch=1, second_runtime=small, state=state) <= 1e-4
    if small:
        assert largest_difference(model, batch=5, fold=False, state=state) <= 1e-4


# Figures printed in papers, or computed by others' software
FIGURES = {
    "lenet5": 61_706, "alexnet": 62_378_344, "alexnet_grouped": 60_965_224, "zfnet": 62_357_608, "vgg_a": 132_863_336,
    "vgg_a_lrn": 132_863_336, "vgg_b": 133_047_848, "vgg_c": 133_638_952, "vgg_d": 138_357_544, "vgg16": 138_357_544,
    "vgg_e": 143_667_240, "convnetjs_cifar10": 22_466, "convnetjs_mnist": 5_994, "two_layer": 154_160, "linear_cifar10": 30_730,
    "xor": 9, "encoder_8_3_8": 59, "conv_relu_pool": 6_440, "spatial_transformer": 27_360,
    "wide_resnet28_10_cifar": 36_479_194, "zfnet_wide": 107_627_624,
}  # fmt: skip


@pytest.mark.parametrize(("name", "params"), FIGURES.items())
def test_parameters_are_the_published_ones(name: str, params: int) -> None:
    assert netspec.load(Path(__file__).parent.parent / "examples" / f"{name}.net").params == params


def test_nfnet_at_an_odd_size_has_the_macs_of_the_published_code() -> None:
    text = (Path(__file__).parent.parent / "examples" / "nfnet_f0.net").read_text()
    odd = text.replace("3x192x192", "3x97x130").replace("macs == 6_977_003_520", "macs == 2_964_814_000")
    assert netspec.loads(odd).macs == 2_964_814_000


VGG_D_PARAMS = (
    [1792, 36928, 73856, 147584, 295168, 590080, 590080, 1180160] + [2359808] * 5 + [102764544, 16781312, 4097000]
)


def test_vgg_d_is_exact_layer_by_layer() -> None:
    model = netspec.load(Path(__file__).parent.parent / "examples" / "vgg_d.net")
    assert [layer.params for layer in model.layers if layer.params] == VGG_D_PARAMS
    assert model.macs == 15_470_264_320
    assert sum(layer.macs for layer in model.layers if layer.op == "conv") == 15_346_630_656


@pytest.mark.parametrize(
    ("name", "outputs"), [("xor_threshold", [0, 1, 1, 0]), ("xor_of_nands", [0, 1, 1, 0]), ("nand", [1, 1, 1, 0])]
)
def test_threshold_units_compute_their_truth_tables(name: str, outputs: list[int]) -> None:
    """In PyTorch, with the weights that the examples state; 0, 0 to 1, 1 in the order of binary numbers."""
    module = netspec.load(Path(__file__).parent.parent / "examples" / f"{name}.net").to_torch()
    assert module(torch.tensor([[0.0, 0], [0, 1], [1, 0], [1, 1]])).flatten().tolist() == outputs
