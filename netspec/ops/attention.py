"""attention: queries, keys and values are projections of one tensor."""

from __future__ import annotations

from itertools import pairwise
from math import prod
from typing import TYPE_CHECKING

from netspec.graph import Param, TensorType
from netspec.ops.attention_code import ATTENTION, CAUSAL_ATTENTION, SELF_ATTENTION, SIZED_ATTENTION
from netspec.ops.attention_onnx import attended
from netspec.ops.kinds import BadValue, Flag, Integer, Kind
from netspec.ops.op import Misfit, Op, Option, TorchCode
from netspec.ops.python_text import number
from netspec.ops.scores import Scored, Tokens, feature_maps, renamed, tokens_of
from netspec.ops.windowing import written
from netspec.values import Value, Word

if TYPE_CHECKING:
    from netspec.ops.emitter import Emitter

__all__ = ["ALL", "Attention"]


class Biases(Kind[str]):
    """Which projections have biases."""

    words = True
    noun = "yes, no, qv (all but the keys) or out (the output alone)"

    def read(self, value: Value) -> str:
        if isinstance(value, bool):
            return "all" if value else "none"
        word = value.name if isinstance(value, Word) and not value.called else value
        if isinstance(word, str) and word.lower() in ("all", "none", "qv", "out"):
            return word.lower()
        if isinstance(word, str):
            raise BadValue(f"`{word}` is not {self.noun}", code="NS205", word=word, choices=("yes", "no", "qv", "out"))
        return "all" if Flag().read(value) else "none"

    def document(self) -> str:
        return self.noun


class Attention(Scored):
    """Multi-head self-attention: softmax(QK^T / sqrt(d)) V of projections of its input, and a projection of the result (Vaswani
    et al. 2017). The positions of a feature map are its tokens.

    For other queries, keys and values, as of cross-attention, there is the join `attend`.
    """

    name, example = "attention", "attention heads=8"
    aliases = ("self_attention", "mha")
    param_rule = "4 x features^2 weights and 4 x features biases, those of `positions`, and a scale for each head with `similarity=cosine`"
    weight_layer = True

    width = Option(Integer(), None, slot="width", doc="features of the result (default: as the input)")
    head_size = Option(
        Integer(), None, doc="features of a head (default: the features of the input, split among the heads)"
    )
    bias = Option(
        Biases(), "all", doc="which projections have biases: all, none, `qv` (all but that of the keys), or `out`"
    )
    project = Option(Flag(), True, doc="whether to project the result")

    def size(self, x: TensorType) -> int:
        """The features of a head. Raises Misfit."""
        return self.split(x.features, self.heads, "") if self.head_size is None else self.head_size

    def inner(self, x: TensorType) -> tuple[int, int]:
        """The features of the queries of all heads, and those of the keys (and of the values)."""
        size = self.size(x)
        queries = x.features if self.head_size is None else self.heads * size  # not heads * (features // heads)
        return queries, queries if self.kv_heads is None else self.kv_heads * size

    def output(self, *inputs: TensorType) -> TensorType:
        (x,) = inputs
        self.tokens(x)
        size = self.size(x)
        self.places(x, x, size)
        if not self.project and self.width is not None:
            raise Misfit(
                "NS207",
                "without a projection, `attention` has no width",
                option="width",
                helps=("remove `project=no`",),
            )
        found = x.bare.with_features(self.result(x))
        return TensorType(found.layout, found.shape, x.windows)

    def result(self, x: TensorType) -> int:
        if not self.project:
            return self.inner(x)[0]
        return x.features if self.width is None else self.width

    def is_plain(self, x: TensorType) -> bool:
        """Whether it is PyTorch's own layer, whose names its weights then have."""
        plain = {"heads", "bias", "dropout", "causal"}
        usual = all(getattr(self, name) == o.default for name, o in self.options.items() if name not in plain)
        masked = x.windows is not None and written(x.windows.shift)
        return x.layout == "sequence" and not masked and usual and self.bias in ("all", "none")

    @property
    def is_sized(self) -> bool:
        """Whether its projections are of other sizes than the features, or have not all biases."""
        others = (self.head_size, self.kv_heads, self.width)
        return any(other is not None for other in others) or self.bias != "all" or not self.project

    def params(self, *inputs: TensorType) -> tuple[Param, ...]:
        (x,) = inputs
        f, size = x.features, self.size(x)
        inner, pairs = self.inner(x)
        plain = self.is_plain(x)
        weight = "in_proj_weight" if plain else "qkv.weight"
        found = [Param(weight, (inner + 2 * pairs, f), "random", fan_in=f)]
        if self.bias == "all":
            found.append(Param("in_proj_bias" if plain else "qkv.bias", (inner + 2 * pairs,), "zeros"))
        elif self.bias == "qv":
            found += [Param("q_bias", (inner,), "zeros"), Param("v_bias", (pairs,), "zeros")]
        found += [renamed(p, f"attend.{p.name}") for p in self.core_params(self.places(x, x, size))]
        if self.project:
            out = "out_proj" if plain else "out"
            found.append(Param(f"{out}.weight", (self.result(x), inner), "random", fan_in=inner))
            found += [Param(f"{out}.bias", (self.result(x),), "zeros")] if self.bias != "none" else []
        return tuple(found)

    def macs(self, *inputs: TensorType) -> int:
        """The projections, and the products QK^T and (weights)V."""
        (x,) = inputs
        size, tokens = self.size(x), prod(x.spatial)
        inner, pairs = self.inner(x)
        projections = x.features * (inner + 2 * pairs) + (inner * self.result(x) if self.project else 0)
        return x.copies * tokens * projections + self.core_macs(x, self.places(x, x, size), size)

    def connection_count(self, *inputs: TensorType) -> int:
        (x,) = inputs
        biases = sum(p.shape[0] for p in self.params(x) if p.name.endswith("bias"))
        return self.macs(x) + x.copies * prod(x.spatial) * biases

    def describe(self, x: TensorType) -> str:
        return ", ".join([f"{self.heads} heads of {self.size(x)}", *self.words()])

    def torch(self, *inputs: TensorType) -> TorchCode:
        (x,) = inputs
        if self.is_plain(x):
            options = ("" if self.bias == "all" else ", bias=False") + (
                f", dropout={number(self.dropout)}" if self.dropout else ""
            )
            helper = CAUSAL_ATTENTION if self.causal else SELF_ATTENTION
            return TorchCode((("", f"{helper[0]}({x.features}, {self.heads}{options})"),), None, (helper,))
        size = self.size(x)
        core, helpers, used = self.core(x, self.places(x, x, size))
        text, helper, uses = f"{x.features}, {core}", ATTENTION, list(used)
        if self.is_sized:
            helper = SIZED_ATTENTION
            inner, pairs = self.inner(x)
            text += f", ({inner}, {pairs}), {self.result(x)}"
            text += (f', bias="{self.bias}"' if self.bias != "all" else "") + (
                "" if self.project else ", project=False"
            )
            uses += [
                *([] if self.bias == "all" else ["projections", self.bias]),
                *([] if self.project else ["project"]),
            ]
        tokens = Tokens(x)
        call = f"{{m}}({{0}}{tokens.there}){tokens.back}" if tokens.there else None
        return TorchCode((("", f"{helper[0]}({text})"),), call, (*helpers, helper), uses=tuple(uses))

    def onnx(self, emit: Emitter) -> str:
        (x,) = emit.types
        size, plain = self.size(x), self.is_plain(x)
        inner, pairs = self.inner(x)
        y = tokens_of(emit, emit.inputs[0], x)
        weight = emit.node(
            "Transpose", [emit.param("in_proj_weight" if plain else "qkv.weight")], perm=[1, 0], hint="in_weight_t"
        )
        y = emit.node("MatMul", [y, weight])
        if self.bias == "all":
            y = emit.node("Add", [y, emit.param("in_proj_bias" if plain else "qkv.bias")])
        bounds = (0, inner, inner + pairs, inner + 2 * pairs)
        q, k, v = (emit.slice(y, 2, start, stop) for start, stop in pairwise(bounds))
        if self.bias == "qv":
            q, v = emit.node("Add", [q, emit.param("q_bias")]), emit.node("Add", [v, emit.param("v_bias")])
        y = attended(self, emit, self.places(x, x, size), (q, k, v), size, "attend.")
        if self.project:
            out = "out_proj" if plain else "out"
            y = emit.node(
                "MatMul", [y, emit.node("Transpose", [emit.param(f"{out}.weight")], perm=[1, 0], hint="out_weight_t")]
            )
            y = emit.node("Add", [y, emit.param(f"{out}.bias")]) if self.bias != "none" else y
        return feature_maps(emit, y, x, self.result(x))


ALL: tuple[type[Op], ...] = (Attention,)
