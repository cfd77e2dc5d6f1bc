"""Predictions of a run for single images and arrays."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from netspec.datasets.bare_images import holds_images, read_images
from netspec.datasets.fit import Part, fitted, only_input, scaled_from
from netspec.datasets.npz import inputs_of_npz
from netspec.datasets.points import stored_points
from netspec.diagnostics import SpecError
from netspec.training.readings import Prediction, Reading
from netspec.training.trained import Trained, answers, views

if TYPE_CHECKING:
    import numpy as np
    from torch import Tensor

    from netspec.graph import TensorType

__all__ = ["Prediction", "Predictor", "found_files"]

_ARRAYS = (".npy", ".npz")
_TABLES = (".csv", ".tsv", ".parquet")
_BATCH = 128


def found_files(path: Path) -> list[Path]:
    """The file itself, or all images and arrays in a folder, at any depth, by name; of a data set without the labels and masks.

    Raises SpecError (NS001)."""
    from netspec.datasets.bare_images import image_files
    from netspec.datasets.class_folders import AUDIO, SUFFIXES, TEXTS

    if path.is_file():
        return [path]
    if not path.is_dir():
        raise SpecError.of("NS001", f"no such file: {path}")
    of_data = image_files(path)
    if of_data and of_data[0].is_file():
        return of_data
    places = of_data or [path]
    inner = [
        p
        for place in places
        for p in sorted(place.rglob("*"))
        if p.suffix.lower() in (*SUFFIXES, *_ARRAYS, *TEXTS.suffixes, *AUDIO.suffixes) and p.is_file()
    ]
    files = [p for p in inner if not any(part.startswith(".") for part in p.relative_to(path).parts)]
    if not files:
        raise SpecError.of(
            "NS001",
            f"{path} contains no images, arrays, texts or recordings",
            helps=[
                f"supported extensions: {', '.join((*SUFFIXES, *TEXTS.suffixes, *AUDIO.suffixes))}, .npy; and IDX and CIFAR files"
            ],
        )
    return files


class Predictor:
    """The net of a run; files are read like its training data."""

    def __init__(self, run: Trained, *, resize: bool = False) -> None:
        self.run = run
        self.readings = [Reading(head, run.names[head.name]) for head in run.plan.heads]
        self.reading = self.readings[0]
        """That of the first output."""
        crop = run.plan.recipe.augment.get("crop")
        self.options = replace(run.request.options, resize=resize or run.request.options.resize)
        if self.options.pixels is None and crop is not None and crop.values.get("from") is not None:
            self.options = replace(self.options, pixels=crop.values["from"])
        self.part: Part | None = None
        """What was read of the images of a file; None: all, and not scaled."""

    def predictions(self, file: Path) -> Iterator[Prediction]:
        """One prediction per image, or per example of an array. Raises SpecError (NS503, NS602, NS603)."""
        self.part = None
        arrays = self._arrays(file)
        place = self._place(file)
        count = len(next(iter(arrays.values())))
        for start in range(0, count, _BATCH):
            given = self._answers({name: array[start : start + _BATCH] for name, array in arrays.items()})
            given = given if place is None else [outputs[:, place] for outputs in given]
            for row, each in enumerate(zip(*given, strict=True), start):
                name = str(file) if count == 1 else f"{file}[{row}]"
                found = [reading.prediction(name, answer) for reading, answer in zip(self.readings, each, strict=True)]
                if len(found) > 1:
                    named = {reading.head.name: one for reading, one in zip(self.readings, found, strict=True)}
                    found[0] = replace(found[0], outputs=named)
                yield found[0]

    def _answers(self, arrays: dict[str, np.ndarray[Any, Any]]) -> list[Tensor]:
        """Of each output."""
        import numpy as np
        import torch

        from netspec.datasets.examples import Batch

        tensors = {name: torch.from_numpy(np.array(array, order="C")) for name, array in arrays.items()}
        (view,) = views(self.run, {name: tuple(array.shape[1:]) for name, array in arrays.items()})
        inputs, _ = view.test(Batch(tensors, {head.name: torch.zeros(0) for head in self.run.plan.heads}))
        heads = self.run.plan.heads
        found = [answers(head, output) for head, output in zip(heads, self.run.outputs(inputs), strict=True)]
        if not any(head.points for head in heads):
            return found
        name, read = next((n, array.shape[2:]) for n, array in arrays.items() if array.ndim == 4)
        kind = self.run.plan.inputs[name]
        seen = kind.spatial if kind.layout == "map" else read
        return [
            stored_points(values, self.part, read, seen) if head.points else values
            for head, values in zip(heads, found, strict=True)
        ]

    # Files

    def _arrays(self, file: Path) -> dict[str, np.ndarray[Any, Any]]:
        if file.suffix.lower() in _ARRAYS:
            return self._stored(file)
        if file.suffix.lower() in _TABLES:
            return self._rows(file)
        name, kind = only_input(self.run.plan.inputs, str(file))
        if holds_images(file) and file.is_file():
            return {name: self._example(read_images(file), kind, str(file))}
        if kind.layout == "ids":
            return {name: self._text(file, kind)}
        if file.suffix.lower() == ".wav":
            return {name: self._signal(file, kind)}
        return {name: self._image(file, kind)}

    def _rows(self, file: Path) -> dict[str, np.ndarray[Any, Any]]:
        """The rows of a table of numbers, or of texts that are classified."""
        from netspec.datasets.parquet import read_parquet
        from netspec.datasets.table import read_table
        from netspec.datasets.table_data import inputs_of_rows

        plan = self.run.plan
        if self._continues:
            raise SpecError.of("NS602", f"{file} is a table, and the net continues a text", helps=["give a text file"])
        table = read_parquet([file]) if file.suffix.lower() == ".parquet" else read_table(file)
        rows = inputs_of_rows(table, file.parent, plan.wanted)
        return {name: self._example(array, plan.inputs[name], str(file)) for name, array in rows.items()}

    def _text(self, file: Path, kind: TensorType) -> np.ndarray[Any, Any]:
        import numpy as np

        from netspec.datasets.text import bytes_of_texts, content_of, ids_of_end

        if not file.is_file():
            raise SpecError.of("NS001", f"no such file: {file}")
        if not self._continues:
            return bytes_of_texts([content_of(file)], kind.shape[0])
        ids = ids_of_end(content_of(file), self.run.classes, kind.shape[0], str(file))
        if not len(ids) or (len(ids) < kind.shape[0] and self.reading.ranks):
            raise SpecError.of("NS602", f"{file} is too short", notes=[f"it has {len(ids)} characters, and the net takes {kind.shape[0]}"])  # fmt: skip
        return np.pad(ids, (0, kind.shape[0] - len(ids)))[None]

    def _signal(self, file: Path, kind: TensorType) -> np.ndarray[Any, Any]:
        from netspec.datasets.audio_folder import read_signal

        rate = self.run.info["data"].get("sample_rate")
        if rate is None:
            raise SpecError.of(
                "NS602", f"{file} is a recording, and the net was not trained on recordings",
                helps=["give the input as an .npy array"],
            )  # fmt: skip
        if not file.is_file():
            raise SpecError.of("NS001", f"no such file: {file}")
        return read_signal(file, kind, rate, resample=self.options.resize)[None]

    @property
    def _continues(self) -> bool:
        """Whether the net was trained to predict the next character of a text."""
        from netspec.datasets.text import is_corpus

        head = self.run.plan.head
        tokens = head.type.layout == "sequence" and head.task != "sequence"
        return tokens or is_corpus(Path(self.run.request.data))

    def _place(self, file: Path) -> int | None:
        """Where a net that predicts the next character at every token says what follows the text; None for other files."""
        from netspec.datasets.text import content_of, ids_of_end

        plan = self.run.plan
        (kind, *_) = plan.inputs.values()
        tokens = plan.output.type.layout == "sequence" and plan.task != "sequence"
        if kind.layout != "ids" or not tokens or file.suffix.lower() in (*_ARRAYS, *_TABLES):
            return None
        return len(ids_of_end(content_of(file), self.run.classes, kind.shape[0], str(file))) - 1

    def _image(self, file: Path, kind: TensorType) -> np.ndarray[Any, Any]:
        from netspec.datasets.decoding import decode, measure, part_read, require_pillow
        from netspec.datasets.images import fitted_frame

        require_pillow()
        if not file.is_file():
            raise SpecError.of("NS001", f"no such file: {file}")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Pillow warns about metadata; real problems are errors
            try:
                header = measure(str(file), str(file))
            except SpecError as error:
                raise _without_helps(error) from None
            try:
                frame = fitted_frame(kind, [header], self.options, str(file))
            except SpecError as error:
                if error.diagnostics[0].code != "NS602":
                    raise
                raise self._misfit(file, header, kind) from None
            try:
                self.part = part_read(header, frame, None, 0)
                return decode(str(file), frame, str(file))[None]
            except SpecError as error:
                raise _without_helps(error) from None

    def _misfit(self, file: Path, header: Any, kind: TensorType) -> SpecError:
        from netspec.datasets.fit import image_size

        found = f"it is {header.height}x{header.width}, in {'color' if header.channels == 3 else 'gray'}"
        can = not self.options.resize and any(image_size(kind, c) for c in (1, 3))
        helps = ["use `--resize` to scale it to the input size of the net"] if can else []
        return SpecError.of(
            "NS602",
            f"{file} does not match the input of the net",
            notes=[found, f"the input of the net is {kind.noun}"],
            helps=helps,
        )

    def _stored(self, file: Path) -> dict[str, np.ndarray[Any, Any]]:
        import numpy as np

        from netspec.reading.arrays import read_arrays

        arrays = read_arrays(file)
        inputs = self.run.plan.inputs
        if set(arrays) == {""}:
            name, _ = only_input(inputs, str(file))
            arrays = {name: arrays[""]}
        missing = [name for name in inputs if name not in arrays]
        if missing and file.suffix.lower() == ".npz":
            arrays, missing = inputs_of_npz(file, inputs), []
        if missing:
            raise SpecError.of(
                "NS503", f"{file} has no array `{missing[0]}`",
                notes=[f"it contains {', '.join(arrays) or 'nothing'}", f"the inputs of the net are {', '.join(inputs)}"],
            )  # fmt: skip
        chosen = {name: self._example(arrays[name], kind, f"{file}") for name, kind in inputs.items()}
        for name, array in chosen.items():
            if array.dtype.kind == "f" and not np.isfinite(array).all():
                raise SpecError.of("NS603", f"{file} contains NaN or infinity", notes=[f"in `{name}`"])
        if len({len(array) for array in chosen.values()}) > 1:
            raise SpecError.of("NS503", f"the arrays of {file} have different numbers of examples")
        return chosen

    def _example(self, array: np.ndarray[Any, Any], kind: TensorType, shown: str) -> np.ndarray[Any, Any]:
        """A batch from an array with one or several examples."""
        options: Any = {
            "shown": shown,
            "resize": self.options.resize or self.options.pixels is not None,
            "pixels": self.options.pixels,
        }
        if array.ndim and not array.size:
            raise SpecError.of("NS503", f"{shown} is empty")
        for batch in (array, array[None]):
            try:
                return fitted(batch, kind, **{**options, "resize": False})
            except SpecError as error:
                refused = error
        if options["resize"]:
            stored = array[None] if array.ndim < 4 else array
            try:
                read = fitted(stored, kind, **options)
            except SpecError:
                pass
            else:
                self.part = scaled_from(stored, read, options["pixels"])
                return read
        found = f"it is {'x'.join(map(str, array.shape)) or 'a single number'} ({array.dtype})"
        raise SpecError.of(
            "NS602", f"{shown} does not match the input of the net",
            notes=[f"{found}; it can contain one example, or several along its first axis", f"the input of the net is {kind.noun}"],
            helps=["use `--resize` to scale images to the input size of the net"] if array.ndim > 2 and not options["resize"] else [],
        ) from refused  # fmt: skip


def _without_helps(error: SpecError) -> SpecError:
    """`--corrupt skip` is not available here."""
    return SpecError(replace(d, helps=()) if d.code == "NS603" else d for d in error.diagnostics)
