"""What a report says of a run, section by section: the same for the page and for the model card."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

from netspec.announcing import announce
from netspec.diagnostics import SpecError
from netspec.graph import TensorType
from netspec.inside.pixels import plane_of
from netspec.inside.view import View
from netspec.report.table_formats import Table
from netspec.scene.drawing import picture
from netspec.scene.figure import Figure
from netspec.scene.options import DrawOptions
from netspec.training.charts import confusion_chart, curves_chart
from netspec.training.comparison import read_metrics
from netspec.training.evaluation import Question, evaluate
from netspec.training.heads import Head
from netspec.training.mistakes import Mistakes
from netspec.training.opened_run import Run
from netspec.training.report_tables import (
    classes_table,
    confusion_table,
    data_table,
    environment_table,
    facts_table,
    mistakes_table,
    recipe_table,
    score_texts,
    score_values,
)
from netspec.training.run_views import noun_of, worst_of

__all__ = ["RunReport", "Section", "report_of"]

_MOST_CELLS, _MOST_LAYERS = 30, 200
"""Classes of the largest confusion matrix that is drawn; rows of the longest table of layers."""
_PANEL, _WORST = 16, 16
_TASKS = {
    "class": "classification", "values": "regression", "input": "reconstruction of the input",
    "group": "features by which classes are told apart", "sequence": "sequences of labels",
}  # fmt: skip


@dataclass(frozen=True)
class Section:
    """`lines` are paragraphs, `code` is a text as it is. `pictures` are on white; a chart is drawn for a light and a dark page."""

    title: str
    lines: Sequence[str] = ()
    tables: Sequence[Table] = ()
    pictures: Sequence[Figure] = field(default=(), repr=False)
    charts: Sequence[tuple[Figure, Figure]] = field(default=(), repr=False)
    code: str = ""


@dataclass(frozen=True)
class RunReport:
    """`facts` are the few words at the top; `absent` says what was left out, and why."""

    run: str
    network: str
    facts: Table
    sections: Sequence[Section]
    absent: Sequence[str]
    part: str
    """The split that was evaluated."""
    scores: Mapping[str, float]


def report_of(path: Path, weights: Literal["best", "last"] = "best", part: str | None = None) -> RunReport:
    """Evaluates a run on a part of its data (default: test, else validation) and gathers what is known of it.

    Raises SpecError (NS502, NS601, NS604, NS606)."""
    return _Author(Run(path, weights), part).report()


class _Author:
    def __init__(self, run: Run, part: str | None) -> None:
        self.run, self.trained, self.plan = run, run.trained, run.trained.plan
        self.epochs = read_metrics(self.trained.folder)
        self.mistakes = Mistakes(_WORST)
        self.part = run.examples(part).part
        self.found = evaluate([self.trained], Question(part=self.part), self.mistakes)
        self.absent: list[str] = []

    def report(self) -> RunReport:
        made = (
            self.warnings, self.curves, self.classes, self.confusion, self.panel, self.worst, self.filters, self.embedding,
            self.regions, self.network, self.spec, self.recipe, self.data, self.environment,
        )  # fmt: skip
        sections = []
        for number, make in enumerate(made, start=1):
            announce(f"part {number} of {len(made)} of the report: {make.__name__}")
            sections.append(make())
        there = [section for section in sections if section is not None]
        return RunReport(
            self.trained.name,
            self.run.graph.name,
            self.facts(),
            there,
            self.absent,
            self.part,
            score_values(self.found.final),
        )

    def without(self, what: str, why: str) -> None:
        self.absent.append(f"{what}: {why}")

    def facts(self) -> Table:
        model = self.trained.model
        best = max(self.epochs, key=lambda row: (row.score.rank, -row.step), default=None)
        return facts_table({
            "task": self.task(),
            "input": ", ".join(f"{name} {kind}" for name, kind in model.inputs.items()),
            "output": ", ".join(f"{name} {kind}" for name, kind in model.outputs.items()),
            "parameters": f"{model.params:,}",
            "MACs": f"{model.macs:,} for one input",
            "epochs": f"{self.epochs[-1].epoch} of {self.plan.epochs}; the best is epoch {best.epoch}" if best is not None else "0",
            f"{noun_of(self.part)} examples": f"{self.found.final.examples:,}",
        } | score_texts(self.found.final))  # fmt: skip

    def task(self) -> str:
        heads = self.plan.heads
        return ", ".join(_task(head) if len(heads) == 1 else f"{_task(head)} ({head.name})" for head in heads)

    # What it scores

    def warnings(self) -> Section | None:
        """What is to be known of the scores at the top."""
        lines = [f"{d.message[:1].upper()}{d.message[1:]}: {'; '.join(d.notes)}." for d in self.found.warnings]
        result = self.trained.info.get("result") or {}
        if not result.get("finished"):
            lines.append("The training is not finished: it was stopped, or has failed, before its last epoch.")
        if result.get("advice"):
            lines.append(f"{result['advice'][:1].upper()}{result['advice'][1:]}.")
        if self.part == "train":
            lines.append("The scores are those of examples that the network was trained on.")
        return Section("Warnings", lines) if lines else None

    def curves(self) -> Section | None:
        if not self.epochs:
            self.without("training curves", "no epoch is complete")
            return None
        light, dark = (curves_chart(self.epochs, theme) for theme in ("light", "dark"))
        return Section("Training curves", charts=[(light, dark)])

    def classes(self) -> Section | None:
        found = {name: classes_table(one) for name, one in self.found.of_outputs().items()}
        tables = [replace(table, title=name) for name, table in found.items() if table is not None]
        if not tables:
            self.without("classes and confusion matrix", "the network does not predict classes")
        return Section("Classes", tables=tables) if tables else None

    def confusion(self) -> Section | None:
        """That of the first output that has one."""
        outputs = self.found.of_outputs()
        output, found = next(
            ((n, one) for n, one in outputs.items() if one.final.confusion), next(iter(outputs.items()))
        )
        matrix, names = found.final.confusion, found.classes
        if matrix is None:
            if found.final.labels:
                self.without("confusion matrix", "an example can have several labels")
            return None
        pairs = confusion_table(found)
        title = f"Confusion matrix of {output}" if output else "Confusion matrix"
        lines = ["Most often confused:" if pairs is not None else "No class is confused with another."]
        if len(matrix) > _MOST_CELLS:
            self.without("picture of the confusion matrix", f"it has {len(matrix):,} classes")
            return Section(title, lines, [pairs] if pairs is not None else [])
        light, dark = (confusion_chart(matrix, names, theme) for theme in ("light", "dark"))
        return Section(title, lines, [pairs] if pairs is not None else [], charts=[(light, dark)])

    # What it sees

    @property
    def _is_of_images(self) -> bool:
        kinds = list(self.plan.inputs.values())
        return len(kinds) == 1 and is_image(kinds[0])

    def panel(self) -> Section | None:
        if not self._is_of_images:
            self.without("examples", "the input is not an image")
            return None
        return self._view("Examples", lambda: self.run.panel(_PANEL, self.part))

    def worst(self) -> Section:
        classes = self.mistakes.kind == "classes"
        examples = f"{self.found.final.examples:,} {noun_of(self.part)} examples"
        said = (
            f"{self.mistakes.wrong:,} of {examples} are predicted wrong."
            if classes
            else f"The highest losses of {examples}."
        )
        title = "Worst mistakes" if classes else "Highest losses"
        table = mistakes_table(self.mistakes)
        tables = [table] if table is not None else []
        shown = self._is_of_images and table is not None
        pictures = [worst_of(self.trained, self.found, self.mistakes).drawn()] if shown else []
        return Section(title, [said], tables, pictures)

    def filters(self) -> Section | None:
        return self._view("Filters", self.run.filters)

    def embedding(self) -> Section | None:
        if len(self.plan.heads) > 1:
            self.without("last hidden layer", "the network has several outputs")
            return None
        if not self.run.hidden.inputs:
            self.without("last hidden layer", "the network has none")
            return None
        return self._view("Last hidden layer", lambda: self.run.embedding(self.part))

    def regions(self) -> Section | None:
        kinds = list(self.plan.inputs.values())
        return self._view("Decision regions", self.run.boundary) if [kind.size for kind in kinds] == [2] else None

    def _view(self, title: str, make: Callable[[], View]) -> Section | None:
        """A view, left out where it does not fit the network."""
        try:
            return Section(title, pictures=[make().drawn()])
        except SpecError as error:
            self.without(title.lower(), error.diagnostics[0].message)
            return None

    # What it is, and where it comes from

    def network(self) -> Section:
        graph, table = self.trained.model.graph, self.trained.model.table()
        light, dark = (picture(graph, "graph", DrawOptions(theme=theme)) for theme in ("light", "dark"))
        return Section("Network", tables=[table] if len(table.rows) <= _MOST_LAYERS else [], charts=[(light, dark)])

    def spec(self) -> Section:
        return Section("Spec", code=self.trained.request.source.text)

    def recipe(self) -> Section:
        return Section("Recipe", ["With the defaults of what the spec does not say."], [recipe_table(self.plan)])

    def data(self) -> Section:
        return Section("Data", tables=[data_table(self.trained.info)])

    def environment(self) -> Section:
        return Section("Environment", tables=[environment_table(self.trained.info, self.plan, self.epochs)])


def _task(head: Head) -> str:
    """What an output is trained for."""
    output = head.type
    if head.labels:
        return "classification" + (" with several labels" if output.features > 1 else "")
    each = "token" if output.layout == "sequence" else "pixel" if output.rank == 2 else "position"
    several = head.task == "class" and output.size > output.features
    return _TASKS[head.task] + (f" of each {each}" if several else "")


def is_image(kind: TensorType) -> bool:
    """A gray or color image, or a vector of as many values as a square one."""
    if kind.layout == "map":
        return kind.rank == 2 and kind.features in (1, 3)
    return kind.layout == "vector" and plane_of(kind.size) is not None
