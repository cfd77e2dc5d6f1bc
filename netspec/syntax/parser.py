"""The parser: Lark's LALR(1) over `grammar/netspec.lark`, with its tables kept in the user's cache folder."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

from lark import Lark, Token, Tree, UnexpectedCharacters, UnexpectedInput, UnexpectedToken
from lark.lark import PostLex

from netspec.diagnostics import Diagnostics
from netspec.source import SourceFile, Span
from netspec.syntax import tree
from netspec.syntax.reader import MAX_DEPTH, TooDeep, read

__all__ = ["grammar_path", "parse"]

_MAX_SYNTAX_ERRORS = 50
_LARGE = 100_000


class _NewlinesInsideBrackets(PostLex):
    """Drops newlines inside `( )` and expression lists; inside `{ }` and a join's `[ ]` they end statements."""

    always_accept = ("_NL",)

    def process(self, stream: Iterator[Token]) -> Iterator[Token]:
        free: list[bool] = []
        after_join = False
        for token in stream:
            if token.type == "_NL" and free and free[-1] and ";" not in token:
                continue
            if token.type in ("LPAR", "LSQB", "LBRACE"):
                free.append(token.type == "LPAR" or (token.type == "LSQB" and not after_join))
                after_join = False
            elif token.type in ("RPAR", "RSQB", "RBRACE") and free:
                free.pop()
            elif token.type == "JOIN":
                after_join = True
            yield token


def grammar_path() -> Path:
    """Where the grammar lies: inside an installed package, or beside it in a checkout."""
    package = Path(__file__).resolve().parent.parent
    installed = package / "grammar" / "netspec.lark"
    return installed if installed.exists() else package.parent / "grammar" / "netspec.lark"


def _cache_file() -> str | bool:
    """The file for the parser's tables; False (no cache) where there is no folder of the user's own to write in."""
    home = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    folder = Path(home) / "netspec"
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError:
        return False
    if not os.access(folder, os.W_OK) or folder.stat().st_uid != os.getuid():
        return False  # the tables are pickled: never read another user's
    return str(folder / "parser.tables")


@cache
def _parser() -> Lark:
    return Lark(
        grammar_path().read_text(encoding="utf-8"),
        parser="lalr",
        lexer="contextual",
        propagate_positions=True,
        maybe_placeholders=True,
        postlex=_NewlinesInsideBrackets(),
        cache=_cache_file(),
    )


def parse(source: SourceFile, diagnostics: Diagnostics, *, recover: bool = False) -> tree.File | None:
    """The tree of a source text; None where it has syntax errors, all of which are reported.

    After an error the text is repaired, or the statement in which it stands left out, and parsed again. With `recover`
    the tree of what is left is returned (`diagnostics.skipped` says where something is missing), unless that is too little.
    """
    place = None
    try:
        parsed = _parser().parse(source.text)
    except UnexpectedInput as error:
        draft = _drafted(source, error, diagnostics)
        if draft is None or not recover:
            return None
        parsed, place = draft
    try:
        return read(source, parsed, place)
    except (TooDeep, RecursionError) as deep:
        span = deep.span if isinstance(deep, TooDeep) else Span(source, 0, min(1, len(source.text)))
        diagnostics.error(
            "NS005",
            f"this nests deeper than {MAX_DEPTH} levels",
            span,
            helps=["give inner parts a name with `let` or `block`"],
        )
        return None


def _drafted(
    source: SourceFile, error: UnexpectedInput, diagnostics: Diagnostics
) -> tuple[Tree[Token], Callable[[int], int]] | None:
    """The parse tree of a text with errors, each of which is reported, and where in the source its offsets stand."""
    from netspec.syntax.recovery import Draft
    from netspec.syntax.trouble import report_syntax_error

    draft = Draft(source)
    for _ in range(_MAX_SYNTAX_ERRORS if len(draft.text) < _LARGE else 3):
        if not report_syntax_error(draft, error, diagnostics):
            return None
        try:
            parsed = _parser().parse(draft.text)
        except UnexpectedInput as another:
            error = another
            continue
        for skipped in draft.skipped:
            diagnostics.skipped[source, skipped.span.start] = skipped
        diagnostics.repaired[source] = draft.mended
        return parsed, draft.place
    return None


__all__ += ["UnexpectedCharacters", "UnexpectedToken"]
