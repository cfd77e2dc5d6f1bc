"""What the documentation and the code say about installing netspec is what pyproject.toml declares."""

from __future__ import annotations

import re
import subprocess
import tomllib
from pathlib import Path

import pytest
from conftest import ROOT

from netspec.optional import DISTRIBUTION, install_command

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")), *sorted((ROOT / "netspec").rglob("*.md"))]
INSTALL = re.compile(r"\b(?:pip|pipx|uv tool) install\b[^\n`#|]*")
TARGET = re.compile(r"(?:^|[\s'])([a-z][a-z-]*|\.)(?:\[([a-z,]+)\])?'?(?=\s|$)")
OPTIONS_WITH_VALUE = re.compile(r"\s-(?:c|-backend|-torch-backend) \S+")


def install_lines(text: str) -> list[str]:
    return [found.group().strip() for found in INSTALL.finditer(text)]


def targets(line: str) -> list[tuple[str, list[str]]]:
    """What an install line installs: names (`.` is the checkout) with their extras."""
    arguments = OPTIONS_WITH_VALUE.sub("", line.partition(" install")[2]).replace(" -e ", " ")
    return [(name, extras.split(",") if extras else []) for name, extras in TARGET.findall(arguments)]


def test_targets_are_read() -> None:
    assert targets("uv tool install --torch-backend cpu 'netspec-nn[torch,onnx]'") == [
        ("netspec-nn", ["torch", "onnx"])
    ]
    assert targets("pip install -c constraints.txt -e '.[all]'") == [(".", ["all"])]
    assert targets("pip install netspec") == [("netspec", [])]


def test_every_install_line_names_the_distribution_and_its_extras() -> None:
    lines = [(page.name, line) for page in PAGES for line in install_lines(page.read_text(encoding="utf-8"))]
    assert {page for page, _ in lines} >= {"README.md", "installation.md", "training.md"}
    for page, line in lines:
        assert targets(line), (page, line)
        for name, extras in targets(line):
            assert name in (PROJECT["name"], "."), f"{page}: `{line}`"
            assert set(extras) <= set(PROJECT["optional-dependencies"]), f"{page}: `{line}`"


def test_the_code_has_one_place_that_says_how_to_install() -> None:
    assert PROJECT["name"] == DISTRIBUTION
    assert targets(install_command("train")) == [(DISTRIBUTION, ["train"])]
    sources = [path for path in (ROOT / "netspec").rglob("*.py") if "pip install" in path.read_text(encoding="utf-8")]
    assert sources == [ROOT / "netspec" / "optional.py"]


def requirements(extra: str) -> dict[str, str]:
    """What an extra installs, by name, with the extras that are asked of each; those of its own extras too."""
    found: dict[str, str] = {}
    for line in PROJECT["optional-dependencies"][extra]:
        name, more = re.match(r"([\w.-]+)(\[[\w,-]+\])?", line).groups()  # type: ignore[union-attr]
        if name == DISTRIBUTION:
            for other in more.strip("[]").split(","):
                found |= requirements(other)
        else:
            found[name] = more or ""
    return found


def test_the_gpu_extra_is_torch_and_onnx_with_the_runtime_for_cuda_and_its_libraries() -> None:
    expected = requirements("torch") | requirements("onnx")
    del expected["onnxruntime"]
    assert requirements("gpu") == expected | {"onnxruntime-gpu": "[cuda,cudnn]"}
    for extra in ("torch", "train", "draw", "view", "jpeg", "parquet"):
        assert "onnxruntime" not in requirements(extra), "it goes together with `gpu`"


def test_extras_of_extras_are_ours() -> None:
    named = [
        line for lines in PROJECT["optional-dependencies"].values() for line in lines if line.startswith("netspec")
    ]
    assert named
    for line in named:
        ((name, extras),) = targets(f"pip install {line}")
        assert name == PROJECT["name"]
        assert set(extras) <= set(PROJECT["optional-dependencies"])


def test_the_table_of_extras_is_complete() -> None:
    text = (ROOT / "docs" / "installation.md").read_text(encoding="utf-8")
    table = text.partition("| extra | adds |")[2].partition("\n## ")[0]
    assert set(re.findall(r"^\| `(\w+)` \|", table, re.MULTILINE)) == set(PROJECT["optional-dependencies"])


@pytest.mark.parametrize("page", [ROOT / "README.md", ROOT / "docs" / "installation.md"], ids=lambda page: page.name)
def test_the_scripts_named_exist_and_parse(page: Path) -> None:
    scripts = set(re.findall(r"\bbash (scripts/\w+\.sh)", page.read_text(encoding="utf-8")))
    assert "scripts/setup.sh" in scripts
    for script in scripts:
        subprocess.run(["bash", "-n", str(ROOT / script)], check=True)


def test_setup_installs_everything_and_runs_no_tests() -> None:
    text = (ROOT / "scripts" / "setup.sh").read_text(encoding="utf-8")
    assert 'install_netspec "[all]"' in text
    assert not re.search(r"pytest|ruff|mypy", text)
