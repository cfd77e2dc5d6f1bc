"""The JSON report and its published schema."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest
from conftest import ROOT
from jsonschema import Draft202012Validator

from netspec import check, load
from netspec.analysis.conditions import Conditions
from netspec.analysis.figures import ALL
from netspec.report.schema import report_of
from netspec.source import SourceFile

SCHEMA = json.loads((ROOT / "docs" / "report.schema.json").read_text(encoding="utf-8"))
SHIPPED = {
    "schema", "file", "name", "ok", "inputs", "outputs", "layers", "failed", "totals", "convention", "diagnostics",
}  # fmt: skip
"""The fields of the first release, which stay."""


def report(source: Path | str, *columns: str, conditions: Conditions | None = None) -> dict[str, Any]:
    checked = check(source if isinstance(source, Path) else SourceFile(source))
    found = report_of(checked.source, checked.graph, checked.diagnostics, columns, conditions)
    dumped: dict[str, Any] = found.model_dump(mode="json", by_alias=True)
    return dumped


def test_the_published_schema_is_the_one_of_the_report(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(ROOT / "scripts"))
    from report_schema import TARGET, schema_text

    assert TARGET.read_text(encoding="utf-8") == schema_text(), "run python scripts/report_schema.py"
    sys.modules.pop("report_schema")


SMALL = (
    "lenet5",
    "unet",
    "googlenet",
    "resnet18",
    "lstm_text",
    "transformer_encoder",
    "siamese",
    "resnet_blocks",
    "xor",
)


@pytest.mark.parametrize("name", SMALL)
def test_reports_follow_the_schema(name: str) -> None:
    """Every figure, with a device and without."""
    figures = [figure.name for figure in ALL]
    for conditions in (None, Conditions(8, "bf16", "adam", "h100")):
        found = report(ROOT / "examples" / f"{name}.net", *figures, conditions=conditions)
        Draft202012Validator(SCHEMA).validate(found)


@pytest.mark.parametrize("text", ["", "input 3x8x8; conv9-1", "input 3x8x8; convx", "net", "block b { relu }"])
def test_reports_of_specs_with_errors_follow_the_schema(text: str) -> None:
    Draft202012Validator(SCHEMA).validate(report(text, "rf"))


def test_a_wrong_report_does_not_follow_the_schema() -> None:
    wrong = report("input 4; fc-2")
    wrong["layers"][0]["params"] = "ten"
    assert not Draft202012Validator(SCHEMA).is_valid(wrong)


def test_fields_are_added_but_never_removed() -> None:
    found = report("input 4; fc-2")
    assert found["schema"] == 1
    assert set(found) >= SHIPPED
    assert {"params", "trainable", "buffers", "aux_params", "macs", "flops", "neurons", "memory"} <= set(
        found["totals"]
    )


def test_figures_are_those_of_python() -> None:
    path = ROOT / "examples" / "resnet50.net"
    model, found = load(path), report(path, "rf", "memory", "rf_center")
    assert found["figures"]["memory"] == model.figures["memory"]
    assert found["totals"]["receptive_field"] == list(model.figures["receptive_field"])  # type: ignore[arg-type]
    for layer, shown in zip(model.layers, found["layers"], strict=True):
        field = layer.figure("receptive_field")
        assert shown["figures"]["receptive_field"] == list(field)  # type: ignore[arg-type]
    assert [p["block"] for p in found["parts"]].count("bottleneck") == 16
    assert sum(p["params"] for p in found["parts"]) == model.params - model.layers[-1].params


def test_macs_are_those_of_the_tool_named_in_the_conditions() -> None:
    found = report(ROOT / "examples" / "vgg16.net", conditions=Conditions(macs="ptflops"))
    assert found["totals"]["macs"] == sum(layer["macs"] for layer in found["layers"])
    assert found["totals"]["macs"] == 15_523_175_400 + 1000  # ptflops counts the softmax, which torchvision's VGG lacks
    assert found["conditions"]["macs"] == "ptflops"
