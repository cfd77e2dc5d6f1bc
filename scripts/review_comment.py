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

from netspec.analysis.difference import difference
from netspec.comparing import Diff, side
from netspec.diagnostics import SpecError
from netspec.elaborate.limits import Limits
from netspec.elaborate.project import read_source
from netspec.model import check
from netspec.report.output_formats import github
from netspec.report.table_formats import markdown_text
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


def checked(names: list[str], conditions: list[str]) -> bool:
    """Reports the diagnostics of every spec; whether there are no errors."""
    found = []
    for name in names:
        try:
            found += [(name, d) for d in check(read_source(Path(name), Limits()), expect=conditions).diagnostics]
        except SpecError as error:
            found += [(name, d) for d in error.diagnostics]
    sys.stdout.write(github(found))
    return not any(diagnostic.is_error for _, diagnostic in found)


def section(base: str, name: str) -> str:
    """What changed in one spec; "" where nothing did, and for files that only declare blocks."""
    limits = Limits()
    try:
        after = check(read_source(Path(name), limits))
        if after.library:
            return ""
        known = bool(git("ls-tree", "-z", "--full-tree", base, "--", f":(literal){name}"))
        title, model = side(after.source, {}, limits)
        if not known:
            return f"**{markdown_text(title)}** is new: {model.params:,} parameters, {model.macs:,} MACs\n"
        _, before = side(path_or_revision(f"{base}:{name}", limits), {}, limits)
    except SpecError:
        return f"**{markdown_text(name)}** cannot be compared: the log of the job has the errors\n"
    found = Diff((f"{name} before", "after"), difference(before.graph, model.graph))
    return "" if found.equal else found.to_markdown()


def comment(base: str, names: list[str]) -> str:
    sections = [text for name in names if (text := section(base, name))] if base else []
    body = "\n".join(sections) if sections else "No network has changed.\n"
    if len(body) > LONGEST:
        body = "\n".join(text.split("<details>")[0] for text in sections)[:LONGEST] + "\n\n…\n"
    return f"{MARK}\n### Networks\n\n{body}"


def main() -> int:
    os.chdir(os.fsdecode(git("rev-parse", "--show-toplevel").removesuffix(b"\n")))
    names = specs()
    text = comment(base_commit(), names)
    for variable in ("NETSPEC_COMMENT", "GITHUB_STEP_SUMMARY"):
        if path := os.environ.get(variable):
            with Path(path).open(
                "a" if variable == "GITHUB_STEP_SUMMARY" else "w", encoding="utf-8", errors="replace"
            ) as file:
                file.write(text)
    conditions = [line.strip() for line in os.environ.get("NETSPEC_EXPECT", "").splitlines() if line.strip()]
    return 0 if checked(names, conditions) else 1


if __name__ == "__main__":
    sys.exit(main())
