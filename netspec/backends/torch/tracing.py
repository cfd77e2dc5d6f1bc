"""One module, computed on traced numbers: what each of its layers becomes, in the names of its class.

A module is traced by itself: the sizes that come in and the parameters of its block are variables. Where a parent holds
it, the parent has a value for each of these, in the parent's own names (`value_for`).
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Mapping
from typing import Any

from netspec.backends.torch.expression_values import Opaque, agree, evaluate, of_a_kind, substituted
from netspec.backends.torch.members import Item, Plan, in_place
from netspec.graph import Graph, Node, Region, TensorType, output_of, seen_by
from netspec.graph import Operation as GraphOp
from netspec.ops.formula import Digits, Expression, Polynomial, Variable, variables
from netspec.ops.join import Elementwise
from netspec.ops.kinds import Kind, Number
from netspec.ops.op import TorchCode
from netspec.ops.traced import (
    TracedFloat,
    TracedInt,
    TracedName,
    as_expression,
    decisions,
    ink,
    is_traced,
    note_decision,
    same,
    traced,
    traced_by,
    untraced,
)
from netspec.symbolic import FunctionBody, Name, Symbolic

__all__ = ["TracedModule", "block_of", "unnamed"]


def block_of(region: Region) -> Region:
    """The instance of a block (or the net) in whose body a region was written."""
    while (region.definition is None or region.kind == "shared") and region.parent is not None:
        region = region.parent
    return region


class TracedModule:
    """A module with the traced types of its tensors and the PyTorch of its layers."""

    def __init__(self, graph: Graph, plan: Plan, given: frozenset[str], fixed: frozenset[str]) -> None:
        self.graph, self.plan, self.fixed = graph, plan, fixed
        self.given = given
        """The parameters for which some call of the class has a value; others have their defaults."""
        self.functions: Mapping[str, FunctionBody] = graph.functions
        self.block = block_of(plan.region)
        self.types: dict[int, TensorType] = {}
        self.outer: dict[int, TensorType] = {}
        self.decided: set[Expression] = set()
        """What the structure depends on."""
        self.words: dict[str, str] = {}
        """The activations that parameters of the block name, as PyTorch calls them."""
        self.ink: list[TracedInt | TracedFloat | TracedName] = []
        """The traced numbers that its text has marks for."""
        self.counts: dict[Region, int] = {}
        """The repeats whose number of rounds depends on a parameter, with that number."""
        self.claimed: set[Region] = set()
        """Those that the source repeats by the parameter."""
        self.joined: list[tuple[int, int]] = []
        """Pairs of numbers that a join makes equal, as they are traced."""

    # What comes in

    def enter(self, equal: Mapping[Variable, Any]) -> None:
        """Gives the inputs their types; `equal` has numbers that a join makes equal to a size that comes in."""
        is_net = self.plan.region.parent is None
        position = 0
        for i in self.plan.inputs:
            if i < 0:
                continue
            kind = self.graph.nodes[i].type
            self.types[i] = self.declared(self.graph.nodes[i]) if is_net else self.entering(kind, position, equal)
            position += 1

    def declared(self, node: Node) -> TensorType:
        """The type of an input of the net, its sizes as they are written."""
        written = ((size, node.origins.get(str(axis))) for axis, size in enumerate(node.type.shape))
        sizes = (size if origin is None else self.value_of(origin, size) for size, origin in written)
        return TensorType(node.type.layout, tuple(sizes))

    def entering(self, kind: TensorType, position: int, equal: Mapping[Variable, Any]) -> TensorType:
        feature_axis = 0 if kind.layout in ("map", "vector") else len(kind.shape) - 1
        sizes = []
        for axis, size in enumerate(kind.shape):
            is_feature = axis == feature_axis and kind.layout != "ids"
            name = "in_features" if kind.layout in ("vector", "sequence") else "in_channels"
            if position:
                name = f"{name}_{position + 1}"
            variable = Variable(("in", position, axis), name if is_feature else f"size_{axis}", is_feature)
            sizes.append(equal.get(variable, traced_by(untraced(size), variable)))
        return TensorType(kind.layout, tuple(sizes), kind.windows)

    # Scope

    def parameter(self, name: str) -> Any:
        """The value of a parameter of the block around: a variable, or what its default is worth."""
        value = dict(self.block.arguments)[name]
        own = self.block is self.plan.region
        if own and name not in self.given and name in self.block.origins:
            return self.argument(self.block.origins[name], value)
        return _variable(value, Variable(("parameter", name), name))

    def net_parameter(self, name: str) -> Any:
        value = self.graph.parameters[name]
        return value if name in self.fixed else _variable(value, Variable(("net", name), name))

    def tensor(self, node: int) -> TensorType:
        """The type of a tensor; where it is made outside of this module, its sizes are variables."""
        while self.graph.nodes[node].kind == "identity":
            node = self.graph.nodes[node].inputs[0]
        if node in self.types:
            return self.types[node]
        if node not in self.outer:
            kind = self.graph.nodes[node].type
            key = ("tensor", len(self.outer))
            sizes = [traced_by(s, Variable((*key, axis), "size", False)) for axis, s in enumerate(kind.shape)]
            self.outer[node] = TensorType(kind.layout, tuple(sizes), kind.windows)
        return self.outer[node]

    def value_of(self, origin: Symbolic, known: Any, *, any_number: bool = False) -> Any:
        """What an expression is worth, with its form; the value that is known where it has none or another value. It is a
        whole number where the known one is, unless `any_number` would do there."""
        try:
            value = evaluate(origin, self)
        except Opaque:
            return known
        value = value if any_number else of_a_kind(value, known)
        if not agree(untraced(value), known):
            note_decision(value)
            return known
        literal = isinstance(value, TracedFloat) and isinstance(value.expression, Digits)
        return value if literal or is_traced(value) else known

    def argument(self, origin: Symbolic, known: Any) -> Any:
        """What an argument is worth. A quotient that is whole here need not be for other values, and no option says that
        it has to be: it is the number that it is."""
        try:
            value = evaluate(origin, self)
        except Opaque:
            return known
        if isinstance(known, int) and isinstance(value, float):
            note_decision(value)
            return known
        return self.value_of(origin, known)

    # Members

    def trace(self, children: Mapping[Plan, TracedModule]) -> None:
        """Computes what every member becomes and the types of what they give."""
        with decisions() as decided, ink(self.ink):
            for item in self.plan.items:
                item.name = item.spec_name
            for item in self.plan.items:
                if item.node is not None:
                    self.layer(item, item.node)
                elif item.part is not None:
                    self.hold(item.part, children[item.part])
            self.count_rounds()
        self.decided |= decided
        self.follow_decisions()

    def layer(self, item: Item, node: Node) -> None:
        types = tuple(self.tensor(i) for i in node.inputs)
        inputs = seen_by(node.op, types)
        op = self.traced_op(node)
        if isinstance(op, Elementwise):
            features = [x.features for x in inputs]
            self.joined += [(features[0], other) for other in features[1:] if untraced(other) == untraced(features[0])]
        code = op.torch(*inputs)
        word = self.named_by_parameter(node, code)
        if word is not None:
            item.name, code = self.member_for(word), TorchCode.module(f"{word}()")
        item.code = in_place(code) if item.in_place and word is None else code
        self.types[node.index] = output_of(op, types)

    def named_by_parameter(self, node: Node, code: TorchCode) -> TracedName | None:
        """The parameter of the block that says which activation this is, if it needs nothing but its class."""
        origin = node.origins.get("op")
        if not isinstance(origin, Name) or origin.scope != "block" or self.block is not self.plan.region:
            return None
        if origin.name not in self.given or code.call is not None or len(code.modules) != 1:
            return None
        constructor = code.modules[0][1]
        if not constructor.startswith("nn.") or not constructor.endswith("()") or "\x02" in constructor:
            return None
        word = constructor.removesuffix("()")
        if self.words.setdefault(origin.name, word) != word:
            return None
        return TracedName.of(word, Variable(("parameter", origin.name), origin.name))

    def member_for(self, word: TracedName) -> str:
        """The attribute of such an activation: the parameter with a number."""
        taken = {item.name for item in self.plan.items}
        name = word.expression.name
        return next(f"{name}{n}" for n in range(1, len(taken) + 2) if f"{name}{n}" not in taken)

    def traced_op(self, node: Node) -> GraphOp:
        """The op of a layer, its options as they were written."""
        op = node.op
        values = {name: getattr(op, name) for name in op.options}
        changed = False
        literal_width = (
            not self.plan.region.block and self.plan.region.parent is not None and "width" not in node.origins
        )
        if literal_width and isinstance(values.get("width"), int):
            local = node.name.removeprefix(self.plan.region.path)
            values["width"] = traced_by(values["width"], Variable(("written", local), f"{local}_channels", False))
            changed = True
        for name, origin in node.origins.items():
            if name in values and "." not in name:
                value = self.option(origin, values[name], op.options[name].kind)
                changed |= value is not values[name]
                values[name] = value
        return type(op)(**values) if changed else op

    def option(self, origin: Symbolic, known: Any, kind: Kind[Any]) -> Any:
        """The value of an option with its form: a number, or the numbers of all axes."""
        if isinstance(known, (int, float)) and not isinstance(known, bool):
            return self.value_of(origin, known, any_number=isinstance(kind, Number) and isinstance(known, int))
        try:
            value = evaluate(origin, self)
        except Opaque:
            return known
        if isinstance(known, tuple) and not isinstance(value, tuple):
            value = (value,)
        if isinstance(known, tuple) and isinstance(value, tuple) and tuple(map(untraced, value)) == known:
            return of_a_kind(value, known)
        note_decision(value)
        return known

    def alike(self, plan: Plan) -> TracedModule:
        """This module for another instance that does the same: its nodes in the place of those here."""
        other = TracedModule(self.graph, plan, self.given, self.fixed)
        other.decided, other.ink, other.words = self.decided, self.ink, self.words
        mine, theirs = self.plan, plan
        pairs = [
            (mine.inputs, theirs.inputs),
            *((a.gives, b.gives) for a, b in zip(mine.items, theirs.items, strict=True)),
        ]
        for here, there in pairs:
            other.types |= {b: self.types[a] for a, b in zip(here, there, strict=True) if a in self.types}
        for a, b in zip(mine.items, theirs.items, strict=True):
            b.code, b.name = a.code, a.name
        return other

    def hold(self, part: Plan, child: TracedModule) -> None:
        """A part: what it gives, in the names of this module."""
        wanted = child.decided if len(self.fixed) < len(self.graph.parameters) else ()
        if any(is_traced(self.value_for(v, part, child)) for v in {v for form in wanted for v in variables(form)}):
            self.ask(wanted, part, child)
        for i in part.outputs:
            if i in self.types:
                continue  # a part that does nothing
            kind = child.types[i]
            self.types[i] = kind.mapped(lambda size: self.seen_here(size, part, child))

    def seen_here(self, value: Any, part: Plan, child: TracedModule) -> Any:
        """A number of a part in the names of this module."""
        if not isinstance(value, (TracedInt, TracedFloat)):
            return value
        values = {v: self.value_for(v, part, child) for v in variables(value.expression)}
        return substituted(value, values)

    def value_for(self, variable: Variable, part: Plan, child: TracedModule) -> Any:
        """What a variable of a part is worth, in the names of this module."""
        kind, *rest = variable.key
        if kind in ("in", "tensor"):
            position, axis = rest
            nodes = [i for i in part.inputs if i >= 0] if kind == "in" else list(child.outer)
            return self.tensor(nodes[position]).shape[axis]
        if kind == "net":
            return self.net_parameter(rest[0])
        if kind == "written":
            node = next(item.node for item in part.items if item.name == rest[0])
            return node.op.width  # type: ignore[union-attr]
        (name,) = rest
        if part.region.definition is None or part.region.kind == "shared":
            return self.parameter(name)
        known = dict(part.region.arguments)[name]
        origin = part.region.origins.get(name)
        if origin is None:
            return known
        if name in part.region.given:
            return self.argument(origin, known)
        with decisions() as asked:
            value = child.argument(origin, known)
        self.ask(asked, part, child)
        return self.seen_here(value, part, child)

    def ask(self, forms: Iterable[Expression], part: Plan, child: TracedModule) -> None:
        """Notes that the structure depends on numbers of a part."""
        for form in forms:
            number = TracedInt(0, form) if isinstance(form, Polynomial) else TracedFloat(0, form)
            note_decision(self.seen_here(number, part, child))

    # Repeats

    def count_rounds(self) -> None:
        """Finds the repeats whose number of rounds depends on a parameter."""
        for region in unnamed(self.plan.region):
            if region.count is not None:
                value = self.value_of(region.count, len(region.rounds))
                if isinstance(value, TracedInt):
                    self.counts[region] = value

    def claim(self, region: Region, carried: int, gives: int) -> str:
        """The number of rounds as text, where any number of them would do: each gives what it takes."""
        count = self.counts.get(region)
        if count is None or not _alike(self.tensor(carried), self.tensor(gives)) or self.numbers_go_on(region):
            return ""
        self.claimed.add(region)
        with ink(self.ink):
            return str(count)

    def numbers_go_on(self, region: Region) -> bool:
        """Whether a member after a repeat has a number that depends on how many rounds there were."""
        inside = {begin(item.name) for item in self.plan.items if any(r is region for r, _ in item.rounds)}
        last = max((i for i, item in enumerate(self.plan.items) if any(r is region for r, _ in item.rounds)), default=0)
        return any(begin(item.name) in inside for item in self.plan.items[last + 1 :])

    # What the structure depends on

    def follow_decisions(self) -> None:
        """Notes what the conditions met on the way through the body depend on."""
        with decisions() as decided:
            for region in unnamed(self.plan.region):
                for decision in region.decisions:
                    if decision.condition is not None:
                        self.decide(decision.condition)
                    elif len(decision.compared) == 2:
                        one, other = map(self.tensor, decision.compared)
                        _ = one.shape == other.shape
        self.decided |= decided

    def decide(self, condition: Symbolic) -> None:
        with contextlib.suppress(Opaque):
            note_decision(evaluate(condition, self))

    def equalities(self) -> dict[Variable, Any]:
        """Sizes that come in and that a join makes equal to a number of this module: with it, they need no name."""
        found: dict[Variable, Any] = {}
        for pair in self.joined:
            for one, other in (pair, pair[::-1]):
                variable = _alone(one)
                if variable is None or variable.key[0] != "in" or variable in found:
                    continue
                inside = set(variables(as_expression(other)))
                if variable not in inside and all(v.printable and v.key[0] != "in" for v in inside) and inside:
                    found[variable] = other
                    break
        return found


def _alike(one: TensorType, other: TensorType) -> bool:
    """Whether two types agree whatever the names in them are worth."""
    return one.layout == other.layout and len(one.shape) == len(other.shape) and all(map(same, one.shape, other.shape))


def begin(name: str) -> str:
    """A name up to its number."""
    return name.rstrip("0123456789")


def _alone(value: Any) -> Variable | None:
    """The variable that a number is, where it is nothing else."""
    expression = as_expression(value) if isinstance(value, TracedInt) else None
    if not isinstance(expression, Polynomial) or len(expression.terms) != 1:
        return None
    atoms, n = expression.terms[0]
    return atoms[0] if n == 1 and len(atoms) == 1 and isinstance(atoms[0], Variable) else None


def _variable(value: Any, variable: Variable) -> Any:
    """A number under a name; anything else as it is."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return value
    if isinstance(value, int):
        return traced(int(value), Polynomial((((variable,), 1),)))
    return TracedFloat(value, variable)


def unnamed(region: Region) -> list[Region]:
    """A region and the unnamed ones in it, which belong to the same module."""
    found = [region]
    for member in region.members:
        if isinstance(member, Region) and not member.named:
            found += unnamed(member)
    return found
