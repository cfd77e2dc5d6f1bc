"""The forward pass of a module: `x` for what goes on, names of layers for what is needed later, loops for repeats."""

from __future__ import annotations

import keyword

from netspec.backends.torch.fans import Fan, find_fans, joined
from netspec.backends.torch.members import MODULES, Item
from netspec.backends.torch.repeats import Run, find_runs
from netspec.backends.torch.tracing import TracedModule

__all__ = ["NOTE", "Forward", "member"]

_LONGEST = 3
"""So many calls of several layers are nested at most."""
NOTE = "_note"
"""The function that a recorded forward pass calls with the module, the name of the layer and its tensor."""
_OTHER = ("self", "torch", "nn", "F", "math", "checkpoint", "getattr", "range", NOTE)


def member(name: str, suffix: str) -> str:
    """The attribute of a layer's module."""
    return f"{name}_{suffix}" if suffix else name


class Forward:
    """The parameters and statements of one forward pass; `lines` may hold marks of traced numbers."""

    def __init__(self, module: TracedModule) -> None:
        self.module, self.plan, self.graph = module, module.plan, module.graph
        self.items = [item for item in self.plan.items if not item.is_aux]
        self.readers: dict[int, list[int]] = {}
        for i, item in enumerate(self.items):
            for value in item.reads:
                self.readers.setdefault(value, []).append(i)
        for value in (*self.plan.outputs, *(v for item in self.plan.items if item.is_aux for v in item.reads)):
            self.readers.setdefault(value, []).append(len(self.items))
        self.names: dict[int, str] = {}
        self.until: dict[str, int] = {}
        """For each name the last item that reads the tensor that has it."""
        self.lines: list[str] = []
        self.loop: Run | None = None
        """The loop whose body is being written."""
        self.runs = {} if self.plan.recorded else {run.start: run for run in find_runs(self)}
        self.fans = {} if self.plan.recorded else {fan.run.start: fan for fan in find_fans(self)}
        self.parameters = self.enter()
        self.run(0, len(self.items))
        self.leave()

    def last(self, value: int) -> int:
        return self.readers.get(value, [-1])[-1]

    def give(self, value: int, name: str) -> str:
        self.names[value] = name
        self.until[name] = self.last(value)
        return name

    def is_free(self, name: str, at: int) -> bool:
        """Whether nothing after item `at` reads the tensor of a name."""
        return self.until.get(name, -1) <= at

    def enter(self) -> list[str]:
        inputs = self.plan.inputs
        tensors = [value for value in inputs if value >= 0]
        if len(tensors) == 1:
            self.give(tensors[0], "x")
        else:
            for name, value in self.plan.entries:
                if value in tensors and value not in self.names:
                    self.give(value, self.identifier(name, -1))
        for value in inputs:
            if value in self.names:
                continue
            if value <= MODULES:
                name = self.plan.owners[MODULES - value].name
            elif value < 0:
                name = f"{self.local(-1 - value)}_weight"
            else:
                name = self.local(value)
            self.give(value, self.identifier(name, -1))
        return [self.names[value] for value in inputs]

    def local(self, node: int) -> str:
        return self.graph.nodes[node].name.rpartition(".")[2]

    def identifier(self, name: str, at: int) -> str:
        """A name that is legal and free."""
        if not name.isidentifier() or keyword.iskeyword(name) or name in _OTHER:
            name = f"{name}_"
        while not self.is_free(name, at):
            name += "_"
        return name

    # Statements

    def run(self, start: int, stop: int) -> None:
        i = start
        while i < stop:
            if i in self.runs and self.loop is None:
                i = self.write_loop(self.runs[i])
                continue
            if i in self.fans and self.loop is None:
                i = self.write_fan(self.fans[i])
                continue
            i = self.write(i, stop)

    def write_fan(self, fan: Fan) -> int:
        """A join of branches that are alike, as one call on a comprehension."""
        run, join = fan.run, self.items[fan.join]
        self.loop = run
        inside: dict[int, str] = {}
        for item in self.items[run.start : run.start + run.length]:
            text = self.call(item, [inside[v] if v in inside else self.value(v) for v in item.reads])
            inside[item.gives[0]] = text
        self.loop = None
        call = joined(join, text, f"for {run.variable} in {run.range_text}")
        (value,) = join.gives
        self.lines.append(f"{self.give(value, self.name(value, join, fan.join))} = {call}")
        return fan.join + 1

    def write(self, i: int, stop: int, name: str = "") -> int:
        """The statement of item i, and of those that follow it in one nested call; the number of the next.

        With a `name`, the tensor that the last item before `stop` gives has it.
        """
        text = self.call(self.items[i], [self.value(v) for v in self.items[i].reads])
        residual = _is_residual(self.items[i])
        for following in self.nested(i, stop):
            i = following
            text = self.call(self.items[i], [text] * len(self.items[i].reads))
        item = self.items[i]
        wanted = name if i + 1 == stop else "x" if residual and self.is_free("x", i) else ""
        names = [self.give(value, wanted or self.name(value, item, i)) for value in item.gives]
        if text != ", ".join(names):
            self.lines.append(f"{', '.join(names)} = {text}")
        return i + 1

    def nested(self, i: int, stop: int) -> list[int]:
        """The items after item i whose calls go around its own: what one layer is short for, and short chains."""
        found: list[int] = []
        while (following := self.one_layer(i + len(found) + 1, stop)) and self.runs_on(i + len(found), stop):
            same = _one_layer(self.items[following[0]], self.items[i + len(found)])
            if not same and 1 + len(found) + len(following) > _LONGEST:
                break
            found += following
        return found

    def one_layer(self, i: int, stop: int) -> list[int]:
        """Item i with those after it that come from the same layer of the spec."""
        if i >= stop:
            return []
        end = i + 1
        while self.runs_on(end - 1, stop) and _one_layer(self.items[end], self.items[i]):
            end += 1
        return list(range(i, end))

    def write_loop(self, run: Run) -> int:
        """A loop over the rounds of a repeat: what comes in has the name of what goes out."""
        name = self.names[run.carried]
        outside, self.lines = self.lines, []
        self.loop = run
        i, stop = run.start, run.start + run.length
        while i < stop:
            i = self.write(i, stop, name)
        self.loop = None
        self.lines = [*outside, f"for {run.variable} in {run.range_text}:", *(f"    {line}" for line in self.lines)]
        self.give(run.gives, name)
        return run.start + run.length * run.rounds

    def leave(self) -> None:
        outputs = [self.names[v] for v in self.plan.outputs]
        self.outputs = outputs
        self.heads = [self.call(item, [self.value(v) for v in item.reads]) for item in self.plan.items if item.is_aux]

    def value(self, index: int) -> str:
        """The name of a tensor, or the weight of a layer in this module or below it."""
        if index >= 0 or index in self.names:
            return self.names[index]
        if index <= MODULES:
            return f"self.{self.plan.owners[MODULES - index].path.removeprefix(self.plan.region.path).rstrip('.')}"
        return f"self.{self.graph.nodes[-1 - index].name.removeprefix(self.plan.region.path)}.weight"

    def runs_on(self, at: int, stop: int) -> bool:
        """Whether an item and the next stem from one line of the spec and can be written as one nested call."""
        if at + 1 >= stop or at + 1 in self.runs:
            return False
        item, following = self.items[at], self.items[at + 1]
        return (
            item.code is not None
            and following.code is not None
            and (item.line == following.line or _is_residual(item))
            and following.reads == item.gives
            and self.readers.get(item.gives[0]) == [at + 1]
            and following.code.call is None
            and (item.code.call is None or item.code.call.startswith("{m}") or _is_residual(item))
        )

    def name(self, value: int, item: Item, at: int) -> str:
        """`x` for what goes on, `y` and `z` beside it for what one join takes up again, else the layer's own name."""
        readers = self.readers.get(value, [])
        if not readers or readers[-1] <= at + 1 or value in self.plan.outputs or self.meets(readers):
            for name in ("x", "y", "z"):
                if self.is_free(name, at):
                    return name
        local = item.name if item.part is not None and len(item.gives) == 1 else self.path(value)
        return self.identifier(local.replace(".", "_"), at)

    def meets(self, readers: list[int]) -> bool:
        """Whether the only reader of a tensor is a join of two."""
        return len(readers) == 1 and readers[0] < len(self.items) and len(self.items[readers[0]].reads) == 2

    def path(self, value: int) -> str:
        return self.graph.nodes[value].name.removeprefix(self.plan.region.path)

    # Calls

    def held(self, name: str) -> str:
        """How a member is reached; inside a loop by its number."""
        return self.loop.reach(name) if self.loop is not None else f"self.{name}"

    def call(self, item: Item, values: list[str]) -> str:
        if item.part is not None:
            return self.call_part(item, values)
        text = self.call_layer(item, values)
        return f'{NOTE}(self, "{item.name}", {text})' if self.plan.recorded else text

    def call_layer(self, item: Item, values: list[str]) -> str:
        assert item.code is not None
        name = item.name
        if item.node is not None and item.node.shares is not None:
            owner = self.plan.region.shares
            name = self.graph.nodes[item.node.shares].name.removeprefix(owner.path if owner else "")
        modules = {("m_" + s if s else "m"): self.held(member(name, s)) for s, _ in item.code.modules}
        if item.node is not None and item.node.tied is not None:
            lender = self.graph.nodes[item.node.tied].op
            values = [*values[:-1], values[-1] + (".t()" if lender.lends == "transposed" else "")]
        if item.code.call is not None:
            return item.code.call.format(*values, **modules)
        text = values[0]
        for module in modules.values():
            text = f"{module}({text})"
        return text

    def call_part(self, item: Item, values: list[str]) -> str:
        assert item.part is not None
        if item.shared and item.reads and item.reads[-1] <= MODULES and len(item.reads) > len(item.part.inputs):
            return f"{values[-1]}({', '.join(values[:-1])})"  # a shared part that another module holds
        held = self.held(item.name)
        if item.part.region.checkpoint:
            kept = f"checkpoint({held}, {', '.join(values)}, use_reentrant=False)"
            return f"{kept} if self.training else {held}({', '.join(values)})"
        return f"{held}({', '.join(values)})"


def _is_residual(item: Item) -> bool:
    return item.node is not None and item.node.residual


def _one_layer(one: Item, other: Item) -> bool:
    """Whether two items are what one layer of the spec, in one of its copies, is short for."""
    return one.start == other.start and one.rounds == other.rounds
