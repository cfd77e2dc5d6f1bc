"""NS912: what a recipe plans for after its last epoch."""

from __future__ import annotations

import pytest

import netspec

NET = """input 3x32x32
stem: conv3-8 norm=bn
body: conv3-8
gap
head: FC-10
train {{
  {}
}}
"""


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        ("schedule multistep at=[6, 9, 12]; epochs 10", "changes the learning rate at 12, but"),
        ("schedule multistep at=[6, 9]; epochs 10", None),
        (
            "schedule multistep at=[6, 9] warmup=2; epochs 10",
            "changes the learning rate at 9 after the 2 of the warmup",
        ),
        ("schedule multistep at=[6, 9] warmup=2 warmup_over=yes; epochs 10", None),
        ("schedule multistep at=[60] unit=step; epochs 10", None),
        ("schedule multistep at=[60]", None),
        ("schedule step; epochs 10", None),
        ("schedule step 10; epochs 10", "changes the learning rate every 10 epochs"),
        ("schedule cosine_restarts 10; epochs 10", "the first cycle of the schedule takes 10 epochs"),
        ("schedule cosine_restarts 9; epochs 10", None),
        ("schedule step 5 unit=step warmup=10; epochs 10", "the warmup takes 10 epochs"),
        ("schedule plateau patience=10; epochs 10", "waits for 10 epochs without"),
        ("schedule plateau patience=5; validate 2; epochs 10", "waits for 5 evaluations without"),
        ("schedule plateau patience=10; validate 50 unit=step; epochs 10", None),
        ("schedule plateau; epochs 10", None),
        ("stop 10; epochs 10", "`stop` waits for 10 epochs without"),
        ("stop 9; epochs 10", None),
        ("stop; epochs 10", None),
        ("validate 11; epochs 10", "the net is evaluated every 11 epochs"),
        ("validate 10; epochs 10", None),
        ("unfreeze stem at=10; epochs 10", "`stem` is frozen for the first 10 epochs"),
        ("unfreeze stem body at=10; unfreeze head at=2; epochs 10", "`stem body` are frozen for the first 10 epochs"),
        ("unfreeze stem at=9; epochs 10", None),
        ("unfreeze_backward 5; epochs 10", "`stem` is frozen for the first 10 epochs"),
        ("unfreeze_backward 4; epochs 10", None),
        ("augment { progressive 16 stages=4 }; epochs 3", "grow in 4 stages of at least an epoch"),
        ("augment { progressive 16 stages=4 }; epochs 4", None),
    ],
)
def test_what_comes_after_the_last_epoch(lines: str, said: str | None) -> None:
    checked = netspec.check(NET.format(lines)).lenient()
    found = [d.message for d in checked.diagnostics if d.code == "NS912"]
    assert len(found) == (said is not None), found
    if said is not None:
        assert said in found[0]
        assert "but training ends at" in found[0]
