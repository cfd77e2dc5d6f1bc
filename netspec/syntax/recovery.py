"""How parsing goes on after a syntax error: the text is repaired where it is clear what was meant, or the statement
left out, so that the rest is checked in the same run. What is wrong and what to write, the rules say."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from lark import UnexpectedInput, UnexpectedToken

from netspec.diagnostics import Diagnostics, Edit, Fix, Label, Skipped
from netspec.source import SourceFile, Span
from netspec.syntax.brackets import missing_or_extra
from netspec.syntax.error_site import ErrorSite, Explain, SyntaxFix
from netspec.syntax.tokens import CLOSERS, OPENERS, Token, Tokens

__all__ = ["PLACEHOLDER", "Draft", "report_syntax_error", "statement_around"]

PLACEHOLDER = "_"
"""In place of a statement that was left out: a layer by its look, taken as unknown by the elaborator."""

_TERMINALS = {
    "_NL": "the end of the line", "$END": "the end of the file", "NAME": "a name", "INT": "a number", "FLOAT": "a number",
    "QUANTITY": "a number", "SIZE": "a size such as 3x224x224", "STRING": "a string", "LIBRARY": "a name such as <resnet>", "LBRACE": "`{`", "RBRACE": "`}`",
    "LPAR": "`(`", "RPAR": "`)`", "LSQB": "`[`", "RSQB": "`]`", "EQUAL": "`=`", "COMMA": "`,`", "COLON": "`:`",
    "_ARROW": "`->`", "REPEAT": "a repeat such as x2", "COMPARE": "a comparison",
}  # fmt: skip
_MOST_EXPECTED = 4


class Draft:
    """The text that is parsed: the source with repairs in it, and where in the source each of its characters is."""

    def __init__(self, source: SourceFile) -> None:
        self.source = source
        self.skipped: list[Skipped] = []
        self.repaired: list[tuple[int, int]] = []
        """The ranges of the latest repair: an error right there is one of the repair, not of the author."""
        self.mended: list[tuple[int, int]] = []
        """The lines of the source that were repaired, as offsets."""
        self.tokens = Tokens(source)
        self._origin: list[int] | None = None

    @property
    def text(self) -> str:
        return self.tokens.source.text

    def _becomes(self, text: str) -> None:
        draft = SourceFile("", self.source.name)
        draft.text = text
        self.tokens = Tokens(draft)

    def place(self, offset: int) -> int:
        """The offset in the source of an offset in the draft."""
        return offset if self._origin is None else self._origin[min(offset, len(self.text))]

    def written(self, span: Span) -> Span:
        """The span of the source from which a span of the draft comes."""
        return Span(self.source, self.place(span.start), self.place(span.end))

    def repair(self, edits: tuple[Edit, ...]) -> None:
        """Makes edits of the draft, which do not overlap."""
        text = self.source.text
        for edit in edits:
            low, high = self.place(edit.span.start), self.place(edit.span.end)
            self.mended.append((text.rfind("\n", 0, low) + 1, (text + "\n").index("\n", high)))
        grown, draft = 0, self.text
        origin = self._origin or list(range(len(draft) + 1))
        self.repaired = []
        for edit in sorted(edits, key=lambda edit: (edit.span.start, edit.span.end)):
            start, stop, new = edit.span.start + grown, edit.span.end + grown, edit.text
            if len(new) != stop - start:
                origin[start:stop] = [origin[start]] * len(new)
            draft = draft[:start] + new + draft[stop:]
            grown += len(new) - (stop - start)
            if new and new.strip() not in OPENERS:
                self.repaired.append((start, start + max(1, len(new))))
        self._origin = origin
        self._becomes(draft)

    def in_repair(self, at: int) -> bool:
        return any(start <= at < stop for start, stop in self.repaired)

    def leave_out(self, span: Span) -> bool:
        """Blanks a span, with a placeholder in it where a statement was; whether that changes anything."""
        start, stop, inside = span.start, span.end, span.text
        kept = "".join("\n" if c == "\n" else " " for c in inside)
        room = len(inside) - len(inside.lstrip(" \t\n"))
        if room < len(inside) and inside.strip() not in OPENERS:
            kept = kept[:room] + PLACEHOLDER + kept[room + 1 :]
        whole = self.written(span)
        place = self.place(start + room)
        end = max(place, self.place(start + len(inside.rstrip())))
        self.skipped = [s for s in self.skipped if not (whole.start <= s.span.start and s.span.end <= whole.end)]
        self.skipped.append(Skipped(Span(self.source, place, end)))
        self._becomes(self.text[:start] + kept + self.text[stop:])
        return stop > start and kept != inside


def report_syntax_error(
    draft: Draft,
    error: UnexpectedInput,
    diagnostics: Diagnostics,
    explain: Explain | None,
    parses: Callable[[str], bool],
) -> bool:
    """Reports one error and repairs the draft; whether parsing can go on."""
    site = _site(draft.tokens, error, parses)
    if draft.in_repair(site.at):
        draft.repaired = []
        return draft.leave_out(_whole_statement(draft.tokens, site.at))
    if _lost_its_opener(draft, site, diagnostics):
        return draft.leave_out(site.span(site.here))
    found = explain(site) if explain is not None else _unexplained(site)
    _report(draft, site, found, diagnostics)
    if found.edits and found.applicability != "unsure":
        draft.repair(found.edits)
        return True
    if found.left_out is None and site.here.text == "}" and site.here.start == site.at:
        return draft.leave_out(site.span(site.here))
    return draft.leave_out(found.left_out or _whole_statement(draft.tokens, site.at))


def _site(tokens: Tokens, error: UnexpectedInput, parses: Callable[[str], bool]) -> ErrorSite:
    text = tokens.source.text
    at = error.pos_in_stream if error.pos_in_stream is not None else len(text)
    token = error.token if isinstance(error, UnexpectedToken) else None
    terminal = token.type if token is not None else ""
    if terminal == "$END":
        at = len(text)
    if token is not None and terminal == "_ARROW":
        at += token.index("->")
    names = getattr(error, "accepts", None) or getattr(error, "expected", None) or getattr(error, "allowed", None)
    return ErrorSite(tokens, min(max(at, 0), len(text)), terminal, frozenset(names or ()), parses)


def _report(draft: Draft, site: ErrorSite, found: SyntaxFix, diagnostics: Diagnostics) -> None:
    expected = _expected(site) if found.expected else ""
    edits = tuple(replace(edit, span=draft.written(edit.span)) for edit in found.edits)
    diagnostics.error(
        found.rule.partition("-")[0] or "NS101",
        found.message,
        draft.written(found.marked or _in_error(site)),
        label=f"expected {expected}" if expected else "",
        secondary=[Label(draft.written(label.span), label.text) for label in found.secondary],
        helps=(found.help,) if found.help else (),
        fixes=(Fix(found.help, edits, found.applicability or "review", rule=found.rule),) if edits else (),
        rule=found.rule,
    )


def _unexplained(site: ErrorSite) -> SyntaxFix:
    return SyntaxFix("the text cannot be parsed here", expected=True)


def _in_error(site: ErrorSite) -> Span:
    """What was not expected; the last character of a line that ends too early."""
    source, here = site.tokens.source, site.here
    if site.terminal in ("_NL", "$END") or here.kind == "edge":
        end = len(site.text[: site.at].rstrip())
        return Span(source, max(0, end - 1), end)
    start = here.start if here.kind == "sign" else max(here.start, site.at)
    return Span(source, start, max(here.end, start + 1))


def _expected(site: ErrorSite) -> str:
    """What could have followed, where that is short enough to help."""
    words = sorted({_TERMINALS[name] for name in site.accepted if name in _TERMINALS})
    if not words or len(words) > _MOST_EXPECTED or len(site.accepted) > 2 * _MOST_EXPECTED:
        return ""
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} or {words[-1]}"


def _lost_its_opener(draft: Draft, site: ErrorSite, diagnostics: Diagnostics) -> bool:
    """Whether a `}` too many belongs to a `{` in a statement that was left out and reported before."""
    if site.here.text != "}" or not any("{" in skipped.text for skipped in draft.skipped):
        return False
    flaw = missing_or_extra(site.tokens)
    if flaw is None or flaw.place is not None:
        return False
    place = draft.place(site.at)
    inside = sum(s.text.count("{") - s.text.count("}") for s in draft.skipped if s.span.end <= place)
    spans = [d.span for d in diagnostics if d.span is not None and d.span.source is draft.source]
    return inside > sum(span.start < place and span.text == "}" for span in spans)


# Statements


def _whole_statement(tokens: Tokens, at: int) -> Span:
    """The innermost statement at an offset; where that is a line in the middle of a list, the one that holds the list."""
    span, opener = statement_around(tokens, at), tokens.opener(at)
    while opener is not None:
        closer = tokens.partner(opener)
        if (
            opener.text in ("(", "[")
            and not tokens.opens_join(opener)
            and opener.end <= span.start
            and closer is not None
        ):
            first, last = statement_around(tokens, opener.start), statement_around(tokens, closer.start)
            span = Span(tokens.source, first.start, last.end)
        opener = tokens.opener(opener.start)
    return span


def statement_around(tokens: Tokens, at: int) -> Span:
    """The innermost statement at an offset: with the braces that it opens, without those around it."""
    here = tokens.at(at)
    first = _first(tokens, here)
    start = tokens[first - 1].end if first > 0 else 0
    return Span(tokens.source, start, _stop(tokens, first, start, at))


def _first(tokens: Tokens, here: Token) -> int:
    """The index of the first token after the newline, `;` or opening brace before a token."""
    index = here.index
    while index > 0:
        before = tokens[index - 1]
        if before.text in OPENERS and (partner := tokens.partner(before)) is not None:
            index = partner.index
        elif (
            before.text == "{"
            or (before.text == "[" and tokens.opens_join(before))
            or before.text == ";"
            or (before.kind == "newline" and not _continues(tokens, before))
        ):
            return index
        else:
            index -= 1
    return index


def _continues(tokens: Tokens, newline: Token) -> bool:
    """Whether a newline is next to an arrow, and so inside of its statement."""
    index = newline.index + 1
    while tokens[index].kind == "newline":
        index += 1
    return tokens[newline.index - 1].text == "->" or tokens[index].text == "->"


def _ends_branch(tokens: Tokens, token: Token, start: int) -> bool:
    """Whether a bracket closes the join of whose branches the statement is one."""
    opener = tokens.partner(token) if token.text == "]" else None
    return opener is not None and opener.start < start and tokens.opens_join(opener)


def _stop(tokens: Tokens, first: int, start: int, at: int) -> int:
    """Where the statement ends: at a newline or `;` outside of the braces it opens, or before a brace it does not."""
    stack: list[str] = []
    for token in tokens.items[max(first, 0) :]:
        if token.text == "{" or (token.text == "[" and tokens.opens_join(token)):
            stack = [c for c in stack if c == "}" or token.text == "["] + [CLOSERS[token.text]]
        elif token.text in "}]" and token.text in stack:
            while stack.pop() != token.text:
                pass
        elif (token.text == "}" or _ends_branch(tokens, token, start)) and token.start >= at:
            return max(token.start, at + 1) if token.start > start else token.end
        elif not stack and token.start >= at and (token.text == ";" or token.kind == "newline") and not (
            token.kind == "newline" and _continues(tokens, token)
        ):  # fmt: skip
            return token.start
    return len(tokens.source.text)
