"""The page of every code: its example fails with that code, and mended it does not."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import ROOT, run_netspec

from netspec.cli.explain import all_pages, page
from netspec.diagnostics import CODES
from netspec.lints import OFF, asked_for
from netspec.model import check
from netspec.source import SourceFile

MODEL = "net Model(classes = 10)\ninput 3x8x8\nconv3-4 -> FC-classes\n"
CANNOT_BE_SHOWN = {"NS008", "NS009", "NS215", "NS502", "NS504", "NS506", "NS603", "NS607"}
"""A machine without memory, a failure that was not foreseen, a package that is broken or missing, a disagreement of two runtimes, an export that is refused, a damaged file, a check of many: pages without an example."""
EXAMPLES = {
    code: re.findall(r"^```(\w+)\n(.*?)^```", page(code), flags=re.M | re.S)
    for code in CODES
    if (ROOT / "netspec" / "diagnostics" / "pages" / f"{code}.md").exists()
}


def found(text: str) -> set[str]:
    checked = check(SourceFile(text, "spec.net"))
    codes = {d.code for d in checked.diagnostics}
    if checked.graph is not None and checked.ok:
        codes |= {d.code for d in asked_for(checked.graph, frozenset(OFF))}
    return codes


def test_every_code_has_a_page() -> None:
    assert set(EXAMPLES) == set(CODES)
    pages = {path.stem for path in (ROOT / "netspec" / "diagnostics" / "pages").glob("*.md")}
    assert pages == set(CODES)


@pytest.mark.parametrize("code", EXAMPLES)
def test_the_title_is_that_of_the_register(code: str) -> None:
    assert page(code).startswith(f"# {code}: {CODES[code]}\n\n")
    assert len(EXAMPLES[code]) == (0 if code in CANNOT_BE_SHOWN else 2)


@pytest.mark.parametrize("code", [c for c, e in EXAMPLES.items() if e and e[0][0] == "net"])
def test_the_examples(code: str) -> None:
    (_, fails), (_, mended) = EXAMPLES[code]
    assert found(fails) - (set(OFF) - {code}) == {code}
    assert found(mended) <= (set(OFF) - {code})


def _shell(line: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """A line of a shell; what is a command of netspec alone is called in this process."""
    program, *arguments = shlex.split(line)
    if program == "netspec" and not set(line) & set("|<>;&$`*"):
        return run_netspec(*arguments, cwd=folder)
    line = line.replace("netspec", f'PYTHONPATH="{ROOT}" "{sys.executable}" -m netspec')
    return subprocess.run(["bash", "-c", line], cwd=folder, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("code", [c for c, e in EXAMPLES.items() if e and e[0][0] == "console"])
def test_the_commands(code: str, tmp_path: Path) -> None:
    (tmp_path / "model.net").write_text(MODEL)
    for (_, text), fails in zip(EXAMPLES[code], (True, False), strict=True):
        result = _shell(text.strip().removeprefix("$ "), tmp_path)
        if code == "NS214":  # of the command line
            assert result.returncode == (2 if fails else 0), result.stderr
        else:
            assert result.returncode == (1 if fails else 0), result.stderr
            assert (f"error[{code}]" in result.stderr) == fails


def test_errors_md_is_up_to_date() -> None:
    """Made by `netspec explain --markdown`."""
    assert (ROOT / "docs" / "errors.md").read_text("utf-8") == all_pages()


def test_the_command() -> None:
    assert run_netspec("explain", "ns301").stdout == page("NS301")
    assert run_netspec("explain", "301").stdout == page("NS301")
    assert "NS301  a window is larger than its input" in run_netspec("explain").stdout
    unknown = run_netspec("explain", "NS399")
    assert unknown.returncode == 2
    assert "no code `NS399`" in unknown.stderr
