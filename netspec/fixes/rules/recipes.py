"""Lines of a recipe that are written otherwise (NS202, NS207, NS208, NS403, NS912): what was probably meant."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any

from netspec.diagnostics import Edit, Fix, nearest
from netspec.diagnostics.foreign import RECIPE, RECIPE_ELSEWHERE
from netspec.elaborate.recipe_facts import (
    InferredOption,
    OutputOfOtherSize,
    SeparateRates,
    StraySettingValue,
    UnknownForm,
    UnknownSetting,
    UnlabelledLayers,
)
from netspec.fixes import edits
from netspec.fixes.fix_context import FixContext
from netspec.fixes.matching import matching_fixes
from netspec.fixes.rule import semantic
from netspec.ops.kinds import Flag, Integer, Number
from netspec.syntax import tree as t

__all__ = ["RULES"]

_NET = "input 8\nFC-2\n"


@semantic(
    "NS403-setting",
    UnknownSetting,
    20,
    (f"{_NET}train {{\n  learning_rate 0.1\n  epochs 3\n}}\n", f"{_NET}train {{\n  optimizer sgd lr=0.1\n  epochs 3\n}}\n"),
    (f"{_NET}train {{\n  metrics accuracy\n  epochs 3\n}}\n", f"{_NET}train {{\n  epochs 3\n}}\n"),
    (f"{_NET}train {{\n  epoch 3\n}}\n", f"{_NET}train {{\n  epochs 3\n}}\n"),
    title="a setting that the recipe does not have",
)  # fmt: skip
def setting(context: FixContext) -> Iterator[Fix | str]:
    """The setting has another name here, is an option of another setting, or belongs to the command."""
    facts: UnknownSetting = context.facts
    line, known = facts.line, facts.known
    called = RECIPE.get(line.name.lower(), line.name)
    if (elsewhere := RECIPE_ELSEWHERE.get(line.name.lower())) is not None:
        whole = edits.line_of_its_own(line.span)
        yield Fix(elsewhere, (Edit(whole, ""),)) if whole is not None else elsewhere
    elif called not in known and (home := _home(called, facts.lines, known)) is not None:
        found = _as_option(facts, called, *home)
        yield found if isinstance(found, str) else found.title  # where the edit does not fit a text that is repaired
        yield found
    elif (translated := _in_our_words(line, known.get(called), "")) is not None:
        yield translated
    elif (near := called if called in known else nearest(line.name, known)) is not None:
        yield Fix.replace(line.name_span, near, f"did you mean `{near}`?")
    else:
        yield f"there are {', '.join(known)}"


def _home(called: str, lines: Sequence[t.Setting], known: Any) -> tuple[str, str] | None:
    """The setting and its form whose option a line names (`momentum 0.9`): the form in use, if one is."""
    for setting_ in known.values():
        words = [form.word for form in setting_.forms if form.word and called in form.options]
        line = next((line for line in lines if line.name == setting_.name and line.values), None)
        word = line.values[0].span.text if line is not None else ""
        if word in words:
            return setting_.name, word
        if words and line is not None and word not in setting_.words:  # it is reported, and will be one of these
            return setting_.name, nearest(RECIPE.get(word.lower(), word), words) or words[0]
        if words and line is None:
            return setting_.name, words[0]
    return None


def _as_option(facts: UnknownSetting, called: str, setting_: str, word: str) -> Fix | str:
    line = facts.line
    value = line.values[0].span.text if len(line.values) == 1 and not line.options else ""
    there = next((other for other in facts.lines if other.name == setting_), None)
    text = f"{called}={value or '…'}"
    if there is None:
        title = f"it is an option: `{setting_} {word} {text}`"
        return Fix.replace(line.span, f"{setting_} {word} {text}", title) if value else title
    given = any(option.name == called for option in there.options)
    parts = [word, *(v.span.text for v in there.values[1:]), *(o.span.text for o in there.options)]
    shown = " ".join([setting_, *([word] if given else parts)])
    title, whole = f"it is an option: `{shown} {text}`", edits.line_of_its_own(line.span)
    if not value or given or whole is None:
        return title
    return Fix(title, (edits.insert_after(there.span, f" {text}"), Edit(whole, "")))


def _in_our_words(line: t.Setting, setting_: Any, word: str) -> Fix | None:
    """A line whose setting or form has another name here, with its options by their names here; None where only the name
    differs, or the form is not known."""
    theirs = RECIPE.get(word.lower(), word.lower())
    forms = setting_.forms if setting_ is not None and line.options else ()
    form = next((form for form in forms if form.word == theirs), None)
    if form is None:
        return None
    options = [(RECIPE.get(o.name.lower()) or o.name, o.value.span.text) for o in line.options]
    known = [(name, value) for name, value in options if name in form.options]
    if known == [(o.name, o.value.span.text) for o in line.options]:
        return None
    lone = len(known) == 1 and not form.word and form.options[known[0][0]].slot == "value"
    said = known[0][1] if lone else " ".join(f"{name}={value}" for name, value in known)
    text = " ".join(part for part in (setting_.name, form.word, said) if part)
    return Fix.replace(line.span, text, f"write `{text}`")


@semantic(
    "NS403-form",
    UnknownForm,
    20,
    (f"{_NET}train {{\n  loss CrossEntropyLoss\n}}\n", f"{_NET}train {{\n  loss cross_entropy\n}}\n"),
    (f"{_NET}train {{\n  schedule StepLR step_size=3\n}}\n", f"{_NET}train {{\n  schedule step every=3\n}}\n"),
    title="a word that the setting does not take",
)
def form(context: FixContext) -> Iterator[Fix | str]:
    """The word is misspelled, or has the name that another trainer gives it."""
    facts: UnknownForm = context.facts
    words = facts.setting.words
    first = facts.line.values[0].span == facts.span  # else a loss that names its output
    translated = _in_our_words(facts.line, facts.setting, facts.word) if first else None
    theirs = RECIPE.get(facts.word.lower())
    near = theirs if theirs in words else nearest(facts.word, words)
    if translated is not None:
        yield translated
    elif near is not None:
        yield Fix.replace(facts.span, near, f"did you mean `{near}`?")
    else:
        yield f"there are {', '.join(words)}"


@semantic(
    "NS207-setting-value",
    StraySettingValue,
    20,
    (f"{_NET}train {{\n  optimizer sgd lr 0.1\n}}\n", f"{_NET}train {{\n  optimizer sgd lr=0.1\n}}\n"),
    (f"{_NET}train {{\n  optimizer sgd 0.1\n}}\n", f"{_NET}train {{\n  optimizer sgd lr=0.1\n}}\n"),
    (f"{_NET}train {{\n  schedule multistep 10 15\n}}\n", f"{_NET}train {{\n  schedule multistep at=[10, 15]\n}}\n"),
    title="a value for which a setting has no place",
)
def setting_value(context: FixContext) -> Iterator[Fix | str]:
    """Options are written with `=`, lists in brackets."""
    facts: StraySettingValue = context.facts
    options, texts = facts.form.options, [value.span.text for value in facts.values]
    whole = facts.values[0].span.to(facts.values[-1].span)
    names = [RECIPE.get(text.lower(), text) for text in texts[::2]]
    numbers = all(re.fullmatch(r"[\d._]+(e-?\d+)?", text) for text in texts)
    given = {o.name for o in facts.line.options}
    free = [
        n for n, o in options.items() if n not in given and o.slot != "value" and isinstance(o.kind, (Integer, Number))
    ]
    text = ""
    if names[0] in options and len(texts) == 1 and isinstance(options[names[0]].kind, Flag):
        text = f"{names[0]}=yes"
    elif len(texts) % 2 == 0 and all(name in options for name in names):
        text = " ".join(f"{name}={value}" for name, value in zip(names, texts[1::2], strict=True))
    elif numbers and "at" in options:
        text = f"at=[{', '.join(texts)}]"
    elif numbers and len(texts) == 1 and free:  # `optimizer sgd 0.1`
        text = f"{free[0]}={texts[0]}"
    if text:
        yield Fix.replace(whole, text, f"write `{text}`")
    else:
        yield f"its options are {', '.join(options)}" if options else "it has no options"


@semantic(
    "NS202-rates",
    SeparateRates,
    20,
    (f"{_NET}train {{\n  optimizer adam beta1=0.8 beta2=0.99\n}}\n", f"{_NET}train {{\n  optimizer adam betas=(0.8, 0.99)\n}}\n"),
    title="the rates of Adam as options of their own",
)  # fmt: skip
def rates(context: FixContext) -> Iterator[Fix]:
    """Adam has two rates, `betas=(0.9, 0.999)`; the first is its momentum."""
    facts: SeparateRates = context.facts
    first = next((o for o in facts.line.options if o.name in ("momentum", "beta1", "beta_1")), None)
    second = next((o for o in facts.line.options if o.name in ("beta2", "beta_2")), None)
    text = f"betas=({first.value.span.text if first else '0.9'}, {second.value.span.text if second else '0.999'})"
    given = [o for o in (first, second) if o is not None]
    what = "its momentum is the first of two rates" if facts.name == "momentum" else "its rates are one option"
    yield Fix(f"{what}: `{text}`", (Edit(given[0].span, text), *(edits.delete(o.span) for o in given[1:])))


@semantic(
    "NS202-inferred",
    InferredOption,
    20,
    (f"{_NET}train {{\n  schedule cosine t_max=10\n}}\n", f"{_NET}train {{\n  schedule cosine\n}}\n"),
    title="an option that netspec infers",
)
def inferred(context: FixContext) -> Iterator[Fix]:
    """The value follows from the rest of the recipe."""
    facts: InferredOption = context.facts
    yield Fix("remove it: netspec infers it", (edits.delete(facts.span),))


def _listed(names: tuple[str, ...]) -> str:
    return ", ".join(names[:6]) + (f" and {len(names) - 6} more" if len(names) > 6 else "")


@semantic(
    "NS208-unlabelled",
    UnlabelledLayers,
    20,
    ("input 8\nstem: FC-4\nFC-2\ntrain {\n  freeze stm\n}\n", "input 8\nstem: FC-4\nFC-2\ntrain {\n  freeze stem\n}\n"),
    ("input 8\nFC-4\nFC-2\ntrain {\n  freeze fc\n}\n", "input 8\nFC-4\nFC-2\ntrain {\n  freeze fc1\n}\n"),
    title="a layer that the net does not have",
)
def unlabelled(context: FixContext) -> Iterator[Fix | str]:
    """A recipe names layers by their labels, or by the names that `netspec check` shows: `conv1`, `basic2`."""
    facts: UnlabelledLayers = context.facts
    words = [value.span.text for value in facts.unknown]
    near = nearest(words[0], facts.labels) or nearest(words[0], facts.automatic)
    if near is not None and len(words) == 1:
        yield Fix.replace(facts.unknown[0].span, near, f"did you mean `{near}`?")
    elif not facts.labels:
        yield f"the layers are {_listed(facts.automatic)}; a label before a layer names it: `name: …`"
    else:
        names = sorted(dict.fromkeys(facts.labels))
        yield f"the labels are {', '.join(names)}; layers without one have the names that `netspec check` shows"
        if len(names) <= 3 and len(facts.unknown) == len(facts.line.values):
            whole = facts.unknown[0].span.to(facts.unknown[-1].span)
            yield from (Fix.replace(whole, name, f"`{facts.line.name} {name}`") for name in names)


@semantic(
    "NS912-output-size",
    OutputOfOtherSize,
    20,
    (
        "input 1x8x8\nconv3-4/2 pad=1\nconvT3-1/2 pad=1\ntrain {\n  loss mse target=input\n}\n",
        "input 1x8x8\nconv3-4/2 pad=1\nconvT3-1/2 pad=1 output_pad=1\ntrain {\n  loss mse target=input\n}\n",
    ),
    title="an autoencoder does not give what it is given",
)
def output_size(context: FixContext) -> Iterator[Fix | str]:
    """The output of an autoencoder has the size of its input."""
    facts: OutputOfOtherSize = context.facts
    found = list(islice(matching_fixes(context, facts.way, facts.goal, "the decoder"), 2))
    yield from found
    if not found:
        yield "change the layers of the decoder until the sizes agree"


RULES = (setting, form, setting_value, rates, inferred, unlabelled, output_size)
