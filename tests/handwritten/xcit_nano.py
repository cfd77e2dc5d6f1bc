"""XCiT-N12/16 by hand (El-Nouby et al. 2021, section 3; class layers as in the authors' code)."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from handwritten.value import Value
from torch import Tensor, nn


def waves(side: int, features: int) -> Tensor:
    """features x side: sines and cosines of the positions 1 to side, scaled to one turn."""
    place = torch.arange(1, side + 1, dtype=torch.float64) / (side + 1e-6) * 2 * math.pi
    rates = 10000 ** (2 * (torch.arange(features) // 2) / features)
    angles = place / rates[:, None]
    return torch.where(torch.arange(features)[:, None] % 2 == 0, angles.sin(), angles.cos()).float()


class CrossCovariance(nn.Module):
    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.q, self.k, self.v = (nn.Linear(width, width) for _ in range(3))
        self.temperature, self.out = Value(heads, 1, 1), nn.Linear(width, width)

    def forward(self, x: Tensor) -> Tensor:
        n, t, c = x.shape
        q, k, v = (y(x).view(n, t, self.heads, -1).permute(0, 2, 3, 1) for y in (self.q, self.k, self.v))
        scores = F.normalize(q, dim=-1) @ F.normalize(k, dim=-1).transpose(-2, -1) * self.temperature.weight
        return self.out((scores.softmax(-1) @ v).permute(0, 3, 1, 2).reshape(n, t, c))


class Mlp(nn.Sequential):
    def __init__(self, width: int) -> None:
        super().__init__(nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width))


class Local(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(width, width, 3, padding=1, groups=width)
        self.norm = nn.BatchNorm2d(width)
        self.conv2 = nn.Conv2d(width, width, 3, padding=1, groups=width)

    def forward(self, x: Tensor) -> Tensor:
        y = x.transpose(1, 2).unflatten(2, (14, 14))
        return self.conv2(self.norm(F.gelu(self.conv1(y)))).flatten(2).transpose(1, 2)


class Scaled(nn.Module):
    """A norm, a body, and a trained scale."""

    def __init__(self, width: int, body: nn.Module) -> None:
        super().__init__()
        self.norm, self.body, self.gamma = nn.LayerNorm(width, eps=1e-6), body, Value(width)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.gamma.weight * self.body(self.norm(x))


class ClassAttention(nn.Module):
    """Of the first token; the others come back as they are."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.q, self.k, self.v, self.out = (nn.Linear(width, width) for _ in range(4))

    def forward(self, x: Tensor) -> Tensor:
        n, _, c = x.shape
        q, k, v = (
            y.view(n, -1, self.heads, c // self.heads).transpose(1, 2) for y in (self.q(x[:, :1]), self.k(x), self.v(x))
        )
        y = ((q @ k.transpose(-2, -1) * q.shape[-1] ** -0.5).softmax(-1) @ v).transpose(1, 2).reshape(n, 1, c)
        return torch.cat([self.out(y), x[:, 1:]], 1)


class ClassLayer(nn.Module):
    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.attention = Scaled(width, ClassAttention(width, heads))
        self.norm, self.mlp, self.gamma = nn.LayerNorm(width, eps=1e-6), Mlp(width), Value(width)

    def forward(self, x: Tensor) -> Tensor:
        x = self.attention(x)
        token, rest = self.norm(x[:, :1]), x[:, 1:]
        return torch.cat([token + self.gamma.weight * self.mlp(token), rest + rest], 1)


class XCiTN12(nn.Module):
    def __init__(self, width: int = 128, heads: int = 4, layers: int = 12) -> None:
        super().__init__()
        stem: list[nn.Module] = []
        for before, after in ((3, 16), (16, 32), (32, 64), (64, 128)):
            stem += [nn.Conv2d(before, after, 3, 2, 1, bias=False), nn.BatchNorm2d(after), nn.GELU()]
        self.stem = nn.Sequential(*stem[:-1])
        # the projection of sines of rows and columns, in two parts
        self.rows, self.columns = nn.Conv2d(32, width, 1), nn.Conv2d(32, width, 1, bias=False)
        parts = [
            Scaled(width, body)
            for _ in range(layers)
            for body in (CrossCovariance(width, heads), Local(width), Mlp(width))
        ]
        self.layers, self.token = nn.Sequential(*parts), Value(width)
        self.class_layers = nn.Sequential(*(ClassLayer(width, heads) for _ in range(2)))
        self.norm, self.head = nn.LayerNorm(width, eps=1e-6), nn.Linear(width, 1000)

    def forward(self, x: Tensor) -> Tensor:
        weight = torch.cat([self.rows.weight, self.columns.weight], 1)
        wave = waves(14, 32)
        both = torch.cat([wave[:, :, None].expand(-1, -1, 14), wave[:, None].expand(-1, 14, -1)])
        x = self.stem(x) + F.conv2d(both[None], weight, self.rows.bias)
        x = self.layers(x.flatten(2).transpose(1, 2))
        x = self.class_layers(torch.cat([self.token.weight.expand(len(x), 1, -1), x], 1))
        return self.head(self.norm(x)[:, 0])
