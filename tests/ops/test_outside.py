"""Layers from installed packages: loaded when they are named, and whatever is wrong with them is a diagnostic."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeAlias

import pytest
from agreement import largest_difference
from conftest import ROOT, run_netspec

import netspec
from netspec.elaborate.limits import SERVICE_LIMITS
from netspec.model import check
from netspec.ops import outside
from netspec.source import SourceFile

Install: TypeAlias = Callable[..., None]
FOURIER = (ROOT / "examples" / "plugin" / "netspec_fourier.py").read_text()
CUBE = '''
from netspec.plugin import Op, TorchCode

MODULE = ("Cube", """
class _Cube(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x**3

    @staticmethod
    def backward(ctx, slope):
        (x,) = ctx.saved_tensors
        return FACTOR * x**2 * slope


class Cube(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return _Cube.apply(x)
""")

class Cube(Op):
    """The third power."""

    name = example = "cube"
    def torch(self, *inputs):
        return TorchCode((("", "Cube()"),), None, (MODULE,))
    def onnx(self, emit):
        return emit.node("Pow", [*emit.inputs, emit.scalar(3.0, "three")])
'''


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Install]:
    """Installs a package of one module in a folder where Python looks: its name, its text, and its layers."""
    site = tmp_path / "site"
    site.mkdir()
    monkeypatch.syspath_prepend(str(site))
    modules = []

    def installed(package: str, text: str, *layers: str, folder: Path = site) -> None:
        module = package.replace("-", "_")
        modules.append(module)
        (folder / f"{module}.py").write_text(text)
        info = folder / f"{module}-1.0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: 1.0\n")
        points = "\n".join(f"{layer.partition('=')[0]} = {module}:{layer.partition('=')[2]}" for layer in layers)
        (info / "entry_points.txt").write_text(f"[netspec.ops]\n{points}\n")
        _forget()

    yield installed
    for name in modules:
        sys.modules.pop(name, None)
    _forget()


def _forget() -> None:
    outside.offered.cache_clear()
    outside.load.cache_clear()


def only_error(text: str) -> str:
    (found,) = netspec.check(text).diagnostics
    return f"{found.code} {found.message} | {'; '.join(found.notes)}"


def test_a_layer_of_a_package_is_a_layer(install: Install) -> None:
    install("waves", FOURIER, "fourier=Fourier")
    model = netspec.loads("input 5x2 sequence\nFourier-16 x2\nlinear-3\nexpect params == 2*16 + 32*16 + 32*3 + 3")
    assert [layer.name for layer in model.layers] == ["fourier1", "fourier2", "linear1"]
    assert model.macs == 5 * (2 * 16 + 32 * 16 + 32 * 3)
    assert "nn.Parameter(torch.randn(width, features))" in model.torch_source()
    assert netspec.loads("default fourier width=4\ninput 2\nfourier").outputs["output"].shape == (8,)
    assert model.figures["activation_memory"] == netspec.loads("input 5x2 sequence\nlinear-32 bias=no x2\nlinear-3").figures["activation_memory"]  # fmt: skip


def test_nothing_is_loaded_that_no_spec_names(install: Install) -> None:
    install("waves", FOURIER, "fourier=Fourier")
    netspec.check("input 3x8x8\nconv3-8\n")
    netspec.check("input 3x8x8\nconvolve3-8\n")
    netspec.check("block fourier(w) { linear-w }\ninput 8\nfourier(3)\n")
    assert "waves" not in sys.modules
    netspec.check("input 8\nfourier-3\n")
    assert "waves" in sys.modules


def test_it_is_a_value_of_norm_and_act(install: Install) -> None:
    install("powers", CUBE.replace("FACTOR", "3"), "cube=Cube")
    model = netspec.loads("default conv act=cube\ninput 3x8x8\nconv3-4\nconv3-4 norm=Cube act=none\nFC-2 act=cube\n")
    assert [layer.name for layer in model.layers] == ["conv1", "cube1", "conv2", "cube2", "flatten1", "fc1", "cube3"]
    assert largest_difference(model) <= 1e-5
    assert only_error("input 8\nFC-4 act=cube(2)\n").startswith("NS204 act: `cube` takes no unnamed values, found 1")
    assert only_error("input 8\nFC-4 act=cubes\n").startswith("NS205 act: `cubes` is not an activation")
    install("broken", "import nowhere_at_all\n", "odd=Odd")
    assert only_error("default FC act=odd\ninput 8\nFC-4\nFC-4\n").startswith(
        "NS215 the layer `odd` of the package broken 1.0"
    )


def test_options_and_the_layout_are_checked(install: Install) -> None:
    install("waves", FOURIER, "fourier=Fourier")
    assert only_error("input 8\nfourier\n").startswith("NS206 `fourier` is missing its width")
    assert only_error("input 8\nfourier-4 scale=2\n").startswith("NS202")
    assert only_error("input 3x8x8\nfourier-4\n").startswith("NS303 fourier takes a vector or a sequence")
    (found,) = netspec.check("input 8\nfourrier-4\n").diagnostics
    assert found.fixes[0].title == "did you mean `fourier`?"


@pytest.mark.parametrize(
    ("text", "layer", "why"),
    [
        ("import nowhere_at_all\n", "odd=Odd", "loading it failed: ModuleNotFoundError: No module named 'nowhere_at_all'"),
        ("1 / 0\n", "odd=Odd", "loading it failed: ZeroDivisionError: division by zero"),
        ("x = 1\n", "odd=Odd", "loading it failed: AttributeError"),
        ("Odd = 3\n", "odd=Odd", "odd:Odd is not a class derived from `netspec.plugin.Op`"),
        (CUBE, "odd=Cube", "the entry point is called `odd`, and the layer `cube`"),
        ("from netspec.plugin import Op\nclass Odd(Op):\n    name = 'odd'\n", "odd=Odd", "it lacks a docstring, `example`, `torch`, `onnx`"),
    ],
)  # fmt: skip
def test_a_broken_package_is_named(install: Install, text: str, layer: str, why: str) -> None:
    install("odd", text, layer)
    found = only_error("input 8\nodd x3\n")
    assert found.startswith(f"NS215 the layer `odd` of the package odd 1.0 cannot be used | {why}")
    shown = run_netspec("ops", "odd")
    assert (shown.returncode, why.split(":")[0] in " ".join(shown.stderr.split())) == (1, True)
    assert "odd 1.0" in " ".join(run_netspec("ops").stdout.split())


@pytest.mark.parametrize(
    ("method", "body", "why"),
    [
        ("output", "return inputs[0].nothing", "`output` failed: AttributeError"),
        ("output", "return (3, 8)", "`output` gave (3, 8)"),
        ("output", "from netspec.plugin import TensorType\n        return TensorType('vector', (0,))", "`output` gave"),
        ("macs", "return 'many'", "`macs` gave 'many'"),
        ("params", "return [1]", "`params` gave [1]"),
        ("validate", "raise KeyError('x')", "`validate` failed: KeyError: 'x'"),
    ],
)
def test_a_method_that_fails_is_an_error_of_the_layer(install: Install, method: str, body: str, why: str) -> None:
    install("cubes", f"{CUBE}\n    def {method}(self, *inputs):\n        {body}\n", "cube=Cube")
    assert only_error("input 8\ncube\n").startswith(f"NS215 the layer `cube` of the package cubes 1.0 is broken: {why}")


def test_code_that_fails_later_is_a_diagnostic(install: Install, tmp_path: Path) -> None:
    install("cubes", CUBE.replace('TorchCode((("", "Cube()"),), None, (MODULE,))', "3 / 0"), "cube=Cube")
    (tmp_path / "x.net").write_text("input 8\ncube\n")
    failed = run_netspec("compile", "x.net", "-o", "x.py", cwd=tmp_path)
    assert failed.returncode == 1
    assert "error[NS215]: the layer `cube` of the package cubes 1.0 is broken: `torch` failed" in failed.stderr


def test_layers_of_netspec_are_not_replaced(install: Install) -> None:
    install("cubes", CUBE.replace('"cube"', '"relu"'), "relu=Cube", "add=Cube")
    assert netspec.check("input 8\nrelu\n").diagnostics == ()
    assert "cubes" not in sys.modules
    assert "`relu` is a layer of netspec: a package cannot replace it" in " ".join(run_netspec("ops").stdout.split())


def test_two_packages_with_one_layer(install: Install) -> None:
    install("cubes", CUBE, "cube=Cube")
    install("powers", CUBE, "cube=Cube")
    assert "cubes 1.0 and powers 1.0 both have a layer `cube`" in only_error("input 8\ncube\n")


def test_specs_of_strangers_load_no_package(install: Install) -> None:
    install("cubes", CUBE, "cube=Cube")
    (found,) = check(SourceFile("input 8; cube"), {}, SERVICE_LIMITS).diagnostics
    assert (found.code, found.message) == ("NS005", "the layer `cube` of the package cubes 1.0 is not loaded")
    assert "cubes" not in sys.modules


def test_the_current_folder_is_no_place_for_packages(install: Install, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:  # fmt: skip
    (tmp_path / "cloned").mkdir()
    install("cubes", CUBE, "cube=Cube", folder=tmp_path / "cloned")
    monkeypatch.chdir(tmp_path / "cloned")
    monkeypatch.syspath_prepend(str(tmp_path / "cloned"))  # as `python -m netspec` does
    assert only_error("input 8\ncube\n").startswith("NS201")


@pytest.mark.slow
@pytest.mark.parametrize(("factor", "status"), [("3", 0), ("2", 1)])
def test_a_wrong_gradient_is_found(install: Install, tmp_path: Path, factor: str, status: int) -> None:
    install("cubes", CUBE.replace("FACTOR", factor), "cube=Cube")
    (tmp_path / "x.net").write_text("input 8\nFC-4\ncube\nFC-2\n")
    shown = run_netspec("trace", "x.net", "--check", cwd=tmp_path)
    assert shown.returncode == status, shown.stdout + shown.stderr
    assert run_netspec("compile", "x.net", "-o", "x.onnx", "--verify", cwd=tmp_path).returncode == 0
