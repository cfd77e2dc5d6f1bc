"""Progressive resizing: training images that grow from stage to stage (Tan & Le 2021), or are smaller than those of testing
throughout (Touvron et al. 2019)."""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from netspec.diagnostics import SpecError
from netspec.model import check
from netspec.recipe import Chosen
from netspec.source import SourceFile
from netspec.syntax import tree as t
from netspec.training.augment import Augmenter, Mixed
from netspec.training.plan import Plan
from netspec.training.resolve import parsed, replaced

if TYPE_CHECKING:
    from torch import Tensor

    from netspec.datasets.cutting import Cut

__all__ = ["Growing", "require_sizes"]


class Growing(Augmenter):
    """An Augmenter whose training images have another size in each stage of a run. The stages are equal parts of the epochs; the
    sizes grow evenly up to that of the input, and so does the strength of `randaugment` and `mixup` up to what the recipe says."""

    def __init__(
        self, augment: Mapping[str, Chosen], stored: tuple[int, ...], wanted: tuple[int, ...], seed: int, colors: Tensor | None, *,
        plan: Plan, updates: int,
    ) -> None:  # fmt: skip
        super().__init__(augment, stored, wanted, seed, colors)
        self.per_epoch, self.epochs = updates * plan.accumulate, plan.epochs
        given = augment["progressive"].values
        self.sizes = stage_sizes(given["size"], given["stages"], (wanted[1], wanted[2]))
        shares = [i / max(1, len(self.sizes) - 1) for i in range(len(self.sizes))]
        strengths = [given["strength"] + (1 - given["strength"]) * share for share in shares]
        self.parts = [
            Augmenter(_weakened(augment, s), stored, (wanted[0], *size) if self.resized else wanted, seed, colors)
            for size, s in zip(self.sizes, strengths, strict=True)
        ]

    def compile(self, told: Callable[[str], None]) -> None:
        for part in self.parts:
            part.compile(told)

    def stage(self, place: int) -> int:
        """The stage of the `place`-th batch of the run."""
        return min(place // self.per_epoch, self.epochs - 1) * len(self.sizes) // self.epochs

    def train(self, images: Tensor, step: int, rows: range, total: int) -> Tensor:
        import torch
        from torch.nn.functional import interpolate

        stage = self.stage(step)
        images = self.parts[stage].train(images, step, rows, total)
        if images.shape[2:] == self.sizes[stage]:
            return images
        with torch.no_grad():
            return interpolate(images, size=self.sizes[stage], mode="bilinear", antialias=True, align_corners=False)

    def train_points(
        self, points: Tensor, pairs: Sequence[tuple[int, int]], step: int, rows: range, total: int
    ) -> Tensor:
        """In pixels of the input of the net in every stage, as in testing, so that the net learns the same numbers in all."""
        stage = self.stage(step)
        points = self.parts[stage].train_points(points, pairs, step, rows, total)
        if self.resized is None:
            return points  # the images are scaled after all else
        (height, width), (h, w) = self.wanted[1:], self.sizes[stage]
        scale = points.new_tensor([width / w, height / h]).repeat(points.shape[1] // 2)
        return (points + 0.5) * scale - 0.5

    def cut(self, step: int, rows: range, total: int) -> Cut | None:
        return self.parts[self.stage(step)].cut(step, rows, total)

    def mix(self, images: Tensor, target: Tensor, step: int, rows: range, total: int) -> tuple[Tensor, Mixed]:
        return self.parts[self.stage(step)].mix(images, target, step, rows, total)


def stage_sizes(first: int, stages: int, last: tuple[int, int]) -> list[tuple[int, int]]:
    """Height and width of each stage: the shorter side grows evenly from `first`. Raises SpecError (NS604)."""
    short = min(last)
    if first >= short:
        raise SpecError.of(
            "NS604", f"`progressive {first}` is not smaller than the input of the net, {last[0]}x{last[1]}",
            helps=["give the size of the first training images; they grow to that of the input"],
        )  # fmt: skip
    sides = [round(first + (short - first) * i / (stages - 1)) if stages > 1 else first for i in range(stages)]
    return [(round(last[0] * side / short), round(last[1] * side / short)) for side in sides]


def _weakened(augment: Mapping[str, Chosen], strength: float) -> dict[str, Chosen]:
    """The settings of a stage. A crop has the size of its images."""
    scaled = {"randaugment": "magnitude", "mixup": "alpha"}
    found = {}
    for name, chosen in augment.items():
        values = dict(chosen.values)
        if name in scaled:
            values[scaled[name]] *= strength
        if name == "crop" and (values["scale"] or values["ratio"]):
            values["size"] = None
        found[name] = Chosen(chosen.word, values)
    return found


def require_sizes(plan: Plan, source: SourceFile) -> None:
    """Raises SpecError (NS604) unless the net has one image, no output that is one, and at the size of every stage the same code
    and weights."""
    given = plan.recipe.augment["progressive"].values
    kinds = list(plan.inputs.values())
    if len(kinds) != 1 or kinds[0].layout != "map" or kinds[0].rank != 2 or plan.task == "input":
        raise SpecError.of("NS604", "`progressive` is for nets with one image input and labels", helps=["remove it"])
    if plan.output.type.layout == "map":
        raise SpecError.of("NS604", "`progressive` cannot scale the targets of pixels", helps=["remove it"])
    channels, height, width = kinds[0].shape
    usual = _code(check(source).lenient().model().torch_source())
    for size in stage_sizes(given["size"], given["stages"], (height, width)):
        found = check(_resized(source, channels, size)).lenient()
        if not found.ok or found.graph is None or _code(found.model().torch_source()) != usual:
            shown = "x".join(map(str, size))
            why = [d.message for d in found.diagnostics if d.is_error] or ["its weights or its code depend on the size"]
            raise SpecError.of(
                "NS604", f"`progressive {given['size']}`: the net does not take images of {shown}", notes=why[:1],
                helps=["end it with a global pooling, as in `gap -> FC-10`, or choose other sizes (see `netspec sizes`)"],
            )  # fmt: skip


def _resized(source: SourceFile, channels: int, size: tuple[int, int]) -> SourceFile:
    line = next(item for item in parsed(source).items if isinstance(item, t.Input))
    lead = () if {"rgb", "gray", "grey"} & {word.text.lower() for word in line.words} else (channels,)
    return replaced(source, line.size_span.start, line.size_span.end, "x".join(map(str, (*lead, *size))))


def _code(text: str) -> str:
    """Python source without comments and docstrings, which tell of sizes."""
    tree = ast.parse(text)
    for node in ast.walk(tree):
        if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef)):
            first: Any = node.body[0] if node.body else None
            if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant):
                node.body = node.body[1:] or [ast.Pass()]
    return ast.dump(tree)
