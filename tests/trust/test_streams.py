"""Standard streams that are closed, full or gone, and names that drive a terminal."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import PATIENCE, ROOT

SPEC = "input 3x8x8; FC-4"


def shell(line: str, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    program = f'"{sys.executable}" -m netspec'
    return subprocess.run(
        ["bash", "-c", line.replace("netspec", program)], cwd=cwd, capture_output=True, text=True, check=False,
        errors="surrogateescape", timeout=PATIENCE, env={**os.environ, "PYTHONPATH": str(ROOT)},
    )  # fmt: skip


@pytest.mark.parametrize("form", ["table", "json", "sarif"])
@pytest.mark.parametrize("where", [">/dev/full", ">&-"])
def test_standard_output_that_takes_nothing_is_reported(form: str, where: str) -> None:
    result = shell(f"netspec check -e '{SPEC}' --format {form} {where}")
    assert result.returncode == 1
    assert "error[NS501]: standard output" in result.stderr
    assert "Traceback" not in result.stderr
    assert "Exception ignored" not in result.stderr


def test_a_reader_that_has_gone_is_no_error_to_talk_about() -> None:
    result = shell("set -o pipefail; netspec ops --markdown | true")
    assert result.returncode in (0, 1)
    assert result.stderr == ""


def test_a_spec_from_standard_input_that_is_closed() -> None:
    result = shell("netspec check - <&-")
    assert result.returncode == 1
    assert "error[NS001]: standard input is closed" in result.stderr


@pytest.mark.parametrize("where", ["2>&-", "2>/dev/full"])
def test_standard_error_that_takes_nothing(where: str) -> None:
    assert shell(f"netspec check -e '{SPEC} foo=3' {where}").returncode == 1


def test_no_file_takes_the_number_of_a_closed_stream(tmp_path: Path) -> None:
    (tmp_path / "m.net").write_text(SPEC)
    shell("netspec compile m.net -o m.py 2>&-", tmp_path)
    assert "class M" in (tmp_path / "m.py").read_text()


@pytest.mark.parametrize("form", ["table", "json", "diagnostics", "jsonl", "sarif", "github"])
def test_a_file_name_that_is_not_utf8(form: str, tmp_path: Path) -> None:
    result = shell(f"netspec check --format {form} $'caf\\xe9\\x1b[2J.net'", tmp_path)
    assert result.returncode == 1
    assert "\x1b" not in result.stdout + result.stderr
    if form in ("json", "sarif"):
        json.loads(result.stdout)
    if form == "sarif":
        assert "caf%E9" in result.stdout


def test_an_encoding_without_the_characters_of_a_table() -> None:
    result = shell(f"PYTHONIOENCODING=ascii netspec check -e '{SPEC}'")
    assert result.returncode == 0, result.stderr


def test_everything_is_printed_through_one_room() -> None:
    """Nothing in the commands prints by itself, past what escapes control characters."""
    for path in sorted((ROOT / "netspec" / "cli").glob("*.py")):
        if path.name != "output.py":
            found = re.findall(r"click\.(?:secho|echo)\(|(?<![\w.])(?:print|Console)\(", path.read_text("utf-8"))
            assert not found, f"{path.name}: {found}"


@pytest.mark.parametrize("arguments", ["\u202ex", "--\x1b[2Jx", "check --\x1b[2Jx", "check a.net -D w=\u202ex"])
def test_wrong_usage_is_quoted_without_what_drives_a_terminal(arguments: str) -> None:
    result = shell(" ".join(f"$'{a}'" for a in ["netspec", *arguments.split()]).replace("$'netspec'", "netspec"))
    assert result.returncode == 2
    assert all(c == "\n" or c.isprintable() for c in result.stderr)
