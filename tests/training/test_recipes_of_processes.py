"""What a recipe asks for beyond plain epochs, in two processes: the rows and weights are those of one."""

from __future__ import annotations

import csv
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from conftest import PATIENCE
from running import save_examples
from safetensors.torch import load_file

from netspec.datasets import DataOptions
from netspec.source import SourceFile
from netspec.training.engine import Watcher
from netspec.training.run_folder import RunFolder
from netspec.training.session import Request, train

SPEC = """input 3x12x12
stem: conv3-4 pad=same bias=no norm=bn act=relu
residual {{ middle: conv3-4 pad=same bias=no norm=bn -> drop_path 0.3 }}
gap -> dropout 0.3
FC-3
train {{
  epochs 3
  optimizer sgd lr=0.02 momentum=0.9 weight_decay=1e-2
  batch 8{}
}}
"""
RECIPES = {
    "validated": "\n validate every=3 unit=step\n stop patience=6",
    "unfrozen": "\n unfreeze stem\n unfreeze middle at=2",
    "distilled": "\n distill soft\n augment { mixup; flip }",
    "growing": "\n augment { progressive 6 stages=3; randaugment 1 }",
    "added": " accumulate=2",
}
"""Each with a line that the others have not."""
SCRIPT = """
import os, sys
from pathlib import Path
from netspec.datasets import DataOptions
from netspec.source import SourceFile
from netspec.training.engine import Engine, Watcher
from netspec.training.hardware import Hardware
from netspec.training.run_folder import RunFolder
from netspec.training.keeper import Keeper
from netspec.training.session import Request, train

engines, start, save = [], Engine.fit, Keeper.update

def fit(engine, *given):
    engines.append(engine)
    return start(engine, *given)

def stopped(keeper, engine, loss):
    save(keeper, engine, loss)
    if engine.at.step == 11:
        raise KeyboardInterrupt

def run(name, strategy, folder, resume=False):
    request = Request(
        SourceFile(Path(f"{name}.net").read_text(), "spec.net"), "e.npz", DataOptions(validation=0.2), Hardware("cpu", 2, strategy=strategy),
        save_updates=5, teacher=Path("teacher") if name == "distilled" else None,
    )
    train(request, RunFolder(Path(folder)), Watcher(), resume=resume)

Engine.fit = fit
for strategy in ("ddp", "fsdp"):
    for name in sys.argv[1:]:
        run(name, strategy, f"{strategy}-{name}")
        if strategy == "ddp" and os.environ["LOCAL_RANK"] == "0":
            print(name, "static" if engines[-1].wrapped._forward_module.static_graph else "changing", flush=True)
    Keeper.update = stopped
    try:
        run("validated", strategy, f"{strategy}-torn")
    except KeyboardInterrupt:
        Keeper.update = save
    run("validated", strategy, f"{strategy}-torn", resume=True)
"""


@pytest.mark.slow
def test_two_processes_do_what_one_does(tmp_path: Path) -> None:
    """Also after an error in all of them at the eleventh update, from the checkpoint of the tenth, which is between two validations."""
    random = np.random.default_rng(0)
    data = save_examples(
        tmp_path / "e.npz", random.integers(0, 256, (50, 3, 12, 12), dtype=np.uint8), random.integers(0, 3, 50)
    )

    def alone(name: str, line: str, teacher: Path | None = None) -> None:
        text = SPEC.format(line)
        (tmp_path / f"{name}.net").write_text(text)
        request = Request(SourceFile(text, "spec.net"), data, DataOptions(validation=0.2), teacher=teacher)
        train(request, RunFolder(tmp_path / name), Watcher())

    alone("teacher", "\n seed 1")
    for name, line in RECIPES.items():
        alone(name, line, tmp_path / "teacher" if "distill" in line else None)
    (tmp_path / "run.py").write_text(SCRIPT)
    result = subprocess.run(
        [sys.executable, "run.py", *RECIPES], cwd=tmp_path, capture_output=True, text=True, timeout=PATIENCE, check=False,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )  # fmt: skip
    assert result.returncode == 0, result.stderr[-3000:]
    changing = {"unfrozen", "added"}
    assert result.stdout.splitlines() == [f"{name} {'changing' if name in changing else 'static'}" for name in RECIPES]
    for strategy in ("ddp", "fsdp"):
        for name in RECIPES:
            assert values(tmp_path / f"{strategy}-{name}") == pytest.approx(values(tmp_path / name), abs=2e-6)
            for part in ("last", "best"):
                assert furthest(tmp_path / name, tmp_path / f"{strategy}-{name}", part) < 2e-6, (strategy, name)
        torn, whole = tmp_path / f"{strategy}-torn", tmp_path / f"{strategy}-validated"
        assert furthest(whole, torn, "last") == furthest(whole, torn, "best") == 0
        assert [row[:7] for row in table(torn)] == [row[:7] for row in table(whole)]


def table(run: Path) -> list[list[str]]:
    with (run / "metrics.csv").open() as file:
        return list(csv.reader(file))


def values(run: Path) -> list[float]:
    """Of the table, without its times."""
    return [float(value or 0) for line in table(run)[1:] for value in line[:7]]


def furthest(one: Path, other: Path, part: str) -> float:
    """The largest difference between the weights of two runs."""
    here, there = (load_file(run / f"{part}.safetensors") for run in (one, other))
    return max(float((here[name].double() - there[name].double()).abs().max()) for name in here.keys() | there.keys())
