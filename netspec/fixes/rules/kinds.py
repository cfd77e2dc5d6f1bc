"""Tensors of another kind than a layer takes (NS303), and layers without one (NS308): layers put in, removed or exchanged,
the input declared otherwise."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from netspec.diagnostics import Fix
from netspec.elaborate.facts import DoesNotFit, InputBelow, InputWithoutSize, SeveralInputs
from netspec.fixes import edits
from netspec.fixes.fix_context import FixContext, before, inserted, name_of, removed, resumed, short, swapped
from netspec.fixes.rule import SemanticRule, semantic
from netspec.ops import CATALOGUE
from netspec.syntax import tree as t

__all__ = ["RULES"]

_FLATTENING = ("flatten", "take", "gap", "gmp", "mean", "tokens", "fc")
_SIDES = (4, 7, 8, 6, 5, 16, 3, 2)
_NEAR = 8


@semantic(
    "NS303-tokens",
    DoesNotFit,
    10,
    ("input 3x8x8\npos_embed\n", "input 3x8x8\ntokens\npos_embed\n"),
    ("input 3x8x9\nlstm-4\n", "input 3x8x9\nadaptive_avgpool 1x9\ntokens\nlstm-4\n"),
    title="a layer of sequences gets an image",
)
def tokens(context: FixContext) -> Iterator[Fix]:
    """`tokens` makes a sequence of an image: one token for each position."""
    facts: DoesNotFit = context.facts
    if len(facts.types) != 1 or facts.types[0].layout != "map":
        return
    made = context.infer(CATALOGUE["tokens"](), facts.types)
    text, start = facts.span.source.text, facts.span.start
    if made is None or context.infer(facts.op, (made[0],)) is None or text[:start].rstrip().endswith(":"):
        return
    lead = text[text.rfind("\n", 0, start) + 1 : start]
    new = "tokens -> " if lead.strip() else f"tokens\n{lead}"
    image = facts.types[0]
    if facts.op.name in ("rnn", "lstm", "gru") and image.rank == 2 and image.spatial[0] > 1:
        pool = f"adaptive_avgpool 1x{image.spatial[1]}"
        title = f"collapse the height first, for one token per column: `{pool}`, then `tokens`, makes a sequence of"
        lines = new.replace("tokens", f"{pool}{' -> ' if lead.strip() else new[6:]}tokens", 1)
        yield Fix(f"{title} {image.spatial[1]}x{image.features}", (edits.insert_before(facts.span, lines),))
    yield Fix(f"`tokens` before it makes a sequence of {made[0]}", (edits.insert_before(facts.span, new),))


def _order(context: FixContext) -> Iterator[Fix]:
    """A layer that flattens comes too early: exchange it with the one after it, or remove it."""
    for here in context.here:
        previous, following = here.previous, here.following
        if context.came_in is not None and context.came_in.layout == "map":
            if name_of(following) == "tokens":
                yield from swapped(here, following)
            for step in here.around:
                yield from inserted(step, "tokens")
        if name_of(previous) in _FLATTENING and previous is not None:
            yield from swapped(previous, here)
            if name_of(previous) != "fc":
                yield from removed(previous)
        for step in context.earlier(here)[:_NEAR]:
            if name_of(step) in _FLATTENING[:4] and (previous is None or step.span != previous.span):
                yield from removed(step)
        yield from resumed(context, [here])


def _input_of_a_kind(context: FixContext) -> Iterator[Fix]:
    """The input is declared as a vector or an image, and the layers take ids, a sequence or an image."""
    inputs, kind = context.inputs, context.came_in
    if len(inputs) != 1 or inputs[0].words or inputs[0].numbers is None:
        return
    statement, size, layer = inputs[0], "x".join(map(str, inputs[0].numbers)), name_of(context.step)
    if len(inputs[0].numbers) == 2:
        shown = statement.span.text.replace(statement.size_span.text, f"1x{size}")
        yield Fix.replace(statement.size_span, f"1x{size}", f"an image has its channels before its sizes: `{shown}`")
        if kind is not None and kind.layout == "map" and str(kind) == size:
            text = " ".join(("input", *filter(None, [statement.name]), size, "sequence"))
            yield Fix.replace(statement.span, text, f"declare the input as `{text}`")
    elif kind is not None and kind.layout == "vector" and "x" not in size:
        name = statement.name or ("ids" if layer == "embed" else "")
        text = " ".join(
            filter(None, ("input", name, size, "int") if layer == "embed" else ("input", name, f"1x{size}"))
        )
        yield Fix.replace(statement.span, text, f"declare the input as `{text}`")


def _made_into(context: FixContext) -> Iterator[Fix]:
    """A layer before it makes the kind that it takes: `embed` for ids, `reshape` for a vector."""
    kind = context.came_in
    for here in context.here:
        if kind is not None and kind.layout == "ids":
            names = [i.name for i in context.file.items if isinstance(i, t.Let)]
            names += [p.name for i in context.file.items if isinstance(i, t.Net) for p in i.parameters]
            vocabulary = next((name for name in names if name.lower().startswith("vocab")), "10000")
            layer = f"embed-64 vocab={vocabulary}"
            for step in here.around:
                yield Fix(f"turn ids into vectors first: `{layer}`", (before(step, layer),))
        if kind is not None and kind.layout == "vector":
            for side in _SIDES:
                if kind.features % side**2 == 0 and kind.features > side**2:
                    yield from inserted(here, f"reshape {kind.features // side**2}x{side}x{side}")
        yield from (replace(fix, fallback=True) for fix in removed(here))


def _guess(id_: str, priority: int, match: object, wrong: str, right: str, title: str) -> SemanticRule:
    return semantic(id_, DoesNotFit, priority, (wrong, right), title=title, guess=True)(match)  # type: ignore[arg-type]


_GUESSES = (
    _guess("NS303-order", 30, _order, "input 3x8x8\ngap\nflatten\nconv1-4\n", "input 3x8x8\ngap\nconv1-4\n", "a layer that flattens comes too early"),
    _guess("NS303-input", 35, _input_of_a_kind, "input 77\nembed-8 vocab=100\n", "input ids 77 int\nembed-8 vocab=100\n", "the input is of another kind"),
    _guess("NS307-input", 35, _input_of_a_kind, "input 24x32\nconv3x3-8\nmaxpool3x3\n", "input 1x24x32\nconv3x3-8\nmaxpool3x3\n", "the input has no channels"),
    _guess("NS303-made-into", 40, _made_into, "input 8 int\nlstm-4\n", "input 8 int\nembed-64 vocab=10000\nlstm-4\n", "the layer takes another kind of tensor"),
)  # fmt: skip


@semantic(
    "NS308-input-below",
    InputBelow,
    10,
    ("conv3-8\ninput 3x8x8\n", "input 3x8x8\nconv3-8\n"),
    title="the input is below the first layer",
)
def input_below(context: FixContext) -> Iterator[Fix | str]:
    """Layers run in the order in which they are written: the input comes before the first."""
    facts: InputBelow = context.facts
    title = f"move `{facts.statement.text}` up, before this line"
    line = edits.line_of_its_own(facts.statement)
    source, start = facts.first.source, facts.first.start
    above = source.text.rfind("\n", 0, start) + 1
    first = type(facts.first)(source, above, above)
    yield (
        title
        if line is None
        else Fix(title, (edits.insert_before(first, f"{facts.statement.text}\n"), edits.delete(line)))
    )


@semantic(
    "NS308-which-input",
    SeveralInputs,
    20,
    ("input a 3x8x8\ninput b 3x8x8\nadd [ conv3-3 pad=1; from b ]\n", "input a 3x8x8\ninput b 3x8x8\nadd [ from a -> conv3-3 pad=1; from b ]\n"),
    title="with several inputs the first layer must say which one it reads",
    guess=True,
)  # fmt: skip
def which_input(context: FixContext) -> Iterator[Fix]:
    """`from name` says which input a chain or a branch goes on from."""
    facts: SeveralInputs = context.facts
    for here in context.here:
        join = here.step.term
        for branch in join.branches if isinstance(join, t.Join) else ():
            if not isinstance(branch.steps[0].term, t.From):
                for name in facts.names:
                    title = f"write `from {name} -> {short(branch.span.text)}`"
                    yield Fix(title, (edits.insert_before(branch.span, f"from {name} -> "),))
        for name in facts.names:
            yield from inserted(here, f"from {name}", f"write `from {name}` before it")


@semantic(
    "NS206-size-of-input",
    InputWithoutSize,
    20,
    ("input size\nFC-10\n", "let size = 64\ninput (size)\nFC-10\n"),
    title="the input of a net needs a size",
)
def size_of_input(context: FixContext) -> Iterator[Fix | str]:
    """A net states the sizes of its inputs, after their names. Only those of a block have none. A size that is a variable is in
    parentheses."""
    facts: InputWithoutSize = context.facts
    if len(facts.names) == 1:
        (name,) = facts.names
        text = f"let {name} = 64\ninput ({name})"
        yield Fix.replace(facts.span, text, f"give it a value, `let {name} = 64`, and write `input ({name})`")
    yield f"write its size after its name: `input {facts.names[0]} 3x224x224`"


RULES = (tokens, *_GUESSES, input_below, which_input, size_of_input)
