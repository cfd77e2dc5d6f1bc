"""What is tried on a file is bounded by a budget that is counted: the same file gives the same output everywhere."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from conftest import ROOT

import netspec
from netspec import compiler, model
from netspec.cli import main
from netspec.compiler import compile_source
from netspec.diagnostics.terminal import render_plain
from netspec.elaborate import elaborate
from netspec.elaborate.limits import Limits
from netspec.fixes.validation import Budget
from netspec.model import check
from netspec.source import SourceFile

LETS_LAYERS_IN = "input 3x8x8\nrepeat 20000 {\n  conv3-3 padd=1\n}\n"


def test_a_budget_ends() -> None:
    budget = Budget(work=1_500)
    assert not budget.spent
    budget.spend(3_000)
    assert budget.spent, "a trial that cannot be finished is not begun"


def test_an_edit_that_lets_many_layers_in_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    limits: list[Limits] = []

    def recorded(tree: Any, parameters: Any, diagnostics: Any, limit: Limits, **more: Any) -> Any:
        limits.append(limit)
        return elaborate(tree, parameters, diagnostics, limit, **more)

    monkeypatch.setattr(compiler, "elaborate", recorded)
    assert [d.code for d in check(SourceFile(LETS_LAYERS_IN)).diagnostics] == ["NS202"]
    first, *trials = limits
    assert first == Limits()
    assert trials
    assert all(limit.layers <= 4_000 and limit.steps <= 80_000 for limit in trials)


def work_of_trials(monkeypatch: pytest.MonkeyPatch, text: str) -> list[int]:
    """The work of each elaboration of a spec after the first."""
    spent: list[int] = []
    whole = compiler._Check.__call__

    def counted(self: Any, *arguments: Any) -> Any:
        found = whole(self, *arguments)
        spent.append(found[1])
        return found

    monkeypatch.setattr(compiler._Check, "__call__", counted)
    check(SourceFile(text))
    return spent[1:]


def test_a_size_is_tried_up_to_the_layer_that_refuses_it(monkeypatch: pytest.MonkeyPatch) -> None:
    text = "input 3x32x32\nconv3-4 pad=1\nadd [ conv3-4/2; conv3-4 ]\n" + "conv3-4 pad=1\n" * 400
    spent = work_of_trials(monkeypatch, text)
    assert sum(work < 20 for work in spent) >= 40, "every size nearby is tried"
    assert sum(spent) < 5_000


@pytest.mark.parametrize(
    ("name", "left_out"),
    [
        ("efficientnet_b0", 21),
        ("efficientnet_b0", 4),
        ("mobilenet_v3_large", 14),
        ("inception_v3", 64),
        ("se_resnet50", 15),
    ],
)
def test_long_specs_with_a_line_lost_cost_a_bounded_number_of_layers(
    monkeypatch: pytest.MonkeyPatch, name: str, left_out: int
) -> None:
    lines = (ROOT / "examples" / f"{name}.net").read_text().split("\n")
    del lines[left_out]
    spent = work_of_trials(monkeypatch, "\n".join(lines))
    assert spent
    assert sum(spent) < 5_000


def test_a_difference_checks_each_text_once(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    texts: list[str] = []

    def counted(source: SourceFile, *arguments: Any, **options: Any) -> Any:
        texts.append(source.text)
        return compile_source(source, *arguments, **options)

    monkeypatch.setattr(model, "compile_source", counted)
    path = tmp_path / "a.net"
    path.write_text("input 3x8x8\nconv3-4 => relu\n")
    for option in ("--diff", "--fix"):
        texts.clear()
        CliRunner().invoke(main, ["check", str(path), option])
        assert texts == ["input 3x8x8\nconv3-4 => relu\n", "input 3x8x8\nconv3-4 -> relu\n"]


def test_twice_the_same() -> None:
    one, other = ([render_plain(d) for d in check(SourceFile(LETS_LAYERS_IN)).diagnostics] for _ in range(2))
    assert one == other


def test_no_fix_asks_for_the_time() -> None:
    folder = Path(netspec.__file__).parent
    for path in [*(folder / "fixes").rglob("*.py"), folder / "compiler.py"]:
        text = path.read_text("utf-8")
        assert "import time" not in text, path
        assert "from time" not in text, path
