"""Configuration tables against those of the papers: VGG (table 1), ResNet (table 1), DenseNet (table 1)."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from conftest import ROOT, run_netspec
from markdown_it import MarkdownIt

from netspec import load, loads
from netspec.diagnostics.display import width
from netspec.graph import Graph
from netspec.report.configuration import Band, Bracket, Configuration, configuration
from netspec.report.configuration_formats import html, latex, markdown, terminal

VGG = ("vgg_a", "vgg_a_lrn", "vgg_b", "vgg_c", "vgg_d", "vgg_e")
RESNET = ("resnet18", "resnet34", "resnet50", "resnet101", "resnet152")
# Simonyan and Zisserman 2014, table 1: what is between the poolings.
VGG_TABLE = (
    ("64", "64 LRN", "64 64", "64 64", "64 64", "64 64"),
    ("128", "128", "128 128", "128 128", "128 128", "128 128"),
    ("256 256", "256 256", "256 256", "256 256 1:256", "256 256 256", "256 256 256 256"),
    ("512 512", "512 512", "512 512", "512 512 1:512", "512 512 512", "512 512 512 512"),
    ("512 512", "512 512", "512 512", "512 512 1:512", "512 512 512", "512 512 512 512"),
)
# He et al. 2015, table 1: how many blocks, and their layers for a width w of the stage.
RESNET_BLOCKS = ((2, 2, 2, 2), (3, 4, 6, 3), (3, 4, 6, 3), (3, 4, 23, 3), (3, 8, 36, 3))


def graphs(names: tuple[str, ...]) -> list[Graph]:
    return [load(ROOT / "examples" / f"{name}.net").graph for name in names]


def table(names: tuple[str, ...], sizes: bool | None = None) -> Configuration:
    return configuration(graphs(names), sizes=sizes)


def _paper_cell(text: str) -> tuple[str, ...]:
    kernels = (word.rpartition(":") for word in text.split())
    return tuple(width if width == "LRN" else f"conv{kernel or 3}-{width}" for kernel, _, width in kernels)


def test_vgg_is_table_1_of_its_paper() -> None:
    found = table(VGG)
    assert found.heads == tuple(f"{n} weight layers" for n in (11, 11, 13, 16, 16, 19))
    assert [band.cells for band in found.bands if not band.spans][:-1] == [
        tuple(map(_paper_cell, row)) for row in VGG_TABLE
    ]
    assert [band.cells[0] for band in found.bands if band.spans] == [
        ("input 3x224x224",), *[("maxpool",)] * 5, ("FC-4096",), ("FC-4096",), ("FC-1000",), ("softmax",), ("params",),
    ]  # fmt: skip
    assert [round(int(cell[0].replace(",", "")) / 1e6) for cell in found.bands[-1].cells] == [  # type: ignore[union-attr]
        133, 133, 133, 134, 138, 144,
    ]  # fmt: skip


def test_resnet_is_table_1_of_its_paper() -> None:
    found = table(RESNET)
    assert found.labeled
    rows = dict(zip(("56x56", "28x28", "14x14", "7x7"), _blocks(found), strict=True))
    for i, (size, band) in enumerate(rows.items()):
        assert band.label == ("" if size == "56x56" else size)  # the pooling before it has the label
        w = 64 * 2**i
        basic, bottleneck = (f"conv3-{w}",) * 2, (f"conv1-{w}", f"conv3-{w}", f"conv1-{4 * w}")
        assert band.cells == tuple(
            (Bracket(basic if net < 2 else bottleneck, counts[i]),) for net, counts in enumerate(RESNET_BLOCKS)
        )
    spans = [(band.label, band.cells[0][0]) for band in found.bands if band.spans]
    assert spans[1:] == [("112x112", "conv7-64/2"), ("56x56", "maxpool3/2"), ("1x1", "gap"), ("", "FC-1000")]


def _blocks(found: Configuration) -> list[Band]:
    return [band for band in found.bands if isinstance(band.cells[0][0], Bracket)]


def test_densenet_has_the_numbers_of_its_paper() -> None:
    found = table(("densenet121", "densenet169", "densenet201", "densenet161"))
    times = [[line.times for cell in band.cells for line in cell if isinstance(line, Bracket)] for band in found.bands]
    assert [row for row in times if row] == [[6] * 4, [12] * 4, [24, 32, 48, 36], [16, 32, 32, 24]]


def test_sizes_that_have_nothing_in_common_are_aligned_by_position() -> None:
    found = table(("lenet5", "alexnet"))
    assert found.bands[1].cells == (("conv5-6",), ("conv11-96/4", "LRN"))
    fc = [band for band in found.bands if "FC-120" in band.cells[0]]
    assert fc[0].cells[1][:2] == ("FC-4096", "FC-4096")


def test_what_is_only_in_one_network_leaves_a_gap_in_the_other() -> None:
    deep, flat = (loads(f"input 3x64x64; conv3-8 pad=1; {more}gap; fc-2").graph for more in ("maxpool; conv3-9; ", ""))
    found = configuration([flat, deep])
    assert Band(((), ("maxpool", "conv3-9")), "32x32 to 30x30") in found.bands


def test_branches_are_written_as_their_block() -> None:
    found = table(("googlenet",))
    row = next(band.cells[0] for band in found.bands if band.label == "14x14")
    assert row[:2] == ("maxpool3/2", "inception(192, 96, 208, 16, 48, 64)")


# Formats


@pytest.mark.parametrize("columns", [40, 80, 120, 200])
@pytest.mark.parametrize("names", [VGG, RESNET, ("lenet5",), ("unet", "unet_padded")], ids=lambda n: n[0])
def test_terminal_lines_fit_and_every_network_is_shown(names: tuple[str, ...], columns: int) -> None:
    text = terminal(table(names), columns)
    assert all(width(line) <= columns for line in text.splitlines())
    assert all(graph.name in text for graph in graphs(names))


def test_six_vggs_fit_80_columns() -> None:
    assert terminal(table(VGG), 80).count("softmax") == 1


def test_brackets_in_a_terminal() -> None:
    lines = terminal(table(("resnet18", "resnet50")), 80).splitlines()
    first = next(i for i, line in enumerate(lines) if line.startswith("28x28"))
    assert lines[first : first + 3] == [
        "28x28    [ conv3-128 ] x2  [ conv1-128 ]",
        "         [ conv3-128 ]     [ conv3-128 ] x4",
        "                           [ conv1-512 ]",
    ]


def test_markdown_is_a_table() -> None:
    rendered = MarkdownIt("commonmark", {"html": True}).enable("table").render(markdown(table(RESNET)))
    rows = re.findall(r"<tr>(.*?)</tr>", rendered, re.DOTALL)
    assert len(rows) == 2 + len(table(RESNET).bands)
    assert all(row.count("<td") + row.count("<th") == 6 for row in rows)
    assert "[conv1-256, conv3-256, conv1-1024] x36" in rendered


def test_html_spans_what_is_shared() -> None:
    text = html(table(VGG))
    assert text.count('<td colspan="6">maxpool</td>') == 5
    assert text.isascii()


def test_latex_spans_what_is_shared() -> None:
    text = latex(table(VGG))
    assert text.count(r"\multicolumn{6}{c}{maxpool} \\") == 5
    assert r"VGG\_A & VGG\_A\_LRN" in text
    assert r"\end{array}\right]\times 36$" in latex(table(RESNET))


def test_the_command(tmp_path: Path) -> None:
    files = [str(ROOT / "examples" / f"{name}.net") for name in VGG]
    out = tmp_path / "vgg.tex"
    assert run_netspec("table", *files, "-o", str(out)).returncode == 0
    assert out.read_text() == latex(table(VGG)) == run_netspec("table", *files, "--format", "latex").stdout
    sized = run_netspec("table", *files, "--sizes", "--figures", "params,macs", COLUMNS="100").stdout
    assert "224x224" in sized
    assert "19,632,062,464" in sized
    unknown = run_netspec("table", *files, "--figures", "prams")
    assert unknown.returncode == 2
    assert "Did you mean `params`?" in unknown.stderr
    assert run_netspec("table", "missing.net").returncode == 1


def test_windows_are_written_with_both_sides() -> None:
    blocks = [line for band in table(("swin_t",)).bands for line in band.cells[0] if isinstance(line, Bracket)]
    assert blocks[0].lines[0] == "windows 7x7"
