"""Models, tables and figures in notebooks and data frames."""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree
from html.parser import HTMLParser

import pandas as pd
import pytest
from conftest import ROOT

from netspec import check, load, loads
from netspec.analysis.conditions import Conditions

VGG = load(ROOT / "examples" / "vgg16.net")


class Tags(HTMLParser):
    """Opens and closes every tag in order."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: list[str] = []
        self.feed(text)
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: object) -> None:
        if tag != "br":
            self.open.append(tag)
            self.seen.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def test_rows_make_a_data_frame_whose_sums_are_totals() -> None:
    frame = pd.DataFrame(VGG.rows("params,macs,rf"))
    assert list(frame) == ["layer", "op", "what", "input", "output", "params", "macs", "receptive_field"]
    assert frame["params"].sum() == VGG.params
    assert frame["macs"].sum() == VGG.macs
    assert frame["receptive_field"][frame["layer"] == "conv13"].item() == (196, 196)
    assert frame.groupby("op")["params"].sum()["conv"] == 14_714_688


def test_rows_of_parts_and_under_conditions() -> None:
    resnet = load(ROOT / "examples" / "resnet50.net")
    parts = resnet.rows(["macs"], depth=1)
    assert len(parts) < 20
    assert sum(row["macs"] for row in parts) == resnet.macs
    thop = VGG.rows("macs", conditions=Conditions(macs="thop"))
    assert sum(row["macs"] for row in thop) == VGG.macs + 2999  # thop also counts the softmax: 3 * 1000 - 1


def test_unknown_columns_name_the_nearest() -> None:
    with pytest.raises(KeyError, match="did you mean params"):
        VGG.rows("parms")


def test_figures_by_name() -> None:
    assert VGG.figures["rf"] == VGG.figure("receptive_field")
    assert VGG.figures["neurons"] == 13_547_520 + 2 * 4096 + 1000  # of the convolutions, of the fully connected layers
    assert "time" in VGG.figures
    assert VGG.figures["time"] is None
    assert len(list(VGG.figures)) == len(VGG.figures)
    with pytest.raises(KeyError):
        VGG.figures["parms"]


@pytest.mark.parametrize("shown", [VGG, VGG.table("rf,memory"), VGG.figures, check("input 3x8x8; conv3-4; conv9-2")])
def test_html_is_whole(shown: object) -> None:
    seen = Tags(shown._repr_html_()).seen  # type: ignore[attr-defined]
    assert "table" in seen
    assert "script" not in seen


def test_a_model_shows_its_diagram_and_in_html_its_table() -> None:
    from IPython.core.formatters import DisplayFormatter

    data, _ = DisplayFormatter().format(VGG)
    assert data["text/plain"] == repr(VGG)
    root = ElementTree.fromstring(data["image/svg+xml"])
    assert root.tag == "{http://www.w3.org/2000/svg}svg"
    assert any("138,357,544 parameters" in (text.text or "") for text in root.iter("{http://www.w3.org/2000/svg}text"))
    seen = Tags(data["text/html"]).seen
    assert {"svg", "table"} <= set(seen)
    assert "script" not in seen


def test_html_of_a_spec_with_errors_has_the_message_escaped() -> None:
    text = check("input 3x8x8; conv3-4; <script>alert(1)</script>")._repr_html_()
    assert "<pre" in text
    assert "<script" not in text


def test_html_of_a_library_and_of_nothing() -> None:
    assert "declares b" in check("block b { relu }")._repr_html_()
    assert "<pre" in check("")._repr_html_()


def test_a_table_is_written_in_every_format() -> None:
    table = loads("net Tiny; input 4; fc-2").table("params")
    assert table.write("csv").splitlines()[-1].startswith("total,")
    assert table.write("markdown").startswith("**Tiny, input 4**")
    assert all("10" in table.write(form) for form in ("csv", "markdown", "html", "latex"))
