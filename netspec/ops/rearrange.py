"""rearrange and reduce: layers that a pattern of axes describes, as in einops (Rogozhnikov 2022)."""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING

from netspec.diagnostics import nearest
from netspec.graph import Layout, TensorType
from netspec.ops.arrangement import Arrangement, Atom, arranged
from netspec.ops.axis_pattern import AxisPattern
from netspec.ops.dense import require_numbers
from netspec.ops.kinds import Choice, Kind
from netspec.ops.op import Misfit, Op, Option, TorchCode
from netspec.ops.reach import SAME, Reach, interpolated, sliding

if TYPE_CHECKING:
    from netspec.ops.emitter import Emitter

__all__ = ["ALL", "AxisLayer", "Rearrange", "Reduce"]

_LAYOUTS: dict[str, tuple[Layout, tuple[int, ...]]] = {
    "vector": ("vector", (1,)), "sequence": ("sequence", (2,)), "map": ("map", (2, 3, 4)),
}  # fmt: skip


class Names(Kind[tuple[str, ...]]):
    """The axes of a pattern whose sizes are stated; the binder collects them with their sizes."""

    noun = "whole numbers, at least 1"


class Counts(Kind[tuple[int, ...]]):
    """The sizes of these axes, in the same order."""

    noun = "whole numbers, at least 1"


class AxisLayer(Op):
    """What rearrange and reduce have in common."""

    pattern = Option(AxisPattern(), slot="value", doc="the axes before and after, without the batch")
    kind = Option(
        Choice("auto", "vector", "sequence", "map"), "auto",
        doc="kind of the result; auto: one axis is a vector, three or four are a feature map, of two the last is the features "
        "if it has channels or features of the input (a sequence), otherwise the first is (a signal)",
    )  # fmt: skip
    axes = Option(Names(), (), slot="axis", doc="sizes of axes, by the names that they have in the pattern")
    sizes = Option(Counts(), (), slot="size", doc="the sizes of these axes")

    def validate(self) -> None:
        known = self.pattern.names
        text = self.pattern.text.strip()
        for name in self.axes:
            if name not in known:
                near = nearest(name, [*known, *self.options])
                names = ", ".join(known)
                help_ = f"did you mean `{near}`?" if near else f"its axes are {names}" if names else "it names none"
                raise Misfit("NS202", f"the pattern has no axis `{name}`: `{text}`", option=name, helps=(help_,))
        for group in self.pattern.left:
            rest = [axis.name for axis in group.axes if axis.name and axis.name not in self.axes]
            if len(rest) > 1:
                within = self.pattern.written(group.within)
                raise Misfit(
                    "NS206", f"the sizes of {_and(rest)} in `{within}` are both unknown: `{text}`".replace(" both", "" if len(rest) > 2 else " both"),
                    option="pattern", within=group.within,
                    helps=(f"give all but one beside the pattern: `{rest[-1]}=2`",),
                )  # fmt: skip

    def arrangement(self, x: TensorType) -> Arrangement:
        return arranged(self.pattern, dict(zip(self.axes, self.sizes, strict=True)), x)

    def output(self, *inputs: TensorType) -> TensorType:
        (x,) = inputs
        require_numbers(self, x)
        plan = self.arrangement(x)
        layout = self.layout(x, plan)
        return TensorType(layout, plan.shape)

    def layout(self, x: TensorType, plan: Arrangement) -> Layout:
        count, right = len(plan.right), self.pattern.right
        within = (right[0].within[0], right[-1].within[1])
        if count > 4:
            raise Misfit(
                "NS307", f"a result of {count} axes: `{self.pattern.text.strip()}`", option="pattern", within=within,
                notes=("a feature map has at most channels, depth, height and width; the batch is not written",),
                helps=("put axes together in parentheses: `(h w)`",),
            )  # fmt: skip
        if self.kind == "auto":
            return ("vector", self._of_two(x, plan), "map", "map")[count - 1]
        layout, counts = _LAYOUTS[self.kind]
        if count not in counts:
            need = {
                "vector": "one axis",
                "sequence": "two axes, tokens and features",
                "map": "two to four axes, channels first",
            }
            raise Misfit(
                "NS307", f"a {'feature map' if layout == 'map' else layout} has {need[layout]}, the result has {count}: "
                f"`{self.pattern.written(within)}`", option="kind",
            )  # fmt: skip
        return layout

    def _of_two(self, x: TensorType, plan: Arrangement) -> Layout:
        features = {atom.name for atom in plan.left[x.feature_axis - 1]}
        return "sequence" if any(atom.name in features for atom in plan.right[-1]) else "map"

    def describe(self, x: TensorType) -> str:
        stated = "".join(f" {name}={size}" for name, size in zip(self.axes, self.sizes, strict=True))
        return f'"{" ".join(self.pattern.text.split())}"{stated}'

    def reach(self, x: TensorType) -> tuple[Reach, ...] | None:
        """Exact where each axis stays in its place, or is divided into positions and channels."""
        plan = self.arrangement(x)
        if x.layout != "map" or len(plan.right) != len(plan.left):
            return None
        steps = [_step(before, after, plan) for before, after in zip(plan.left[1:], plan.right[1:], strict=True)]
        return None if None in steps else tuple(step for step in steps if step is not None)

    def open_axes(self, x: TensorType) -> tuple[int, ...]:
        """The axes of the output whose sizes depend on those of an image or of its patches."""
        plan = self.arrangement(x)
        opened = {
            atom.name
            for i, group in enumerate(plan.left, 1)
            for atom in group
            if i != x.feature_axis and not atom.given
        }
        return tuple(i for i, group in enumerate(plan.right) if any(atom.name in opened for atom in group))

    # PyTorch

    def torch(self, *inputs: TensorType) -> TorchCode:
        plan = self.arrangement(inputs[0])
        steps = [*_apart(plan), *self.reducing(plan)]
        if list(plan.order) != sorted(plan.order):
            steps.append(f".permute(0, {', '.join(str(i + 1) for i in plan.order)})")
        return TorchCode.expression("{0}" + "".join([*steps, *_together(plan)]))

    def reducing(self, plan: Arrangement) -> list[str]:
        return []

    # ONNX

    def onnx(self, emit: Emitter) -> str:
        plan = self.arrangement(emit.types[0])
        sizes = _sizes(emit, plan)
        y = emit.inputs[0]
        if any(len(group) != 1 for group in plan.left):
            y = _reshaped(emit, y, [[atom] for atom in plan.taken], sizes)
        y = self.reduced(emit, y, plan)
        if list(plan.order) != sorted(plan.order):
            y = emit.node("Transpose", [y], perm=[0, *(i + 1 for i in plan.order)])
        if any(len(group) != 1 for group in plan.right):
            y = _reshaped(emit, y, [list(group) for group in plan.right], sizes)
        return y

    def reduced(self, emit: Emitter, y: str, plan: Arrangement) -> str:
        return y


class Rearrange(AxisLayer):
    """The same values with their axes taken apart, put in another order and put together, as a pattern says (einops,
    Rogozhnikov 2022): patches, heads, windows, `space_to_depth`."""

    name, example = "rearrange", 'rearrange "c (h p) (w q) -> (h w) (p q c)" p=2 q=2'
    shape_rule = "the axes on the right side of the pattern, each the product of what is in its parentheses"


class Reduce(AxisLayer):
    """Axes that are missing on the right side of the pattern are reduced (einops, Rogozhnikov 2022)."""

    name, example = "reduce", 'reduce "c (h 2) (w 2) -> c h w" max'
    shape_rule = Rearrange.shape_rule
    pattern = Option(AxisPattern(reduces=True), slot="value", doc=AxisLayer.pattern.doc)
    reduction = Option(Choice("mean", "sum", "max", "min", "prod"), slot="value", doc="how values are put together")

    def describe(self, x: TensorType) -> str:
        return f"{self.reduction} {super().describe(x)}"

    def reducing(self, plan: Arrangement) -> list[str]:
        dims = [i + 1 for i in plan.reduced]
        if not dims:
            return []
        if self.reduction == "prod":  # PyTorch takes one axis at a time
            return [f".prod({dim})" for dim in reversed(dims)]
        name = {"max": "amax", "min": "amin"}.get(self.reduction, self.reduction)
        return [f".{name}({dims[0] if len(dims) == 1 else tuple(dims)})"]

    def reduced(self, emit: Emitter, y: str, plan: Arrangement) -> str:
        dims = [i + 1 for i in plan.reduced]
        return emit.reduce(f"Reduce{self.reduction.capitalize()}", y, dims, keepdims=0) if dims else y


def _and(names: list[str]) -> str:
    quoted = [f"`{name}`" for name in names]
    return f"{', '.join(quoted[:-1])} and {quoted[-1]}"


def _step(before: tuple[Atom, ...], after: tuple[Atom, ...], plan: Arrangement) -> Reach | None:
    """What a position along one spatial axis depends on, if its axis goes nowhere but to itself and to the channels."""
    elsewhere = {atom.name for group in plan.right[1:] if group is not after for atom in group}
    if before == after:
        return SAME
    if any(atom.name in elsewhere for atom in before):
        return None
    if len(after) == 1 and before[:1] == after:
        n = prod(atom.size for atom in before[1:])
        return sliding(n, n, 0)
    if len(before) == 1 and after[:1] == before:
        return interpolated(1, prod(atom.size for atom in after[1:]))
    return None


def _apart(plan: Arrangement) -> list[str]:
    """Axes taken apart, the last one first, so that the numbers of the others stay."""
    steps = []
    for axis, group in reversed(list(enumerate(plan.left, 1))):
        if not group:
            steps.append(f".squeeze({axis})")
        elif len(group) > 1:
            sizes = ", ".join(str(atom.size) if atom.given else "-1" for atom in group)
            steps.append(f".unflatten({axis}, ({sizes}))")
    return steps


def _together(plan: Arrangement) -> list[str]:
    steps = []
    for i, group in reversed(list(enumerate(plan.right))):
        axis = 1 + sum(len(before) for before in plan.right[:i])
        if not group:
            steps.append(f".unsqueeze({axis})")
        elif len(group) > 1:
            last = i == len(plan.right) - 1
            steps.append(f".flatten({axis})" if last else f".flatten({axis}, {axis + len(group) - 1})")
    return steps


def _sizes(emit: Emitter, plan: Arrangement) -> dict[str, int | str]:
    """The size of each atom: a number, or with open sizes the name of a tensor that has it."""
    sizes: dict[str, int | str] = {atom.name: atom.size for atom in plan.taken}
    x = emit.types[0]
    if not emit.open_sizes:
        return sizes
    shape = ""
    for axis, group in enumerate(plan.left, 1):
        for atom in group:
            if axis != x.feature_axis and not atom.given:
                shape = shape or emit.node("Shape", emit.inputs, hint="shape")
                sizes[atom.name] = emit.slice(shape, 0, axis, axis + 1)
                known = prod(other.size for other in group if other.given)
                if known > 1:
                    sizes[atom.name] = emit.node("Div", [str(sizes[atom.name]), emit.ints([known], "size")])
    return sizes


def _reshaped(emit: Emitter, y: str, groups: list[list[Atom]], sizes: dict[str, int | str]) -> str:
    """A reshape to the product of each group; at most one open size is left to the runtime, more are computed."""
    opened = [any(isinstance(sizes[atom.name], str) for atom in group) for group in groups]
    if sum(opened) <= 1:
        wanted = [
            -1 if is_open else prod(atom.size for atom in group) for group, is_open in zip(groups, opened, strict=True)
        ]
        return emit.reshape(y, [-1, *wanted])
    parts = [emit.ints([0], "batch")]
    for group in groups:
        known = prod(n for atom in group if isinstance(n := sizes[atom.name], int))
        names = [n for atom in group if isinstance(n := sizes[atom.name], str)]
        part = names.pop() if names else emit.ints([known], "size")
        for other in names:
            part = emit.node("Mul", [part, other])
        if known > 1 and any(isinstance(sizes[atom.name], str) for atom in group):
            part = emit.node("Mul", [part, emit.ints([known], "size")])
        parts.append(part)
    return emit.node("Reshape", [y, emit.node("Concat", parts, axis=0)])


ALL: tuple[type[Op], ...] = (Rearrange, Reduce)
