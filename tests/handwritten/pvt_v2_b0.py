"""PVT v2-B0 by hand (Wang et al. 2022, section 3)."""

from __future__ import annotations

from torch import Tensor, nn


def tokens(x: Tensor) -> Tensor:
    return x.flatten(2).transpose(1, 2)


class Layer(nn.Module):
    def __init__(self, width: int, heads: int, reduction: int, expansion: int) -> None:
        super().__init__()
        self.heads, self.reduction = heads, reduction
        self.norm1 = nn.LayerNorm(width, eps=1e-6)
        if reduction > 1:
            self.reduce, self.norm = nn.Conv2d(width, width, reduction, reduction), nn.LayerNorm(width)
        self.q, self.k, self.v, self.out = (nn.Linear(width, width) for _ in range(4))
        self.norm2 = nn.LayerNorm(width, eps=1e-6)
        self.fc1 = nn.Linear(width, expansion * width)
        self.depthwise = nn.Conv2d(expansion * width, expansion * width, 3, padding=1, groups=expansion * width)
        self.act, self.fc2 = nn.GELU(), nn.Linear(expansion * width, width)

    def attend(self, x: Tensor, h: int, w: int) -> Tensor:
        n, t, c = x.shape
        small = x
        if self.reduction > 1:
            small = self.norm(tokens(self.reduce(x.transpose(1, 2).reshape(n, c, h, w))))
        q, k, v = (
            y.view(n, -1, self.heads, c // self.heads).transpose(1, 2)
            for y in (self.q(x), self.k(small), self.v(small))
        )
        weights = (q @ k.transpose(-2, -1) * (c // self.heads) ** -0.5).softmax(-1)
        return self.out((weights @ v).transpose(1, 2).reshape(n, t, c))

    def forward(self, image: Tensor) -> Tensor:
        n, c, h, w = image.shape
        x = tokens(image)
        x = x + self.attend(self.norm1(x), h, w)
        y = self.fc1(self.norm2(x))
        y = self.act(tokens(self.depthwise(y.transpose(1, 2).reshape(n, -1, h, w))))
        return (x + self.fc2(y)).transpose(1, 2).reshape(n, c, h, w)


class Norm(nn.LayerNorm):
    """Over the channels of an image."""

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)


class PVTv2B0(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        parts: list[nn.Module] = []
        before = 3
        for i, (width, heads, reduction, expansion) in enumerate(
            [(32, 1, 8, 8), (64, 2, 4, 8), (160, 5, 2, 4), (256, 8, 1, 4)]
        ):
            parts += [nn.Conv2d(before, width, 3 if i else 7, 2 if i else 4, 1 if i else 3), Norm(width)]
            parts += [Layer(width, heads, reduction, expansion) for _ in range(2)]
            parts.append(Norm(width, eps=1e-6))
            before = width
        self.parts, self.head = nn.Sequential(*parts), nn.Linear(before, 1000)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.parts(x).mean((2, 3)))
