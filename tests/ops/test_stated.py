"""Weights that a spec states: the layer starts with them in PyTorch and in ONNX."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch
from agreement import largest_difference

import netspec

XOR = """
input 2
FC-2 weights=[[1, 1], [1, 1]] biases=[-0.5, -1.5] act=step
FC-1 weights=[[1, -2]] biases=[-0.5] act=step
"""


def test_the_exclusive_or_of_threshold_units_is_computed_by_every_module() -> None:
    model = netspec.loads(XOR)
    rows = list(itertools.product((0.0, 1.0), repeat=2))
    expected = [float(a != b) for a, b in rows]
    for module in (model.to_torch(), model.to_torch(seed=3)):
        assert module(torch.tensor(rows)).flatten().tolist() == expected
    from onnxruntime import InferenceSession

    session = InferenceSession(model.to_onnx().SerializeToString())
    (found,) = session.run(None, {"input": np.array(rows, dtype=np.float32)})
    assert found.ravel().tolist() == expected


@pytest.mark.parametrize(
    "text",
    [
        "input 1x6x6; conv3-1 weights=[[[[1, 0, -1], [2, 0, -2], [1, 0, -1]]]] bias=no",
        "input 2x6x6; dwconv3 pad=1 weights=[[[[0, 0, 0], [0, 1.5, 0], [0, 0, 0]]], [[[0, 0, 0], [0, -1, 0], [0, 0, 0]]]]",
        "input 4x3 sequence; linear-2 weights=[[1, 0, 0], [0, 0.25, 1]] biases=[0, -1]",
        "input 3x4x4; conv1-1 connections=[[0, 2]] weights=[[[2]], [[0.5]]] biases=[3]",
        "net N(a = 0.25)\ninput 2; FC-2 weights=[[a, 1], [1, 2 * a]] biases=(a, 0)",
    ],
)
def test_the_source_starts_with_the_stated_values(text: str) -> None:
    model = netspec.loads(text)
    own, seeded = model.to_torch(), model.to_torch(seed=0)
    stated = {f"{node.name}.{p.name}" for node in model.graph.nodes for p in node.params if isinstance(p.init, tuple)}
    assert stated
    assert all(torch.equal(own.state_dict()[name], seeded.state_dict()[name]) for name in stated)
    assert largest_difference(model, batch=2) <= 1e-5


@pytest.mark.parametrize(
    ("text", "code", "words"),
    [
        ("FC-2 weights=[[1, 2], [3, 4]]", "NS307", "2x3 numbers, found 2x2"),
        ("FC-2 weights=[[1, 2], [3]]", "NS307", "lists of different lengths"),
        ("FC-2 weights=[1, 2]", "NS307", "2x3 numbers, found 2"),
        ("FC-2 weights=3", "NS204", "expected a list of numbers"),
        ('FC-2 weights=[["a"]]', "NS204", "expected a number"),
        ("FC-2 biases=[1, 2, 3]", "NS307", "the biases of this layer are 2 numbers, found 3"),
        ("FC-2 bias=no biases=[1, 2]", "NS207", "a layer without them"),
        ("a: FC-3\nFC-3 tie=a weights=[[1, 2, 3], [1, 2, 3], [1, 2, 3]]", "NS207", "those of `a`"),
    ],
)
def test_values_that_do_not_fit_are_explained(text: str, code: str, words: str) -> None:
    found = [d for d in netspec.check(f"input 3\n{text}").diagnostics if d.is_error]
    assert [d.code for d in found] == [code]
    assert words in found[0].message


@pytest.mark.parametrize("mean", ["0.485", "(0.485, 0.456, 0.406)", "(m, 0.5, 2 * m)"])
def test_fractions_of_a_normalization_stay_fractions(mean: str) -> None:
    model = netspec.loads(f"net N(m = 0.25)\ninput 3x4x4\nnormalize mean={mean} std=(0.5, 0.25, 1)")
    assert largest_difference(model, batch=2) <= 1e-5
