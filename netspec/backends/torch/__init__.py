"""PyTorch: the graph as the source of a standalone module, written as a careful person would write it."""

from __future__ import annotations

import hashlib
import keyword
import re
import textwrap
from collections.abc import Iterator
from typing import TYPE_CHECKING

from netspec.backends.torch.classes import Draft, SharedClass, share
from netspec.backends.torch.layout import WIDTH, wrapped
from netspec.backends.torch.loops import member_lines
from netspec.backends.torch.module import forward_lines, members_of
from netspec.backends.torch.plan import MODULES, Plan, plan
from netspec.graph import Graph, TensorType
from netspec.ops.python_text import CallText, call

if TYPE_CHECKING:
    from netspec.model import Model

__all__ = ["named_source", "torch_source"]


def torch_source(model: Model) -> str:
    """The source of a file that imports torch only and defines the net's class, its blocks' classes before it."""
    return named_source(model)[1]


def named_source(model: Model) -> tuple[str, str]:
    """The name of the net's class, and the source of its file."""
    file = _File(model)
    text = file.text()
    return file.main, text


def class_name(name: str) -> str:
    """A class name for the net, a block or a group."""
    name = "".join(part[:1].upper() + part[1:] for part in name.split("_")) or "Net"
    name = f"Net{name}" if name[0].isdigit() else name
    return f"{name}_" if keyword.iskeyword(name) or name in ("Tensor", "F") else name


class _File:
    def __init__(self, model: Model) -> None:
        self.model = model
        self.graph: Graph = model.graph
        self.root = plan(self.graph)
        self.calls: dict[Plan, CallText] = {}
        """For each part the call that makes it."""
        self.texts: list[str] = []
        self.helpers: dict[str, str] = {}
        self.taken: set[str] = set()
        self.main = ""

    def text(self) -> str:
        parts = list(_parts(self.root))
        for made in [*parts, self.root]:
            for item in made.items:
                if item.code is not None:
                    self.helpers.update(dict(item.code.helpers))
        self.taken |= set(self.helpers)
        self.main = self.free_name(class_name(self.model.name))
        self.write_parts(parts)
        draft = self.draft(self.root)
        shared = SharedClass([], draft.members, [], draft.forward)
        main = self.class_text(draft, shared, self.main, _doc(self.model))
        body = "\n\n\n".join([*(h.strip() for h in self.helpers.values()), *self.texts, main])
        return f"{self.header()}\n{_imports(body)}\n\n\n{body}\n"

    def header(self) -> str:
        from netspec import __version__

        digest = hashlib.sha256(self.model.source.text.encode()).hexdigest()[:16]
        path = self.model.source.path
        name = "".join(c if c.isprintable() else "?" for c in path.name) if path else "a spec"
        return f"# {self.model.name}: written by netspec {__version__} from {name} (sha256 {digest})."

    def write_parts(self, parts: list[Plan]) -> None:
        """The classes of the parts, inner ones first, so that their constructors are known to the outer ones."""
        height: dict[Plan, int] = {}
        for made in parts:  # inner ones come first
            height[made] = 1 + max(
                (height[item.part] for item in made.items if item.part and not item.shared), default=0
            )
        levels: dict[tuple[int, str], list[Plan]] = {}
        for made in parts:
            levels.setdefault((height[made], made.region.block or made.region.name), []).append(made)
        for (_, block), group in sorted(levels.items(), key=lambda entry: entry[0][0]):
            for shared, drafts in share(self.graph, [self.draft(made) for made in group]):
                name = self.free_name(class_name(block))
                for draft, arguments in zip(drafts, shared.arguments, strict=True):
                    self.calls[draft.plan] = call(name, **arguments)
                self.texts.append(self.class_text(drafts[0], shared, name, _part_doc(drafts, self.graph)))

    def draft(self, made: Plan) -> Draft:
        parameters, statements = ([], []) if made.is_chain else forward_lines(self.graph, made)
        return Draft(made, members_of(made, self.calls), parameters, statements)

    def free_name(self, name: str) -> str:
        number, free = 2, name
        while free in self.taken:
            free, number = f"{name}{number}", number + 1
        self.taken.add(free)
        return free

    def class_text(self, draft: Draft, shared: SharedClass, name: str, doc: str) -> str:
        made = draft.plan
        base = "nn.Sequential" if made.is_chain else "nn.Module"
        arguments = "".join(f", {n}: {kind}" for n, kind in shared.parameters)
        lines = [*wrapped(f"def __init__(self{arguments}) -> None:", 4), "    super().__init__()"]
        for line in (*shared.attributes, *member_lines(shared.members, loops=made.is_chain)):
            lines += [f"    {part}" for part in wrapped(line, 8)]
        if not made.is_chain:
            lines += ["", *wrapped(self.signature(made, draft.parameters), 4)]
            lines += [f"    {part}" for line in shared.forward for part in wrapped(line, 8)]
        body = textwrap.indent("\n".join(lines), "    ")
        return f"class {name}({base}):\n{textwrap.indent(doc, '    ')}\n\n{body}"

    def signature(self, made: Plan, parameters: list[str]) -> str:
        heads = len(self.graph.aux) if made.region.parent is None else 0
        result = "Tensor" if len(made.outputs) == 1 else "tuple[Tensor, ...]"
        if heads and len(made.outputs) == 1:
            result = "Tensor | tuple[Tensor, ...]"
        kinds = ["nn.Module" if value <= MODULES else "Tensor" for value in made.inputs]
        shown = ", ".join(f"{p}: {kind}" for p, kind in zip(parameters, kinds, strict=True))
        return f"def forward(self, {shown}) -> {result}:"


def _parts(made: Plan) -> Iterator[Plan]:
    """The parts of a module, the parts of a part before it; parts that share the weights of another left out."""
    for item in made.items:
        if item.part is not None and not item.shared:
            yield from _parts(item.part)
            yield item.part


def _imports(body: str) -> str:
    lines = ["import torch"] if re.search(r"\btorch\.", body) else []
    names = [f"from torch import {'Tensor, ' if re.search(r'[^.]Tensor', body) else ''}nn"]
    if re.search(r"\bF\.", body):
        names.append("from torch.nn import functional as F")
    if re.search(r"= checkpoint\(|return checkpoint\(", body):
        names.append("from torch.utils.checkpoint import checkpoint")
    return "\n".join([*lines, *names])


def _shape(kind: TensorType) -> str:
    return f"({', '.join(['N', *map(str, kind.shape)])})"


def _doc(model: Model) -> str:
    inputs = ", ".join(f"{n} {_shape(k)}" if len(model.inputs) > 1 else _shape(k) for n, k in model.inputs.items())
    outputs = ", ".join(f"{n} {_shape(k)}" if len(model.outputs) > 1 else _shape(k) for n, k in model.outputs.items())
    text = f'"""{model.name}: {inputs} to {outputs}; {model.params:,} parameters."""'
    if len(text) <= WIDTH - 4:
        return text
    return f'"""{model.name}: {model.params:,} parameters.\n\nInput {inputs}.\nOutput {outputs}.\n"""'


def _part_doc(drafts: list[Draft], graph: Graph) -> str:
    made = drafts[0].plan
    kinds = " and ".join(_shape(graph.nodes[i].type) for i in made.inputs if i >= 0)
    results = " and ".join(_shape(graph.nodes[i].type) for i in made.outputs)
    name = f"`{made.region.block}`" if made.region.block else f"`{made.region.name}`"
    first = f", first {kinds} to {results}" if len(drafts) > 1 else f": {kinds} to {results}"
    count = f", {len(drafts)} times" if len(drafts) > 1 else ""
    return f'"""The block {name}{count}{first}."""' if made.region.block else f'"""{name}{count}{first}."""'
