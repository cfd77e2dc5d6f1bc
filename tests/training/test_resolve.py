"""Overrides are written into the text of the spec."""

from __future__ import annotations

import pytest

from netspec.model import check
from netspec.source import SourceFile
from netspec.training.resolve import Override, resolved

SPEC = """net N(w = 8, act = "relu")
input 4
FC-w
train {
  optimizer sgd lr=0.1   # the rate
  epochs 3
  schedule step 5 gamma=0.5
}
"""


def with_(*settings: str, text: str = SPEC, **parameters: str) -> str:
    source = resolved(SourceFile(text), parameters, [Override.of(s) for s in settings])
    assert check(source).ok, source.text
    return source.text


@pytest.mark.parametrize(
    ("setting", "before", "after"),
    [
        ("optimizer.lr=0.5", "lr=0.1   #", "lr=0.5   #"),
        ("optimizer.momentum=0.9", "lr=0.1   #", "lr=0.1 momentum=0.9   #"),
        ("optimizer=adam lr=1e-3", "optimizer sgd lr=0.1   #", "optimizer adam lr=1e-3   #"),
        ("epochs=7", "epochs 3", "epochs 7"),
        ("epochs.n=7", "epochs 3", "epochs 7"),
        ("schedule.every=2", "step 5", "step 2"),
        ("schedule.gamma=0.1", "gamma=0.5", "gamma=0.1"),
        ("batch=16", "gamma=0.5\n}", "gamma=0.5\n  batch 16\n}"),
        ("batch.accumulate=2", "gamma=0.5\n}", "gamma=0.5\n  batch accumulate=2\n}"),
        ("ema.decay=0.9", "gamma=0.5\n}", "gamma=0.5\n  ema decay=0.9\n}"),
    ],
)
def test_a_setting(setting: str, before: str, after: str) -> None:
    assert with_(setting) == SPEC.replace(before, after)


def test_parameters_of_the_net() -> None:
    assert with_(w="16") == SPEC.replace("w = 8", "w = 16")
    assert with_(act='"tanh"').startswith('net N(w = 8, act = "tanh")')


def test_a_recipe_is_begun_where_there_is_none() -> None:
    text = with_("optimizer.lr=0.5", "seed=3", text="input 4\nFC-2")
    assert text == "input 4\nFC-2\n\ntrain {\n  optimizer sgd lr=0.5\n  seed 3\n}\n"


def test_a_brace_behind_the_last_setting() -> None:
    assert with_("seed=3", text="input 4\nFC-2\ntrain {\n  epochs 3 }\n").endswith("epochs 3 ; seed 3 }\n")


def test_a_recipe_on_one_line() -> None:
    assert "epochs 3 ; batch 16 }" in with_("batch=16", text="input 4\nFC-2\ntrain { epochs 3 }\n")
    assert "epochs 5" in with_("epochs=5", text="input 4\nFC-2\ntrain { epochs 3 }\n")


@pytest.mark.parametrize("written", ["lr", "optimiser=sgd", "=3", "epochs=3\nseed 1", "epochs=3 }"])
def test_what_is_no_override(written: str) -> None:
    with pytest.raises(ValueError, match=r"needs|found no"):
        Override.of(written)


CLASSES = """net N(classes = 5)
block Head(n) {
  FC-n; expect params == 25
}
input 4
expect output == 5  # of the file
Head(classes)
expect output == classes
expect (params == 25
        and depth == 1)
"""


def test_expectations_about_the_values_of_the_file_are_commented_out() -> None:
    text = with_(classes="7", text=CLASSES)
    assert (
        text
        == """net N(classes = 7)
block Head(n) {
  FC-n
}
input 4
# expect output == 5  # of the file
Head(classes)
expect output == classes
# expect (params == 25
#         and depth == 1)
"""
    )
    assert with_(classes="5", text=CLASSES) == CLASSES
    assert with_(text=CLASSES) == CLASSES


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("net N(c = 5); input 4; FC-c; expect output == 5", "net N(c = 7); input 4; FC-c"),
        ("net N(c = 5); input 4; expect output == 5; FC-c", "net N(c = 7); input 4; FC-c"),
        ("net N(c = 5); input 4; { expect output == 5; FC-c }", "net N(c = 7); input 4; { FC-c }"),
    ],
)
def test_expectations_that_share_a_line_are_cut(before: str, after: str) -> None:
    assert with_(c="7", text=before) == after


def test_an_expectation_written_with_the_parameter_stays_and_fails() -> None:
    source = resolved(SourceFile(CLASSES.replace("== classes", "== classes + 1")), {"classes": "7"}, [])
    assert "expect output == classes + 1" in source.text
    assert [d.code for d in check(source).diagnostics] == ["NS401"]
