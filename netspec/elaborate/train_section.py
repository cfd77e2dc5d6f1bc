"""Parses and validates a recipe, the `train` section of a spec."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from netspec.diagnostics import Label, nearest
from netspec.diagnostics.facts import GivenTwice, Instead, Misspelt
from netspec.elaborate.recipe_facts import (
    InferredOption,
    SeparateRates,
    StraySettingValue,
    UnknownForm,
    UnknownSetting,
    UnlabelledLayers,
)
from netspec.elaborate.state import FAILED, Frame
from netspec.ops.kinds import BadValue, Choice
from netspec.recipe import Chosen, Recipe
from netspec.settings import SETTINGS
from netspec.settings.schema import Form, Measure, Setting
from netspec.source import Span
from netspec.syntax import tree as t
from netspec.values import Word, show

if TYPE_CHECKING:
    from netspec.elaborate.context import ElaborationContext

RATES = ("momentum", "beta1", "beta_1", "beta2", "beta_2")

__all__ = ["read_recipe"]


def read_recipe(run: ElaborationContext, train: t.Train, frame: Frame) -> Recipe | None:
    """The recipe of a `train` section; None if it has errors, which are reported (NS403 and the codes of values)."""
    reader = _Reader(run, frame)
    settings = reader.section(train.settings, SETTINGS, "train")
    augment = {name: lines[0] for name, lines in reader.augment.items()}
    if reader.failed:
        return None
    return Recipe(settings, augment)


class _Reader:
    def __init__(self, run: ElaborationContext, frame: Frame) -> None:
        self.run, self.frame = run, frame
        self.failed = False
        self.augment: dict[str, tuple[Chosen, ...]] = {}
        self.lines: tuple[t.Setting, ...] = ()

    def fail(self, code: str, message: str, span: Span, *helps: str, facts: Any = None) -> None:
        self.failed = True
        self.run.error(code, message, span, helps=helps, facts=facts)

    def section(
        self, lines: tuple[t.Setting, ...], known: Mapping[str, Setting], where: str
    ) -> dict[str, tuple[Chosen, ...]]:
        found: dict[str, tuple[Chosen, ...]] = {}
        self.lines = (*self.lines, *lines)
        for line in lines:
            setting = known.get(line.name)
            if setting is None:
                facts = UnknownSetting(line, lines, known)
                self.fail("NS403", f"`{where}` has no setting `{line.name}`", line.name_span, facts=facts)
            elif (first := self.same(line, lines, setting)) is not line and not setting.many:
                self.given_twice(line, first)
            else:
                chosen = self.line(line, setting)
                if chosen is not None:
                    found[line.name] = (*found.get(line.name, ()), chosen)
        return found

    def same(self, line: t.Setting, lines: tuple[t.Setting, ...], setting: Setting) -> t.Setting:
        """The first line of a setting, for the same output."""

        def key(other: t.Setting) -> tuple[str, str]:
            output = self.named_output(other, setting)
            return other.name, "" if output is None or len(self.run.graph.outputs) == 1 else output.text

        return next(other for other in lines if key(other) == key(line))

    def named_output(self, line: t.Setting, setting: Setting) -> t.Name | None:
        """The output that a line names before the word of the setting: `loss digit cross_entropy`."""
        if not setting.outputs or len(line.values) < 2:
            return None
        first, second = line.values[:2]
        if not isinstance(first, t.Name) or not isinstance(second, t.Name):
            return None
        return first if first.text not in setting.words or first.text in dict(self.run.graph.outputs) else None

    def outputs(self, name: t.Name) -> tuple[str, ...]:
        """The label of a line that names an output."""
        known = [*dict(self.run.graph.outputs), *self.run.lost_outputs]
        if name.text not in known:
            near = nearest(name.text, known)
            helps = [f"did you mean `{near}`?"] if near else [f"its outputs are {', '.join(f'`{n}`' for n in known)}"]
            facts = Instead(name.span, near, helps[0]) if near else None
            self.fail(
                "NS208", f"the net has no output `{name.text}`", name.span, *([] if facts else helps), facts=facts
            )
        return (name.text,)

    def output_last(self, line: t.Setting, rest: list[t.Expr]) -> bool:
        """Reports a line that names its output after the word."""
        if len(rest) != 1 or not isinstance(rest[0], t.Name) or rest[0].text not in dict(self.run.graph.outputs):
            return False
        message = f"the output `{rest[0].text}` comes before the kind of its loss"
        help_ = f"write `{line.name} {rest[0].text} {line.values[0].span.text}`"
        self.fail("NS207", message, rest[0].span, help_)
        return True

    def given_twice(self, line: t.Setting, first: t.Setting) -> None:
        self.failed = True
        self.run.error(
            "NS203", f"`{line.name}` is given twice", line.span, secondary=[Label(first.span, "first here")],
            facts=GivenTwice(line.span),
        )  # fmt: skip

    def line(self, line: t.Setting, setting: Setting) -> Chosen | None:
        if setting.nested is not None and line.settings is None and (line.values or line.options):
            inside = "; ".join(v.span.text for v in line.values)
            help_ = f"they belong in braces: `{line.name} {{ {inside or '…'} }}`"
            whole = line.values[0].span.to(line.values[-1].span) if line.values else line.span
            facts = Instead(whole, f"{{ {inside} }}", help_) if inside and not line.options else None
            self.fail(
                "NS207", f"`{setting.name}` is a section in braces", whole, *([] if facts else [help_]), facts=facts
            )
            return None
        if setting.nested is not None:
            self.augment = self.section(line.settings or (), setting.nested, setting.name)
        elif line.settings is not None:
            self.fail("NS403", f"`{setting.name}` does not take a section in braces", line.span)
        if setting.labels:
            return Chosen("", self.options(line, setting, setting.forms[0], []).values, self.label_list(line))
        values = list(line.values)
        form = setting.forms[0]
        labels: tuple[str, ...] = ()
        if (output := self.named_output(line, setting)) is not None:
            labels = self.outputs(output)
            values.pop(0)
        if setting.words:
            chosen = self.form(line, setting, values)
            if chosen is None:
                return None
            form = chosen
        if setting.outputs and not labels and self.output_last(line, values):
            return None
        found = self.options(line, setting, form, values)
        return Chosen(found.word, found.values, labels)

    def form(self, line: t.Setting, setting: Setting, values: list[t.Expr]) -> Form | None:
        have = f"the options are {', '.join(setting.words)}"
        if not values:
            self.fail("NS206", f"missing kind of `{setting.name}`", line.span, have)
            return None
        span = values[0].span
        word = self.run.evaluate(values.pop(0), self.frame, words=True)
        name = word.name if isinstance(word, Word) else word
        for form in setting.forms:
            if form.word == name:
                return form
        shown = show(word) if word is not FAILED else "this"
        message = f"`{setting.name}` cannot be `{shown}`"
        if isinstance(name, str):
            self.fail("NS403", message, span, facts=UnknownForm(line, setting, name, span))
        else:
            self.fail("NS403", message, span, have)
        return None

    def options(self, line: t.Setting, setting: Setting, form: Form, values: list[t.Expr]) -> Chosen:
        what = f"{setting.name} {form.word}".strip()
        chosen = {name: option.default for name, option in form.options.items()}
        given: set[str] = set()
        positional = [o for o in form.options.values() if o.slot == "value"]
        if len(values) > len(positional):
            stray = values[len(positional) :]
            facts = StraySettingValue(line, form, tuple(stray))
            self.fail("NS207", f"`{what}` does not take this value", stray[0].span, facts=facts)
        pairs = [(o.name, v, v.span) for o, v in zip(positional, values, strict=False)]
        pairs += [(o.name, o.value, o.span) for o in line.options]
        idle = not form.word and positional and values and isinstance(values[0], t.Name)
        if idle and positional[0].name in {o.name for o in line.options} and not isinstance(positional[0].kind, Choice):
            idle_word = Instead(values[0].span, "", f"remove `{values[0].span.text}`")
            self.fail("NS207", f"`{what}` does not take a word", values[0].span, facts=idle_word)
            return Chosen(form.word, chosen)
        for name, expr, span in pairs:
            option = form.options.get(name)
            if option is None:
                self.unknown_option(line, what, name, span, form)
            elif name in given:
                self.fail("NS203", f"`{name}` is given twice", span, facts=GivenTwice(span))
            else:
                given.add(name)
                self.read(chosen, what if option.slot == "value" else name, option, expr)
        return Chosen(form.word, chosen)

    def unknown_option(self, line: t.Setting, what: str, name: str, span: Span, form: Form) -> None:
        from netspec.diagnostics.foreign import RECIPE

        place, theirs = Span(span.source, span.start, span.start + len(name)), RECIPE.get(name.lower(), "")
        facts: Any = Misspelt(place, name, tuple(form.options), self.have(form), theirs)
        if name in RATES and "betas" in form.options:
            if name.startswith("beta2") or (name == "beta_2" and any(o.name in RATES[:3] for o in line.options)):
                self.failed = True  # reported with the first of the two
                return
            facts = SeparateRates(line, name)
        elif RECIPE.get(name.lower()) == "":
            facts = InferredOption(span)
        self.fail("NS202", f"`{what}` has no option `{name}`", place, facts=facts)

    def read(self, chosen: dict[str, Any], what: str, option: Any, expr: t.Expr) -> None:
        value = self.run.evaluate(expr, self.frame, words=True)
        if value is FAILED:
            self.failed = True
            return
        kind = option.kind
        if isinstance(kind, Measure):
            kind = kind.among([name for name, _ in self.run.graph.outputs])
        try:
            chosen[option.name] = kind.read(value)
        except BadValue as bad:
            self.failed = True
            self.run.bad_value(bad, what, expr.span)

    def have(self, form: Form) -> str:
        return f"its options are {', '.join(form.options)}" if form.options else "it has no options"

    def automatic_names(self) -> set[str]:
        """The layers and blocks of the net by the names that they have without a label: `conv1`, `basic2`."""
        return {n.name.partition(".")[0] for n in self.run.graph.nodes if n.inputs}

    def layer_labels(self) -> list[str]:
        inputs = {name for name, _ in self.run.graph.inputs}
        return [label for label in self.frame.visible_labels() if label not in inputs]

    def label_list(self, line: t.Setting) -> tuple[str, ...]:
        if not line.values:
            self.fail(
                "NS206",
                f"missing labels of `{line.name}`",
                line.span,
                f"write `{line.name} stem` for a layer labeled `stem:`",
            )
        automatic = self.automatic_names()
        unknown = [
            v
            for v in line.values
            if not isinstance(v, t.Name) or (self.frame.label(v.text) is None and v.text not in automatic)
        ]
        labels = [v.text for v in line.values if isinstance(v, t.Name) and v not in unknown]
        if unknown:
            shown = unknown[0].span.text
            facts = UnlabelledLayers(line, tuple(unknown), tuple(self.layer_labels()), tuple(sorted(automatic)))
            self.fail("NS208", f"there is no label `{shown}`", unknown[0].span, facts=facts)
        return tuple(labels)
