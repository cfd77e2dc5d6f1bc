"""The pages of docs/course: every command in them is run, and gives the output shown.

A page is one folder: `net` blocks that start with `# name.net` are files in it, and `console` blocks run there, in order. A line
with `…` stands for lines left out, and `…` in a line for a part that differs between machines.
"""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
from conftest import ROOT, run_netspec, specs
from test_docs import Snippet, commands, fenced, findings

from netspec.settings.reference import markdown as settings

COURSE = ROOT / "docs" / "course"
PAGES = {page: tuple(fenced(page)) for page in sorted(COURSE.glob("*.md"))}
OMITTED = "…"
QUICK = ("check", "table", "draw")
"""Commands that start neither PyTorch nor a run."""
SHOWN = [
    (snippet, line, shown)
    for page in PAGES
    for snippet in PAGES[page]
    if snippet.kind == "console"
    for line, shown in commands(snippet)
]


def scratch(folder: Path) -> Path:
    """A folder with the examples."""
    (folder / "examples").symlink_to(ROOT / "examples")
    return folder


def save(snippet: Snippet, folder: Path) -> None:
    named = re.match(r"# (\w+\.net)\n", snippet.text)
    assert named, f"{snippet}: a spec starts with `# name.net`"
    (folder / named[1]).write_text(snippet.text)


def assert_shown(snippet: Snippet, command: str, shown: list[str], folder: Path) -> None:
    """Runs of shown lines between `…` stand in the real output as they are, one run after the other."""
    program, *arguments = shlex.split(command)
    assert program == "netspec", snippet
    result = run_netspec(*arguments, cwd=folder, PYTHONPATH=str(ROOT))
    real = [line.rstrip() for line in (result.stdout + result.stderr).splitlines()]
    assert result.returncode == any("error[" in line for line in shown), f"{snippet}: {command}: {real}"
    at = 0
    for lines in runs(shown):
        wanted = [re.compile(re.escape(line).replace(OMITTED, ".*")) for line in lines]
        places = [
            i
            for i in range(at, len(real) - len(lines) + 1)
            if all(w.fullmatch(r) for w, r in zip(wanted, real[i : i + len(lines)], strict=True))
        ]
        assert places, f"{snippet}: not in the output of `{command}`: {lines}; that is {real}"
        at = places[0] + len(lines)


def runs(shown: list[str]) -> list[list[str]]:
    """The lines shown, split at those that are left out."""
    found: list[list[str]] = [[]]
    for line in "\n".join(shown).strip("\n").split("\n"):
        if line == OMITTED:
            found.append([])
        else:
            found[-1].append(line)
    return [run for run in found if any(run)]


def test_the_course_has_its_pages_and_outputs() -> None:
    assert {page.stem for page in PAGES} == {
        "README", "linear", "backpropagation", "units", "convolution", "architectures", "training-practice", "seeing", "speech",
    }  # fmt: skip
    assert len(SHOWN) > 120
    assert sum(any(shown) for _, _, shown in SHOWN) > 110


def test_no_line_of_a_block_is_cut() -> None:
    """The published pages show this many characters without scrolling."""
    wide = [(str(s), line) for page in PAGES for s in PAGES[page] for line in s.text.splitlines() if len(line) > 101]
    assert wide == []


@pytest.mark.parametrize("snippet", [s for page in PAGES for s in PAGES[page] if s.kind == "net"], ids=str)
def test_a_spec_of_the_course_checks(snippet: Snippet) -> None:
    assert findings(snippet.text) == []


@pytest.mark.parametrize(
    ("snippet", "command", "shown"),
    [(s, line, shown) for s, line, shown in SHOWN if line.split()[1] in QUICK],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_needs_no_training(snippet: Snippet, command: str, shown: list[str], tmp_path: Path) -> None:
    folder = scratch(tmp_path)
    for other in PAGES[snippet.page]:
        if other.kind == "net":
            save(other, folder)
    assert_shown(snippet, command, shown, folder)


@pytest.mark.slow
@pytest.mark.parametrize("page", [p for p in PAGES if p.stem != "README"], ids=lambda page: page.stem)
def test_a_page_in_its_order(page: Path, tmp_path: Path) -> None:
    """As a reader copies it."""
    folder = scratch(tmp_path)
    for snippet in PAGES[page]:
        assert snippet.kind in ("net", "console"), f"{snippet}: {snippet.kind}"
        if snippet.kind == "net":
            save(snippet, folder)
            continue
        for command, shown in commands(snippet):
            assert_shown(snippet, command, shown, folder)


def test_settings_and_examples_that_pages_name_exist() -> None:
    known, names = settings(), {path.name for path in specs()} | {"lcn_blocks.net"}
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        assert set(re.findall(r"examples/(\w+\.net)", text)) <= names, page
        for setting in re.findall(r"`((?:optimizer|schedule|regularize|pretrain|init) \w+)[^`]*`", text):
            assert f"`{setting}`" in known, f"{page.name}: {setting}"
        for link in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", text):
            assert (page.parent / link).exists(), f"{page.name}: {link}"
