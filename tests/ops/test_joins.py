"""Joins of branches value by value and by matrix products: shapes, numbers among the branches, PyTorch and ONNX Runtime."""

from __future__ import annotations

import pytest
import torch
from agreement import assert_agreement, largest_difference
from saved_tensors import kept_for_backward

import netspec
from netspec.analysis.conditions import Conditions

IMAGE = "input 8x6x6"
TOKENS = "input 12x16 sequence"
TRIED = [
    f"{IMAGE}; add [ identity; conv3-8 pad=1; 2 ]",
    f"{IMAGE}; add [ identity; -0.5 ]",
    f"{IMAGE}; sub [ identity; mean channels ]",
    f"{IMAGE}; sub [ 1; sigmoid ]",
    f"{IMAGE}; sub [ mean spatial; identity ]",
    f"{IMAGE}; mul [ identity; {{ concat [ mean channels; max channels ] -> conv3-1 pad=1 act=sigmoid }} ]",
    f"{IMAGE}; mul [ gap; identity; conv1-1; 2 ]",
    f"{IMAGE}; mul [ mean width; mean height ]",
    f"{IMAGE}; div [ identity; {{ norm channels; add [ identity; 1e-6 ] }} ]",
    f"{IMAGE}; div [ 1; {{ square; add [ identity; 1 ] }} ]",
    f"{IMAGE}; div [ identity; 8 ]",
    f"{IMAGE}; maximum [ identity; conv1-8; 0 ]",
    f"{IMAGE}; minimum [ identity; 6 ]",
    f"{IMAGE}; minimum [ identity; gap ]",
    f"{IMAGE}; matmul [ identity; conv1-8 ]",
    f"{TOKENS}; mul [ identity; linear-1 act=sigmoid ]",
    f"{TOKENS}; sub [ identity; mean tokens ]",
    f"{TOKENS}; matmul [ identity; permute(1, 0) ]; div [ identity; 4 ]; softmax",
    f"{TOKENS}; matmul [ {{ linear-5; permute(1, 0) }}; linear-7 ]",
    "input 10; add [ FC-4; FC-1; 1 ]",  # a dueling head: values plus advantages
]


@pytest.mark.parametrize("text", TRIED)
def test_a_join_agrees_with_pytorch_and_onnx_runtime(text: str) -> None:
    model = netspec.loads(text)
    assert_agreement(model)
    assert largest_difference(model, batch=3) <= 1e-4


@pytest.mark.parametrize(
    ("one", "other", "together"),
    [
        ("8x6x6", "8x6x6", "8x6x6"),
        ("8x6x6", "8x1x1", "8x6x6"),
        ("1x6x6", "8x6x6", "8x6x6"),
        ("8x6x1", "8x1x6", "8x6x6"),
        ("8x6x6", "4x6x6", None),
        ("8x6x6", "8x3x6", None),
        ("8x6x6", "8x36", None),
        ("10", "1", "10"),
        ("10", "5", None),
    ],
)
def test_an_axis_of_size_1_is_repeated_as_pytorch_repeats_it(one: str, other: str, together: str | None) -> None:
    text = f"input a {one}\ninput b {other}\nadd [ from a; from b ]"
    found = netspec.check(text)
    assert [d.code for d in found.diagnostics if d.is_error] == ([] if together else ["NS306"])
    if together:
        assert str(found.model().outputs["output"]) == together
        sizes = [tuple(map(int, shape.split("x"))) for shape in (one, other)]
        assert torch.broadcast_shapes(*sizes) == tuple(map(int, together.split("x")))


@pytest.mark.parametrize(
    ("text", "code", "words"),
    [
        ("sub [ identity; conv1-8; conv1-8 ]", "NS307", "sub takes 2 branches, found 3"),
        ("sub [ identity ]", "NS307", "sub takes 2 branches, found 1"),
        ("div [ identity; 0 ]", "NS205", "division by zero"),
        ("add [ 1; identity; 2 ]", "NS203", "a second number"),
        ("add [ 1 ]", "NS206", "joins numbers only"),
        ("concat [ identity; 2 ]", "NS307", "`concat` joins tensors, not numbers"),
        ('mul [ identity; "half" ]', "NS204", "expected a number"),
        ("mul [ identity; (rate) ]", "NS208", "`rate` is not defined"),
        ("matmul [ identity; { crop 3x6 } ]", "NS306", "6x6 times 3x6"),
        ("mul [ identity; 2 ] number=3", "NS101", ""),
        ("mul number=3 [ identity; identity ]", "NS202", "number"),
    ],
)
def test_what_does_not_join_is_explained(text: str, code: str, words: str) -> None:
    (found,) = [d for d in netspec.check(f"{IMAGE}\n{text}").diagnostics if d.is_error]
    assert found.code == code
    assert words in found.message


def test_a_number_that_is_a_parameter_stays_one_in_the_module() -> None:
    source = netspec.loads("net Scaled(scale = 0.5)\ninput 4\nmul [ identity; (scale) ]\nFC-2").torch_source()
    assert "x = x * self.scale" in source
    assert "scale: float = 0.5" in source


def test_the_products_of_a_matmul_are_macs() -> None:
    from torch.utils.flop_counter import FlopCounterMode

    model = netspec.loads(f"{TOKENS}\nmatmul [ identity; {{ linear-16; permute(1, 0) }} ]")
    with FlopCounterMode(display=False) as counter:
        model.to_torch(seed=0)(torch.zeros(1, 12, 16))
    assert model.macs == counter.get_total_flops() // 2 == 12 * 16 * 16 + 12 * 16 * 12


@pytest.mark.parametrize("text", TRIED)
def test_what_a_join_keeps_for_the_backward_pass(text: str) -> None:
    declared, rest = text.split("; ", 1)
    # a layer with weights before it, so that every branch has a gradient
    first = "linear-16" if "sequence" in declared else "FC-10" if declared == "input 10" else "conv1-8"
    model = netspec.loads(f"{declared}\n{first}\n{rest}")
    assert model.figure("activation_memory", Conditions(batch=4)) == kept_for_backward(model, batch=4)


def test_branches_of_open_sizes_meet_where_they_are_equal() -> None:
    found = netspec.check("input 8xHxW\nmul [ identity; mean spatial; { mean channels } ]\nconv1-2")
    assert found.ok, found.diagnostics
    unequal = netspec.check("input 8xHxW\nadd [ identity; conv3-6 ]")
    assert [d.code for d in unequal.diagnostics if d.is_error] == ["NS306"]
