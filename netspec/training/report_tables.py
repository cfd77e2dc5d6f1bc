"""The tables of a report: scores, classes, recipe, data, environment."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from netspec.report.table_formats import Entry, Heading, Row, Table
from netspec.training.evaluation import Evaluation
from netspec.training.measures import Measured
from netspec.training.mistakes import Mistakes
from netspec.training.plan import Plan
from netspec.training.rows import Row as Epoch

__all__ = [
    "classes_table", "confusion_table", "data_table", "environment_table", "facts_table", "mistakes_table", "recipe_lines", "recipe_table", "score_texts", "score_values",
]  # fmt: skip

_MOST_CLASSES, _MOST_PAIRS, _MOST_NAMES = 1000, 10, 20
_ALWAYS = ("loss", "optimizer", "schedule", "epochs", "batch", "seed", "precision")
"""The settings that every training has, given or not."""


def facts_table(rows: Mapping[str, str]) -> Table:
    return Table("", [Heading("name", ""), Heading("value", "")], [Row([Entry(n), Entry(v)]) for n, v in rows.items()])


def score_values(score: Measured) -> dict[str, float]:
    """The scores that apply, by name."""
    found = _shares(score) | _numbers(score)
    return {name.replace(" ", "_"): value for name, value in found.items() if value is not None}


def score_texts(score: Measured) -> dict[str, str]:
    """The scores that apply, by name; with several outputs those of each, and the sum of their losses."""
    if score.outputs is not None:
        each = {f"{output}: {n}": text for output, one in score.outputs.items() for n, text in score_texts(one).items()}
        return each | {"loss": f"{score.loss:.4g}"}
    found = {name: f"{value:.2%}" for name, value in _shares(score).items() if value is not None}
    return found | {name: f"{value:.4g}" for name, value in _numbers(score).items() if value is not None}


def _shares(score: Measured) -> dict[str, float | None]:
    return {
        "accuracy": score.accuracy, "top-5 accuracy": score.top5, "mean IoU": score.iou, "mean Dice": score.dice,
        "label error rate": score.cer, "nearest example of the same class": score.nearest,
    }  # fmt: skip


def _numbers(score: Measured) -> dict[str, float | None]:
    return {"loss": score.loss, "mean squared error": score.mse, "mean absolute error": score.mae, "R2": score.r2}


def classes_table(found: Evaluation) -> Table | None:
    """Precision, recall, F1 and support of each class or label, and their means; None where there are no classes."""
    score = found.final
    each = score.labels or score.classes
    if not each:
        return None
    heads = [Heading("class", "label" if score.labels else "class")]
    heads += [Heading(name, name, right=True) for name in ("precision", "recall", "F1")]
    heads.append(Heading("support", "support, pixels" if score.segments else "support", right=True))
    rows = [
        Row([Entry(name), *map(_share, (one.precision, one.recall, one.dice)), Entry(f"{one.examples:,}", one.examples)])
        for name, one in zip(found.classes, each, strict=False)
    ]  # fmt: skip
    means = [_mean([getattr(one, name) for one in each]) for name in ("precision", "recall", "dice")]
    total = sum(one.examples for one in each)
    there = [row for row, one in zip(rows, each, strict=False) if one.examples or one.precision is not None]
    notes = [f"the first {_MOST_CLASSES:,} of {len(there):,}"] if len(there) > _MOST_CLASSES else []
    if len(there) < len(rows):
        notes.append(f"{len(rows) - len(there):,} more classes neither occur nor are predicted")
    last = Row([Entry("mean, sum of support"), *map(_share, means), Entry(f"{total:,}", total)], role="total")
    return Table("", heads, [*there[:_MOST_CLASSES], last], notes)


def confusion_table(found: Evaluation) -> Table | None:
    """The pairs of classes that are confused most often; None without any."""
    names = found.classes
    pairs = [
        Row([Entry(names[i]), Entry(names[j]), Entry(f"{n:,}", n)])
        for i, j, n in found.final.most_confused(_MOST_PAIRS)
    ]
    heads = [
        Heading("true", "true label"),
        Heading("predicted", "predicted label"),
        Heading("count", "count", right=True),
    ]
    return Table("", heads, pairs) if pairs else None


def mistakes_table(mistakes: Mistakes) -> Table | None:
    """The columns that say something: the input is no text where it is an image, and a reconstruction has no classes."""
    heads = [Heading(name, name) for name in ("example", "true", "predicted")]
    heads += [Heading("loss", "loss", right=True), Heading("input", "input")]
    rows = [
        [Entry(m.name), Entry(m.truth), Entry(m.predicted), Entry("infinite" if m.loss is None else f"{m.loss:.4g}", m.loss), Entry(m.values)]
        for m in mistakes.found()
    ]  # fmt: skip
    kept = [place for place in range(len(heads)) if any(row[place].text for row in rows)]
    return Table("", [heads[i] for i in kept], [Row([row[i] for i in kept]) for row in rows]) if rows else None


def recipe_table(plan: Plan) -> Table:
    return facts_table(recipe_lines(plan))


def recipe_lines(plan: Plan) -> dict[str, str]:
    """Every setting that was given, and the defaults of those that every training has, by name."""
    given = {name: lines for name, lines in plan.recipe.settings.items() if name != "augment"}
    lines = {name: given.get(name) or (plan.chosen(name),) for name in _ALWAYS} | given
    rows = {name: "; ".join(_setting(one.word, one.values, one.labels) for one in each) for name, each in lines.items()}
    return rows | {f"augment {name}": _options(one.values) for name, one in plan.recipe.augment.items()}


def _setting(word: str, values: Mapping[str, Any], labels: Sequence[str]) -> str:
    """`adam lr=0.001 …`; the first value of a setting without a word stands alone, as in `epochs 30`."""
    (first, *others) = values.items() if values else [("", "")]
    if not word and not labels and first[1] is not None:
        return " ".join(filter(None, [_value(first[1]), _options(dict(others))]))
    return " ".join(filter(None, [word, *labels, _options(values)]))


def _options(values: Mapping[str, Any]) -> str:
    return " ".join(f"{name}={_value(value)}" for name, value in values.items() if value is not None)


def _value(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, (tuple, list)):
        return f"({', '.join(map(_value, value))})"
    return f"{value:g}" if isinstance(value, float) else f"{value}"


def data_table(info: Mapping[str, Any]) -> Table:
    data = info["data"]
    names = data.get("classes") or []
    rows = {"source": f"{data['where']}"} | {f"{name} examples": f"{n:,}" for name, n in data.get("counts", {}).items()}
    if names:
        more = " …" if len(names) > _MOST_NAMES else ""
        rows[f"{len(names):,} classes"] = ", ".join(names[:_MOST_NAMES]) + more
    options = {k: v for k, v in data.get("options", {}).items() if v not in (None, False, 0) and k != "workers"}
    rows |= {"options": _options(options)} if options else {}
    rows |= {"left out": f"{len(data['skipped']):,} corrupt files"} if data.get("skipped") else {}
    return facts_table(rows | ({"fingerprint": data["fingerprint"]} if data.get("fingerprint") else {}))


def environment_table(info: Mapping[str, Any], plan: Plan, epochs: Sequence[Epoch]) -> Table:
    known = info.get("environment") or {}
    names = ("device", "processes", "threads", "python", "platform")
    rows = {"seed": f"{plan.seed}"} | {name: f"{known[name]}" for name in names if name in known}
    rows |= {f"{name}": f"{version}" for name, version in dict(known.get("packages") or {}).items()}
    if epochs:
        rows["duration"] = f"{sum(row.seconds for row in epochs):,.0f} s for {epochs[-1].step:,} updates"
    if known.get("command"):
        rows["command"] = "netspec " + " ".join(map(str, known["command"]))
    return facts_table(rows)


def _share(value: float | None) -> Entry:
    return Entry("-" if value is None else f"{value:.1%}", value)


def _mean(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return sum(known) / len(known) if known else None
