"""Scores of queries and keys: what attention with and without projections has in common."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import TYPE_CHECKING, Any, cast

from netspec.graph import Param, TensorType
from netspec.ops.attention_code import ATTEND, CAUSAL_MASK, SHIFT_MASK
from netspec.ops.divisors import divisor_changes
from netspec.ops.kinds import Choice, Flag, Integer, Kind, Number
from netspec.ops.layer_word import LayerWord
from netspec.ops.op import Misfit, Op, Option
from netspec.ops.positions import Places, Positions
from netspec.ops.python_text import number
from netspec.ops.reach import Reach
from netspec.ops.seams import seams
from netspec.ops.traced import untraced
from netspec.ops.window_code import PARTITION
from netspec.ops.window_places import active_shift
from netspec.ops.windowing import listed, written

if TYPE_CHECKING:
    from netspec.ops.emitter import Emitter

__all__ = ["Scored", "Tokens", "feature_maps", "renamed", "tokens_of"]


@dataclass(frozen=True, slots=True)
class Tokens:
    """The tokens of a sequence, or the positions of a feature map: their number and their features."""

    kind: TensorType

    @property
    def count(self) -> int:
        return prod(self.kind.spatial)

    @property
    def features(self) -> int:
        return self.kind.features

    @property
    def there(self) -> str:
        """The end of an expression that makes tokens of it."""
        return ".flatten(2).mT" if self.kind.layout == "map" else ""

    @property
    def back(self) -> str:
        """The end of an expression that makes feature maps of tokens."""
        if self.kind.layout != "map":
            return ""
        return ".mT" + (f".unflatten(2, {listed(self.kind.spatial)})" if self.kind.rank > 1 else "")


class Scored(Op):
    """What attention with and without projections has in common: scores of queries and keys, and what is added to them."""

    sees_windows = True
    heads = Option(Integer(), 8, doc="number of heads, which split the features equally")
    kv_heads = Option(
        Integer(), None, doc="number of heads of keys and values, each for several of the queries (default: all)"
    )
    scale = Option(Number(), None, doc="factor of the scores (default: 1/sqrt of the features of a head)")
    similarity = Option(
        Choice("dot", "cosine"), "dot", doc="how queries and keys are compared; `cosine` trains a scale for each head"
    )
    positions: Option[Positions | None] = Option(
        cast("Kind[Positions | None]", LayerWord("positions")), None, doc="what the scores know of positions"
    )
    causal = Option(Flag(), False, doc="whether each token attends only to itself and earlier tokens")
    span = Option(Integer(), None, doc="how many tokens back each token attends, itself included, with `causal=yes`")
    dropout = Option(
        Number(0, 1, open_high=True), 0.0, doc="probability of dropping an attention weight during training"
    )

    @property
    def groups(self) -> int:
        return self.heads if self.kv_heads is None else self.kv_heads

    def validate(self) -> None:
        if self.kv_heads is not None and untraced(self.heads) % untraced(self.kv_heads):
            raise Misfit(
                "NS304",
                f"{self.heads} heads cannot be divided among {self.kv_heads} heads of keys and values",
                option="kv_heads",
            )
        if self.span is not None and not self.causal:
            raise Misfit(
                "NS207", "`span` looks back, which needs `causal=yes`", option="span", helps=("add `causal=yes`",)
            )
        if self.similarity == "cosine" and self.scale is not None:
            raise Misfit("NS207", "cosine similarity trains its scale", option="scale", helps=("remove `scale`",))

    def tokens(self, x: TensorType, what: str = "the input") -> Tokens:
        """Raises Misfit (NS303) unless it has tokens or positions."""
        if x.layout not in ("sequence", "map"):
            helps = {
                "ids": ("embed the ids first: `embed-64 vocab=10000`",),
                "vector": ("a vector has no positions: attend before `flatten`, `take` or `each tokens`",),
            }.get(x.layout, ())
            raise Misfit("NS303", f"{self.name} needs a sequence of tokens", label=f"{what} is {x.noun}", helps=helps)
        return Tokens(x)

    def split(self, features: int, heads: int, what: str, option: str = "heads") -> int:
        """The features of a head. Raises Misfit (NS304)."""
        if untraced(features) % untraced(heads):
            changes = divisor_changes(option, "possible values", untraced(heads), untraced(features))
            raise Misfit(
                "NS304", f"{features} features{what} cannot be divided into {heads} heads", option=option,
                indivisible=(untraced(features), untraced(heads)), changes=changes, helps=(changes[0].help,),
            )  # fmt: skip
        return features // heads

    def places(self, q: TensorType, k: TensorType, size: int) -> Places:
        """Where queries and keys are, for its positions and masks. Raises Misfit."""
        rows, columns = prod(q.spatial), prod(k.spatial)
        if self.causal and untraced(rows) != untraced(columns):
            raise Misfit(
                "NS307", f"causal attention needs a key for each of {rows} queries, found {columns}", option="causal"
            )
        extra = 0
        queries, keys = q.spatial, k.spatial
        if self.positions is not None and (grids := self.positions.grids) is not None:
            queries, keys = grids
            extra = untraced(rows) - prod(queries)
            if extra < 0:
                raise Misfit("NS307", f"a grid of {prod(queries)} positions in {rows} tokens", option="positions")
            if untraced(columns) != prod(keys) + extra:
                raise Misfit(
                    "NS307", f"a grid of {prod(keys)} keys after {extra} token{'s' * (extra != 1)}, in {columns} tokens",
                    option="positions",
                )  # fmt: skip
        at = Places(self.heads, size, queries, keys, extra)
        if self.positions is not None:
            self.positions.require(at)
        self.require_mask(q, rows, columns)
        return at

    def require_mask(self, q: TensorType, rows: int, columns: int) -> None:
        """Raises Misfit where shifted windows need a mask that does not fit the tokens."""
        windows = q.windows
        if windows is None:
            return
        outer = windows.of.windows
        if outer is not None and written(outer.shift):
            raise Misfit(
                "NS307", "attention in windows of shifted windows has no mask", helps=("shift the inner windows",)
            )
        if written(windows.shift) and not untraced(rows) == untraced(columns) == prod(windows.size):
            raise Misfit(
                "NS307", f"the mask of shifted windows is for {prod(windows.size)} tokens",
                label=f"there are {rows} queries and {columns} keys", helps=("attend before the size of the window changes",),
            )  # fmt: skip

    def core_params(self, at: Places) -> tuple[Param, ...]:
        """Trained values of the scores."""
        cosine = (Param("log_scale", (self.heads, 1, 1), 2.302585092994046),) if self.similarity == "cosine" else ()
        positions = self.positions.weights(at) if self.positions is not None else ()
        return (*cosine, *(renamed(p, f"biases.0.{p.name}") for p in positions))

    def core_macs(self, q: TensorType, at: Places, value_size: int) -> int:
        """QK^T and the weights times V, in all windows, and what positions compute."""
        products = self.heads * at.rows * at.columns * (at.size + value_size)
        if self.positions is None:
            return q.copies * products
        return q.copies * (products + self.positions.each(at)) + self.positions.once(at)

    def core(self, q: TensorType, at: Places) -> tuple[str, tuple[tuple[str, str], ...], tuple[str, ...]]:
        """The module that computes the scores, the classes that it needs, and what of them it uses."""
        biases: list[str] = []
        options: dict[str, Any] = {}
        helpers: list[tuple[str, str]] = []
        uses = ["shift"] if q.windows is not None and written(q.windows.shift) else []
        if self.positions is not None:
            text, needed = self.positions.module(at)
            biases += [text] if not self.positions.rotates else []
            options |= {"rotary": text} if self.positions.rotates else {}
            helpers += needed
            uses += self.positions.used(at)
        if uses and (windows := q.windows) is not None and written(windows.shift):
            biases.append(
                f"ShiftMask({listed(windows.size)}, {listed(windows.shift)}, size={listed(windows.of.spatial)})"
            )
            helpers += [PARTITION, SHIFT_MASK]
        if self.causal:
            biases.append(f"CausalMask({'' if self.span is None else self.span})")
            helpers.append(CAUSAL_MASK)
        options |= {"kv_heads": self.kv_heads} if self.kv_heads is not None else {}
        options |= {"scale": number(self.scale)} if self.scale is not None else {}
        options |= {"scale": 1.0, "cosine": True} if self.similarity == "cosine" else {}
        options |= {"dropout": number(self.dropout)} if self.dropout else {}
        text = ", ".join([f"{self.heads}", *biases, *(f"{name}={value}" for name, value in options.items())])
        return f"Attend({text})", (*helpers, ATTEND), (*uses, *options, *(["bias"] if biases else []))

    def masked(self, q: TensorType, at: Places) -> tuple[list[list[list[bool]]], int]:
        """For each window, query and key whether the key is left out; and the number of windows, 1 for one of all."""
        windows = q.windows
        count, out = 1, [[[False] * at.columns for _ in range(at.rows)]]
        if windows is not None and any(active_shift(windows)):
            out = seams(windows)
            count = len(out)
        if self.causal:
            span = at.rows if self.span is None else self.span
            for rows in out:
                for i, row in enumerate(rows):
                    row[:] = [hidden or not i - span < j <= i for j, hidden in enumerate(row)]
        return out, count

    def words(self) -> list[str]:
        parts = [f"{self.kv_heads} of keys and values"] if self.kv_heads is not None else []
        parts += ["cosine"] if self.similarity == "cosine" else []
        parts += [f"positions {self.positions.name}"] if self.positions is not None else []
        parts += ["causal"] if self.causal else []
        return parts + ([f"span {self.span}"] if self.span is not None else [])

    def reach(self, x: TensorType) -> tuple[Reach, ...] | None:
        return None


def renamed(param: Param, name: str) -> Param:
    return Param(name, param.shape, param.init, param.fan_in)


def tokens_of(emit: Emitter, x: str, kind: TensorType) -> str:
    if kind.layout == "sequence":
        return x
    y = emit.reshape(x, [-1, kind.features, prod(kind.spatial)]) if kind.rank > 1 else x
    return emit.node("Transpose", [y], perm=[0, 2, 1])


def feature_maps(emit: Emitter, y: str, kind: TensorType, features: int) -> str:
    if kind.layout == "sequence":
        return y
    y = emit.node("Transpose", [y], perm=[0, 2, 1])
    return emit.reshape(y, [-1, features, *kind.spatial]) if kind.rank > 1 else y
