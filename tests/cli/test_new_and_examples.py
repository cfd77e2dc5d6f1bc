"""`netspec new` and `netspec examples`: the examples that come with the package."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import pytest
from conftest import ROOT, run_netspec, specs

from netspec import gallery


def test_every_example_is_listed_with_what_it_states() -> None:
    rows = json.loads(run_netspec("examples", "--format", "json").stdout)
    assert [row["name"] for row in rows] == sorted(path.stem for path in specs())
    assert all(row["params"] and row["macs"] and row["title"] for row in rows)
    (row,) = (row for row in rows if row["name"] == "resnet50")
    assert row == {
        "name": "resnet50", "title": "ResNet-50", "year": 2015, "paper": "Deep Residual Learning for Image Recognition",
        "params": 25_557_032, "macs": 4_089_184_256, "parameters": "classes = 1000",
    }  # fmt: skip


def test_the_formats() -> None:
    assert "25.56M   4.089G" in run_netspec("examples", "resnet50").stdout
    assert "| resnet50 " in run_netspec("examples", "resnet50", "--format", "markdown").stdout
    table = run_netspec("examples", "resnet50", "deep", "--format", "csv").stdout.replace("\r\n", "\n")
    (row,) = (row for row in csv.DictReader(io.StringIO(table)) if row["name"] == "resnet50")
    assert (row["params"], row["year"]) == ("25557032", "2015")
    nothing = run_netspec("examples", "perpetuum")
    assert (nothing.returncode, nothing.stderr) == (0, "No example contains perpetuum.\n")


def test_a_copy_is_the_example_and_is_checked(tmp_path: Path) -> None:
    made = run_netspec("new", "resnet50", cwd=tmp_path)
    assert (made.returncode, made.stdout) == (0, "resnet50.net\n")
    assert made.stderr == "check it: netspec check resnet50.net -D classes=1000\n"
    assert (tmp_path / "resnet50.net").read_bytes() == (ROOT / "examples" / "resnet50.net").read_bytes()
    assert run_netspec("check", "resnet50.net", "-D", "classes=10", cwd=tmp_path).returncode == 0


def test_files_that_an_example_uses_come_with_it(tmp_path: Path) -> None:
    (tmp_path / "specs").mkdir()
    assert (
        run_netspec("new", "resnet18", "-o", "specs", cwd=tmp_path).stdout
        == "specs/resnet18.net\nspecs/resnet_blocks.net\n"
    )
    assert run_netspec("new", "resnet18", "-o", "specs/mine.net", cwd=tmp_path).returncode == 0
    assert run_netspec("check", "specs/mine.net", cwd=tmp_path).returncode == 0


@pytest.mark.parametrize("taken", ["resnet18.net", "resnet_blocks.net"])
def test_nothing_is_overwritten(tmp_path: Path, taken: str) -> None:
    (tmp_path / taken).write_text("mine\n")
    refused = run_netspec("new", "resnet18", cwd=tmp_path)
    assert refused.returncode == 1
    assert f"error[NS501]: {taken} exists already" in refused.stderr
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == {taken: "mine\n"}


def test_a_link_is_not_written_through(tmp_path: Path) -> None:
    (tmp_path / "resnet50.net").symlink_to(tmp_path / "elsewhere")
    assert run_netspec("new", "resnet50", cwd=tmp_path).returncode == 1
    assert not (tmp_path / "elsewhere").exists()


def test_standard_output_and_names_that_are_none(tmp_path: Path) -> None:
    assert run_netspec("new", "xor", "-o", "-").stdout == (ROOT / "examples" / "xor.net").read_text()
    wrong = run_netspec("new", "resnet5O", cwd=tmp_path)
    assert (wrong.returncode, "There is no example `resnet5O`. Did you mean `resnet50`?" in wrong.stderr) == (2, True)
    assert run_netspec("new", "../secret", cwd=tmp_path).returncode == 2
    assert run_netspec("new", "xor", "-o", "no/xor.net", cwd=tmp_path).returncode == 1


def test_what_a_comment_says() -> None:
    said = gallery.about('# A net (Doe, 1999, "On nets",\n# Table 1)\ninput 3\n', "net")
    assert said == gallery.About("A net", 1999, "On nets")
    assert gallery.about("input 3\nFC-2\n", "plain").year is None
