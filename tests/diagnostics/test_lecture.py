"""What the lectures do by hand, and where their slides go wrong."""

from __future__ import annotations

import pytest
from conftest import run_netspec

from netspec import check
from netspec.source import SourceFile

SLIDE = """net AlexNet(classes = 1000)
default conv act=relu
input 3x227x227
conv11-96/4 -> maxpool3/2
conv5-256/2 -> maxpool3/2
conv3-384 pad=1 -> conv3-384 pad=1 -> conv3-256 pad=1 -> maxpool3/2
FC-4096 act=relu -> FC-4096 act=relu -> FC-classes
expect params ~ 60M
"""


@pytest.mark.parametrize("fit", ["floor", "exact"])
@pytest.mark.parametrize(
    ("stride", "pad", "size", "value"),
    [(1, 0, 5, "5"), (2, 0, 3, "3"), (3, 0, 2, "2.33"), (1, 1, 7, "7"), (2, 1, 4, "4"), (3, 1, 3, "3")],
)
def test_a_3x3_filter_on_7x7(fit: str, stride: int, pad: int, size: int, value: str) -> None:
    found = check(SourceFile(f"fit {fit}\ninput 1x7x7\nconv3-1/{stride} pad={pad}\n"))
    assert found.graph is not None
    assert found.graph.layers[0].type.shape == (1, size, size)
    if "." not in value:
        assert found.diagnostics == ()
        return
    (finding,) = found.diagnostics
    assert finding.code == ("NS302" if fit == "exact" else "NS305")
    assert finding.notes == ("height and width: (7 + 2*0 - 3)/3 + 1 = 2.33",)
    assert finding.helps == (
        "pad=1 gives exactly 3",
        "stride 2 gives exactly 3",
        "inputs of 6 (2 out) or 9 (3 out) tile exactly",
        "a kernel of 4 gives exactly 2",
        "with `input 1x6x6` every layer fits",
    )
    assert [fix.title for fix in finding.fixes] == [h for h in finding.helps if not h.startswith("inputs of")]


def test_the_slide_with_conv2_at_stride_2(tmp_path) -> None:  # type: ignore[no-untyped-def]
    path = tmp_path / "slide.net"
    path.write_text(SLIDE)
    result = run_netspec("check", str(path))
    assert result.returncode == 1
    assert "height and width: (12 + 2*0 - 3)/2 + 1 = 5.50" in result.stderr, "where it stops fitting"
    assert ":5:16" in result.stderr
    assert "expected `params ~ 60M`, but params is 28,823,912" in result.stderr
    assert "most are in fc2 (16,781,312), fc1 (4,198,400), fc3 (4,097,000)" in result.stderr
    right = SLIDE.replace("conv5-256/2", "conv5-256 pad=2").replace("60M", "62.4M")
    path.write_text(right)
    assert run_netspec("check", str(path)).returncode == 0
