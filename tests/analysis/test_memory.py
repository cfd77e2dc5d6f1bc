"""Memory against PyTorch: what its saved-tensor hooks see, what it holds while it infers, and its optimizers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from conftest import ROOT, kinds, specs
from ops.test_catalogue import USES
from saved_tensors import kept_for_backward, peak_of_inference

import netspec
from netspec.analysis.analysis import Analysis
from netspec.analysis.conditions import OPTIMIZERS, Conditions
from netspec.analysis.recurrent_memory import in_pages, lstm_workspace

BATCH = 2
# Where the meta device runs other kernels than the CPU
COMPUTED = (
    "lstm_digits", "lstm_text", "crnn_digits", "transformer_encoder", "swin_t", "swin_v2_t", "maxvit_t", "beit_base", "cait_xxs24", "pvt_v2_b0",
    "levit_128s", "xcit_nano", "clip_vit_b_32", "crnn", "deit_small", "gpt_char", "transformer_base", "crossvit_9", "eva02_tiny",
    "halonet26t", "volo_d1", "triplet_digits",
)  # fmt: skip
# Joins of several blocks, one of which is read again later: their forward passes hold tensors that the rule takes as free;
# in LeViT the biases by distance, which are computed once for all examples
ROUGH = {
    "levit_128s": 0.937, "nfnet_f0": 0.686, "deeplabv3_resnet50": 0.935, "fpn_resnet50": 0.838, "wavenet": 0.8825,
    "transformer_base": 1.0135, "nasnet_a_mobile": 1.057, "gmlp_s16": 0.8947, "inception_v4": 0.9042,
    "eva02_tiny": 1.105, "volo_d1": 0.9675,
}  # fmt: skip
# Queries that `linear` makes of feature maps lie in memory as tokens do, which the flash kernel takes; parts of the channels of
# windows are copied for the products of heads. The rule knows shapes alone
ROUGHLY_KEPT = {"pvt_v2_b0": 1.0505, "halonet26t": 0.97804, "volo_d1": 0.95557}
LARGE = ("vit_b_16", "resnet1202_cifar", "mvit_v2_s")
BY_NAME = [pytest.param(p, id=p.stem) for p in specs() if p.stem not in LARGE]


def kept(model: netspec.Model, **conditions: Any) -> int:
    found = model.figure("activation_memory", Conditions(batch=BATCH, **conditions))
    assert isinstance(found, int)
    return found


@pytest.mark.parametrize("path", BY_NAME)
def test_activations_kept_are_what_the_hooks_of_torch_count(path: Path) -> None:
    model = netspec.load(path)
    device = "cpu" if path.stem in COMPUTED else "meta"
    measured = kept_for_backward(model, BATCH, device)
    assert kept(model) == pytest.approx(
        measured * ROUGHLY_KEPT.get(path.stem, 1), rel=1e-4 if path.stem in ROUGHLY_KEPT else 0
    )


@pytest.mark.slow
def test_activations_kept_of_a_large_transformer() -> None:
    model = netspec.load(ROOT / "examples/vit_b_16.net")
    assert kept(model) == kept_for_backward(model, BATCH)


INPUTS = (
    "input 24", "input 8x20", "input 8x12x14", "input 8x8x6x6", "input 12x16 sequence",
)  # fmt: skip


@pytest.mark.parametrize("name", USES)
def test_what_each_op_keeps(name: str) -> None:
    tried = 0
    for declared in (*(f"{text}\nscale" for text in INPUTS), "input 7 int"):
        for text in USES[name][0]:
            try:
                model = netspec.loads(f"{declared}\n{text}")
            except netspec.SpecError:
                continue
            tried += 1
            assert kept(model) == kept_for_backward(model, BATCH), f"{declared}; {text}"
    assert tried


RECURRENT = (
    "input 10x20 sequence\nlstm-100",
    "input 10x20 sequence\nlstm-64 layers=3 bidirectional=yes bias=no\ntake(-1)\nFC-5",
    "input 7x33 sequence\nrelu\nlstm-12 layers=2\nrelu\nlstm-256\nlinear-9\nlstm-17",
    "input 7x33 sequence\nlstm-12\ntanh\ngru-20 bidirectional=yes\nln\nrnn-8 layers=2\ndropout(0.5)\nlinear-4",
    "input 1x45 sequence\ngru-64 layers=2\ntanh\nlinear-128\nlstm-64 layers=3\ntake(-1)\nFC-3",
)


@pytest.mark.parametrize("text", RECURRENT)
@pytest.mark.parametrize("batch", [2, 33])
def test_chains_of_recurrent_layers_keep_what_the_hooks_count(text: str, batch: int) -> None:
    model = netspec.loads(text)
    assert model.figure("activation_memory", Conditions(batch=batch)) == kept_for_backward(model, batch)


def test_the_workspace_of_an_lstm_in_half_precision() -> None:
    x, lstm, *_ = netspec.loads("input 10x300 sequence\nlstm-100").graph.nodes
    # gates 10*400, outputs 10*112, states 2*11*320, cells 2*11*100 of 2 bytes; gradients of 4 bytes, in rows of 304 values
    assert lstm_workspace(lstm.op, x.type, 2) == (8320, 2560, 14080, 4400, 26752, 26752, 8800)
    assert in_pages((8320, 2560, 14080, 4400, 26752, 26752, 8800), 1) == 4096 * (3 + 1 + 4 + 2 + 7 + 7 + 3)


def test_the_largest_batch_of_an_lstm_fits_its_pages() -> None:
    analysis = netspec.load(ROOT / "examples/lstm_digits.net").analysis(Conditions(optimizer="adam"))
    for capacity in (10**6, 10**8):
        batch = analysis.largest_batch(capacity)
        needed = [
            Analysis(analysis.graph, Conditions(b, optimizer="adam")).total("training_memory")
            for b in (batch, batch + 1)
        ]
        assert needed[0] <= capacity < needed[1]


def test_half_precision_keeps_half() -> None:
    model = netspec.load(ROOT / "examples/resnet18.net")
    assert kept(model, dtype="bf16") == pytest.approx(
        kept_for_backward(model, BATCH, "meta", torch.bfloat16), rel=0.001
    )


CHECKPOINTED = """
input 3x16x16
conv3-8 pad=1 act=relu
{}: {} {{ conv3-8 pad=1 norm=bn act=relu x3; conv3-8 pad=1 }}
{}: {} {{ conv3-8 pad=1 act=gelu x5 }}
gap -> FC-10
"""


def test_a_checkpointed_part_keeps_its_input() -> None:
    plain = netspec.loads(CHECKPOINTED.format("a", "", "b", ""))
    spared = netspec.loads(CHECKPOINTED.format("a", "checkpoint", "b", "checkpoint"))
    assert kept(plain) == kept_for_backward(plain, BATCH)
    assert kept(spared) == kept_for_backward(spared, BATCH) < kept(plain) / 3
    total = [m.figure("training_memory", Conditions(batch=BATCH, optimizer="sgd")) for m in (plain, spared)]
    assert total[1] < total[0]
    assert total[1] > kept(spared) + 2 * 4 * spared.params  # the larger part is kept while it is computed again


def test_layers_before_the_first_trained_one_keep_nothing() -> None:
    text = "input 3x16x16\nstem: conv3-8 pad=1 act=relu\nconv3-8 pad=1\ngap -> FC-4\ntrain { freeze stem }"
    model = netspec.loads(text)
    module_keeps = 2 * 4 * (8 * 16 * 16 + 8)  # the input of the second convolution, and that of FC
    assert kept(model) == module_keeps


def test_a_product_keeps_what_a_gradient_is_multiplied_by() -> None:
    model = netspec.loads("input left 16\ninput right 16\nmul [ from left; from right -> FC-16 ]\nFC-4")
    assert kept(model) == kept_for_backward(model, BATCH) == BATCH * 4 * (16 + 16 + 16)


# Inference


@pytest.mark.slow
@pytest.mark.parametrize("path", [pytest.param(p, id=p.stem) for p in kinds() if p.stem not in LARGE])
def test_peak_of_inference_is_what_eager_torch_holds(path: Path) -> None:
    model = netspec.load(path)
    weights = model.figure("weight_memory")
    found = model.figure("inference_memory", Conditions(batch=BATCH)) - weights
    measured = peak_of_inference(model, BATCH, "cpu" if path.stem in COMPUTED else "meta")
    assert found == pytest.approx(measured * ROUGH.get(path.stem, 1.0), rel=0.005)


RESIDUALS = (
    "input 3x8x8\nscale\nnormalize channel\nrelu",
    "input 10x32 sequence\nresidual { linear-64 act=relu -> linear-32 }\nln\nresidual { linear-64 act=relu -> linear-32 }\nln",
    "input 10x32 sequence\nresidual { ln -> attention heads=4 }\nresidual { ln -> linear-128 act=gelu -> linear-32 }\nlinear-7",
    "input 16x20x20\nresidual { conv3-16 pad=1 }\nresidual { conv3-64 pad=1 act=relu\n conv3-16 pad=1 }\nconv3-64 pad=1",
    "input 16x9x9\nresidual { conv3-64 pad=1 } else { conv1-64 }\nresidual { conv3-64 pad=1 act=relu\n conv3-32 pad=1 } else { conv1-32 }\nconv3-128 pad=1",
)


LOOPS = (
    "input 3x20x20\nconv3-16 pad=1\nresidual { conv3-16 pad=1 act=relu -> conv3-16 pad=1 } x4\nconv3-64 pad=1 act=relu\nconv1-4",
    "input 3x16x16\nconcat [ identity; conv3-4 pad=1 act=relu ] x5\nconv1-60 act=relu\nconv1-10",
    "input 3x24x24\nconv3-8 pad=1\nconcat [ identity; conv3-4 pad=1 act=relu ] x4\nbn\nrelu\navgpool2",
    "input 16x14x14\nmul [ identity; gap -> conv1-4 act=relu -> conv1-16 act=sigmoid ]\nconv3-8 pad=1\nmaxpool2",
    "input 1x48x48\nd: conv3-8 pad=1 act=relu\nmaxpool2\nconv3-16 pad=1\nconvt2-8 stride=2\nconcat [ identity; from d ]\nconv1-2",
)


@pytest.mark.parametrize("text", [*RESIDUALS, *LOOPS])
def test_a_body_is_held_until_the_next_one_takes_its_name(text: str) -> None:
    model = netspec.loads(text)
    found = model.figure("inference_memory", Conditions(batch=BATCH)) - model.figure("weight_memory")
    assert found == peak_of_inference(model, BATCH, "cpu")


# Weights, gradients, optimizers


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_states_are_those_of_torchs_optimizers(name: str) -> None:
    model = netspec.load(ROOT / "examples/lenet5.net")
    module = model.to_torch()
    make: dict[str, Any] = {
        "sgd": lambda p: torch.optim.SGD(p, 0.1), "momentum": lambda p: torch.optim.SGD(p, 0.1, momentum=0.9),
        "adam": torch.optim.Adam, "adamw": torch.optim.AdamW, "rmsprop": torch.optim.RMSprop, "adagrad": torch.optim.Adagrad,
    }  # fmt: skip
    optimizer = make[name](module.parameters())
    module(torch.randn(1, *next(iter(model.inputs.values())).shape)).sum().backward()
    optimizer.step()
    states = [
        t for state in optimizer.state.values() for t in state.values() if isinstance(t, torch.Tensor) and t.dim()
    ]
    conditions = Conditions(optimizer=name)  # type: ignore[arg-type]
    assert model.figure("optimizer_memory", conditions) == sum(t.nbytes for t in states)
    assert model.figure("gradient_memory", conditions) == sum(p.grad.nbytes for p in module.parameters())
    assert model.figure("weight_memory", conditions) == sum(t.nbytes for t in module.state_dict().values())


@pytest.mark.parametrize("optimizer", [None, "adam"])
def test_the_largest_batch_fits_and_one_more_does_not(optimizer: Any) -> None:
    model = netspec.load(ROOT / "examples/resnet50.net")
    figure = "training_memory" if optimizer else "inference_memory"
    for capacity in (10**9, 80 * 10**9):
        batch = model.analysis(Conditions(optimizer=optimizer)).largest_batch(capacity)
        needed = [model.figure(figure, Conditions(batch=b, optimizer=optimizer)) for b in (batch, batch + 1)]
        assert needed[0] <= capacity < needed[1]
    assert model.figure("fits", Conditions(optimizer=optimizer)) == batch
    assert model.analysis(Conditions(optimizer=optimizer)).largest_batch(10**6) == 0
