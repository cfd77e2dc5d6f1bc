"""Runs of a second or two that the tests of trained nets share, each trained once in a process."""

from __future__ import annotations

import atexit
import shutil
import tempfile
from functools import cache
from pathlib import Path
from typing import Any

from click.testing import CliRunner, Result

from netspec.cli import main
from netspec.datasets import DataOptions
from netspec.source import SourceFile
from netspec.training.engine import Watcher
from netspec.training.run_folder import RunFolder
from netspec.training.session import Request, train

CONV = """net Small(width = 8)
input 8x8 gray
conv3-width pad=same act=relu
maxpool
FC-10 act=none
softmax
train {{
  loss cross_entropy label_smoothing=0.05
  optimizer adam lr=5e-3
  epochs 3
  seed {seed}
  {more}
}}
"""
MLP = """net Rows(hidden = 24)
input 64
FC-hidden act=relu
FC-10 act=none
train {
  optimizer sgd lr=0.1 momentum=0.9
  epochs 3
  batch 32
  seed 3
}
"""
VALUES = """input 4
FC-8 act=tanh
FC-2 act=none
train {
  loss mse
  optimizer adam lr=1e-2
  epochs 6
  batch 16
}
"""


@cache
def folder() -> Path:
    path = Path(tempfile.mkdtemp(prefix="netspec-runs-"))
    atexit.register(shutil.rmtree, path, ignore_errors=True)
    return path


@cache
def trained(name: str, text: str, data: str = "digits", **options: Any) -> Path:
    path = folder() / name
    train(Request(SourceFile(text), data, DataOptions(**options)), RunFolder(path), Watcher())
    return path


def conv_run(seed: int = 1, more: str = "") -> Path:
    name = f"conv-{seed}" + ("-more" if more else "")
    return trained(name, CONV.format(seed=seed, more=more))


def mlp_run() -> Path:
    return trained("mlp", MLP)


def netspec(*arguments: object) -> Result:
    """The command line in this process, which has imported torch already."""
    return CliRunner().invoke(main, [str(a) for a in arguments], env={"COLUMNS": "80", "NO_COLOR": "1"})
