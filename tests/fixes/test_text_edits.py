"""Edits by span: what is deleted takes its separator with it, what is moved keeps the rest as it was."""

from __future__ import annotations

import pytest

from netspec.fixes.edits import (
    apply_edits,
    delete,
    exchange,
    insert_after,
    insert_before,
    insert_line_before,
    move,
    replace,
)
from netspec.source import SourceFile, Span


def span(text: str, part: str) -> Span:
    start = text.index(part)
    return Span(SourceFile(text), start, start + len(part))


@pytest.mark.parametrize(
    ("text", "part", "left"),
    [
        ("conv3-8 pad=1 act=relu\n", "pad=1", "conv3-8 act=relu\n"),
        ("conv3-8 pad=1\n", "pad=1", "conv3-8\n"),
        ("b(4, pad=1, s=2)\n", "4", "b(pad=1, s=2)\n"),
        ("b(4, pad=1, s=2)\n", "s=2", "b(4, pad=1)\n"),
        ("b(4)\n", "4", "b()\n"),
        ("relu -> gelu -> silu\n", "gelu", "relu -> silu\n"),
        ("relu -> gelu -> silu\n", "relu", "gelu -> silu\n"),
        ("relu\n  -> gelu\nsilu\n", "gelu", "relu\nsilu\n"),
        ("relu ->\n  gelu -> silu\n", "gelu", "relu -> silu\n"),
        ("add [ relu; gelu ]\n", "relu", "add [ gelu ]\n"),
        ("relu\n  gelu  # why\nsilu\n", "gelu", "relu\nsilu\n"),
        ("relu ->\n  gelu\nsilu\n", "gelu", "relu\nsilu\n"),
        ("gelu", "gelu", ""),
    ],
)
def test_delete(text: str, part: str, left: str) -> None:
    assert apply_edits(text, [delete(span(text, part))]) == left


def test_insert() -> None:
    text = "{\n  relu -> gelu\n}\n"
    relu, gelu = span(text, "relu"), span(text, "gelu")
    assert apply_edits(text, [insert_line_before(relu, "FC-2")]) == "{\n  FC-2\n  relu -> gelu\n}\n"
    assert apply_edits(text, [insert_line_before(gelu, "a")]) == "{\n  relu -> a; gelu\n}\n"
    assert apply_edits(text, [insert_before(gelu, "x: "), insert_after(gelu, " x2")]) == "{\n  relu -> x: gelu x2\n}\n"


def test_replace_leaves_out_what_stays() -> None:
    edit = replace(span("conv3-64/2\n", "conv3-64/2"), "conv3-128/2")
    assert (edit.span.text, edit.text) == ("64", "128")


def test_move_and_exchange() -> None:
    text = "relu\ngelu\nsilu # last\n"
    source = SourceFile(text)
    relu, gelu, silu = Span(source, 0, 4), Span(source, 5, 9), Span(source, 10, 14)
    assert apply_edits(text, move(silu, relu)) == "silu\nrelu\ngelu\n"
    assert apply_edits(text, exchange(relu, gelu)) == "gelu\nrelu\nsilu # last\n"
