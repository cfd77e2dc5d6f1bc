"""Writes predictions to files: masks as PNG or `.npy`, other outputs as `.npy`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from netspec.diagnostics import SpecError
from netspec.files import atomic_write

if TYPE_CHECKING:
    import numpy as np

    from netspec.training.prediction import Prediction, Predictor

__all__ = ["PredictedFiles", "palette", "write_png"]

_NAMES = "classes.txt"
_SUFFIXES = (".png", ".npy")
_MOST_COLORS = 256


class PredictedFiles:
    """Where predictions are written: to `target` if it ends in .png or .npy, otherwise to a folder of that name, one file
    for each example, beside a list of the classes. Raises SpecError (NS501, NS604) where the output of the net cannot be
    written like that."""

    def __init__(self, target: Path, predictor: Predictor) -> None:
        if len(predictor.readings) > 1:
            names = ", ".join(f"`{reading.head.name}`" for reading in predictor.readings)
            raise SpecError.of(
                "NS604", f"`-o` writes a single output, but the net has {len(predictor.readings)}: {names}",
                helps=["use `--json`, or `netspec run SPEC --weights RUN -o FILE.npz`"],
            )  # fmt: skip
        self.target, self.predictor = target, predictor
        self.suffix = target.suffix.lower()
        self.single = self.suffix in _SUFFIXES
        if not self.single:
            self.suffix = ".png" if self._can_be_png else ".npy"
            self._make_folder()
        elif self.suffix == ".png" and not self._can_be_png:
            kind = predictor.run.plan.output.type
            raise SpecError.of(
                "NS604", "only masks of at most 256 classes are written as PNG", notes=[f"the net outputs {kind.noun}"],
                helps=["write `-o FILE.npy`"],
            )  # fmt: skip
        self.written: set[Path] = set()

    @property
    def _can_be_png(self) -> bool:
        kind = self.predictor.run.plan.output.type
        return (
            self.predictor.reading.masks and kind.rank == 2 and len(self.predictor.reading.class_names) <= _MOST_COLORS
        )

    def _make_folder(self) -> None:
        from netspec.files import cannot_write

        try:
            self.target.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise cannot_write(self.target, error) from None
        if self.predictor.reading.masks or self.predictor.reading.ranks:
            with atomic_write(self.target / _NAMES) as file:
                file.write("".join(f"{name}\n" for name in self.predictor.reading.class_names).encode())

    def write(self, prediction: Prediction, source: Path, number: int | None) -> Path:
        """Writes a prediction for a file, or for example `number` of it, and returns where. Raises SpecError (NS501)."""
        path = self.target if self.single else self._free(source, number)
        if path in self.written:
            raise SpecError.of(
                "NS501", f"{path} cannot hold several predictions", helps=["give the name of a folder: `-o masks`"]
            )
        self.written.add(path)
        values = (
            self.predictor.reading.mask(prediction)
            if self.predictor.reading.masks and not prediction.ranked
            else prediction.values.detach().numpy()
        )
        if self.suffix == ".png":
            write_png(path, values, len(self.predictor.reading.class_names))
        else:
            _write_array(path, values)
        return path

    def _free(self, source: Path, number: int | None) -> Path:
        """A name in the folder after that of the file; with its extension where another file has the same."""
        place = "" if number is None else f"-{number}"
        path = self.target / f"{source.stem}{place}{self.suffix}"
        return path if path not in self.written else self.target / f"{source.name}{place}{self.suffix}"


def write_png(path: Path, mask: np.ndarray[Any, Any], classes: int) -> None:
    """A mask, H x W class indices, as a PNG with a palette: its pixels are the indices. Raises SpecError (NS501)."""
    from PIL import Image

    image = Image.fromarray(mask.astype("uint8"), mode="P")
    image.putpalette(palette(classes))
    with atomic_write(path) as file:
        image.save(file, format="PNG")


def palette(classes: int) -> list[int]:
    """Red, green and blue of 256 classes: black and white for two, otherwise the colors of PASCAL VOC, which put the bits
    of an index into the highest bits of the three colors (Everingham et al., VOC development kit)."""
    if classes == 2:
        return [0, 0, 0, 255, 255, 255, *[0] * 3 * 254]
    found = []
    for index in range(_MOST_COLORS):
        for color in range(3):
            bits = [(index >> (3 * place + color)) & 1 for place in range(3)]
            found.append(sum(bit << (7 - place) for place, bit in enumerate(bits)))
    return found


def _write_array(path: Path, values: Any) -> None:
    import numpy as np

    with atomic_write(path) as file:
        np.save(file, values, allow_pickle=False)
