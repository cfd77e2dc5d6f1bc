"""`netspec ops` and docs/ops.md: derived from the catalogue, and up to date."""

from __future__ import annotations

from conftest import ROOT, run_netspec

from netspec.ops import CATALOGUE, JOINS
from netspec.ops.reference import entries, markdown


def test_the_documentation_is_up_to_date() -> None:
    assert (ROOT / "docs" / "ops.md").read_text() == markdown(), "run `netspec ops --markdown > docs/ops.md`"


def test_every_layer_and_every_option_is_documented() -> None:
    documented = {e.name: e for e in entries()}
    for op in {*CATALOGUE.values(), *JOINS.values()}:
        entry = documented[op.name]
        stated = {name for name, option in op.options.items() if option.slot != "size"}  # those are written as axes
        assert {o.name for o in entry.options} == stated
        assert f"### {op.name}\n" in markdown()


def test_one_layer_says_all_of_it() -> None:
    text = run_netspec("ops", "conv").stdout
    for word in (
        "kernel",
        "width",
        "stride",
        "pad",
        "dilation",
        "groups",
        "required",
        "(W + 2P - (D(K-1) + 1))/S + 1",
        "conv3-64/2",
    ):
        assert word in text


def test_the_list_and_a_wrong_name() -> None:
    text = run_netspec("ops").stdout
    assert all(f"\n{op.name} " in f"\n{text}" for op in CATALOGUE.values())
    wrong = run_netspec("ops", "cnov")
    assert wrong.returncode == 2
    assert "conv" in wrong.stderr


def test_narrow_and_wide_terminals() -> None:
    for columns in (80, 160):
        text = run_netspec("ops", "conv", "attention", COLUMNS=str(columns)).stdout
        assert max(map(len, text.splitlines())) <= columns
