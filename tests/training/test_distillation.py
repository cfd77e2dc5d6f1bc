"""Training by the outputs of a teacher, against the published formulas in plain torch."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import torch
from running import WHOLE, X, Y, engine_of, save_examples
from small_runs import CONV, conv_run, netspec
from torch import nn

import netspec as netspec_package
from netspec.diagnostics import SpecError
from netspec.source import SourceFile
from netspec.training.checkpoint_files import read_weights
from netspec.training.distillation import open_teacher
from netspec.training.engine import Watcher
from netspec.training.run_folder import RunFolder
from netspec.training.session import Request, train

TEACHER = "input 6\nFC-16 bias=no norm=bn act=relu -> dropout 0.5\nFC-{}\ntrain {{\nepochs 2\nbatch 8\noptimizer sgd lr=0.5\n}}"
STUDENT = "input 6\nFC-3\ntrain {{\nepochs 4\nbatch {}\noptimizer sgd lr=0.5\n{}\n}}"


@pytest.fixture(scope="module")
def where(tmp_path_factory: pytest.TempPathFactory) -> str:
    return save_examples(tmp_path_factory.mktemp("examples") / "e.npz", X, Y)


@pytest.fixture(scope="module")
def teacher(tmp_path_factory: pytest.TempPathFactory, where: str) -> Path:
    folder = RunFolder(tmp_path_factory.mktemp("runs") / "teacher")
    train(Request(SourceFile(TEACHER.format(3), "teacher.net"), where, WHOLE), folder, Watcher())
    return folder.path


def by_hand(teacher: Path) -> torch.Tensor:
    """The logits of the teacher for all examples: batch norm by its running statistics, no dropout."""
    net = nn.Sequential(nn.Linear(6, 16, bias=False), nn.BatchNorm1d(16), nn.ReLU(), nn.Linear(16, 3)).eval()
    for name, value in read_weights(teacher / "best.safetensors").items():
        layer, _, what = name.rpartition(".")
        getattr(net[{"fc1": 0, "bn1": 1, "fc2": 3}[layer]], what).data.copy_(value)
    with torch.no_grad():
        return net(torch.from_numpy(X))


def soft(logits: torch.Tensor, given: torch.Tensor, heat: float, weight: float) -> torch.Tensor:
    """Hinton et al. 2015: the cross-entropies with the labels and between the softened probabilities, whose gradient is
    that of the divergence."""
    probabilities = (given / heat).softmax(1)
    softened = -(probabilities * (logits / heat).log_softmax(1)).sum(1) * heat**2
    return (1 - weight) * nn.functional.cross_entropy(logits, torch.from_numpy(Y)) + weight * softened.mean()


def hard(logits: torch.Tensor, given: torch.Tensor) -> torch.Tensor:
    """Touvron et al. 2021, equation 3."""
    labels = torch.from_numpy(Y)
    return (
        nn.functional.cross_entropy(logits, labels) / 2 + nn.functional.cross_entropy(logits, given.max(1).indices) / 2
    )


@pytest.mark.parametrize(
    ("line", "loss"),
    [
        ("distill soft temperature=3 weight=0.7", lambda o, t: soft(o, t, 3.0, 0.7)),
        ("distill soft", lambda o, t: soft(o, t, 4.0, 0.9)),
        ("distill hard", hard),
    ],
)
def test_updates_are_those_of_plain_torch(where: str, teacher: Path, line: str, loss) -> None:
    engine = engine_of(STUDENT.format(24, line), where, teacher=teacher)
    net = nn.Linear(6, 3)
    net.load_state_dict({name.partition(".")[2]: v.clone() for name, v in engine.module.state_dict().items()})
    given, optimizer = by_hand(teacher), torch.optim.SGD(net.parameters(), lr=0.5)
    for _ in range(4):
        optimizer.zero_grad()
        loss(net(torch.from_numpy(X)), given).backward()
        optimizer.step()
    engine.fit(Watcher())
    for mine, theirs in zip(engine.module.parameters(), net.parameters(), strict=True):
        assert torch.allclose(mine, theirs, atol=1e-6)


def test_a_spec_with_weights_is_a_teacher(where: str, teacher: Path, tmp_path: Path) -> None:
    """Within the folder of the spec by its name."""
    shutil.copy(teacher / "best.safetensors", tmp_path / "t.safetensors")
    (tmp_path / "t.net").write_text(TEACHER.format(3).replace("epochs 2", 'weights "t.safetensors"'))
    (tmp_path / "s.net").write_text(STUDENT.format(24, 'distill soft "t.net"'))
    assert netspec("train", tmp_path / "s.net", "--data", where, "--folder", tmp_path / "r", "--validation", 0, "--test-share", 0).exit_code == 0  # fmt: skip
    engine = engine_of(STUDENT.format(24, "distill soft"), where, teacher=teacher)
    engine.fit(Watcher())
    held = read_weights(tmp_path / "r" / "last.safetensors")
    assert all(torch.equal(value, held[name]) for name, value in engine.weights().items())


class Stop(Exception):
    pass


def test_a_resumed_run_is_bit_equal_and_wants_the_same_teacher(where: str, teacher: Path, tmp_path: Path) -> None:
    class Killed(Watcher):
        def update(self, engine, loss) -> None:
            if engine.at.step == 7:
                raise Stop

    own = tmp_path / "teacher"
    shutil.copytree(teacher, own)
    request = Request(SourceFile(STUDENT.format(8, "distill soft"), "s.net"), where, WHOLE, save_updates=7, teacher=own)
    with pytest.raises(Stop):
        train(request, RunFolder(tmp_path / "run"), Killed())
    weights = (own / "best.safetensors").read_bytes()
    (own / "best.safetensors").write_bytes((own / "last.safetensors").read_bytes()[:-1] + b"\0")
    changed = netspec("train", "--resume", tmp_path / "run")
    assert "has changed since the run started" in " ".join(changed.output.split())
    (own / "best.safetensors").write_bytes(weights)
    own.rename(tmp_path / "moved")
    assert netspec("train", "--resume", tmp_path / "run").exit_code == 1
    assert netspec("train", "--resume", tmp_path / "run", "--teacher", tmp_path / "moved").exit_code == 0
    engine = engine_of(request.source.text, where, teacher=teacher)
    engine.fit(Watcher())
    held = read_weights(tmp_path / "run" / "last.safetensors")
    assert all(torch.equal(value, held[name]) for name, value in engine.weights().items())


def test_mistakes(where: str, teacher: Path, tmp_path: Path) -> None:
    (tmp_path / "bare.net").write_text(TEACHER.format(3))
    cases = [
        ("", teacher, "the recipe has no `distill`"),
        ("distill soft", None, "`distill` has no teacher"),
        ("distill soft", tmp_path / "bare.net", "names no weights"),
        ("distill soft", tmp_path / "none", "does not exist"),
        ("distill hard\nloss hinge", teacher, "compares the probabilities of classes"),
        ('distill soft "../teacher"', None, "outside the folder of the spec"),
        ("distill soft temperature=0", teacher, "more than 0"),
        ("distill soft 0.5", teacher, "expected a string"),
        ("distill", teacher, "missing kind of `distill`"),
    ]
    for line, given, said in cases:
        with pytest.raises(SpecError) as caught:
            engine_of(STUDENT.format(24, line), where, teacher=given)
        assert said in caught.value.diagnostics[0].message, "not in the text, whose lines break where the path is long"
    narrow = TEACHER.format(3).replace("input 6", "input 5").replace("epochs 2", 'weights "w.pt"')
    torch.save(netspec_package.loads(narrow).to_torch().state_dict(), tmp_path / "w.pt")
    (tmp_path / "narrow.net").write_text(narrow)
    with pytest.raises(SpecError, match=r"the teacher takes a vector of 5, but the\s+net\s+takes a vector of 6"):
        engine_of(STUDENT.format(24, "distill soft"), where, teacher=tmp_path / "narrow.net")
    with pytest.raises(SpecError, match="the teacher outputs a vector of 3, but the net outputs a vector of 4"):
        engine_of(STUDENT.replace("FC-3", "FC-4").format(24, "distill soft"), where, teacher=teacher)


def test_classes_in_another_order_are_reported() -> None:
    engine = engine_of(CONV.format(seed=1, more="distill soft"), "digits", teacher=conv_run())
    request = Request(SourceFile("", "s.net"), "digits", teacher=conv_run())
    names = engine.collection.classes
    with pytest.raises(SpecError, match="class 0 is 9 in the data, and 0 for the teacher"):
        open_teacher(engine.plan, request, names[::-1], engine.fabric)
