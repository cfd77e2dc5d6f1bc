"""CaiT-XXS24 by hand (Touvron et al. 2021, section 3; talking heads of Shazeer et al. 2020)."""

from __future__ import annotations

import torch
from handwritten.value import Value
from torch import Tensor, nn


def split(x: Tensor, heads: int) -> Tensor:
    return x.view(*x.shape[:2], heads, -1).transpose(1, 2)


class Mlp(nn.Sequential):
    def __init__(self, width: int) -> None:
        super().__init__(nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width))


class Layer(nn.Module):
    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.norm1 = nn.LayerNorm(width, eps=1e-6)
        self.q, self.k, self.v = (nn.Linear(width, width) for _ in range(3))
        self.before, self.after = nn.Conv2d(heads, heads, 1), nn.Conv2d(heads, heads, 1)
        self.out, self.gamma1 = nn.Linear(width, width), Value(width)
        self.norm2, self.mlp, self.gamma2 = nn.LayerNorm(width, eps=1e-6), Mlp(width), Value(width)

    def forward(self, x: Tensor) -> Tensor:
        y = self.norm1(x)
        q, k, v = (split(project(y), self.heads) for project in (self.q, self.k, self.v))
        scores = self.before(q @ k.transpose(-2, -1) * q.shape[-1] ** -0.5)
        y = (self.after(scores.softmax(-1)) @ v).transpose(1, 2).reshape(x.shape)
        x = x + self.gamma1.weight * self.out(y)
        return x + self.gamma2.weight * self.mlp(self.norm2(x))


class ClassLayer(nn.Module):
    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.norm1 = nn.LayerNorm(width, eps=1e-6)
        self.q, self.k, self.v, self.out = (nn.Linear(width, width) for _ in range(4))
        self.gamma1 = Value(width)
        self.norm2, self.mlp, self.gamma2 = nn.LayerNorm(width, eps=1e-6), Mlp(width), Value(width)

    def forward(self, token: Tensor, x: Tensor) -> Tensor:
        u = self.norm1(torch.cat([token, x], 1))
        q, k, v = split(self.q(u[:, :1]), self.heads), split(self.k(u), self.heads), split(self.v(u), self.heads)
        y = ((q @ k.transpose(-2, -1) * q.shape[-1] ** -0.5).softmax(-1) @ v).transpose(1, 2).reshape(token.shape)
        token = token + self.gamma1.weight * self.out(y)
        return token + self.gamma2.weight * self.mlp(self.norm2(token))


class CaiTXXS24(nn.Module):
    def __init__(self, width: int = 192, heads: int = 4, layers: int = 24) -> None:
        super().__init__()
        self.patches = nn.Conv2d(3, width, 16, 16)
        self.positions = Value(196, width)
        self.layers = nn.Sequential(*(Layer(width, heads) for _ in range(layers)))
        self.token = Value(1, width)
        self.class_layers = nn.ModuleList(ClassLayer(width, heads) for _ in range(2))
        self.norm, self.head = nn.LayerNorm(width, eps=1e-6), nn.Linear(width, 1000)

    def forward(self, x: Tensor) -> Tensor:
        x = self.layers(self.patches(x).flatten(2).transpose(1, 2) + self.positions.weight)
        token = self.token.weight.expand(len(x), 1, -1)
        for layer in self.class_layers:
            token = layer(token, x)
        return self.head(self.norm(torch.cat([token, x], 1))[:, 0])
