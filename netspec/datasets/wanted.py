"""What a net needs from data: its inputs, its output, and what the loss compares."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from netspec.datasets.examples import Goal, Task
from netspec.datasets.fit import image_size
from netspec.graph import TensorType

__all__ = ["Wanted"]

_SMALLEST = 64
"""The length from which a vector may be the pixels of an image."""


@dataclass(frozen=True)
class Wanted:
    """The inputs of a net and the goals of its outputs, by name; `vocabularies`: how many different ids an input may hold."""

    inputs: Mapping[str, TensorType]
    goals: Mapping[str, Goal]
    vocabularies: Mapping[str, int] = field(default_factory=dict)
    free: bool = False
    """There is no net: images and arrays are taken as they are stored."""

    @classmethod
    def anything(cls) -> Wanted:
        """What is wanted of data that is looked at or packed without a net."""
        return cls({"x": TensorType("map", ())}, {"y": Goal(TensorType("vector", (0,)), "class")}, free=True)

    @property
    def labeled(self) -> bool:
        """Whether every example needs a target."""
        return not self.free and self.task != "input"

    @property
    def stored(self) -> dict[str, Goal]:
        """The goals whose targets the data has beside the inputs."""
        return {name: goal for name, goal in self.goals.items() if goal.stored}

    @property
    def goal(self) -> Goal:
        """The first goal that needs targets of its own, which is the only one for most formats."""
        return next(iter((self.stored or self.goals).values()))

    @property
    def output(self) -> TensorType:
        return self.goal.output

    @property
    def task(self) -> Task:
        return self.goal.task

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
        goals = self.stored
        said = [_told(goal) if len(goals) == 1 else f"`{name}`, {_told(goal)}" for name, goal in goals.items()]
        return f"the net takes {given} and predicts {' and '.join(said)}"

    @property
    def formats(self) -> str:
        """The formats of data that suit the net, as a help."""
        if self.free:
            return "give the spec of a network that takes this data, too"
        return f"data for this net: {'; '.join(self._formats())}"

    def _formats(self) -> list[str]:
        found: list[str] = []
        if len(self.stored) > 1 or self.task == "sequence":
            return self._of_arrays()
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
        names = self._arrays(["y"])
        return [*found, f"an .npz file with arrays {names}", "a Hugging Face dataset saved to disk", "synthetic"]

    def _arrays(self, targets: Sequence[str]) -> str:
        return ", ".join([*(self.inputs if len(self.inputs) > 1 else ["x"]), *targets])

    def _of_arrays(self) -> list[str]:
        """Of several targets for each example, or of sequences."""
        names = list(self.stored) if len(self.stored) > 1 else ["label"]
        inputs = ["file"] if self.takes_image else []
        rows = [kind.shape for kind in self.inputs.values()] == [(1, 8, 40)] and self.task == "sequence"
        return [
            *(["digit_rows"] if rows else []),
            f"an .npz file with arrays {self._arrays(names if len(names) > 1 else ['y'])}",
            f"a CSV file with the columns {', '.join([*inputs, *names])}",
            "synthetic",
        ]

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


def _told(goal: Goal) -> str:
    """What an output predicts."""
    output = goal.output
    if goal.task == "group":
        return f"{output} features by which examples of one class are near each other"
    if goal.task == "values":
        return "one value" if output.size == 1 else f"{output} values"
    if goal.task == "sequence":
        return f"a sequence of up to {output.shape[0]} of {output.features - 1} classes"
    count = f"{output.features} classes"
    if output.layout == "vector":
        return f"one of {count}"
    each = {"sequence": "each token"}.get(output.layout, "each pixel" if output.rank == 2 else "each position")
    return f"one of {count} for {each}"
