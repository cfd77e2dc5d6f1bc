"""Behind a syntax error checking goes on: braces are put where the lines say, and ten mistakes give ten reports."""

from __future__ import annotations

import pytest

from netspec.diagnostics import Diagnostic
from netspec.diagnostics.mending import apply_fixes
from netspec.model import check
from netspec.source import SourceFile
from netspec.syntax.brackets import missing_or_extra
from netspec.syntax.tokens import Tokens


def findings(text: str) -> tuple[Diagnostic, ...]:
    return check(SourceFile(text, "spec.net")).diagnostics


def places(text: str) -> list[tuple[str, int]]:
    return sorted((d.code, d.span.line) for d in findings(text) if d.span is not None and d.is_error)


UNCLOSED = {
    "a block before the flow": "block b(w) {\n  conv3-w pad=1\n  relu\n\ninput 3x8x8\nb(4)\nFC-10\n",
    "the inner of two": "block b(w) {\n  residual {\n    conv3-w pad=1\n  relu\n}\ninput 4x8x8\nb(4)\nFC-10\n",
    "a loop in the flow": "input 4x8x8\nrepeat 2 {\n  conv3-4 pad=1\nFC-10\n",
    "before another block": "block a(w) {\n  conv3-w pad=1\nblock b(w) {\n  a(w)\n}\ninput 3x8x8\nb(4)\nFC-10\n",
    "the branches of a join": "input 4x8x8\nadd [\n  conv3-4 pad=1\n  identity\nFC-10\n",
    "on one line": "input 4x8x8\nresidual { conv3-4 pad=1\nFC-10\n",
    "a recipe at the end": "input 4x8x8\nFC-10\ntrain {\n  loss cross_entropy\n  epochs 3\n",
    "lines without indentation": "block b(w) {\nconv3-w pad=1\nrelu\ninput 3x8x8\nb(4)\nFC-10\n",
}


@pytest.mark.parametrize("name", UNCLOSED)
def test_a_brace_left_open_is_one_finding_and_its_fix_works(name: str) -> None:
    text = UNCLOSED[name]
    (finding,) = findings(text)
    assert finding.code == "NS102"
    (fix,) = finding.fixes
    assert not [str(d) for d in findings(apply_fixes(text, [fix]))]


@pytest.mark.parametrize("name", UNCLOSED)
def test_what_follows_an_open_brace_is_checked(name: str) -> None:
    text = UNCLOSED[name].replace("FC-10", "FC-10 pda=1")
    assert [code for code, _ in places(text)] == ["NS102", "NS202"]


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("input 4x8x8\nresidual {\n  conv3-4 pad=1\n}\n}\nFC-10 pda=1\n", 5),
        ("input 4x8x8\nrepeat 2 {\n  residual {\n    conv3-4 pad=1\n    }\n  }\n}\nFC-10 pda=1\n", 5),
        ("input 4x8x8\nconv3-4 }\nFC-10 pda=1\n", 2),
    ],
)
def test_a_brace_too_many(text: str, line: int) -> None:
    found = [d for d in findings(text) if d.is_error]
    assert sorted(d.code for d in found) == ["NS101", "NS202"]
    surplus = next(d for d in found if d.code == "NS101")
    assert surplus.span is not None
    assert (surplus.message, surplus.span.line) == ("this `}` closes nothing", line)
    assert [d.code for d in findings(apply_fixes(text, surplus.fixes)) if d.is_error] == ["NS202"]


@pytest.mark.parametrize("text", ["", "a { b }\n", "add [\n  a\n  b\n]\n", "a {\n} # }\n", 'use "{"\n', "a {\nb\n}\n"])
def test_brackets_in_order_have_no_flaw(text: str) -> None:
    assert missing_or_extra(Tokens(SourceFile(text))) is None


def test_a_repaired_statement_counts_for_what_it_means() -> None:
    text = "input 3, 8, 8\nconv3-8 padding='same', act=“relu”\nw = 5\nFC-w\n"
    assert places(text) == [("NS101", 1), ("NS101", 2), ("NS101", 2), ("NS101", 2), ("NS101", 3)]


def test_eleven_mistakes_with_a_brace_among_them() -> None:
    text = """net Ten(classes = 10)
block unit(w) {
  conv3-w padding=1
  relu

input 3,32,32
unit(8)
w = 8
from input
conv3-w pad=1, relu
from input
for i in [1, 2]:
  conv3-8 pad=1
from input
residual [ conv3-8 pad=1 -> conv3-3 pad=1 ]
from input
conv3-8 act='relu'
from input
conv40-8
from input
FC-clases
train {
  loss = cross_entropy
}
"""
    assert places(text) == [
        ("NS101", 6), ("NS101", 8), ("NS101", 10), ("NS101", 12), ("NS101", 15), ("NS101", 17), ("NS101", 23),
        ("NS102", 2), ("NS202", 3), ("NS208", 21), ("NS301", 19),
    ]  # fmt: skip


@pytest.mark.parametrize(
    "stray", ["expect params == 3", "net M(classes = 10)", "round=ceil", "conv1-8", "FC-3 act=relu"]
)
def test_a_statement_lost_in_a_list_is_not_reported_as_what_takes_its_place(stray: str) -> None:
    text = f"input 3x8x8\nfor a, b in [\n  (4, 1),\n  (4, 1),\n{stray}\n  (5, 1),\n] {{\n  conv3-a pad=b\n}}\nconv3-4 padd=1\n"
    found = findings(text)
    assert all("`_`" not in said for d in found for said in (d.message, *d.helps, *(fix.title for fix in d.fixes)))
    assert ("NS202", 10) in places(text), "what follows the list is checked"
    for fix in (fix for d in found for fix in d.fixes):
        assert all(edit.span.text not in ("(", "[") for edit in fix.edits), fix.title


def test_only_what_is_a_declaration_is_declared() -> None:
    (found, *_) = findings("input 3x8x8\nact=gelu FC-30 act=none\n")
    assert not any(fix.safe for fix in found.fixes)
    (found,) = findings("w = 8\ninput 3x8x8\nconv3-w\n")
    assert found.fixes[0].safe
    (found, *_) = findings("w = [1,\n  2]\ninput 3x8x8\nconv3-4\n")
    assert found.message == "a variable is declared with `let`"


def test_a_width_by_name_without_its_hyphen() -> None:
    (found,) = findings("block b(w, s) {\n  conv3w/s pad=1\n}\ninput 3x8x8\nb(4, 1)\nFC-2\n")
    assert [edit.text for fix in found.fixes for edit in fix.edits] == ["conv3-w"]
    (found,) = findings("input 3x8x8\nconv3z\n")
    assert not any("conv3-z" in edit.text for fix in found.fixes for edit in fix.edits)


@pytest.mark.parametrize("text", ["residual in.width \ninput x3", "a.b\ninput [3", "relu }\ninput 3,", "input (3"])
def test_every_diagnostic_is_inside_of_the_text(text: str) -> None:
    assert all(d.span is not None and d.span.end <= len(text) for d in findings(text))


def test_a_name_after_a_dot_is_only_written_as_a_layer_where_there_is_one() -> None:
    (found, *_) = findings("input 3x8x8\nF.unit(4)\n")
    assert not found.fixes
    assert all("unit 4" not in help_ for help_ in found.helps)
    (found, *_) = findings('use "parts.net" as p\ninput 3x8x8\np.unit(4)\n')
    assert found.helps == ("what is imported with `use` is called by its name: `unit(4)`",)
    (found, *_) = findings("input 8\nself.fc = nn.Linear(8, 10)\n")
    assert found.fixes


@pytest.mark.parametrize("join", ["add", "concat", "mul"])
def test_a_join_without_branches_is_no_misspelt_layer(join: str) -> None:
    (found,) = findings(f"input 3x8x8\n{join}\n")
    assert found.message == f"`{join}` is missing the branches that it joins"
    assert not found.fixes
    assert f"`{join} [ identity; from a ]`" in found.helps[0]


def test_the_way_through_the_calls() -> None:
    text = """block bottleneck(w) {
  conv1-w
  conv3-w
  relu
}

net Deep
input 64x5x5

add [
  identity
  bottleneck(64) x3
]
"""
    finding = next(d for d in findings(text) if d.code == "NS301")
    assert finding.notes[-1] == (
        "in `bottleneck(64)` called at line 12, third of 3 copies, inside `add` at line 10, second branch"
    )
