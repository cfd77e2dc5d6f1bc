"""Lines of a recipe that are written otherwise: what was probably meant, and the edit that says it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence

from netspec.diagnostics import Edit, Fix
from netspec.diagnostics.foreign import RECIPE, RECIPE_ELSEWHERE
from netspec.elaborate.failures import text_line
from netspec.ops.kinds import Flag
from netspec.settings.schema import Form, Setting
from netspec.source import Span
from netspec.syntax import tree as t

__all__ = [
    "in_our_words",
    "known_labels",
    "line_taken_out",
    "meant_setting",
    "rates_together",
    "stray_values",
    "without",
]

Meant = tuple[str, tuple[Fix, ...]]
"""A help, and the fixes for it."""


def line_taken_out(span: Span, help_: str) -> tuple[Fix, ...]:
    """The fix that deletes a line, where nothing else stands in it."""
    source = span.source
    start, stop = text_line(source.text, span.start)
    alone = source.text[start:stop].split("#")[0].strip() == span.text.strip()
    return (Fix(help_, (Edit(Span(source, start, stop), ""),)),) if alone else ()


def without(span: Span, help_: str) -> tuple[Fix, ...]:
    """The fix that takes out what stands behind a space."""
    text, start = span.source.text, span.start
    while text[start - 1 : start] in (" ", "\t"):
        start -= 1
    return (Fix(help_, (Edit(Span(span.source, start, span.end), ""),)),)


def meant_setting(line: t.Setting, lines: Sequence[t.Setting], known: Mapping[str, Setting]) -> Meant | None:
    """What was meant by a line that is no setting: an option of another, or what stands elsewhere."""
    elsewhere = RECIPE_ELSEWHERE.get(line.name.lower())
    if elsewhere is not None:
        return elsewhere, line_taken_out(line.span, elsewhere)
    called = RECIPE.get(line.name.lower(), line.name)
    if called in known:
        return None
    home = _home(called, lines, known)
    if home is None:
        return None
    setting, word = home
    value = line.values[0].span.text if len(line.values) == 1 and not line.options else ""
    option = f"{called}={value or '…'}"
    there = next((other for other in lines if other.name == setting), None)
    if there is None:
        text = f"{setting} {word} {option}"
        help_ = f"it is an option: `{text}`"
        return help_, (Fix.replace(line.span, text, help_),) if value else ()
    given = next((o for o in there.options if o.name == called), None)
    text = " ".join(there.span.text.split()) if given is None else f"{setting} {word}"
    help_ = f"it is an option: `{text} {option}`"
    if not value or given is not None or not (gone := line_taken_out(line.span, help_)):
        return help_, ()
    end = Span(there.span.source, there.span.end, there.span.end)
    return help_, (Fix(help_, (Edit(end, f" {option}"), *gone[0].edits)),)


def _home(called: str, lines: Sequence[t.Setting], known: Mapping[str, Setting]) -> tuple[str, str] | None:
    """The setting and its form whose option a line names (`momentum 0.9`): the form in use, if one is."""
    for setting in known.values():
        forms = [form for form in setting.forms if form.word and called in form.options]
        line = next((line for line in lines if line.name == setting.name and line.values), None)
        words = [form.word for form in forms]
        if line is not None and line.values[0].span.text in words:
            return setting.name, line.values[0].span.text
        if forms and line is None:
            return setting.name, forms[0].word
    return None


def stray_values(line: t.Setting, form: Form, values: Sequence[t.Expr], what: str) -> Meant | None:
    """What was meant by values for which a form has no place: `lr 0.1`, `nesterov`, `step 30 0.1`, `multistep 10 15`."""
    texts = [value.span.text for value in values]
    whole = values[0].span.to(values[-1].span)
    called = RECIPE.get(texts[0].lower(), texts[0])
    if called in form.options:
        option = form.options[called]
        if isinstance(option.kind, Flag) and len(values) == 1:
            return _written(whole, f"{called}=yes", f"write `{called}=yes`")
        if len(values) % 2 == 0 and all(RECIPE.get(a.lower(), a) in form.options for a in texts[::2]):
            pairs = zip(texts[::2], texts[1::2], strict=True)
            text = " ".join(f"{RECIPE.get(a.lower(), a)}={b}" for a, b in pairs)
            return _written(whole, text, f"options are written with `=`: `{text}`")
        return None
    if not all(re.fullmatch(r"[\d._]+(e-?\d+)?", text) for text in texts):
        return None
    if "at" in form.options:
        return _written(whole, f"at=[{', '.join(texts)}]", f"write `at=[{', '.join(texts)}]`")
    free = [o for o in form.options.values() if o.slot != "value" and o.name not in {o.name for o in line.options}]
    if len(texts) == 1 and free:
        return _written(whole, f"{free[0].name}={texts[0]}", f"name it: `{what} … {free[0].name}={texts[0]}`")
    return None


def _written(span: Span, text: str, help_: str) -> Meant:
    return help_, (Fix.replace(span, text, help_),)


def known_labels(line: t.Setting, unknown: Sequence[t.Expr], labels: Iterable[str], nodes: Mapping[str, Span]) -> Meant:
    """What a line that names layers may name; `nodes` are the layers by their automatic names."""
    words = [value.span.text for value in unknown]
    if all(word in nodes for word in words):
        shown = " and ".join(f"`{word}:`" for word in words)
        help_ = f"automatic names are no labels: write {shown} before the layer{'s' if len(words) > 1 else ''}"
        spans = {nodes[word]: word for word in words}
        edits = tuple(Edit(Span(s.source, s.start, s.start), f"{word}: ") for s, word in spans.items())
        return help_, (Fix(help_, edits),) if len(edits) == len(words) else ()
    names = sorted(dict.fromkeys(labels))
    if not names:
        return "write a label before the layer: `name: …`; automatic names such as conv1 are not known here", ()
    help_ = f"the labels are {', '.join(names)}; automatic names such as conv1 are not known here"
    if len(names) > 3 or len(unknown) != len(line.values):
        return help_, ()
    whole = unknown[0].span.to(unknown[-1].span)
    return help_, tuple(Fix.replace(whole, name, f"`{line.name} {name}`") for name in names)


def in_our_words(line: t.Setting, setting: Setting | None, word: str = "") -> Meant | None:
    """A line whose setting or form has another name here, with its options by their names here; None where only the name
    differs, or the form is not known."""
    if setting is None or not line.options:
        return None
    theirs = RECIPE.get(word.lower(), word.lower())
    form = next((form for form in setting.forms if form.word == theirs), None)
    if form is None:
        return None
    options = [(RECIPE.get(o.name.lower()) or o.name, o.value.span.text) for o in line.options]
    if all(o.name == name for o, (name, _) in zip(line.options, options, strict=True)) and all(
        name in form.options for name, _ in options
    ):
        return None
    known = [(name, value) for name, value in options if name in form.options]
    lone = len(known) == 1 and not form.word
    said = known[0][1] if lone and form.options[known[0][0]].slot == "value" else " ".join(f"{n}={v}" for n, v in known)
    text = " ".join(part for part in (setting.name, form.word, said) if part)
    return f"write `{text}`", (Fix.replace(line.span, text, f"write `{text}`"),)


def rates_together(line: t.Setting, name: str) -> Meant | None:
    """`beta1=0.9 beta2=0.98` and `momentum=0.9` of Adam; None for the second of them, which is told with the first."""
    first = next((o for o in line.options if o.name in ("momentum", "beta1", "beta_1")), None)
    second = next((o for o in line.options if o.name in ("beta2", "beta_2")), None)
    if first is not None and second is not None and name == second.name:
        return None
    text = f"betas=({first.value.span.text if first else '0.9'}, {second.value.span.text if second else '0.999'})"
    given = [o for o in (first, second) if o is not None]
    edits = [Edit(given[0].span, text), *(edit for o in given[1:] for edit in without(o.span, "")[0].edits)]
    what = "its momentum is the first of two rates" if name == "momentum" else "its rates stand together"
    return f"{what}: `{text}`", (Fix(f"{what}: `{text}`", tuple(edits)),)
