"""Specs and options on the command line that once ended in a traceback."""

from __future__ import annotations

import resource
import subprocess
import sys

import pytest
from click.testing import CliRunner
from conftest import PATIENCE, ROOT

from netspec.cli import main


def test_a_join_with_a_local_convolution_gets_a_diagnostic() -> None:
    result = CliRunner().invoke(main, ["check", "-e", "input 3x8x8; add [ localconv3-3; identity ]; FC-2"])
    assert result.exit_code == 1
    assert "error[NS306]" in result.stderr


@pytest.mark.parametrize("number", ["²", "٣x", "", "0", "-1", "9" * 5000, "_1"])
def test_a_limit_that_is_not_a_number_is_wrong_usage(number: str) -> None:
    result = CliRunner().invoke(main, ["check", "-e", "input 3x8x8; FC-2", "--limit", f"steps={number}"])
    assert result.exit_code == 2
    assert result.exception is None or isinstance(result.exception, SystemExit)


def test_a_difference_without_a_safe_fix_says_what_is_wrong() -> None:
    result = CliRunner().invoke(main, ["check", "--diff", "-e", "input 3x8x8; conv9-3; FC-10"])
    assert result.exit_code == 1
    assert "error[NS301]" in result.stderr
    assert "no safe fix" in result.stderr


def test_a_batch_beyond_all_memory() -> None:
    result = CliRunner().invoke(main, ["bench", "examples/lenet5.net", "--batch", "999999999", "--no-compile"])
    assert result.exit_code == 1
    assert "error[NS008]" in result.stderr


def service(text: str, *options: str) -> subprocess.CompletedProcess[str]:
    line = [sys.executable, "-m", "netspec", "check", "--limit-profile", "service", *options, "-"]
    return subprocess.run(line, input=text, capture_output=True, text=True, timeout=PATIENCE, check=False, cwd=ROOT)


def test_the_service_profile_takes_what_is_modest() -> None:
    result = service((ROOT / "examples" / "vgg16.net").read_text())
    assert result.returncode == 0, result.stderr


@pytest.mark.parametrize(
    "text",
    [
        'use "blocks.net"\ninput 3x8x8; FC-2',
        "input 3x8x8; repeat (10**9) as i { conv3-3 pad=1 }; FC-2",
        "input 3x8x8; conv3-3 pad=1 x20000; FC-2",
        "input 3x8x8; FC-2" + " " * 70_000,
    ],
)
def test_the_service_profile_refuses_what_is_not(text: str) -> None:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    result = service(text)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert result.returncode == 1
    assert "error[NS0" in result.stderr
    assert after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime < 4
