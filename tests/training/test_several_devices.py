"""What is done differently on a GPU and in several processes, played in one: losses are read together, saving is agreed on,
statistics are shared."""

from __future__ import annotations

import threading
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from conftest import PATIENCE
from running import engine_of, save_examples
from torch.utils._python_dispatch import TorchDispatchMode

from netspec.diagnostics import SpecError
from netspec.training.curves import Board
from netspec.training.diagnosis import diverged
from netspec.training.engine import Diverged, Engine, Watcher
from netspec.training.keeper import Background, Keeper
from netspec.training.run_folder import RunFolder
from netspec.training.session import Request
from netspec.training.statistics import _moments, _sums
from netspec.training.together import speaking_once

NET = "input 6\nFC-8 act=relu\nhead: FC-3\ntrain {{ optimizer sgd lr={}; batch 2; epochs 4 }}\n"
RANDOM = np.random.default_rng(0)


@pytest.fixture
def where(tmp_path: Path) -> str:
    return save_examples(tmp_path / "e.npz", RANDOM.normal(size=(24, 6)).astype(np.float32), RANDOM.integers(0, 3, 24))


class Told(Watcher):
    """Remembers the losses of updates."""

    def __init__(self) -> None:
        self.losses: dict[int, float | None] = {}

    def update(self, engine: Engine, loss: float | None) -> None:
        self.losses[engine.at.step] = loss


def as_on_a_gpu(rate: str, where: str) -> Engine:
    engine = engine_of(NET.format(rate), where)
    engine.loss_reader.at_once = False
    return engine


def test_losses_are_read_within_an_epoch(where: str) -> None:
    at_once, together = Told(), Told()
    engine_of(NET.format("0.1"), where).fit(at_once)
    as_on_a_gpu("0.1", where).fit(together)
    read = {step: loss for step, loss in together.losses.items() if loss is not None}
    assert list(read) == [1, 17, 33]
    assert all(loss == at_once.losses[step] for step, loss in read.items())


def test_the_board_shows_them(where: str, tmp_path: Path) -> None:
    written: list[int] = []

    class Writer:
        def add_scalar(self, name: str, value: float, step: int) -> None:
            if name == "update/loss":
                written.append(step)

        def flush(self) -> None:
            pass

    for made, steps in ((engine_of(NET.format("0.1"), where), [10, 20, 30, 40]), (as_on_a_gpu("0.1", where), [17, 33])):
        board = Board(tmp_path / "board", 0)
        board.writer = Writer()
        made.fit(board)
        assert written == steps
        written.clear()


def test_a_divergence_is_told_of_the_update_where_it_began(where: str) -> None:
    found = []
    for made in (engine_of(NET.format("1e30"), where), as_on_a_gpu("1e30", where)):
        with pytest.raises(Diverged) as caught:
            made.fit(Watcher())
        found.append(caught.value)
    assert found[0].step == found[1].step
    assert found[0].later == 0
    assert found[1].later > 0
    notes = diverged(made, found[1]).diagnostics[0].notes
    assert f"losses are read every 16 updates here: the weights are those of {found[1].later} updates later" in notes


def test_every_loss_counts_for_giving_up(where: str) -> None:
    engine = as_on_a_gpu("30", where)
    engine.loss_reader.give_up = 3
    with pytest.raises(Diverged) as caught:
        engine.fit(Watcher())
    assert caught.value.updates == 3
    assert caught.value.step < 12, "within the first epoch"


@pytest.mark.parametrize(("first", "saves"), [(True, 3), (False, 0)])
def test_several_processes_save_by_the_clock_of_the_first(
    where: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, first: bool, saves: int
) -> None:
    engine = engine_of(NET.format("0.1"), where)
    monkeypatch.setattr(Keeper, "save", lambda keeper: saved.append(keeper.engine.at.step))
    saved: list[int] = []
    keeper = Keeper(engine, RunFolder(tmp_path / "run"), Request(None, where, save_every=0.0), Watcher(), Background())  # type: ignore[arg-type]
    keeper.alone, keeper.first = False, first
    for step in range(1, 50):
        engine.at.step = step
        keeper._due(engine) and keeper.save()
    assert saved == [16, 32, 48][:saves]


class Fabric:
    """One of several processes, whose sums stay its own."""

    def __init__(self, rank: int, world: int) -> None:
        self.global_rank, self.world_size = rank, world

    def all_reduce(self, value: Any, reduce_op: str) -> Any:
        return value


@pytest.mark.parametrize("world", [1, 2, 5, 30])
def test_each_process_reads_its_share_of_the_statistics(where: str, world: int) -> None:
    engine = engine_of(NET.format("0.1"), where)
    train = engine.collection.train
    read: list[int] = []

    class Counted:
        def __len__(self) -> int:
            return len(train)

        def batch(self, indices: Any) -> Any:
            read.append(len(indices))
            return train.batch(indices)

    parts = []
    for rank in range(world):
        parts.append(_moments(Counted(), engine.inputs, Fabric(rank, world), 0)[0])  # type: ignore[arg-type]
        assert sum(read) <= max(1, -(-24 // world))
        read.clear()
    x = train.batch(range(24)).inputs["input"].double()
    assert torch.allclose(sum(mean for mean, _ in parts), x.mean(0))
    assert torch.allclose(sum(square for _, square in parts), x.square().mean(0))


@pytest.mark.parametrize("shape", [(9, 3, 200, 200), (70_000, 6), (5,)])
def test_statistics_are_added_up_without_copies_of_a_batch(shape: tuple[int, ...]) -> None:
    largest = 0

    class Sizes(TorchDispatchMode):
        def __torch_dispatch__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
            nonlocal largest
            result = function(*args, **(kwargs or {}))
            if isinstance(result, torch.Tensor) and result.dtype == torch.float64:
                largest = max(largest, result.numel())
            return result

    value = torch.randn(shape)
    with Sizes():
        summed, squared = _sums(value)
    assert torch.allclose(summed, value.double().sum(0))
    assert torch.allclose(squared, value.double().square().sum(0))
    assert largest <= max(1 << 15, value[0].numel())


def test_of_three_processes_the_first_that_fails_speaks(tmp_path: Path, monkeypatch: Any) -> None:
    """Each is a thread here; the file that they have open has no name once all have it, so that none is left behind."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    lost = SpecError.of("NS604", "a process has ended")

    def play(errors: dict[int, SpecError], order: tuple[int, ...]) -> list[str]:
        together, turns, ends = threading.Barrier(3), {rank: threading.Event() for rank in order}, ["", "", ""]

        def process(rank: int) -> None:
            fabric = SimpleNamespace(
                world_size=3, global_rank=rank, broadcast=lambda given: "name", barrier=lambda: together.wait(PATIENCE)
            )
            try:
                with speaking_once(fabric):
                    together.wait(PATIENCE)
                    assert list(tmp_path.iterdir()) == [], "a kill leaves nothing behind"
                    assert turns[rank].wait(PATIENCE)
                    if rank in errors:
                        raise errors[rank]
                ends[rank] = "done"
            except SpecError as error:
                ends[rank] = str(error)
            except SystemExit as ended:
                ends[rank] = f"ended with {ended.code}"

        threads = [threading.Thread(target=process, args=(rank,)) for rank in range(3)]
        for thread in threads:
            thread.start()
        for rank in order:
            turns[rank].set()
            threads[rank].join(PATIENCE)
        return ends

    corrupt = SpecError.of("NS603", "corrupt")
    assert play({0: lost, 1: lost, 2: corrupt}, (2, 0, 1)) == ["ended with 1", "ended with 1", str(corrupt)]
    assert play({1: lost}, (0, 1, 2)) == ["done", str(lost), "done"]
    assert play({}, (0, 1, 2)) == ["done"] * 3
    assert list(tmp_path.iterdir()) == []
