"""The source of a file: functions of the spec, helper classes, a class for each block and path, the net's class."""

from __future__ import annotations

import hashlib
import keyword
import re
import textwrap
from collections.abc import Iterable, Iterator
from dataclasses import replace

from netspec.backends.torch.classes import Draft, ModuleClass, Parameter, draft, unify
from netspec.backends.torch.docstrings import net_doc, part_doc
from netspec.backends.torch.helper_text import helper_text
from netspec.backends.torch.layout import wrapped
from netspec.backends.torch.members import MODULES, Plan, plan
from netspec.backends.torch.tracing import TracedModule, unnamed
from netspec.graph import Graph, Region
from netspec.ops.formula import variables
from netspec.ops.python_text import number
from netspec.symbolic import Apply, Constant, FunctionBody, Name, Symbolic

__all__ = ["module_paths", "named_source", "torch_source", "written"]

_PYTHON = frozenset(
    [
        "Tensor",
        "F",
        "nn",
        "torch",
        "math",
        "int",
        "float",
        "range",
        "min",
        "max",
        "abs",
        "round",
        "super",
        "self",
        "getattr",
        "checkpoint",
        "NamedTuple",
        "type",
    ]
)


def torch_source(graph: Graph) -> str:
    """The source of a file that imports torch only and defines the net's class, its blocks' classes before it."""
    return named_source(graph)[1]


def named_source(graph: Graph) -> tuple[str, str]:
    """The name of the net's class, and the source of its file."""
    file = written(graph)
    return file.main, file.source


def module_paths(graph: Graph) -> dict[str, str]:
    """For every layer the path of its module in the generated network.

    It is the layer's name, except for an activation that a block takes as a parameter: that one is called by the
    parameter, since one class makes them all.
    """
    return dict(written(graph).paths())


def written(graph: Graph, *, recorded: bool = False) -> _File:
    """The file of a network.

    A parameter of the net is a parameter of its class unless the structure of the network depends on it. What it
    depends on is known once all is written; then the file is written again with that parameter as a number.
    """
    fixed: frozenset[str] = frozenset()
    while True:
        file = _File(graph, fixed, recorded=recorded)
        decided = file.decided()
        if decided <= fixed:
            return file
        fixed |= decided


def class_name(name: str) -> str:
    """A class name for the net, a block or a group."""
    name = "".join(part[:1].upper() + part[1:] for part in name.split("_")) or "Net"
    name = f"Net{name}" if name[0].isdigit() else name
    return f"{name}_" if keyword.iskeyword(name) or name in _PYTHON else name


class _File:
    def __init__(self, graph: Graph, fixed: frozenset[str], *, recorded: bool = False) -> None:
        self.graph, self.fixed = graph, fixed
        self.root = plan(self.graph, recorded=recorded)
        self.modules: dict[Plan, TracedModule] = {}
        self.classes: dict[Plan, ModuleClass] = {}
        self.helpers = _helpers(self.graph)
        self.taken: set[str] = {*self.graph.functions, *self.helpers, "Outputs", "TrainingOutputs"}
        self.main = self.free_name(class_name(graph.name))
        self.source = self.text()

    def text(self) -> str:
        made = self.make_classes()
        root = self.trace(self.root, frozenset())
        main = unify([draft(root, self.classes)], self.taken)
        main.name = self.main
        texts = [self.class_text(c, part_doc(c, self.graph)) for c in made]
        texts.append(self.class_text(main, net_doc(self.graph)))
        functions = _functions(self.graph, "\n".join(texts))
        parts = [*functions, *(h.strip() for h in self.helpers.values()), *_outputs(self.graph), *texts]
        body = "\n\n\n".join(parts)
        return f"{self.header()}\n{_imports(body)}\n\n\n{body}\n"

    def decided(self) -> frozenset[str]:
        """The parameters of the net on which its structure depends."""
        forms = self.modules[self.root].decided
        return frozenset(v.key[1] for form in forms for v in variables(form) if v.key[0] == "net")

    def paths(self) -> Iterator[tuple[str, str]]:
        """(layer, path of its module) for every layer that is a module."""
        stack = [(self.root, "")]
        while stack:
            part, prefix = stack.pop()
            for item in part.items:
                if item.part is not None:
                    stack.append((item.part, f"{prefix}{item.name}."))
                elif item.node is not None:
                    yield item.node.name, f"{prefix}{item.name}"

    def header(self) -> str:
        from netspec.version import __version__

        digest = hashlib.sha256(self.graph.source.text.encode()).hexdigest()[:16]
        path = self.graph.source.path
        name = "".join(c if c.isprintable() else "?" for c in path.name) if path else "a spec"
        return f"# {self.graph.name}: written by netspec {__version__} from {name} (sha256 {digest})."

    # Classes

    def make_classes(self) -> list[ModuleClass]:
        """The classes of the parts, inner ones first."""
        parts = list(_parts(self.root))
        given = _given(part for part, _ in parts)
        made: list[ModuleClass] = []
        for level in _levels(parts):
            alike: dict[object, list[Draft]] = {}
            seen: dict[object, Draft] = {}
            for part, shared in level:
                if shared:  # the class is that of the first
                    self.trace(part, given[_way(part.region)])
                    continue
                key = self.likeness(part)
                first = seen.get(key) if key is not None else None
                if first is not None:
                    one = replace(first, module=first.module.alike(part))
                    self.modules[part] = one.module
                else:
                    one = draft(self.trace(part, given[_way(part.region)]), self.classes)
                    if key is not None and not one.module.counts and not one.module.outer:
                        seen[key] = one
                alike.setdefault((_family(part.region), one.structure()), []).append(one)
            for drafts in alike.values():
                found = unify(drafts, self.taken)
                found.name = self.free_name(class_name(_title(drafts)))
                self.classes |= {d.plan: found for d in drafts}
                made.append(found)
        return made

    def trace(self, part: Plan, given: frozenset[str]) -> TracedModule:
        """A module on traced numbers; again, where a join says that a size that comes in has a name already."""
        module = TracedModule(self.graph, part, given, self.fixed)
        module.enter({})
        module.trace(self.modules)
        equal = module.equalities() if part is not self.root else {}
        if equal:
            module = TracedModule(self.graph, part, given, self.fixed)
            module.enter(equal)
            module.trace(self.modules)
        self.modules[part] = module
        return module

    def likeness(self, part: Plan) -> object | None:
        """What two instances have in common of which one need not be traced; None where there may be no other."""
        region = part.region
        if region.definition is None or region.kind == "shared" or any(i < 0 for i in part.inputs):
            return None
        arguments = tuple((type(value), repr(value)) for _, value in region.arguments)
        types = tuple(self.graph.nodes[i].type for i in part.inputs)
        place: dict[int, tuple[object, ...]] = {i: ("in", k) for k, i in enumerate(part.inputs)}
        items: list[object] = []
        for k, item in enumerate(part.items):
            reads = tuple(place.get(i) for i in item.reads)
            if None in reads or item.shared or item.rounds:
                return None
            place |= {i: ("item", k, n) for n, i in enumerate(item.gives)}
            inner = self.classes[item.part].name if item.part is not None else None
            items.append((item.name, reads, len(item.gives), item.in_place, item.node.op if item.node else None, inner))
        return (_way(region), arguments, types, tuple(place[i] for i in part.outputs), tuple(items))

    def free_name(self, name: str) -> str:
        free, n = name, 2
        while free in self.taken:
            free, n = f"{name}{n}", n + 1
        self.taken.add(free)
        return free

    def class_text(self, made: ModuleClass, doc: str) -> str:
        one = made.drafts[0].plan
        base = "nn.Sequential" if one.is_chain else "nn.Module"
        arguments = "".join(f", {_declared(p)}" for p in made.parameters)
        lines = [*wrapped(f"def __init__(self{arguments}) -> None:", 4), "    super().__init__()"]
        for line in made.members:
            lines += [f"    {part}" for part in wrapped(line, 8)]
        if not one.is_chain:
            lines += ["", *wrapped(self.signature(one, made.drafts[0].parameters), 4)]
            lines += [f"    {part}" for line in made.forward for part in wrapped(line, 8)]
        body = textwrap.indent("\n".join(lines), "    ")
        return f"class {made.name}({base}):\n{textwrap.indent(doc, '    ')}\n\n{body}"

    def signature(self, one: Plan, parameters: list[str]) -> str:
        is_net = one.region.parent is None
        result = "Tensor" if len(one.outputs) == 1 else "Outputs" if is_net else "tuple[Tensor, ...]"
        if is_net and self.graph.aux:
            result += " | TrainingOutputs"
        kinds = ["nn.Module" if value <= MODULES else "Tensor" for value in one.inputs]
        shown = ", ".join(f"{p}: {kind}" for p, kind in zip(parameters, kinds, strict=True))
        return f"def forward(self, {shown}) -> {result}:"


def _parts(made: Plan, shared: bool = False) -> Iterator[tuple[Plan, bool]]:
    """The parts of a module, the parts of a part before it, and whether each has the weights of another."""
    for item in made.items:
        if item.part is not None:
            yield from _parts(item.part, shared or item.shared)
            yield item.part, shared or item.shared


def _levels(parts: Iterable[tuple[Plan, bool]]) -> Iterator[list[tuple[Plan, bool]]]:
    """Parts by how deep they nest, the innermost first."""
    height: dict[Plan, int] = {}
    levels: dict[int, list[tuple[Plan, bool]]] = {}
    for part, shared in parts:  # inner ones come first
        height[part] = 1 + max((height[item.part] for item in part.items if item.part is not None), default=0)
        levels.setdefault(height[part], []).append((part, shared))
    for _, level in sorted(levels.items()):
        yield level


def _way(region: Region) -> tuple[object, ...]:
    """The definition of an instance, and the path that it took through it."""
    path = [(d.place, d.taken) for part in unnamed(region) for d in part.decisions]
    return (region.definition, *path)


def _family(region: Region) -> object:
    """What the instances of one class have in common: their definition and path; or that they are labelled groups."""
    return region.kind if region.definition is None else _way(region)


def _given(parts: Iterable[Plan]) -> dict[tuple[object, ...], frozenset[str]]:
    """For every definition and path the parameters that some call gives."""
    found: dict[tuple[object, ...], frozenset[str]] = {}
    for part in parts:
        way = _way(part.region)
        found[way] = found.get(way, frozenset()) | part.region.given
    return found


def _title(drafts: list[Draft]) -> str:
    """What a class is named after: its block, or what the labels of its groups begin with."""
    region = drafts[0].plan.region
    if region.block:
        return region.block
    names = list(dict.fromkeys(d.plan.region.name for d in drafts))
    stems = {name.rstrip("0123456789").rstrip("_") for name in names}
    stem = stems.pop() if len(names) > 1 and len(stems) == 1 else ""
    return stem or names[0]


def _declared(p: Parameter) -> str:
    return f"{p.name}: {p.kind}" + ("" if p.default is None else f" = {number(p.default)}")


def _helpers(graph: Graph) -> dict[str, str]:
    """The classes that layers bring along, by name, in the order of the layers."""
    found: dict[str, str] = {}
    seen: set[object] = set()
    uses: set[str] = set()
    for node in graph.layers:
        key = (node.op, graph.input_types(node))
        if key not in seen:
            seen.add(key)
            code = node.op.torch(*key[1])
            found.update(dict(code.helpers))
            uses |= set(code.uses)
    return {name: helper_text(text, uses) for name, text in found.items()}


def _outputs(graph: Graph) -> list[str]:
    """The named tuples that several outputs, or auxiliary heads, come back in."""
    outputs, heads = [name for name, _ in graph.outputs], [name for name, _, _ in graph.aux]
    found = []
    for name, fields, doc in (
        ("Outputs", outputs if len(outputs) > 1 else [], "The outputs, in the order of the spec."),
        ("TrainingOutputs", [*outputs, *heads] if heads else [], "In training: the outputs, then the auxiliary heads."),
    ):
        if fields:
            lines = "\n".join(f"    {field}: Tensor" for field in fields)
            found.append(f'class {name}(NamedTuple):\n    """{doc}"""\n\n{lines}')
    return found


def _functions(graph: Graph, text: str) -> list[str]:
    """The functions of the spec that the classes call, and those that these call."""
    wanted = {name for name in graph.functions if re.search(rf"(?<![\w.]){name}\(", text)}
    bodies = {name: _python(function.body) for name, function in graph.functions.items()}
    grown = True
    while grown:
        more = {n for n in graph.functions for w in wanted if re.search(rf"(?<![\w.]){n}\(", bodies[w])}
        grown = not more <= wanted
        wanted |= more
    return [_function(f, bodies[name]) for name, f in graph.functions.items() if name in wanted]


def _function(function: FunctionBody, body: str) -> str:
    parameters = ", ".join(f"{name}: float" for name in function.parameters)
    kind = "float" if re.search(r" / |\d\.\d|\de-|sqrt", body) else "int"
    return f"def {function.name}({parameters}) -> {kind}:\n    return {body}"


_SYNTAX = {"or": 1, "and": 2, "not": 3, "<": 4, "<=": 4, ">": 4, ">=": 4, "==": 4, "!=": 4, "+": 5, "-": 5, "*": 6,
           "/": 6, "//": 6, "%": 6, "neg": 7, "**": 8}  # fmt: skip
_NAMES = {"floor": "math.floor", "ceil": "math.ceil", "sqrt": "math.sqrt"}


def _python(symbolic: Symbolic, around: int = 0) -> str:
    """The body of a function as Python."""
    if isinstance(symbolic, Constant):
        return symbolic.text or repr(symbolic.value)
    if isinstance(symbolic, Name):
        return symbolic.name
    assert isinstance(symbolic, Apply)
    operator, operands = symbolic.operator, symbolic.operands
    if operator == "if":
        value, condition, otherwise = (_python(o, 1) for o in operands)
        text, mine = f"{value} if {condition} else {otherwise}", 0
        return f"({text})" if around > mine else text
    mine = _SYNTAX.get(operator, 9)
    if operator in ("not", "neg"):
        text = f"{'not ' if operator == 'not' else '-'}{_python(operands[0], mine)}"
    elif operator in _SYNTAX:
        text = f"{_python(operands[0], mine + (operator == '**'))} {operator} {_python(operands[1], mine + 1)}"
    else:
        text = f"{_NAMES.get(operator, operator)}({', '.join(map(_python, operands))})"
    return f"({text})" if mine < around else text


def _imports(body: str) -> str:
    standard = [f"import {name}" for name in ("functools", "math") if re.search(rf"\b{name}\.", body)]
    if "(NamedTuple)" in body:
        standard.append("from typing import NamedTuple")
    lines = [*standard, *([""] if standard else [])]
    lines += ["import torch"] if re.search(r"\btorch\.", body) else []
    names = [f"from torch import {'Tensor, ' if re.search(r'[^.]Tensor', body) else ''}nn"]
    if re.search(r"\bF\.", body):
        names.append("from torch.nn import functional as F")
    if re.search(r"= checkpoint\(|return checkpoint\(", body):
        names.append("from torch.utils.checkpoint import checkpoint")
    return "\n".join([*lines, *names])
