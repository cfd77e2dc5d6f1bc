"""The house, drawn from its imports: a module imports only from the rows above its own, and rooms form no circle.

Imports in functions and for the type checker count. A room is a package or a module of `netspec/`; each backend is one.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from graphlib import TopologicalSorter

import pytest
from conftest import ROOT

# A row imports from the rows above it; rooms of one row do not know each other.
ROWS = (
    ("source", "values", "version", "records", "recipe", "gallery", "announcing"),
    ("symbolic", "tensor_type"),
    ("diagnostics",),
    ("files", "optional"),
    ("reading",),
    ("graph",),
    ("ops",),
    ("plugin",),
    ("analysis", "settings", "syntax"),
    ("library",),
    ("elaborate",),
    ("fixes",),
    ("lints",),
    ("weights", "report", "datasets"),
    ("scene", "backends.torch"),
    ("page", "inside", "backends.onnx", "backends.peaks"),
    ("backends.bench",),
    ("survey", "open_spec"),
    ("compiler", "spec_source"),
    ("model",),
    ("comparing", "exploring", "sizing"),
    ("training",),
    ("netspec",),  # the Python API: the names of netspec/__init__.py
    ("server",),
    ("playground",),
    ("cli",),
    ("__main__",),
)
RANK = {room: rank for rank, rooms in enumerate(ROWS) for room in rooms}


def _module(path: str) -> str:
    return ".".join(path.removesuffix(".py").removesuffix("/__init__").split("/"))


@cache
def _modules() -> dict[str, ast.Module]:
    files = sorted((ROOT / "netspec").rglob("*.py"))
    return {_module(f.relative_to(ROOT).as_posix()): ast.parse(f.read_text(encoding="utf-8")) for f in files}


def _room(module: str) -> str:
    parts = module.split(".")[1:]
    return ".".join(parts[: 2 if parts[:1] == ["backends"] else 1]) or "netspec"


def _imports(tree: ast.Module) -> Iterator[str]:
    """The modules of netspec that a module names, wherever in it."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name.split(".")[0] == "netspec")
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute"
            if node.module and node.module.split(".")[0] == "netspec":
                for alias in node.names:
                    inner = f"{node.module}.{alias.name}"
                    yield inner if inner in _modules() else node.module


@cache
def _arrows() -> dict[tuple[str, str], list[str]]:
    """For each pair of rooms the imports of the first from the second."""
    arrows: dict[tuple[str, str], list[str]] = {}
    for module, tree in _modules().items():
        for target in _imports(tree):
            if _room(module) != _room(target):
                arrows.setdefault((_room(module), _room(target)), []).append(f"{module} imports {target}")
    return arrows


def test_every_room_has_its_row() -> None:
    rooms = {_room(module) for module, tree in _modules().items() if tree.body} - {"backends"}
    assert rooms == set(RANK)


def test_imports_go_up_the_rows_only() -> None:
    wrong = {rooms: found for rooms, found in _arrows().items() if RANK[rooms[1]] >= RANK[rooms[0]]}
    assert not wrong, "\n".join(line for found in wrong.values() for line in found)


def test_rooms_form_no_circle() -> None:
    needs: dict[str, set[str]] = {}
    for room, other in _arrows():
        needs.setdefault(room, set()).add(other)
    TopologicalSorter(needs).prepare()


def test_files_form_no_circle() -> None:
    """The face of a package, its `__init__`, gathers what is inside, and may be named from inside."""
    needs = {
        module: {t for t in _imports(tree) if t != module and not module.startswith(f"{t}.")}
        for module, tree in _modules().items()
    }
    TopologicalSorter(needs).prepare()


@pytest.mark.parametrize("name", ["utils", "helpers", "common", "misc"])
def test_modules_are_named_after_a_concept(name: str) -> None:
    assert not [module for module in _modules() if module.split(".")[-1] == name]
