"""Weights that the spec states: the numbers printed in a lecture or a paper, as the initial values of a layer."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, TypeAlias

from netspec.graph import Param
from netspec.ops.kinds import BadValue, Kind, Number, found_text
from netspec.ops.op import Misfit, Option, TorchCode
from netspec.values import Size, Value

__all__ = [
    "Nested",
    "fixed_module",
    "listed",
    "stated_biases",
    "stated_module",
    "stated_param",
    "stated_values",
    "stated_weights",
]

Nested: TypeAlias = "tuple[float | Nested, ...]"
_MOST = 65_536


class NestedNumbers(Kind[Nested]):
    """A list of numbers, or of lists of numbers, nested like a tensor."""

    noun = "a list of numbers, such as [[1, 0], [0, 1]]"

    def read(self, value: Value) -> Nested:
        if not isinstance(value, (list, tuple)) or isinstance(value, Size):
            raise BadValue(f"expected {self.noun}, found {found_text(value)}")
        found = tuple(self._item(item) for item in value)
        if sum(1 for _ in flat(found)) > _MOST:
            raise BadValue(f"more than {_MOST:,} numbers: they belong into a file of weights", code="NS205")
        return found

    def _item(self, item: Value) -> float | Nested:
        return self.read(item) if isinstance(item, (list, tuple)) else Number().read(item)


def stated_weights(rows: str, otherwise: str = "") -> Option[Nested | None]:
    """The option `weights`; `rows` is what each of its lists belongs to."""
    doc = f"initial weights: a list for each {rows}, nested like those of PyTorch{otherwise}"
    return Option(NestedNumbers(), None, doc=doc)


def stated_values() -> Option[Nested | None]:
    return Option(NestedNumbers(), None, doc="initial values, nested like the sizes")


def stated_biases(rows: str) -> Option[Nested | None]:
    return Option(NestedNumbers(), None, doc=f"initial biases: a number for each {rows}")


def flat(values: Nested) -> Iterator[float]:
    """The numbers in order."""
    for value in values:
        if isinstance(value, tuple):
            yield from flat(value)
        else:
            yield value


def nested_shape(values: Any) -> tuple[int, ...] | None:
    """The sizes of a nested list; None where its lists are not of one length."""
    if not isinstance(values, tuple):
        return ()
    inner = {nested_shape(value) for value in values}
    if len(inner) > 1 or None in inner:
        return None
    return (len(values), *(inner.pop() or () if inner else ()))


def stated_param(param: Param, option: str, values: Nested | None) -> Param:
    """The tensor with the values that are stated for it. Raises Misfit where they have another shape."""
    if values is None:
        return param
    found = nested_shape(values)
    if found != param.shape:
        text = "lists of different lengths" if found is None else "x".join(map(str, found))
        wanted = "x".join(map(str, param.shape))
        raise Misfit(
            "NS307", f"the {option} of this layer are {wanted} numbers, found {text}", option=option,
            helps=(f"write {_example(param.shape)}",) if param.size <= 8 else (),
        )  # fmt: skip
    return Param(param.name, param.shape, tuple(flat(values)), param.fan_in, param.trainable, param.dtype)


def _example(shape: tuple[int, ...]) -> str:
    """`[[0, 0], [0, 0]]`."""
    return f"[{', '.join([_example(shape[1:])] * shape[0])}]" if shape else "0"


def stated_module(code: TorchCode, weights: Nested | None, biases: Nested | None) -> TorchCode:
    """The last module of a layer, which starts with the stated values."""
    if weights is None and biases is None:
        return code
    *others, (suffix, text) = code.modules
    parts = [f"{name}={listed(v)}" for name, v in (("weight", weights), ("bias", biases)) if v is not None]
    modules = (*others, (suffix, f"stated({text}, {', '.join(parts)})"))
    return TorchCode(modules, code.call, (*code.helpers, STATED), code.imports)


def fixed_module(code: TorchCode) -> TorchCode:
    """The last module of a layer, its weights not trained."""
    *others, (suffix, text) = code.modules
    return TorchCode((*others, (suffix, f"fixed({text})")), code.call, (*code.helpers, FIXED), code.imports)


def listed(values: Any) -> str:
    """The values as a list in Python: `[[0.0] * 32] * 6` where many are alike."""
    if not isinstance(values, tuple):
        return repr(values)
    items = list(map(listed, values))
    return f"[{items[0]}] * {len(items)}" if len(items) > 4 and len(set(items)) == 1 else f"[{', '.join(items)}]"


FIXED = (
    "fixed",
    '''
def fixed(layer: nn.Module) -> nn.Module:
    """The layer, its weights as buffers, which are not trained."""
    for name, parameter in list(layer.named_parameters(recurse=False)):
        delattr(layer, name)
        layer.register_buffer(name, parameter.detach())
    return layer
''',
)
STATED = (
    "stated",
    '''
def stated(layer: nn.Module, weight: list | None = None, bias: list | None = None) -> nn.Module:
    """The layer, which starts with the given values."""
    with torch.no_grad():
        for parameter, values in ((layer.weight, weight), (layer.bias, bias)):
            if values is not None:
                parameter.copy_(torch.tensor(values))
    return layer
''',
)
