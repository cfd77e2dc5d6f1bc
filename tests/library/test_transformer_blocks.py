"""The layers of `<transformer>` compute what PyTorch's own layers do, with the same weights."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

import netspec

WIDTH, HEADS, HIDDEN = 16, 4, 24
INPUT = f"use <transformer>\ninput {{}}7x{WIDTH} sequence\n"


def randomized(module: nn.Module) -> nn.Module:
    torch.manual_seed(1)
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.uniform_(-0.5, 0.5)
    return module.eval()


def difference(spec: str, theirs: nn.Module, names: dict[str, str], expected: Tensor, *inputs: Tensor) -> float:
    """Between our output and theirs; `names` maps beginnings of our names of weights to theirs."""
    module = netspec.loads(spec).to_torch().eval()
    held = theirs.state_dict()
    own = module.state_dict()
    assert len(own) == sum(value.ndim > 0 for value in held.values())
    for name, value in own.items():
        begin = next(begin for begin in sorted(names, key=len, reverse=True) if name.startswith(begin))
        value.copy_(held[names[begin] + name.removeprefix(begin)])
    with torch.no_grad():
        return float((module(*inputs) - expected).abs().max())


@pytest.mark.slow
@pytest.mark.parametrize("causal", [False, True])
@pytest.mark.parametrize(("block", "first", "act"), [("encoder", False, "relu"), ("prenorm", True, "gelu")])
def test_a_layer_of_the_encoder(block: str, first: bool, act: str, causal: bool) -> None:
    theirs = randomized(nn.TransformerEncoderLayer(WIDTH, HEADS, HIDDEN, 0, act, batch_first=True, norm_first=first))
    x = torch.randn(2, 7, WIDTH)
    mask = nn.Transformer.generate_square_subsequent_mask(7) if causal else None
    with torch.no_grad():
        expected = theirs(x, src_mask=mask, is_causal=causal)
    names = {
        f"{block}1.attention1.": "self_attn.", f"{block}1.ln1.": "norm1.", f"{block}1.ln2.": "norm2.",
        f"{block}1.feed_forward1.linear1.": "linear1.", f"{block}1.feed_forward1.linear2.": "linear2.",
    }  # fmt: skip
    spec = INPUT.format("") + f"{block}({HEADS}, {HIDDEN}, causal={'yes' if causal else 'no'})"
    assert difference(spec, theirs, names, expected, x) <= 1e-5


@pytest.mark.slow
def test_a_layer_of_the_decoder() -> None:
    theirs = randomized(nn.TransformerDecoderLayer(WIDTH, HEADS, HIDDEN, 0, batch_first=True))
    x, memory = torch.randn(2, 7, WIDTH), torch.randn(2, 5, WIDTH)
    mask = nn.Transformer.generate_square_subsequent_mask(7)
    with torch.no_grad():
        expected = theirs(x, memory, tgt_mask=mask, tgt_is_causal=True)
    cross = theirs.multihead_attn
    split = nn.Module()  # PyTorch holds the three projections in one matrix
    for name, child in theirs.named_children():
        if name != "multihead_attn":
            split.add_module(name, child)
    for i, part in enumerate("qkv"):
        projection = nn.Linear(WIDTH, WIDTH)
        rows = slice(i * WIDTH, (i + 1) * WIDTH)
        projection.load_state_dict({"weight": cross.in_proj_weight[rows], "bias": cross.in_proj_bias[rows]})
        split.add_module(part, projection)
    split.add_module("out", cross.out_proj)
    names = {
        "decoder1.attention1.": "self_attn.", "decoder1.ln1.": "norm1.", "decoder1.ln2.": "norm2.", "decoder1.ln3.": "norm3.",
        "decoder1.cross_attention1.linear1.": "q.", "decoder1.cross_attention1.linear2.": "k.",
        "decoder1.cross_attention1.linear3.": "v.", "decoder1.cross_attention1.linear4.": "out.",
        "decoder1.feed_forward1.linear1.": "linear1.", "decoder1.feed_forward1.linear2.": "linear2.",
    }  # fmt: skip
    spec = INPUT.format("x ") + f"input memory 5x{WIDTH} sequence\ndecoder({HEADS}, {HIDDEN}) [ from x; from memory ]"
    assert difference(spec, split, names, expected, x, memory) <= 1e-5
