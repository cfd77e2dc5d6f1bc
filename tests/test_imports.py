"""Start-up: what `import netspec` and `netspec check` must not load."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from conftest import ROOT

HEAVY = ("torch", "onnx", "onnxruntime", "numpy", "fpdf", "resvg_py", "safetensors", "pydantic", "lightning")
PROBE = "import sys; {}; print([m for m in {!r} if m in sys.modules])"


@pytest.mark.parametrize(
    "code",
    [
        "import netspec",
        "import netspec; netspec.load('examples/vgg16.net').report()",
        "from netspec.cli import main; main(['check', 'examples/vgg16.net'], standalone_mode=False)",
        "from netspec.cli import main; main(['check', '-e', 'conv3'], standalone_mode=False)",
    ],
)
def test_nothing_heavy_is_loaded(code: str) -> None:
    probe = f"import sys\ntry:\n    {code.replace('; ', chr(10) + '    ')}\nexcept SystemExit:\n    pass\nprint([m for m in {HEAVY!r} if m in sys.modules])"
    result = subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True, cwd=ROOT, check=True)
    assert result.stdout.strip().splitlines()[-1] == "[]"


@pytest.mark.parametrize(
    ("line", "unloaded"),
    [
        ("train --help", ("netspec.model", "netspec.elaborate", "lark")),
        (
            "train examples/mlp_digits.net --data digits --epochs 1 --folder {}",
            ("scipy", "sklearn", "torchmetrics", "pandas"),
        ),
    ],
    ids=["help", "run"],
)
@pytest.mark.slow
def test_a_command_loads_no_more_than_it_uses(line: str, unloaded: tuple[str, ...], tmp_path: Path) -> None:
    code = f"from netspec.cli import main; main({line.format(tmp_path / 'run').split()!r}, standalone_mode=False)"
    result = subprocess.run(
        [sys.executable, "-c", PROBE.format(code, unloaded)], capture_output=True, text=True, cwd=ROOT, check=True
    )
    assert result.stdout.strip().splitlines()[-1] == "[]"


def test_the_generated_module_imports_torch_only(tmp_path) -> None:  # type: ignore[no-untyped-def]
    import ast

    import netspec

    for name in ("vgg16", "resnet50", "lenet5"):
        tree = ast.parse(netspec.load(ROOT / "examples" / f"{name}.net").torch_source())
        modules = {
            (n.module or "").split(".")[0] if isinstance(n, ast.ImportFrom) else n.names[0].name.split(".")[0]
            for n in ast.walk(tree)
            if isinstance(n, (ast.Import, ast.ImportFrom))
        }
        assert modules == {"torch"}
