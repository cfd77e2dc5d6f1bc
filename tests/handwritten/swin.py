"""Swin-T by hand (Liu et al. 2021, section 3) and its second version (Liu et al. 2022, section 3): channels last, and the windows,
the cyclic shift and its mask as in the papers' figures."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn


def windows(x: Tensor, size: int) -> Tensor:
    """N x H x W x C to (N * windows) x size^2 x C"""
    n, h, w, c = x.shape
    x = x.view(n, h // size, size, w // size, size, c)
    return x.permute(0, 1, 3, 2, 4, 5).reshape(-1, size * size, c)


def whole(x: Tensor, size: int, h: int, w: int) -> Tensor:
    x = x.view(-1, h // size, w // size, size, size, x.shape[-1])
    return x.permute(0, 1, 3, 2, 4, 5).reshape(-1, h, w, x.shape[-1])


def offsets(size: int) -> Tensor:
    """For two positions of a window their row in a table of (2 size - 1)^2 rows."""
    grid = torch.stack(torch.meshgrid(torch.arange(size), torch.arange(size), indexing="ij")).flatten(1)
    difference = grid[:, :, None] - grid[:, None, :] + size - 1
    return difference[0] * (2 * size - 1) + difference[1]


def mask(h: int, w: int, size: int, shift: int) -> Tensor:
    """Nine regions of the rolled image, numbered; -100 where two tokens of a window are of different ones."""
    image = torch.zeros(1, h, w, 1)
    number = 0
    cuts = (slice(0, -size), slice(-size, -shift), slice(-shift, None))
    for rows in cuts:
        for columns in cuts:
            image[:, rows, columns] = number
            number += 1
    regions = windows(image, size).squeeze(-1)
    return (regions[:, None] - regions[:, :, None]).ne(0) * -100.0


class TableBias(nn.Module):
    def __init__(self, size: int, heads: int) -> None:
        super().__init__()
        self.size = size
        self.table = nn.Parameter(torch.zeros((2 * size - 1) ** 2, heads))

    def forward(self) -> Tensor:
        return self.table[offsets(self.size)].permute(2, 0, 1)


class GeneratedBias(nn.Module):
    """Equation 4 of the second paper: log-spaced coordinates, scaled to -8 to 8."""

    def __init__(self, size: int, heads: int) -> None:
        super().__init__()
        self.size = size
        self.mlp = nn.Sequential(nn.Linear(2, 512), nn.ReLU(), nn.Linear(512, heads, bias=False))

    def forward(self) -> Tensor:
        axis = torch.arange(-(self.size - 1), self.size, dtype=torch.float32) / (self.size - 1) * 8
        table = torch.stack(torch.meshgrid(axis, axis, indexing="ij"), dim=-1)
        table = torch.sign(table) * torch.log2(table.abs() + 1) / math.log2(8)
        return (16 * torch.sigmoid(self.mlp(table).view(-1, self.mlp[2].out_features)[offsets(self.size)])).permute(
            2, 0, 1
        )


class WindowAttention(nn.Module):
    def __init__(self, width: int, heads: int, size: int, second: bool) -> None:
        super().__init__()
        self.heads, self.second = heads, second
        if second:
            self.q_bias, self.v_bias = nn.Parameter(torch.zeros(width)), nn.Parameter(torch.zeros(width))
            self.logit_scale = nn.Parameter(torch.zeros(heads, 1, 1))
        self.bias = (GeneratedBias if second else TableBias)(size, heads)
        self.qkv = nn.Linear(width, 3 * width, bias=not second)
        self.out = nn.Linear(width, width)

    def forward(self, x: Tensor, mask: Tensor | None) -> Tensor:
        n, t, c = x.shape
        qkv = self.qkv(x)
        if self.second:
            qkv = qkv + torch.cat([self.q_bias, torch.zeros_like(self.q_bias), self.v_bias])
        q, k, v = qkv.view(n, t, 3, self.heads, c // self.heads).permute(2, 0, 3, 1, 4)
        if self.second:
            scores = F.normalize(q, dim=-1) @ F.normalize(k, dim=-1).transpose(-2, -1)
            scores = scores * self.logit_scale.clamp(max=math.log(100)).exp()
        else:
            scores = q @ k.transpose(-2, -1) * (c // self.heads) ** -0.5
        scores = scores + self.bias()
        if mask is not None:
            scores = (scores.view(-1, len(mask), self.heads, t, t) + mask[:, None]).view(n, self.heads, t, t)
        return self.out((scores.softmax(-1) @ v).transpose(1, 2).reshape(n, t, c))


class Block(nn.Module):
    def __init__(self, width: int, heads: int, size: int, shift: int, second: bool) -> None:
        super().__init__()
        self.size, self.shift, self.second = size, shift, second
        parts = [nn.LayerNorm(width), WindowAttention(width, heads, size, second)]
        mlp = nn.Sequential(nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width))
        parts = [
            *(reversed(parts) if second else parts),
            *((mlp, nn.LayerNorm(width)) if second else (nn.LayerNorm(width), mlp)),
        ]
        self.parts = nn.ModuleList(parts)

    def attend(self, attention: nn.Module, x: Tensor) -> Tensor:
        _, h, w, _ = x.shape
        shift = 0 if h <= self.size else self.shift
        x = torch.roll(x, (-shift, -shift), (1, 2))
        y = attention(windows(x, self.size), mask(h, w, self.size, shift) if shift else None)
        return torch.roll(whole(y, self.size, h, w), (shift, shift), (1, 2))

    def forward(self, x: Tensor) -> Tensor:
        one, two, three, four = self.parts
        x = x + (two(self.attend(one, x)) if self.second else self.attend(two, one(x)))
        return x + four(three(x))


class Merging(nn.Module):
    def __init__(self, width: int, second: bool) -> None:
        super().__init__()
        norm, linear = nn.LayerNorm((2 if second else 4) * width), nn.Linear(4 * width, 2 * width, bias=False)
        self.parts = nn.Sequential(*((linear, norm) if second else (norm, linear)))

    def forward(self, x: Tensor) -> Tensor:
        x = torch.cat([x[:, 0::2, 0::2], x[:, 1::2, 0::2], x[:, 0::2, 1::2], x[:, 1::2, 1::2]], -1)
        return self.parts(x)


class Swin(nn.Module):
    def __init__(self, size: int, second: bool) -> None:
        super().__init__()
        self.patches, self.norm = nn.Conv2d(3, 96, 4, 4), nn.LayerNorm(96)
        stages: list[nn.Module] = []
        for i, depth in enumerate((2, 2, 6, 2)):
            width, heads = 96 * 2**i, 3 * 2**i
            stages += [Merging(width // 2, second)] if i else []
            stages += [Block(width, heads, size, size // 2 * (j % 2), second) for j in range(depth)]
        self.stages = nn.Sequential(*stages)
        self.last, self.head = nn.LayerNorm(768), nn.Linear(768, 1000)

    def forward(self, x: Tensor) -> Tensor:
        x = self.norm(self.patches(x).permute(0, 2, 3, 1))
        return self.head(self.last(self.stages(x)).mean((1, 2)))


class SwinT(Swin):
    def __init__(self) -> None:
        super().__init__(7, second=False)


class SwinV2T(Swin):
    def __init__(self) -> None:
        super().__init__(8, second=True)
