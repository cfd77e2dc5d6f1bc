"""`netspec report`: what the page and the card say, against `netspec eval` and scikit-learn, and that neither can be broken."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import run_netspec
from small_runs import VALUES, conv_run, trained

from netspec.datasets.examples import IGNORED
from netspec.inside.view_pictures import PALETTE, Points, class_pixels, plane
from netspec.scene.figure import Raster, Text
from netspec.training.charts import confusion_chart, curves_chart
from netspec.training.rows import Row
from netspec.training.run_views import worst
from netspec.training.scores import Score
from netspec.training.trained import Trained

HOSTILE = ("<script>alert(1)</script>", "a|b`*c*", "\u202eesrever", "x" * 300)


class Page(HTMLParser):
    """The cells of the tables of each section, the tags, and the addresses of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.addresses: list[str] = []
        self.styled: list[str] = []
        self.rows: dict[str, list[list[str]]] = {"": []}
        self.section, self.cell = "", False
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        found = dict(attrs)
        self.addresses += [f"{value}" for name, value in attrs if name in ("src", "href", "xlink:href")]
        self.styled += [tag for name, _ in attrs if name == "style" or name.startswith("on")]
        if tag == "section":
            self.section = f"{found['id']}"
            self.rows[self.section] = []
        elif tag == "tr":
            self.rows[self.section].append([])
        elif tag in ("td", "th"):
            self.cell = True
            self.rows[self.section][-1].append("")

    def handle_endtag(self, tag: str) -> None:
        self.cell = self.cell and tag not in ("td", "th")

    def handle_data(self, data: str) -> None:
        if self.cell:
            self.rows[self.section][-1][-1] += data


def reported(run: Path, folder: Path, *more: str) -> tuple[Page, str, str]:
    """The page as read, its text, and the card."""
    page, card = folder / "r.html", folder / "card.md"
    result = run_netspec("report", str(run), "-o", str(page), "--card", str(card), *more)
    assert result.returncode == 0, result.stderr
    text = page.read_text(encoding="utf-8")
    return Page(text), text, card.read_text(encoding="utf-8")


@pytest.mark.slow
def test_the_report_of_a_classifier(tmp_path: Path) -> None:
    from sklearn.metrics import precision_recall_fscore_support

    run = conv_run()
    page, text, card = reported(run, tmp_path)
    found = json.loads(run_netspec("eval", str(run), "--json").stdout)
    matrix = np.array(found["confusion"])
    truth, said = np.divmod(np.repeat(np.arange(100), matrix.reshape(-1)), 10)
    wanted = np.array(precision_recall_fscore_support(truth, said, zero_division=np.nan)).T
    rows = page.rows["classes"]
    assert rows[0] == ["class", "precision", "recall", "F1", "support"]
    for number, row in enumerate(rows[1:11]):
        shares = ["-" if np.isnan(share) else f"{share:.1%}" for share in wanted[number][:3]]
        assert row == [str(number), *shares, f"{wanted[number][3]:.0f}"]
    facts = dict(page.rows[""])
    (score,) = found["scores"].values()
    assert facts["accuracy"] == f"{score['accuracy']:.2%}"
    assert dict(page.rows["recipe"])["optimizer"].startswith("adam lr=0.005 ")
    assert dict(page.rows["recipe"])["batch"] == "128 accumulate=1"  # a default
    assert dict(page.rows["environment"])["seed"] == "1"
    assert dict(page.rows["data"])["test examples"] == str(score["examples"])
    for section in (
        "training-curves",
        "confusion-matrix",
        "examples",
        "worst-mistakes",
        "filters",
        "last-hidden-layer",
        "network",
        "spec",
    ):
        assert section in page.rows, section
    assert card.startswith("# Small\n")
    assert f"| {score['accuracy']:.2%}" in card
    assert "```net\nnet Small" in card
    assert "Left out" not in text


@pytest.mark.slow
def test_a_page_needs_nothing_else(tmp_path: Path) -> None:
    page, text, _ = reported(conv_run(), tmp_path)
    assert {"script", "iframe", "link"} & set(page.tags) == {"link"}
    assert all(re.match(r"data:|#", address) for address in page.addresses)
    assert page.styled == []
    (policy,) = re.findall(r'Content-Security-Policy" content="([^"]*)"', text)
    assert policy.startswith("default-src 'none'; style-src 'nonce-")
    assert "//" not in re.sub(r'xmlns="http://www.w3.org/2000/svg"|base64,[A-Za-z0-9+/=]+', "", text)


@pytest.mark.slow
def test_the_report_of_a_regression_leaves_out_what_does_not_apply(tmp_path: Path) -> None:
    x = np.random.default_rng(0).normal(size=(120, 4)).astype(np.float32)
    np.savez(tmp_path / "values.npz", x=x, y=(x[:, :2] * x[:, 2:]).astype(np.float32))
    page, text, card = reported(trained("report-values", VALUES, str(tmp_path / "values.npz")), tmp_path)
    assert dict(page.rows[""])["task"] == "regression"
    assert "R2" in dict(page.rows[""])
    assert not {"classes", "confusion-matrix", "examples", "filters"} & set(page.rows)
    assert "classes and confusion matrix: the network does not predict classes" in text
    assert "## Highest losses" in card


@pytest.mark.slow
def test_names_from_outside_are_only_text(tmp_path: Path) -> None:
    from PIL import Image

    colors = np.random.default_rng(0).integers(0, 60, (4, 8, 12, 12, 3))
    for number, name in enumerate(HOSTILE[:3]):
        (tmp_path / "data" / name.replace("/", "")).mkdir(parents=True)
        for i, pixels in enumerate(colors[number]):
            Image.fromarray((pixels + 60 * number).astype(np.uint8)).save(
                tmp_path / "data" / name.replace("/", "") / f"{i}.png"
            )
    spec = "input 3x12x12\nconv3-2\nFC-3\ntrain {\nepochs 1\n}\n# </pre><script>alert(2)</script> \u202e\n# ```\n"
    run = trained("hostile", spec, str(tmp_path / "data"))
    page, text, card = reported(run, tmp_path)
    assert "script" not in page.tags
    assert "\u202e" not in text + card
    assert {row[0] for row in page.rows["classes"][1:4]} == {"<script>alert(1)<script>", "a|b`*c*", "\\u202eesrever"}
    assert "<script>alert(1)" not in card.partition("## Spec")[0]
    assert "a\\|b\\`\\*c\\*" in card
    assert "````net\ninput" in card


@pytest.mark.slow
def test_a_run_that_stopped_says_so_and_what_is_shown_beside_its_images(tmp_path: Path) -> None:
    """An image, its true mask and the predicted one; or an image and its reconstruction."""
    each = "input 3x8x8\nconv1-3 act=none\ntrain {{ loss {}; epochs 1 }}\n"
    for loss, task, count in (("cross_entropy", "of each pixel", 3), ("mse target=input", "of the input", 2)):
        run = trained(f"beside-{count}", each.format(loss), "synthetic", size=16, test=0.25)
        info = json.loads((run / "run.json").read_text())
        (run / "run.json").write_text(json.dumps(info | {"result": {"finished": False, "advice": "it diverged"}}))
        figure = worst(Trained.open(run)).drawn()
        images: Any = [item for item in figure.items if isinstance(item, Raster)]
        assert len([i for i in images if i.width == 110]) == 4 * count
        _, text, card = reported(run, tmp_path)
        assert f"{task}</td>" in text
        for said in ("The training is not finished", "It diverged."):
            assert said in text
            assert said in card


def test_a_map_of_classes_has_the_colors_of_their_legend() -> None:
    pixels = class_pixels(np.array([[0, 1], [IGNORED, 11]]))
    assert [f"#{bytes(p).hex()}" for p in pixels.reshape(4, 3)] == [PALETTE[0], PALETTE[1], "#000000", PALETTE[1]]


def test_a_legend_has_no_two_classes_of_one_color_by_the_hundred() -> None:
    points = Points(np.zeros((1, 2)), [3], ["here"])
    for count, named in ((9, True), (100, False)):
        figure = plane("t", [], (-1, 1, -1, 1), points, [f"class {i}" for i in range(count)])
        texts = [item.text for item in figure.items if isinstance(item, Text)]
        assert ("class 3" in texts) == named
        assert any("share 10 colors" in text for text in texts) != named


def test_what_report_refuses(tmp_path: Path) -> None:
    for line, code, said in (
        (("report", str(tmp_path)), 1, "NS606"),
        (("report", str(tmp_path), "-o", "x.pdf"), 2, "neither .html nor .md"),
        (("report", str(tmp_path), "--card", "x.html"), 2, "--card needs"),
    ):
        result = run_netspec(*line, cwd=tmp_path)
        assert (result.returncode, said in result.stderr) == (code, True), result.stderr


def rows_of(losses: list[float], accuracies: list[float | None]) -> list[Row]:
    return [
        Row(i + 1.0, i, 0.1, Score(loss, a), None, 1.0, 10)
        for i, (loss, a) in enumerate(zip(losses, accuracies, strict=True))
    ]


def test_curves_survive_a_loss_that_is_not_finite() -> None:
    figure = curves_chart(rows_of([2.0, float("nan"), 1.0, 0.5], [None] * 4))
    assert "the best is epoch 4" in figure.description
    assert {"1", "4"} <= {item.text for item in figure.items if isinstance(item, Text)}
    assert all(np.isfinite([figure.width, figure.height]))
    single: Any = curves_chart(rows_of([2.0], [0.5]), "dark")
    assert single.description.startswith("loss, accuracy, %, learning rate")


def test_the_shade_of_a_cell_is_its_share_of_the_row() -> None:
    figure = confusion_chart([[9, 1], [0, 4]], ["cat", "x" * 100])
    tips = [item.tip for item in figure.items if getattr(item, "tip", "")]
    assert tips[0] == "9 of 10 examples of cat are predicted as cat"
    cells: Any = [item for item in figure.items if getattr(item, "tip", "")]
    assert cells[2].fill == "#ffffff"
    assert cells[3].fill == "#2166ac"
    assert cells[0].fill > cells[3].fill
