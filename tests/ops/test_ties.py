"""`tie=`: a layer with the weights of another one, transposed or as they are, against PyTorch written by hand."""

from __future__ import annotations

import pytest
import torch
from agreement import assert_agreement, largest_difference, random_state
from torch import nn
from torch.nn import functional as F

import netspec

GPT = """
net GPT(vocab = {vocab}, context = {context}, width = {width}, heads = {heads}, layers = {layers})
input ids (context) int
words: embed-width vocab=vocab
pos_embed
repeat layers {{
  residual {{ ln -> attention heads=heads causal=yes }}
  residual {{ ln -> linear-(4 * width) act=gelu(approximate=tanh) -> linear-width }}
}}
ln
linear-vocab tie=words bias=no
"""


def test_gpt2_has_the_parameters_of_the_paper() -> None:
    model = netspec.loads(GPT.format(vocab=50257, context=1024, width=768, heads=12, layers=12))
    assert model.totals.params == 124_439_808  # as released, with one matrix for the words and for the logits


@pytest.mark.parametrize(
    "text",
    [
        "input 8; a: FC-4; FC-8 tie=a",
        "input 8x8 sequence; a: linear-8; linear-8 tie=a",
        "input 5x8 sequence; a: linear-4 bias=no; linear-8 tie=a bias=no",
        "input 5x8x3; a: linear-4; linear-5 tie=a act=relu",
        "input 6 int; e: embed-8 vocab=8; linear-8 tie=e; linear-8 tie=e bias=no",
        "input 6 int; e: embed-8 vocab=11; take -1; FC-11 tie=e",
        "input 6 int; e: embed-8 vocab=11; gap; FC-11 tie=e",
        "block b(v) { t: embed-8 vocab=v; relu; linear-v tie=t; }; input 4 int; b(20)",
        GPT.format(vocab=40, context=7, width=16, heads=2, layers=2),
    ],
)
def test_tied_weights_agree(text: str) -> None:
    model = netspec.loads(text)
    assert_agreement(model)
    assert largest_difference(model, batch=3) < 1e-5


def test_what_is_computed() -> None:
    """Square matrices, where the wrong orientation would fit too."""
    model = netspec.loads("input 6 int; e: embed-8 vocab=8; a: linear-8 tie=e; b: linear-8; linear-8 tie=b bias=no")
    state = random_state(model)
    ids = torch.tensor([[0, 3, 7, 7, 1, 2]])
    module = model.to_torch().eval()
    module.load_state_dict(state)
    words = state["e.weight"]
    x = F.linear(F.embedding(ids, words), words, state["a.bias"])
    x = F.linear(x, state["b.weight"], state["b.bias"]) @ state["b.weight"]
    torch.testing.assert_close(module(ids), x)


def test_one_matrix_is_trained_from_both_sides() -> None:
    model = netspec.loads("input 3 int; e: embed-4 vocab=5; linear-5 tie=e bias=no")
    module = model.to_torch(seed=1)
    mine = nn.Parameter(module.e.weight.detach().clone())
    ids = torch.tensor([[1, 2, 2]])
    module(ids).square().sum().backward()
    F.linear(F.embedding(ids, mine), mine).square().sum().backward()
    torch.testing.assert_close(module.e.weight.grad, mine.grad)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("input 6 int; e: embed-8 vocab=11; linear-8 tie=e", "NS307"),
        ("input 8; a: FC-4; FC-8 tie=b", "NS208"),
        ("input 8; a: relu; FC-8 tie=a", "NS207"),
        ("input 8; a: FC-4; b: FC-8 tie=a; FC-4 tie=b", "NS207"),
    ],
)
def test_what_does_not_fit(text: str, code: str) -> None:
    with pytest.raises(netspec.SpecError) as error:
        netspec.loads(text)
    assert [d.code for d in error.value.diagnostics] == [code]


def test_a_layer_norm_without_a_shift() -> None:
    model = netspec.loads("input 5x8 sequence; ln bias=no")
    assert model.totals.params == 8
    theirs = nn.LayerNorm(8, bias=False)
    state = random_state(model)
    theirs.load_state_dict({"weight": state["ln1.weight"]})
    module = model.to_torch().eval()
    module.load_state_dict(state)
    x = torch.randn(2, 5, 8, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(module(x), theirs(x))
    for opset in (13, 17):
        assert largest_difference(model, opset=opset) < 1e-5
