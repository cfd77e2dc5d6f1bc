"""Many branches that are alike are a comprehension in the generated source; a few, and those that are not, are lines."""

from __future__ import annotations

import pytest
from agreement import assert_agreement, largest_difference

import netspec

WITH = {
    "concat [ for i in range(8) { conv3-4 pad=1 -> relu } ]":
        'torch.cat([getattr(self, f"relu{i}")(getattr(self, f"conv{i}")(x)) for i in range(1, 9)], dim=1)',
    "add [ for k in [3, 5, 7, 9] { dwconv(k) pad=same } ]": 'sum(getattr(self, f"dwconv{i}")(x) for i in range(1, 5))',
    "block b(w) { conv3-w pad=1; bn }; concat [ repeat 5 { b(2) } ]":
        'torch.cat([getattr(self, f"b{i}")(x) for i in range(1, 6)], dim=1)',
    "concat [ for i in range(4) { residual { conv1-8 } } ]":
        'torch.cat([getattr(self, f"conv{i}")(x) + x for i in range(1, 5)], dim=1)',
}  # fmt: skip
WITHOUT = {
    "a few": "concat [ for i in range(3) { conv1-4 } ]",
    "not alike": "concat [ for i in range(5) { if i % 2 == 0 { conv1-4 } else { conv1-4 -> relu } } ]",
    "with another one": "concat [ identity; for i in range(5) { conv1-4 } ]",
    "parts of what comes in": "concat [ for i in range(4) { slice(2 * i, 2 * i + 2) -> conv1-4 } ]",
    "read by others, too": "concat [ for i in range(4) { conv1-4 } ]; a: conv1-8; concat [ for i in range(5) { from a } ]",
}


@pytest.mark.parametrize(("text", "line"), WITH.items(), ids=range(len(WITH)))
def test_a_comprehension(text: str, line: str) -> None:
    *blocks, body = text.split("; concat") if text.startswith("block") else (text,)
    body = f"concat{body}" if blocks else body
    model = netspec.loads("\n".join([*blocks, "input 8x8x8", body, "gap -> FC-3"]))
    assert line in model.torch_source()
    assert_agreement(model)
    assert largest_difference(model) < 1e-5


@pytest.mark.parametrize("text", WITHOUT.values(), ids=WITHOUT)
def test_no_comprehension(text: str) -> None:
    model = netspec.loads(f"input 8x8x8; {text}; gap -> FC-3")
    assert_agreement(model)
    assert largest_difference(model) < 1e-5
    assert (") for i in " in model.torch_source()) == text.startswith("concat [ for i in range(4) { conv1-4 } ]")
