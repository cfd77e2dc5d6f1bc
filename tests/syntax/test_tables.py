"""The parser's tables: they are those of the grammar, and nothing else is read or written to parse."""

from __future__ import annotations

import os
import runpy
import subprocess
import sys
from pathlib import Path

from conftest import ROOT


def test_the_tables_are_those_of_the_grammar() -> None:
    script = runpy.run_path(str(ROOT / "scripts" / "parser_tables.py"))
    grammar = script["GRAMMAR"].read_text(encoding="utf-8")
    message = "the grammar has changed: run `python scripts/parser_tables.py`"
    assert script["TABLES"].read_text(encoding="utf-8") == script["tables_of"](grammar), message


def test_there_is_one_grammar() -> None:
    assert [p for p in ROOT.rglob("*.lark") if ".venv" not in p.parts] == [ROOT / "grammar" / "netspec.lark"]


def test_parsing_reads_no_cache_and_writes_none(tmp_path: Path) -> None:
    """A pickle in a cache folder would be code of whoever can write there."""
    poison = tmp_path / "netspec" / "parser.tables"
    poison.parent.mkdir()
    poison.write_bytes(b"\ncos\nsystem\n(S'touch owned'\ntR.")
    environment = os.environ | {"XDG_CACHE_HOME": str(tmp_path), "HOME": str(tmp_path), "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", "netspec", "check", str(ROOT / "examples" / "vgg16.net")]
    result = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=True)
    assert "138,357,544" in result.stdout
    assert sorted(p for p in tmp_path.rglob("*") if p.is_file()) == [poison]


def test_nothing_in_the_package_unpickles() -> None:
    for path in (ROOT / "netspec").rglob("*.py"):
        words = path.read_text(encoding="utf-8")
        assert "import pickle" not in words, path
        assert "import marshal" not in words, path
