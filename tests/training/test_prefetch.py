"""Batches are copied to a device one ahead, with the streams of the CPU, which do nothing, or those of a fake that writes what
is asked of it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image
from running import X, Y, engine_of, save_examples

from netspec.datasets import Batch, DataOptions
from netspec.diagnostics import SpecError
from netspec.training import engine as engines
from netspec.training.engine import Engine
from netspec.training.prefetch import ahead, prefetched
from netspec.training.watching import Watcher

CPU = torch.device("cpu")
NET = "input 6\nFC-3 act=none\nsoftmax\ntrain { optimizer sgd lr=0.1; epochs 2; batch 4; seed 1 }\n"


@pytest.fixture
def pinned(monkeypatch: pytest.MonkeyPatch) -> list[Batch]:
    """The batches that were pinned; without a GPU there is no such memory."""
    found: list[Batch] = []

    def pin(batch: Batch) -> Batch:
        found.append(batch)
        return batch

    monkeypatch.setattr(Batch, "pin_memory", pin)
    return found


def batch(number: int) -> Batch:
    return Batch({"x": torch.tensor([number])}, {"y": torch.tensor([-number])}, (f"{number}.jpg",))


class Device:
    """A module of a device whose streams write down what is asked of them."""

    def __init__(self) -> None:
        self.log: list[str] = []
        self.main, self.current = self._stream("main"), "main"

    def _stream(self, name: str) -> Any:
        log = self.log

        class Stream:
            def __init__(self, device: Any = None) -> None:
                self.name = name

            def wait_stream(self, other: Any) -> None:
                log.append(f"{name} waits for {other.name}")

        return Stream()

    def Stream(self, device: Any) -> Any:
        return self._stream("side")

    def current_stream(self, device: Any) -> Any:
        return self.main

    @contextmanager
    def stream(self, stream: Any) -> Iterator[None]:
        self.current = stream.name
        yield
        self.current = "main"


def test_a_copy_waits_for_what_was_queued_and_runs_beside_the_update_before_it(
    monkeypatch: pytest.MonkeyPatch, pinned: list[Batch]
) -> None:
    device = Device()
    monkeypatch.setattr(torch, "get_device_module", lambda _: device)
    own = Batch.to

    def copied(batch: Batch, place: torch.device) -> Batch:
        device.log.append(f"{device.current} copies {int(batch.inputs['x'])}")
        return own(batch, place)

    monkeypatch.setattr(Batch, "to", copied)
    for one in ahead(map(batch, range(3)), CPU):
        device.log.append(f"update {int(one.inputs['x'])}")
    assert device.log == [
        "side waits for main", "side copies 0",
        "main waits for side", "side waits for main", "side copies 1", "update 0",
        "main waits for side", "side waits for main", "side copies 2", "update 1",
        "main waits for side", "update 2",
    ]  # fmt: skip
    assert len(pinned) == 3


def test_batches_come_whole_and_in_order(pinned: list[Batch]) -> None:
    found = list(ahead(map(batch, range(5)), CPU))
    assert [int(one.inputs["x"]) for one in found] == [0, 1, 2, 3, 4]
    assert [int(one.target) for one in found] == [0, -1, -2, -3, -4]
    assert [one.replaced for one in found] == [(f"{n}.jpg",) for n in range(5)]
    assert list(ahead(iter([]), CPU)) == []


def test_on_a_cpu_it_is_the_plain_iterator() -> None:
    plain = map(batch, range(3))
    assert prefetched(plain, CPU) is plain
    assert prefetched(plain, torch.device("mps")) is plain
    assert prefetched(plain, torch.device("cuda")) is not plain


def test_an_error_comes_in_the_place_of_its_batch(pinned: list[Batch]) -> None:
    def reading() -> Iterator[Batch]:
        yield batch(0)
        yield batch(1)
        raise SpecError.of("NS603", "corrupt")

    stream = ahead(reading(), CPU)
    assert [int(next(stream).target) for _ in range(2)] == [0, -1]
    with pytest.raises(SpecError, match="corrupt"):
        next(stream)
    assert next(stream, None) is None


def test_an_interruption_while_a_batch_is_read_is_not_kept(pinned: list[Batch]) -> None:
    def reading() -> Iterator[Batch]:
        yield batch(0)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        next(ahead(reading(), CPU))


def same(one: Engine, other: Engine) -> bool:
    pairs = zip(one.weights().values(), other.weights().values(), strict=True)
    return all(torch.equal(a, b) for a, b in pairs) and one.at.history[-1].score == other.at.history[-1].score


@pytest.mark.slow
def test_runs_are_the_same_also_when_they_are_resumed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, pinned: list[Batch]
) -> None:
    where = save_examples(tmp_path / "data.npz", X, Y)
    plain = engine_of(NET, where)
    plain.fit(Watcher())
    monkeypatch.setattr(engines, "prefetched", ahead)
    whole, first, second = (engine_of(NET, where) for _ in range(3))
    whole.fit(Watcher())
    assert same(plain, whole)
    assert not first.fit(Watcher(), lambda: first.at.step == 3)
    second.load_state(first.state())
    second.fit(Watcher())
    assert same(plain, second)


@pytest.mark.slow
def test_a_corrupt_file_ends_a_run_at_its_update(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, pinned: list[Batch]
) -> None:
    for number in range(8):
        place = tmp_path / "data" / "ab"[number % 2] / f"{number}.png"
        place.parent.mkdir(parents=True, exist_ok=True)
        Image.new("L", (4, 4), 30 * number).save(place)
    net = "input 1x4x4\nFC-2 act=none\nsoftmax\ntrain { epochs 1; batch 2; seed 1 }\n"
    ended = []
    for way in (engines.prefetched, ahead):
        engine = engine_of(net, str(tmp_path / "data"), DataOptions(validation=0.0, test=0.0, workers=0))
        (tmp_path / "data" / "a" / "6.png").write_bytes(b"no image")
        monkeypatch.setattr(engines, "prefetched", way)
        with pytest.raises(SpecError) as caught:
            engine.fit(Watcher())
        ended.append((engine.at.step, [d.code for d in caught.value.diagnostics]))
        Image.new("L", (4, 4), 180).save(tmp_path / "data" / "a" / "6.png")
    assert ended[0] == ended[1]
    assert ended[0][1] == ["NS603"]
    assert ended[0][0] > 0, "some updates come before it"
