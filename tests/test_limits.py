"""How large a file and a function may be, and that what a module says it exports is there."""

from __future__ import annotations

import ast
from importlib import import_module
from pathlib import Path

import pytest
from conftest import ROOT

FILE = 400
FUNCTION = 50
FILES = sorted((ROOT / "netspec").rglob("*.py"))


def names(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


@pytest.mark.parametrize("path", FILES, ids=names)
def test_files_and_functions_are_small(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert text.count("\n") <= FILE
    functions = [n for n in ast.walk(ast.parse(text)) if isinstance(n, (ast.FunctionDef, ast.AsyncFunctionDef))]
    sizes = {f.name: (f.end_lineno or f.lineno) - f.lineno + 1 for f in functions}
    assert not {name: size for name, size in sizes.items() if size > FUNCTION}


@pytest.mark.parametrize("path", [path for path in FILES if path.name != "__main__.py"], ids=names)
def test_what_a_module_exports_exists(path: Path) -> None:
    module = import_module(".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"))
    exported = getattr(module, "__all__", [])
    assert not [name for name in exported if not hasattr(module, name)]
    assert len(exported) == len(set(exported))
