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
