"""The library in the wheel: every block documented and used in a network with figures that others computed."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from conftest import ROOT, run_netspec

import netspec
from netspec import library
from netspec.elaborate.limits import SERVICE_LIMITS
from netspec.library.reference import entries, markdown
from netspec.ops import CATALOGUE, JOINS
from netspec.playground.session import Session
from netspec.source import SourceFile

ROWS: dict[str, dict[str, Any]] = {
    row["name"]: row for row in json.loads((ROOT / "tests" / "data" / "torchvision.json").read_text())["rows"]
}
_HEAD = "gap\nFC-1000\n"
_IMAGE = "input 3x224x224\n"
_GOOGLENET = """
{first}
{m}(64, 96, 128, 16, 32, 32)
{m}(128, 128, 192, 32, 96, 64)
maxpool3/2 {pool}
{m}(192, 96, 208, 16, 48, 64)
{m}(160, 112, 224, 24, 64, 64)
{m}(128, 128, 256, 24, 64, 64)
{m}(112, 144, 288, 32, 64, 64)
{m}(256, 160, 320, 32, 128, 128)
{last}
{m}(256, 160, 320, 32, 128, 128)
{m}(384, 192, 384, 48, 128, 128)
gap
FC-1000
"""
NETWORKS = {
    "resnet18": f"use <resnet>\n{_IMAGE}stem\nfor w, s in [(64, 1), (128, 2), (256, 2), (512, 2)] {{ basic(w, s); basic(w) }}\n{_HEAD}",
    "resnet50": f"use <resnet>\n{_IMAGE}stem\nfor w, n, s in [(64, 3, 1), (128, 4, 2), (256, 6, 2), (512, 3, 2)] {{ bottleneck(w, s); bottleneck(w) x(n - 1) }}\n{_HEAD}",
    "densenet121": f"use <densenet>\n{_IMAGE}stem\nfor n in [6, 12, 24] {{ dense_layer(32) x(n) -> transition }}\ndense_layer(32) x16\nbn -> relu\n{_HEAD}",
    "googlenet@aux_logits=False": "use <inception>\ndefault conv bias=no norm=bn act=relu\n" + _IMAGE + _GOOGLENET.format(
        m="inception_bn", pool="round=ceil", last="maxpool2",
        first="conv7-64/2 pad=3 -> maxpool3/2 round=ceil -> conv1-64 -> conv3-192 pad=1 -> maxpool3/2 round=ceil",
    ),
    "mobilenet_v2": f"""use <mobilenet>
{_IMAGE}conv3-32/2 pad=1 bias=no norm=bn act=relu6
for t, w, n, s in [(1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1), (6, 160, 3, 2), (6, 320, 1, 1)] {{
  inverted_residual(t, w, s)
  inverted_residual(t, w) x(n - 1)
}}
conv1-1280 bias=no norm=bn act=relu6
{_HEAD}""",
    "mobilenet_v3_large": f"""use <mobilenet>
default conv bias=no norm=bn act=hardswish
{_IMAGE}conv3-16/2 pad=1
for k, t, w, se, act, s in [
  (3, 16, 16, no, "relu", 1), (3, 64, 24, no, "relu", 2), (3, 72, 24, no, "relu", 1), (5, 72, 40, yes, "relu", 2),
  (5, 120, 40, yes, "relu", 1), (5, 120, 40, yes, "relu", 1), (3, 240, 80, no, "hardswish", 2), (3, 200, 80, no, "hardswish", 1),
  (3, 184, 80, no, "hardswish", 1), (3, 184, 80, no, "hardswish", 1), (3, 480, 112, yes, "hardswish", 1),
  (3, 672, 112, yes, "hardswish", 1), (5, 672, 160, yes, "hardswish", 2), (5, 960, 160, yes, "hardswish", 1),
  (5, 960, 160, yes, "hardswish", 1),
] {{ bneck(k, t, w, se, act, s) }}
conv1-960
gap -> FC-1280 act=hardswish -> FC-1000
""",
    "efficientnet_b0": f"""use <efficientnet>
default conv bias=no norm=bn act=silu
{_IMAGE}conv3-32/2 pad=1
for k, t, w, n, s in [(3, 1, 16, 1, 1), (3, 6, 24, 2, 2), (5, 6, 40, 2, 2), (3, 6, 80, 3, 2), (5, 6, 112, 3, 1), (5, 6, 192, 4, 2), (3, 6, 320, 1, 1)] {{
  mbconv(k, t, w, s)
  mbconv(k, t, w) x(n - 1)
}}
conv1-1280
{_HEAD}""",
    "convnext_tiny": f"use <convnext>\n{_IMAGE}patchify(96)\nfor w, n in [(96, 3), (192, 3), (384, 9), (768, 3)] {{ if w > 96 {{ downsample(w) }}; convnext x(n) }}\ngap -> ln -> FC-1000",
    "vit_b_16": f"use <vit>\n{_IMAGE}patches(768)\nvit(12, heads=12)\nFC-1000",
    "squeezenet1_1": f"""use <squeezenet>
default maxpool round=ceil
{_IMAGE}conv3-64/2 act=relu
maxpool3/2
fire(16, 64) x2 -> maxpool3/2 -> fire(32, 128) x2 -> maxpool3/2 -> fire(48, 192) x2 -> fire(64, 256) x2
conv1-1000 -> gap -> flatten
""",
    "shufflenet_v2_x1_0": f"""use <shufflenet>
default conv bias=no norm=bn act=relu
{_IMAGE}conv3-24/2 pad=1 -> maxpool3/2 pad=1
for w, n in [(116, 4), (232, 8), (464, 4)] {{ shuffle_down(w); shuffle_unit x(n - 1) }}
conv1-1024
{_HEAD}""",
}  # fmt: skip
FIGURES = {
    # parameters and MACs of the examples, whose papers and test_oracle.py say where they are from
    "googlenet": ("use <inception>\ndefault conv pad=same act=relu\ndefault maxpool pad=same\n" + _IMAGE + _GOOGLENET.format(
        m="inception", pool="", last="maxpool3/2", first="conv7-64/2 -> maxpool3/2 -> LRN -> conv1-64 -> conv3-192 -> LRN -> maxpool3/2",
    ), 6_998_552, 1_582_671_872),
    "mobilenet_v1": (f"use <mobilenet>\n{_IMAGE}conv3-32/2 pad=1 bias=no norm=bn act=relu\nfor w, n in [(64, 0), (128, 1), (256, 1), (512, 5), (1024, 1)] {{ separable(w, 2 if w > 64 else 1); separable(w) x(n) }}\n{_HEAD}", 4_231_976, 568_740_352),
    "mnasnet": (f"""use <efficientnet>
default conv, dwconv bias=no pad=same norm=bn
{_IMAGE}conv3-32/2 -> relu -> dwconv3 -> relu -> conv1-16
for k, t, w, n, s in [(3, 3, 24, 3, 2), (5, 3, 40, 3, 2), (5, 6, 80, 3, 2), (3, 6, 96, 2, 1), (5, 6, 192, 4, 2), (3, 6, 320, 1, 1)] {{
  mbconv(k, t, w, s, se=0)
  mbconv(k, t, w, se=0) x(n - 1)
}}
conv1-1280
{_HEAD}""", 4_383_312, 314_415_872),
    "resnet20_cifar": ("use <resnet_cifar>\ninput 3x32x32\nresnet_cifar(3)", 269_722, 40_551_040),
    "se_resnet50": (f"use <se_resnet>\n{_IMAGE}stem\nfor w, n, s in [(64, 3, 1), (128, 4, 2), (256, 6, 2), (512, 3, 2)] {{ se_bottleneck(w, s); se_bottleneck(w) x(n - 1) }}\n{_HEAD}", 28_088_024, None),
    "transformer_encoder": ("use <transformer>\ninput ids 256 int\nembed-128 vocab=20_000\npos_embed\nencoder(heads=4) x4\ngap -> FC-2", 3_386_114, 268_435_712),
    "unet_padded": ("use <unet>\ninput 3x256x256\nd1: double_conv(64) -> maxpool\nd2: double_conv(128) -> maxpool\nd3: double_conv(256) -> maxpool\nd4: double_conv(512) -> maxpool\ndouble_conv(1024)\nfor w, d in [(512, d4), (256, d3), (128, d2), (64, d1)] { up(w) [ identity; from d ] }\nconv1-2", 31_037_698, 48_171_581_440),
    "swin_t": (f"use <swin>\n{_IMAGE}conv4-96/4 norm=ln\nfor heads, n in [(3, 2), (6, 2), (12, 6), (24, 2)] {{ if heads > 3 {{ merge_patches }}; for i in range(n) {{ swin(heads, 3 * (i % 2)) }} }}\nln -> {_HEAD}", 28_288_354, 4_490_566_656),
}  # fmt: skip


@pytest.mark.parametrize("name", NETWORKS)
def test_a_network_of_the_library_has_torchvisions_figures(name: str) -> None:
    model, row = netspec.loads(NETWORKS[name]), ROWS[name]
    assert (model.params, model.macs, model.totals.buffers) == (row["params"], row["macs"], row["buffer_elems"])


@pytest.mark.parametrize("name", FIGURES)
def test_a_network_of_the_library_has_the_papers_figures(name: str) -> None:
    text, params, macs = FIGURES[name]
    model = netspec.loads(text)
    assert model.params == params
    assert macs is None or model.macs == macs


def test_every_block_is_in_one_of_these_networks() -> None:
    inception_v3 = (ROOT / "examples" / "inception_v3.net").read_text()
    transformers = (ROOT / "tests" / "library" / "test_transformer_blocks.py").read_text().replace("\\n", " ")
    text = "\n".join(
        [*NETWORKS.values(), *(text for text, _, _ in FIGURES.values()), inception_v3, FUSED, transformers]
    )
    inner = "\n".join(source.text for name in library.names() if (source := library.source(name)))
    called = set(re.findall(r"(?<!block )\b\w+", text)) | set(re.findall(r"(?m)^ +.*?\b(\w+)(?=\(| x| \}|$)", inner))
    assert set(library.blocks()) - called == set()


FUSED = f"use <efficientnet>\n{_IMAGE}fused_mbconv(3, 1, 24) -> fused_mbconv(3, 4, 48, 2) -> fused_mbconv(3, 4, 48, drop=0.1)"


def test_fused_mbconv() -> None:
    """EfficientNetV2, Figure 2: one k x k convolution in place of the expansion and the depthwise one."""
    model = netspec.loads(FUSED)
    first = 3 * 9 * 24 + 48
    second = 24 * 9 * 96 + 192 + 96 * 48 + 96
    third = 48 * 9 * 192 + 384 + 192 * 48 + 96
    assert model.params == first + second + third
    assert sum(layer.op == "add" for layer in model.layers) == 1


def test_inception_v3_of_the_library() -> None:
    """The example with its own blocks left out."""
    text = (ROOT / "examples" / "inception_v3.net").read_text()
    own = re.compile(r"(?ms)^block (\w+)[^\n]*\{.*?^\}\n")
    assert set(own.findall(text)) <= set(library.blocks())
    model = netspec.loads(own.sub("", text).replace("default conv", "use <inception>\ndefault conv", 1))
    assert model.params == 23_834_568


# Files


@pytest.mark.parametrize("name", library.names())
def test_a_file_is_checked_and_formatted(name: str) -> None:
    path = str(library.FOLDER / f"{name}.net")
    assert run_netspec("check", "--strict", path).returncode == 0
    assert run_netspec("fmt", "--check", path).returncode == 0


def test_every_file_and_block_says_what_it_is() -> None:
    for entry in entries():
        assert re.search(r"\b(19|20)\d\d\b", entry.text), entry.name
        for declared in entry.declared:
            assert declared.text.endswith("."), declared
    listed = {d.signature.partition("(")[0] for e in entries() for d in e.declared if d.kind == "block"}
    assert listed == set(library.blocks())


def test_names_are_declared_once_and_are_no_layers() -> None:
    text = "".join(source.text for name in library.names() if (source := library.source(name)))
    names = re.findall(r"(?m)^(?:block|fn) (\w+)", text)
    assert len(set(names)) == len(names)
    assert {*names} & {*CATALOGUE, *JOINS} == {"dense_layer"}  # also an alias of FC, which says nothing of DenseNet
    every = "".join(f"use <{name}>\n" for name in library.names())
    assert netspec.check(f"{every}input 3x8x8\nconv1-4").diagnostics == ()


def test_the_documentation_is_up_to_date() -> None:
    assert (ROOT / "docs" / "library.md").read_text() == markdown(), (
        "run `netspec library --markdown > docs/library.md`"
    )
    assert run_netspec("library", "--markdown").stdout == markdown()


def test_the_command_lists_and_prints() -> None:
    assert "bottleneck(w, stride = 1, inner = w" in run_netspec("library").stdout
    shown = run_netspec("library", "resnet").stdout
    assert "<densenet>" not in shown
    assert "Two 3x3 convolutions" in shown
    assert run_netspec("library", "resnet", "--text").stdout == (library.FOLDER / "resnet.net").read_text()
    wrong = run_netspec("library", "resnat")
    assert (wrong.returncode, "Did you mean `resnet`?" in wrong.stderr) == (2, True)


# Where a spec has no folder, or one of its own


def test_texts_and_streams_use_the_library(tmp_path: Path) -> None:
    text = "use <resnet>; input 3x64x64; stem; basic(64)"
    assert run_netspec("check", "-e", text).returncode == 0
    assert run_netspec("check", "-", stdin=text).returncode == 0
    assert netspec.loads(text).params == 83_520
    assert netspec.model.check(SourceFile(text), {}, SERVICE_LIMITS).ok
    session = Session(str(tmp_path))
    answer = json.loads(session.answer(json.dumps({"file": "untitled.net", "text": text})))
    assert answer["document"]["network"]["parts"][0]["values"]["params"] == 83_520


def test_files_of_the_library_are_not_counted_as_files() -> None:
    text = "use <vit>; use <resnet>; input 3x64x64; stem"
    assert run_netspec("check", "-e", text, "--limit", "files=1").returncode == 0


def test_a_name_that_the_library_does_not_have() -> None:
    (found,) = netspec.check("use <resnat>\ninput 3x64x64\nstem\n").diagnostics
    assert found.code == "NS001"
    assert [fix.title for fix in found.fixes] == ["did you mean `<resnet>`?"]
    assert "resnet_cifar" in found.notes[0]


def test_no_path_leads_out_of_the_library() -> None:
    for path in ("<../resnet>", "</etc/passwd>", "<resnet.net>", "<library/resnet>"):
        (found, *_) = netspec.check(f"use {path}\ninput 3x64x64\nconv3-8\n").diagnostics
        assert found.code == "NS101"


def test_a_file_of_the_folder_is_not_the_librarys(tmp_path: Path) -> None:
    (tmp_path / "resnet.net").write_text("block stem { conv1-1 }\n")
    (tmp_path / "a.net").write_text("use <resnet>\ninput 3x64x64\nstem\n")
    (tmp_path / "b.net").write_text('use "resnet.net"\ninput 3x64x64\nstem\n')
    assert netspec.load(tmp_path / "a.net").params == 9_536
    assert netspec.load(tmp_path / "b.net").params == 4


@pytest.mark.parametrize(
    "own", ["use <resnet>\nblock basic(w) { conv1-w }\n", "block basic(w) { conv1-w }\nuse <resnet>\n"]
)
def test_a_block_of_the_spec_replaces_that_of_the_library(own: str) -> None:
    assert netspec.loads(f"{own}input 3x8x8\nbasic(4)").params == 16


def test_a_function_of_the_spec_replaces_that_of_the_library() -> None:
    for order in (("use <mobilenet>", "fn divisible(v) = 5"), ("fn divisible(v) = 5", "use <mobilenet>")):
        assert netspec.loads("\n".join([*order, "input 3x8x8\nconv1-(divisible(8))"])).params == 20


def test_the_format_keeps_the_brackets(tmp_path: Path) -> None:
    (tmp_path / "a.net").write_text("use   <resnet>\ninput 3x64x64\nstem\n")
    run_netspec("fmt", "a.net", cwd=tmp_path)
    assert (tmp_path / "a.net").read_text() == "use <resnet>\ninput 3x64x64\nstem\n"


@pytest.mark.parametrize(
    "line", ["use resnet", "use <resnet.net>", "use < resnet >", "use <resnet", "include <resnet>", "use 'resnet'", "use (resnet)"]
)  # fmt: skip
def test_other_ways_to_write_it(line: str) -> None:
    (found,) = (d for d in netspec.check(f"{line}\ninput 3x64x64\nstem\n").diagnostics if d.code == "NS101")
    assert found.helps == ("write `use <resnet>`",) or [fix.title for fix in found.fixes] == ["write `use <resnet>`"]


def test_a_library_is_no_network() -> None:
    (found,) = netspec.check("use <resnet> as backbone\ninput 3x64x64\nbackbone\n").diagnostics
    assert (found.code, found.message) == ("NS207", "<resnet> declares blocks, and is no network")
    (found,) = netspec.check('use "<resnet>"\ninput 3x64x64\nstem\n').diagnostics
    assert [fix.title for fix in found.fixes] == ["<resnet> is in the library"]


def test_a_block_without_its_use() -> None:
    (found,) = netspec.check("net N\ninput 3x64x64\nbottleneck(16)\n").diagnostics
    assert found.code == "NS201"
    assert [fix.title for fix in found.fixes] == ["it is a block of the library: `use <resnet>`"]


def test_no_fix_changes_the_library() -> None:
    """The error is of a layer in the library (its `gap` makes the branch a vector), which is not the author's to edit."""
    spec = "use <resnet_cifar>\ninput 3x32x32\nresidual { resnet_cifar(9, 10) } else { conv1-8 }\n"
    (found,) = netspec.check(spec).diagnostics
    assert found.code == "NS306"
    assert found.fixes
    assert any(label.span.source.name == "<resnet_cifar>" for label in found.secondary)
    assert all(edit.span.source.path is None for fix in found.fixes for edit in fix.edits)
