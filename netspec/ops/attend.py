"""The join attend: attention of given queries, keys and values."""

from __future__ import annotations

from typing import TYPE_CHECKING

from netspec.graph import Param, TensorType
from netspec.ops.attention_onnx import attended
from netspec.ops.op import Misfit, TorchCode
from netspec.ops.positions import Places
from netspec.ops.scores import Scored, Tokens, feature_maps, tokens_of
from netspec.ops.traced import untraced

if TYPE_CHECKING:
    from netspec.ops.emitter import Emitter

__all__ = ["Attend"]


class Attend(Scored):
    """softmax(QK^T scale) V for each head, of queries, keys and values that its three branches give (Vaswani et al. 2017).

    It has no projections: `attend heads=4 [ linear-64; linear-64; linear-64 ]`. The positions of a feature map are its tokens. Keys
    and values can be of another tensor (cross-attention), pooled, or more than the queries.
    """

    name, example = "attend", "attend heads=4 [ linear-64; linear-64; linear-64 ]"
    sign = "attend"
    shape_rule = "the positions of the queries; as many features as the values have, for all heads"
    param_rule = "none but those of `positions` and of `similarity=cosine`"

    def head_sizes(self, inputs: tuple[TensorType, ...]) -> tuple[int, int]:
        """The features of a query and of a value in one head. Raises Misfit."""
        if len(inputs) != 3:
            raise Misfit(
                "NS307", f"attend takes 3 branches, queries, keys and values; found {len(inputs)}",
                notes=_nouns(inputs),
                helps=("write all three, also where two are the same: `attend [ from q; from kv; from kv ]`",),
            )  # fmt: skip
        q, k, v = (self.tokens(x, f"branch {i + 1}") for i, x in enumerate(inputs))
        if untraced(k.count) != untraced(v.count):
            raise Misfit(
                "NS306", f"attend needs a value for each of {k.count} keys, found {v.count}", notes=_nouns(inputs)
            )
        size = self.split(q.features, self.heads, " of the queries")
        groups = "heads" if self.kv_heads is None else "kv_heads"
        if untraced(self.split(k.features, self.groups, " of the keys", groups)) != untraced(size):
            wanted = untraced(size) * untraced(self.groups)
            raise Misfit(
                "NS306", f"the queries have {size} features for each head, the keys {k.features // self.groups}",
                notes=_nouns(inputs), helps=(f"give the keys {wanted} features",),
            )  # fmt: skip
        return size, self.split(v.features, self.groups, " of the values", groups)

    def output(self, *inputs: TensorType) -> TensorType:
        size, value_size = self.head_sizes(inputs)
        q, k, _ = inputs
        self.places(q, k, size)
        found = q.bare.with_features(self.heads * value_size)
        return TensorType(found.layout, found.shape, q.windows)

    def at(self, inputs: tuple[TensorType, ...]) -> Places:
        return self.places(inputs[0], inputs[1], self.head_sizes(inputs)[0])

    def params(self, *inputs: TensorType) -> tuple[Param, ...]:
        return self.core_params(self.at(inputs))

    def macs(self, *inputs: TensorType) -> int:
        return self.core_macs(inputs[0], self.at(inputs), self.head_sizes(inputs)[1])

    def describe(self, x: TensorType) -> str:
        return ", ".join([f"{self.heads} heads", *self.words()])

    def torch(self, *inputs: TensorType) -> TorchCode:
        text, helpers, uses = self.core(inputs[0], self.at(inputs))
        q, k, v = map(Tokens, inputs)
        call = f"{{m}}({{0}}{q.there}, {{1}}{k.there}, {{2}}{v.there}){q.back}"
        return TorchCode((("", text),), call, helpers, uses=uses)

    def onnx(self, emit: Emitter) -> str:
        tensors = [tokens_of(emit, x, kind) for x, kind in zip(emit.inputs, emit.types, strict=True)]
        q, k, v = tensors
        value_size = self.head_sizes(emit.types)[1]
        return feature_maps(
            emit,
            attended(self, emit, self.at(emit.types), (q, k, v), value_size, ""),
            emit.types[0],
            emit.output.features,
        )


def _nouns(inputs: tuple[TensorType, ...]) -> tuple[str, ...]:
    return tuple(f"{what}: {x.noun}" for what, x in zip(("queries", "keys", "values"), inputs, strict=False))
