"""torch.compile and CUDA graphs in training. Graphs are played: what they gave is overwritten when the next replay begins."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from conftest import run_netspec
from running import X, Y, save_examples

from netspec.datasets import DataOptions
from netspec.diagnostics import SpecError
from netspec.model import check, loads
from netspec.source import SourceFile
from netspec.training import compiling
from netspec.training.compiling import compilation, compiled_module, replayed
from netspec.training.engine import Engine
from netspec.training.hardware import Hardware, launch
from netspec.training.inputs import Inputs
from netspec.training.plan import Plan
from netspec.training.session import Request, build_engine, open_data
from netspec.training.watching import Watcher

CUDA, CPU = torch.device("cuda"), torch.device("cpu")
NET = """input 6
FC-8 act=relu
FC-3 act=none
softmax
train { epochs 2; seed 1; metric auc; MORE }
"""
SGD = "optimizer sgd lr=0.1; batch 8"


# What is refused


@pytest.mark.parametrize(
    ("hardware", "says", "remedy"),
    [
        (Hardware("cpu", compiled="graphs"), "requires a CUDA GPU", "remove `--cuda-graphs`"),
        (Hardware("cpu", 2, strategy="fsdp", compiled="graphs"), "only one device", "remove `--cuda-graphs`, or `--devices`"),
    ],
)  # fmt: skip
def test_graphs_that_cannot_be_had(hardware: Hardware, says: str, remedy: str) -> None:
    plan = Plan.of(loads("input 4\nFC-2\ntrain { epochs 1 }\n").graph)
    with pytest.raises(SpecError, match=says) as caught:
        launch(hardware, plan)
    (found,) = caught.value.diagnostics
    assert found.code == "NS604"
    assert found.helps[0] == remedy


@pytest.mark.parametrize(
    ("options", "says"),
    [(["--no-compile"], "`--cuda-graphs` replays what torch.compile makes"), (["--accelerator", "cpu"], "requires a CUDA GPU")],
)  # fmt: skip
def test_the_command_reports_them(tmp_path: Path, options: list[str], says: str) -> None:
    (tmp_path / "net.net").write_text("input 8x8 gray\nFC-10\ntrain { epochs 1 }\n")
    run = str(tmp_path / "run")
    result = run_netspec("train", str(tmp_path / "net.net"), "--folder", run, "--cuda-graphs", *options)
    assert result.returncode == 1
    assert "NS604" in result.stderr
    assert says in result.stderr
    assert "= help: remove `--" in result.stderr
    assert not (tmp_path / "run").exists()


# What is asked of the compiler


def test_a_net_is_compiled_as_it_was_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[dict[str, Any]] = []
    monkeypatch.setattr(torch, "compile", lambda module, **options: asked.append(options))
    module = torch.nn.Linear(2, 2)
    assert compiled_module(module, False) is module
    compiled_module(module, True)
    compiled_module(module, "graphs")
    assert asked == [{}, {"mode": "reduce-overhead", "dynamic": False}]


def test_a_compiler_that_does_not_work_is_not_used() -> None:
    """There is no GPU, so that nothing can be compiled for it."""
    how, (note,) = compilation(None, CUDA, split=False)
    assert how is False
    assert note.startswith("training without torch.compile, which does not work here: ")
    assert "\n" not in note


def test_by_default_a_gpu_compiles(monkeypatch: pytest.MonkeyPatch) -> None:
    settings: Any = torch._dynamo.config
    monkeypatch.setattr(compiling, "_failure", lambda _: None)
    with settings.patch(suppress_errors=False):
        assert compilation(None, CPU, split=False) == (False, [])
        assert compilation(None, CUDA, split=True) == (False, [])
        assert compilation("graphs", CUDA, split=False) == ("graphs", [])
        assert compilation(False, CUDA, split=False) == (False, [])
        assert not settings.suppress_errors, "what was asked for and fails is an error"
        assert compilation(None, CUDA, split=False) == (True, [])
        assert settings.suppress_errors


@pytest.mark.parametrize(("device", "calls"), [(CUDA, 1), (CPU, 0)])
def test_augmentation_is_compiled_on_a_gpu(device: torch.device, calls: int) -> None:
    told: list[Callable[[str], None]] = []
    augmenter: Any = SimpleNamespace(compile=told.append, mixes=False)
    plan = Plan.of(loads("input 4\nFC-2\ntrain { epochs 1 }\n").graph)
    Inputs(plan, "input", augmenter, device).compile(print)
    Inputs(plan, None, None, device).compile(print)
    assert told == [print] * calls


# What outlives a replay


class Replays:
    """Stands in for CUDA graphs."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.modules: list[torch.nn.Module] = []
        self.given: list[torch.Tensor] = []
        self.begun = 0
        monkeypatch.setattr(torch, "compile", self._compiled)
        monkeypatch.setattr(torch.compiler, "cudagraph_mark_step_begin", self._begin)

    def _compiled(self, module: torch.nn.Module, **options: Any) -> torch.nn.Module:
        assert options["mode"] == "reduce-overhead"
        given = self.given

        class Compiled(torch.nn.Module):
            def __init__(self) -> None:
                super().__init__()
                self.module = module

            def forward(self, *inputs: torch.Tensor) -> torch.Tensor:
                result: torch.Tensor = self.module(*inputs)
                given.extend(result if isinstance(result, tuple) else [result])
                return result

        self.modules.append(module)
        return Compiled()

    def _begin(self) -> None:
        self.begun += 1
        gradients = (p.grad for module in self.modules for p in module.parameters() if p.grad is not None)
        for value in (*self.given, *gradients):
            value.data.fill_(torch.nan)
        self.given.clear()


@pytest.mark.parametrize("several", [False, True])
def test_the_results_of_an_evaluation_are_kept(monkeypatch: pytest.MonkeyPatch, several: bool) -> None:
    graphs = Replays(monkeypatch)
    module = torch.nn.Identity()
    module.forward = lambda x: (2 * x, 3 * x) if several else 2 * x  # type: ignore[method-assign]
    call = replayed(compiled_module(module, "graphs"))
    first, second = call(torch.ones(2)), call(torch.ones(3))
    for result in (first, second):
        assert all(bool(value.isfinite().all()) for value in (result if several else [result]))
    assert graphs.begun == 2
    assert len(graphs.given) == 1 + several


def engine_of(where: str, more: str, compiled: Any = False) -> Engine:
    source = SourceFile(NET.replace("MORE", more), "net.net")
    request = Request(source, where, DataOptions(validation=0.25, test=0.0), Hardware("cpu"))
    plan = Plan.of(check(source).model().graph)
    fabric = launch(request.hardware, plan)
    hardware = Hardware("cpu", compiled=compiled)  # which `launch` refuses
    request = Request(source, where, request.options, hardware)
    return build_engine(check(source).model(), plan, open_data(plan, request), fabric, request)


@pytest.mark.slow
@pytest.mark.parametrize("more", [SGD, f"{SGD} accumulate=2", "optimizer lbfgs; batch 8", f"{SGD}; ema 0.9; clip 0.5"])
def test_a_run_keeps_nothing_that_a_replay_overwrites(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, more: str
) -> None:
    where = save_examples(tmp_path / "data.npz", X, Y)
    plain = engine_of(where, more)
    plain.fit(Watcher())
    graphs, told = Replays(monkeypatch), []
    monkeypatch.setattr(Inputs, "compile", lambda self, tell: told.append(tell))
    replayed = engine_of(where, more, "graphs")
    replayed.fit(Watcher())
    assert [row.score for row in plain.at.history] == [row.score for row in replayed.at.history]
    assert all(torch.equal(a, b) for a, b in zip(plain.weights().values(), replayed.weights().values(), strict=True))
    assert graphs.begun >= plain.at.step, "in every update"
    assert len(told) == 1
