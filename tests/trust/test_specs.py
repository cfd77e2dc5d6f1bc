"""Specs and options on the command line that once ended in a traceback."""

from __future__ import annotations

import pytest
from click.testing import CliRunner

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
