"""The generated PyTorch: readable, exact, and at home in PyTorch's own tools."""

from __future__ import annotations

import copy
import io
import pickle
import re
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest
import torch
from agreement import assert_agreement, largest_difference
from conftest import ROOT

import netspec
from netspec.backends.torch import named_source
from netspec.model import check
from netspec.source import SourceFile

# Specs whose instances differ in numbers, names or kinds in ways that a careless writer of classes gets wrong
TRICKY = [
    "input 16; for a in [1e-5,1e-6,1e-7,1e-8] {ln eps=a}",
    "input 3x8x8; block b(p){conv3-4 pad=1 -> leaky_relu p -> leaky_relu (p/2)}; b(0.1); b(0.2); b(0.3)",
    "input 3x8x8; block b(p){conv3-4 pad=1; leaky_relu slope=p -> leaky_relu slope=(p/2)}; b(0.1); b(0.2); b(0.3)",
    "input 3x8x8; block b(conv1_channels){conv3-(conv1_channels+1) pad=1 -> bn; conv1-(2*conv1_channels); conv1-conv1_channels}; b(4); b(8); b(3)",
    "input 3x8x8; for a in [0.5, 1.5, 2.5] {elu alpha=a}",
    "input 6x8x8; for i in [0.125,1.125,2.125]{scale init=i}",
    "input 3x16x16; block b(in_channels){conv1-in_channels -> relu}; b(4); b(8); b(7)",
    "input 3x8x8; block b(w){conv1-w -> conv1-(2*w) -> conv1-(3*w) -> conv1-(4*w) -> conv1-(5*w) -> conv1-(6*w)}; b(4); b(8)",
    "input 3x8x8; for a in [1.5, 2.5, 3.5, 4.5] {elu alpha=a}",
    "input 3x8x8; conv01: conv1-3; conv02: conv1-3; conv03: conv1-3; conv04: conv1-3",
    "input 3x8x8; block b(i){conv1-i x6}; b(4); b(8)",
    "input 3x8x8; block b(x, x_, super, range){conv1-x; conv1-x_; conv1-super; conv1-range}; b(4,5,6,7); b(8,9,3,2)",
    "input 3x40x8; block b(w,n){w: conv3-n pad=1; slice(w, w+4) axis=height; n: relu; pad(0,0,12,0)}; b(1,4); b(2,5)",
    "input 3x8x8; block b(v){scale init=v -> conv1-4}; b(1); b(2)",
    "input 3x8x8; block b(v){normalize mean=v; conv1-v}; b(1); b(2)",
    "input 3x8x8; block b(w){normalize image; conv3-w; normalize channel}; b(4); b(8)",
    "input 3x8x8; block b(k){conv(k)-4 pad=same; maxpool}; b(3); b(5); b(1)",
    "input 3x32x32; block b(k, s){conv(k)-4/s pad=same}; b(3, 1); b(5, 2); b(1x3, 1); b(3x1, 2)",
    "input 3x8x8; block Conv2d(w){conv1-w}; block Tensor(w) {conv1-w}; block nn(w){conv1-w; relu}; Conv2d(3); Tensor(4); nn(5); nn(6)",
    "input 3x8x8; conv1-4 x5 -> { conv3-8 pad=1 norm=bn act=relu; maxpool1/1 } x4",
]


@pytest.mark.parametrize("text", TRICKY)
def test_classes_and_loops_say_what_the_spec_says(text: str) -> None:
    model = netspec.loads(text)
    assert_agreement(model)
    assert largest_difference(model) <= 1e-4
    names = {f"{node.name}.{param.name}" for node in model.graph.nodes for param in node.params}
    assert set(model.to_torch().state_dict()) == names


def generated(model: netspec.Model, **arguments: float) -> torch.nn.Module:
    """An instance of the generated class on the meta device."""
    name, text = named_source(model.graph)
    namespace = ModuleType("generated")
    exec(text, namespace.__dict__)
    with torch.device("meta"):
        module: torch.nn.Module = getattr(namespace, name)(**arguments)
    return module


def shapes(module: torch.nn.Module) -> dict[str, tuple[int, ...]]:
    return {name: tuple(value.shape) for name, value in module.state_dict().items()}


# Nets with parameters, and those of them on which the structure depends
PARAMETERS = {
    "net N(w = 8); input 3x8x8; conv3-w pad=1; residual { conv3-w pad=1 }": set(),
    "net N(w = 8); input 3x8x8; conv3-8; residual { conv3-w pad=1 } else none": {"w"},
    "net N(w = 8); input 3x8x8; if w > 4 { conv3-w } else { conv1-w }": {"w"},
    "net N(n = 4); input 16; residual { FC-16 } x(n)": set(),
    "net N(n = 4, w = 8); input 3x8x8; conv1-w; repeat n { conv3-w pad=1 -> bn }; gap; linear-5": set(),
    "net N(n = 4); input 3x8x8; conv3-4 pad=1 x(n); conv1-2": {"n"},
    "net N(k = 3); input 3x9x9; conv(k)-4 pad=same; gap": set(),
    "net N(k = 3); input 3x9x9; conv(k)-4; FC-7": set(),
    "net N(p = 0.25, w = 4); input 3x8x8; for v in [w, 2 * w] { conv1-v -> dropout(p / 2) }": set(),
    "net N(w = 4); input 3x8x8; let ws = [w, 2 * w]; for v in ws { conv1-v }": set(),
    "net N(g = 2); input 4x8x8; conv1-4 norm=gn(g)": set(),
    "fn half(v) = v // 2; net N(w = 9); input 3x8x8; block b(c) { conv1-(half(c)); conv1-(half(c) + 1) }; b(w); b(2 * w)": set(),
    "fn wide(v) = v * w; net N(w = 3); input 3x8x8; conv1-(wide(2))": set(),
    "net N(w = 4); input 3x8x8; block b(c, d = 2 * c) { conv1-d -> conv1-(in.channels * c) }; b(w); b(3, d=w)": set(),
    "net N(w = 4); input 8x8x8; block b(c) { residual { conv1-c } else { conv1-c } }; b(w); b(w)": {"w"},
    "net N(heads = 2, width = 8); input 5x8 sequence; residual { attention heads=heads -> linear-width }": {"width"},
    "net N(w = 4); input 3x8x8; conv1-w; mul [ identity; { gap; conv1-w act=sigmoid } ]; upsample 2": set(),
    "net N(cut = 1); input 3x8x8; crop(cut); conv1-2": {"cut"},
}


@pytest.mark.parametrize("text", PARAMETERS)
def test_parameters_of_the_net_are_those_of_its_class(text: str) -> None:
    model = netspec.loads(text)
    name, written = named_source(model.graph)
    declared = {
        p
        for p in model.graph.parameters
        if re.search(rf"class {name}\b.*def __init__\(self[^)]*\b{p}: ", written, re.DOTALL)
    }
    assert set(model.graph.parameters) - declared == PARAMETERS[text]
    for parameter in declared:
        usual = model.graph.parameters[parameter]
        for value in (usual * 2, usual + 1):
            try:
                other = netspec.loads(text, **{parameter: value})
            except netspec.SpecError:
                continue
            assert shapes(generated(model, **{parameter: value})) == shapes(generated(other))


@pytest.mark.parametrize("name", ["densenet121", "vit_b_16", "mlp_mixer_b16", "transformer_encoder", "wide_resnet50_2"])
def test_examples_with_other_parameters(name: str) -> None:
    path = ROOT / "examples" / f"{name}.net"
    model = netspec.load(path)
    lines = path.read_text("utf-8").splitlines()
    source = SourceFile("\n".join(line for line in lines if not line.startswith("expect")), path.name, path)
    for parameter, usual in model.graph.parameters.items():
        other = check(source, {parameter: 2 * usual}).model()
        assert shapes(generated(model, **{parameter: 2 * usual})) == shapes(generated(other))


def test_one_class_for_each_path_through_a_block() -> None:
    text = source("mobilenet_v3_large")
    assert len(re.findall(r"^class Bneck", text, re.MULTILINE)) == 5  # expansion, squeeze and excite, shortcut
    assert "def divisible(" in text
    assert len(re.findall(r"^class ", source("unet"), re.MULTILINE)) == 2  # the four levels share one


def test_no_tensor_is_only_renamed() -> None:
    for name in ("mobilenet_v3_large", "unet", "inception_v3", "se_resnet50"):
        assert not re.search(r"^ +\w+ = \w+$", source(name).replace("self.", ""), re.MULTILINE), name


def test_numbers_are_written_as_in_the_spec() -> None:
    assert "eps=1e-3" in source("mobilenet_v3_large")
    text = netspec.loads(
        "net N(d = 0.1); input 4; for i in [1, 2, 3] { droppath(d * i / 20) }; dropout(0.1 * 3)"
    ).torch_source()
    assert "0.3)" in text
    assert "000000" not in text


def test_several_outputs_are_named() -> None:
    model = netspec.loads("input 3x8x8; stem: conv3-4; FC-2; output a; from stem; FC-3; output b")
    result = model.to_torch()(torch.zeros(1, 3, 8, 8))
    assert result._fields == ("a", "b")
    assert result.b.shape == (1, 3)
    heads = netspec.loads("input 3x8x8; conv3-4; aux weight=0.3 { FC-2 }; FC-5").to_torch()
    assert heads.train()(torch.zeros(2, 3, 8, 8))._fields == ("output", "aux1")
    assert heads.eval()(torch.zeros(2, 3, 8, 8)).shape == (2, 5)


def source(name: str) -> str:
    return netspec.load(ROOT / "examples" / f"{name}.net").torch_source()


def test_resnet50_reads_like_one_written_by_hand() -> None:
    text = source("resnet50")
    assert text.count("\n") < 120
    assert "def __init__(self, in_channels: int, w: int, stride: int) -> None:" in text
    assert "for i in range(5, 8):" in text


@pytest.mark.parametrize(
    ("name", "lines"),
    [
        ("vgg16", 60),
        ("densenet121", 100),
        ("mobilenet_v2", 120),
        ("vit_b_16", 130),
        ("efficientnet_b0", 160),
        ("googlenet", 170),
    ],
)
def test_sources_are_short(name: str, lines: int) -> None:
    text = source(name)
    assert text.count("\n") < lines
    assert max(map(len, text.splitlines())) <= 140


def test_labelled_names_stay_when_other_lines_change() -> None:
    before = set(netspec.loads("input 3x16x16; stem: conv3-8; conv3-8; head: { FC-10 }").to_torch().state_dict())
    after = set(
        netspec.loads("input 3x16x16; conv1-3; stem: conv3-8; relu; conv3-8; bn; head: { FC-10 }")
        .to_torch()
        .state_dict()
    )
    assert {k for k in before if k.startswith(("stem", "head"))} <= after


# A chain, residuals with loops, branches by label, tokens, recurrence
NETS = {
    "chain": "input 3x32x32; conv3-8 pad=1 norm=bn act=relu x4; maxpool; FC-10",
    "residual": "block b(w, s = 1) { residual { conv3-w/s pad=1 norm=bn act=relu; conv3-w pad=1 norm=bn } else { conv1-w/s norm=bn }; relu }; input 3x32x32; conv3-8 pad=1; b(8) x4; b(16, 2); b(16) x3; gap; FC-10",
    "branches": "input 3x32x32; a: conv3-8 pad=1; b: conv3-8/2 pad=1; upsample 2; concat [ identity; from a ]; dropout 0.5; gap; FC-10",
    "tokens": "input 3x16x16; conv4-32/4; tokens; cls_token; pos_embed; repeat 2 { residual { ln; attention heads=4 }; residual { ln; linear-64 act=gelu; linear-32 } }; ln; take 0; FC-10",
    "recurrent": "input ids 9 int; embed-16 vocab=50; lstm-12 bidirectional=yes; take -1; FC-10",
}  # fmt: skip


@pytest.fixture(params=NETS, scope="module")
def net(request: pytest.FixtureRequest) -> tuple[str, torch.nn.Module, torch.Tensor, torch.Tensor]:
    model = netspec.loads(NETS[request.param])
    module = model.to_torch(seed=0).eval()
    (kind,) = model.inputs.values()
    torch.manual_seed(0)
    x = torch.randint(0, 50, (4, *kind.shape)) if kind.layout == "ids" else torch.randn(4, *kind.shape)
    with torch.no_grad():
        return request.param, module, x, module(x)


def test_torch_export_with_an_open_batch(net: tuple[str, torch.nn.Module, torch.Tensor, torch.Tensor]) -> None:
    _, module, x, y = net
    program = torch.export.export(module, (x,), dynamic_shapes=({0: torch.export.Dim("batch")},))
    torch.testing.assert_close(program.module()(x), y)
    assert program.module()(x[:3]).shape == (3, 10)


@pytest.mark.slow
def test_torch_compile_without_a_graph_break(net: tuple[str, torch.nn.Module, torch.Tensor, torch.Tensor]) -> None:
    name, module, x, y = net
    if name == "recurrent":  # Dynamo itself takes no LSTM
        return
    compiled = torch.compile(module, fullgraph=True, backend="aot_eager")
    with torch.no_grad():
        torch.testing.assert_close(compiled(x), y)


def test_torchscript_and_fx(net: tuple[str, torch.nn.Module, torch.Tensor, torch.Tensor]) -> None:
    name, module, x, y = net
    if name != "tokens":  # torch.jit does not take nn.MultiheadAttention's subclasses
        scripted = torch.jit.trace(module, x) if name == "recurrent" else torch.jit.script(module)
        torch.testing.assert_close(scripted(x), y)
    if name in ("chain", "residual", "branches"):
        torch.testing.assert_close(torch.fx.symbolic_trace(module)(x), y)


def test_deepcopy_state_and_channels_last(net: tuple[str, torch.nn.Module, torch.Tensor, torch.Tensor]) -> None:
    _, module, x, y = net
    torch.testing.assert_close(copy.deepcopy(module)(x), y)
    state = pickle.loads(pickle.dumps(module.state_dict()))
    buffer = io.BytesIO()
    torch.save(state, buffer)
    buffer.seek(0)
    other = copy.deepcopy(module)
    for parameter in other.parameters():
        torch.nn.init.zeros_(parameter)
    other.load_state_dict(torch.load(buffer, weights_only=True))
    torch.testing.assert_close(other(x), y)
    if x.dim() == 4:
        last = copy.deepcopy(module).to(memory_format=torch.channels_last)
        torch.testing.assert_close(last(x.to(memory_format=torch.channels_last)), y, rtol=1e-4, atol=1e-5)


def test_autocast(net: tuple[str, torch.nn.Module, torch.Tensor, torch.Tensor]) -> None:
    name, module, x, y = net
    if name == "recurrent":  # no bfloat16 LSTM on every CPU
        return
    with torch.autocast("cpu", dtype=torch.bfloat16), torch.no_grad():
        torch.testing.assert_close(module(x).float(), y, rtol=0.1, atol=0.15)


def test_checkpoint_computes_again_and_changes_nothing() -> None:
    text = "input 3x16x16; {} conv3-8 pad=1 norm=bn act=relu x3 }}; g: {} conv3-8 pad=1; relu }}; gap; FC-5"
    plain, checkpointed = (netspec.loads(text.format(a, a)) for a in ("{", "checkpoint {"))
    assert "checkpoint(self.g, x, use_reentrant=False) if self.training else self.g(x)" in checkpointed.torch_source()
    assert checkpointed.params == plain.params
    assert [layer.output for layer in checkpointed.layers] == [layer.output for layer in plain.layers]
    modules = plain.to_torch(seed=0), checkpointed.to_torch()
    modules[1].load_state_dict(dict(zip(modules[1].state_dict(), modules[0].state_dict().values(), strict=True)))
    x, gradients = torch.randn(4, 3, 16, 16), []
    for module in modules:
        module.train()(x).square().sum().backward()
        gradients.append([p.grad for p in module.parameters()])
    for one, other in zip(*gradients, strict=True):
        torch.testing.assert_close(one, other)
    assert_agreement(checkpointed)


def test_distributed_data_parallel(tmp_path: Path) -> None:
    """One process of gloo: DDP takes the module as it is, and its gradients are the module's own."""
    import torch.distributed as dist

    module = netspec.loads(NETS["residual"]).to_torch(seed=0)
    alone = copy.deepcopy(module)
    dist.init_process_group("gloo", init_method=f"file://{tmp_path}/store", rank=0, world_size=1)
    try:
        parallel = torch.nn.parallel.DistributedDataParallel(module)
        x = torch.randn(4, 3, 32, 32)
        parallel(x).square().sum().backward()
        alone(x).square().sum().backward()
        for one, other in zip(module.parameters(), alone.parameters(), strict=True):
            torch.testing.assert_close(one.grad, other.grad)
    finally:
        dist.destroy_process_group()


@pytest.mark.slow
def test_sources_are_formatted(tmp_path: Path) -> None:
    """As ruff formats Python, in 120 columns; and nothing is imported that is not used."""
    from conftest import specs

    for path in specs():
        (tmp_path / f"{path.stem}.py").write_text(netspec.load(path).torch_source())
    for command in (
        ["format", "--check", "--line-length", "120"],
        ["check", "--select", "E,F,W,I", "--ignore", "E501"],
    ):
        result = subprocess.run(
            [sys.executable, "-m", "ruff", *command, "--isolated", str(tmp_path)],
            capture_output=True,
            text=True,
            check=False,
        )
        assert result.returncode == 0, result.stdout


def test_swin_is_a_page_of_python() -> None:
    source = netspec.load(ROOT / "examples" / "swin_t.net").torch_source()
    assert source.count("\n") < 200
