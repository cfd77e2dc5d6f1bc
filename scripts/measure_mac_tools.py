"""Records what other tools count as multiply-accumulates: `tests/data/mac_tools.json.gz`.

Run on the PyTorch modules of the examples and of every op of the catalogue. Needs fvcore, thop, torchinfo and ptflops; the
tests read the figures and need none of them. thop, torchinfo and fvcore run on the meta device; ptflops patches functions
that PyTorch itself uses there, so it computes. With `--new`, what has been measured before is kept.
"""

from __future__ import annotations

import contextlib
import gzip
import inspect
import io
import json
import logging
import sys
import warnings
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch  # noqa: TID253

import netspec

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT / "tests"))
from conftest import specs  # noqa: E402
from ops.test_catalogue import INPUTS, USES  # noqa: E402
from ops.test_joins import TRIED  # noqa: E402

DATA = ROOT / "tests/data/mac_tools.json.gz"


def ready(model: netspec.Model, device: str) -> tuple[torch.nn.Module, tuple[torch.Tensor, ...]]:
    """The module in inference, and one input of zeros."""
    with torch.device(device):
        inputs = tuple(
            torch.zeros(1, *kind.shape, dtype=torch.int64 if kind.layout == "ids" else torch.float32)
            for kind in model.inputs.values()
        )
        return model.to_torch().eval(), inputs


def by_fvcore(model: netspec.Model) -> int:
    from fvcore.nn import FlopCountAnalysis

    def total(device: str) -> int:
        analysis = FlopCountAnalysis(*ready(model, device))
        return int(analysis.unsupported_ops_warnings(False).uncalled_modules_warnings(False).total())

    try:
        return total("meta" if model.macs > 10**6 else "cpu")
    except TypeError:  # on the meta device PyTorch cannot trace a convolution after a reduction
        return total("cpu")


def by_thop(model: netspec.Model) -> int:
    from thop import profile

    return int(profile(*ready(model, "meta"), verbose=False)[0])


def by_torchinfo(model: netspec.Model) -> int:
    from torchinfo import summary

    module, inputs = ready(model, "meta")
    found = summary(module, input_data=list(inputs), verbose=0, device="meta", depth=50, mode="eval")
    return int(found.total_mult_adds)


def by_ptflops(model: netspec.Model) -> int:
    from ptflops import get_model_complexity_info

    module, inputs = ready(model, "cpu")
    named = dict(zip(inspect.signature(module.forward).parameters, inputs, strict=True))
    with contextlib.redirect_stdout(io.StringIO()), torch.no_grad():
        return int(
            get_model_complexity_info(
                module, (1,), print_per_layer_stat=False, as_strings=False, backend="pytorch",
                input_constructor=lambda _: named,
            )[0]
        )  # fmt: skip


TOOLS = {"fvcore": by_fvcore, "thop": by_thop, "torchinfo": by_torchinfo, "ptflops": by_ptflops}


def measured(model: netspec.Model) -> dict[str, int]:
    return {name: count(model) for name, count in TOOLS.items()}


def main() -> None:
    warnings.filterwarnings("ignore")
    logging.disable(logging.WARNING)
    known = json.loads(gzip.decompress(DATA.read_bytes())) if "--new" in sys.argv else {"examples": {}, "ops": {}}
    found: dict[str, Any] = {
        "versions": {name: version(name).replace("-", ".post") for name in TOOLS},
        "examples": {},
        "ops": {},
    }
    alone = [f"{declared}; {text}" for texts, _ in USES.values() for declared in INPUTS.values() for text in texts]
    for text in (*alone, *TRIED):
        with contextlib.suppress(netspec.SpecError):
            found["ops"][text] = known["ops"].get(text) or measured(netspec.loads(text.replace("; ", "\n", 1)))
    for path in specs():
        found["examples"][path.stem] = known["examples"].get(path.stem) or measured(netspec.load(path))
        print(path.stem, found["examples"][path.stem], flush=True)
    DATA.write_bytes(gzip.compress(json.dumps(found, separators=(",", ":")).encode(), mtime=0))


if __name__ == "__main__":
    main()
