"""What attention knows of positions: biases of its scores, and rotations of queries and keys.

They are no layers, but values of the option `positions` of `attention` and `attend`: `positions=relative`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import product
from math import prod
from typing import TYPE_CHECKING, ClassVar

from netspec.graph import Param
from netspec.ops.kinds import Flag, Integer, Number, PerAxis
from netspec.ops.op import Misfit, Op, Option
from netspec.ops.positions_code import DECOMPOSED, GENERATED, RELATIVE, ROTARY, SYMMETRIC

if TYPE_CHECKING:
    from netspec.ops.emitter import Emitter

__all__ = ["ALL", "Places", "Positions"]


@dataclass(frozen=True, slots=True)
class Places:
    """Where the queries and the keys of an attention are, and what its heads are."""

    heads: int
    size: int
    """Features of a query."""
    queries: tuple[int, ...]
    """The sizes of the grid of the queries; the number of tokens, for a sequence."""
    keys: tuple[int, ...]
    extra: int = 0
    """Tokens before those of the grid: a class token."""

    @property
    def rows(self) -> int:
        return prod(self.queries) + self.extra

    @property
    def columns(self) -> int:
        return prod(self.keys) + self.extra


class Positions(Op):
    """What the kinds of positions have in common."""

    rotates: ClassVar[bool] = False
    """Whether it turns queries and keys, instead of adding to the scores."""
    grid: tuple[int, ...] | Option[tuple[int, ...]] | None = None
    keys: tuple[int, ...] | Option[tuple[int, ...]] | None = None

    @property
    def grids(self) -> tuple[tuple[int, ...], tuple[int, ...]] | None:
        """The stated grids of the queries and of the keys, where other tokens are before them."""
        if not isinstance(self.grid, tuple):
            return None
        return self.grid, self.keys if isinstance(self.keys, tuple) else self.grid

    def require(self, at: Places) -> None:
        """Raises Misfit if queries and keys are not at the same positions."""
        if at.queries != at.keys:
            raise Misfit(
                "NS307", f"positions={self.name} needs queries and keys at the same positions", option="positions",
                label=f"queries are at {_times(at.queries)}, keys at {_times(at.keys)}",
                helps=("`distance` and `decomposed` take queries or keys of a smaller grid",) if len(at.queries) == len(at.keys) else (),
            )  # fmt: skip

    def weights(self, at: Places) -> tuple[Param, ...]:
        return ()

    def once(self, at: Places) -> int:
        """MACs that are the same for all windows and examples, and so count once."""
        return 0

    def each(self, at: Places) -> int:
        """MACs for each window."""
        return 0

    def module(self, at: Places) -> tuple[str, tuple[tuple[str, str], ...]]:
        """The PyTorch of it, and the classes that it needs."""
        raise TypeError(self.name)

    def used(self, at: Places) -> tuple[str, ...]:
        """What of these classes it uses."""
        return ("extra",) if at.extra else ()

    def bias(self, emit: Emitter, at: Places, q: str, prefix: str) -> str:
        """The ONNX of what is added to the scores, heads x queries x keys."""
        raise TypeError(self.name)

    def rotated(self, emit: Emitter, at: Places, x: str) -> str:
        """The ONNX of turned queries or keys."""
        raise TypeError(self.name)


def _times(sizes: tuple[int, ...]) -> str:
    return "x".join(map(str, sizes))


def _tuple(sizes: tuple[int, ...]) -> str:
    return f"({', '.join(map(str, sizes))}{',' if len(sizes) == 1 else ''})"


def offsets(at: Places) -> list[list[int]]:
    """For each query and key the row of a table with one row for each offset in a grid, then those of a class token."""
    places = list(product(*map(range, at.queries)))
    count = prod(2 * n - 1 for n in at.queries)
    rows = [[count + 2] * at.columns if i < at.extra else [count + 1] * at.extra for i in range(at.rows)]
    for i in range(at.extra):
        rows[i] = [count + 2] * at.extra + [count] * len(places)
    for row, one in zip(rows[at.extra :], places, strict=True):
        for other in places:
            index = 0
            for a, b, n in zip(one, other, at.queries, strict=True):
                index = index * (2 * n - 1) + a - b + n - 1
            row.append(index)
    return rows


def gathered(emit: Emitter, table: str, rows: list[list[int]]) -> str:
    """heads x queries x keys from the rows of a table."""
    index = emit.ints([i for row in rows for i in row], "offsets", shape=(len(rows), len(rows[0])))
    return emit.node("Transpose", [emit.node("Gather", [table, index], axis=0)], perm=[2, 0, 1])


class Relative(Positions):
    """A trained bias for each head and each offset between two positions (Liu et al. 2021); for a class token three more."""

    name, example = "relative", "attention heads=4 positions=relative"
    param_rule = "(2H - 1) x (2W - 1) x heads; 3 x heads more with tokens before the grid"
    grid = Option(PerAxis(), None, doc="sizes of the grid, where tokens before it are not part of it (BEiT)")

    def weights(self, at: Places) -> tuple[Param, ...]:
        rows = prod(2 * n - 1 for n in at.queries) + (3 if at.extra else 0)
        return (Param("table", (rows, at.heads), "random", fan_in=5000),)

    def module(self, at: Places) -> tuple[str, tuple[tuple[str, str], ...]]:
        extra = f", extra={at.extra}" if at.extra else ""
        return f"RelativePositions({_tuple(at.queries)}, {at.heads}{extra})", (RELATIVE,)

    def bias(self, emit: Emitter, at: Places, q: str, prefix: str) -> str:
        return gathered(emit, emit.param(f"{prefix}table"), offsets(at))


class Distance(Positions):
    """A trained bias for each head and each distance along the axes, whatever its sign (Graham et al. 2021, LeViT).

    The queries may be every second position of the keys.
    """

    name, example = "distance", "attention heads=4 positions=distance"
    param_rule = "H x W x heads"

    def require(self, at: Places) -> None:
        if len(at.queries) != len(at.keys) or any(
            -(-k // (-(-k // q))) != q for q, k in zip(at.queries, at.keys, strict=True)
        ):
            super().require(at)

    def strides(self, at: Places) -> tuple[int, ...]:
        return tuple(-(-k // q) for q, k in zip(at.queries, at.keys, strict=True))

    def weights(self, at: Places) -> tuple[Param, ...]:
        return (Param("table", (prod(at.keys), at.heads), "random", fan_in=5000),)

    def module(self, at: Places) -> tuple[str, tuple[tuple[str, str], ...]]:
        strides = self.strides(at)
        stride = f", stride={_tuple(strides)}" if any(s > 1 for s in strides) else ""
        return f"DistanceBias({_tuple(at.keys)}, {at.heads}{stride})", (SYMMETRIC,)

    def bias(self, emit: Emitter, at: Places, q: str, prefix: str) -> str:
        strides = self.strides(at)
        rows = []
        for one in product(*(range(0, n, s) for n, s in zip(at.keys, strides, strict=True))):
            row = []
            for other in product(*map(range, at.keys)):
                index = 0
                for a, b, n in zip(one, other, at.keys, strict=True):
                    index = index * n + abs(a - b)
                row.append(index)
            rows.append(row)
        return gathered(emit, emit.param(f"{prefix}table"), rows)


class Generated(Positions):
    """A bias for each head and offset, computed from the offset by a small network: two layers on log-spaced coordinates (Liu
    et al. 2022, Swin v2)."""

    name, example = "generated", "attention heads=4 positions=generated"
    param_rule = "3 x width + width x heads"
    width = Option(Integer(), 512, slot="value", doc="hidden units")
    window = Option(
        PerAxis(), None, doc="the window for which offsets are scaled, if the weights come from another size"
    )

    def weights(self, at: Places) -> tuple[Param, ...]:
        axes = len(at.queries)
        return (
            Param("hidden.weight", (self.width, axes), "random", fan_in=axes),
            Param("hidden.bias", (self.width,), "zeros"),
            Param("out.weight", (at.heads, self.width), "random", fan_in=self.width),
        )

    def once(self, at: Places) -> int:
        return prod(2 * n - 1 for n in at.queries) * self.width * (len(at.queries) + at.heads)

    def scaled_by(self, at: Places) -> tuple[int, ...]:
        window = self.window if isinstance(self.window, tuple) else at.queries
        return window * len(at.queries) if len(window) == 1 else window

    def module(self, at: Places) -> tuple[str, tuple[tuple[str, str], ...]]:
        window = self.scaled_by(at)
        scaled = f", {_tuple(window)}" if window != at.queries else ""
        return f"GeneratedPositions({_tuple(at.queries)}, {at.heads}, {self.width}{scaled})", (GENERATED,)

    def bias(self, emit: Emitter, at: Places, q: str, prefix: str) -> str:
        values: list[float] = []
        for offset in product(*(range(1 - n, n) for n in at.queries)):
            for o, n in zip(offset, self.scaled_by(at), strict=True):
                ratio = 8 * o / max(n - 1, 1)
                values.append(math.copysign(math.log2(abs(ratio) + 1) / 3, ratio))
        rows = prod(2 * n - 1 for n in at.queries)
        x = emit.floats(values, "coordinates", shape=(rows, len(at.queries)))
        for i, name in enumerate(("hidden", "out")):
            weight = emit.node("Transpose", [emit.param(f"{prefix}{name}.weight")], perm=[1, 0])
            x = emit.node("MatMul", [x, weight])
            if i == 0:
                x = emit.node("Relu", [emit.node("Add", [x, emit.param(f"{prefix}hidden.bias")])])
        x = emit.node("Mul", [emit.node("Sigmoid", [x]), emit.scalar(16.0, "sixteen")])
        return gathered(emit, x, offsets(at))


class Decomposed(Positions):
    """The query times a trained vector for each offset along each axis (Li et al. 2022, MViTv2); keys may be pooled.

    With `scaled=no` the keys are those of a larger window around the queries (Vaswani et al. 2021, HaloNet).
    """

    name, example = "decomposed", "attention heads=4 positions=decomposed"
    param_rule = "(2 max(query size, key size) - 1) x head size, for each axis"
    grid = Option(PerAxis(), None, doc="sizes of the grid, where tokens before it are not part of it (MViT)")
    keys = Option(PerAxis(), None, doc="sizes of the grid of the keys (default: those of `grid`)")
    scaled = Option(
        Flag(), True, doc="whether queries and keys, where they differ in number, cover the same area (pooled keys)"
    )

    def validate(self) -> None:
        if self.keys is not None and self.grid is None:
            raise Misfit("NS207", "`keys` needs the grid of the queries, `grid`", helps=("add `grid=…`",))

    def require(self, at: Places) -> None:
        if len(at.queries) != len(at.keys):
            super().require(at)

    def weights(self, at: Places) -> tuple[Param, ...]:
        sizes = [2 * max(q, k) - 1 for q, k in zip(at.queries, at.keys, strict=True)]
        return tuple(Param(f"tables.{i}", (n, at.size), "random", fan_in=5000) for i, n in enumerate(sizes))

    def each(self, at: Places) -> int:
        return at.heads * prod(at.queries) * at.size * sum(at.keys)

    def module(self, at: Places) -> tuple[str, tuple[tuple[str, str], ...]]:
        options = ("" if self.scaled else ", scaled=False") + (f", extra={at.extra}" if at.extra else "")
        return f"DecomposedPositions({_tuple(at.queries)}, {_tuple(at.keys)}, {at.size}{options})", (DECOMPOSED,)

    def used(self, at: Places) -> tuple[str, ...]:
        return (*super().used(at), *(() if self.scaled else ("scaled",)))

    def rows(self, n: int, m: int) -> list[list[int]]:
        """For each of n queries and m keys along an axis the row of the table: the last key comes first."""
        by, over, whole = (m, n, min(n, m)) if self.scaled else (1, 1, 1)
        return [[(a * by + (m - 1 - b) * over) // whole for b in range(m)] for a in range(n)]

    def bias(self, emit: Emitter, at: Places, q: str, prefix: str) -> str:
        rank = len(at.queries)
        if at.extra:
            q = emit.slice(q, 2, at.extra, at.rows)
        q = emit.reshape(q, [-1, at.heads, *at.queries, at.size])
        total = ""
        for i, (n, m) in enumerate(zip(at.queries, at.keys, strict=True)):
            index = emit.ints([r for row in self.rows(n, m) for r in row], "offsets", shape=(n, m))
            table = emit.node("Gather", [emit.param(f"{prefix}tables.{i}"), index], axis=0)  # n x m x size
            table = emit.node("Transpose", [table], perm=[0, 2, 1])
            order = [0, 1, *(2 + j for j in range(rank) if j != i), 2 + i, rank + 2]
            turned = emit.node("Transpose", [q], perm=[*order[:-2], order[-2], order[-1]])
            turned = emit.reshape(
                turned, [-1, at.heads, *(at.queries[j] for j in range(rank) if j != i), n, 1, at.size]
            )
            part = emit.node("MatMul", [turned, table])  # … n x 1 x m
            back = [0, 1, *(2 + (rank - 1 if j == i else j - (j > i)) for j in range(rank)), rank + 2, rank + 3]
            part = emit.node("Transpose", [part], perm=back)
            part = emit.reshape(part, [-1, at.heads, prod(at.queries), *(m if j == i else 1 for j in range(rank))])
            total = emit.node("Add", [total, part]) if total else part
        total = emit.reshape(total, [-1, at.heads, prod(at.queries), prod(at.keys)])
        if at.extra:
            total = emit.node("Pad", [total, emit.ints([0, 0, at.extra, at.extra, 0, 0, 0, 0], "pads")])
        return total


class Rotary(Positions):
    """Turns pairs of features of queries and keys by angles that grow with the position (Su et al. 2021); feature i is paired
    with i + d/2, as in GPT-NeoX and Llama."""

    name, example = "rotary", "attention heads=4 positions=rotary"
    rotates = True
    base = Option(Number(1, open_low=True), 10000.0, slot="value", doc="base of the wavelengths")

    def require(self, at: Places) -> None:
        if at.size % 2:
            raise Misfit(
                "NS304", f"positions=rotary turns pairs of features, and a head has {at.size}", option="positions"
            )

    def module(self, at: Places) -> tuple[str, tuple[tuple[str, str], ...]]:
        from netspec.ops.python_text import number

        return f"RotaryPositions({at.size}{f', {number(self.base)}' if self.base != 10000 else ''})", (ROTARY,)

    def rotated(self, emit: Emitter, at: Places, x: str) -> str:
        half, tokens = at.size // 2, at.rows
        angles = [t * self.base ** (-i / half) for t in range(tokens) for i in range(half)]
        one, other = emit.slice(x, 3, 0, half), emit.slice(x, 3, half, at.size)
        cosines = emit.floats([math.cos(a) for a in angles], "cosines", shape=(tokens, half))
        sines = emit.floats([math.sin(a) for a in angles], "sines", shape=(tokens, half))
        first = emit.node("Sub", [emit.node("Mul", [one, cosines]), emit.node("Mul", [other, sines])])
        second = emit.node("Add", [emit.node("Mul", [other, cosines]), emit.node("Mul", [one, sines])])
        return emit.node("Concat", [first, second], axis=3)


ALL: tuple[type[Positions], ...] = (Relative, Distance, Generated, Decomposed, Rotary)
