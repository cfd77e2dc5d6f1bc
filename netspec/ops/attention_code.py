"""The modules of generated PyTorch for attention."""

from __future__ import annotations

__all__ = ["ATTEND", "ATTENTION", "CAUSAL_ATTENTION", "CAUSAL_MASK", "SELF_ATTENTION", "SHIFT_MASK", "SIZED_ATTENTION"]

SELF_ATTENTION = (
    "SelfAttention",
    '''
class SelfAttention(nn.MultiheadAttention):
    """Multi-head self-attention over a sequence."""

    def __init__(self, features: int, heads: int, bias: bool = True, dropout: float = 0.0) -> None:
        super().__init__(features, heads, dropout=dropout, bias=bias, batch_first=True)

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x, x, x, need_weights=False)[0]
''',
)
CAUSAL_ATTENTION = (
    "CausalAttention",
    '''
class CausalAttention(nn.MultiheadAttention):
    """Multi-head self-attention in which each token attends only to itself and earlier tokens."""

    def __init__(self, features: int, heads: int, bias: bool = True, dropout: float = 0.0) -> None:
        super().__init__(features, heads, dropout=dropout, bias=bias, batch_first=True)

    def forward(self, x: Tensor) -> Tensor:
        later = torch.ones(x.shape[1], x.shape[1], dtype=torch.bool, device=x.device).triu(1)
        return super().forward(x, x, x, need_weights=False, attn_mask=later)[0]
''',
)
ATTEND = (
    "Attend",
    '''
class Attend(nn.Module):
    """softmax(QK^T scale + biases) V for each head, over tokens."""

    def __init__(
        self,
        heads: int,
        *biases: nn.Module,  #? bias
        kv_heads: int | None = None,  #? kv_heads
        scale: float | None = None,  #? scale
        cosine: bool = False,  #? cosine
        rotary: nn.Module | None = None,  #? rotary
        dropout: float = 0.0,  #? dropout
    ) -> None:
        super().__init__()
        self.heads = heads
        self.kv_heads = kv_heads or heads  #? kv_heads
        self.scale = scale  #? scale
        self.dropout = dropout  #? dropout
        self.log_scale = nn.Parameter(torch.full((heads, 1, 1), 10.0).log()) if cosine else None  #? cosine
        self.rotary = rotary or nn.Identity()  #? rotary
        self.biases = nn.ModuleList(biases)  #? bias

    def forward(self, q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        q, k, v = (x.unflatten(2, (self.heads, -1)).transpose(1, 2) for x in (q, k, v))  #! kv_heads
        q = q.unflatten(2, (self.heads, -1)).transpose(1, 2)  #? kv_heads
        k, v = (x.unflatten(2, (self.kv_heads, -1)).transpose(1, 2) for x in (k, v))  #? kv_heads
        q, k = self.rotary(q), self.rotary(k)  #? rotary
        if self.log_scale is not None:  #? cosine
            q = F.normalize(q, dim=-1) * self.log_scale.exp().clamp(max=100)  #? cosine
            k = F.normalize(k, dim=-1)  #? cosine
        bias = functools.reduce(torch.add, (term(q) for term in self.biases)) if self.biases else None  #? bias
        x = F.scaled_dot_product_attention(
            q,
            k,
            v,
            attn_mask=bias,  #? bias
            dropout_p=self.dropout if self.training else 0.0,  #? dropout
            scale=self.scale,  #? scale
            enable_gqa=True,  #? kv_heads
        )
        return x.transpose(1, 2).flatten(2)
''',
)
SHIFT_MASK = (
    "ShiftMask",
    '''
class ShiftMask(nn.Module):
    """In shifted windows of feature maps, tokens do not attend across the seam that the roll made."""

    def __init__(self, window: tuple[int, ...], shift: tuple[int, ...], size: tuple[int, ...]) -> None:
        super().__init__()
        self.size, self.window, self.shift = [-(-n // w) * w for n, w in zip(size, window)], window, shift

    def forward(self, q: Tensor) -> Tensor:
        side = q.new_zeros(1, 1, *self.size)
        for axis, (n, w, s) in enumerate(zip(self.size, self.window, self.shift)):
            side.narrow(axis + 2, n - s, s if n > w else 0).add_(2**axis)
        side = partition(side, self.window).flatten(1)
        across = side[:, None, :, None] != side[:, None, None]
        return q.new_zeros(across.shape).masked_fill(across, -torch.inf).repeat(len(q) // len(across), 1, 1, 1)
''',
)
CAUSAL_MASK = (
    "CausalMask",
    '''
class CausalMask(nn.Module):
    """Tokens attend to themselves and earlier tokens, at most `span` of them."""

    def __init__(self, span: int | None = None) -> None:
        super().__init__()
        self.span = span

    def forward(self, q: Tensor) -> Tensor:
        tokens = torch.arange(q.shape[2], device=q.device)
        back = tokens[:, None] - tokens
        hidden = (back < 0) | (back >= (self.span or len(tokens)))
        return q.new_zeros(back.shape).masked_fill(hidden, -torch.inf)
''',
)
ATTENTION = (
    "Attention",
    '''
class Attention(nn.Module):
    """Self-attention of tokens: queries, keys and values are projections of them, and so is the result."""

    def __init__(self, features: int, attend: Attend) -> None:
        super().__init__()
        self.attend = attend
        self.qkv = nn.Linear(features, 3 * features)
        self.out = nn.Linear(features, features)

    def forward(self, x: Tensor) -> Tensor:
        return self.out(self.attend(*self.qkv(x).chunk(3, dim=-1)))
''',
)
SIZED_ATTENTION = (
    "SizedAttention",
    '''
class SizedAttention(nn.Module):
    """Self-attention of tokens; `sizes` are the features of the queries, and of the keys and values, in all heads."""

    def __init__(
        self,
        features: int,
        attend: Attend,
        sizes: tuple[int, int],
        width: int,
        bias: str = "all",  #? projections
        project: bool = True,  #? project
    ) -> None:
        super().__init__()
        inner, pairs = sizes
        self.attend, self.sizes = attend, [inner, pairs, pairs]
        self.qkv = nn.Linear(features, inner + 2 * pairs)  #! projections
        self.out = nn.Linear(inner, width)  #! projections
        self.qkv = nn.Linear(features, inner + 2 * pairs, bias=bias == "all")  #? projections
        self.out = nn.Linear(inner, width, bias=bias != "none")  #? projections
        if not project:  #? project
            self.out = nn.Identity()  #? project
        if bias == "qv":  #? qv
            self.q_bias, self.v_bias = nn.Parameter(torch.zeros(inner)), nn.Parameter(torch.zeros(pairs))  #? qv

    def forward(self, x: Tensor) -> Tensor:
        q, k, v = self.qkv(x).split(self.sizes, dim=-1)
        if hasattr(self, "q_bias"):  #? qv
            q, v = q + self.q_bias, v + self.v_bias  #? qv
        return self.out(self.attend(q, k, v))
''',
)
