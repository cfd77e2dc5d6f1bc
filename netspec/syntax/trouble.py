"""Syntax errors: what is wrong is reported, and the draft repaired or shortened so that parsing can go on."""

from __future__ import annotations

import re

from lark import UnexpectedInput, UnexpectedToken

from netspec.diagnostics import Diagnostics, Edit, Fix, Label
from netspec.source import Span
from netspec.syntax.braces import first_flaw
from netspec.syntax.place import Place
from netspec.syntax.recovery import Change, Draft, masked, statement_around
from netspec.syntax.wording import words_for

__all__ = ["report_syntax_error"]

_CLOSERS = {"(": ")", "[": "]", "{": "}"}
_TOP_LEVEL = ("net", "use", "block", "fn")
_WORDS = {
    "_NL": "the end of the line", "$END": "the end of the file", "NAME": "a name", "INT": "a number", "FLOAT": "a number",
    "QUANTITY": "a number", "SIZE": "a size such as 3x224x224", "STRING": "a string", "LBRACE": "`{`", "RBRACE": "`}`",
    "LPAR": "`(`", "RPAR": "`)`", "LSQB": "`[`", "RSQB": "`]`", "EQUAL": "`=`", "COMMA": "`,`", "COLON": "`:`",
    "_ARROW": "`->`", "REPEAT": "a repeat such as x2", "COMPARE": "a comparison",
}  # fmt: skip
_MOST_WORDS = 4


def report_syntax_error(draft: Draft, error: UnexpectedInput, diagnostics: Diagnostics) -> bool:
    """Reports one error and mends the draft; whether parsing can go on."""
    return _Trouble(draft, error, diagnostics).report()


class _Trouble:
    """One error at one place of the draft."""

    def __init__(self, draft: Draft, error: UnexpectedInput, diagnostics: Diagnostics) -> None:
        text = draft.text
        at = error.pos_in_stream if error.pos_in_stream is not None else len(text)
        token = error.token if isinstance(error, UnexpectedToken) else None
        if token is not None and token.type == "$END":
            at = len(text)
        self.draft, self.text, self.token, self.diagnostics = draft, text, token, diagnostics
        if token is not None and token.type == "_ARROW":
            at += len(token) - len(token.lstrip())
        self.at = min(max(at, 0), len(text))
        self.accepted = _accepted(error)

    def report(self) -> bool:
        text, at = self.text, self.at
        if self.draft.in_repair(at):
            self.draft.repaired = []  # an error of the repair: the statement is left out in silence
            return self.leave_out(*statement_around(text, at))
        opener = _open_bracket(text, at)
        if self.is_brace_trouble(opener):
            done = self.braces()
            if done is not None:
                return done
        if opener is not None and self.is_open_too_long(opener):
            return self.unclosed(opener)
        nested = (
            re.search(r"(?:^|[\n;{])[ \t]*(block[ \t]+\w+[ \t]*)$", text[:at]) if text[at : at + 1] in "{(" else None
        )
        if nested:
            return self.nested_block(nested.start(1))
        return self.in_words(opener)

    # What the findings say

    def error(
        self, code: str, message: str, span: Span, *, label: str = "", secondary: tuple[Label, ...] = (),
        helps: tuple[str, ...] = (), fixes: tuple[Fix, ...] = (),
    ) -> None:  # fmt: skip
        self.diagnostics.error(code, message, span, label=label, secondary=secondary, helps=helps, fixes=fixes)

    def fix(self, title: str, changes: tuple[Change, ...], *, safe: bool = False) -> Fix:
        return Fix(
            title,
            tuple(Edit(self.draft.span(start, stop), new) for start, stop, new in changes),
            "safe" if safe else "review",
        )

    def leave_out(self, start: int, stop: int) -> bool:
        return self.draft.leave_out(start, stop)

    def span_here(self) -> Span:
        """What cannot stand here; the last character of a line that ends too early."""
        text, at = self.text, self.at
        if self.token is not None and self.token.type in ("_NL", "$END"):
            end = len(text[:at].rstrip())
            return self.draft.span(max(0, end - 1), end)
        end = self.token.end_pos if self.token is not None and self.token.end_pos else at + 1
        start = min(at, max(0, len(text) - 1))
        return self.draft.span(start, min(max(end, start + 1), len(text)))

    # Words

    def in_words(self, opener: int | None) -> bool:
        text = self.text
        if text[self.at : self.at + 1] == "/" and text[max(0, self.at - 1) : self.at] == "/":
            self.at -= 1
        found = words_for(Place(text, self.at, self.token, self.accepted, opener))
        expected = self.expected() if found.expected else ""
        span = self.span_here() if found.marked is None else self.draft.span(*found.marked)
        changes = tuple(change for change in found.changes if text[change[0] : change[1]] != change[2])
        fixes = (self.fix(found.help, changes, safe=found.safe),) if changes else ()
        helps = (found.help,) if found.help else ()
        self.error(
            "NS101", found.message, span, label=f"expected {expected}" if expected else "", helps=helps, fixes=fixes
        )
        if found.left_out is not None:
            return self.leave_out(*found.left_out)
        if changes and (found.safe if found.repairs is None else found.repairs):
            self.draft.repair(changes)
            return True
        if text[self.at : self.at + 1] == "}":
            return self.leave_out(self.at, self.at + 1)
        return self.leave_out(*statement_around(text, self.at))

    def expected(self) -> str:
        """What could have stood here, where that is short enough to help."""
        words = sorted({_WORDS[name] for name in self.accepted if name in _WORDS})
        if not words or len(words) > _MOST_WORDS or len(self.accepted) > 8:
            return ""
        return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} or {words[-1]}"

    def nested_block(self, at: int) -> bool:
        """A `block` inside braces looks like a layer up to its own brace."""
        helps = ("blocks are declared at the top level of a file, not inside braces",)
        self.error("NS101", "`block` cannot stand here", self.draft.span(at, at + len("block")), helps=helps)
        return self.leave_out(*statement_around(self.text, at))

    # Brackets

    def is_brace_trouble(self, opener: int | None) -> bool:
        """Whether the error may come from a brace that is missing or too many."""
        char = self.text[self.at : self.at + 1]
        if opener is not None and self.text[opener] == "(":
            return False
        if char == "}" or (char == "]" and opener is not None and self.text[opener] == "{"):
            return True
        declares = re.match(rf"(?:{'|'.join(_TOP_LEVEL)})\b", self.text[self.at :]) is not None
        return opener is not None and (self.at >= len(self.text.rstrip()) or declares or self.begins_declaration())

    def begins_declaration(self) -> bool:
        """Whether the error stands in a line that declares, at the left margin: `block name(` inside of a brace."""
        line = self.text.rfind("\n", 0, self.at) + 1
        return re.match(r"(?:block|use|fn|net)[ \t]+\w", self.text[line:]) is not None

    def braces(self) -> bool | None:
        """Reports a brace without its other half; None where every brace has it."""
        flaw = first_flaw(self.text)
        if flaw is None:
            return None
        if flaw.place is None:
            return self.surplus(flaw.bracket)
        bracket, closer = self.text[flaw.bracket], _CLOSERS[self.text[flaw.bracket]]
        if flaw.below is not None and self.wrong_closer(flaw.bracket, flaw.below):
            return True
        inserted = ((flaw.place, flaw.place, flaw.text),)
        help_, secondary = f"add `{closer}` at the end of the file", ()
        if flaw.below is not None:
            below = self.draft.span(flaw.below, flaw.below + 1)
            word = re.match(r"\w+|.", self.text[flaw.below :])
            below = self.draft.span(flaw.below, flaw.below + len(word.group() if word else "."))
            help_ = f"add `{closer}` before line {below.line}"
            if self.draft.span(flaw.place, flaw.place).line == below.line:
                help_ = f"add `{closer}` before this"
            secondary = (Label(below, f"`{closer}` expected before this"),)  # type: ignore[assignment]
        self.error(
            "NS102", f"this `{bracket}` is never closed", self.draft.span(flaw.bracket, flaw.bracket + 1),
            secondary=secondary, helps=(help_,), fixes=(self.fix(help_, inserted),),
        )  # fmt: skip
        self.draft.repair(inserted)
        self.draft.repaired = []
        return True

    def wrong_closer(self, opener: int, closer: int) -> bool:
        """Whether a bracket is closed by one of another kind, and all are in pairs with the right one; reports it so."""
        text, wanted = self.text, _CLOSERS[self.text[opener]]
        if text[closer] not in ")]}" or first_flaw(text[:closer] + wanted + text[closer + 1 :]) is not None:
            return False
        change = ((closer, closer + 1, wanted),)
        self.error(
            "NS101", f"`{text[closer]}` does not close `{text[opener]}`", self.draft.span(closer, closer + 1),
            secondary=(Label(self.draft.span(opener, opener + 1), "opened here"),), helps=(f"write `{wanted}`",),
            fixes=(self.fix(f"write `{wanted}`", change),),
        )  # fmt: skip
        self.draft.repair(change)
        return True

    def surplus(self, bracket: int) -> bool:
        """Reports a closing bracket that closes nothing, unless it lost its opener in a statement reported before."""
        text = self.text
        if not self.lost_its_opener(bracket):
            line = text.rfind("\n", 0, bracket) + 1
            end = (text + "\n").index("\n", bracket)
            alone = text[line:end].strip() == text[bracket]
            help_ = "take it out"
            change = (line, min(end + 1, len(text)), "") if alone else (bracket, bracket + 1, "")
            self.error(
                "NS101", f"this `{text[bracket]}` closes nothing", self.draft.span(bracket, bracket + 1),
                helps=(help_,), fixes=(self.fix(help_, (change,)),),
            )  # fmt: skip
        return self.leave_out(bracket, bracket + 1)

    def lost_its_opener(self, at: int) -> bool:
        """Whether a `}` too many belongs to a `{` that stood in, or is missing from, a statement reported before."""
        place = self.draft.place(at)
        earlier = [d.span for d in self.diagnostics if d.span is not None and d.span.source is self.draft.source]
        missing = sum("put `{` on this line" in h for d in self.diagnostics for h in d.helps)
        inside = sum(s.text.count("{") - s.text.count("}") for s in self.draft.skipped if s.span.end <= place)
        closers = sum(span.start < place and span.text == "}" for span in earlier)
        return missing + max(inside, 0) > closers

    def is_open_too_long(self, opener: int) -> bool:
        """Whether a round or square bracket (or a brace) is open where it can no longer be closed."""
        text, at = self.text, self.at
        if at >= len(text.rstrip()) or text[at : at + 1] in set(_CLOSERS.values()):
            return True
        if text[opener] not in "([" or _closes(text, opener):
            return False
        return text.startswith(("{", "->"), at) or "\n" in text[opener:at] or not _goes_on(text, at)

    def unclosed(self, opener: int) -> bool:
        """Reports a bracket that is not closed, or what is missing before one that is."""
        text, at = self.text, self.at
        bracket, closer, found = text[opener], _CLOSERS[text[opener]], text[at : at + 1]
        if found == closer:
            arrow = re.search(r"[ \t]*->\s*$", text[:at])
            if arrow:
                change = ((arrow.start(), at, " "),)
                help_ = "take the arrow before it out"
                self.error(
                    "NS101", f"no layer follows the arrow before `{found}`", self.draft.span(at, at + 1), helps=(help_,),
                    fixes=(self.fix(help_, change),),
                )  # fmt: skip
                self.draft.repair(change)
                return True
            self.error("NS101", f"something is missing before `{found}`", self.draft.span(at, at + 1))
            return self.leave_out(*statement_around(text, at - 1 if bracket != "{" else max(opener + 1, at - 1)))
        wrong = found in set(_CLOSERS.values()) and bool(found)
        secondary = (Label(self.draft.span(at, at + 1), f"`{closer}` expected before this"),) if wrong else ()
        help_ = f"add `{closer}` where it should end"
        line_end = (text + "\n").index("\n", opener)
        accepts = {")": "RPAR", "]": "RSQB", "}": "RBRACE"}[closer] in self.accepted
        place = len(masked(text[: at if accepts and at < line_end else line_end]).rstrip())
        inserted = ((place, place, closer),)
        fixes = (self.fix(help_, inserted),) if place > opener + 1 and bracket != "{" else ()
        span = self.draft.span(opener, opener + 1)
        self.error("NS102", f"this `{bracket}` is never closed", span, secondary=secondary, helps=(help_,), fixes=fixes)
        if fixes and accepts:
            self.draft.repair(inserted)
            return True
        return self.leave_out(statement_around(text, opener)[0], line_end if line_end > opener else len(text))


def _accepted(error: UnexpectedInput) -> frozenset[str]:
    """The terminals that could have stood here."""
    names = getattr(error, "accepts", None) or getattr(error, "expected", None) or getattr(error, "allowed", None)
    return frozenset(names or ())


def _open_bracket(text: str, at: int) -> int | None:
    """The offset of the innermost bracket that is still open at an offset."""
    stack: list[int] = []
    for i, c in enumerate(masked(text[:at])):
        if c in _CLOSERS:
            stack.append(i)
        elif c in _CLOSERS.values() and stack:
            stack.pop()
    return stack[-1] if stack else None


def _closes(text: str, opener: int) -> bool:
    """Whether a bracket is closed before the next brace."""
    depth = 0
    for char in masked(text[opener:]):
        depth += (char in "([") - (char in ")]")
        if depth == 0:
            return True
        if char in "{}":
            return False
    return False


def _goes_on(text: str, at: int) -> bool:
    """Whether something is wrong inside of a bracket rather than with it: what follows is no word of its own."""
    return re.match(r"[A-Za-z_]\w*", text[at:]) is None
