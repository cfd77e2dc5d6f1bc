"""Lints of a recipe: valid settings that do not fit the net or each other."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from netspec.diagnostics import Diagnostics, Edit, Fix, Label
from netspec.elaborate.recipe_facts import OutputOfOtherSize
from netspec.fixes.edits import delete
from netspec.graph import Graph, Node
from netspec.settings import LIKELIHOODS, OF_CLASSES
from netspec.source import Span
from netspec.syntax import tree as t

if TYPE_CHECKING:
    from netspec.recipe import Recipe

__all__ = ["lint_recipe"]

_FITTING = {**dict.fromkeys(OF_CLASSES, ("softmax", "log_softmax")), "bce": ("sigmoid",)}
_ONE_SIDED = ("relu", "relu6")


def lint_recipe(graph: Graph, diagnostics: Diagnostics, recipe: Recipe, train: t.Train) -> None:
    """Reports (NS403, NS901, NS912) a loss that does not fit the outputs, and warns about settings without effect."""
    lines = {line.name: line for line in train.settings}
    if not diagnostics.has_errors:
        single = _single_output(graph, recipe, train)
        if single is not None:
            _one_class(diagnostics, recipe, train, single)
        else:
            _loss(graph, diagnostics, recipe, lines)
        _crop(graph, diagnostics, recipe, lines)
    _schedule(diagnostics, recipe, lines)
    _frozen(diagnostics, recipe, lines)


def _warn(diagnostics: Diagnostics, message: str, span: Span, **more: Any) -> None:
    diagnostics.warning("NS912", message, span, **more)


def _single_output(graph: Graph, recipe: Recipe, train: t.Train) -> Node | None:
    """An output with a single feature that a classification loss would compare with nothing."""
    loss = recipe.one("loss")
    if loss is not None and loss.word not in OF_CLASSES:
        return None
    if loss is None and all(line.name == "init" for line in train.settings):  # initial weights, and no training
        return None
    ends = (graph.nodes[index] for _, index in graph.outputs)
    return next((node for node in ends if node.type.features == 1), None)


def _one_class(diagnostics: Diagnostics, recipe: Recipe, train: t.Train, last: Node) -> None:
    """An error: with a single class every prediction is right, so the training would report an accuracy of 100%."""
    loss = recipe.one("loss")
    line = next((line for line in train.settings if line.name == "loss"), None)
    softmax = last.op.name in ("softmax", "log_softmax")
    help_ = "for two classes with a single output, write `loss bce`" + (
        f" and remove `{last.op.name}`" if softmax else ""
    )
    if line is None:
        where = Span(train.span.source, train.span.start, train.span.start + len("train"))
        brace = train.span.source.text.index("{", train.span.start) + 1
        rest = train.span.source.text[brace : train.span.end]
        indent = re.match(r"[ \t]*(?:#[^\n]*)?\n([ \t]*)", rest)
        text = f"\n{indent[1]}loss bce" if indent else " loss bce;"
        fixes = [Fix(help_, (Edit(Span(train.span.source, brace, brace), text),))]
    else:
        where = line.span
        fixes = [Fix.replace(line.values[0].span, "bce", help_)] if not line.options else []
    word = loss.word if loss is not None else "cross_entropy"
    notes = ["the softmax of a single number is always 1, so nothing is learned"]
    diagnostics.error(
        "NS403", f"`{word}` needs one output for each class, but the network has a single one", where,
        secondary=[Label(last.span, "the last layer")], notes=notes if loss is not None else ["`cross_entropy` is the default loss", *notes],
        helps=[help_, "for a value, such as a price, write `loss mse`"], fixes=[] if softmax else fixes,
    )  # fmt: skip


def _loss(graph: Graph, diagnostics: Diagnostics, recipe: Recipe, lines: dict[str, t.Setting]) -> None:
    """A squashing activation before a loss that expects logits (unless the loss includes it); an autoencoder whose output
    differs in shape from its input."""
    loss = recipe.one("loss")
    if loss is None:
        return
    line = lines["loss"]
    for _, index in graph.outputs:
        node = graph.nodes[index]
        name = node.op.name
        fitting = _FITTING.get(loss.word)
        last = Label(node.span, "the last layer")
        squashes = getattr(node.op, "squashes", False) or (loss.word in LIKELIHOODS and name in _ONE_SIDED)
        if fitting is not None and squashes and name not in fitting:
            diagnostics.warning(
                "NS901", f"`{loss.word}` expects logits, but the net ends in `{name}`", line.span, secondary=[last],
                helps=[f"end the net in {' or '.join(fitting)}, or in logits"], fixes=_without_activation(node, name),
            )  # fmt: skip
        if loss.values.get("target") == "input" and len(graph.inputs) == len(graph.outputs) == 1:
            given = graph.nodes[graph.inputs[0][1]].type
            if given.size != node.type.size:
                from netspec.elaborate.branches import way_to

                _warn(
                    diagnostics, f"the target is the input ({given}), but the network outputs {node.type}", line.span, secondary=[last],
                    facts=OutputOfOtherSize(tuple(way_to(graph, index)), given),
                )  # fmt: skip


def _without_activation(node: Node, name: str) -> list[Fix]:
    """The fix that removes the activation `act=…` of the last layer, or the activation layer after an arrow."""
    text, span = node.span.text, node.span
    option = re.search(rf"[ \t]+act={name}\b(?!\()", text)
    if option is not None:
        where = Span(span.source, span.start + option.start(), span.start + option.end())
        return [Fix.replace(where, "", f"remove `{name}`")]
    if not re.match(rf"{name}\b", text, re.IGNORECASE):  # comes from a default
        end = Span(span.source, span.end, span.end)
        return [Fix.replace(end, " act=none", f"`act=none` overrides the `{name}` of the default")]
    arrow = re.search(r"[ \t]*->[ \t]*$", span.source.text[: span.start])
    if arrow is not None:
        return [Fix.replace(Span(span.source, arrow.start(), span.end), "", f"remove `{name}`")]
    return [Fix(f"remove `{name}`", (delete(span),))]


def _schedule(diagnostics: Diagnostics, recipe: Recipe, lines: dict[str, t.Setting]) -> None:
    """Epochs of a schedule that come after the last one."""
    schedule, epochs = recipe.one("schedule"), recipe.one("epochs")
    if schedule is None or epochs is None or schedule.values.get("unit") == "step":
        return
    last, line = epochs.values["n"], lines["schedule"]
    there = [Label(lines["epochs"].span, f"{last} epochs")]
    at = [n for n in schedule.values.get("at", ()) if n >= last]
    every, warmup = schedule.values.get("every"), schedule.values.get("warmup", 0)
    if at and "at" in {o.name for o in line.options}:
        listed = ", ".join(map(str, at))
        _warn(diagnostics, f"the schedule changes the learning rate at {listed}, but training ends at {last}", line.span, secondary=there,
              helps=["train for more epochs, or change the learning rate earlier"])  # fmt: skip
    elif every is not None and every >= last and (line.options or len(line.values) > 1):
        _warn(diagnostics, f"the schedule changes the learning rate every {every} epochs, but training ends at {last}", line.span,
              secondary=there, helps=["train for more epochs, or use a shorter step"])  # fmt: skip
    elif warmup >= last:
        _warn(diagnostics, f"the warmup takes {warmup} epochs, but training ends at {last}", line.span, secondary=there,
              helps=["train for more epochs, or use a shorter `warmup`"])  # fmt: skip


def _frozen(diagnostics: Diagnostics, recipe: Recipe, lines: dict[str, t.Setting]) -> None:
    """A label in both `freeze` and `train_only`."""
    freeze, alone = recipe.one("freeze"), recipe.one("train_only")
    both = [label for label in freeze.labels if label in alone.labels] if freeze and alone else []
    if both:
        _warn(diagnostics, f"`{both[0]}` is in both `freeze` and `train_only`", lines["train_only"].span,
              secondary=[Label(lines["freeze"].span, "frozen here")], helps=["remove it from one of them"])  # fmt: skip


def _crop(graph: Graph, diagnostics: Diagnostics, recipe: Recipe, lines: dict[str, t.Setting]) -> None:
    """A crop whose size differs from the input of the net."""
    crop = recipe.augment.get("crop")
    size = crop.values.get("size") if crop is not None else None
    if not size or len(graph.inputs) != 1:
        return
    wanted = graph.nodes[graph.inputs[0][1]].type.spatial
    sizes = tuple(size) * (2 if len(size) == 1 else 1)
    if len(wanted) != 2 or sizes == wanted:
        return
    line = next((s for s in lines["augment"].settings or () if s.name == "crop"), lines["augment"])
    text = str(wanted[0]) if len(set(wanted)) == 1 else f"{wanted[0]}x{wanted[1]}"
    given = next((v.span for v in line.values), next((o.value.span for o in line.options if o.name == "size"), None))
    help_ = f"write `crop {text}`"
    _warn(
        diagnostics, f"the crop is {sizes[0]}x{sizes[1]}, but the input of the net is {wanted[0]}x{wanted[1]}", line.span, helps=[help_],
        fixes=[Fix(help_, (Edit(given, text),))] if given is not None and len(line.values) < 2 else [],
    )  # fmt: skip
