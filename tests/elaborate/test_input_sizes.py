"""Sizes of inputs: numbers, parameters, variables and expressions, in every notation."""

from __future__ import annotations

from typing import Any

import pytest

import netspec
from netspec.diagnostics import Diagnostics
from netspec.source import SourceFile
from netspec.syntax import parse
from netspec.syntax.formatter import format_tree, same_meaning

PARAMETERS = "net N(size = 8, context = 7)\nlet half = size // 2\nlet shape = 3x8x4\n"
CASES = {
    "3x(size)x(size)": (3, 8, 8),
    "(3, size, size)": (3, 8, 8),
    "(3, size, 2 * half + 1)": (3, 8, 9),
    "3x(size)x5": (3, 8, 5),
    "3x4x(half)x(size // 2)": (3, 4, 4, 4),
    "(half)x(size)": (4, 8),
    "(half)x6": (4, 6),
    "(size)": (8,),
    "(shape)": (3, 8, 4),
    "3×(size)×5": (3, 8, 5),
    "(size)x(half) rgb": (3, 8, 4),
    "(context)x(size) sequence": (7, 8),
    "ids (context) int": (7,),
    "left (3, size, size)": (3, 8, 8),
    "size 3x5x5": (3, 5, 5),
}


def formatted(text: str) -> str:
    tree = parse(SourceFile(text), Diagnostics())
    assert tree is not None
    tidy = format_tree(tree)
    again = parse(SourceFile(tidy), Diagnostics())
    assert again is not None
    assert same_meaning(tree, again)
    return tidy


@pytest.mark.parametrize("size", CASES)
def test_sizes(size: str) -> None:
    body = "embed-4 vocab=9" if "int" in size else "identity"
    text = f"{PARAMETERS}input {size}\n{body}\n"
    assert next(iter(netspec.loads(text).inputs.values())).shape == CASES[size]
    tidy = formatted(text)
    assert next(iter(netspec.loads(tidy).inputs.values())).shape == CASES[size]
    assert formatted(tidy) == tidy


def test_names_in_capitals_need_no_parentheses() -> None:
    text = "net N(SIZE = 8, W_2 = 6)\ninput 3xSIZExW_2\nconv3-4 pad=1\n"
    assert netspec.loads(text, SIZE=5).inputs["input"].shape == (3, 5, 6)
    assert formatted(text) == text


def test_a_parameter_changes_the_size() -> None:
    model = netspec.loads("net N(size = 8)\ninput 3x(size)x(size)\nconv3-4 pad=1\n", size=64)
    assert model.inputs["input"].shape == (3, 64, 64)
    assert model.outputs["output"].shape == (4, 64, 64)


@pytest.mark.parametrize("size", ["3x(0)x5", "3x(size - 8)x5", '("a")', "3x(yes)x2", "(none)", "3x(1e30)x1", "([])"])
def test_what_is_no_size(size: str) -> None:
    with pytest.raises(netspec.SpecError):
        netspec.loads(f"{PARAMETERS}input {size}\nidentity\n")


def test_the_generated_class_depends_on_the_size_as_the_spec_does() -> None:
    text = """
net N(size = 8, context = 5)
input image 3x(size)x(size)
input ids (context) int
from image
conv3-4 pad=1
FC-(size)
output a
from ids
embed-4 vocab=7 -> pos_embed -> flatten
linear-(context + 1)
output b
"""
    namespace: dict[str, Any] = {}
    exec(netspec.loads(text).torch_source(), namespace)
    for size, context in ((8, 5), (10, 7), (13, 2)):
        module = namespace["N"](size=size, context=context)
        expected = netspec.loads(text, size=size, context=context).to_torch()
        found = {name: tuple(value.shape) for name, value in module.state_dict().items()}
        assert found == {name: tuple(value.shape) for name, value in expected.state_dict().items()}
