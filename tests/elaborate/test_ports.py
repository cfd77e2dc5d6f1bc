"""Blocks with several inputs and outputs, nets as such blocks, blocks and layers as arguments."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from agreement import assert_agreement, largest_difference

import netspec

EXCHANGE = """
block exchange(w) {
  input fine, coarse
  add [ from fine; from coarse -> conv1-w -> upsample 2 ] -> relu
  output fine
  add [ from fine -> conv3-(2*w)/2 pad=1; from coarse ] -> relu
  output coarse
}
"""
ONE = "add [ from {a}; from {b} -> conv1-4 -> upsample 2 ] -> relu"
OTHER = "add [ from {a} -> conv3-8/2 pad=1; from {b} ] -> relu"


def written_out(rounds: int) -> str:
    """The network with the bodies of so many exchanges in place of their calls."""
    lines = ["input 4x8x8", "a0: identity", "b0: conv3-8/2 pad=1"]
    for i in range(rounds):
        lines += [
            f"a{i + 1}: {{ {ONE.format(a=f'a{i}', b=f'b{i}')} }}",
            f"b{i + 1}: {{ {OTHER.format(a=f'a{i}', b=f'b{i}')} }}",
        ]
    return "\n".join([*lines, f"from a{rounds} -> maxpool", f"add [ conv1-8; from b{rounds} ]"])


START = EXCHANGE + "input 4x8x8\n"
END = "from last.fine -> maxpool\nadd [ conv1-8; from last.coarse ]"
FEED = "[ identity; conv3-8/2 pad=1 ]"
CALLS = {
    "copies": f"last: exchange(4) {FEED} x3",
    "a chain": f"exchange(4) {FEED} -> exchange(4)\nlast: exchange(4)",
    "outputs by label": f"a: exchange(4) {FEED}\nb: exchange(4) [ from a.fine; from a.coarse ]\nlast: exchange(4) [ from b.fine; from b.coarse ]",
    "a repeat": f"exchange(4) {FEED}\nrepeat 1 {{ exchange(4) }}\nlast: exchange(4)",
    "back to a label": f"a: exchange(4) {FEED}\nfrom in\nfrom a -> exchange(4)\nlast: exchange(4)",
    "branches by a loop": f"a: exchange(4) {FEED} x2\nlast: exchange(4) [ for t in [a.fine, a.coarse] {{ from t }} ]",
    "a checkpoint": f"last: checkpoint {{ exchange(4) {FEED} x3 }}",
    "a group": f"last: {{ exchange(4) {FEED}; exchange(4) x2 }}",
}  # fmt: skip


@pytest.mark.parametrize("calls", CALLS.values(), ids=CALLS)
def test_a_call_is_what_its_body_is(calls: str) -> None:
    model, plain = netspec.loads(f"{START}{calls}\n{END}"), netspec.loads(written_out(3))
    assert (model.params, model.macs) == (plain.params, plain.macs)
    assert_agreement(model)
    assert largest_difference(model) < 1e-5


def test_weights_of_one_are_those_of_the_other() -> None:
    """With the same weights both compute the same: the tensors go where they belong."""
    import torch

    model, plain = netspec.loads(f"{START}{CALLS['copies']}\n{END}"), netspec.loads(written_out(3))
    one, other = model.to_torch().eval(), plain.to_torch().eval()
    with torch.no_grad():
        for mine, its in zip(one.parameters(), other.parameters(), strict=True):
            mine.copy_(its)
        x = torch.randn(2, 4, 8, 8)
        torch.testing.assert_close(one(x), other(x))


def test_one_class_with_arguments_and_a_tuple() -> None:
    source = netspec.loads(f"{START}{CALLS['copies']}\n{END}").torch_source()
    assert len(re.findall(r"class Exchange\w*\(", source)) == 1
    assert "def forward(self, fine: Tensor, coarse: Tensor) -> tuple[Tensor, ...]:" in source


def test_outputs_that_nobody_reads_are_given_all_the_same() -> None:
    """Every instance is of the one class; that one output is not read is no reason for a warning."""
    text = f"{START}exchange(4) {FEED} -> exchange(4)\nlast: exchange(4)\nfrom last.coarse"
    assert [d.code for d in netspec.check(text).diagnostics] == []
    model = netspec.loads(text)
    assert len(re.findall(r"class Exchange\w*\(", model.torch_source())) == 1
    assert_agreement(model)
    assert largest_difference(model) < 1e-5


def test_figures_and_shapes_of_outputs() -> None:
    text = (
        f"{START}pair: exchange(4) {FEED}\nfrom pair.fine -> conv1-(pair.coarse.channels)\n"
        "expect shape(pair.fine) == 4x8x8\nexpect shape(pair.coarse) == 8x4x4\nexpect output == 8x8x8\n"
        "expect params(pair) == 36 + 296\nexpect depth(pair.coarse) == 1\n"
    )
    assert [str(d) for d in netspec.check(text).diagnostics] == []


def test_one_output_is_the_current_tensor() -> None:
    text = (
        "block b { conv1-4; output x; conv1-8 -> gap; output y }\nblock c { conv1-4; output x; conv1-9 }\ninput 3x8x8\n"
    )
    model = netspec.loads(f"{text}c -> conv1-2\nb: b\nfrom b.x")
    assert [str(t) for t in model.outputs.values()] == ["4x8x8"]


def test_a_shared_block_with_two_inputs_has_one_set_of_weights() -> None:
    text = "shared pair { input a, b; sub [ from a -> conv1-4; from b -> conv1-4 ] -> abs }\n"
    model = netspec.loads(
        f"{text}input left 3x8x8\ninput right 3x8x8\npair() [ from left; from right ]\npair() [ conv1-3; from right ]"
    )
    assert model.params == 2 * 16 + 4 * 3 + 3
    assert_agreement(model)
    assert largest_difference(model) < 1e-5


NETS = {
    "pair.net": "net Pair(w = 4)\ninput a 3x8x8\ninput b 1x8x8\nadd [ from a -> conv1-w; from b -> conv1-w ]\noutput sum\nrelu\noutput act\n",
    "one.net": "net One\ninput 3x8x8\nconv1-4\noutput features\ngap -> FC-10\naux { FC-2 }\n",
}


def test_a_net_is_a_block_with_its_inputs_and_outputs(tmp_path: Path) -> None:
    for name, text in NETS.items():
        (tmp_path / name).write_text(text)
    path = tmp_path / "whole.net"
    path.write_text(
        'use "pair.net" as pair\nuse "one.net" as one\ninput x 3x8x8\ninput y 1x8x8\n'
        "p: pair(w=3) [ from x; from y ]\nfrom p.sum -> one\nexpect output == 4x8x8\nexpect shape(p.act) == 3x8x8\n"
    )
    model = netspec.load(path)
    assert model.params == (12 + 6) + 16 + 10 * 4 + 10
    assert_agreement(model)


def test_defaults_of_a_used_file_on_request(tmp_path: Path) -> None:
    (tmp_path / "lib.net").write_text("let p = 1\ndefault conv pad=p bias=no\nblock b { conv3-4 }\n")
    (tmp_path / "outer.net").write_text('use "lib.net" with defaults\ndefault conv norm=bn\nblock c { conv3-4 }\n')
    path = tmp_path / "whole.net"
    for use, params, output in [
        ('use "lib.net"', 108 + 4 * 9 * 4 + 4, "4x6x6"), ('use "lib.net" with defaults', 108 + 4 * 9 * 4, "4x8x8"),
        ('use "outer.net" with defaults', 108 + 4 * 9 * 4 + 8, "4x8x8"),
    ]:  # fmt: skip
        path.write_text(f"{use}\ninput 3x8x8\nb\nconv3-4\n")
        model = netspec.load(path)
        assert (model.params, str(model.outputs["output"])) == (params, output), use
    path.write_text('use "net.net" with defaults\ninput 3x8x8\nconv3-4\n')
    (tmp_path / "net.net").write_text("block b { conv3-4 }\n")
    assert [d.message for d in netspec.check(path).diagnostics if d.is_error] == ['"net.net" has no defaults']


ARGUMENTS = {
    "a block": ("stage(plain, 2)", "plain(4) x2"),
    "another": ("stage(preact, 2)", "preact(4) x2"),
    "by name": ("stage(n=2, unit=plain)", "plain(4) x2"),
    "handed on": ("outer(preact)", "preact(4) x2"),
    "a default": ("usual()", "plain(4)"),
    "in a list": ("for unit, w in [(plain, 4), (preact, 4)] { unit(w) }", "plain(4) -> preact(4)"),
    "a layer": ("acted(gelu)", "conv1-4 -> gelu"),
    "a layer with options": ("wide(conv)", "conv3-4 pad=1"),
    "a shared block": ("shared s { conv1-4 }\nconv1-4\ntwice(s)", "shared s { conv1-4 }\nconv1-4 -> s() -> s()"),
}
BLOCKS = """
block plain(w) { conv3-w pad=1 -> relu }
block preact(w) { bn -> relu -> conv3-w pad=1 }
block stage(unit, n) { unit(4) x(n) }
block outer(what) { stage(what, 2) }
block usual(unit = plain) { unit(4) }
block acted(act) { conv1-4 -> act }
block wide(layer) { layer(3)-4 pad=1 }
block twice(part) { part(); part() }
input 3x8x8
"""


@pytest.mark.parametrize(("call", "plain"), ARGUMENTS.values(), ids=ARGUMENTS)
def test_a_block_or_a_layer_is_an_argument(call: str, plain: str) -> None:
    model, other = netspec.loads(BLOCKS + call), netspec.loads(BLOCKS + plain)
    assert [(n.kind, n.type, n.n_params) for n in model.graph.nodes] == [
        (n.kind, n.type, n.n_params) for n in other.graph.nodes
    ]
    assert_agreement(model)
    assert largest_difference(model) < 1e-5


def test_the_report_names_the_block() -> None:
    assert "stage(preact, 2)" in str(netspec.loads(BLOCKS + "stage(preact, 2)").table())


PAIR = "block pair(w) { input a, b; add [ from a; from b ]; output x; conv1-w; output y }\ninput 3x8x8\n"
MISTAKES = {
    "one tensor for two inputs": ("pair(4)", "NS207", "`pair` takes 2 inputs, a and b, found only the current tensor"),
    "three branches": ("pair(4) [ identity; identity; identity ]", "NS207", "`pair` takes 2 inputs, a and b, found 3 branches"),
    "an output that there is not": ("p: pair(4) [ identity; identity ]\nfrom p.z", "NS208", "`p` has no output `z`"),
    "an output of a layer": ("p: conv1-3\nfrom p.x", "NS208", "`p` has no outputs with names"),
    "a layer after two outputs": ("pair(4) [ identity; identity ]\nconv1-3", "NS308", "2 tensors come in here, and this takes one"),
    "a join after two outputs": ("pair(4) [ identity; identity ]\nadd [ identity; conv1-3 ]", "NS308", "2 tensors come in here, and this takes one"),
    "a size of two outputs": ("p: pair(4) [ identity; identity ]\nfrom p.x\nconv1-(p.channels)", "NS308", "`p` is 2 tensors"),
    "branches of a layer": ("conv1-3 [ identity; identity ]", "NS207", "the layer `conv` takes one tensor"),
    "a number for a tensor": ("pair(4) [ identity; 2 ]", "NS207", "an input of `pair` is a tensor, not a number"),
    "no first layer": ("block q { input a, b; conv1-3 }\nq() [ identity; identity ]", "NS308", "with several inputs, say which one the first layer reads"),
    "an input twice": ("block q { input a, a; from a }\nq() [ identity; identity ]", "NS209", "the block has an input `a` already"),
    "an output twice": ("block q { conv1-3; output a; relu; output a }\nq", "NS209", "the block has an output `a` already"),
    "an input in braces": ("block q { { input a } conv1-3 }\nq", "NS101", None),
    "an input in a loop": ("block q { repeat 1 { input a }; conv1-3 }\nq", "NS212", "`input` belongs at the top level of a block"),
    "an input of the net without a size": ("input c, d\nfrom c", "NS206", "the inputs of a net need a size"),
    "a block that is none": ("block s(unit) { unit(4) }\ns(3)", "NS201", "there is no layer or block `unit`"),
    "a block that takes other arguments": ("block s(unit) { unit(4, 5) [ identity; identity ] }\ns(pair)", "NS207", "the block `pair` takes 1 value, found 2"),
    "a block of itself": ("block s(unit) { unit(s) }\ns(s)", "NS211", "the block `s` calls itself"),
    "a block as a number": ("block s(unit) { conv3-unit }\ns(pair)", "NS204", None),
}  # fmt: skip


@pytest.mark.parametrize(("text", "code", "message"), MISTAKES.values(), ids=MISTAKES)
def test_mistakes(text: str, code: str, message: str | None) -> None:
    found = [d for d in netspec.check(PAIR + text).diagnostics if d.is_error]
    assert found[0].code == code
    assert message is None or found[0].message == message
    assert found[0].span is not None
