"""MaxViT-T by hand (Tu et al. 2022), as torchvision has it: attention scaled by all channels, shortcuts pooled before they are
projected."""

from __future__ import annotations

import torch
from handwritten.value import Value
from torch import Tensor, nn


def blocks(x: Tensor, size: int) -> Tensor:
    """N x C x H x W to N x windows x size^2 x C, neighbors together."""
    n, c, h, w = x.shape
    x = x.view(n, c, h // size, size, w // size, size)
    return x.permute(0, 2, 4, 3, 5, 1).reshape(n, -1, size * size, c)


def unblocked(x: Tensor, size: int, h: int, w: int) -> Tensor:
    n, _, _, c = x.shape
    x = x.view(n, h // size, w // size, size, size, c)
    return x.permute(0, 5, 1, 3, 2, 4).reshape(n, c, h, w)


class Excite(nn.Module):
    def __init__(self, width: int, inner: int) -> None:
        super().__init__()
        self.fc1, self.fc2 = nn.Conv2d(width, inner, 1), nn.Conv2d(inner, width, 1)

    def forward(self, x: Tensor) -> Tensor:
        return x * torch.sigmoid(self.fc2(nn.functional.silu(self.fc1(x.mean((2, 3), keepdim=True)))))


class MBConv(nn.Module):
    def __init__(self, before: int, width: int, stride: int) -> None:
        super().__init__()
        inner = 4 * width

        def norm(channels: int) -> nn.Module:
            return nn.BatchNorm2d(channels, eps=1e-3)

        self.body = nn.Sequential(
            norm(before), nn.Conv2d(before, inner, 1, bias=False), norm(inner), nn.GELU(),
            nn.Conv2d(inner, inner, 3, stride, 1, groups=inner, bias=False), norm(inner), nn.GELU(),
            Excite(inner, width // 4), nn.Conv2d(inner, width, 1),
        )  # fmt: skip
        self.shortcut = (
            nn.Sequential(nn.AvgPool2d(3, 2, 1), nn.Conv2d(before, width, 1)) if stride > 1 else nn.Identity()
        )

    def forward(self, x: Tensor) -> Tensor:
        return self.body(x) + self.shortcut(x)


class Attention(nn.Module):
    def __init__(self, width: int, grid: bool, size: int = 7) -> None:
        super().__init__()
        self.grid, self.size, self.heads = grid, size, width // 32
        self.norm1 = nn.LayerNorm(width)
        self.table = Value((2 * size - 1) ** 2, self.heads)
        self.qkv, self.out = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.norm2 = nn.LayerNorm(width)
        self.mlp = nn.Sequential(nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width))

    def bias(self) -> Tensor:
        place = torch.arange(self.size**2)
        down, right = place // self.size, place % self.size
        rows = (down[:, None] - down + self.size - 1) * (2 * self.size - 1) + right[:, None] - right + self.size - 1
        return self.table.weight[rows].permute(2, 0, 1)

    def attend(self, x: Tensor) -> Tensor:
        n, g, t, c = x.shape
        q, k, v = self.qkv(x).view(n, g, t, 3, self.heads, 32).permute(3, 0, 1, 4, 2, 5)
        scores = q @ (k * c**-0.5).transpose(-2, -1) + self.bias()
        return self.out((scores.softmax(-1) @ v).transpose(2, 3).reshape(n, g, t, c))

    def forward(self, x: Tensor) -> Tensor:
        _, _, h, w = x.shape
        # a grid is what blocks of H/7 x W/7 have at one place, all of them together
        size = h // self.size if self.grid else self.size
        y = blocks(x, size)
        y = y.transpose(1, 2) if self.grid else y
        y = y + self.attend(self.norm1(y))
        y = y + self.mlp(self.norm2(y))
        return unblocked(y.transpose(1, 2) if self.grid else y, size, h, w)


class MaxViTT(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Sequential(
            nn.Conv2d(3, 64, 3, 2, 1, bias=False), nn.BatchNorm2d(64, eps=1e-3), nn.GELU(), nn.Conv2d(64, 64, 3, 1, 1)
        )
        parts: list[nn.Module] = []
        before = 64
        for width, depth in ((64, 2), (128, 2), (256, 5), (512, 2)):
            for i in range(depth):
                parts += [MBConv(before, width, 1 if i else 2), Attention(width, False), Attention(width, True)]
                before = width
        self.stages = nn.Sequential(*parts)
        self.norm, self.fc, self.head = nn.LayerNorm(512), nn.Linear(512, 512), nn.Linear(512, 1000, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        x = self.stages(self.stem(x)).mean((2, 3))
        return self.head(torch.tanh(self.fc(self.norm(x))))
