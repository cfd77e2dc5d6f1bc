"""What is different between two networks."""

from __future__ import annotations

from pathlib import Path

import pytest
from conftest import ROOT, specs

import netspec
from netspec.analysis.difference import Change, Difference, difference


def net(text: str, **parameters: object) -> netspec.Model:
    return netspec.loads(text, **parameters)


def diff(a: str, b: str) -> Difference:
    return difference(net(a).graph, net(b).graph)


def example(name: str) -> netspec.Model:
    return netspec.load(ROOT / "examples" / f"{name}.net")


def lines(changes: tuple[Change, ...]) -> list[str]:
    """The changes as text: `changed 2x conv1: width 8>16`."""
    found = []
    for change in changes:
        times = f"{change.times}x " if change.times > 1 else ""
        name = "/".join(dict.fromkeys(filter(None, change.names[0]))) if change.names else ""
        details = ", ".join(f"{d.what} {d.before}>{d.after}" for d in change.details)
        found.append(f"{change.kind} {times}{name}" + (f": {details}" if details else ""))
        found += [f"  {line}" for line in lines(change.inner)]
    return found


def added_up(found: Difference) -> tuple[int, int]:
    """What the changes say of parameters and MACs, together."""
    params = sum(c.params[1] - c.params[0] for c in found.changes)
    return params, sum(c.macs[1] - c.macs[0] for c in found.changes)


@pytest.mark.parametrize("path", specs(), ids=lambda path: path.stem)
def test_a_spec_does_not_differ_from_itself(path: Path) -> None:
    found = difference(netspec.load(path).graph, netspec.load(path).graph)
    assert found.equal
    assert found.renamed == ()


PAIRS = [
    ("vgg16", "vgg_e"), ("resnet50", "resnext50_32x4d"), ("vgg_a", "vgg_a_lrn"), ("googlenet", "googlenet_torchvision"),
    ("unet", "unet_padded"), ("squeezenet1_0", "squeezenet1_1"), ("alexnet", "alexnet_towers"), ("mobilenet_v2", "vit_b_16"),
    ("resnet18", "se_resnet50"), ("lenet5", "xor"), ("densenet121", "densenet169"), ("mobilenet_v3_large", "mnasnet1_0"),
    ("siamese", "lenet5_1998"), ("autoencoder_tied", "encoder_8_3_8"),
]  # fmt: skip


@pytest.mark.parametrize(("one", "other"), PAIRS)
def test_the_changes_add_up_to_the_difference_of_the_totals(one: str, other: str) -> None:
    a, b = example(one).graph, example(other).graph
    found = difference(a, b)
    totals = [(sum(n.n_params for n in g.nodes), sum(n.macs for n in g.nodes)) for g in (a, b)]
    assert added_up(found) == (totals[1][0] - totals[0][0], totals[1][1] - totals[0][1])
    assert found.count("added") - found.count("removed") == len(b.nodes) - len(a.nodes)


def test_vgg_e_has_three_more_convolutions() -> None:
    found = difference(example("vgg16").graph, example("vgg_e").graph)
    assert lines(found.changes) == [
        "added conv8", "added relu8", "added conv12", "added relu12", "added conv16", "added relu16",
    ]  # fmt: skip
    assert {f.name: f.change for f in found.figures} == {
        "params": 5_309_696, "macs": 4_161_798_144, "memory": 31_675_392, "depth": 3, "receptive_field": None,
    }  # fmt: skip


def test_resnext_has_groups_and_is_wider_in_every_block() -> None:
    found = difference(example("resnet50").graph, example("resnext50_32x4d").graph)
    assert [(c.kind, c.times) for c in found.changes] == [("changed", n) for n in (1, 2, 1, 3, 1, 5, 1, 2)]
    assert lines(found.changes)[0] == "changed bottleneck1: inner 64>128, groups 1>32"
    assert [line for line in lines(found.changes[:1]) if "changed bottleneck1.conv" in line] == [
        "  changed bottleneck1.conv1: width 64>128, output 64x56x56>128x56x56",
        "  changed bottleneck1.conv2: width 64>128, groups 1>32, output 64x56x56>128x56x56",
    ]
    assert found.count("changed") == 32


def test_more_blocks_are_one_row() -> None:
    found = difference(example("resnet50").graph, example("resnet101").graph)
    (row,) = found.changes
    assert (row.kind, row.times, row.layers) == ("added", 17, (0, 170))


HEAD = "input 3x32x32\n"


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("conv3-8 pad=same", "conv3-8 pad=1"),
        ("conv3-8 act=relu", "conv3-8 -> relu"),
        ("conv3-8 x2", "conv3-8\nconv3-8"),
        ("conv3-8", "stem: conv3-8"),
        ("conv3-8 -> relu -> conv3-8 -> relu", "block b { conv3-8; relu }\nb x2"),
        ("a: { conv3-8; relu }", "conv3-8; relu"),
        ("maxpool", "maxpool2/2"),
        ("add [ conv3-8 pad=1; conv1-8 ] -> relu", "block b { add [ conv3-8 pad=1; conv1-8 ] }\nb -> relu"),
    ],
)
def test_other_words_for_the_same_network_are_no_difference(before: str, after: str) -> None:
    assert diff(HEAD + before, HEAD + after).equal


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        ("conv3-8", "conv5-8", ["changed conv1: kernel 3>5, output 8x30x30>8x28x28"]),
        ("conv3-8 -> relu", "conv3-8 -> gelu", ["changed relu1/gelu1: layer relu>gelu"]),
        ("conv3-8 -> dropout 0.1", "conv3-8 -> dropout 0.2", ["changed dropout1: p 0.1>0.2"]),
        ("conv3-8 bias=no -> bn", "conv3-8 bias=no -> bn eps=1e-3", ["changed bn1: eps 1e-05>0.001"]),
        ("conv3-8 -> relu", "conv3-8", ["removed relu1"]),
        ("conv3-8", "flatten", ["removed conv1", "added flatten1"]),
        (
            "a: conv3-8 pad=1\nb: conv3-8 pad=1\nadd [ identity; from a ]",
            "a: conv3-8 pad=1\nb: conv3-8 pad=1\nadd [ identity; from b ]",
            ["changed add1: input a>b"],
        ),
        ("conv3-8 -> conv3-8 -> conv3-8", "conv3-9 x3", None),
    ],
)
def test_a_change_is_named(before: str, after: str, expected: list[str] | None) -> None:
    found = diff(HEAD + before, HEAD + after)
    assert not found.equal
    if expected is not None:
        assert lines(found.changes) == expected


def test_another_input_affects_the_layers_but_changes_none() -> None:
    text = "net N(size = 32)\ninput 3x(size)x(size)\nconv3-8 pad=1 -> relu -> conv3-8 pad=1\ngap\nFC-10"
    found = difference(net(text).graph, net(text, size=64).graph)
    assert [(c.kind, c.names[0][0]) for c in found.changes] == [
        ("changed", "input"), ("affected", "conv1"), ("affected", "relu1"), ("affected", "conv2"), ("affected", "gap1"),
    ]  # fmt: skip
    assert (found.count("changed"), found.count("affected")) == (1, 4)


def test_shared_weights_are_a_difference() -> None:
    shared = "shared t { conv3-3 pad=1 }\nt() -> t()"
    own = "block t { conv3-3 pad=1 }\nt() -> t()"
    assert not diff(HEAD + shared, HEAD + own).equal


def test_an_output_elsewhere_is_a_difference() -> None:
    text = HEAD + "a: conv3-8\nb: relu\nc: tanh\nfrom {}\noutput y\n"
    found = diff(text.format("a"), text.format("b"))
    assert [d.what for d in found.details] == ["outputs"]
    assert not found.equal


def test_recomputing_layers_is_a_difference() -> None:
    found = diff(HEAD + "conv3-8 -> checkpoint { conv3-8; relu }", HEAD + "conv3-8 -> { conv3-8; relu }")
    assert [(d.what, d.before, d.after) for d in found.details] == [("checkpoint", "2 layers", "0 layers")]
    assert found.changes == ()
    assert not found.equal


def test_layers_that_repeat_together_are_one_row() -> None:
    text = "net N(p = 0.1, d = 0.2, n = 6)\ninput 8\nrepeat n {{ linear-8; dropout p; linear-8; {} }}"
    found = difference(net(text.format("dropout d")).graph, net(text.format("dropout d"), p=0.3, d=0.4).graph)
    assert lines(found.changes) == [
        "repeated 6x ",
        "  changed 6x dropout1: p 0.1>0.3",
        "  changed 6x dropout2: p 0.2>0.4",
    ]


@pytest.mark.slow
def test_ten_thousand_layers_in_bounded_work() -> None:
    text = (
        "net T(width = 16, layers = 1600, heads = 4)\nblock encoder { residual { attention heads=heads }; ln; "
        "linear-(2*width) act=relu; linear-width }\n"
        "input ids 8 int\nembed-width vocab=10\nencoder x(layers)\ngap\nFC-2"
    )
    a, b = net(text).graph, net(text, width=32, layers=1500, heads=2).graph
    found = difference(a, b)
    assert [(c.kind, c.times) for c in found.changes] == [
        ("changed", 1), ("changed", 1500), ("removed", 100), *[("affected", 1)] * 3,
    ]  # fmt: skip
