"""LeViT-128S by hand (Graham et al. 2021): tokens in matrices, a batch norm after every product, biases by distance."""

from __future__ import annotations

from handwritten.value import Value
from torch import Tensor, arange, nn


class Product(nn.Module):
    """A matrix and a batch norm over all tokens."""

    def __init__(self, before: int, width: int) -> None:
        super().__init__()
        self.linear, self.norm = nn.Conv2d(before, width, 1, bias=False), nn.BatchNorm2d(width)

    def forward(self, x: Tensor) -> Tensor:
        x = x @ self.linear.weight.flatten(1).T
        return self.norm(x.transpose(1, 2)[..., None])[..., 0].transpose(1, 2)


class Attention(nn.Module):
    def __init__(self, before: int, width: int, heads: int, ratio: int, side: int, stride: int) -> None:
        super().__init__()
        self.heads, self.side, self.stride = heads, side, stride
        self.q, self.k, self.v = (Product(before, size * heads) for size in (16, 16, 16 * ratio))
        self.table = Value(side * side, heads)
        self.act, self.out = nn.Hardswish(), Product(16 * ratio * heads, width)

    def bias(self) -> Tensor:
        keys = arange(self.side**2)
        asked = keys.view(self.side, self.side)[:: self.stride, :: self.stride].flatten()
        down = (asked[:, None] // self.side - keys // self.side).abs()
        right = (asked[:, None] % self.side - keys % self.side).abs()
        return self.table.weight[down * self.side + right].permute(2, 0, 1)

    def forward(self, x: Tensor) -> Tensor:
        n, _, c = x.shape
        asked = x.view(n, self.side, self.side, c)[:, :: self.stride, :: self.stride].reshape(n, -1, c)
        q, k, v = (y.view(n, y.shape[1], self.heads, -1).transpose(1, 2) for y in (self.q(asked), self.k(x), self.v(x)))
        weights = (q @ k.transpose(-2, -1) * 0.25 + self.bias()).softmax(-1)
        return self.out(self.act((weights @ v).transpose(1, 2).flatten(2)))


class Mlp(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.body = nn.Sequential(Product(width, 2 * width), nn.Hardswish(), Product(2 * width, width))

    def forward(self, x: Tensor) -> Tensor:
        return x + self.body(x)


class Residual(nn.Module):
    def __init__(self, body: nn.Module) -> None:
        super().__init__()
        self.body = body

    def forward(self, x: Tensor) -> Tensor:
        return x + self.body(x)


class LeViT128S(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        stem: list[nn.Module] = []
        for before, width in ((3, 16), (16, 32), (32, 64), (64, 128)):
            stem += [nn.Conv2d(before, width, 3, 2, 1, bias=False), nn.BatchNorm2d(width), nn.Hardswish()]
        self.stem = nn.Sequential(*stem[:-1])
        parts: list[nn.Module] = []
        before, side = 128, 14
        for width, heads, depth in ((128, 4, 2), (256, 6, 3), (384, 8, 4)):
            if width != before:
                parts += [Attention(before, width, before // 16, 4, side, 2), Mlp(width)]
                before, side = width, (side + 1) // 2
            for _ in range(depth):
                parts += [Residual(Attention(width, width, heads, 2, side, 1)), Mlp(width)]
        self.parts = nn.Sequential(*parts)
        self.heads = nn.ModuleList(
            nn.Sequential(nn.BatchNorm2d(384), nn.Flatten(), nn.Linear(384, 1000)) for _ in range(2)
        )

    def forward(self, x: Tensor) -> Tensor:
        x = self.parts(self.stem(x).flatten(2).transpose(1, 2)).mean(1)[:, :, None, None]
        return (self.heads[0](x) + self.heads[1](x)) / 2
