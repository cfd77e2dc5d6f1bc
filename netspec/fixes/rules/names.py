"""Names and values that are not known (NS201 to NS209, NS213, NS403): respelled, replaced, moved."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from netspec.diagnostics import Edit, Fix, nearest
from netspec.diagnostics.facts import BadOption, GivenTwice, Instead, Misspelt
from netspec.elaborate.facts import LabelTwice, UndefinedName, UnknownLabel
from netspec.fixes import edits
from netspec.fixes.fix_context import FixContext, short
from netspec.fixes.rule import SemanticRule, semantic
from netspec.fixes.rules.joins import moved_label
from netspec.ops import CATALOGUE
from netspec.source import Span
from netspec.syntax import tree as t
from netspec.syntax.steps import StepRef

__all__ = ["RULES"]

_MOST_CHOICES = 8


def _misspelt(context: FixContext) -> Iterator[Fix | str]:
    """The nearest of the names that are known here, or the one that means what another framework calls so."""
    facts: Misspelt = context.facts
    near = facts.translated if facts.translated in facts.candidates else nearest(facts.word, facts.candidates)
    if near is None:
        if facts.otherwise:
            yield facts.otherwise
        return
    place = re.search(rf"(?<!\w){re.escape(facts.word)}(?!\w)", facts.span.text)
    if place is None:
        yield f"did you mean `{near}`?"
        return
    start = facts.span.start + place.start()
    yield Fix.replace(Span(facts.span.source, start, start + len(facts.word)), near, f"did you mean `{near}`?")


def _choice(context: FixContext) -> Iterator[Fix]:
    """Each of the few words that are known here."""
    facts: Misspelt = context.facts
    place = re.search(rf"(?<!\w){re.escape(facts.word)}(?!\w)", facts.span.text)
    if place is not None and len(facts.candidates) <= _MOST_CHOICES:
        start = facts.span.start + place.start()
        where = Span(facts.span.source, start, start + len(facts.word))
        for other in facts.candidates:
            yield Fix.replace(where, other, f"write `{facts.span.text[: place.start()]}{other}`")


def _instead(context: FixContext) -> Iterator[Fix]:
    """What was meant says the same with another sign or word."""
    facts: Instead = context.facts
    yield Fix.replace(facts.span, facts.text, facts.title, "safe" if facts.sure else "review")


def _bad_option(context: FixContext) -> Iterator[Fix | str]:
    """The value is of another kind than the option takes, or out of its bounds."""
    facts: BadOption = context.facts
    number = re.search(r"(?:[\w.]+(?:\([^()]*\))?|\"[^\"]*\")$", facts.span.text)
    if facts.instead and number is not None:
        where = Span(facts.span.source, facts.span.start + number.start(), facts.span.end)
        yield Fix.replace(where, facts.instead, facts.title)
    elif facts.whole:
        yield from _rounded(facts)
    elif facts.title:
        yield facts.title


def _rounded(facts: BadOption) -> Iterator[Fix | str]:
    """A number with a fraction: rounded where it is computed, or the whole numbers beside it."""
    at = facts.span.text.rfind("=") + 1
    where = Span(facts.span.source, facts.span.start + at, facts.span.end)
    if re.fullmatch(r"[\d._]+", where.text):
        for text in (str(int(facts.found // 1)), str(int(facts.found // 1) + 1)):
            yield Fix.replace(where, text, f"write `{text}`")
        return
    wrapped = where.text.startswith("(") and where.text.endswith(")")
    text = f"(round({where.text[1:-1]}))" if wrapped else f"round({where.text})"
    yield Fix.replace(where, text, facts.title)


def _idle_word(context: FixContext) -> Iterator[Fix]:
    """A word where a number belongs says nothing more than the word before it."""
    facts: BadOption = context.facts
    word = facts.span.text
    lead = re.search(r"(\w+)[ \t]+$", facts.span.source.text[: facts.span.start])
    if not word.isidentifier() or lead is None or lead[1] in ("epochs", "batch", "seed"):
        return
    if f"{lead[1]}_{word}" == "flip_vertical":
        where = Span(facts.span.source, facts.span.start - len(lead.group()), facts.span.end)
        yield Fix.replace(where, f"{lead[1]}_{word}", f"write `{lead[1]}_{word}`")
    else:
        yield Fix(f"remove `{word}`: `{lead[1]}` says it alone", (edits.delete(facts.span),))


def _given_twice(context: FixContext) -> Iterator[Fix]:
    """One of the two is enough."""
    facts: GivenTwice = context.facts
    yield Fix(f"remove `{short(facts.span.text)}`: one of the two is enough", (edits.delete(facts.span),))


# Variables


def _undefined(context: FixContext) -> Iterator[Fix | str]:
    """The variable is misspelled, is a word of Python, or is a layer or a string."""
    facts: UndefinedName = context.facts
    name = facts.name
    if name in facts.scope.labels:
        yield from _label_as_value(facts)
        return
    argument = re.search(r"\w\([^()\n]*$", facts.span.source.text[: facts.span.start])
    blocks = facts.scope.blocks if argument is not None else ()
    near = nearest(
        name, [*facts.scope.variables, *blocks, *(facts.scope.labels if _listed(facts) else facts.functions)]
    )
    truth = {"true": "yes", "false": "no"}.get(name.lower())
    prefixed = re.fullmatch(r"(\w+)\.(\w+)", facts.span.text)
    if facts.layer is not None and facts.layer.head.lower() == "soft" and name == "max":
        yield Fix.replace(facts.layer.span, "softmax", "write `softmax`")
    elif truth is not None:
        yield Fix.replace(facts.span, truth, f"write `{truth}`", "safe")
    elif facts.layer is not None and (sizes := _size_of_names(name, facts.scope.variables)):
        yield Fix.replace(facts.span, sizes, f"a size with names is a tuple: `{sizes}`")
    elif near is not None:
        yield from _respelled(facts, name, near)
    elif prefixed and prefixed[2].lower() in CATALOGUE:
        yield Fix.replace(facts.span, prefixed[2].lower(), f"write `{prefixed[2].lower()}`")
    elif name.lower() not in CATALOGUE:
        loop = _uncounted(context)
        if loop is not None and name in ("i", "j", "k", "n", "index", "step"):
            yield f"name the counter, which runs from 0: `repeat {loop.count.span.text} as {name}`"
        elif name.isidentifier() and not context.diagnostic.helps:
            yield f"declare it: `let {name} = …`, or as a parameter: `net Name({name} = …)`"
    else:
        yield Fix.replace(facts.span, f'"{name}"', f'to pass a word, quote it: `"{name}"`')


def _size_of_names(name: str, variables: Sequence[str]) -> str:
    """`dimx1x1` as a tuple, where its parts are numbers and variables; otherwise nothing."""
    parts = name.split("x")
    known = all(part.isdecimal() or part in variables for part in parts)
    return f"({', '.join(parts)})" if known and len(parts) > 1 else ""


def _listed(facts: UndefinedName) -> bool:
    """Whether a name is an item of a list that is written on one line."""
    before = facts.span.source.text[: facts.span.start].rpartition("\n")[2]
    return before.rfind("[") > before.rfind("]")


def _label_as_value(facts: UndefinedName) -> Iterator[Fix | str]:
    """A label where a value belongs: its channels, or, in a list over which a loop runs, the label as a text."""
    name, span = facts.name, facts.span
    if _listed(facts):
        yield Fix.replace(span, f'"{name}"', f'`{name}` is a label: in a list of a variable, quote it: `"{name}"`')
    elif span.source.text[span.start - 1 : span.start] in ("-", "/"):
        text = f"({name}.channels)"
        yield Fix.replace(span, text, f"`{name}` is a label: the number of its channels is `{text}`")
    elif (called := re.search(r"(\w+)\([^()\n]*$", span.source.text[: span.start])) and called[1] in facts.scope.blocks:
        block = called[1]
        yield f"`{name}` is a label, and tensors are no arguments: `{block}(…) [ from {name}; … ]`, where `{block}` has `input a, …`"
    else:
        yield f"`{name}` is a label: `from {name}` goes on from it, and `{name}.channels` is the number of its channels"


def _respelled(facts: UndefinedName, name: str, near: str) -> Iterator[Fix]:
    place = re.search(rf"(?<!\w){re.escape(name)}(?!\w)", facts.span.text)
    if place is not None:
        start = facts.span.start + place.start()
        yield Fix.replace(Span(facts.span.source, start, start + len(name)), near, f"did you mean `{near}`?")


def _uncounted(context: FixContext) -> t.Repeat | None:
    """The innermost loop around it whose counter has no name."""
    around = context.step.around if context.step is not None else ()
    loops = [step.step.term for step in around if isinstance(step.step.term, t.Repeat)]
    return next((loop for loop in loops if loop.counter is None), None)


def _counter(context: FixContext) -> Iterator[Fix]:
    """The counter of the loop around it, which has no name yet."""
    facts: UndefinedName = context.facts
    loop = _uncounted(context)
    if loop is not None and facts.name.isidentifier():
        title = f"name the counter: `repeat {loop.count.span.text} as {facts.name}`"
        yield Fix(title, (edits.insert_after(loop.count.span, f" as {facts.name}"),))


# Labels


def _label(context: FixContext) -> Iterator[Fix | str]:
    """The label is misspelled, is below, is an automatic name, or is outside of the block."""
    facts: UnknownLabel = context.facts
    near = nearest(facts.name, facts.scope.labels)
    if facts.below is not None:
        yield "a layer reads only what is above it"
    elif near is not None:
        yield from _misspelt_label(facts, near)
    elif facts.parameters is not None:
        call = f"{facts.name}({', '.join(facts.parameters)})"
        title = f"`{facts.name}` is a block: call it, `{call}`"
        yield title if facts.parameters else Fix.replace(facts.span, f"{facts.name}()", title)
    elif facts.node is not None and re.search(r":[ \t]*$", facts.node.span.source.text[: facts.node.span.start]):
        yield f"`{facts.name}` is a copy, and is visible in its loop only: write out the layers that are read later"
    elif facts.node is not None:
        title = f"`{facts.name}` is an automatic name; write the label before the layer: `{facts.name}: …`"
        yield Fix(title, (edits.insert_before(facts.node.span, f"{facts.name}: "),))
    elif facts.entry is not None:
        yield "a block sees only its own labels: join with others where it is called"
    elif facts.elsewhere:
        loop = any(isinstance(s.step.term, (t.Repeat, t.For)) for s in _around_label(context, facts.name))
        yield f"`{facts.name}` is inside {'a loop' if loop else 'braces'}, and is visible there only"
    else:
        yield f"write `{facts.name}:` before an earlier layer in this block"


def _around_label(context: FixContext, name: str) -> Iterator[StepRef]:
    """The steps around the layer with a label."""
    for step in context.steps:
        if step.step.label is not None and step.step.label.text == name:
            yield from step.around


def _misspelt_label(facts: UnknownLabel, near: str) -> Iterator[Fix | str]:
    place = re.search(rf"(?<!\w){re.escape(facts.name)}(?!\w)", facts.span.text)
    if place is None:  # a variable holds it
        yield f"did you mean `{near}`?"
    else:
        start = facts.span.start + place.start()
        where = Span(facts.span.source, start, start + len(facts.name))
        yield Fix.replace(where, near, f"did you mean `{near}`?")


def _entry(context: FixContext) -> Iterator[Fix]:
    """For a label of the caller: what comes into the block gets a label of its own."""
    facts: UnknownLabel = context.facts
    first = facts.entry
    title = "label what comes into the block, and go on from that: `from entry`"
    if not isinstance(first, t.Chain) or first.span.source is not facts.span.source:
        return
    word = Span(facts.span.source, facts.span.end - len(facts.name), facts.span.end)
    yield Fix(title, (edits.insert_line_before(first.span, "entry: identity"), Edit(word, "entry")))


def _label_moved(context: FixContext) -> Iterator[Fix]:
    """The label is inside of braces or a block: it is put on what is outside."""
    facts: UnknownLabel = context.facts
    outside = {id(step.statements) for here in [context.step] if here for step in here.around}
    for step in context.steps:
        if step.step.label is None or step.step.label.text != facts.name:
            continue
        for around in list(step.around)[1:]:
            if id(around.statements) in outside and around.span.end <= facts.span.start:
                yield from _relabelled(step, around)
        calls = [s for s in context.steps if s.layer and s.layer.head == step.block and s.span.end <= facts.span.start]
        for call in reversed(calls if step.block else []):
            yield from _relabelled(step, call)


def _relabelled(step: StepRef, to: StepRef) -> Iterator[Fix]:
    for pair in moved_label(step, to):
        yield Fix(f"put the label there: `{pair[1].text}{short(to.span.text)}`", pair)


@semantic(
    "NS209-label-twice",
    LabelTwice,
    20,
    ("input 3x8x8\ne1: conv3-3 pad=1\ne1: conv3-3 pad=1\nadd [ identity; from e2 ]\n", "input 3x8x8\ne1: conv3-3 pad=1\ne2: conv3-3 pad=1\nadd [ identity; from e2 ]\n"),
    title="two layers with one label",
)  # fmt: skip
def label_twice(context: FixContext) -> Iterator[Fix]:
    """The second one gets another name: that of a label that is used and defined nowhere, if there is one."""
    facts: LabelTwice = context.facts
    own = Edit(facts.label, facts.free)
    yield Fix(f"call this one `{facts.free}`", (own,))
    ways = [(1, "the next `from`"), (len(facts.uses), "what goes on from it below")][: len(facts.uses)]
    for count, which in ways if facts.missing is None else ():
        spans = [Span(facts.label.source, at, at + len(facts.label.text)) for at in facts.uses[:count]]
        yield Fix(f"call this one `{facts.free}`, in {which} too", (own, *(Edit(span, facts.free) for span in spans)))


def _rules(match: object, facts: type, name: str, title: str, priority: int, guess: bool, **examples: tuple[str, str]) -> list[SemanticRule]:  # fmt: skip
    """One rule for each code in which the same can be wrong."""
    return [
        semantic(f"{code}-{name}", facts, priority, example, title=title, guess=guess)(match)  # type: ignore[arg-type]
        for code, example in examples.items()
    ]


_BLOCK = "block b(w, stride = 1) {\n  conv3-w/stride pad=1\n}\ninput 3x8x8\n"
RULES = (
    *_rules(
        _misspelt, Misspelt, "misspelled", "a misspelled name", 20, False,
        NS201=("default conw pad=1\ninput 3x8x8\nconv3-8\n", "default conv pad=1\ninput 3x8x8\nconv3-8\n"),
        NS202=(f"{_BLOCK}b(8, strid=2)\n", f"{_BLOCK}b(8, stride=2)\n"),
        NS205=("input 3x8x8\nconv3-8 act=rellu\n", "input 3x8x8\nconv3-8 act=relu\n"),
        NS204=("input 3x8x8\nconv3-8 pad=saem\n", "input 3x8x8\nconv3-8 pad=same\n"),
        NS208=("input 8\nFC-2\nexpect paramz == 18\n", "input 8\nFC-2\nexpect params == 18\n"),
    ),
    *_rules(
        _choice, Misspelt, "choice", "one of a few words", 40, True,
        NS202=("block b(w, copies = 1) {\n  conv3-w pad=1 x(copies)\n}\ninput 3x8x8\nb(8, depth=3)\n", "block b(w, copies = 1) {\n  conv3-w pad=1 x(copies)\n}\ninput 3x8x8\nb(8, copies=3)\n"),
        NS205=("fit tight\ninput 8x4\nconv3-8\n", "fit exact\ninput 8x4\nconv3-8\n"),
    ),
    *_rules(
        _instead, Instead, "instead", "the same said otherwise", 10, False,
        NS001=("use <resnat>\ninput 3x64x64\nstem\n", "use <resnet>\ninput 3x64x64\nstem\n"),
        NS004=("use \"resnet.net\"\ninput 3x64x64\nstem\n", "use <resnet>\ninput 3x64x64\nstem\n"),
        NS204=("input 3x8x8\nlet n = 1\nif n {\n  relu\n}\n", "input 3x8x8\nlet n = 1\nif n != 0 {\n  relu\n}\n"),
        NS208=("input 3X8X8\nconv3-8\n", "input 3x8x8\nconv3-8\n"),
        NS209=("input 8\noutput a\nFC-2\noutput a\n", "input 8\noutput a\nFC-2\noutput a_2\n"),
        NS213=("input rgb 8x8\nconv3-8\n", "input 8x8 rgb\nconv3-8\n"),
        NS309=("input 32x32x3\nconv3-8\n", "input 3x32x32\nconv3-8\n"),
        NS310=("input 1x3x32x32\nconv3-8\n", "input 3x32x32\nconv3-8\n"),
    ),
    *_rules(
        _bad_option, BadOption, "value", "a value that the option does not take", 20, False,
        NS204=("input 3x8x8\nconv3-8 bias=true\n", "input 3x8x8\nconv3-8 bias=yes\n"),
        NS205=("input 8\ndropout 50\n", "input 8\ndropout 0.5\n"),
    ),
    *_rules(
        _idle_word, BadOption, "idle-word", "a word where a number belongs", 40, True,
        NS204=("input 3x8x8\nFC-2\ntrain {\n  augment {\n    flip horizontal\n  }\n}\n", "input 3x8x8\nFC-2\ntrain {\n  augment {\n    flip\n  }\n}\n"),
    ),
    *_rules(
        _given_twice, GivenTwice, "given-twice", "a value that is given twice", 20, False,
        NS203=("input 3x8x8\nconv3-8 pad=1 pad=1\n", "input 3x8x8\nconv3-8 pad=1\n"),
    ),
    *_rules(
        _undefined, UndefinedName, "undefined", "a variable that is not defined", 20, False,
        NS208=("let width = 8\ninput 3x8x8\nconv3-(widht * 2)\n", "let width = 8\ninput 3x8x8\nconv3-(width * 2)\n"),
    ),
    *_rules(
        _counter, UndefinedName, "counter", "the counter of a loop without a name", 40, True,
        NS208=("input 3x8x8\nrepeat 2 {\n  conv3-(8 * (i + 1))\n}\n", "input 3x8x8\nrepeat 2 as i {\n  conv3-(8 * (i + 1))\n}\n"),
    ),
    *_rules(
        _label, UnknownLabel, "label", "a label that is not visible", 20, False,
        NS208=("input 3x8x8\nstem: conv3-3 pad=1\nadd [ identity; from stm ]\n", "input 3x8x8\nstem: conv3-3 pad=1\nadd [ identity; from stem ]\n"),
    ),
    *_rules(
        _label_moved, UnknownLabel, "label-inside", "a label inside of braces", 40, True,
        NS208=(
            "input 3x8x8\n{\n  a: conv3-3 pad=1\n}\nrelu\nadd [ identity; from a ]\n",
            "input 3x8x8\na: {\n  conv3-3 pad=1\n}\nrelu\nadd [ identity; from a ]\n",
        ),
    ),
    *_rules(
        _entry, UnknownLabel, "label-entry", "a label of the caller in a block", 30, True,
        NS208=(
            "block b {\n  conv3-3 pad=1\n  add [ identity; from a ]\n}\ninput 3x8x8\na: relu\nb\n",
            "block b {\n  entry: identity\n  conv3-3 pad=1\n  add [ identity; from entry ]\n}\ninput 3x8x8\na: relu\nb\n",
        ),
    ),
    label_twice,
)  # fmt: skip
