"""Lints of a recipe: valid settings that do not fit the net or each other."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, NamedTuple

from netspec.diagnostics import Diagnostics, Edit, Fix, Label
from netspec.elaborate.recipe_facts import OutputOfOtherSize
from netspec.fixes.edits import delete
from netspec.graph import Graph, Node
from netspec.lints.last_epoch import after_the_last_epoch
from netspec.settings import LIKELIHOODS, OF_CLASSES
from netspec.source import Span
from netspec.syntax import tree as t

if TYPE_CHECKING:
    from netspec.recipe import Chosen, Recipe

__all__ = ["lint_recipe"]

_FITTING = {**dict.fromkeys((*OF_CLASSES, "ctc"), ("softmax", "log_softmax")), "bce": ("sigmoid",)}
_ONE_SIDED = ("relu", "relu6")


def lint_recipe(graph: Graph, diagnostics: Diagnostics, recipe: Recipe, train: t.Train) -> None:
    """Reports (NS403, NS901, NS912) a loss that does not fit the outputs, and warns about settings without effect."""
    lines = {line.name: line for line in train.settings}
    if not diagnostics.has_errors:
        pairs = _pairs(graph, recipe, train)
        single = _single_output(pairs, train)
        if _each_has_a_loss(graph, diagnostics, pairs, train):
            if single is not None:
                _one_class(diagnostics, single, train)
            for pair in pairs if single is None else ():
                _loss(graph, diagnostics, pair)
        _crop(graph, diagnostics, recipe, lines)
    after_the_last_epoch(graph, diagnostics, recipe, train)
    _frozen(diagnostics, recipe, lines)


def _warn(diagnostics: Diagnostics, message: str, span: Span, **more: Any) -> None:
    diagnostics.warning("NS912", message, span, **more)


class _Pair(NamedTuple):
    """An output, by its name and last layer, its loss (None: that of a recipe without any) and the line of it."""

    name: str
    node: Node
    loss: Chosen | None
    line: t.Setting | None


def _pairs(graph: Graph, recipe: Recipe, train: t.Train) -> list[_Pair]:
    outputs = [(name, graph.nodes[index]) for name, index in graph.outputs]
    given = list(zip(recipe.settings.get("loss", ()), (s for s in train.settings if s.name == "loss"), strict=True))
    if not given:
        return [_Pair(name, node, None, None) for name, node in outputs]
    return [
        _Pair(name, node, loss, line) for loss, line in given for name, node in outputs if loss.labels in ((), (name,))
    ]


def _each_has_a_loss(graph: Graph, diagnostics: Diagnostics, pairs: list[_Pair], train: t.Train) -> bool:
    """Whether the losses of a recipe are one for each output; an error otherwise."""
    lines = [line for line in train.settings if line.name == "loss"]
    names = [name for name, _ in graph.outputs]
    listed = ", ".join(f"`{name}`" for name in names)
    unnamed = next((pair for pair in pairs if pair.loss is not None and not pair.loss.labels), None)
    if not lines:
        return True
    if len(names) == 1:
        return _weighs_something(diagnostics, pairs[0])
    if unnamed is not None and unnamed.line is not None:
        rest = unnamed.line.span.text.removeprefix("loss").strip()
        diagnostics.error(
            "NS403", f"the net has {len(names)} outputs, {listed}, and this loss is for none of them", unnamed.line.span,
            helps=[f"name its output: `loss {names[0]} {rest}`, and write a line for each of the others"],
        )  # fmt: skip
        return False
    missing = [name for name in names if name not in {pair.name for pair in pairs}]
    if missing:
        node = graph.nodes[dict(graph.outputs)[missing[0]]]
        diagnostics.error(
            "NS403", f"the output `{missing[0]}` has no loss", lines[-1].span, secondary=[Label(node.span, "the output")],
            helps=[f"add `loss {missing[0]} cross_entropy` for classes, or `loss {missing[0]} mse` for values"],
        )  # fmt: skip
    return not missing


def _weighs_something(diagnostics: Diagnostics, pair: _Pair) -> bool:
    """Whether the weight of a loss, if it has one, is against others."""
    given = next((option for option in pair.line.options if option.name == "weight"), None) if pair.line else None
    if given is None:
        return True
    diagnostics.error(
        "NS403", "the only loss of a recipe has no weight", given.span,
        notes=["`weight` is that of one of several losses in their sum"],
        helps=["remove it; to learn faster or slower, change `lr`"],
    )  # fmt: skip
    return False


def _single_output(pairs: list[_Pair], train: t.Train) -> _Pair | None:
    """An output with a single feature that a classification loss would compare with nothing."""
    if all(line.name == "init" for line in train.settings):  # initial weights, and no training
        return None
    of_classes = [pair for pair in pairs if pair.loss is None or pair.loss.word in OF_CLASSES]
    return next((pair for pair in of_classes if pair.node.type.features == 1), None)


def _one_class(diagnostics: Diagnostics, pair: _Pair, train: t.Train) -> None:
    """An error: with a single class every prediction is right, so the training would report an accuracy of 100%."""
    loss, line, last = pair.loss, pair.line, pair.node
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
        fixes = [Fix.replace(line.values[-1].span, "bce", help_)] if not line.options else []
    word = loss.word if loss is not None else "cross_entropy"
    notes = ["the softmax of a single number is always 1, so nothing is learned"]
    diagnostics.error(
        "NS403", f"`{word}` needs one output for each class, but the network has a single one", where,
        secondary=[Label(last.span, "the last layer")], notes=notes if loss is not None else ["`cross_entropy` is the default loss", *notes],
        helps=[help_, "for a value, such as a price, write `loss mse`"], fixes=[] if softmax else fixes,
    )  # fmt: skip


def _loss(graph: Graph, diagnostics: Diagnostics, pair: _Pair) -> None:
    """A squashing activation before a loss that expects logits (unless the loss includes it); an autoencoder whose output
    differs in shape from its input; a loss of another kind of output."""
    loss, line, node = pair.loss, pair.line, pair.node
    if loss is None or line is None:
        return
    last = Label(node.span, "the last layer")
    if (wrong := _wrong_kind(loss, node)) is not None:
        diagnostics.error("NS403", wrong[0], line.span, secondary=[last], helps=[wrong[1]])
        return
    name = node.op.name
    fitting = _FITTING.get(loss.word)
    squashes = getattr(node.op, "squashes", False) or (loss.word in LIKELIHOODS and name in _ONE_SIDED)
    if fitting is not None and squashes and name not in fitting:
        diagnostics.warning(
            "NS901", f"`{loss.word}` expects logits, but the net ends in `{name}`", line.span, secondary=[last],
            helps=[f"end the net in {' or '.join(fitting)}, or in logits"], fixes=_without_activation(node, name),
        )  # fmt: skip
    if loss.values.get("target") == "input" and len(graph.inputs) == 1:
        given = graph.nodes[graph.inputs[0][1]].type
        if given.size != node.type.size:
            from netspec.elaborate.branches import way_to

            _warn(
                diagnostics, f"the target is the input ({given}), but the network outputs {node.type}", line.span, secondary=[last],
                facts=OutputOfOtherSize(tuple(way_to(graph, node.index)), given),
            )  # fmt: skip


def _wrong_kind(loss: Chosen, node: Node) -> tuple[str, str] | None:
    """Why a loss does not compare such an output, and what to do."""
    kind, blank = node.type, loss.values.get("blank")
    if loss.word == "ctc" and kind.layout != "sequence":
        rows = 'turn the columns of a map into tokens: `rearrange "c h w -> w (c h)"` and `linear-N`'
        return (
            f"`ctc` compares a sequence of scores, one token after the other, but the output is {kind.noun}",
            rows
            if kind.layout == "map"
            else "leave out what makes one vector of the tokens, and end the net in `linear-N`",
        )
    if loss.word == "ctc" and blank is not None and blank >= kind.features:
        return (
            f"the blank of `ctc` is class {blank}, but the output has the classes 0 to {kind.features - 1}",
            f"write `blank={kind.features - 1}`, or give the last layer {blank + 1} outputs",
        )
    if loss.values.get("target") == "points" and (kind.layout != "vector" or kind.size % 2):
        return (
            f"`target=points` needs two outputs for each point, x and y, but the output is {kind.noun}",
            "end the net in a vector with twice as many outputs as there are points, such as `FC-10` for five",
        )
    if loss.word == "triplet" and (kind.layout != "vector" or kind.features < 2):
        return (
            f"`triplet` compares vectors of features, but the output is {kind.noun}",
            "end the net in a vector, such as `gap -> FC-64`",
        )
    return None


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
