"""What a pull request changed in the networks of a repository, as the text of a comment: the work of `action.yml`.

Reads NETSPEC_BASE (a commit), NETSPEC_FILES (a git pathspec) and NETSPEC_EXPECT (conditions, one a line) from the environment;
writes NETSPEC_COMMENT (a file), the job summary, and the diagnostics as workflow commands. Exit code 1: a spec has errors, or
does not meet a condition.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import TypeAlias

from netspec.analysis.difference import difference
from netspec.comparing import Diff, side
from netspec.diagnostics import Diagnostic, SpecError
from netspec.elaborate.limits import Limits
from netspec.elaborate.project import read_source
from netspec.model import check
from netspec.report.output_formats import github
from netspec.report.table_formats import markdown_text
from netspec.source import CONDITION
from netspec.spec_source import path_or_revision

MARK = "<!-- netspec -->"
LONGEST = 60_000
"""Characters of a comment; GitHub takes 65,536."""


def git(*arguments: str) -> bytes:
    return subprocess.run(["git", *arguments], stdin=subprocess.DEVNULL, capture_output=True, check=True).stdout


def base_commit() -> str:
    """The commit to compare with, fetched where the checkout is shallow; "" where none is given."""
    base = os.environ.get("NETSPEC_BASE", "")
    if not re.fullmatch(r"[0-9a-f]{40}", base):
        return ""
    try:
        git("cat-file", "-e", f"{base}^{{commit}}")
    except subprocess.CalledProcessError:
        git("fetch", "--quiet", "--no-tags", "--depth=1", "origin", base)
    return base


def specs() -> list[str]:
    """The specs of the checkout, from the top of the repository."""
    listed = git("ls-files", "-z", "--full-name", "--", os.environ.get("NETSPEC_FILES") or "*.net")
    names = [name.decode("utf-8", "surrogateescape") for name in listed.split(b"\0") if name]
    return sorted(
        name for name in names if name.endswith(".net") and Path(name).is_file() and not Path(name).is_symlink()
    )


Found: TypeAlias = "list[tuple[str, Diagnostic]]"


def checked(names: list[str], conditions: list[str]) -> Found:
    """The diagnostics of every spec."""
    found: Found = []
    for name in names:
        try:
            found += [(name, d) for d in check(read_source(Path(name), Limits()), expect=conditions).diagnostics]
        except SpecError as error:
            found += [(name, d) for d in error.diagnostics]
    return found


def budgets(found: Found) -> str:
    """The conditions that specs do not meet, as a list."""
    missed = [(name, d) for name, d in found if d.is_error and d.span is not None and d.span.source.name == CONDITION]
    return "".join(f"- ✗ **{markdown_text(name)}**: {markdown_text(d.message)}\n" for name, d in missed)


def moved(base: str) -> tuple[dict[str, str], list[str]]:
    """The old name of every spec that was renamed, and the specs that are gone."""
    pathspec = os.environ.get("NETSPEC_FILES") or "*.net"
    listed = git(
        "diff", "-z", "--no-ext-diff", "--name-status", "--find-renames", "--diff-filter=RD", base, "--", pathspec
    )
    fields = iter(listed.decode("utf-8", "surrogateescape").split("\0"))
    renamed: dict[str, str] = {}
    gone: list[str] = []
    for status in fields:
        if status.startswith("R"):
            old = next(fields)
            renamed[next(fields)] = old
        elif status == "D":
            gone.append(next(fields))
    return renamed, [name for name in gone if name.endswith(".net")]


def section(base: str, name: str, old: str) -> str:
    """What changed in one spec, which was called `old`; "" where nothing did, and for files that only declare blocks."""
    limits, shown = Limits(), f"**{markdown_text(name)}**"
    called = f"**{markdown_text(old)}** is now {shown}\n" if old != name else ""
    try:
        after = check(read_source(Path(name), limits))
        if after.library:
            return ""
        _, model = side(after.source, {}, limits)
    except SpecError as error:
        return f"{shown} has errors{first_error(error)}\n"
    if not git("ls-tree", "-z", "--full-tree", base, "--", f":(literal){old}"):
        return f"{shown} is new: {model.params:,} parameters, {model.macs:,} MACs\n"
    try:
        _, before = side(path_or_revision(f"{base}:{old}", limits), {}, limits)
    except SpecError:
        return f"{shown} had errors before, and now has {model.params:,} parameters, {model.macs:,} MACs\n"
    found = Diff((f"{name} before", "after"), difference(before.graph, model.graph))
    return called if found.equal else "\n".join((*([called] if called else []), found.to_markdown()))


def first_error(error: SpecError) -> str:
    first = next((d for d in error.diagnostics if d.is_error), None)
    if first is None:
        return ""
    line = f" (line {first.span.line})" if first.span is not None else ""
    return f": {markdown_text(first.message)}{line}"


def removed(base: str, name: str) -> str:
    """A spec that is gone; "" for a file that only declared blocks."""
    limits = Limits()
    try:
        _, model = side(path_or_revision(f"{base}:{name}", limits), {}, limits)
    except SpecError as error:
        return "" if error.diagnostics[0].code == "NS103" else f"**{markdown_text(name)}** was deleted\n"
    return f"**{markdown_text(name)}** was deleted: it had {model.params:,} parameters, {model.macs:,} MACs\n"


def comment(base: str, names: list[str], found: Found) -> str:
    """The text of the comment: budgets first, then the networks that changed."""
    sections: list[str] = []
    if base:
        renamed, gone = moved(base)
        sections += [section(base, name, renamed.get(name, name)) for name in names]
        sections = [text for text in (*sections, *(removed(base, name) for name in gone)) if text]
    missed = budgets(found)
    nothing = "No network has changed.\n" if base else "There is no commit to compare with.\n"
    body = "\n".join(sections) if sections else nothing
    body = f"#### Budgets\n\n{missed}\n{body}" if missed else body
    if len(body) > LONGEST:
        body = re.sub(r"<details>.*?</details>\n", "", body, flags=re.DOTALL)[:LONGEST] + "\n\n…\n"
    return f"{MARK}\n### Networks\n\n{body}"


def main() -> int:
    os.chdir(os.fsdecode(git("rev-parse", "--show-toplevel").removesuffix(b"\n")))
    names = specs()
    conditions = [line.strip() for line in os.environ.get("NETSPEC_EXPECT", "").splitlines() if line.strip()]
    found = checked(names, conditions)
    sys.stdout.write(github(found))
    text = comment(base_commit(), names, found)
    for variable in ("NETSPEC_COMMENT", "GITHUB_STEP_SUMMARY"):
        if path := os.environ.get(variable):
            with Path(path).open(
                "a" if variable == "GITHUB_STEP_SUMMARY" else "w", encoding="utf-8", errors="replace"
            ) as file:
                file.write(text)
    return 1 if any(diagnostic.is_error for _, diagnostic in found) else 0


if __name__ == "__main__":
    sys.exit(main())
