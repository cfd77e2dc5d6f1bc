"""Machine-readable diagnostics: JSON lines, SARIF 2.1.0, GitHub workflow commands."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any
from urllib.parse import quote

from netspec.diagnostics import CODES, Diagnostic, Edit
from netspec.diagnostics.display import json_printable, printable
from netspec.diagnostics.terminal import render, render_plain
from netspec.source import CONDITION, Span

__all__ = ["diagnostic_data", "github", "json_lines", "sarif", "text"]

SARIF_SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"


def diagnostic_data(diagnostic: Diagnostic) -> dict[str, Any]:
    """A diagnostic as plain data, as in the `diagnostics` of the JSON report."""
    spans = [_span(diagnostic.span, diagnostic.label)] if diagnostic.span else []
    spans += [_span(label.span, label.text) for label in diagnostic.secondary]
    return {
        "code": diagnostic.code,
        "rule": diagnostic.rule or None,
        "severity": diagnostic.severity,
        "message": diagnostic.message,
        "spans": spans,
        "notes": list(diagnostic.notes),
        "helps": list(diagnostic.helps),
        "fixes": [
            {
                "title": fix.title,
                "rule": fix.rule or None,
                "applicability": fix.applicability,
                "safe": fix.safe,
                "edits": [_edit(edit) for edit in fix.edits],
            }
            for fix in diagnostic.fixes
        ],
        "rendered": render_plain(diagnostic),
    }


def _place(span: Span) -> dict[str, Any]:
    source = span.source
    return {"file": source.name, "start": source.position(span.start), "end": source.position(span.end)}


def _span(span: Span, label: str) -> dict[str, Any]:
    return {**_place(span), "label": label}


def _edit(edit: Edit) -> dict[str, Any]:
    return {**_place(edit.span), "text": edit.text}


def text(findings: Iterable[tuple[str, Diagnostic]], columns: int) -> str:
    """As in a terminal, without colors. What is not in a file, such as a condition, is named after the checked one."""
    rows = []
    for name, diagnostic in findings:
        above = f"{printable(name)}:\n" if _in_file(diagnostic) is None else ""
        rows.append(above + render(diagnostic, color=False, columns=columns).rstrip("\n") + "\n")
    return "\n".join(rows)


def json_lines(findings: Iterable[tuple[str, Diagnostic]]) -> str:
    """One object per line, each with the checked file."""
    import json

    rows = (json.dumps({"checked": name, **diagnostic_data(d)}, ensure_ascii=False) for name, d in findings)
    return json_printable("".join(row + "\n" for row in rows))


# SARIF


def _uri(name: str) -> str:
    """A file name as a URI; bytes that are not UTF-8 are quoted as they are."""
    return quote(name.replace("\\", "/").encode("utf-8", "surrogateescape"), safe="/:~")


def _region(span: Span) -> dict[str, int]:
    (line, column), (end_line, end_column) = span.source.position(span.start), span.source.position(span.end)
    return {"startLine": line, "startColumn": column, "endLine": end_line, "endColumn": end_column}


def _in_file(diagnostic: Diagnostic) -> Span | None:
    """Where a diagnostic is; None for a condition of the command line, which is about the whole spec."""
    span = diagnostic.span
    return None if span is None or span.source.name == CONDITION else span


def _location(span: Span, text: str) -> dict[str, Any]:
    place = {"artifactLocation": {"uri": _uri(span.source.name)}, "region": _region(span)}
    return {"physicalLocation": place, **({"message": {"text": text}} if text else {})}


def _sarif_fix(title: str, edits: Iterable[Edit]) -> dict[str, Any]:
    changes: dict[str, list[dict[str, Any]]] = {}
    for edit in edits:
        replacement = {"deletedRegion": _region(edit.span), "insertedContent": {"text": edit.text}}
        changes.setdefault(edit.span.source.name, []).append(replacement)
    return {
        "description": {"text": title},
        "artifactChanges": [
            {"artifactLocation": {"uri": _uri(name)}, "replacements": replacements}
            for name, replacements in changes.items()
        ],
    }


def _result(name: str, diagnostic: Diagnostic) -> dict[str, Any]:
    text = "\n".join((diagnostic.message, *diagnostic.notes, *(f"help: {h}" for h in diagnostic.helps)))
    place = {"physicalLocation": {"artifactLocation": {"uri": _uri(name)}}}
    result: dict[str, Any] = {
        "ruleId": diagnostic.code,
        "level": diagnostic.severity,
        "message": {"text": text},
        "locations": [_location(span, diagnostic.label) if (span := _in_file(diagnostic)) else place],
    }
    if diagnostic.rule:
        result["properties"] = {"rule": diagnostic.rule}
    if diagnostic.secondary:
        result["relatedLocations"] = [_location(label.span, label.text or "see here") for label in diagnostic.secondary]
    if diagnostic.fixes:
        result["fixes"] = [_sarif_fix(fix.title, fix.edits) for fix in diagnostic.fixes]
    return result


def sarif(findings: Iterable[tuple[str, Diagnostic]], version: str) -> str:
    """A log of one run; columns count code points."""
    import json

    found = list(findings)
    codes = sorted({d.code for _, d in found})
    driver = {
        "name": "netspec",
        "semanticVersion": version,
        "rules": [{"id": code, "shortDescription": {"text": CODES[code]}} for code in codes],
    }
    run = {
        "tool": {"driver": driver},
        "columnKind": "unicodeCodePoints",
        "results": [_result(name, d) for name, d in found],
    }
    log = {"$schema": SARIF_SCHEMA, "version": "2.1.0", "runs": [run]}
    return json_printable(json.dumps(log, indent=2, ensure_ascii=False)) + "\n"


# GitHub


def _data(text: str) -> str:
    return printable(text).replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")


def github(findings: Iterable[tuple[str, Diagnostic]]) -> str:
    """`::error file=…,line=…,col=…,title=…::…`, which GitHub shows next to the line."""
    rows = []
    for name, diagnostic in findings:
        where = [f"file={_property(name)}"]
        if (span := _in_file(diagnostic)) is not None:
            source = span.source
            (line, column), (end_line, end_column) = map(source.position, (span.start, span.end))
            where = [f"file={_property(source.name)}", f"line={line}", f"col={column}"]
            where += [f"endLine={end_line}", f"endColumn={end_column}"]
        text = "\n".join((diagnostic.message, *diagnostic.notes, *(f"help: {h}" for h in diagnostic.helps)))
        command = "notice" if diagnostic.severity == "note" else diagnostic.severity
        rows.append(f"::{command} {','.join(where)},title={diagnostic.code}::{_data(text)}\n")
    return "".join(rows)
