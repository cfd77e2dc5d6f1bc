"""The commands of docs/compare.md, with their output."""

from __future__ import annotations

import re
import shlex

import pytest
import yaml
from conftest import ROOT, run_netspec

from netspec.cli import main

TEXT = (ROOT / "docs" / "compare.md").read_text(encoding="utf-8")
SHOWN = [block.strip().split("\n") for block in re.findall(r"```console\n(.+?)```", TEXT, re.DOTALL)]


def test_there_are_commands() -> None:
    assert len(SHOWN) >= 4


@pytest.mark.parametrize("lines", SHOWN, ids=lambda lines: lines[0])
def test_a_command_prints_what_is_shown(lines: list[str]) -> None:
    command, *expected = lines
    result = run_netspec(*shlex.split(command.removeprefix("$ netspec ")), cwd=ROOT / "examples", COLUMNS="80")
    assert result.returncode in (0, 1), result.stderr
    printed = iter(result.stdout.splitlines())
    for line in expected:  # `…` stands for lines that are left out
        assert line == "…" or line.rstrip() in (found.rstrip() for found in printed), line


def test_every_command_and_option_exists() -> None:
    for name, rest in re.findall(r"^(?:\$ )?netspec (\w+)(.*)$", TEXT, re.MULTILINE):
        command = main.get_command(None, name)  # type: ignore[arg-type]
        assert command is not None, name
        flags = {flag for parameter in command.params for flag in parameter.opts}
        assert set(re.findall(r"(?<!\S)--?[A-Za-z][\w-]*", rest.split("#")[0])) <= flags, rest


def test_the_workflow_uses_inputs_that_the_action_has() -> None:
    hooks, local, workflow = (yaml.safe_load(block) for block in re.findall(r"```yaml\n(.+?)```", TEXT, re.DOTALL))
    inputs = yaml.safe_load((ROOT / "action.yml").read_text(encoding="utf-8"))["inputs"]
    assert set(workflow["jobs"]["networks"]["steps"][-1]["with"]) <= set(inputs)
    ids = {hook["id"] for hook in yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text(encoding="utf-8"))}
    assert {hook["id"] for hook in hooks["repos"][0]["hooks"]} == ids
    assert {hook["id"] for hook in local["repos"][0]["hooks"]} <= ids
