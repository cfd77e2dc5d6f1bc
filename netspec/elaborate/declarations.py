"""input, output and aux: what goes in and what comes out."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from netspec.diagnostics.facts import Instead, Misspelt
from netspec.elaborate.state import Frame, Tensor
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
_SIZES_OF = {"rgb": 2, "gray": 2, "grey": 2, "int": 1, "sequence": 2}
"""How many sizes each of these words follows."""
_WORDS = ("rgb", "gray", "grey", "int", "sequence")


class Input(Op):
    """What comes in: a tensor of the declared type."""

    name = "input"

    def torch(self, *inputs: TensorType) -> TorchCode:
        return TorchCode.expression("{0}")


def declare_input(run: ElaborationContext, statement: t.Input, frame: Frame) -> None:
    if run.calling and frame.entry is not None and frame.region.kind == "net":
        return  # a net used as a block takes its caller's tensor
    if _is_refused(run, statement, frame):
        return
    kind = _type(run, statement)
    if kind is None:
        frame.here = Tensor(None, None)
        return
    name = statement.name or "input"
    local = frame.namer.label(name) if statement.name is not None else frame.namer.unique(name)
    run.node(Input(), (), kind, (), 0, statement.span, frame, local)
    tensor = frame.here
    assert tensor is not None
    assert tensor.node is not None
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
        helps = ["a block takes the tensor of its caller"]
        run.error("NS212", "`input` belongs at the top level of a net", statement.span, helps=helps)
    elif statement.size.count("x") + 1 == _SIZES_OF.get(name.lower()) and not statement.words:
        text = f"{statement.size} {statement.name}"
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


def _type(run: ElaborationContext, statement: t.Input) -> TensorType | None:
    text = statement.size.replace("_", "")
    if len(text) > 60:
        run.error("NS205", "this input is too large", statement.size_span)
        return None
    sizes = tuple(int(s) for s in text.split("x"))
    words = [w.text.lower() for w in statement.words]
    for word in statement.words:
        if word.text.lower() not in _WORDS:
            facts: Instead | Misspelt = Misspelt(word.span, word.text, _WORDS, f"there are {', '.join(_WORDS)}")
            if re.fullmatch(r"(?:X\d+)+", word.text) and word.span.start == statement.size_span.end:
                text = statement.size + word.text.replace("X", "x")
                facts = Instead(
                    statement.size_span.to(word.span), text, f"the sign between sizes is a lower-case `x`: `{text}`"
                )
            run.error("NS208", f"an input is not `{word.text}`", word.span, facts=facts)
            return None
    if min(sizes) < 1 or any(s > run.limits.integer for s in sizes):
        run.error(
            "NS205", f"an input of {text} has no sensible size", statement.size_span, helps=["every size is at least 1"]
        )
        return None
    return _typed(run, statement, sizes, words)


def _typed(run: ElaborationContext, statement: t.Input, sizes: tuple[int, ...], words: list[str]) -> TensorType | None:
    text = "x".join(map(str, sizes))

    def wrong(message: str, *helps: str) -> TensorType | None:
        run.error("NS307", message, statement.size_span, helps=helps)
        return None

    if len(words) > 1:
        run.error(
            "NS207",
            f"an input is one of {' and '.join(words)}",
            statement.words[1].span,
            helps=["leave one of them out"],
        )
        return None
    word = words[0] if words else ""
    if word in ("rgb", "gray", "grey"):
        if len(sizes) != 2:
            return wrong(f"{word} needs a height and a width, found {text}", f"write `input 224x224 {word}`")
        return TensorType("map", (3 if word == "rgb" else 1, *sizes))
    if word == "int":
        if len(sizes) != 1:
            return wrong(f"integers come in a row: one size, found {text}", "write `input ids 77 int`")
        return TensorType("ids", sizes)
    if word == "sequence":
        if len(sizes) != 2:
            return wrong(f"a sequence is tokens x features, found {text}", "write `input 77x64 sequence`")
        return TensorType("sequence", sizes)
    if len(sizes) > 4:
        return wrong(f"an input has at most channels and three spatial sizes, found {text}")
    if len(sizes) == 3 and sizes[2] in (1, 3, 4) and sizes[0] > 4 and sizes[1] > 4:
        flipped = f"{sizes[2]}x{sizes[0]}x{sizes[1]}"
        help_ = f"for an image of {sizes[0]}x{sizes[1]} write `input {flipped}`"
        run.diagnostics.warning(
            "NS309", f"{text} reads as {sizes[0]} channels of {sizes[1]}x{sizes[2]}", statement.size_span,
            label="channels come first", facts=Instead(statement.size_span, flipped, help_),
        )  # fmt: skip
    if len(sizes) == 4:
        _warn_of_batch(run, statement, sizes)
    return TensorType("vector" if len(sizes) == 1 else "map", sizes)


def _warn_of_batch(run: ElaborationContext, statement: t.Input, sizes: tuple[int, ...]) -> None:
    """Warns of `1x3x224x224` and `32x224x224x3`, which look like a batch of images and read as a volume."""
    batch, *rest = sizes
    last = rest[2] in (1, 3) and min(rest[:2]) > 4
    if not last and not (rest[0] in (1, 3) and min(rest[1:]) > 4):
        return
    channels, height, width = (rest[2], *rest[:2]) if last else rest
    image = f"{channels}x{height}x{width}"
    help_ = f"for images of {height}x{width} write `input {image}`"
    run.diagnostics.warning(
        "NS310", f"{'x'.join(map(str, sizes))} reads as {batch} channel{'s' if batch > 1 else ''} of a volume",
        statement.size_span, label=f"depth {rest[0]}, height {rest[1]}, width {rest[2]}",
        notes=["a spec states the size of one example, without the batch"], facts=Instead(statement.size_span, image, help_),
    )  # fmt: skip


def declare_output(run: ElaborationContext, output: t.Output, frame: Frame) -> None:
    if run.calling:
        run.error("NS212", "`output` belongs at the top level of a net", output.span)
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
    if frame.here is None:
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
