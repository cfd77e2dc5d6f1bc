"""Every example of the documentation is run.

In docs/language.md, docs/tutorial.md, docs/python.md, docs/figures.md, docs/report.md and docs/inside.md each fenced block says what it is: `net` (a complete spec that checks without
a finding), `net-part` (a fragment; `# after: input …` in its first line names what stands before it), `net-error CODE`
(a spec with that error), `python` (the blocks of a page run in order, in one namespace), `console`. In README.md only
blocks tagged `net` are run.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from conftest import ROOT, run_netspec

from netspec import check
from netspec.diagnostics import CODES
from netspec.source import SourceFile

LANGUAGE, TUTORIAL, README = ROOT / "docs" / "language.md", ROOT / "docs" / "tutorial.md", ROOT / "README.md"
PYTHON, FIGURES, REPORT, INSIDE = (ROOT / "docs" / f"{name}.md" for name in ("python", "figures", "report", "inside"))
KINDS = ("net", "net-part", "net-error", "console", "python")
OMITTED = "…"


@dataclass(frozen=True, slots=True)
class Snippet:
    page: Path
    line: int
    kind: str
    argument: str
    text: str

    def __str__(self) -> str:
        return f"{self.page.name}:{self.line}"


def fenced(page: Path) -> Iterator[Snippet]:
    """The fenced blocks of a page, in order, with the line of their first line."""
    opened: tuple[int, str] | None = None
    inside: list[str] = []
    for number, line in enumerate(page.read_text(encoding="utf-8").splitlines(), 1):
        if not line.startswith("```"):
            inside.append(line)
        elif opened is None:
            opened, inside = (number + 1, line[3:].strip()), []
        else:
            kind, _, argument = opened[1].partition(" ")
            yield Snippet(page, opened[0], kind, argument, "\n".join(inside) + "\n")
            opened = None
    assert opened is None, f"{page.name}:{opened}: a fenced block is never closed"


PAGES = {page: tuple(fenced(page)) for page in (LANGUAGE, TUTORIAL, PYTHON, FIGURES, REPORT, INSIDE, README)}


def tagged(kind: str, *pages: Path) -> list[Snippet]:
    return [snippet for page in pages for snippet in PAGES[page] if snippet.kind == kind]


def findings(text: str) -> list[str]:
    """The codes of all findings of a spec that stands in the folder examples/, each with its text."""
    checked = check(SourceFile(text, "snippet.net", ROOT / "examples" / "snippet.net"))
    return [str(finding) for finding in checked.diagnostics]


def commands(snippet: Snippet) -> list[tuple[str, list[str]]]:
    """The commands of a console block, each with the output shown below it."""
    found: list[tuple[str, list[str]]] = []
    for line in snippet.text.replace("\\\n", "").splitlines():  # a command goes on after a backslash
        if line.startswith("$ "):
            found.append((line[2:], []))
        else:
            found[-1][1].append(line.rstrip())
    return found


SHOWN = [
    (s, line, out)
    for s in tagged("console", LANGUAGE, TUTORIAL, REPORT, INSIDE)
    for line, out in commands(s)
    if any(out)
]


@pytest.mark.parametrize(
    ("page", "kind", "least"),
    [
        (LANGUAGE, "net", 5), (LANGUAGE, "net-part", 15), (LANGUAGE, "net-error", 10),
        (TUTORIAL, "net", 3), (TUTORIAL, "console", 10), (TUTORIAL, "python", 1), (PYTHON, "python", 5), (FIGURES, "python", 2),
        (REPORT, "console", 4), (REPORT, "python", 1),
    ],
    ids=lambda value: value.name if isinstance(value, Path) else str(value),
)  # fmt: skip
def test_there_are_snippets(page: Path, kind: str, least: int) -> None:
    assert len(tagged(kind, page)) >= least


def test_there_is_output_to_compare() -> None:
    assert len(SHOWN) >= 10


@pytest.mark.parametrize("page", [LANGUAGE, TUTORIAL, PYTHON], ids=lambda page: page.name)
def test_every_block_says_what_it_is(page: Path) -> None:
    unknown = [f"{s}: {s.kind or 'no tag'}" for s in PAGES[page] if s.kind not in KINDS]
    assert not unknown
    assert [str(s) for s in PAGES[page] if s.kind == "net-error" and s.argument not in CODES] == []


@pytest.mark.parametrize("snippet", tagged("net", LANGUAGE, TUTORIAL, INSIDE, README), ids=str)
def test_a_spec_checks(snippet: Snippet) -> None:
    assert findings(snippet.text) == []


@pytest.mark.parametrize("snippet", tagged("net-part", LANGUAGE, TUTORIAL), ids=str)
def test_a_fragment_checks(snippet: Snippet) -> None:
    named = re.match(r"# after: (input .+)\n", snippet.text)
    assert findings(f"{named[1] if named else 'input 3x32x32'}\n{snippet.text}") == []


@pytest.mark.parametrize("snippet", tagged("net-error", LANGUAGE, TUTORIAL), ids=str)
def test_a_wrong_spec_has_the_error(snippet: Snippet) -> None:
    found = findings(snippet.text)
    assert found
    assert all(f"error[{snippet.argument}]" in finding for finding in found), found


@pytest.mark.parametrize(
    "page",
    [page for page in (LANGUAGE, TUTORIAL, PYTHON, FIGURES, REPORT) if tagged("python", page)],
    ids=lambda p: p.name,
)
def test_python_runs(page: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """What a `print(…)  # text` line says in its comment is what is printed."""
    monkeypatch.chdir(ROOT)
    namespace: dict[str, object] = {"__name__": "docs"}
    for snippet in tagged("python", page):
        source = "\n" * (snippet.line - 1) + snippet.text
        exec(compile(source, str(page), "exec"), namespace)
        promised = re.findall(r"^ *print\(.*\)  # (.*)$", snippet.text, re.MULTILINE)
        printed = capsys.readouterr().out.splitlines()
        assert [line for line in promised if line not in printed] == [], snippet


@pytest.mark.parametrize(("snippet", "command", "shown"), SHOWN, ids=[f"{s}: {line[:40]}" for s, line, _ in SHOWN])
def test_the_output_shown_is_the_output(snippet: Snippet, command: str, shown: list[str], tmp_path: Path) -> None:
    """Runs of shown lines between `…` stand in the real output as they are, one run after the other."""
    program, *arguments = shlex.split(command)
    assert program == "netspec", f"{snippet}: output is shown for `{program}`, which is not run"
    (tmp_path / "examples").symlink_to(ROOT / "examples")
    (tmp_path / "circuit.net").write_text(tagged("net", INSIDE)[0].text)
    (tmp_path / "scores.net").write_text("input 3; scores: identity")
    result = run_netspec(*arguments, cwd=tmp_path, PYTHONPATH=str(ROOT))
    real = [line.rstrip() for line in (result.stdout + result.stderr).splitlines()]
    at = 0
    for run in "\n".join(shown).strip("\n").split(f"\n{OMITTED}\n"):
        lines = run.removeprefix(f"{OMITTED}\n").removesuffix(f"\n{OMITTED}").split("\n")
        places = [i for i in range(at, len(real) - len(lines) + 1) if real[i : i + len(lines)] == lines]
        missing = [line for line in lines if line not in real]
        assert places, f"{snippet}: not in the output of `{command}`: {missing or lines}"
        at = places[0] + len(lines)
