"""Tensors that do not depend on the input: positions, queries, tables."""

from __future__ import annotations

import pytest
import torch
from agreement import assert_agreement, largest_difference
from saved_tensors import kept_for_backward

import netspec
from netspec.analysis.conditions import Conditions

QUERIES = """
input 12x16 sequence
block cross(n, w) {
  q: { tensor (n)x(w) kind=sequence init=0.1 }
  k: { from in; linear-w }
  matmul [ from q; from k -> permute(1, 0) ]
  mul [ identity; (w**-0.5) ] -> softmax
  matmul [ identity; from k ]
}
cross(5, 8)
cross(5, 8)
FC-3
"""
POSITIONS = "input 3x8x8; conv3-8 pad=1; add [ identity; tensor 8x8x8 ]; conv3-4; FC-2"


@pytest.mark.parametrize(
    "text",
    [
        QUERIES.replace("(n)x(w)", "(n, w)"),
        POSITIONS,
        "input 4; concat [ identity; tensor 2 values=[1, 2] trained=no ]; FC-3",
        "input 6 int; embed-4 vocab=9; add [ identity; tensor 6x4 kind=sequence ]; FC-2",
        "input a 4\ninput b 4\nadd [ from a; from b; tensor 4 init=2 ]",
        "input 2x4x4; mul [ identity; tensor 1x4x4 init=0.5 ]; concat axis=height [ identity; tensor 2x1x4 ]; FC-2",
    ],
)
def test_a_tensor_agrees_with_pytorch_and_onnx_runtime(text: str) -> None:
    model = netspec.loads(text)
    assert_agreement(model)
    assert largest_difference(model, batch=3) <= 1e-5
    assert model.figure("activation_memory", Conditions(batch=2)) == kept_for_backward(model, 2)


def test_it_counts_as_parameters_or_as_a_buffer() -> None:
    trained = netspec.loads("input 4; add [ identity; tensor 4 ]")
    fixed = netspec.loads("input 4; add [ identity; tensor 4 values=[1, 2, 3, 4] trained=no ]")
    assert (trained.params, fixed.params) == (4, 0)
    assert fixed.to_torch()(torch.zeros(2, 4)).tolist() == [[1, 2, 3, 4]] * 2


def test_what_does_not_depend_on_the_input_has_no_receptive_field_and_no_depth() -> None:
    model = netspec.loads(POSITIONS)
    fields = {row["layer"]: row["receptive_field"] for row in model.rows("receptive_field")}
    assert fields["tensor1"] == (0, 0)
    assert fields["add1"] == fields["conv1"] == (3, 3)
    assert model.figure("depth") == 3
    assert netspec.loads("input 3x8x8; conv3-4; conv3-4; tensor 5; FC-2").figure("depth") == 1


@pytest.mark.parametrize(
    ("text", "code", "words"),
    [
        ("tensor 2x3x4 kind=sequence", "NS307", "a sequence has two sizes"),
        ("tensor", "NS206", "missing its size"),
        ("tensor 2 values=[1, 2, 3]", "NS307", "2 numbers, found 3"),
        ("tensor 2 kind=row", "NS205", "`row` is not one of map, sequence"),
    ],
)
def test_what_is_no_tensor_is_explained(text: str, code: str, words: str) -> None:
    (found,) = [d for d in netspec.check(f"input 4\n{text}").diagnostics if d.is_error]
    assert found.code == code
    assert words in found.message
