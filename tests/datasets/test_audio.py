"""Folders of .wav files, against what SciPy and the standard library wrote."""

from __future__ import annotations

import wave
from pathlib import Path

import numpy as np
import pytest
import torch
from conftest import run_netspec
from scipy.io import wavfile
from scipy.signal import resample_poly
from written import COLOR, classes, every, opened, refused, save_images

from netspec.graph import TensorType

MONO = TensorType("map", (1, 100))
WHOLE = np.random.RandomState(0).randint(-32768, 32767, (12, 130)).astype(np.int16)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for number, samples in enumerate(WHOLE):
        place = tmp_path / "words" / ("yes" if number % 2 else "no")
        place.mkdir(parents=True, exist_ok=True)
        wavfile.write(place / f"{number:02}.wav", 8000, samples[: 60 + 10 * (number % 8)])
    return tmp_path / "words"


def one(path: Path, kind: TensorType = MONO, **options: object) -> list[float]:
    found = opened(path, kind, classes(1), validation=0.0, test=0.0, **options)
    return every(found.train).inputs["input"][0].flatten().tolist()  # type: ignore[no-any-return]


def test_recordings_end_or_are_filled_up(folder: Path) -> None:
    found = opened(folder, MONO, classes(2), validation=0.0, test=0.0)
    assert found.classes == ("no", "yes")
    batch = every(found.train)
    true = np.zeros((12, 1, 100), np.float32)
    for row, number in enumerate([*range(0, 12, 2), *range(1, 12, 2)]):
        samples = WHOLE[number, : min(100, 60 + 10 * (number % 8))]
        true[row, 0, : len(samples)] = samples / 32768
    assert torch.equal(batch.inputs["input"], torch.from_numpy(true))
    assert batch.target.tolist() == [0] * 6 + [1] * 6
    for kind in (TensorType("vector", (100,)), TensorType("sequence", (100, 1))):
        other = every(opened(folder, kind, classes(2), validation=0.0, test=0.0).train).inputs["input"]
        assert torch.equal(other.flatten(), batch.inputs["input"].flatten())
        assert tuple(other.shape[1:]) == kind.shape


@pytest.mark.parametrize(
    ("samples", "true"),
    [
        (np.array([0, 128, 255], np.uint8), [-1, 0, 127 / 128]),
        (np.array([-32768, 0, 16384], np.int16), [-1, 0, 0.5]),
        (np.array([-(2**31), 0, 2**30], np.int32), [-1, 0, 0.5]),
        (np.array([-0.25, 0, 1.5], np.float32), [-0.25, 0, 1.5]),
    ],
    ids=lambda value: str(getattr(value, "dtype", "")),
)
def test_kinds_of_samples(tmp_path: Path, samples: np.ndarray, true: list[float]) -> None:  # type: ignore[type-arg]
    (tmp_path / "d" / "a").mkdir(parents=True)
    wavfile.write(tmp_path / "d" / "a" / "1.wav", 8000, samples)
    assert one(tmp_path / "d", TensorType("map", (1, 4))) == [*true, 0]


def test_24_bits_and_channels(tmp_path: Path) -> None:
    (tmp_path / "d" / "a").mkdir(parents=True)
    with wave.open(str(tmp_path / "d" / "a" / "1.wav"), "wb") as file:
        file.setnchannels(2)
        file.setsampwidth(3)
        file.setframerate(8000)
        file.writeframes(
            b"".join(value.to_bytes(3, "little", signed=True) for value in (2**22, -(2**22), 2**21, 2**21))
        )
    assert one(tmp_path / "d", TensorType("map", (2, 2))) == [0.5, 0.25, -0.5, 0.25]
    assert one(tmp_path / "d", TensorType("map", (1, 2))) == [0, 0.25]
    wavfile.write(tmp_path / "d" / "a" / "1.wav", 8000, np.array([16384, 0], np.int16))
    assert one(tmp_path / "d", TensorType("map", (2, 2))) == [0.5, 0, 0.5, 0]


def test_other_sample_rates(folder: Path) -> None:
    wavfile.write(folder / "no" / "00.wav", 16000, WHOLE[0])
    said = refused("NS602", folder, MONO, classes(2))
    assert "2 different sample rates" in said
    assert "8,000 Hz (11), 16,000 Hz (1)" in said
    found = opened(folder, MONO, classes(2), validation=0.0, test=0.0, resize=True)
    true = np.zeros(100, np.float32)
    true[:65] = resample_poly(WHOLE[0] / np.float32(32768), 1, 2)
    assert np.allclose(every(found.train).inputs["input"][0, 0], true, atol=1e-6)


def test_mistakes(folder: Path) -> None:
    said = refused("NS602", folder, COLOR, classes(2))
    assert "holds recordings (.wav), which this net does not take" in said
    assert "`input 1x16000`" in said
    (folder / "yes" / "03.wav").write_bytes(b"RIFF and nothing else")
    assert "03.wav cannot be decoded" in refused("NS603", folder, MONO, classes(2))
    assert len(opened(folder, MONO, classes(2), corrupt="skip").skipped) == 1
    assert "`FC-2`" in refused("NS602", folder, MONO, classes(4), corrupt="skip")
    save_images(folder, {"no": 1, "yes": 1}, 8, 8, 3)
    assert "subfolder of .wav files" in refused("NS601", folder.parent / "nowhere", MONO, classes(2))


def test_a_run_predicts_recordings_as_it_was_trained_on_them(folder: Path) -> None:
    (folder.parent / "net.net").write_text("input 1x100\nconv5-4\ngap\nFC-2\ntrain { epochs 1 }\n")
    packed = run_netspec("data", "pack", "words", "net.net", "-o", "packed", cwd=folder.parent)
    assert packed.returncode == 0, packed.stderr
    wavfile.write(folder.parent / "fast.wav", 16000, WHOLE[0])
    for number, data in enumerate(("words", "packed")):
        run = f"run{number}"
        assert run_netspec("train", "net.net", "--data", data, "--folder", run, cwd=folder.parent).returncode == 0
        found = run_netspec("predict", run, "words", cwd=folder.parent)
        assert found.returncode == 0, found.stderr
        assert found.stdout.count(".wav") == 12
        assert "has another sample rate" in run_netspec("predict", run, "fast.wav", cwd=folder.parent).stderr
        assert run_netspec("predict", run, "fast.wav", "--resize", cwd=folder.parent).returncode == 0
