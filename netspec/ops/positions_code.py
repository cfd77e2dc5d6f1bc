"""The modules of generated PyTorch for the positions of attention."""

from __future__ import annotations

__all__ = ["DECOMPOSED", "GENERATED", "RELATIVE", "ROTARY", "SYMMETRIC"]

RELATIVE = (
    "RelativePositions",
    '''
class RelativePositions(nn.Module):
    """A trained bias for each head and each offset between two positions of a grid."""

    def __init__(
        self,
        grid: tuple[int, ...],
        heads: int,
        extra: int = 0,  #? extra
    ) -> None:
        super().__init__()
        self.grid, rows = grid, math.prod(2 * n - 1 for n in grid)
        self.extra = extra  #? extra
        rows += 3 if extra else 0  #? extra
        self.table = nn.Parameter(torch.randn(rows, heads) * 0.02)

    def forward(self, q: Tensor) -> Tensor:
        places = torch.cartesian_prod(*(torch.arange(n, device=q.device) for n in self.grid))
        places = places.reshape(-1, len(self.grid))
        rows = torch.zeros(len(places), len(places), dtype=torch.long, device=q.device)
        for n, axis in zip(self.grid, places.T):
            rows = rows * (2 * n - 1) + axis[:, None] - axis + n - 1
        if self.extra:  #? extra
            extra, last = self.extra, len(self.table) - 1  #? extra
            rows = F.pad(F.pad(rows, (0, 0, extra, 0), value=last - 2), (extra, 0), value=last - 1)  #? extra
            rows[:extra, :extra] = last  #? extra
        return self.table[rows].permute(2, 0, 1)[None].contiguous()
''',
)
SYMMETRIC = (
    "DistanceBias",
    '''
class DistanceBias(nn.Module):
    """A trained bias for each head and each distance along the axes; queries are `stride` apart."""

    def __init__(self, grid: tuple[int, ...], heads: int, stride: tuple[int, ...] = (1, 1, 1)) -> None:
        super().__init__()
        self.grid, self.stride = grid, stride
        self.table = nn.Parameter(torch.randn(math.prod(grid), heads) * 0.02)

    def forward(self, q: Tensor) -> Tensor:
        axes = [torch.arange(n, device=q.device) for n in self.grid]
        keys = torch.cartesian_prod(*axes).reshape(-1, len(axes))
        queries = torch.cartesian_prod(*(axis[::s] for axis, s in zip(axes, self.stride))).reshape(-1, len(axes))
        rows = torch.zeros(len(queries), len(keys), dtype=torch.long, device=q.device)
        for n, one, other in zip(self.grid, queries.T, keys.T):
            rows = rows * n + (one[:, None] - other).abs()
        return self.table[rows].permute(2, 0, 1)[None].contiguous()
''',
)
GENERATED = (
    "GeneratedPositions",
    '''
class GeneratedPositions(nn.Module):
    """A bias for each head and offset that a small network computes from the offset, on a logarithmic scale."""

    def __init__(self, grid: tuple[int, ...], heads: int, width: int, window: tuple[int, ...] | None = None) -> None:
        super().__init__()
        self.grid, self.window = grid, window or grid
        self.hidden, self.out = nn.Linear(len(grid), width), nn.Linear(width, heads, bias=False)

    def forward(self, q: Tensor) -> Tensor:
        steps = [8 / max(w - 1, 1) * torch.arange(1.0 - n, n, device=q.device) for n, w in zip(self.grid, self.window)]
        offsets = torch.cartesian_prod(*steps).reshape(-1, len(steps)).to(q.dtype)
        offsets = offsets.sign() * (offsets.abs() + 1).log2() / 3
        table = 16 * torch.sigmoid(self.out(F.relu(self.hidden(offsets))))
        places = torch.cartesian_prod(*(torch.arange(n, device=q.device) for n in self.grid))
        places = places.reshape(-1, len(self.grid))
        rows = torch.zeros(len(places), len(places), dtype=torch.long, device=q.device)
        for n, axis in zip(self.grid, places.T):
            rows = rows * (2 * n - 1) + axis[:, None] - axis + n - 1
        return table[rows].permute(2, 0, 1)[None].contiguous()
''',
)
DECOMPOSED = (
    "DecomposedPositions",
    '''
class DecomposedPositions(nn.Module):
    """The query times a trained vector for each offset along each axis; keys may be pooled."""

    def __init__(
        self,
        queries: tuple[int, ...],
        keys: tuple[int, ...],
        size: int,
        scaled: bool = True,  #? scaled
        extra: int = 0,  #? extra
    ) -> None:
        super().__init__()
        self.queries, self.keys = queries, keys
        self.scaled = scaled  #? scaled
        self.extra = extra  #? extra
        self.tables = nn.ParameterList(torch.randn(2 * max(n, m) - 1, size) * 0.02 for n, m in zip(queries, keys))

    def forward(self, q: Tensor) -> Tensor:
        rank, bias = len(self.queries), 0
        q = q[:, :, self.extra :]  #? extra
        q = q.unflatten(2, self.queries)
        for axis, (table, n, m) in enumerate(zip(self.tables, self.queries, self.keys)):
            first, last = torch.arange(n, device=q.device)[:, None], torch.arange(m - 1, -1, -1, device=q.device)
            rows = (first * m + last * n) // min(n, m) if self.scaled else first + last  #? scaled
            rows = (first * m + last * n) // min(n, m)  #! scaled
            part = torch.einsum("...nd,nmd->...nm", q.movedim(axis + 2, -2), table[rows]).movedim(-2, axis + 2)
            bias = bias + part.unflatten(-1, [m if i == axis else 1 for i in range(rank)])
        bias = bias.flatten(2, rank + 1).flatten(3)
        return F.pad(bias, (self.extra, 0, self.extra, 0))  #? extra
        return bias  #! extra
''',
)
ROTARY = (
    "RotaryPositions",
    '''
class RotaryPositions(nn.Module):
    """Turns pairs of features by angles that grow with the position."""

    def __init__(self, size: int, base: float = 10000.0) -> None:
        super().__init__()
        self.half, self.base = size // 2, base

    def forward(self, x: Tensor) -> Tensor:
        rates = self.base ** (-torch.arange(self.half, device=x.device) / self.half)
        angles = (torch.arange(x.shape[2], device=x.device)[:, None] * rates).to(x.dtype)
        one, other = x.chunk(2, dim=-1)
        cosines, sines = angles.cos(), angles.sin()
        return torch.cat([one * cosines - other * sines, other * cosines + one * sines], dim=-1)
''',
)
