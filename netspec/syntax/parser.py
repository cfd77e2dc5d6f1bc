"""The parser: Lark's LALR(1) with the tables of `grammar/netspec.lark`, which are in `tables.json`."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from lark import Lark, Token, Tree, UnexpectedInput
from lark.lark import PostLex
from lark.tree import Meta

from netspec.diagnostics import Diagnostics
from netspec.source import SourceFile, Span
from netspec.syntax import tree
from netspec.syntax.reader import MAX_DEPTH, TooDeep, read

if TYPE_CHECKING:
    from netspec.syntax.error_site import Explain

__all__ = ["parse"]

_MAX_SYNTAX_ERRORS = 50
_MAX_PARSED = 30_000
"""Tokens that are parsed again after errors, over all of them."""
_MAX_NESTED = 400
"""Levels of a parse tree, four times those that are read: taking a deeper one apart exhausts the stack of a browser."""
_OPERANDS = frozenset(["JOIN", "NAME", "RPAR", "RSQB", "INT", "FLOAT", "QUANTITY", "SIZE", "STRING", "NONE"])
_TOKEN = re.compile(r"#[^\n]*\n?|(\w+|[^\w\s]|\n\s*)")


class _NewlinesInsideBrackets(PostLex):
    """Drops newlines inside `( )`, lists and indices; inside `{ }` and around branches they end statements.

    Branches are in a `[` that follows a word or what a layer ends with; a list never does.
    """

    always_accept = ("_NL",)

    def process(self, stream: Iterator[Token]) -> Iterator[Token]:
        free: list[bool] = []
        before = ""
        for token in stream:
            if token.type == "_NL" and free and free[-1] and ";" not in token:
                continue
            if token.type in ("LPAR", "LSQB", "_INDEX", "LBRACE"):
                free.append(token.type in ("LPAR", "_INDEX") or (token.type == "LSQB" and before not in _OPERANDS))
            elif token.type in ("RPAR", "RSQB", "RBRACE") and free:
                free.pop()
            before = token.type
            yield token


class _Nested(Exception):
    """A part that holds `_MAX_NESTED` levels, and there is more around it."""

    def __init__(self, part: Tree[Token]) -> None:
        self.part = part


class _Part(Tree[Token]):
    """A parse tree that knows its height, and does not grow beyond what can be taken apart. Raises _Nested."""

    def __init__(self, data: str, children: list[Tree[Token] | Token], meta: Meta | None = None) -> None:
        super().__init__(data, children, meta)
        self.height = 1
        if data.startswith("_"):
            return  # its children become those of the part around it: a list that grows is not gone through at each step
        for child in children:
            if isinstance(child, _Part) and child.height >= self.height:
                self.height = child.height + 1
                if self.height > _MAX_NESTED:
                    raise _Nested(child)


@cache
def _parser() -> Lark:
    """Lark with the tables that `scripts/parser_tables.py` wrote: plain data, loaded as Lark's standalone parsers do it."""
    tables = json.loads(Path(__file__).with_name("tables.json").read_text(encoding="utf-8"))
    own = {"postlex": _NewlinesInsideBrackets(), "tree_class": _Part}
    parser: Lark = Lark._load_from_dict(**tables, **own)  # type: ignore[no-untyped-call]
    return parser


def parse(
    source: SourceFile,
    diagnostics: Diagnostics,
    *,
    recover: bool = False,
    explain: Explain | None = None,
    most_tokens: int = 30_000,
) -> tree.File | None:
    """The tree of a source text; None where it has syntax errors, all of which are reported.

    `explain` says what is wrong at a place, and what to write. After an error the text is repaired so, or the statement
    left out, and parsed again. With `recover` the tree of what is left is returned (`diagnostics.skipped` says where
    something is missing), unless that is too little.
    """
    tokens = sum(found[1] is not None for found in _TOKEN.finditer(source.text))
    if tokens > most_tokens:
        diagnostics.error(
            "NS005",
            f"{source.name} has more than {most_tokens:,} words and signs",
            Span(source, 0, min(1, len(source.text))),
            helps=["use blocks and loops; or raise the limit with `--limit tokens=N` if you trust the spec"],
        )
        return None
    tries = min(_MAX_SYNTAX_ERRORS, 1 + _MAX_PARSED // (tokens + 1))
    try:
        return _read(source, diagnostics, recover, explain, tries)
    except (TooDeep, RecursionError) as deep:
        span = deep.span if isinstance(deep, TooDeep) else Span(source, 0, min(1, len(source.text)))
        diagnostics.error(
            "NS005",
            f"this nests deeper than {MAX_DEPTH} levels",
            span,
            helps=["give inner parts a name with `let` or `block`"],
        )
        return None


def _read(
    source: SourceFile, diagnostics: Diagnostics, recover: bool, explain: Explain | None, tries: int
) -> tree.File | None:
    """What `parse` gives for a text of bounded length. Raises TooDeep."""
    place = None
    try:
        parsed = _parsed(source, source.text)
    except UnexpectedInput as error:
        draft = _drafted(source, error, diagnostics, explain, tries)
        if draft is None or not recover:
            return None
        parsed, place = draft
    return read(source, parsed, place)


def _parsed(source: SourceFile, text: str, place: Callable[[int], int] = lambda offset: offset) -> Tree[Token]:
    """`place` gives the offset in the source of one in the text. Raises TooDeep, UnexpectedInput."""
    try:
        return _parser().parse(text)
    except _Nested as nested:
        meta = nested.part.meta
        raise TooDeep(Span(source, place(meta.start_pos), place(meta.end_pos))) from None


def _parses(text: str) -> bool:
    try:
        _parser().parse(text)
    except (UnexpectedInput, _Nested):
        return False
    return True


def _drafted(
    source: SourceFile, error: UnexpectedInput, diagnostics: Diagnostics, explain: Explain | None, tries: int
) -> tuple[Tree[Token], Callable[[int], int]] | None:
    """The parse tree of a text with errors, each of which is reported, and where in the source its offsets are."""
    from netspec.syntax.recovery import Draft, report_syntax_error

    draft = Draft(source)
    for _ in range(tries):
        if not report_syntax_error(draft, error, diagnostics, explain, _parses):
            return None
        try:
            parsed = _parsed(source, draft.text, draft.place)
        except UnexpectedInput as another:
            error = another
            continue
        for skipped in draft.skipped:
            diagnostics.skipped[source, skipped.span.start] = skipped
        diagnostics.repaired[source] = draft.mended
        return parsed, draft.place
    return None
