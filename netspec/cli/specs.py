"""Shared by the commands: reading specs and parameters, printing diagnostics, exit codes."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from netspec.cli.output import color_wanted, columns, echo_verbatim
from netspec.diagnostics import Diagnostic, SpecError
from netspec.source import SourceFile

if TYPE_CHECKING:  # the compiler is loaded when a spec is read, not for a help text
    from netspec.elaborate.limits import Limits
    from netspec.model import Checked

__all__ = [
    "checked_model",
    "limit_option",
    "parameter_option",
    "print_diagnostics",
    "read_limits",
    "read_lints",
    "read_parameters",
    "read_spec",
    "run_check",
    "strict_option",
    "usable",
    "with_lints",
]

_PROFILE = "netspec.limits"
F = TypeVar("F", bound=Callable[..., Any])


def parameter_option(command: F) -> F:
    return click.option(
        "-D", "definitions", metavar="NAME=VALUE", multiple=True, help="Set a parameter of the net; can be repeated."
    )(command)


def strict_option(command: F) -> F:
    text = "Refuse a spec with warnings or notes, such as a failed expectation."
    return click.option("--strict", is_flag=True, help=text)(command)


def limit_option(command: F) -> F:
    from netspec.elaborate.limits import LIMIT_NAMES

    text = f"Change a resource limit ({', '.join(LIMIT_NAMES)}); can be repeated."
    command = click.option("--limit", "limits", metavar="NAME=N", multiple=True, help=text)(command)
    return click.option(
        "--limit-profile",
        type=click.Choice(["service"]),
        expose_value=False,
        is_eager=True,
        callback=_apply_profile,
        help="Bounds for specs of strangers: 1 s of CPU, 256 MB, `use` of the library only.",
    )(command)


def _apply_profile(ctx: click.Context, _: click.Parameter, chosen: str | None) -> None:
    if chosen is not None:
        from netspec.cli.service_profile import apply_service_bounds
        from netspec.elaborate.limits import SERVICE_LIMITS

        ctx.meta[_PROFILE] = SERVICE_LIMITS
        ctx.call_on_close(apply_service_bounds())


def read_parameters(definitions: Iterable[str]) -> dict[str, Any]:
    """`name=value` pairs; a value is a literal of the language. Raises UsageError."""
    from netspec.cli.literals import literal_value

    values: dict[str, Any] = {}
    for definition in definitions:
        name, equals, text = definition.partition("=")
        if not equals or not re.fullmatch(r"[A-Za-z_]\w*", name.strip()):
            raise click.UsageError(f"-D needs NAME=VALUE, found `{definition}`.")
        if name.strip() in values:
            raise click.UsageError(f"-D {name.strip()} is given twice.")
        values[name.strip()] = literal_value(text)
    return values


def read_limits(pairs: Iterable[str]) -> Limits:
    """Raises UsageError."""
    from netspec.elaborate.limits import LIMIT_NAMES, Limits

    values: dict[str, int] = {}
    for pair in pairs:
        name, _, number = pair.partition("=")
        if (
            name not in LIMIT_NAMES
            or not re.fullmatch(r"[0-9][0-9_]{0,29}", number)
            or int(number.replace("_", "")) < 1
        ):
            raise click.UsageError(
                f"--limit needs NAME=N, where NAME is one of {', '.join(LIMIT_NAMES)}, found `{pair}`."
            )
        values[name] = int(number.replace("_", ""))
    context = click.get_current_context(silent=True)
    profile: Limits = context.meta.get(_PROFILE, Limits()) if context is not None else Limits()
    return profile.raised(**values)


def read_spec(path: str, limits: Limits) -> SourceFile:
    """The source of a path; `-` is standard input, and the folder of a run stands for its spec. Raises SpecError."""
    from netspec.elaborate.project import decode, read_source
    from netspec.spec_source import spec_path

    if path == "-":
        if sys.stdin is None:
            raise SpecError.of("NS001", "standard input is closed")
        return decode(sys.stdin.buffer.read(limits.bytes + 1), "<stdin>", None, limits)
    return read_source(spec_path(Path(path)), limits)


def run_check(source: SourceFile, parameters: dict[str, Any], limits: Limits, expect: Iterable[str] = ()) -> Checked:
    """Raises UsageError for an unknown parameter."""
    from netspec.elaborate import UnknownParameter
    from netspec.model import check

    try:
        return check(source, parameters, limits, expect=expect)
    except UnknownParameter as unknown:
        raise click.UsageError(f"The net in {source.name} has no parameter `{unknown.name}`; {unknown.help}.") from None


def with_lints(checked: Checked, codes: frozenset[str]) -> Checked:
    """The check, including the lints that are off by default but were enabled."""
    if not codes or checked.graph is None or not checked.ok:
        return checked
    from dataclasses import replace

    from netspec.diagnostics import is_allowed
    from netspec.lints import asked_for

    found = tuple(d for d in asked_for(checked.graph, codes) if not is_allowed(d))
    return replace(checked, diagnostics=(*checked.diagnostics, *found))


def read_lints(names: Iterable[str]) -> frozenset[str]:
    """The codes of the enabled lints. Raises UsageError."""
    codes: set[str] = set()
    for name in names:
        from netspec.lints import OFF

        if name.lower() != "all" and name.upper() not in OFF:
            raise click.UsageError(
                f"--lint accepts {', '.join(OFF)} or all, found `{name}`; the other lints are always on."
            )
        codes |= set(OFF) if name.lower() == "all" else {name.upper()}
    return frozenset(codes)


def print_diagnostics(diagnostics: Iterable[Diagnostic]) -> None:
    """Prints to standard error, in the width of the terminal."""
    from netspec.diagnostics.terminal import render

    color = color_wanted(sys.stderr)
    for diagnostic in diagnostics:
        echo_verbatim(render(diagnostic, color=color, columns=columns(sys.stderr)), err=True, color=color)


def checked_model(
    path: str, definitions: Iterable[str], limits: Iterable[str], *, strict: bool = False, any_size: bool = False
) -> Any:
    """The model of a path, for commands that need one without errors; prints the diagnostics. Raises SpecError, SystemExit(1).

    Open sizes are an error, except with `any_size`.
    """
    bounds = read_limits(limits)
    parameters = read_parameters(definitions)
    return usable(read_spec(path, bounds), parameters, bounds, strict=strict, any_size=any_size).model()


def usable(
    source: SourceFile, parameters: dict[str, Any], limits: Limits, *, strict: bool = False, any_size: bool = False
) -> Checked:
    """The check of a spec that is to be used: a failed expectation is a warning. Prints the diagnostics.

    With `strict` every diagnostic is an error; open sizes are one, except with `any_size`. Raises SpecError, UsageError, SystemExit(1).
    """
    checked = run_check(source, parameters, limits)
    checked = checked.strict() if strict else checked.lenient()
    print_diagnostics(checked.diagnostics)
    if not checked.ok:
        raise SystemExit(1)
    if not any_size and not checked.library:
        checked.model().require_sizes()
    return checked
