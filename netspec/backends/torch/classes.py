"""Classes of the source: one for each block and path through it, the numbers that differ as its parameters."""

from __future__ import annotations

import keyword
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

from netspec.backends.torch.forward import Forward, member
from netspec.backends.torch.members import Plan
from netspec.backends.torch.repeats import Entry, Line, member_lines
from netspec.backends.torch.tracing import TracedModule
from netspec.elaborate.declarations import RESERVED_LABELS
from netspec.ops.formula import Expression, Polynomial, Variable, renamed, render, variables
from netspec.ops.traced import TracedFloat, TracedInt, as_expression, decisions, ink, is_traced, marked, untraced
from netspec.symbolic import Constant

__all__ = ["Draft", "Line", "ModuleClass", "Parameter", "draft", "unify"]

_LONGEST_EXPRESSION = 40
"""A longer expression is a number that the caller passes."""
_TAKEN = frozenset(
    [
        "self",
        "super",
        "range",
        "nn",
        "torch",
        "F",
        "math",
        "Tensor",
        "NamedTuple",
        "checkpoint",
        "getattr",
        "int",
        "float",
        "round",
        "min",
        "max",
        "abs",
        "tuple",
        "list",
        "True",
        "False",
        "None",
    ]
)
Kind: TypeAlias = Literal["int", "float", "type[nn.Module]"]
_ACTIVATION: Kind = "type[nn.Module]"


@dataclass(slots=True, eq=False)
class Draft:
    """One instance on its way to a class."""

    module: TracedModule
    entries: list[Entry]
    parameters: list[str]
    forward: list[Line]

    @property
    def plan(self) -> Plan:
        return self.module.plan

    def structure(self) -> tuple[object, ...]:
        """What the instances of one class have in common: everything but numbers."""
        order: dict[int, int] = {}
        rounds = [tuple((order.setdefault(id(r), len(order)), n) for r, n in e.rounds) for e in self.entries]
        made = [(e.name, *e.line.pieces) for e in self.entries]
        claimed = tuple(order.get(id(r), -1) for r in self.module.counts if r in self.module.claimed)
        return (
            self.plan.is_chain, tuple(made), tuple(rounds), claimed, tuple(self.parameters),
            tuple(line.pieces for line in self.forward),
        )  # fmt: skip


@dataclass(slots=True)
class Parameter:
    """A parameter of a class: for each instance its value, in the names of that instance."""

    variable: Variable
    name: str
    kind: Kind
    default: int | float | None = None
    values: list[Any] = field(default_factory=list)
    """For a number without a parameter in the spec: its value in each instance."""


@dataclass(slots=True)
class ModuleClass:
    """A class: the drafts of its instances, its parameters, and its lines, in which values are expressions."""

    drafts: list[Draft]
    parameters: list[Parameter]
    members: list[str]
    """The statements that make what it holds."""
    forward: list[str]
    name: str = ""

    def arguments(self, part: Plan, parent: TracedModule) -> dict[str, Any]:
        """The arguments with which a parent makes an instance, in the parent's names."""
        at = next(i for i, draft in enumerate(self.drafts) if draft.plan is part)
        child = self.drafts[at].module
        found: dict[str, Any] = {}
        for p in self.parameters:
            if p.kind == _ACTIVATION:
                found[p.name] = child.words[p.variable.key[1]]
                continue
            value = (
                parent.seen_here(p.values[at], part, child) if p.values else parent.value_for(p.variable, part, child)
            )
            left_out = p.default is not None and p.variable.key[-1] not in part.region.given
            if not (left_out and not is_traced(value) and value == p.default):
                found[p.name] = value
        return found


def draft(module: TracedModule, classes: Mapping[Plan, ModuleClass]) -> Draft:
    """What an instance holds and does; `classes` are those of its parts."""
    entries: list[Entry] = []
    for item in module.plan.items:
        if item.shared:
            continue
        if item.part is not None:
            inner = classes[item.part]
            with ink(module.ink), decisions() as decided:
                text = _constructor(inner.name, inner.arguments(item.part, module))
            module.decided |= decided
            entries.append(Entry(item.name, _line(text, module), item.rounds))
        elif item.code is not None and (item.node is None or item.node.shares is None):
            entries += [
                Entry(member(item.name, suffix), _line(text, module), item.rounds) for suffix, text in item.code.modules
            ]
    if module.plan.is_chain:
        _claim_in_chain(module)
        made = Draft(module, entries, [], [])
    else:
        forward = Forward(module)
        returned = _returned(module, forward)
        made = Draft(module, entries, forward.parameters, [_line(t, module) for t in [*forward.lines, *returned]])
    module.decided |= {as_expression(count) for region, count in module.counts.items() if region not in module.claimed}
    return made


def _claim_in_chain(module: TracedModule) -> None:
    """In a chain a repeat reads the member before it and gives what its last member gives."""
    for region in module.counts:
        inside = [item for item in module.plan.items if any(r is region for r, _ in item.rounds)]
        if inside:
            module.claim(region, inside[0].reads[0], inside[-1].gives[0])


def _constructor(name: str, arguments: Mapping[str, Any]) -> str:
    """A call with all numbers marked, constants too: they may grow from round to round."""
    shown = []
    for key, value in arguments.items():
        number = TracedInt(value, as_expression(value)) if type(value) is int else value  # type: ignore[arg-type]
        if type(value) is float:
            number = TracedFloat(value, value)
        shown.append(f"{key}={number}")
    return f"{name}({', '.join(shown)})"


def _returned(module: TracedModule, forward: Forward) -> list[str]:
    """The statements that return the outputs."""
    outputs, lines = forward.outputs, []
    is_net = module.plan.region.parent is None
    if is_net and forward.heads:
        lines += ["if self.training:", f"    return TrainingOutputs({', '.join([*outputs, *forward.heads])})"]
    if is_net and len(outputs) > 1:
        return [*lines, f"return Outputs({', '.join(outputs)})"]
    last = forward.lines[-1] if forward.lines else ""
    if not lines and len(outputs) == 1 and last.startswith(f"{outputs[0]} = "):
        forward.lines.pop()
        return [f"return {last.removeprefix(f'{outputs[0]} = ')}"]
    return [*lines, f"return {', '.join(outputs)}"]


def _line(text: str, module: TracedModule) -> Line:
    pieces, numbers = marked(text)
    return Line(pieces, tuple(module.ink[n] for n in numbers))


class _Unifier:
    """Finds the parameters of a class, and the expression for every number of its lines."""

    def __init__(self, drafts: Sequence[Draft]) -> None:
        self.drafts = drafts
        self.used: dict[Variable, None] = {}
        self.promoted: dict[tuple[Any, ...], Variable] = {}
        self.columns: dict[Variable, list[Any]] = {}

    def expression(self, values: Sequence[Any], hint: str) -> Expression:
        """One expression for the number that has these values in the instances."""
        forms = [as_expression(v) for v in values]
        if all(form == forms[0] for form in forms) and self.can_be_said(forms[0]):
            self.used.update(dict.fromkeys(variables(forms[0])))
            return forms[0]
        plain = [str(v) if isinstance(v, str) else untraced(v) for v in values]
        if all(type(v) is type(plain[0]) and v == plain[0] for v in plain):
            for d, form in zip(self.drafts, forms, strict=True):
                if next(variables(form), None) is not None:
                    d.module.decided.add(form)
            return as_expression(plain[0])
        return as_expression(self.promote(values, plain, hint))

    def can_be_said(self, form: Expression) -> bool:
        return all(v.printable for v in variables(form)) and len(render(form)) <= _LONGEST_EXPRESSION

    def promote(self, values: Sequence[Any], plain: list[Any], hint: str) -> Any:
        """A parameter for a number that differs between instances and has no name in the spec."""
        kind = "int" if all(isinstance(v, int) for v in plain) else "float"
        key = (kind, *plain)
        if key not in self.promoted:
            written = [v for form in map(as_expression, values) for v in variables(form) if v.key[0] == "written"]
            name = "out_channels" if len(written) == len(values) else hint
            self.promoted[key] = Variable(("promoted", len(self.promoted)), name)
            self.columns[self.promoted[key]] = list(values)
        variable = self.promoted[key]
        self.used[variable] = None
        if kind == "int":
            return TracedInt(plain[0], Polynomial((((variable,), 1),)))
        return TracedFloat(plain[0], variable)


def unify(drafts: list[Draft], taken: Iterable[str]) -> ModuleClass:
    """The class of drafts of one structure. `taken` are names of the file that parameters step around."""
    first = drafts[0]
    unifier = _Unifier(drafts)
    entries = []
    for i, entry in enumerate(first.entries):
        rows = [d.entries[i].line for d in drafts]
        entries.append(Entry(entry.name, _unified(unifier, rows, f"{entry.name}_channels"), entry.rounds))
    forward = [_unified(unifier, [d.forward[i] for d in drafts], "size") for i in range(len(first.forward))]
    counts = {region: as_expression(count) for region, count in first.module.counts.items()}
    counts = {region: form for region, form in counts.items() if region in first.module.claimed}
    for form in counts.values():
        unifier.used.update(dict.fromkeys(variables(form)))
    parameters = _parameters(unifier, drafts, {*taken, *_TAKEN})
    names = {p.variable: Variable(p.variable.key, p.name) for p in parameters}
    entries = [Entry(e.name, _renamed(e.line, names), e.rounds) for e in entries]
    attributes = _Attributes({e.name for e in entries})
    lines = [attributes.line(_renamed(line, names)) for line in forward]
    counts = {region: renamed(form, names) for region, form in counts.items()}
    members, repeated = member_lines(entries, counts, {p.name for p in parameters})
    for d in drafts:
        for region, count in d.module.counts.items():
            if region in d.module.claimed and not repeated >= set(counts):
                d.module.decided.add(as_expression(count))
    kept = [f"self.{name} = {render(form)}" for name, form in attributes.found]
    return ModuleClass(drafts, parameters, [*kept, *members], lines)


def _unified(unifier: _Unifier, rows: Sequence[Line], hint: str) -> Line:
    values = []
    for column, before in zip(zip(*(r.values for r in rows), strict=True), rows[0].pieces, strict=False):
        option = re.search(r"(\w+)=\(?$", before)
        values.append(unifier.expression(column, option[1] if option else hint))
    return Line(rows[0].pieces, tuple(values))


def _renamed(line: Line, names: Mapping[Variable, Variable]) -> Line:
    return Line(line.pieces, tuple(renamed(value, names) for value in line.values))


def _parameters(unifier: _Unifier, drafts: Sequence[Draft], taken: set[str]) -> list[Parameter]:
    """What the class uses: sizes that come in, parameters in the order declared, then numbers without a name."""
    region = drafts[0].module.block
    declared = [name for name, _ in region.arguments] + list(drafts[0].module.graph.parameters)
    order = {"in": 0, "parameter": 1, "net": 1, "promoted": 2}

    def rank(variable: Variable) -> tuple[int, int]:
        name = variable.key[1]
        return order.get(variable.key[0], 1), declared.index(name) if name in declared else 0

    found: list[Parameter] = []
    for variable in sorted(unifier.used, key=rank):
        name = _free(variable.name, taken)
        taken.add(name)
        values = unifier.columns.get(variable, [])
        found.append(Parameter(variable, name, _kind(variable, values, drafts), _default(variable, drafts), values))
    return sorted(found, key=lambda p: p.default is not None)


def _kind(variable: Variable, values: Sequence[Any], drafts: Sequence[Draft]) -> Kind:
    if variable.key[0] == "parameter" and variable.key[1] in drafts[0].module.words:
        return _ACTIVATION
    if variable.key[0] == "parameter":
        values = [dict(d.module.block.arguments)[variable.key[1]] for d in drafts]
    elif variable.key[0] == "net":
        values = [drafts[0].module.graph.parameters[variable.key[1]]]
    return "int" if all(isinstance(v, int) for v in values) else "float"


def _default(variable: Variable, drafts: Sequence[Draft]) -> int | float | None:
    """The default of a parameter: that of the net, or that of a block where some call leaves it out."""
    kind, name = variable.key[0], variable.key[1]
    module = drafts[0].module
    if kind == "net" and module.plan.region.parent is None:
        value = module.graph.parameters[name]
        return value  # type: ignore[no-any-return]
    if kind != "parameter" or module.plan.region.definition is None:
        return None
    for d in drafts:
        origin = d.plan.region.origins.get(name)
        if name not in d.plan.region.given and isinstance(origin, Constant) and type(origin.value) in (int, float):
            return origin.value  # type: ignore[return-value]
    return None


def _free(name: str, taken: set[str]) -> str:
    """A name that is free, and legal for a parameter."""
    name = re.sub(r"\W", "_", name).strip("_") or "value"
    name = f"n{name}" if name[:1].isdigit() else name
    free, number = name, 2
    while free in taken or keyword.iskeyword(free):
        free, number = f"{name}_{number}", number + 1
    return free


class _Attributes:
    """Numbers of the forward pass that are expressions: kept on the module, under names of their own."""

    def __init__(self, members: set[str]) -> None:
        self.taken = members | set(RESERVED_LABELS)
        self.names: dict[Expression, str] = {}

    @property
    def found(self) -> list[tuple[str, Expression]]:
        return [(name, form) for form, name in self.names.items()]

    def line(self, line: Line) -> str:
        """A line of the forward pass: constants as they are, expressions as attributes."""
        pieces = [line.pieces[0]]
        for value, piece in zip(line.values, line.pieces[1:], strict=True):
            text = f"self.{self.name(value)}" if next(variables(value), None) is not None else render(value)
            pieces[-1] += text + piece
        text = pieces[0]
        # a slice with names is written with spaces
        return re.sub(
            r"(?<=[\[ ])(\d+|self\.\w+)?:(\d+|self\.\w+)?(?=[],])",
            lambda m: " : ".join(m.groups("")).strip() if "self" in m[0] else m[0],
            text,
        )

    def name(self, form: Expression) -> str:
        if form not in self.names:
            free = re.sub(r"\W+", "_", render(form)).strip("_")
            while free in self.taken or not free.isidentifier():
                free = f"size_{free}"
            self.taken.add(free)
            self.names[form] = free
        return self.names[form]
