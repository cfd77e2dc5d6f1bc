"""What the tests share."""

from __future__ import annotations

import contextlib
import gc
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from hypothesis import HealthCheck, Phase, seed, settings

from netspec.cli import main

os.environ.setdefault("OMP_NUM_THREADS", "1")  # as many processes as cores run the tests; threads beside them only wait
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)  # the processes that tests start compile netspec once, not each time
sys.dont_write_bytecode = False  # nor does each worker rewrite the assertions of the same files

ROOT = Path(__file__).resolve().parent.parent
EXAMPLES = sorted((ROOT / "examples").glob("*.net"))


SEED = int(os.environ.get("NETSPEC_SEED", "0"))
"""Of the tests with random inputs. `scripts/test.sh` draws a new one for each run; NETSPEC_SEED repeats it."""


HEAVY = {
    "beit_base", "bifpn_efficientnet_b0", "cait_xxs24", "clip_vit_b_32", "coatnet_0", "convnextv2_tiny",
    "crossvit_9", "cspdarknet53", "deeplabv3_resnet50", "deit_small", "densenet121", "densenet161", "densenet169",
    "densenet201", "densenet_bc_100_12", "dla34", "dpn68", "efficientnet_b0", "efficientnet_b4",
    "efficientnet_v2_s", "eva02_tiny", "fpn_resnet50", "ghostnet", "gmlp_s16", "googlenet", "googlenet_torchvision",
    "hrnet_w18", "inception_resnet_v2", "inception_v3", "inception_v4", "levit_128s", "maxvit_t",
    "mobilenet_v3_large", "mobilenet_v3_small", "mvit_v2_s", "nasnet_a_mobile", "nfnet_f0", "pvt_v2_b0",
    "regnet_x_400mf", "res2net50", "resnet101", "resnet110_cifar", "resnet1202_cifar", "resnet152",
    "resnet44_cifar", "resnet50", "resnet56_cifar", "resnext50_32x4d", "s3d", "se_resnet50", "shufflenet_v2_x1_0",
    "swin_t", "swin_v2_t", "transformer_base", "volo_d1", "wavenet", "wide_resnet50_2", "xcit_nano",
}  # fmt: skip
"""Examples of so many layers that they take half of the time of those tests that take every example."""


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What is tried of a heavy example is slow, whatever the test: the fast part tries the others."""
    for item in items:
        if HEAVY & set(re.split(r"[\[\]-]", item.name)[1:]):
            item.add_marker(pytest.mark.slow)


def pytest_collection_finish() -> None:
    """What is imported and collected by then stays to the end: the garbage collector need not go through it again and again."""
    gc.collect()
    gc.freeze()


def pytest_terminal_summary(terminalreporter: Any) -> None:
    terminalreporter.write_line(f"random inputs: NETSPEC_SEED={SEED}")


def explored(examples: int, stream: int = 0) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """So many inputs, drawn from the seed of the run; how long one takes does not matter. Tests that take the same inputs
    draw them from streams of their own: none is tried twice."""
    bounds = settings(
        max_examples=examples, database=None, deadline=None, phases=[Phase.explicit, Phase.generate, Phase.shrink],
        suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    return lambda test: seed(SEED + (stream << 32))(bounds(test))


PLAIN = {"COLUMNS": "100", "NO_COLOR": "1"}
PATIENCE = 3600
"""Seconds after which a process counts as hung: no test judges how long one takes, and a loaded machine is slow."""


def run_netspec(
    *arguments: str, stdin: str | None = None, cwd: Path | None = None, **environment: str
) -> subprocess.CompletedProcess[str]:
    """The command line in 100 columns, in this process, which has imported everything already."""
    with contextlib.chdir(cwd or ROOT):
        result = CliRunner(catch_exceptions=False).invoke(
            main, arguments, stdin, {**PLAIN, **environment}, prog_name="python -m netspec"
        )
    return subprocess.CompletedProcess(arguments, result.exit_code, result.stdout, result.stderr)


def netspec_process(
    *arguments: str, stdin: str | None = None, cwd: Path | None = None, **environment: str
) -> subprocess.CompletedProcess[str]:
    """The command line in a process of its own: for streams, signals, and what is imported. `run_netspec` is faster."""
    return subprocess.run(
        [sys.executable, "-m", "netspec", *arguments],
        input=stdin, capture_output=True, text=True, cwd=cwd or ROOT, timeout=PATIENCE, check=False,
        env={**os.environ, **PLAIN, **environment},
    )  # fmt: skip


@cache
def specs() -> list[Path]:
    """The examples that are nets; files that only declare blocks are used by others."""
    return [p for p in EXAMPLES if any(line.startswith("input") for line in p.read_text().splitlines())]


SIBLINGS = {
    "vgg_a", "vgg_a_lrn", "vgg_b", "vgg_c", "vgg_d", "vgg_e", "vgg16", "alexnet_torchvision", "zfnet_wide",
    "resnet34", "resnet101", "resnet152", "wide_resnet50_2", "resnet32_cifar", "resnet44_cifar", "resnet56_cifar",
    "resnet110_cifar", "resnet1202_cifar", "densenet161", "densenet169", "densenet201", "squeezenet1_0", "mnasnet0_5",
    "shufflenet_v2_x0_5", "efficientnet_b4",
}  # fmt: skip
"""Deeper, wider or narrower than another example, of the same layers: what takes long is tried on that one."""


def kinds() -> list[Path]:
    """The examples that are nets, one of each kind."""
    return [p for p in specs() if p.stem not in SIBLINGS]


@pytest.fixture(scope="session", autouse=True)
def _few_threads() -> None:
    import torch

    torch.set_num_threads(1)


@pytest.fixture
def one_thread() -> Iterator[None]:
    """Nets and tensors as small as a test's lose time to a second thread, many times so beside another test."""
    import torch

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)
