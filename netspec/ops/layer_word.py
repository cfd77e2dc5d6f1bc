"""`norm=bn(eps=1e-3)`, `act=relu`: layers as the values of options."""

from __future__ import annotations

from typing import Any

from netspec.ops.kinds import BadValue, Kind, found_text
from netspec.ops.op import REQUIRED, Misfit, Op
from netspec.values import Value, Word, show

__all__ = ["LayerWord", "bind_word"]

_USUAL = {
    "act": ("relu, tanh, leaky_relu(0.1)", "relu, leaky_relu(0.1), gelu, silu, tanh, sigmoid"),
    "norm": ("bn, ln, gn(32)", "bn, ln, gn(32), LRN"),
    "positions": ("relative, generated(512), rotary", "relative, distance, generated, decomposed, rotary"),
}
"""For each family of layers the examples of a message, and the common choices."""


class LayerWord(Kind[Op | None]):
    """A layer named by a word: a normalization (`bn`, `gn(32)`) or an activation (`relu`, `leaky_relu(0.1)`)."""

    words = True

    def __init__(self, family: str) -> None:
        self.family = family
        self.noun = f"{family} such as {_USUAL[self.kind][0]}, or none"

    @property
    def kind(self) -> str:
        return next((kind for kind in ("norm", "positions") if kind in self.family), "act")

    def names(self) -> dict[str, type[Op]]:
        from netspec.ops import ACTIVATIONS, NORMALIZATIONS, POSITIONS

        return dict({"norm": NORMALIZATIONS, "positions": POSITIONS, "act": ACTIVATIONS}[self.kind])

    def unknown(self, value: Value) -> Word | None:
        """The word of a value that names no layer of netspec, but may name one of an installed package."""
        word = Word(value) if isinstance(value, str) else value
        if not isinstance(word, Word) or self.kind == "positions":
            return None
        name = word.name.lower()
        return None if name in self.names() or name in ("none", "true", "false") else word

    def read(self, value: Value) -> Op | None:
        if value is None:
            return None
        if isinstance(value, str):
            value = Word(value)
        if isinstance(value, bool):
            usual = "none" if not value else _USUAL[self.kind][0].split(",")[0]
            helps = "write `none` to omit the layer" if not value else f"say which: `{usual}`"
            raise BadValue(f"expected {self.noun}, found {show(value)}", helps, instead=usual)
        if not isinstance(value, Word):
            raise BadValue(f"expected {self.noun}, found {found_text(value)}")
        if value.name.lower() == "none" and not value.called:
            return None
        names = self.names()
        op = names.get(value.name.lower())
        if value.name.lower() in ("true", "false"):
            return self.read(value.name.lower() == "true")
        if op is None:
            from netspec.diagnostics.foreign import LAYER_WORDS

            theirs = LAYER_WORDS.get(value.name.lower(), "")
            if theirs == "none" or theirs.partition("(")[0] in names:
                message = f"`{value.name}` is not {self.noun.split(' such')[0]}"
                raise BadValue(message, f"write `{theirs}`", code="NS205", instead=theirs)
            usual = f"common choices are {_USUAL[self.kind][1]}; `netspec ops` lists them all"
            message = f"`{value.name}` is not {self.noun.split(' such')[0]}"
            raise BadValue(message, usual, code="NS205", word=value.name, choices=tuple(names))
        return bind_word(op, value)


def bind_word(op: type[Op], word: Word) -> Op:
    """An op from a word with arguments: `gn(32)`, `bn(eps=1e-3)`. Raises BadValue."""
    values: dict[str, Any] = {}
    slots = [o for o in op.options.values() if o.slot == "value"]
    if len(word.arguments) > len(slots):
        raise BadValue(
            f"`{op.name}` takes {len(slots) or 'no'} unnamed value{'' if len(slots) == 1 else 's'}, found {len(word.arguments)}"
        )
    for option, value in zip(slots, word.arguments, strict=False):
        values[option.name] = option.kind.read(value)
    for name, value in word.options:
        found = op.options.get(name)
        if found is None:
            have = f"its options are {', '.join(op.options) or 'none'}"
            message = f"`{op.name}` has no option `{name}`"
            raise BadValue(message, have, code="NS202", word=name, choices=tuple(op.options))
        if name in values:
            raise BadValue(f"`{name}` is given twice", code="NS203")
        values[name] = found.kind.read(value)
    missing = [o.name for o in op.options.values() if o.default is REQUIRED and o.name not in values]
    if missing:
        raise BadValue(f"`{op.name}` is missing `{missing[0]}`", f"write `{op.name}(…)`", code="NS206")
    bound = op(**values)
    try:
        bound.validate()
    except Misfit as misfit:
        raise BadValue(misfit.message, *misfit.helps, code=misfit.code) from None
    return bound
