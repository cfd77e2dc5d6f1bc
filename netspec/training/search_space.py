"""The search space of `netspec tune`: settings of the recipe and parameters of the net, each with its range."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from netspec.diagnostics import Diagnostics, SpecError, nearest
from netspec.settings import SETTINGS
from netspec.source import SourceFile
from netspec.syntax import parse
from netspec.syntax import tree as t
from netspec.training.resolve import Override, nearest_setting, resolved

if TYPE_CHECKING:
    import optuna

__all__ = ["Dimension", "SearchSpace"]


@dataclass(frozen=True)
class Dimension:
    """One name and its values: a range from low to high (integers if both are), or one of several texts."""

    name: str
    parameter: bool
    """Whether it is a parameter of the net, rather than a setting of the recipe or an option of one."""
    low: float | int = 0
    high: float | int = 0
    log: bool = False
    choices: tuple[str, ...] = ()

    def suggest(self, trial: optuna.Trial) -> str:
        """A value as written in the spec."""
        if self.choices:
            return str(trial.suggest_categorical(self.name, self.choices))
        if isinstance(self.low, int) and isinstance(self.high, int):
            return str(trial.suggest_int(self.name, self.low, self.high, log=self.log))
        return self.text(trial.suggest_float(self.name, self.low, self.high, log=self.log))

    def text(self, value: Any) -> str:
        """Rounds to six digits, which is precise enough and readable."""
        return f"{value:.6g}" if isinstance(value, float) else str(value)

    @property
    def ends(self) -> tuple[str, str]:
        if self.choices:
            return self.choices[0], self.choices[-1]
        return self.text(self.low), self.text(self.high)


@dataclass(frozen=True)
class SearchSpace:
    dimensions: tuple[Dimension, ...]
    written: tuple[str, ...]

    @classmethod
    def of(cls, source: SourceFile, written: Sequence[str]) -> SearchSpace:
        """Raises ValueError with a reason for an invalid search, SpecError if the spec cannot be parsed."""
        parameters = _parameters(source)
        dimensions = [_dimension(text, parameters) for text in written]
        names = [d.name for d in dimensions]
        for name in names:
            if names.count(name) > 1:
                raise ValueError(f"has `{name}` twice")
        return cls(tuple(dimensions), tuple(written))

    def values(self, trial: optuna.Trial) -> dict[str, str]:
        return {d.name: d.suggest(trial) for d in self.dimensions}

    def texts(self, values: Mapping[str, Any]) -> dict[str, str]:
        """The values of a study, as written in the spec."""
        return {d.name: d.text(values[d.name]) for d in self.dimensions if d.name in values}

    def source(self, source: SourceFile, values: Mapping[str, str]) -> SourceFile:
        """The spec with these values applied: parameters, then whole settings, then single options."""
        parameters = {d.name: values[d.name] for d in self.dimensions if d.parameter and d.name in values}
        overrides = [
            Override.of(f"{d.name}={values[d.name]}") for d in self.dimensions if not d.parameter and d.name in values
        ]
        return resolved(source, parameters, sorted(overrides, key=lambda o: bool(o.option)))


def _parameters(source: SourceFile) -> list[str]:
    diagnostics = Diagnostics()
    tree = parse(source, diagnostics)
    if tree is None or diagnostics.has_errors:
        raise SpecError(tuple(diagnostics))
    net = next((item for item in tree.items if isinstance(item, t.Net)), None)
    return [p.name for p in net.parameters] if net is not None else []


def _dimension(written: str, parameters: Sequence[str]) -> Dimension:
    left, equals, right = written.partition("=")
    name, text = left.strip(), right.strip()
    if not equals or not name or not text:
        raise ValueError(f"needs NAME=LOW..HIGH or NAME=a,b,c, found `{written}`")
    parameter = name in parameters
    if not parameter:
        _check_setting(name, parameters)
    if ".." in text:
        return _range(name, text, parameter=parameter)
    choices = _choices(text)
    if len(choices) < 2 or len(set(choices)) < len(choices):
        raise ValueError(f"needs a range LOW..HIGH or several values a,b,c for `{name}`, found `{text}`")
    if not parameter:
        for choice in choices:
            Override.of(f"{name}={choice}")
    return Dimension(name, parameter, choices=tuple(choices))


def _check_setting(name: str, parameters: Sequence[str]) -> None:
    setting, _, option = name.partition(".")
    if setting not in SETTINGS:
        near = nearest_setting(setting, parameters)
        hint = f"; did you mean `{near}`?" if near else ""
        raise ValueError(f"found no setting or parameter of the net named `{setting}`{hint}")
    options = {o for form in SETTINGS[setting].forms for o in form.options}
    if option and option not in options:
        near = nearest(option, options)
        hint = f"did you mean `{near}`?" if near else f"its options are {', '.join(sorted(options)) or 'none'}"
        raise ValueError(f"found no option `{option}` of `{setting}`; {hint}")


def _range(name: str, text: str, *, parameter: bool) -> Dimension:
    words = text.split()
    low_text, _, high_text = words[0].partition("..")
    if words[1:] not in ([], ["log"]):
        raise ValueError(f"needs LOW..HIGH or LOW..HIGH log for `{name}`, found `{text}`")
    try:
        low, high = _number(low_text), _number(high_text)
    except ValueError:
        raise ValueError(f"needs numbers LOW..HIGH for `{name}`, found `{text}`") from None
    if isinstance(low, float) or isinstance(high, float):
        low, high = float(low), float(high)
    if not low < high:
        raise ValueError(f"needs a smaller and a larger number for `{name}`, found `{text}`")
    if len(words) > 1 and low <= 0:
        raise ValueError(f"needs numbers greater than 0 for `{name}`, because of `log`")
    return Dimension(name, parameter, low, high, log=len(words) > 1)


def _number(text: str) -> int | float:
    try:
        return int(text)
    except ValueError:
        value = float(text)
        if value - value != 0:
            raise ValueError("it is not finite") from None
        return value


def _choices(text: str) -> list[str]:
    """Splits at commas outside brackets and quotes."""
    parts, depth, quoted, start = [], 0, False, 0
    for place, character in enumerate(text):
        quoted ^= character == '"'
        if not quoted:
            depth += (character in "([") - (character in ")]")
            if character == "," and depth == 0:
                parts.append(text[start:place].strip())
                start = place + 1
    parts.append(text[start:].strip())
    return [part for part in parts if part]
