"""Findings for other programs, and the options of `netspec check` that change files and severities."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import jsonschema
import pytest
from cases import CASES, Case
from conftest import ROOT, run_netspec

from netspec.model import check
from netspec.report.output_formats import sarif
from netspec.source import SourceFile

BAD = "input 3x8x8\nconv3-4 pda=1 # ünïcode\nfrom input\nconv9-4\nfrom input\nFC-10 softmax\n"


def spec(folder: Path, text: str, name: str = "spec.net") -> str:
    path = folder / name
    path.write_bytes(text.encode())
    return str(path)


def test_json_lines(tmp_path: Path) -> None:
    path = spec(tmp_path, BAD)
    result = run_netspec("check", "--format", "jsonl", path)
    assert result.returncode == 1
    rows = [json.loads(line) for line in result.stdout.splitlines()]
    assert {row["code"] for row in rows} == {"NS202", "NS301", "NS207"}
    first = next(row for row in rows if row["code"] == "NS202")
    assert first["checked"] == path
    assert first["spans"][0] == {"file": path, "start": [2, 9], "end": [2, 12], "label": ""}
    assert first["fixes"] == [
        {
            "title": "did you mean `pad`?",
            "rule": "NS202-option",
            "applicability": "review",
            "safe": False,
            "edits": [{"file": path, "start": [2, 9], "end": [2, 12], "text": "pad"}],
        }
    ]
    assert result.stderr == ""


def test_the_json_report_holds_fixes_and_failed_layers(tmp_path: Path) -> None:
    report = json.loads(run_netspec("check", "--format", "json", spec(tmp_path, BAD)).stdout)
    assert [f["line"] for f in report["failed"]] == [2, 4, 6]
    assert report["failed"][1]["text"] == "conv9-4"
    assert report["failed"][1]["inputs"] == [[3, 8, 8]]
    assert any(fix["safe"] for d in report["diagnostics"] for fix in d["fixes"])
    assert report["totals"] is None


SCHEMA = json.loads(gzip.decompress((ROOT / "tests" / "data" / "sarif-schema-2.1.0.json.gz").read_bytes()))
"""The schema of the OASIS standard SARIF 2.1.0 (oasis-tcs/sarif-spec), without its descriptions."""


def test_sarif_is_valid_by_the_schema_of_the_standard(tmp_path: Path) -> None:
    result = run_netspec("check", "--format", "sarif", spec(tmp_path, BAD), str(tmp_path / "missing.net"))
    log = json.loads(result.stdout)
    jsonschema.Draft4Validator(SCHEMA).validate(log)
    (run,) = log["runs"]
    assert run["columnKind"] == "unicodeCodePoints"
    rules = {rule["id"] for rule in run["tool"]["driver"]["rules"]}
    assert {r["ruleId"] for r in run["results"]} == rules == {"NS202", "NS301", "NS207", "NS001"}
    places = [location["physicalLocation"] for finding in run["results"] for location in finding["locations"]]
    assert all(" " not in place["artifactLocation"]["uri"] for place in places)
    with pytest.raises(jsonschema.ValidationError):  # the schema sees what it should
        jsonschema.Draft4Validator(SCHEMA).validate(
            json.loads(result.stdout.replace('"startLine": ', '"startLine": -'))
        )


@pytest.mark.parametrize("case", CASES[::6], ids=str)
def test_the_sarif_of_mistakes_is_valid(case: Case) -> None:
    found = check(SourceFile(case.text, "a folder/spec é.net")).diagnostics
    jsonschema.Draft4Validator(SCHEMA).validate(json.loads(sarif([("spec.net", d) for d in found], "1.0")))


def test_github(tmp_path: Path) -> None:
    path = spec(tmp_path, "input 3x15x15\nconv9-4 -> conv9-4 # 100 %\n")
    result = run_netspec("check", "--format", "github", path)
    assert result.stdout.startswith(f"::error file={path},line=2,col=12,endLine=2,endColumn=19,title=NS301::")
    assert result.stdout.count("\n") == 1
    assert "%0A" in result.stdout


def test_a_good_spec_gives_nothing(tmp_path: Path) -> None:
    path = spec(tmp_path, "input 784\nFC-10\n")
    assert run_netspec("check", "--format", "jsonl", path).stdout == ""
    assert run_netspec("check", "--format", "github", path).stdout == ""
    assert json.loads(run_netspec("check", "--format", "sarif", path).stdout)["runs"][0]["results"] == []


def test_strict_makes_warnings_errors(tmp_path: Path) -> None:
    path = spec(tmp_path, "input 3x15x15\nmaxpool\nFC-10\n")
    assert run_netspec("check", path).returncode == 0
    strict = run_netspec("check", "--strict", path)
    assert strict.returncode == 1
    assert "error[NS305]" in strict.stderr
    assert "parameters" in strict.stdout, "the figures are shown all the same"


def test_lints_can_be_switched_on_and_allowed(tmp_path: Path) -> None:
    path = spec(tmp_path, "input 3x15x15\nconv3-8 norm=bn\nconv3-8 norm=bn # netspec: allow NS906\n")
    assert "NS906" not in run_netspec("check", path).stderr
    for lint in ("NS906", "ns906", "all"):
        assert run_netspec("check", "--lint", lint, path).stderr.count("warning[NS906]") == 1
    assert run_netspec("check", "--strict", "--lint", "all", path).returncode == 1
    assert run_netspec("check", "--lint", "NS999", path).returncode == 2
    quiet = spec(tmp_path, "input 784\nFC-10 -> dropout 0.5 # netspec: allow NS903\n", "quiet.net")
    assert run_netspec("check", "--strict", quiet).returncode == 0


def test_fix_applies_safe_fixes_and_keeps_line_ends(tmp_path: Path) -> None:
    text = "\ufeff// small\r\ninput 784\r\nFC-20, act='relu'\r\nFC10 softmax\r\nexpect params = 15_910\r\n"
    path = spec(tmp_path, text)
    shown = run_netspec("check", "--diff", path)
    assert shown.returncode == 1
    assert "+FC-10 -> softmax" in shown.stdout
    assert Path(path).read_bytes() == text.encode(), "nothing is written"
    fixed = run_netspec("check", "--fix", path)
    assert fixed.returncode == 0, fixed.stderr
    mended = text.replace("//", "#").replace(", act='relu'", " act=relu").replace("FC10 ", "FC-10 -> ")
    assert Path(path).read_bytes().decode() == mended.replace("params =", "params ==")


def test_fix_leaves_what_is_to_be_reviewed(tmp_path: Path) -> None:
    path = spec(tmp_path, "input 784\nFC-10 atc=relu\n")
    result = run_netspec("check", "--fix", path)
    assert result.returncode == 1
    assert Path(path).read_text() == "input 784\nFC-10 atc=relu\n"
    assert run_netspec("check", "--diff", "-", stdin="input 784\nFC10").stdout.endswith("+FC-10\n")
    assert run_netspec("check", "--fix", "-", stdin="input 784\nFC10").returncode == 2


def test_ten_mistakes_of_all_rooms_give_ten_reports(tmp_path: Path) -> None:
    text = """input 3x32x32
let n = = 3
conv3-8 pda=1
from input
conw3-8
from input
conv3-8, pad=1
from input
conv40-8
from input
dropout 50
from input
conv3-m
from input
forward: conv3-8 pad=1
a: conv3-8 pad=1 act=rleu
from b
conv3-n
"""
    result = run_netspec("check", spec(tmp_path, text))
    assert result.stderr.count("error[") == 10, result.stderr


def test_the_table_is_printed_around_the_error() -> None:
    result = run_netspec("check", "-e", "input 3x32x32; conv5-8; conv40-8; maxpool; from input; FC-10")
    names = [line.split("  ")[0] for line in result.stdout.splitlines() if line]
    assert names[3:7] == ["conv1", "✗ conv2", "…", "flatten1"]
    assert "conv40-8 on 8x28x28, line 1" in result.stdout
    assert "totals unavailable" in result.stdout


def test_what_looks_like_markup_is_shown_as_it_stands(tmp_path: Path) -> None:
    """The row of a failed layer holds its text; rich would read `[/8]` as the end of a style."""
    result = run_netspec("check", spec(tmp_path, 'input 3x32x32\nrelu\nconv3-8 act="[/8]"\nFC-10\n'))
    assert result.returncode == 1
    assert "Traceback" not in result.stderr
    assert "[/8]" in result.stdout
