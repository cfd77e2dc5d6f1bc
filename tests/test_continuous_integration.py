"""The Action and the hooks: what they run exists, and no text of a pull request becomes part of a command."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from conftest import ROOT
from markdown_it import MarkdownIt

from netspec.cli import main

ACTION = yaml.safe_load((ROOT / "action.yml").read_text())
STEPS = ACTION["runs"]["steps"]


def git(folder: Path, *arguments: str) -> str:
    identity = ("-c", "user.name=t", "-c", "user.email=t@t", "-c", "commit.gpgsign=false")
    return subprocess.run(
        ["git", *identity, *arguments], cwd=folder, capture_output=True, text=True, check=True
    ).stdout.strip()


def test_values_reach_the_scripts_as_environment_variables_only() -> None:
    scripts = [step["run"] for step in STEPS if "run" in step]
    assert len(scripts) == 3
    assert not [script for script in scripts if "${{" in script]
    assert all(step["shell"] == "bash" for step in STEPS if "run" in step)
    for script in scripts:
        done = subprocess.run(["bash", "-n"], input=script, text=True, capture_output=True, check=False)
        assert (done.returncode, done.stderr) == (0, "")
        unquoted = re.findall(r"\$\w+", re.sub(r"\"[^\"]*\"|'[^']*'", "", script))
        assert not unquoted, "every variable is quoted"


def test_every_input_of_the_action_is_used() -> None:
    used = set(re.findall(r"inputs\.([\w-]+)", (ROOT / "action.yml").read_text()))
    assert used == set(ACTION["inputs"])


def test_hooks_call_commands_that_exist() -> None:
    hooks = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text())
    assert [hook["id"] for hook in hooks] == ["netspec-check", "netspec-fmt"]
    for hook in hooks:
        program, command, *options = hook["entry"].split()
        assert program == "netspec"
        known = main.get_command(None, command)  # type: ignore[arg-type]
        assert known is not None
        flags = {flag for parameter in known.params for flag in parameter.opts}
        assert {option for option in options if option.startswith("-")} <= flags


HOSTILE = "$(touch evil) `touch evil`; a|b <img src=x> @team.net"


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """Two commits with a spec that changes, one of a hostile name, one that is new, one in error, and a library."""
    folder = tmp_path / "repo"
    (folder / "nets").mkdir(parents=True)
    git(folder, "init", "-q")
    for width in (8, 16):
        (folder / "nets" / "parts.net").write_text(f"block body {{ conv3-{width} pad=1 }}\n")
        (folder / "nets" / "net.net").write_text('use "parts.net"\ninput 3x8x8\nbody\nFC-10\n')
        (folder / HOSTILE).write_text(f"input 3x8x8\nconv3-{width}\n")
        (folder / "same.net").write_text("input 3x8x8\nconv3-8\n")
        if width == 16:
            (folder / "new.net").write_text("input 3x8x8\nconv3-8\n")
            (folder / "wrong.net").write_text("input 3x8x8\nconv9-8\n")
            (folder / "gone.net").unlink()
            (folder / "old.net").rename(folder / "renamed.net")
        else:
            (folder / "gone.net").write_text("input 7\nFC-3\nrelu\n")
            (folder / "old.net").write_text("input 3x9x9\nconv3-4\nrelu\nconv3-5\nrelu\nconv3-6\nFC-7\n")
        git(folder, "add", "-A")
        git(folder, "commit", "-qm", f"width {width}")
    return folder


def review(folder: Path, **environment: str) -> tuple[int, str, str]:
    """Exit code, comment and log of the script."""
    comment = folder.parent / "comment.md"
    done = subprocess.run(
        [sys.executable, str(ROOT / "scripts" / "review_comment.py")], cwd=folder, capture_output=True, text=True, check=False,
        env={
            **os.environ, "PYTHONPATH": str(ROOT), "NETSPEC_BASE": git(folder, "rev-parse", "HEAD~1"),
            "NETSPEC_COMMENT": str(comment), "GITHUB_STEP_SUMMARY": "", **environment,
        },
    )  # fmt: skip
    return done.returncode, comment.read_text() if comment.exists() else "", done.stdout + done.stderr


def test_the_comment_says_what_changed_in_each_network(repository: Path) -> None:
    status, text, log = review(repository)
    assert status == 1, "one spec has an error"
    assert "::error file=wrong.net,line=2" in log
    assert text.startswith("<!-- netspec -->\n")
    assert "**nets/net.net before → after**" in text
    assert "**new.net** is new: 224 parameters" in text
    assert re.search(r"\*\*wrong\.net\*\* has errors: .*\(line 2\)", text)
    assert "**gone.net** was deleted: it had 24 parameters" in text
    assert "**old.net** is now **renamed.net**\n" in text
    assert "**renamed.net before" not in text, "a name is no difference"
    assert "same.net" not in text
    assert "parts.net" not in text
    rendered = MarkdownIt("commonmark", {"html": True}).enable("table").render(text)
    assert rendered.count("<table>") == 4
    assert "<img" not in rendered
    assert not list(repository.rglob("evil"))


def test_budgets_fail_the_job(repository: Path) -> None:
    only = {"NETSPEC_FILES": "nets/*.net"}
    assert review(repository, **only)[0] == 0
    status, text, log = review(repository, **only, NETSPEC_EXPECT="params <= 5K\n\nmacs > 1\n")
    assert status == 1
    assert "::error file=nets/net.net,title=NS401::expected `params <= 5K`, but params is" in log
    assert re.search(r"#### Budgets\n\n- ✗ \*\*nets/net\.net\*\*: expected .*params", text)
    assert "parts.net" not in text, "a file of blocks has no network that could miss a budget"
    assert review(repository, **only, NETSPEC_EXPECT="params < 3; conv3")[0] == 1


@pytest.mark.parametrize("base", ["", "--output=evil", "HEAD~1", "$(touch evil)"])
def test_a_base_that_is_no_commit_id_is_not_given_to_git(repository: Path, base: str) -> None:
    status, text, _ = review(repository, NETSPEC_BASE=base, NETSPEC_FILES="same.net")
    assert status == 0
    assert "There is no commit to compare with." in text
    assert not list(repository.rglob("evil"))


def test_a_pull_request_that_changes_no_network(repository: Path) -> None:
    status, text, log = review(repository, NETSPEC_FILES="same.net")
    assert (status, log) == (0, "")
    assert text == "<!-- netspec -->\n### Networks\n\nNo network has changed.\n"
