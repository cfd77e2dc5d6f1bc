"""Work is counted before it is done: specs that ask for too much are refused at once, by a count and not by a clock."""

from __future__ import annotations

import sys
from types import FrameType

import pytest

from netspec.elaborate.limits import Limits
from netspec.model import check
from netspec.source import SourceFile

pytestmark = pytest.mark.slow

DOUBLING = "".join(f"fn d{i + 1}(s) = d{i}(s) + d{i}(s)\n" for i in range(40))
NESTED = "".join(f"block b{i + 1} {{ b{i} x100 }}\n" for i in range(9))

# What asks for more than anyone has, and which limit says so
TOO_MUCH = {
    "input 3x8x8\nrepeat (10**9) as i { conv3-3 pad=1 }": "layers",
    "input 3x8x8\nconv3-3 pad=1 x999999999": "layers",
    "no bias=0x0 3x 999999999": "layers",
    "input 3x8x8\nrepeat (10**9) { let a = 1 }": "steps",
    "input 3x8x8\n{ } x999999999": "steps",
    'fn d(s) = s + s\nlet b0 = d("ab")\n'
    + "".join(f"let b{i + 1} = d(b{i})\n" for i in range(60))
    + "input 3": "steps",
    f'fn d0(s) = s + s\n{DOUBLING}let x = d40("ab")\ninput 3x8x8\nconv3-4': "steps",
    f"block b0 {{ identity x0 }}\n{NESTED}input 3x8x8\nb9": "steps",
    "input 3x8x8\n" + "repeat 1000 { " * 9 + "identity x0" + " }" * 9: "steps",
    "let l = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]\nlet m = l + l + l + l + l + l + l + l + l + l\n"
    "input 3x8x8\nrepeat 100000 { let q = sum(m) }": "steps",
    "input 3x8x8\n" + "conv3-3 pad=1\n" * 10_000: "tokens",
    "input 3x8x8\nconv3-(" + "(" * 50_000 + "1" + ")" * 50_000 + ")": "tokens",
    "input 3x8x8\n" + "cnv3-3\n" * 5_000: "errors",
}


@pytest.mark.parametrize("text", TOO_MUCH, ids=lambda text: text[:40].replace("\n", " "))
def test_too_much_is_refused_by_a_count(text: str) -> None:
    checked = check(SourceFile(text, "spec.net"))
    (limit,) = [d for d in checked.diagnostics if d.code == "NS005"]
    assert any(f"--limit {TOO_MUCH[text]}=N" in help_ for help_ in limit.helps)
    assert checked.graph is None or len(checked.graph.nodes) <= Limits().layers


def test_a_network_of_many_layers_has_the_steps_that_it_needs() -> None:
    checked = check(SourceFile("input 3x8x8\nrepeat 5000 as i { let w = 3 + i - i; residual { conv3-w pad=1 -> bn } }"))
    assert checked.ok


@pytest.mark.slow
def test_a_limit_can_be_raised() -> None:
    text = "input 3x8x8\n" + "relu\n" * 16_000
    assert [d.code for d in check(SourceFile(text)).diagnostics if d.is_error] == ["NS005"]
    assert check(SourceFile(text), limits=Limits(tokens=100_000)).ok


def test_a_list_of_statements_is_not_gone_through_at_each_of_them() -> None:
    def calls(lines: int) -> int:
        found = 0

        def count(_frame: FrameType, event: str, _called: object) -> None:
            nonlocal found
            found += event == "c_call"

        source = SourceFile("input 3x8x8\n" + "relu\n" * lines)
        sys.setprofile(count)
        try:
            assert check(source).ok
        finally:
            sys.setprofile(None)
        return found

    calls(10)  # what is made once
    assert calls(800) < 2.1 * calls(400)


def test_comments_are_free() -> None:
    assert check(SourceFile("input 3x8x8\nconv3-3\n" + "# a comment with some words\n" * 20_000)).ok
