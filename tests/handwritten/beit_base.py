"""BEiT-B/16 by hand (Bao et al. 2021): the bias of a layer is read from its table pair by pair."""

from __future__ import annotations

import torch
from handwritten.value import Value
from torch import Tensor, nn


def rows(side: int) -> Tensor:
    """For each pair of tokens, the class token first, the row of a table: one for each offset, then three."""
    table = torch.empty(side * side + 1, side * side + 1, dtype=torch.long)
    last = (2 * side - 1) ** 2
    for i in range(side * side):
        for j in range(side * side):
            down, right = i // side - j // side + side - 1, i % side - j % side + side - 1
            table[i + 1, j + 1] = down * (2 * side - 1) + right
    table[0, :], table[:, 0], table[0, 0] = last, last + 1, last + 2
    return table


class Attention(nn.Module):
    def __init__(self, width: int, heads: int, index: Tensor) -> None:
        super().__init__()
        self.heads, self.index = heads, index
        self.q_bias, self.v_bias = nn.Parameter(torch.zeros(width)), nn.Parameter(torch.zeros(width))
        self.table = nn.Parameter(torch.zeros(int(index.max()) + 1, heads))
        self.qkv, self.out = nn.Linear(width, 3 * width, bias=False), nn.Linear(width, width)

    def forward(self, x: Tensor) -> Tensor:
        n, t, c = x.shape
        q, k, v = self.qkv(x).split(c, -1)
        q, k, v = (y.view(n, t, self.heads, -1).transpose(1, 2) for y in (q + self.q_bias, k, v + self.v_bias))
        scores = q @ k.transpose(-2, -1) / q.shape[-1] ** 0.5 + self.table[self.index].permute(2, 0, 1)
        return self.out((scores.softmax(-1) @ v).transpose(1, 2).reshape(n, t, c))


class Layer(nn.Module):
    def __init__(self, width: int, heads: int, index: Tensor) -> None:
        super().__init__()
        self.norm1 = nn.LayerNorm(width, eps=1e-6)
        self.attention, self.gamma1 = Attention(width, heads, index), Value(width)
        self.norm2 = nn.LayerNorm(width, eps=1e-6)
        self.mlp = nn.Sequential(nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width))
        self.gamma2 = Value(width)

    def forward(self, x: Tensor) -> Tensor:
        x = x + self.gamma1.weight * self.attention(self.norm1(x))
        return x + self.gamma2.weight * self.mlp(self.norm2(x))


class BEiTB16(nn.Module):
    def __init__(self, width: int = 768, heads: int = 12, layers: int = 12) -> None:
        super().__init__()
        self.patches = nn.Conv2d(3, width, 16, 16)
        self.token = Value(width)
        index = rows(14)
        self.layers = nn.ModuleList(Layer(width, heads, index) for _ in range(layers))
        self.norm, self.head = nn.LayerNorm(width, eps=1e-6), nn.Linear(width, 1000)

    def forward(self, x: Tensor) -> Tensor:
        x = self.patches(x).flatten(2).transpose(1, 2)
        x = torch.cat([self.token.weight.expand(len(x), 1, -1), x], 1)
        for layer in self.layers:
            x = layer(x)
        return self.head(self.norm(x[:, 1:].mean(1)))
