"""The report of `check`: its columns, rows, formats and files."""

from __future__ import annotations

import csv
import io
import json
import re
from pathlib import Path

import pytest
from conftest import ROOT, run_netspec

from netspec import load
from netspec.analysis.conditions import Conditions
from netspec.analysis.figures import ALL, FIGURES
from netspec.cli.condition_options import read_size
from netspec.report.selection import FACTS, PRESETS, UnknownColumn, columns_of

LENET, RESNET = str(ROOT / "examples" / "lenet5.net"), str(ROOT / "examples" / "resnet50.net")


def checked(*arguments: str, columns: int = 80) -> str:
    result = run_netspec("check", *arguments, COLUMNS=str(columns))
    assert result.returncode == 0, result.stderr
    return result.stdout


def refused(*arguments: str) -> str:
    result = run_netspec("check", *arguments)
    assert result.returncode == 2
    return result.stderr


# Columns


def test_every_preset_is_made_of_columns() -> None:
    assert {name for names in PRESETS.values() for name in names} <= {*FIGURES, *FACTS}
    assert columns_of(("default",)) == ("what", "output", "params", "macs")


def test_aliases_presets_and_repetitions() -> None:
    assert columns_of(("rf", "params", "receptive_field", "default")) == (
        "what", "output", "receptive_field", "params", "macs",
    )  # fmt: skip
    assert columns_of(("output", "rf-stride")) == ("output", "rf_stride")


def test_a_column_that_does_not_exist() -> None:
    with pytest.raises(UnknownColumn) as raised:
        columns_of(("params", "recptive_field"))
    assert (raised.value.name, raised.value.near) == ("recptive_field", "receptive_field")


def test_the_message_lists_every_column() -> None:
    message = refused(LENET, "--columns", "neurones")
    assert "no column `neurones`" in message
    assert "Did you mean `neurons`?" in message
    assert all(figure.name in message for figure in ALL)
    assert refused(LENET, "--columns", ",").count("at least one name") == 1


@pytest.mark.parametrize("columns", [60, 80, 160])
@pytest.mark.parametrize("names", ["rf,memory", *PRESETS])
def test_lines_fit_and_totals_are_shown(names: str, columns: int) -> None:
    device = ("--device", "a100") if names == "time" else ()
    text = checked(RESNET, "--columns", names, *device, columns=columns)
    assert all(len(line) <= columns for line in text.splitlines())
    total = [line for line in text.splitlines() if line.startswith(("total", "parameters"))]
    assert total
    assert re.search(r"^bottl\w*…?15-16 ", text, re.MULTILINE)


@pytest.mark.parametrize("names", PRESETS)
def test_presets_fit_80_columns_without_a_second_part(names: str) -> None:
    text = checked(RESNET, "--columns", names, "--device", "a100", columns=80)
    assert text.count("fc1 ") == 1


# Conditions


def test_macs_of_other_tools() -> None:
    assert "4,133,742,592" in checked(RESNET, "--macs", "thop")
    assert "MACs as thop" in checked(RESNET, "--macs", "thop", "--format", "markdown")
    rows = csv.DictReader(io.StringIO(checked(RESNET, "--macs", "fvcore", "--format", "csv")))
    assert sum(int(row["macs"]) for row in rows) == 4_111_512_576


def test_memory_and_time_of_training() -> None:
    options = "--batch 64 --dtype bf16 --optimizer adam --device h100 --fits 80GB"
    text = checked(LENET, *options.split(), columns=160)
    conditions = Conditions(64, "bf16", "adam", "h100")
    model = load(LENET)
    for name in ("training_memory", "time"):
        assert FIGURES[name].text(model.figure(name, conditions)) in text
    lines = {line.split()[0]: line for line in text.splitlines() if line}
    batch = int(lines["fits"].split()[1].replace(",", ""))
    most = Conditions(batch, "bf16", "adam"), Conditions(batch + 1, "bf16", "adam")
    below, above = (model.figure("training_memory", c) for c in most)
    assert below <= 80 * 10**9 < above  # type: ignore[operator]
    assert "roofline" in lines["time"]


def test_nothing_fits() -> None:
    assert "not even one input" in checked(LENET, "--fits", "1kB")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ("--columns time", "needs --device: h200"),
        ("--device gtx", "h200"),
        ("--device 0,5G", "must be positive"),
        ("--fits 80XB", "80GB or 24GiB"),
        (f"--fits {'9' * 400}GB", "80GB or 24GiB"),
        ("--fits 80GB --format csv", "line of the table"),
        ("--batch 0", "1"),
    ],
)
def test_conditions_that_cannot_be(options: str, message: str) -> None:
    assert message in refused(LENET, *options.split())


@pytest.mark.parametrize(
    ("text", "size"), [("80GB", 80e9), ("80 gb", 80e9), ("24GiB", 24 * 2**30), ("500M", 5e8), ("1.5k", 1500), ("7", 7)]
)
def test_sizes(text: str, size: float) -> None:
    assert read_size(text) == size


# Rows


def test_depth_and_expand() -> None:
    rows = checked(RESNET, "--expand", "stem1", "--depth", "1", columns=160).splitlines()
    assert [row.split()[0] for row in rows[3:9]] == ["stem1", "conv1", "bn1", "relu1", "maxpool1", "bottleneck1"]
    assert checked(RESNET, "--all") == checked(RESNET, "--expand", "all")
    assert checked(RESNET, "--all").count("  conv3 ") == 16


def test_unknown_parts() -> None:
    message = refused(RESNET, "--expand", "botleneck")
    assert "no block or label `botleneck`. Did you mean `bottleneck`?" in message


# Formats


def test_csv_has_a_row_for_each_layer_and_sums_that_are_totals() -> None:
    rows = list(csv.DictReader(io.StringIO(checked(RESNET, "--format", "csv"))))
    model = load(RESNET)
    assert [row["layer"] for row in rows] == [layer.name for layer in model.layers]
    assert sum(int(row["params"]) for row in rows) == model.params
    assert list(rows[0]) == ["layer", "op", "what", "input", "output", "params", "macs"]
    folded = list(csv.DictReader(io.StringIO(checked(RESNET, "--format", "csv", "--depth", "1"))))
    assert len(folded) < 20
    assert sum(int(row["macs"]) for row in folded) == model.macs


def test_csv_of_several_specs_says_which() -> None:
    rows = list(csv.DictReader(io.StringIO(checked(LENET, RESNET, "--format", "csv"))))
    assert {row["file"] for row in rows} == {LENET, RESNET}


@pytest.mark.parametrize(("form", "mark"), [("markdown", "\n| --"), ("html", "<table"), ("latex", r"\toprule")])
def test_documents_have_a_table_for_each_spec(form: str, mark: str) -> None:
    text = checked(LENET, RESNET, "--format", form)
    assert text.count(mark) == 2
    assert "61,706" in text


@pytest.mark.parametrize("suffix", [".json", ".csv", ".md", ".html", ".tex"])
def test_a_file_says_its_format(suffix: str, tmp_path: Path) -> None:
    forms = {".json": "json", ".csv": "csv", ".md": "markdown", ".html": "html", ".tex": "latex"}
    out = tmp_path / f"report{suffix}"
    assert checked(LENET, "-o", str(out)) == ""
    assert out.read_text() == checked(LENET, "--format", forms[suffix])


def test_a_table_in_a_file(tmp_path: Path) -> None:
    out = tmp_path / "report.txt"
    checked(LENET, "-o", str(out))
    assert out.read_text() == checked(LENET)


def test_errors_leave_the_file_as_it_is(tmp_path: Path) -> None:
    out = tmp_path / "report.csv"
    out.write_text("before")
    result = run_netspec("check", "-e", "input 3x8x8; conv9-1", "-o", str(out))
    assert (result.returncode, out.read_text()) == (1, "before")
    assert "NS301" in result.stderr
    missing = run_netspec("check", LENET, "-o", str(tmp_path / "no" / "report.csv"))
    assert missing.returncode == 1
    assert "NS501" in missing.stderr


def test_diagnostics_have_no_columns() -> None:
    assert "diagnostics only" in refused(LENET, "--format", "sarif", "--columns", "rf")


def test_frozen_parameters_are_not_called_trainable() -> None:
    text = "input 4; features: { fc-5 }; fc-2; train {\n freeze features\n loss cross_entropy\n}"
    assert "12 trained by the recipe" in checked("-e", text)
    assert json.loads(checked("-e", text, "--format", "json"))["totals"]["trainable"] == 12
