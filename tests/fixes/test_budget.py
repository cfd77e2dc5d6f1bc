"""What is tried on a file is bounded by a budget that is counted: the same file gives the same output everywhere."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import netspec
from netspec import compiler
from netspec.diagnostics.terminal import render_plain
from netspec.elaborate import elaborate
from netspec.elaborate.limits import Limits
from netspec.fixes.validation import Budget
from netspec.model import check
from netspec.source import SourceFile

LETS_LAYERS_IN = "input 3x8x8\nrepeat 20000 {\n  conv3-3 padd=1\n}\n"


def test_a_budget_ends() -> None:
    budget = Budget(work=2_000)
    assert not budget.spent
    budget.spend(4_500)
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
    assert all(limit.layers <= 6_000 and limit.steps <= 120_000 for limit in trials)


def test_twice_the_same() -> None:
    one, other = ([render_plain(d) for d in check(SourceFile(LETS_LAYERS_IN)).diagnostics] for _ in range(2))
    assert one == other


def test_no_fix_asks_for_the_time() -> None:
    folder = Path(netspec.__file__).parent
    for path in [*(folder / "fixes").rglob("*.py"), folder / "compiler.py"]:
        text = path.read_text("utf-8")
        assert "import time" not in text, path
        assert "from time" not in text, path
