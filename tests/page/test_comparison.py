"""What the page is given about two specs: the same difference as `netspec diff`, and where it is in the diagram."""

from __future__ import annotations

from typing import Any

import netspec
from netspec.page.comparison import comparison
from netspec.page.document import document

ONE = """block unit(c) {
  add [ identity; conv3-c pad=1 -> bn -> relu -> conv3-c pad=1 -> bn ]
}
input 3x32x32
conv3-16 pad=1 act=relu
unit(16) x2
maxpool
conv3-32 pad=1
unit(32) x4
FC-10
"""
OTHER = ONE.replace("unit(16) x2", "unit(16) x3").replace("conv3-32 pad=1\n", "conv3-32 pad=1\ndropout 0.1\n")
OTHER = OTHER.replace("FC-10", "FC-20")


def _compared(before: str, after: str) -> tuple[dict[str, Any], dict[str, dict[str, Any]]]:
    """The comparison, and its marks by the head of a block or the name of a layer."""
    a, b = netspec.loads(before), netspec.loads(after)
    found = comparison(a.graph, b.graph, "a.net")
    parts = document(b.source, b.graph, b.diagnostics, "b.net")["network"]["parts"]
    named = [p["head"] if p["level"] else p["name"] for p in parts]
    return found, {named[m["part"]]: m for m in found["marks"]}


def test_marks_are_where_the_network_differs() -> None:
    _, marks = _compared(ONE, OTHER)
    assert (marks["unit(16) ×3"]["kind"], marks["unit(16) ×3"]["words"]) == ("changed", "1 of 3 added")
    assert marks["dropout1"]["kind"] == "added"
    assert (marks["fc1"]["kind"], marks["fc1"]["words"]) == ("changed", "width 10 → 20")
    assert len(marks) == 3


def test_what_was_removed_is_marked_where_it_was() -> None:
    found, marks = _compared(OTHER, ONE)
    removed = {text: mark["removed"] for text, mark in marks.items() if mark["removed"]}
    assert removed == {"unit(16) ×2": ["unit3: unit(16), 7 layers"], "conv2": ["dropout1: dropout p = 0.1"]}
    assert [row["kind"] for row in found["rows"]] == ["removed", "removed", "changed"]


def test_totals_and_rows_are_those_of_diff() -> None:
    found, _ = _compared(ONE, OTHER)
    expected = netspec.diff(ONE, OTHER)
    params = next(total for total in found["totals"] if total[0] == "params")
    before, after = (netspec.loads(text).params for text in (ONE, OTHER))
    assert params[1:3] == (f"{before:,}", f"{after:,}")
    assert [row["kind"] for row in found["rows"] if not row["level"]] == [
        change.kind for change in expected.found.changes
    ]
    assert found["counts"] == ["8 layers added, 1 changed"]


def test_what_was_removed_first_has_no_place() -> None:
    found, marks = _compared(ONE, ONE.replace("conv3-16 pad=1 act=relu\nunit(16) x2\n", "unit(3)\n"))
    assert found["rows"][0]["kind"] == "removed"
    assert "conv1" in found["rows"][0]["name"]
    assert any("conv1" in text for mark in marks.values() for text in mark["removed"])


def test_equal_networks() -> None:
    found, marks = _compared(ONE, ONE.replace("conv3-32 pad=1", "conv3-32 pad=same"))
    assert found["equal"]
    assert not marks
    assert found["rows"] == []


def test_every_part_has_the_number_of_the_document() -> None:
    """Marks are numbers of parts: those of the document, output included."""
    from netspec.page.comparison import _Drawn
    from netspec.scene.parts import Parts

    model = netspec.loads(OTHER)
    drawn = _Drawn(Parts(model.graph)).parts
    there = document(model.source, model.graph, model.diagnostics, "b.net")["network"]["parts"]
    assert [(p.start, p.stop, p.count) for p in drawn] == [(p["start"], p["stop"], p["count"]) for p in there]
