"""Diagnostics cost nothing until there is one: what `netspec check` of a good spec must not load."""

from __future__ import annotations

import subprocess
import sys

from conftest import ROOT

LAZY = (
    "netspec.cli.explain",
    "netspec.cli.fix",
    "netspec.diagnostics.foreign",
    "netspec.diagnostics.mending",
    "netspec.diagnostics.respelling",
    "netspec.diagnostics.snippet",
    "netspec.diagnostics.suggestion",
    "netspec.elaborate.branches",
    "netspec.elaborate.edits",
    "netspec.elaborate.failures",
    "netspec.elaborate.skips",
    "netspec.elaborate.unknown_head",
    "netspec.report.output_formats",
    "netspec.fixes.rule",
    "netspec.fixes.rules",
    "netspec.syntax.brackets",
    "netspec.syntax.error_site",
    "netspec.syntax.recovery",
    "netspec.syntax.tokens",
    "difflib",
    "pydantic",
    "rich",
)


def test_what_only_findings_need_is_not_loaded() -> None:
    probe = (
        "import sys\nfrom netspec.cli import main\n"
        "try:\n    main(['check', 'examples/vgg16.net'], standalone_mode=False)\nexcept SystemExit:\n    pass\n"
        f"print([m for m in {LAZY!r} if m in sys.modules])"
    )
    result = subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True, cwd=ROOT, check=True)
    assert result.stdout.strip().splitlines()[-1] == "[]"
