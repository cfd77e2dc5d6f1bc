"""Labels that a variable holds: `for s in [a, b] { … from s }`."""

from __future__ import annotations

import pytest
from agreement import assert_agreement, largest_difference

import netspec

UNET = """
input 3x16x16
a: conv3-4 pad=1 act=relu
maxpool
b: conv3-8 pad=1 act=relu
maxpool
conv3-16 pad=1 act=relu
{}
"""
WRITTEN_OUT = """
upsample 2 -> concat [ identity; from b ] -> conv3-8 pad=1 act=relu
upsample 2 -> concat [ identity; from a ] -> conv3-4 pad=1 act=relu
"""
LOOPS = {
    "labels": "for s in [b, a] { upsample 2; concat [ identity; from s ]; conv3-(s.channels) pad=1 act=relu }",
    "texts": 'let skips = ["b", "a"]\nfor s in skips { upsample 2; concat [ identity; from s ]; conv3-(s.channels) pad=1 act=relu }',
    "pairs": "for s, w in [(b, 8), (a, 4)] { upsample 2; concat [ identity; from s ]; conv3-w pad=1 act=relu }",
    "a label of the same name outside": "for a in [b, a] { upsample 2; concat [ identity; from a ]; conv3-(a.channels) pad=1 act=relu }",
}


@pytest.mark.parametrize("loop", LOOPS.values(), ids=LOOPS)
def test_a_loop_over_labels_is_what_it_is_short_for(loop: str) -> None:
    model, plain = (netspec.loads(UNET.format(text)) for text in (loop, WRITTEN_OUT))
    assert [(n.kind, n.inputs, n.type) for n in model.graph.nodes] == [
        (n.kind, n.inputs, n.type) for n in plain.graph.nodes
    ]
    assert_agreement(model)
    assert largest_difference(model) < 1e-5


def test_tied_weights_of_labels() -> None:
    model = netspec.loads("input 8; a: FC-4; b: FC-2; for s, w in [(b, 4), (a, 8)] { FC-w tie=s }")
    assert model.totals.params == 8 * 4 + 4 + 4 * 2 + 2 + 4 + 8


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("input 8; a: FC-8; for s in [a, c] { from s }", "`c` is not defined"),
        ('input 8; a: FC-8; for s in ["a", "c"] { from s }', "there is no label `c` here"),
        ("input 8; a: FC-8; let s = [a]; for x in s { from x }", "`a` is not defined"),
        ("input 8; a: FC-8; FC-a", "`a` is not defined"),
    ],
)
def test_what_is_no_label(text: str, said: str) -> None:
    with pytest.raises(netspec.SpecError) as error:
        netspec.loads(text)
    assert [d.message for d in error.value.diagnostics] == [said]


CONSTRUCTS = (
    "repeat 2 { conv1-3; add [ identity; from in ] }", "for w in [1, 2] { conv1-3; add [ identity; from in ] }",
    "if yes { conv1-3; add [ identity; from in ] }", "residual { conv1-3; add [ identity; from in ] }",
    "residual { conv1-4 } else { from in -> conv1-4 }", "dense { conv1-3; add [ identity; from in ] }",
    "checkpoint { conv1-3; add [ identity; from in ] }", "g: { conv1-3; add [ identity; from in ] }",
    "{ conv1-3; add [ identity; from in ] } x2", "conv1-3; aux { from in -> gap -> FC-2 }; gap; FC-2",
    "shared s { conv1-3; add [ identity; from in ] }; s(); s()", "concat [ for i in range(2) { from in -> conv1-2 } ]",
)  # fmt: skip


@pytest.mark.parametrize("text", CONSTRUCTS)
def test_from_in_goes_back_to_the_input_in_every_construct(text: str) -> None:
    assert [str(d) for d in netspec.check(f"input 3x8x8; {text}").diagnostics] == []
    assert_agreement(netspec.loads(f"input 3x8x8; {text}"))
