"""What an op is: options, a shape rule, parameters, cost, its PyTorch, its ONNX and its documentation."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Generic, Literal, TypeVar, overload

from netspec.graph import Param, TensorType
from netspec.ops.kinds import Kind
from netspec.ops.reach import SAME, Reach

if TYPE_CHECKING:
    from netspec.ops.emitter import Emitter

__all__ = ["REQUIRED", "Change", "Leftover", "Misfit", "Op", "Option", "TorchCode"]

T = TypeVar("T")
Slot = Literal["option", "kernel", "width", "stride", "value", "branch", "axis", "size"]


class _Required:
    def __repr__(self) -> str:
        return "required"


REQUIRED = _Required()


class Option(Generic[T]):
    """One option of an op: its slot, its kind of value, its default and its documentation.

    A `kernel` is part of the head (`conv3`), a `width` follows `-`, a `stride` follows `/`, a `value` has no
    name (`dropout 0.5`). Every option can also be given by name, except a `branch`, a number among those of a join.
    Options that the op does not declare, whose names are axes of its pattern, go to `axis` (names) and `size` (values).
    """

    __slots__ = ("default", "doc", "kind", "name", "slot")

    def __init__(self, kind: Kind[T], default: Any = REQUIRED, *, doc: str, slot: Slot = "option") -> None:
        self.kind = kind
        self.default = default
        self.doc = doc
        self.slot = slot
        self.name = ""

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name

    @overload
    def __get__(self, instance: None, owner: type) -> Option[T]: ...
    @overload
    def __get__(self, instance: object, owner: type) -> T: ...
    def __get__(self, instance: object | None, owner: type) -> Option[T] | T:
        if instance is None:
            return self
        raise AttributeError(self.name)  # unreachable: instances store the value under the same name


_HEAD = ("kernel", "width", "stride", "value", "branch", "option", "axis", "size")
_LAST = ("norm", "act")


def _place(option: Option[Any]) -> tuple[int, int]:
    """The position of an option in the documentation: first those of the head as they are written, last the layers after it."""
    return _HEAD.index(option.slot), _LAST.index(option.name) + 1 if option.name in _LAST else 0


@dataclass(frozen=True, slots=True)
class Change:
    """A different value for one option that makes a layer fit, and the help that describes the result."""

    help: str
    option: str
    value: str


class Misfit(Exception):
    """An op cannot take these inputs. The elaborator turns it into a diagnostic at the layer."""

    def __init__(
        self,
        code: str,
        message: str,
        *,
        option: str | None = None,
        label: str = "",
        notes: tuple[str, ...] = (),
        helps: tuple[str, ...] = (),
        changes: tuple[Change, ...] = (),
        indivisible: tuple[int, int] | None = None,
        within: tuple[int, int] | None = None,
        of_axes: bool = False,
    ) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.option = option
        self.label = label
        self.notes = notes
        self.helps = helps
        self.changes = changes
        self.indivisible = indivisible
        """A number of features, and what it should be a multiple of."""
        self.within = within
        """The part of the string of `option` that does not fit."""
        self.of_axes = of_axes
        """Whether the input has another number of spatial axes than `option` is for."""


@dataclass(frozen=True, slots=True)
class Leftover:
    """A window that does not tile its input along one axis: `dropped` elements are never used."""

    axis: str
    dropped: int
    arithmetic: str
    helps: tuple[str, ...]
    changes: tuple[Change, ...] = ()


@dataclass(frozen=True, slots=True)
class TorchCode:
    """What an op becomes in a PyTorch module.

    `modules` are (suffix, constructor) pairs, stored as attributes named after the layer plus the suffix.
    `call` is the expression of the forward pass, with `{0}`, `{1}` … for the inputs and `{m}` for the module
    (`{m_pad}` for one with the suffix `pad`); None applies the modules in sequence.
    `helpers` are the classes (name, source text) that the file needs. A line of them that ends with `#? name` is written
    where some layer `uses` that, one with `#! name` where none does.
    """

    modules: tuple[tuple[str, str], ...] = ()
    call: str | None = None
    helpers: tuple[tuple[str, str], ...] = ()
    imports: tuple[str, ...] = ()
    uses: tuple[str, ...] = ()

    @classmethod
    def module(cls, constructor: str) -> TorchCode:
        return cls(modules=(("", constructor),))

    @classmethod
    def expression(cls, call: str, *, imports: tuple[str, ...] = ()) -> TorchCode:
        return cls(call=call, imports=imports)


class Op:
    """An op with its options bound. Subclasses declare options as class attributes; instances are immutable values."""

    name: ClassVar[str] = ""
    aliases: ClassVar[tuple[str, ...]] = ()
    example: ClassVar[str] = ""
    shape_rule: ClassVar[str] = "same as the input"
    param_rule: ClassVar[str] = "none"
    any_size: ClassVar[bool] = False
    """Whether its ONNX nodes are independent of the spatial sizes."""
    lowest_opset: ClassVar[int] = 13
    """The first opset of ONNX that has what it needs."""
    weight_layer: ClassVar[bool] = False
    """Whether the op counts toward `depth`: it has weights that mix features."""
    decays: ClassVar[bool] = True
    """Whether weight decay applies to its weights: not in norms, and not to scales, positions and trained constants."""
    has_neurons: ClassVar[bool] = False
    """Whether its outputs count as `neurons`: convolutions and fully connected layers."""
    pools: ClassVar[bool] = False
    """Whether it pools windows of its input."""
    lends: ClassVar[Literal["", "weight", "transposed"]] = ""
    """How a layer with `tie=` uses the `weight` of this one: as it is, or transposed; empty: not at all."""
    vanishes: ClassVar[bool] = False
    """Whether it returns its input in inference."""
    differing: ClassVar[frozenset[str]] = frozenset()
    """Options whose values may differ between rounds that pictures show as one, with their number."""
    ignores_input: ClassVar[bool] = False
    """Whether its result does not depend on what comes in, which only says how many examples there are."""
    measures_second: ClassVar[bool] = False
    """Whether of a second input it uses the sizes only, not the values."""
    sees_windows: ClassVar[bool] = False
    """Whether it has to do with windows (`windows 7x7 { … }`); the types that another op sees are those of one window."""
    sign: ClassVar[str] = ""
    """The sign of a join by arithmetic, as a diagram shows it."""
    keeps: ClassVar[frozenset[str]] = frozenset()
    """Of a layer from a package: what PyTorch keeps of it for the backward pass, `inputs` and `output`."""
    torch_in_place: ClassVar[bool] = False
    """Whether it may be written over its input in PyTorch: its backward pass needs its result only."""
    torch_keeps_no_output: ClassVar[bool] = False
    """Whether its backward pass in PyTorch does not need its result, which the next layer may then overwrite."""
    options: ClassVar[dict[str, Option[Any]]] = {}
    norm: Op | Option[Any] | None = None
    act: Op | Option[Any] | None = None

    def __init_subclass__(cls) -> None:
        options: dict[str, Option[Any]] = {}
        for base in reversed(cls.__mro__):
            for name, value in vars(base).items():
                if isinstance(value, Option):
                    options[name] = value
                elif name in options:
                    del options[name]
        cls.options = dict(sorted(options.items(), key=lambda item: _place(item[1])))

    def __init__(self, **values: Any) -> None:
        bound = self.__dict__
        for name, option in self.options.items():
            bound[name] = values.pop(name) if name in values else option.default
        if values:
            raise TypeError(f"{self.name} has no option {', '.join(values)}")

    def _key(self) -> tuple[Any, ...]:
        return tuple(self.__dict__[name] for name in self.options)

    def __eq__(self, other: object) -> bool:
        return self is other or (type(self) is type(other) and self._key() == other._key())

    def __hash__(self) -> int:
        found = self.__dict__.get("_hash")
        if found is None:
            found = self.__dict__["_hash"] = hash((type(self), self._key()))
        return found

    def __repr__(self) -> str:
        given = ", ".join(f"{n}={self.__dict__[n]!r}" for n, o in self.options.items() if self.__dict__[n] != o.default)
        return f"{self.name}({given})"

    # The interface. `inputs` are the types of the input tensors, `output` is the result of `output()`.

    def validate(self) -> None:
        """Raises Misfit if options contradict each other."""

    def output(self, *inputs: TensorType) -> TensorType:
        """The type of the result. Raises Misfit if the inputs do not fit."""
        return inputs[0]

    def leftovers(self, *inputs: TensorType) -> tuple[Leftover, ...]:
        """The axes along which a window does not tile its input."""
        return ()

    def tiling(self, *inputs: TensorType) -> tuple[tuple[int, int], ...]:
        """For each axis along which a window slides, by how much the size is more than one that it tiles, and how much
        of that is never seen."""
        return ()

    def needs_flat(self, x: TensorType) -> bool:
        """Whether to insert a flatten before this op."""
        return False

    def expand(self, x: TensorType) -> tuple[tuple[str, Op, tuple[str, ...]], ...] | None:
        """The layers that this op is shorthand for, None if it is a layer itself: suffix, op, and which of its options it
        has from this one."""
        return None

    def params(self, *inputs: TensorType) -> tuple[Param, ...]:
        """The weights and buffers."""
        return ()

    def macs(self, *inputs: TensorType) -> int:
        """Multiply-accumulates for one example."""
        return 0

    def connection_count(self, *inputs: TensorType) -> int:
        """MACs plus one for every output value with a bias (as in LeCun et al. 1998)."""
        return self.macs(*inputs)

    def reach(self, x: TensorType) -> tuple[Reach, ...] | None:
        """The positions that an output depends on, along each spatial axis, for the receptive field; None: all of them."""
        return (SAME,) * x.rank

    def reach_to(self, x: TensorType, y: TensorType) -> tuple[Reach, ...] | None:
        """The same where it depends on the type of the output, too."""
        return self.reach(x)

    def further_inputs(self) -> tuple[str, ...]:
        """The options that name tensors which it reads besides the current one, in order."""
        return ()

    def describe(self, x: TensorType) -> str:
        """The description of the layer in the report."""
        return ""

    def torch(self, *inputs: TensorType) -> TorchCode:
        raise TypeError(f"{self.name} has no PyTorch implementation")  # a test checks every op

    def onnx(self, emit: Emitter) -> str:
        """Emits the nodes of the layer; returns the name of its output tensor."""
        raise TypeError(f"{self.name} has no ONNX implementation")
