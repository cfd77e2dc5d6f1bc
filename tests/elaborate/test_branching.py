"""Loops and conditions make branches where they are alone: each text here is what the other one is short for."""

from __future__ import annotations

import pytest
from agreement import assert_agreement, largest_difference

import netspec

CASES = {
    "a loop over kernels": (
        "concat [ for k in [3, 5, 7] { dwconv(k) pad=same } ]",
        "concat [ dwconv3 pad=same; dwconv5 pad=same; dwconv7 pad=same ]",
    ),
    "chains": (
        "add [ for i in range(2) { conv3-4 pad=1 -> relu; bn } ]",
        "add [ conv3-4 pad=1 -> relu -> bn; conv3-4 pad=1 -> relu -> bn ]",
    ),
    "a repeat": ("concat [ identity; repeat 2 as i { conv1-(4 * (i + 1)) } ]", "concat [ identity; conv1-4; conv1-8 ]"),
    "a condition that holds": ("concat [ conv1-2; if here.height > 4 { conv1-3 } ]", "concat [ conv1-2; conv1-3 ]"),
    "one that does not": ("concat [ conv1-2; conv1-4; if here.height < 4 { conv1-3 } ]", "concat [ conv1-2; conv1-4 ]"),
    "its other side": ("add [ conv1-3; if no { conv1-4 } else { conv1-3 } ]", "add [ conv1-3; conv1-3 ]"),
    "a loop in a loop": (
        "concat [ for i in range(2) { for w in [2, 4] { conv1-w } } ]",
        "concat [ conv1-2; conv1-4; conv1-2; conv1-4 ]",
    ),
    "a condition in a loop": ("concat [ for i in range(4) { if i % 2 == 0 { conv1-(i + 1) } } ]", "concat [ conv1-1; conv1-3 ]"),
    "in braces a chain": (
        "concat [ identity; { for k in [3, 5] { conv(k)-3 pad=same } } ]",
        "concat [ identity; conv3-3 pad=same -> conv5-3 pad=same ]",
    ),
    "with more after it a chain": ("add [ identity; repeat 2 { conv1-3 } -> relu ]", "add [ identity; conv1-3 -> conv1-3 -> relu ]"),
    "copies a chain": ("add [ identity; conv1-3 x2 ]", "add [ identity; conv1-3 -> conv1-3 ]"),
    "labels": ("a: conv1-3; b: conv1-3; add [ for t in [a, b] { from t -> relu } ]", "a: conv1-3; b: conv1-3; add [ from a -> relu; from b -> relu ]"),
}  # fmt: skip


@pytest.mark.parametrize(("text", "plain"), CASES.values(), ids=CASES)
def test_it_is_what_it_is_short_for(text: str, plain: str) -> None:
    model, other = (netspec.loads(f"input 3x8x8; {t}") for t in (text, plain))
    assert [(n.name, n.kind, n.inputs, n.type) for n in model.graph.nodes] == [
        (n.name, n.kind, n.inputs, n.type) for n in other.graph.nodes
    ]
    assert_agreement(model)
    assert largest_difference(model) < 1e-5


def test_the_number_of_branches_is_no_parameter_of_the_class() -> None:
    """It decides the structure, so that a class for any number would be wrong."""
    source = netspec.loads(
        "net N(n = 3, c = 5); input 3x8x8; concat [ for i in range(n) { conv1-4 } ]; gap; FC-c"
    ).torch_source()
    assert "def __init__(self, c: int = 5)" in source


MISTAKES = {
    "no branches": ("add [ for k in [] { conv1-3 } ]", "NS206", "has no branches"),
    "no list": ("add [ for k in 3 { conv1-3 } ]", "NS204", "`for` runs over a list"),
    "no condition": ("add [ identity; if 1 { conv1-3 } ]", "NS204", "a condition is yes or no"),
    "no fit": ("add [ for w in [3, 4] { conv1-w } ]", "NS306", ""),
}


@pytest.mark.parametrize(("text", "code", "words"), MISTAKES.values(), ids=MISTAKES)
def test_mistakes(text: str, code: str, words: str) -> None:
    with pytest.raises(netspec.SpecError) as caught:
        netspec.loads(f"input 3x8x8; {text}")
    (found,) = [d for d in caught.value.diagnostics if d.is_error]
    assert found.code == code
    assert words in found.message
