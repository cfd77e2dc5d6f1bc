"""attention and attend: shapes, parameters and MACs against PyTorch, ONNX Runtime, what is kept; by hand; mistakes."""

from __future__ import annotations

import itertools

import pytest
import torch
from agreement import assert_agreement, largest_difference
from saved_tensors import kept_for_backward
from torch.nn import functional as F
from torch.utils.flop_counter import FlopCounterMode

import netspec
from netspec.analysis.conditions import Conditions

IMAGE = "input 8x12x14; scale"
TOKENS = "input 12x16 sequence; scale"
MULTISCALE = "input 9x16 sequence; scale; attend heads=2"  # a class token before what it names
POOLED = "[ identity; slice(0, 5, axis=tokens); slice(4, axis=tokens) ]"
TRIED = [
    f"{IMAGE}; attend heads=2 [ conv1-8; conv2-8/2; conv2-12/2 ]",
    f"{IMAGE}; attend heads=2 positions=decomposed [ conv1-8; conv2-8/2; conv2-12/2 ]",
    f"{IMAGE}; attend heads=2 positions=decomposed [ conv2-8/2; identity; conv1-12 ]",
    f"{IMAGE}; attend heads=2 positions=decomposed [ conv5-8/2; conv3-8/3; conv3-12/3 ]",
    f"{IMAGE}; attend heads=2 positions=decomposed(scaled=no) [ conv5-8/2; identity; conv1-12 ]",
    f"{IMAGE}; attend heads=2 positions=distance [ conv2-8/2; identity; conv1-12 ]",
    f"{TOKENS}; attend heads=4 kv_heads=1 [ linear-32; linear-8; linear-6 ]",
    f"{TOKENS}; attend heads=4 similarity=cosine positions=relative [ linear-32; linear-32; linear-8 ]",
    f"{TOKENS}; attend heads=2 [ slice(0, 1, axis=tokens); identity; identity ]",
    f"{TOKENS}; attend heads=2 causal=yes span=4 scale=0.1 [ identity; linear-16; linear-16 ]",
    "input 13x16 sequence; attention heads=4 positions=relative(grid=3x4) bias=qv",
    f"{MULTISCALE} positions=decomposed(grid=2x1x4, keys=2x1x2) {POOLED}",
    f"{IMAGE}; windows 4x7 shift=(2, 3) {{ attention heads=2 positions=relative }}",
    f"{IMAGE}; windows 5x7 shift=(2, 3) {{ attention heads=2 positions=generated(16) similarity=cosine bias=qv }}",
    f"{IMAGE}; windows 4x7 shift=2 {{ ln -> tokens -> attention heads=2 -> image 4x7 }}",
    f"{TOKENS}; windows 5 shift=2 {{ attention heads=4 causal=yes }}",
    f"{IMAGE}; windows 6x4 stride=3x2 pad=0x1 {{ attend heads=2 [ slice(0, 3, axis=height) -> slice(0, 2, axis=width); identity; identity ] }}",
    f"{IMAGE}; windows 6x7 shift=3 {{ attend heads=2 positions=relative [ conv1-8; identity; identity ] }}",
]


def counted(model: netspec.Model) -> int:
    with torch.device("meta"):
        module = model.to_torch().eval()
        (kind,) = model.inputs.values()
        with FlopCounterMode(display=False) as counter:
            module(torch.empty(1, *kind.shape))
    return counter.get_total_flops() // 2


@pytest.mark.parametrize("text", TRIED)
def test_it_agrees_with_pytorch_and_onnx_runtime(text: str) -> None:
    model = netspec.loads(text)
    assert_agreement(model)
    assert largest_difference(model, batch=3) <= 1e-4
    assert model.macs == counted(model)


@pytest.mark.parametrize("text", TRIED)
def test_what_it_keeps_for_the_backward_pass(text: str) -> None:
    model = netspec.loads(text)
    assert model.figure("activation_memory", Conditions(batch=2)) == kept_for_backward(model, 2)


@pytest.mark.parametrize("opset", [13, 15, 17, 18, 20, 22])
def test_every_opset(opset: int) -> None:
    for text in (TRIED[1], TRIED[4], TRIED[6], TRIED[12]):
        assert largest_difference(netspec.loads(text), opset=opset) <= 1e-4


def by_hand(
    q: torch.Tensor, k: torch.Tensor, v: torch.Tensor, heads: int, bias: torch.Tensor | float = 0.0
) -> torch.Tensor:
    """softmax(QK^T / sqrt(d) + bias) V, head by head (Vaswani et al. 2017, section 3.2)."""
    parts = []
    for one, two in zip(q.chunk(heads, -1), k.chunk(heads, -1), strict=True):
        parts.append((one @ two.mT) / one.shape[-1] ** 0.5)
    weights = torch.softmax(torch.stack(parts, 1) + bias, -1)
    return torch.cat([w @ x for w, x in zip(weights.unbind(1), v.chunk(heads, -1), strict=True)], -1)


def test_attend_is_the_formula_of_the_paper() -> None:
    model = netspec.loads(
        f"{TOKENS}; q: linear-32; k: {{ from in; linear-32 }}; attend heads=4 [ from q; from k; from in -> linear-8 ]"
    )
    module = model.to_torch(seed=0).eval()
    x = torch.randn(2, 12, 16)
    names = dict(module.named_modules())
    q, k, v = (names[name](x) for name in ("q", "k.linear1", "linear1"))
    assert torch.allclose(module(x), by_hand(q, k, v, 4), atol=1e-6)


def test_a_table_has_a_row_for_each_offset() -> None:
    """Liu et al. 2021, section 3.2: B is taken from a (2M - 1) x (2M - 1) table by the relative positions."""
    model = netspec.loads("input 8x3x4; attention heads=2 positions=relative")
    module = model.to_torch(seed=0).eval()
    attention = module.attention1
    table = attention.attend.biases[0].table.reshape(5, 7, 2)
    places = [(i, j) for i in range(3) for j in range(4)]
    bias = torch.stack([torch.stack([table[a - c + 2, b - d + 3] for c, d in places]) for a, b in places]).permute(
        2, 0, 1
    )
    x = torch.randn(2, 8, 3, 4)
    q, k, v = attention.qkv(x.flatten(2).mT).chunk(3, -1)
    expected = attention.out(by_hand(q, k, v, 2, bias)).mT.unflatten(2, (3, 4))
    assert torch.allclose(module(x), expected, atol=1e-6)


def test_decomposed_positions_leave_out_the_class_token() -> None:
    """Li et al. 2022 (MViTv2), equations 3 and 4: the query times a vector for each axis, by the offset on the finer grid."""
    model = netspec.loads(f"{MULTISCALE} positions=decomposed(grid=2x4, keys=2x2) {POOLED}")
    module = model.to_torch(seed=0).eval()
    down, across = module.attend1.biases[0].tables
    x = torch.randn(3, 9, 16)
    q, k, v = x, x[:, :5], x[:, 4:]
    bias = torch.zeros(3, 2, 9, 5)
    for head, i, j, a, b in itertools.product(range(2), range(2), range(4), range(2), range(2)):
        vector = down[i - a + 1] + across[j - 2 * b + 2]
        bias[:, head, 1 + 4 * i + j, 1 + 2 * a + b] = q[:, 1 + 4 * i + j, 8 * head : 8 * head + 8] @ vector
    assert torch.allclose(module(x), by_hand(q, k, v, 2, bias), atol=1e-6)


@pytest.mark.parametrize(
    ("positions", "words"),
    [
        ("decomposed(grid=3x4)", "a grid of 12 positions in 9 tokens"),
        ("decomposed(grid=2x4, keys=2x3)", "a grid of 6 keys after 1 token, in 5 tokens"),
        ("decomposed(keys=2x2)", "`keys` needs the grid of the queries, `grid`"),
    ],
)
def test_grids_that_do_not_fit(positions: str, words: str) -> None:
    with pytest.raises(netspec.SpecError) as error:
        netspec.loads(f"{MULTISCALE} positions={positions} {POOLED}")
    assert words in str(error.value)


def decomposed(n: int, m: int, options: str = "") -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """A query for each of n places along an axis, the table, and what is added to its scores with m keys."""
    text = f"input x 4x{n}; k: resize {m}; attend heads=1 positions=decomposed{options} [ from x; from k; from k ]"
    module = netspec.loads(text).to_torch(seed=0)
    positions = module.attend1.biases[0]
    q = torch.randn(1, 1, n, 4)
    return q[0, 0], positions.tables[0], positions(q)[0, 0]


@pytest.mark.parametrize(("n", "m"), [(7, 7), (8, 4), (4, 8), (12, 5), (5, 12), (15, 8), (9, 10)])
def test_decomposed_positions_scale_as_those_of_mvit(n: int, m: int) -> None:
    """Li et al. 2022, `cal_rel_pos_spatial` of their code: offsets of the larger grid, cut off to whole numbers."""
    q, table, bias = decomposed(n, m)
    distance = (
        torch.arange(n)[:, None] * max(m / n, 1.0) - torch.arange(m) * max(n / m, 1.0) + (m - 1) * max(n / m, 1.0)
    )
    assert torch.allclose(bias, (q[:, None] * table[(distance + 1e-4).long()]).sum(-1), atol=1e-6)


def test_positions_of_a_halo_count_from_the_first_key() -> None:
    """Vaswani et al. 2021 (HaloNet), as `rel_logits_1d`: key j of query i has row j - i + m - 1 of a table of 2m - 1; ours is
    the other way round."""
    q, table, bias = decomposed(4, 12, "(scaled=no)")
    rows = torch.arange(12) - torch.arange(4)[:, None] + 11
    assert torch.allclose(bias, (q[:, None] * table.flip(0)[rows]).sum(-1), atol=1e-6)


def test_rotations_depend_on_the_distance_alone() -> None:
    """Su et al. 2021, equation 11: the score of two tokens is a function of their contents and their distance."""
    module = netspec.loads(
        "input 9x8 sequence; attend heads=1 positions=rotary [ identity; identity; identity ]"
    ).to_torch()
    rotary = module.attend1.rotary
    one, other = torch.randn(8), torch.randn(8)
    turned = [rotary(t.expand(1, 1, 9, 8))[0, 0] for t in (one, other)]
    scores = turned[0] @ turned[1].T
    for distance in range(-8, 9):
        assert torch.allclose(
            scores.diagonal(distance), scores.diagonal(distance)[:1].expand(9 - abs(distance)), atol=1e-5
        )
    assert torch.allclose(scores[0, 0], one @ other, atol=1e-5)


def test_a_span_looks_back_so_many_tokens() -> None:
    module = netspec.loads("input 9x8 sequence; attention heads=2 causal=yes span=3").to_torch(seed=0).eval()
    x = torch.randn(1, 9, 8, requires_grad=True)
    for token in range(9):
        (gradient,) = torch.autograd.grad(module(x)[0, token].sum(), x)
        seen = gradient[0].abs().sum(-1).nonzero().flatten().tolist()
        assert seen == list(range(max(0, token - 2), token + 1))


def test_cosine_similarity_is_that_of_unit_vectors() -> None:
    """Liu et al. 2022 (Swin v2), equation 2; the scale is learned in logarithms and at most 100."""
    module = netspec.loads(f"{TOKENS}; attend heads=1 similarity=cosine [ identity; identity; identity ]").to_torch()
    x = torch.randn(1, 12, 16)
    scores = F.cosine_similarity(x[0, :, None], x[0, None], dim=-1)
    for log_scale, scale in ((2.302585, 10.0), (9.0, 100.0)):
        module.attend1.log_scale.data.fill_(log_scale)
        assert torch.allclose(module(x)[0], torch.softmax(scale * scores, -1) @ x[0], atol=1e-4)


MISTAKES = [
    (f"{TOKENS}; attention heads=5", "NS304", "16 features cannot be divided into 5 heads"),
    (f"{TOKENS}; attention heads=4 kv_heads=3", "NS304", "4 heads cannot be divided among 3 heads of keys and values"),
    (f"{TOKENS}; attention heads=4 span=2", "NS207", "needs `causal=yes`"),
    (f"{TOKENS}; attention heads=4 bias=keys", "NS205", "`keys` is not yes, no, qv"),
    (f"{TOKENS}; attention heads=4 positions=sinus", "NS205", "`sinus` is not positions"),
    (f"{TOKENS}; attention heads=4 positions=relative(grid=4x4)", "NS307", "a grid of 16 positions in 12 tokens"),
    (f"{TOKENS}; attention heads=4 similarity=cosine scale=2", "NS207", "trains its scale"),
    (f"{TOKENS}; attend heads=4 [ identity; identity ]", "NS307", "3 branches, queries, keys and values; found 2"),
    (f"{TOKENS}; attend heads=4 [ linear-16; linear-32; identity ]", "NS306", "4 features for each head, the keys 8"),
    (
        f"{TOKENS}; attend heads=4 [ identity; identity; slice(0, 3, axis=tokens) ]",
        "NS306",
        "a value for each of 12 keys, found 3",
    ),
    (f"{IMAGE}; attend heads=2 positions=relative [ identity; maxpool; maxpool ]", "NS307", "at the same positions"),
    ("input 10; attention heads=2", "NS303", "needs a sequence of tokens"),
    (f"{IMAGE}; windows 4x7 shift=2 {{ maxpool -> attention heads=2 }}", "NS307", "is for 28 tokens"),
]


@pytest.mark.parametrize(("text", "code", "words"), MISTAKES)
def test_a_mistake_names_the_sizes(text: str, code: str, words: str) -> None:
    with pytest.raises(netspec.SpecError) as raised:
        netspec.loads(text)
    assert any(d.code == code and words in d.message for d in raised.value.diagnostics), raised.value
