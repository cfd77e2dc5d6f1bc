"""The spec of a run: its text with all overrides applied, so that the run folder is complete."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from netspec.diagnostics import Diagnostics, SpecError, nearest
from netspec.elaborate.open_inputs import open_names
from netspec.model import check
from netspec.settings import SETTINGS
from netspec.settings.schema import Form
from netspec.source import SourceFile, Span
from netspec.syntax import parse
from netspec.syntax import tree as t

__all__ = ["Override", "nearest_setting", "parsed", "replaced", "resolved", "used_files"]


@dataclass(frozen=True, slots=True)
class Override:
    """`--set NAME=TEXT` replaces the line of a setting with `NAME TEXT`; `--set NAME.OPTION=VALUE` changes one option."""

    name: str
    option: str
    text: str

    @classmethod
    def of(cls, written: str) -> Override:
        """Raises ValueError with a reason for an invalid override."""
        left, equals, text = written.partition("=")
        name, _, option = left.strip().partition(".")
        if not equals or not name:
            raise ValueError(f"needs NAME=VALUE or NAME.OPTION=VALUE, found `{written}`")
        if name not in SETTINGS:
            near = nearest_setting(name)
            raise ValueError(f"found no setting `{name}`" + (f"; did you mean `{near}`?" if near else ""))
        if "\n" in text or "}" in text:
            raise ValueError("needs a single line without braces")
        return cls(name, option, text.strip())


def nearest_setting(name: str, others: Sequence[str] = ()) -> str | None:
    """What a name that is no setting was probably meant to be: an option of one (`optimizer.lr` for `lr`), or a setting or
    one of the others that is spelled almost the same."""
    owners = [setting for setting, known in SETTINGS.items() if any(name in form.options for form in known.forms)]
    return f"{owners[0]}.{name}" if len(owners) == 1 else nearest(name, [*SETTINGS, *others])


def resolved(source: SourceFile, parameters: Mapping[str, str], overrides: Sequence[Override]) -> SourceFile:
    """The source with parameters of the net and settings of the recipe replaced.

    `parameters` are the values of `-D` as written; expectations that are about the values in the file and do not hold for
    these are commented out. The text is unchanged if there is nothing to replace.
    Raises SpecError if the source cannot be parsed.
    """
    if parameters:
        source = _with_parameters(source, parameters)
    for override in overrides:
        source = _with_setting(source, override)
    return source


def parsed(source: SourceFile) -> t.File:
    """Raises SpecError if there are errors."""
    diagnostics = Diagnostics()
    tree = parse(source, diagnostics)
    if tree is None or diagnostics.has_errors:
        raise SpecError(tuple(diagnostics))
    return tree


def replaced(source: SourceFile, start: int, end: int, text: str) -> SourceFile:
    """The source with another text from `start` to `end`."""
    return SourceFile(source.text[:start] + text + source.text[end:], source.name, source.path)


def _with_parameters(source: SourceFile, parameters: Mapping[str, str]) -> SourceFile:
    def changed(source: SourceFile) -> SourceFile:
        for name, value in parameters.items():
            source = _with_parameter(source, name, value)
        return source

    found = check(changed(source))
    if found.graph is None or not found.lenient().ok:
        return changed(source)
    values = {name: found.graph.parameters[name] for name in parameters if name in found.graph.parameters}
    notes = [d.span for d in check(source, values).diagnostics if d.severity == "note" and d.span is not None]
    statements = [
        item.span for item in _expectations(parsed(source).items) if any(_inside(n, item.span) for n in notes)
    ]
    for span in sorted(statements, key=lambda span: span.start, reverse=True):
        source = _without_statement(source, span)
    return changed(source)


def _expectations(items: Any) -> Iterator[t.Expect]:
    for item in items:
        if isinstance(item, t.Expect):
            yield item
        elif isinstance(item, (t.TreeNode, tuple)):
            yield from _expectations(item)


def _inside(part: Span, whole: Span) -> bool:
    return part.source is whole.source and whole.start <= part.start <= whole.end


def _without_statement(source: SourceFile, span: Span) -> SourceFile:
    """Comments a statement out; one that shares its line with others is cut."""
    text = source.text
    start, end = text.rfind("\n", 0, span.start) + 1, (text + "\n").index("\n", span.end)
    if not text[start : span.start].strip() and text[span.end : end].lstrip()[:1] in ("", "#"):
        return replaced(source, span.start, span.end, "# " + span.text.replace("\n", "\n# "))
    before = re.search(r";[ \t]*$", text[: span.start])
    after = re.match(r"[ \t]*;[ \t]*", text[span.end :])
    if before is not None:
        return replaced(source, before.start(), span.end, "")
    return replaced(source, span.start, span.end + (after.end() if after is not None else 0), "")


def _with_parameter(source: SourceFile, name: str, value: str) -> SourceFile:
    """Unknown parameters are left to the check, which reports them."""
    net = next((item for item in parsed(source).items if isinstance(item, t.Net)), None)
    found = next((p for p in net.parameters if p.name == name), None) if net is not None else None
    if found is None:
        return _with_size(source, name, value)
    return replaced(source, found.span.start, found.span.end, f"{name} = {value}")


def _with_size(source: SourceFile, name: str, value: str) -> SourceFile:
    """An open size written as a number, wherever an input has it."""
    tree = parsed(source)
    if name not in open_names(tree):
        return source
    inputs = [item for item in tree.items if isinstance(item, t.Input)]
    places = [size.span for item in inputs for size in item.sizes if isinstance(size, t.Name) and size.text == name]
    for span in sorted(places, key=lambda span: span.start, reverse=True):
        source = replaced(source, span.start, span.end, value)
    return source


def _with_setting(source: SourceFile, override: Override) -> SourceFile:
    train = next((item for item in parsed(source).items if isinstance(item, t.Train)), None)
    whole = f"{override.name} {override.text}"
    if override.option:
        form = SETTINGS[override.name].forms[0]
        whole = " ".join(w for w in (override.name, form.word, f"{override.option}={override.text}") if w)
    if train is None:
        gap = "" if source.text.endswith("\n") or not source.text else "\n"
        return replaced(source, len(source.text), len(source.text), f"{gap}\ntrain {{\n  {whole}\n}}\n")
    lines = [s for s in train.settings if s.name == override.name]
    if len(lines) > 1:
        raise SpecError.of(
            "NS604", f"the recipe has {len(lines)} lines `{override.name}`, but `--set` can change only one",
            helps=["change them in the spec"],
        )  # fmt: skip
    line = lines[0] if lines else None
    if line is None:
        end = train.span.end - 1
        last = train.settings[-1].span.end if train.settings else train.span.start
        inline = train.settings and "\n" not in source.text[last:end]
        return replaced(source, end, end, f"; {whole} " if inline else f"  {whole}\n")
    if not override.option:
        return replaced(source, line.span.start, line.span.end, whole)
    return _with_option(source, line, override)


def _with_option(source: SourceFile, line: t.Setting, override: Override) -> SourceFile:
    given = next((o for o in line.options if o.name == override.option), None)
    if given is not None:
        return replaced(source, given.value.span.start, given.value.span.end, override.text)
    form = _form_of(line)
    first = next((o.name for o in form.options.values() if o.slot == "value"), None) if form is not None else None
    values = line.values[1:] if SETTINGS[line.name].words else line.values
    if override.option == first and values:
        return replaced(source, values[0].span.start, values[0].span.end, override.text)
    return replaced(source, line.span.end, line.span.end, f" {override.option}={override.text}")


def _form_of(line: t.Setting) -> Form | None:
    forms = SETTINGS[line.name].forms
    word = line.values[0].span.text if line.values else ""
    return next((form for form in forms if form.word in ("", word)), None)


def used_files(source: SourceFile) -> list[str]:
    """The paths of files in `use` statements, relative to the source."""
    return [item.path for item in parsed(source).items if isinstance(item, t.Use) and not item.library]
