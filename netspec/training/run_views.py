"""What a run shows on its own data: predictions beside images, the worst mistakes, its points in the plane."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from netspec.diagnostics import SpecError
from netspec.diagnostics.display import printable
from netspec.inside.pixels import image_pixels
from netspec.inside.view import View
from netspec.inside.view_pictures import PALETTE, Band, Box, Ranked, Tile, bars, class_pixels, sheet
from netspec.training.evaluation import Evaluation, Question, evaluate
from netspec.training.mistakes import Mistakes
from netspec.training.session import open_data
from netspec.training.showing import inputs_text
from netspec.training.trained import Trained, answers, views

if TYPE_CHECKING:
    import numpy as np
    from torch import Tensor

    from netspec.datasets import Examples

__all__ = ["RunExamples", "labelled_points", "noun_of", "panel", "worst", "worst_of"]

_PARTS = ("test", "validation", "train")
_TOP = 5


def noun_of(part: str) -> str:
    """`training`, `validation` or `test`: as in "training examples"."""
    return "training" if part == "train" else part


class RunExamples:
    """The examples of one part of the data of a run: the test set by default, else the validation set, else the training set."""

    def __init__(self, run: Trained, part: str | None = None) -> None:
        """Raises SpecError (NS601), ValueError for a part of another name."""
        if part not in (*_PARTS, None):
            raise ValueError(f"the part is {', '.join(_PARTS[:-1])} or {_PARTS[-1]}, not {part}")
        self.run = run
        collection = open_data(run.plan, run.request)
        parts = {"test": collection.test, "validation": collection.validation, "train": collection.train}
        there = [name for name in _PARTS if parts[name] is not None]
        self.part: str = part or there[0]
        examples = parts[self.part]
        if examples is None:
            raise SpecError.of("NS601", f"{run.name} has no {noun_of(self.part)} examples", helps=[f"there are {', '.join(there)} examples"])  # fmt: skip
        self.examples: Examples = examples

    def batch(self, indices: Sequence[int]) -> tuple[list[Tensor], Tensor]:
        """The inputs in the order of the spec, and the targets. Raises SpecError (NS601) for a number that there is not."""
        if indices and max(indices) >= len(self.examples):
            raise SpecError.of("NS601", f"there is no {noun_of(self.part)} example {max(indices)}", notes=[f"they are numbered from 0 to {len(self.examples) - 1}"])  # fmt: skip
        (view,) = views(self.run, self.examples.shapes)
        return view.test(self.examples.batch(indices))

    def example(self, index: int) -> np.ndarray[Any, Any]:
        """The first input of one example, as a batch of one."""
        inputs, _ = self.batch([index])
        result: np.ndarray[Any, Any] = inputs[0].cpu().numpy()
        return result

    @property
    def are_images(self) -> bool:
        """Whether an example is shown as an image: texts and several inputs are shown in words."""
        kinds = list(self.run.plan.inputs.values())
        return len(kinds) == 1 and kinds[0].layout != "ids"

    def tile(self, inputs: Sequence[Tensor], row: int, lines: tuple[str, ...], tip: str = "", boxes: tuple[Box, ...] = ()) -> Tile:  # fmt: skip
        """One example of a batch, with these lines below it."""
        if self.are_images:
            return Tile(image_pixels(inputs[0][row].cpu().numpy()), lines, tip, boxes)
        plan = self.run.plan
        named = {name: value[row] for name, value in zip(plan.inputs, inputs, strict=True)}
        return Tile(None, (inputs_text(named, plan.vocabularies, _class_names(self.run)), ", ".join(lines)))

    def band(self, tiles: Sequence[Tile], side: float, columns: int | None = None, heading: str = "") -> Band:
        """Images in rows, texts below each other."""
        return Band(heading, tiles, side, columns) if self.are_images else Band(heading, tiles, 900.0, 1)


def labelled_points(held: RunExamples) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """All examples of a network with two inputs (N x 2), and their classes."""
    inputs, targets = held.batch(range(len(held.examples)))
    if held.run.plan.task == "values" and targets.ndim > 1 and targets.shape[-1] > 1:
        targets = targets.argmax(-1)
    return inputs[0].cpu().numpy(), targets.cpu().numpy().reshape(-1)


def _class_names(run: Trained) -> tuple[str, ...]:
    return run.classes or tuple(map(str, range(run.plan.output.type.features)))


def panel(run: Trained, count: int = 24, part: str | None = None) -> View:
    """Images of the data, evenly spaced, with the values of the five likeliest classes; the true class is marked.

    Raises SpecError (NS601, NS604)."""
    plan = run.plan
    if plan.task != "class" or len(plan.output.type.shape) != 1:
        raise SpecError.of(
            "NS604", "a panel shows the classes of images, and the network does not predict one class for each"
        )
    held = RunExamples(run, part)
    if not held.are_images:
        raise SpecError.of(
            "NS604", "a panel shows images, and the network takes none",
            helps=[f"`netspec show {run.folder.path} worst` shows other examples, too"],
        )  # fmt: skip
    size = len(held.examples)
    count = min(count, size)
    indices = [i * size // count for i in range(count)]
    inputs, targets = held.batch(indices)
    given, names = answers(plan.head, run.output(inputs)), _class_names(run)
    hinge = plan.loss.word == "hinge"
    examples, rows = [], []
    for index, image, values, true in zip(indices, inputs[0], given, targets.tolist(), strict=True):
        best = values.argsort(descending=True, stable=True)[:_TOP].tolist()
        largest = max(1e-12, *(abs(float(values[c])) for c in best))
        ranked = [
            (names[c], f"{float(values[c]):.3g}" if hinge else f"{float(values[c]):.1%}",
             float(values[c]) / largest if hinge else float(values[c]), c == true)
            for c in best
        ]  # fmt: skip
        heading = names[true] if best[0] == true else f"{names[true]}, predicted {names[best[0]]}"
        examples.append(Ranked(image_pixels(image.cpu().numpy()), heading, best[0] == true, ranked))
        what = "score" if hinge else "probability"
        rows.append(
            {"index": index, "true": names[true], "top": [{"class": names[c], what: float(values[c])} for c in best]}
        )
    right = sum(bool(e.right) for e in examples)
    text = f"{right} of {count} {noun_of(held.part)} examples are right"
    notes = [f"{text}; the true class is green"]
    arrays = {"indices": _array(indices), "outputs": given.numpy(), "targets": targets.cpu().numpy()}
    return View("panel", text, {"part": held.part, "right": right, "examples": rows}, arrays, lambda: bars(f"{run.name}: {count} {noun_of(held.part)} examples", notes, examples))  # fmt: skip


def worst(run: Trained, count: int = 24, part: str | None = None) -> View:
    """The mistakes with the highest loss: where the network is surest of a wrong class. Raises SpecError (NS601, NS604)."""
    mistakes = Mistakes(count)
    return worst_of(run, evaluate([run], Question(part=part), mistakes), mistakes)


def worst_of(run: Trained, found: Evaluation, mistakes: Mistakes) -> View:
    """The mistakes that an evaluation has kept."""
    kept = mistakes.found()
    examples = f"{found.final.examples:,} {noun_of(found.part)} examples"
    text = (
        f"{mistakes.wrong} of {examples} are predicted wrong"
        if mistakes.kind == "classes"
        else f"the highest losses of {examples}"
    )
    data = {
        "part": found.part, "examples": found.final.examples, "wrong": mistakes.wrong,
        "mistakes": [{k: v for k, v in asdict(m).items() if k not in ("picture", "output")} for m in kept],
    }  # fmt: skip
    tiles: list[Tile] = []
    bands: list[Band] = []
    arrays = {"indices": _array([m.index for m in kept])}
    if kept:
        held = RunExamples(run, found.part)
        inputs, _ = held.batch([m.index for m in kept])
        arrays["inputs"] = inputs[0].cpu().numpy()
        for row, (mistake, beside) in enumerate(zip(kept, mistakes.beside(), strict=True)):
            tiles += _tiles(held, inputs, row, mistake, beside)
        each = len(tiles) // len(kept)
        bands = [*(_legend(_class_names(run)) if each == 3 else []), held.band(tiles, 110.0, 8 // each * each)]
    title = "worst mistakes" if mistakes.kind == "classes" else "highest losses"
    lines = [text] + [f"{m.name}: {', '.join(_words(run, m))}" for m in kept[:_TOP]]
    return View("worst", "\n".join(lines), data, arrays, lambda: sheet(f"{run.name}: {title}", [text], bands))  # fmt: skip


def _legend(names: Sequence[str]) -> list[Band]:
    """The colors of the classes of pixels, where each has its own."""
    import numpy as np

    if len(names) > len(PALETTE):
        return []
    return [Band("", [Tile(class_pixels(np.full((1, 5), i)), (name,)) for i, name in enumerate(names)], 60.0)]


def _tiles(held: RunExamples, inputs: Sequence[Tensor], row: int, mistake: Any, beside: Sequence[Tensor]) -> list[Tile]:
    """The example, and beside an image the classes of its pixels, true and predicted, or its reconstruction."""
    words, tip = _words(held.run, mistake), printable(mistake.name)
    if not held.are_images or not beside:
        return [held.tile(inputs, row, words, tip)]
    if len(beside) == 1:
        again = image_pixels(beside[0].cpu().numpy().reshape(inputs[0].shape[1:]))
        return [held.tile(inputs, row, words, tip), Tile(again, ("reconstruction",), tip)]
    maps = (class_pixels(classes.cpu().numpy()) for classes in beside)
    painted = [Tile(pixels, (said,), tip) for pixels, said in zip(maps, words[:2], strict=True)]
    return [held.tile(inputs, row, words[2:], tip), *painted]


def _loss(mistake: Any) -> str:
    return f"{mistake.loss:.3g}" if mistake.loss is not None else "infinite"


def _sure(run: Trained, mistake: Any) -> str:
    """The probability of the predicted class, or its score for the hinge loss."""
    sure = mistake.confidence
    return "" if sure is None else f"score {sure:.3g}" if run.plan.loss.word == "hinge" else f"{sure:.1%}"


def _words(run: Trained, mistake: Any) -> tuple[str, ...]:
    last = ", ".join(filter(None, [_sure(run, mistake), f"loss {_loss(mistake)}"]))
    if not mistake.truth:  # a reconstruction
        return (last,)
    return tuple(
        line.replace("\n", "\\n") for line in (f"true {mistake.truth}", f"predicted {mistake.predicted}", last)
    )


def _array(numbers: Sequence[int]) -> np.ndarray[Any, Any]:
    import numpy as np

    return np.array(numbers, dtype=np.int64)
