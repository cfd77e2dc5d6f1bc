"""The text of one module class: what it holds, and its forward pass."""

from __future__ import annotations

import keyword
from collections.abc import Mapping

from netspec.backends.torch.plan import MODULES, Item, Plan
from netspec.graph import Graph

__all__ = ["forward_lines", "members_of"]


def members_of(plan: Plan, calls: Mapping[Plan, str]) -> list[tuple[str, str]]:
    """(attribute, constructor) of what a module holds; `calls` gives the constructors of its parts."""
    members: list[tuple[str, str]] = []
    for item in plan.items:
        if item.shared:
            continue
        if item.part is not None:
            members.append((item.name, calls[item.part]))
        elif item.code is not None and (item.node is None or item.node.shares is None):
            members += [(_member(item.name, suffix), text) for suffix, text in item.code.modules]
    return members


def _member(name: str, suffix: str) -> str:
    return f"{name}_{suffix}" if suffix else name


class _Forward:
    """Names for the tensors of one forward pass: `x` for what goes on, names of layers for what is needed later."""

    def __init__(self, graph: Graph, plan: Plan) -> None:
        self.graph, self.plan = graph, plan
        self.last: dict[int, int] = {}
        for i, item in enumerate(item for item in plan.items if not item.is_aux):
            for value in item.reads:
                self.last[value] = i
        for value in plan.outputs:
            self.last[value] = len(plan.items)
        for item in plan.items:
            if item.is_aux:
                self.last |= dict.fromkeys(item.reads, len(plan.items))
        self.names: dict[int, str] = {}
        self.lines: list[str] = []

    def parameters(self) -> list[str]:
        inputs = self.plan.inputs
        tensors = [value for value in inputs if value >= 0]
        if len(tensors) == 1:
            self.names[tensors[0]] = "x"
        if len(inputs) > 1:
            for value in inputs:
                if value in self.names:
                    continue
                if value <= MODULES:
                    self.names[value] = _identifier(self.plan.owners[MODULES - value].name, set(self.names.values()))
                    continue
                if value < 0:
                    owner = self.graph.nodes[-1 - value].name.rpartition(".")[2]
                    self.names[value] = _identifier(f"{owner}_weight", set(self.names.values()))
                    continue
                self.names[value] = _identifier(
                    self.graph.nodes[value].name.rpartition(".")[2], set(self.names.values())
                )
        return [self.names[value] for value in inputs]

    def live(self, at: int) -> set[str]:
        """The names whose tensors are needed after item `at`."""
        return {name for value, name in self.names.items() if self.last.get(value, -1) > at}

    def run(self) -> None:
        items = [item for item in self.plan.items if not item.is_aux]
        i = 0
        while i < len(items):
            text = self.call(items[i], [self.value(v) for v in items[i].reads])
            while i + 1 < len(items) and self.runs_on(items[i], items[i + 1], i):
                i += 1
                text = self.call(items[i], [text] * len(items[i].reads))
            item = items[i]
            names = [self.name(value, i) for value in item.gives]
            for value, name in zip(item.gives, names, strict=True):
                self.names[value] = name
            if text != ", ".join(names):
                self.lines.append(f"{', '.join(names)} = {text}")
            i += 1

    def value(self, index: int) -> str:
        """The name of a tensor, or the weight of a layer in this module or below it."""
        if index >= 0 or index in self.names:
            return self.names[index]
        if index <= MODULES:
            return f"self.{self.plan.owners[MODULES - index].path.removeprefix(self.plan.region.path).rstrip('.')}"
        return f"self.{self.graph.nodes[-1 - index].name.removeprefix(self.plan.region.path)}.weight"

    def runs_on(self, item: Item, following: Item, at: int) -> bool:
        """Whether both stem from one line of the spec and can be written as one nested call."""
        return (
            item.node is not None
            and following.node is not None
            and item.line == following.line
            and following.reads == item.gives
            and self.last.get(item.gives[0]) == at + 1
            and following.code is not None
            and following.code.call is None
            and item.code is not None
            and (item.code.call is None or item.code.call.startswith("{m}"))
        )

    def name(self, value: int, at: int) -> str:
        live = self.live(at)
        if self.last.get(value, -1) <= at + 1 or value in self.plan.outputs:
            for name in ("x", "y"):
                if name not in live:
                    return name
        local = self.graph.nodes[value].name.removeprefix(self.plan.region.path).replace(".", "_")
        return _identifier(local, live)

    def call(self, item: Item, values: list[str]) -> str:
        if item.part is not None or item.code is None:
            if (
                item.reads
                and item.reads[-1] <= MODULES
                and item.shared
                and len(item.reads) > len(item.part.inputs if item.part else ())
            ):
                return f"{values[-1]}({', '.join(values[:-1])})"  # a shared part that another module holds
            if item.part is not None and item.part.region.checkpoint:
                kept = f"checkpoint(self.{item.name}, {', '.join(values)}, use_reentrant=False)"
                return f"{kept} if self.training else self.{item.name}({', '.join(values)})"
            return f"self.{item.name}({', '.join(values)})"
        name = item.name
        if item.node is not None and item.node.shares is not None:
            name = self.graph.nodes[item.node.shares].name.removeprefix(
                self.plan.region.shares.path if self.plan.region.shares else ""
            )
        modules = {
            ("m_" + suffix if suffix else "m"): f"self.{_member(name, suffix)}" for suffix, _ in item.code.modules
        }
        if item.code.call is not None:
            return item.code.call.format(*values, **modules)
        text = values[0]
        for module in modules.values():
            text = f"{module}({text})"
        return text


def _identifier(name: str, taken: set[str]) -> str:
    name = (
        name
        if name.isidentifier() and not keyword.iskeyword(name) and name not in ("self", "torch", "nn", "F", "math")
        else f"{name}_"
    )
    while name in taken:
        name += "_"
    return name


def forward_lines(graph: Graph, plan: Plan) -> tuple[list[str], list[str]]:
    """(parameter names, statements) of the forward pass, its return statement included."""
    forward = _Forward(graph, plan)
    parameters = forward.parameters()
    forward.run()
    outputs = [forward.names[v] for v in plan.outputs]
    if plan.region.parent is None and graph.aux:
        heads = [forward.call(item, [forward.value(v) for v in item.reads]) for item in plan.items if item.is_aux]
        forward.lines += ["if self.training:", f"    return {', '.join(outputs + heads)}"]
    returned = f"return {', '.join(outputs)}"
    if forward.lines and len(outputs) == 1 and forward.lines[-1].startswith(f"{outputs[0]} = "):
        returned = f"return {forward.lines.pop().removeprefix(f'{outputs[0]} = ')}"
    return parameters, [*forward.lines, returned]
