"""Recordings (`.wav`) in one folder per class, optionally inside `train`, `val` and `test`, for nets that take a signal.

The length of the input is a number of samples: longer recordings end there, shorter ones are filled up with zeros. Samples are
numbers from -1 to 1.
"""

from __future__ import annotations

import math
import warnings
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from netspec.datasets.class_folders import AUDIO, printable
from netspec.datasets.decoded_pool import DecodedPool
from netspec.datasets.fit import only_input
from netspec.datasets.folder_index import indexed
from netspec.datasets.image_folder import ImageFiles, sizes_digest
from netspec.datasets.pools import LEFT_OUT, Source, Taken
from netspec.diagnostics import SpecError
from netspec.optional import not_installed

if TYPE_CHECKING:
    import numpy as np

    from netspec.datasets.cutting import Cuts
    from netspec.datasets.examples import DataOptions
    from netspec.datasets.wanted import Wanted
    from netspec.graph import TensorType

__all__ = ["open_audio_folder", "read_signal"]

_MOST_MEASURED = 10_000


@dataclass(frozen=True)
class _Signal:
    """What a net takes: channels x samples, laid out as `kind`, and the sample rate of the data, which others are resampled to
    (`resample`) or refused."""

    kind: TensorType
    rate: int
    resample: bool

    def read(self, path: str, shown: str) -> np.ndarray[Any, Any]:
        """A recording. Raises SpecError (NS602, NS603)."""
        import numpy as np

        channels, length = _channels_and_samples(self.kind)
        rate, stored = _recording(path, shown)
        if rate != self.rate and not self.resample:
            raise SpecError.of(
                "NS602", f"{shown} has another sample rate", notes=[f"{rate:,} Hz, and the other recordings have {self.rate:,} Hz"],
                helps=["use `--resize` to resample it"],
            )  # fmt: skip
        samples = _mixed(_as_numbers(stored), channels, shown)
        if rate != self.rate:
            samples = _resampled(samples, rate, self.rate)
        result = np.zeros((channels, length), dtype=np.float32)
        count = min(length, samples.shape[1])
        result[:, :count] = samples[:, :count]
        return result.T if self.kind.layout == "sequence" else result.reshape(self.kind.shape)


def read_signal(file: Path, kind: TensorType, rate: int, *, resample: bool) -> np.ndarray[Any, Any]:
    """A recording as a net takes it that was trained on recordings of this sample rate. Raises SpecError (NS502, NS602, NS603)."""
    _require_scipy()
    return _Signal(kind, rate, resample).read(str(file), printable(str(file)))


def _require_scipy() -> None:
    try:
        import scipy.io.wavfile  # noqa: F401
    except ImportError:
        raise not_installed("SciPy, which reads .wav files,", "train") from None


def open_audio_folder(folder: Path, wanted: Wanted, options: DataOptions) -> Source:
    """Raises SpecError (NS502, NS601, NS602, NS603)."""
    import numpy as np

    _require_scipy()
    shown = printable(str(folder))
    name, kind = only_input(wanted.inputs, shown)
    _require_signal(wanted, shown)
    found = indexed(folder, labeled=wanted.labeled, kind=AUDIO)
    files = ImageFiles(str(folder), found.names)
    rates, bad = _rates(files, options)
    part = found.parts.copy()
    part[bad] = LEFT_OUT
    if not rates:
        raise SpecError.of("NS601", f"none of the recordings in {shown} can be read")
    ((rate, _),) = rates.most_common(1)
    if len(rates) > 1 and not options.resize:
        listed = ", ".join(f"{one:,} Hz ({count})" for one, count in rates.most_common(4))
        raise SpecError.of(
            "NS602", f"the recordings in {shown} have {len(rates)} different sample rates", notes=[listed],
            helps=[f"use `--resize` to resample them to {rate:,} Hz"],
        )  # fmt: skip
    return Source(
        shown, _AudioPool(files, name, _Signal(kind, rate, options.resize)),
        found.labels.astype(np.int64) if found.classes else None, part, found.keys,
        f"{sizes_digest(found.digest, files)} {'x'.join(map(str, _channels_and_samples(kind)))} {rate}", found.classes,
        [files.shown(row) for row in bad], sample_rate=rate,
    )  # fmt: skip


def _channels_and_samples(kind: TensorType) -> tuple[int, int]:
    return {"map": kind.shape[:1], "sequence": kind.shape[1:]}.get(kind.layout, (1,))[0], max(kind.shape)


def _require_signal(wanted: Wanted, shown: str) -> None:
    """Raises SpecError (NS602)."""
    if not wanted.takes_signal:
        raise SpecError.of(
            "NS602", f"{shown} holds recordings (.wav), which this net does not take", notes=[wanted.described],
            helps=["a net of signals begins with channels x samples: `input 1x16000` for a second at 16,000 Hz", wanted.formats],
        )  # fmt: skip


def _rates(files: ImageFiles, options: DataOptions) -> tuple[Counter[int], list[int]]:
    """How many recordings have which sample rate, and the corrupt ones; of many, evenly spaced ones are read."""
    skip = options.corrupt == "skip"
    rates: Counter[int] = Counter()
    bad = []
    for row in range(0, len(files), 1 if skip else -(-len(files) // _MOST_MEASURED)):
        try:
            rates[_recording(files.stored(row), files.shown(row))[0]] += 1
        except SpecError:
            if not skip:
                raise
            bad.append(row)
    return rates, bad


def _recording(path: str, shown: str) -> tuple[int, np.ndarray[Any, Any]]:
    """The sample rate, and channels x samples as they are stored. Raises SpecError (NS603)."""
    from scipy.io import wavfile

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about chunks that hold no samples
            rate, samples = wavfile.read(path)
        if not rate or not samples.size:
            raise ValueError("it has no samples")
        return int(rate), samples[None] if samples.ndim == 1 else samples.T
    except Exception as error:  # SciPy raises arbitrary exceptions for corrupt files
        said = getattr(error, "strerror", None) or str(error) or type(error).__name__
        raise SpecError.of(
            "NS603", f"{shown} cannot be decoded", notes=[said[:200]],
            helps=["repair or remove it, or use `--corrupt skip` to leave such recordings out"],
        ) from None  # fmt: skip


def _as_numbers(samples: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """Samples from -1 to 1, float32: whole numbers are divided by the largest that they could be."""
    import numpy as np

    whole = samples.dtype.kind != "f"
    middle = 128 if samples.dtype == np.uint8 else 0  # the only samples that are stored unsigned
    most = 2.0 ** (8 * samples.dtype.itemsize - 1) if whole else 1.0
    numbers: np.ndarray[Any, Any] = ((samples.astype(np.float64) - middle) / most).astype(np.float32)
    return numbers


class _AudioPool(DecodedPool):
    def __init__(self, files: ImageFiles, name: str, signal: _Signal) -> None:
        self._files, self._name, self._signal = files, name, signal
        self.shapes = {name: signal.kind.shape}

    def __len__(self) -> int:
        return len(self._files)

    def shown(self, row: int) -> str:
        return self._files.shown(row)

    def _read(self, row: int, cuts: Cuts | None, place: int) -> np.ndarray[Any, Any]:
        return self._signal.read(self._files.stored(row), self.shown(row))

    def _taken(self, kept: list[Any], rows: np.ndarray[Any, Any], replaced: tuple[str, ...]) -> Taken:
        import numpy as np
        import torch

        stacked = np.stack(kept) if kept else np.empty((0, *self._signal.kind.shape), dtype=np.float32)
        return Taken({self._name: torch.from_numpy(np.ascontiguousarray(stacked))}, rows, replaced)


def _mixed(samples: np.ndarray[Any, Any], channels: int, shown: str) -> np.ndarray[Any, Any]:
    """One channel is the mean of all, or is repeated. Raises SpecError (NS602)."""
    if len(samples) == channels:
        return samples
    if channels == 1:
        return samples.mean(0, keepdims=True)  # type: ignore[no-any-return]
    if len(samples) == 1:
        return samples.repeat(channels, 0)
    raise SpecError.of("NS602", f"{shown} has {len(samples)} channels, and the net takes {channels}")


def _resampled(samples: np.ndarray[Any, Any], rate: int, wanted: int) -> np.ndarray[Any, Any]:
    import numpy as np
    from scipy.signal import resample_poly

    common = math.gcd(rate, wanted)
    result: np.ndarray[Any, Any] = resample_poly(samples, wanted // common, rate // common, axis=1).astype(np.float32)
    return result
