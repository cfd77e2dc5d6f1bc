"""`netspec.open_run(…)`: a run with its data, opened for looking inside."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from netspec.inside.look import Inside
from netspec.training.feature_views import embedding, neighbors, top
from netspec.training.learning_views import learning
from netspec.training.run_views import RunExamples, labelled_points, panel, worst
from netspec.training.trained import Trained

if TYPE_CHECKING:
    from netspec.inside.view import View

__all__ = ["EXAMPLE", "Run", "open_run"]

EXAMPLE = re.compile(r"(train|validation|test):(\d{1,12})")
"""An example of the data of a run."""


class Run(Inside):
    """The views of `Inside`, and those of the data that the run was trained on. An image may be an example of it: `"test:3"`.

    `part` is a split of the data. All methods raise SpecError for what does not fit (NS503, NS601, NS604).
    """

    def __init__(self, path: str | Path, weights: Literal["best", "last"] = "best", *, seed: int = 0) -> None:
        """Raises SpecError (NS502, NS606)."""
        self.trained = Trained.open(Path(path), weights)
        super().__init__(self.trained.model.graph, self.trained.weights, seed=seed, classes=self.trained.classes)

    def examples(self, part: str | None = None) -> RunExamples:
        """One part of the data: by default the test set, else the validation set, else the training set."""
        return RunExamples(self.trained, part)

    def example(self, given: Any) -> Any:
        """As for every network, or `"test:3"`."""
        found = EXAMPLE.fullmatch(given) if isinstance(given, str) else None
        if found is None or Path(given).exists():
            return super().example(given)
        return RunExamples(self.trained, found[1]).example(int(found[2]))

    def panel(self, count: int = 24, part: str | None = None) -> View:
        """Images of the data with their five likeliest classes; the true class is marked."""
        return panel(self.trained, count, part)

    def worst(self, count: int = 24, part: str | None = None) -> View:
        """The mistakes with the highest loss."""
        return worst(self.trained, count, part)

    def neighbors(self, image: Any, part: str = "train", count: int = 8) -> View:
        """The examples nearest to an image in the last hidden layer."""
        return neighbors(self, image, self.examples(part), count)

    def embedding(self, part: str | None = None, method: Literal["pca", "tsne"] = "pca") -> View:
        """The last hidden layer of the examples in two dimensions."""
        return embedding(self, self.examples(part), method)

    def top(self, unit: str, part: str = "train", count: int = 8) -> View:
        """The examples that excite a unit (`conv3[5]`) most, or each of the first 8 channels of a layer."""
        return top(self, unit, self.examples(part), count)

    def boundary(self, points: Any = None, labels: Any = None, part: str = "train") -> View:
        """The decision regions of a network with two inputs, with the points of a part of the data, or with others."""
        if points is None:
            points, labels = labelled_points(self.examples(part))
        return super().boundary(points, labels)

    def learning(self, part: str = "train") -> View:
        """The decision regions after every epoch, as an animation: the run is trained again from its seed."""
        return learning(self.examples(part))


def open_run(path: str | Path, weights: Literal["best", "last"] = "best", *, seed: int = 0) -> Run:
    """Opens the folder of a run for looking inside. Raises SpecError (NS502, NS606)."""
    return Run(path, weights, seed=seed)
