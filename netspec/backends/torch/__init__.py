"""PyTorch: the graph as the source of a standalone module, written as a careful person would write it."""

from __future__ import annotations

import hashlib
import keyword
import re
import textwrap
from typing import TYPE_CHECKING

from netspec.backends.torch.module import forward_lines, init_lines
from netspec.backends.torch.plan import Plan, plan
from netspec.graph import Graph, TensorType

if TYPE_CHECKING:
    from netspec.model import Model

__all__ = ["named_source", "torch_source"]

_WIDTH = 100


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
    name = "".join(part[:1].upper() + part[1:] for part in name.split("_"))
    return name + "_" if keyword.iskeyword(name) or name in ("Tensor", "F") else name


class _File:
    def __init__(self, model: Model) -> None:
        self.model = model
        self.graph: Graph = model.graph
        self.classes: dict[str, str] = {}
        """The name of each class by the text of its body."""
        self.texts: list[str] = []
        self.helpers: dict[str, str] = {}
        self.taken: set[str] = set()
        self.main = ""

    def text(self) -> str:
        root = plan(self.graph)
        self.collect_helpers(root)
        self.taken |= set(self.helpers)
        self.main = self.free_name(class_name(self.model.name))
        main = self.class_text(root, self.main, _doc(self.model))
        body = "\n\n\n".join([*(h.strip() for h in self.helpers.values()), *self.texts, main])
        return f"{self.header()}\n{_imports(body)}\n\n\n{body}\n"

    def header(self) -> str:
        from netspec import __version__

        digest = hashlib.sha256(self.model.source.text.encode()).hexdigest()[:16]
        path = self.model.source.path
        name = "".join(c if c.isprintable() else "?" for c in path.name) if path else "a spec"
        return f"# {self.model.name}: written by netspec {__version__} from {name} (sha256 {digest})."

    def collect_helpers(self, made: Plan) -> None:
        for item in made.items:
            if item.code is not None:
                self.helpers.update(dict(item.code.helpers))
            if item.part is not None:
                self.collect_helpers(item.part)

    def constructor(self, made: Plan) -> str:
        """The call that makes a part; parts alike share one class."""
        body = self.body(made)
        if body not in self.classes:
            name = self.free_name(class_name(made.region.block or made.region.name))
            self.classes[body] = name
            self.texts.append(self.class_text(made, name, _part_doc(made, self.graph), body))
        return f"{self.classes[body]}()"

    def free_name(self, name: str) -> str:
        number, free = 2, name
        while free in self.taken:
            free, number = f"{name}{number}", number + 1
        self.taken.add(free)
        return free

    def body(self, made: Plan) -> str:
        lines = [_wrapped(line) for line in init_lines(made, self.constructor)]
        init = [
            "def __init__(self) -> None:",
            "    super().__init__()",
            *(textwrap.indent(line, "    ") for line in lines),
        ]
        if made.is_chain:
            return "\n".join(init)
        parameters, statements = forward_lines(self.graph, made)
        several = len(made.outputs) + (len(self.graph.aux) if made.region.parent is None else 0) > 1
        result = "Tensor" if not several else "tuple[Tensor, ...]"
        if several and made.region.parent is None and self.graph.aux and len(made.outputs) == 1:
            result = "Tensor | tuple[Tensor, ...]"
        signature = f"def forward(self, {', '.join(f'{p}: Tensor' for p in parameters)}) -> {result}:"
        return "\n".join([*init, "", signature, *(f"    {line}" for line in statements)])

    def class_text(self, made: Plan, name: str, doc: str, body: str | None = None) -> str:
        base = "nn.Sequential" if made.is_chain else "nn.Module"
        text = self.body(made) if body is None else body
        return f"class {name}({base}):\n{textwrap.indent(doc, '    ')}\n\n{textwrap.indent(text, '    ')}"


def _imports(body: str) -> str:
    lines = ["import torch"] if re.search(r"\btorch\.", body) else []
    names = [f"from torch import {'Tensor, ' if re.search(r'[^.]Tensor', body) else ''}nn"]
    if re.search(r"\bF\.", body):
        names.append("from torch.nn import functional as F")
    return "\n".join([*lines, *names])


def _shape(kind: TensorType) -> str:
    return f"({', '.join(['N', *map(str, kind.shape)])})"


def _doc(model: Model) -> str:
    inputs = ", ".join(f"{n} {_shape(k)}" if len(model.inputs) > 1 else _shape(k) for n, k in model.inputs.items())
    outputs = ", ".join(f"{n} {_shape(k)}" if len(model.outputs) > 1 else _shape(k) for n, k in model.outputs.items())
    text = f'"""{model.name}: {inputs} to {outputs}; {model.params:,} parameters."""'
    if len(text) <= _WIDTH - 4:
        return text
    return f'"""{model.name}: {model.params:,} parameters.\n\nInput {inputs}.\nOutput {outputs}.\n"""'


def _part_doc(made: Plan, graph: Graph) -> str:
    kinds = " and ".join(_shape(graph.nodes[i].type) for i in made.inputs if i >= 0)
    results = " and ".join(_shape(graph.nodes[i].type) for i in made.outputs)
    return f'"""{made.region.block or made.region.name}: {kinds} to {results}."""'


def _wrapped(line: str) -> str:
    """A long constructor call with its arguments on a line of their own."""
    if len(line) <= _WIDTH - 8 or "(" not in line:
        return line
    head, _, rest = line.partition("(")
    return f"{head}(\n    {rest[:-1]}\n)"
