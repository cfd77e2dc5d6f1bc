"""`shared`: one set of weights for the net, for each instance of a block, for each round of a loop, for a used file."""

from __future__ import annotations

from pathlib import Path

import pytest
from agreement import assert_agreement

import netspec

NETS = {
    "of the net": ("input 4x8x8; shared t { conv3-4 pad=1 }; t(); t()", 148),
    "of each instance of a block": (
        "block b(w) { shared t { conv3-w pad=1 }; conv1-w; t(); t() }; input 3x8x8; b(4); b(4) x2",
        16 + 2 * 20 + 3 * 148,
    ),
    "of each round of a loop": ("input 4x8x8; repeat 3 { shared t { conv3-4 pad=1 -> relu }; t(); t() }", 3 * 148),
    "of the net, called in blocks": ("shared t { conv3-4 pad=1 }; block b { t() }; input 4x8x8; b; b", 148),
    "inside a shared one": ("input 4x8x8; shared t { shared u { conv1-4 }; u(); u() }; t(); t()", 20),
}


@pytest.mark.parametrize("name", NETS)
def test_one_set_of_weights(name: str) -> None:
    text, params = NETS[name]
    model = netspec.loads(text)
    assert model.params == params
    assert_agreement(model)


def test_a_used_file_has_one_set_for_the_file_that_uses_it(tmp_path: Path) -> None:
    (tmp_path / "lib.net").write_text(
        "default conv pad=same\nshared tower { conv3-4 -> relu }\nblock twice { tower(); tower() }\n"
    )
    (tmp_path / "net.net").write_text('use "lib.net"\ninput 4x8x8\ntower()\ntwice\ntwice\n')
    model = netspec.load(tmp_path / "net.net")
    assert model.params == 148
    assert_agreement(model)


@pytest.mark.parametrize(
    "text",
    [
        "input 4x8x8; shared t { conv1-4 }; shared t { conv1-4 }; t()",
        "block t { conv1-4 }; input 4x8x8; shared t { conv1-3 }; t()",
    ],
)
def test_a_name_that_is_taken(text: str) -> None:
    with pytest.raises(netspec.SpecError) as caught:
        netspec.loads(text)
    assert [d.code for d in caught.value.diagnostics] == ["NS209"]


def test_it_is_known_where_it_is_declared() -> None:
    with pytest.raises(netspec.SpecError) as caught:
        netspec.loads("block b { shared t { conv1-4 }; t() }; input 4x8x8; b; t()")
    assert [d.code for d in caught.value.diagnostics] == ["NS201"]
