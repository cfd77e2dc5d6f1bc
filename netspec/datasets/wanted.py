"""What a net needs from data: its inputs, its output, and what the loss compares."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from netspec.datasets.examples import Task
from netspec.datasets.fit import image_size
from netspec.graph import TensorType

__all__ = ["Wanted"]

_SMALLEST = 64
"""The length from which a vector may be the pixels of an image."""


@dataclass(frozen=True)
class Wanted:
    """`inputs` by name, `output` and `task` of a net; `vocabularies`: how many different ids an input may hold."""

    inputs: Mapping[str, TensorType]
    output: TensorType
    task: Task
    vocabularies: Mapping[str, int] = field(default_factory=dict)
    free: bool = False
    """There is no net: images and arrays are taken as they are stored."""

    @classmethod
    def anything(cls) -> Wanted:
        """What is wanted of data that is looked at or packed without a net."""
        return cls({"x": TensorType("map", ())}, TensorType("vector", (0,)), "class", free=True)

    @property
    def labeled(self) -> bool:
        """Whether every example needs a target."""
        return not self.free and self.task != "input"

    @property
    def takes_image(self) -> bool:
        """Whether the only input can be an image."""
        if self.free:
            return True
        kinds = list(self.inputs.values())
        if len(kinds) != 1 or kinds[0].layout == "ids" or (kinds[0].layout == "vector" and kinds[0].size < _SMALLEST):
            return False
        return any(image_size(kinds[0], channels) for channels in (1, 3))

    @property
    def takes_signal(self) -> bool:
        """Whether the only input can be a recording of one or two channels."""
        if self.free or len(self.inputs) != 1:
            return False
        (kind,) = self.inputs.values()
        if kind.layout == "map":
            return kind.rank == 1 and kind.shape[0] in (1, 2)
        return kind.layout == "vector" or (kind.layout == "sequence" and kind.shape[1] in (1, 2))

    @property
    def takes_ids(self) -> bool:
        """Whether the only input is a list of ids."""
        return [kind.layout for kind in self.inputs.values()] == ["ids"]

    @property
    def labels_pixels(self) -> bool:
        return self.task != "input" and self.output.layout == "map" and self.output.rank == 2

    @property
    def described(self) -> str:
        """The inputs and the predictions in a sentence."""
        if self.free:
            return "without a spec, images, arrays and tables of them are read"
        given = " and ".join(
            kind.noun if len(self.inputs) == 1 else f"`{name}`, {kind.noun}" for name, kind in self.inputs.items()
        )
        if self.task == "input":
            return f"the net takes {given} and reproduces it"
        return f"the net takes {given} and predicts {self._targets}"

    @property
    def _targets(self) -> str:
        output = self.output
        if self.task == "values":
            return "one value" if output.size == 1 else f"{output} values"
        count = f"{output.features} classes"
        if output.layout == "vector":
            return f"one of {count}"
        each = {"sequence": "each token"}.get(output.layout, "each pixel" if output.rank == 2 else "each position")
        return f"one of {count} for {each}"

    @property
    def formats(self) -> str:
        """The formats of data that suit the net, as a help."""
        if self.free:
            return "give the spec of a network that takes this data, too"
        return f"data for this net: {'; '.join(self._formats())}"

    def _formats(self) -> list[str]:
        found: list[str] = []
        if self.takes_image:
            found += self._of_images()
        elif self.takes_ids:
            found += [
                "a text file, for a net that predicts the next character",
                "a folder with one subfolder of text files per class (optionally inside train/, val/, test/)",
                "a CSV or Parquet file with the columns text and label",
            ]
        elif self.takes_signal and self.task == "class":
            found.append("a folder with one subfolder of .wav files per class (optionally inside train/, val/, test/)")
        if [kind.layout for kind in self.inputs.values()] == ["vector"] and not self.takes_image:
            found.append("a CSV or Parquet file of numbers whose last columns are the targets")
            if next(iter(self.inputs.values())).size == 2:
                found.append("xor, nand, spirals, moons, blobs, rings")
        names = ", ".join([*self.inputs, "y"] if len(self.inputs) > 1 else ["x", "y"])
        return [*found, f"an .npz file with arrays {names}", "a Hugging Face dataset saved to disk", "synthetic"]

    def _of_images(self) -> list[str]:
        if self.labels_pixels:
            return ["a folder with images/ and masks/ (optionally inside train/, val/, test/)"]
        found = ["digits"] if self.task != "values" else []
        if self.task == "values":
            found.append("a CSV or Parquet file with a column of image files and columns of values")
        else:
            found.append("a folder with one subfolder of images per class (optionally inside train/, val/, test/)")
            found.append("a CSV or Parquet file with the columns file and label")
            found.append("MNIST IDX files")
            found.append("CIFAR binaries")
        if next(iter(self.inputs.values())).layout == "vector":
            found.append("a CSV or Parquet file of numbers whose last columns are the targets")
        return found
