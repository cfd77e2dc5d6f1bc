"""What the page is given, and that it is data and nothing else."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from conftest import ROOT

import netspec
from netspec.page.document import document
from netspec.page.html import page, start_data


def of(spec: str | Path) -> dict[str, Any]:
    found = netspec.check(spec)
    return document(found.source, found.graph, found.diagnostics, "x.net")


def test_the_network_and_its_levels() -> None:
    found = of(ROOT / "examples" / "resnet18.net")
    network = found["network"]
    assert ["params", "11,689,512"] in [list(pair) for pair in network["totals"]]
    for part in network["parts"]:
        if part["level"] is not None:
            plan = network["plans"][part["level"]["plan"]]
            assert plan["count"] == len(part["members"]) + len(part["level"]["entries"]) + len(part["level"]["exits"])
    named = {part["name"] for part in network["parts"]}
    assert {"input", "gap1", "fc1", "output"} <= named


def test_a_layer_has_its_arithmetic_and_its_receptive_field() -> None:
    nodes = {n["name"]: n for n in of(ROOT / "examples" / "resnet18.net")["network"]["nodes"]}
    conv = nodes["basic3.conv1"]
    assert ["params", "3*3*64*128 = 73,728 (weights)"] in [list(pair) for pair in conv["formulas"]]
    field = conv["field"]
    assert (field["input"], field["sizes"]) == ("input", [224, 224])
    axis = field["axes"][1]  # 25 before the input and 25 after it for output 0, then 8 further
    assert (axis["size"], axis["stride"], axis["first"], axis["second"]) == (51, "8", (-25, 25), (-17, 33))
    assert (axis["position"], axis["middle"]) == (14, (14 * 8 - 25, 14 * 8 + 25))
    assert nodes["fc1"]["field"]["axes"] == [] or nodes["fc1"]["field"]["axes"][0]["size"] >= 224


def test_an_input_without_axes_has_no_receptive_field() -> None:
    nodes = of("input 4\nFC-2\n")["network"]["nodes"]
    assert [node["field"] for node in nodes] == [None, None]


def test_levels_of_the_same_wires_share_an_order() -> None:
    network = of(ROOT / "examples" / "resnet152.net")["network"]
    assert len(network["plans"]) < sum(part["level"] is not None for part in network["parts"]) / 2


def test_offsets_are_those_of_browsers() -> None:
    text = "# 🙂🙂\ninput 3x8x8\nconv9-4\n"
    finding = of(text)["findings"][0]
    units = text.encode("utf-16-le")
    assert units[2 * finding["start"] : 2 * finding["end"]].decode("utf-16-le") == "conv9-4"


def test_a_spec_with_an_error_has_the_layers_that_are_known() -> None:
    found = of("input 3x8x8\nconv3-4\nconv9-4\nrelu\n")
    assert [f["code"] for f in found["findings"]] == ["NS301"]
    assert [n["name"] for n in found["network"]["nodes"]] == ["input", "conv1"]


@pytest.mark.parametrize(
    "text", ["", "input", "net X {", "block b { relu }\n", "input 3x8x8\n", "# only a comment\n", "input 3x8x8\n\x07"]
)
def test_any_text_has_a_document(text: str) -> None:
    found = of(f"{text}\n")
    assert json.loads(json.dumps(found))["file"] == "x.net"


HOSTILE = "# </script><script>alert(1)</script> \u202e\ninput 3x8x8\nconv3-4 # <!-- & ]]> \u2028\n"


def test_a_hostile_spec_is_data(tmp_path: Path) -> None:
    text = page(start_data([of(HOSTILE)]), "</title><script>alert(1)</script>")
    assert text.count("<script") == 2
    assert "alert(1)</script>" not in text
    data = re.search(r'id="netspec-start">(.*?)</script>', text, re.S)
    assert data is not None
    assert json.loads(data[1])["documents"][0]["text"] == HOSTILE


def test_the_exported_page_may_ask_nobody() -> None:
    text = page(start_data([of("input 3x8x8\nrelu\n")]), "x")
    policy = re.search(r'http-equiv="Content-Security-Policy" content="([^"]*)"', text)
    assert policy is not None
    assert policy[1].startswith("default-src 'none'; script-src 'nonce-")
    assert "connect-src" not in policy[1]
    assert "http://" not in re.sub(r"http://www\.w3\.org/\S*", "", text)


def test_equal_specs_give_equal_pages() -> None:
    made = [page(start_data([of("input 3x8x8\nconv3-4\n")]), "x") for _ in range(2)]
    assert made[0] == made[1]
