"""input, output and aux: what goes in and what comes out."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from netspec.diagnostics.facts import Instead
from netspec.elaborate.input_type import SIZES_OF, input_type, size_origins
from netspec.elaborate.ports import declare_port, output_of_block
from netspec.elaborate.state import Frame, Site, Tensor
from netspec.graph import TensorType
from netspec.ops.op import Op, TorchCode
from netspec.source import Span
from netspec.syntax import tree as t

if TYPE_CHECKING:
    from netspec.elaborate.context import ElaborationContext

__all__ = ["RESERVED_LABELS", "Input", "declare_input", "declare_output", "run_aux"]

# Python's keywords, and attributes of torch.nn.Module and torch.nn.Sequential that a submodule must not hide
RESERVED_LABELS = frozenset(
    [
        "False",
        "None",
        "True",
        "and",
        "as",
        "assert",
        "async",
        "await",
        "break",
        "class",
        "continue",
        "def",
        "del",
        "elif",
        "else",
        "except",
        "finally",
        "for",
        "from",
        "global",
        "if",
        "import",
        "in",
        "is",
        "lambda",
        "nonlocal",
        "not",
        "or",
        "pass",
        "raise",
        "return",
        "try",
        "while",
        "with",
        "yield",
        "self",
        "T_destination",
        "add_module",
        "append",
        "apply",
        "bfloat16",
        "buffers",
        "call_super_init",
        "children",
        "compile",
        "cpu",
        "cuda",
        "double",
        "dump_patches",
        "eval",
        "extend",
        "extra_repr",
        "float",
        "forward",
        "get_buffer",
        "get_extra_state",
        "get_parameter",
        "get_submodule",
        "half",
        "insert",
        "ipu",
        "keys",
        "load_state_dict",
        "modules",
        "mtia",
        "named_buffers",
        "named_children",
        "named_modules",
        "named_parameters",
        "parameters",
        "pop",
        "register_backward_hook",
        "register_buffer",
        "register_forward_hook",
        "register_forward_pre_hook",
        "register_full_backward_hook",
        "register_full_backward_pre_hook",
        "register_load_state_dict_post_hook",
        "register_load_state_dict_pre_hook",
        "register_module",
        "register_parameter",
        "register_state_dict_post_hook",
        "register_state_dict_pre_hook",
        "requires_grad_",
        "set_extra_state",
        "set_submodule",
        "share_memory",
        "state_dict",
        "to",
        "to_empty",
        "train",
        "training",
        "type",
        "values",
        "items",
        "xpu",
        "zero_grad",
    ]
)


class Input(Op):
    """What comes in: a tensor of the declared type."""

    name = "input"

    def torch(self, *inputs: TensorType) -> TorchCode:
        return TorchCode.expression("{0}")


def declare_input(run: ElaborationContext, statement: t.Input, frame: Frame) -> None:
    if run.calling and statement.numbers is None and len(statement.sizes) == 1 and not statement.words:
        declare_port(run, statement, frame)
        return
    if _is_refused(run, statement, frame):
        return
    kind = input_type(run, statement, frame)
    if kind is None:
        frame.here = Tensor(None, None)
        return
    name = statement.name or "input"
    local = frame.namer.label(name) if statement.name is not None else frame.namer.unique(name)
    run.node(Input(), (), kind, (), 0, Site(statement.span, frame, local))
    tensor = frame.here
    assert tensor is not None
    assert tensor.node is not None
    run.graph.nodes[tensor.node].origins = size_origins(run, statement, kind, frame)
    run.graph.inputs.append((name, tensor.node))
    frame.labels[name] = tensor  # `from input` where it has no name of its own
    if len(run.graph.inputs) == 1:
        frame.entry = tensor
    else:
        frame.here = None  # which of them the first layer reads is said by `from`


def _is_refused(run: ElaborationContext, statement: t.Input, frame: Frame) -> bool:
    """Reports an input in the wrong place, or with a name that it cannot have."""
    name = statement.name or "input"
    if frame.entry is not None and frame.region.kind != "net":
        helps = ["a block takes the tensor of its caller; for several, name them without sizes: `input a, b`"]
        run.error("NS212", "`input` belongs at the top level of a net", statement.span, helps=helps)
    elif len(statement.sizes) == SIZES_OF.get(name.lower()) and not statement.words:
        text = f"{statement.size_span.text} {statement.name}"
        whole = Span(statement.span.source, statement.span.end - len(_named(statement)), statement.span.end)
        message = f"`{statement.name}` cannot name an input: it is a kind of input, and follows the size"
        run.error("NS213", message, whole, facts=Instead(whole, text, f"write `input {text}`"))
        frame.here = Tensor(None, None)
    elif any(name == other for other, _ in run.graph.inputs):
        message = f"there is an input `{name}` already" if statement.name else "there is an input already"
        run.error("NS209", message, statement.span, helps=["give each input a name: `input left 1x28x28`"])
    elif statement.name and any(node.name == name for node in run.graph.nodes):
        helps = ["give one of them another name: inputs are labels too"]
        run.error("NS209", f"there is a label `{name}` already", statement.span, helps=helps)
    else:
        return False
    return True


def _named(statement: t.Input) -> str:
    """The name and the size, as written."""
    return re.sub(r"^input[ \t]+", "", statement.span.text)


def declare_output(run: ElaborationContext, output: t.Output, frame: Frame) -> None:
    if run.calling:
        output_of_block(run, output, frame)
        return
    if any(output.name == name for name, _ in run.graph.inputs):
        run.error("NS209", f"there is an input `{output.name}` already", output.name_span)
        return
    if any(output.name == name for name, _ in run.graph.outputs):
        message = f"there is an output `{output.name}` already"
        free = next(
            f"{output.name}_{n}" for n in range(2, 10**6) if f"{output.name}_{n}" not in dict(run.graph.outputs)
        )
        run.error("NS209", message, output.name_span, facts=Instead(output.name_span, free, f"call this one `{free}`"))
        return
    if frame.here is None:
        run.error("NS308", "there is no tensor to put out", output.span)
    elif frame.here.several:
        run.no_tensor(output.span, frame)
    elif frame.here.node is not None:
        run.graph.outputs.append((output.name, frame.here.node))
    else:
        run.graph.outputs.append((output.name, -1))


def run_aux(run: ElaborationContext, aux: t.Aux, frame: Frame) -> None:
    """A side head: trained, left out of inference."""
    from netspec.ops.kinds import BadValue, Number

    weight = 1.0
    for option in aux.options:
        value: Any = run.evaluate(option.value, frame)
        if option.name != "weight":
            run.error("NS202", f"`aux` has no option `{option.name}`", option.name_span, helps=["its option is weight"])
        elif value is not run.FAILED:
            try:
                weight = Number(0).read(value)
            except BadValue as bad:
                run.bad_value(bad, "weight", option.span)
    if not frame.has_tensor:
        run.no_tensor(aux.span, frame)
        return
    if frame.region.path:
        run.error(
            "NS212",
            "`aux` belongs at the top level of a net",
            aux.span,
            helps=["end the block or the labelled group before it"],
        )
        return
    name = frame.namer.number("aux")
    from netspec.elaborate.state import Namer, labels_in

    inner = frame.inner(run.region(frame, "aux", name, aux.span), Namer(labels_in(aux.body.statements)))
    run.aux_depth += 1
    before = len(run.graph.nodes)
    try:
        with run.inside(f"the auxiliary head at line {aux.span.line}"):
            run.run(aux.body.statements, inner)
    finally:
        run.aux_depth -= 1
    if len(run.graph.nodes) > before and inner.here is not None and inner.here.node is not None:
        run.graph.aux.append((name, inner.here.node, weight))
