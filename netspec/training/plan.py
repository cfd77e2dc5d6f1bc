"""A recipe with all defaults filled in, as used by the training loop."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

from netspec.datasets import Task, Wanted
from netspec.diagnostics import SpecError
from netspec.graph import Graph, Node, TensorType
from netspec.recipe import Chosen, Recipe
from netspec.settings import SETTINGS
from netspec.symbolic import Name
from netspec.training.heads import Head, heads_of

__all__ = ["Plan"]

_NOT_WITH_LBFGS = {
    "rate": "it moves all weights along one direction, by one step size",
    "layer_decay": "it moves all weights along one direction, by one step size",
    "ema": "its updates are few and do not scatter about a mean, so there is nothing to average",
    "clip": "it estimates the curvature from gradients, and clipping would change them",
    "accumulate": "it computes the gradient several times in an update: choose a larger `batch`",
}
"""What L-BFGS cannot be combined with, and why."""


@dataclass(frozen=True)
class Plan:
    """How to train a graph. `of` raises SpecError (NS604) if that is impossible."""

    graph: Graph
    recipe: Recipe

    @classmethod
    def of(cls, graph: Graph) -> Plan:
        plan = cls(graph, graph.recipe or cls.nothing())
        plan._check()
        return plan

    @staticmethod
    def nothing() -> Recipe:
        """The recipe of a spec that has none: all defaults."""
        return Recipe({}, {})

    def _check(self) -> None:
        self._check_outputs()
        if not any(p.trainable for node in self.graph.nodes for p in node.params):
            raise SpecError.of("NS604", "the net has no weights to train")
        self.require_classes()
        self._check_lbfgs()
        if self.recipe.one("kl") and not any(node.kind == "sample" for node in self.graph.nodes):
            raise SpecError.of(
                "NS604", "`kl` is for networks with a `sample` layer, and this one has none",
                helps=["remove `kl`, or draw the code: `FC-32 -> sample`"],
            )  # fmt: skip
        if self.value("optimizer", "nesterov", False) and not self.value("optimizer", "momentum", 0.0):
            raise SpecError.of("NS604", "`nesterov=yes` requires momentum", helps=["add `momentum=0.9`"])
        self._check_classes()
        if self.schedule.values["warmup"] and self.schedule.values["warmup_steps"]:
            raise SpecError.of(
                "NS604", "`warmup` and `warmup_steps` cannot be combined", helps=["keep only one of them"]
            )
        if self.recipe.one("freeze") and self.recipe.one("train_only"):
            raise SpecError.of("NS604", "`freeze` and `train_only` cannot be combined", helps=["keep only one of them"])
        self._check_unfreezing()

    def _check_lbfgs(self) -> None:
        given = {
            "rate": bool(self.rates), "layer_decay": self.layer_decay is not None, "ema": self.ema is not None,
            "clip": self.clip is not None, "accumulate": self.accumulate > 1,
        }  # fmt: skip
        for word, reason in _NOT_WITH_LBFGS.items():
            if self.optimizer.word == "lbfgs" and given[word]:
                raise SpecError.of(
                    "NS604", f"`optimizer lbfgs` cannot be combined with `{word}`",
                    notes=[reason], helps=[f"remove `{word}`, or use another optimizer"],
                )  # fmt: skip

    def _check_unfreezing(self) -> None:
        lines = [name for name in ("unfreeze", "unfreeze_backward") if self.recipe.one(name)]
        others = lines[1:] or ["optimizer lbfgs"] * (self.optimizer.word == "lbfgs")
        others += ["regularize max_norm"] * any(line.word == "max_norm" for line in self.penalties)
        if lines and others:
            raise SpecError.of(
                "NS604", f"`{lines[0]}` and `{others[0]}` cannot be combined", helps=["keep only one of them"]
            )

    def _check_outputs(self) -> None:
        """Raises SpecError (NS604) where several outputs do not have a loss each."""
        outputs = [name for name, _ in self.graph.outputs]
        if len(outputs) == 1:
            return
        if {line.labels for line in self.recipe.settings.get("loss", ())} != {(name,) for name in outputs}:
            names = ", ".join(f"`{name}`" for name in outputs)
            raise SpecError.of(
                "NS604", f"training needs a loss for each of the {len(outputs)} outputs of the net: {names}",
                helps=[
                    f"write a line for each in `train {{ … }}`, such as `loss {outputs[0]} cross_entropy` and `loss {outputs[1]} mse weight=0.5`",
                    "or keep one `output`, and turn others that have the same targets into `aux weight=… { … }`",
                ],
            )  # fmt: skip
        if self.graph.aux:
            raise SpecError.of(
                "NS604", "a net with several outputs cannot have `aux` heads, which repeat the loss of a single output",
                helps=["make the head an `output` with a `loss` of its own"],
            )  # fmt: skip

    def _check_classes(self) -> None:
        for head in self.heads:
            self._check_classes_of(head)

    def _check_classes_of(self, head: Head) -> None:
        """What a loss needs of the classes."""
        given, count = head.loss.values.get("class_weights"), head.type.features
        if isinstance(given, tuple) and len(given) != count:
            raise SpecError.of(
                "NS604", f"`class_weights` has {len(given)} numbers, but the net has {count} classes",
                helps=["give one number for each class, or write `class_weights=balanced`"],
            )  # fmt: skip
        mixing = next((word for word in ("mixup", "cutmix") if word in self.recipe.augment), None)
        if mixing is not None and head.task == "group":
            raise SpecError.of(
                "NS604", f"`{mixing}` cannot be combined with `loss {head.loss.word}`, which compares whole examples",
                helps=[f"remove `{mixing}`"],
            )  # fmt: skip
        _check_points(head, self.recipe)
        if head.loss.word == "dice" and head.type.layout == "vector":
            raise SpecError.of("NS604", "`loss dice` compares maps of classes, but the output is a vector", helps=["write `loss cross_entropy`"])  # fmt: skip

    def require_classes(self) -> None:
        """Raises SpecError (NS604) where the loss is of classes and the network has a single output."""
        single = next((head for head in self.heads if head.task == "class" and head.type.features == 1), None)
        if single is not None:  # `check` reports it in a recipe, but the recipe may be missing
            raise SpecError.of(
                "NS604", f"`{single.loss.word}` needs one output for each class, but the network has a single one",
                helps=["for two classes with a single output, write `loss bce` in `train { … }`", "for a value, such as a price, write `loss mse`"],
            )  # fmt: skip

    def chosen(self, setting: str) -> Chosen:
        """The line of a setting; by default its first form with all defaults."""
        form = SETTINGS[setting].forms[0]
        return self.recipe.one(setting) or Chosen(form.word, {o.name: o.default for o in form.options.values()})

    def value(self, setting: str, option: str, otherwise: Any = None) -> Any:
        """An option of a setting, given or default; `otherwise` if its form has no such option."""
        return self.chosen(setting).values.get(option, otherwise)

    def optional(self, setting: str, option: str) -> Any:
        """An option of a setting that is off by default; None if it is off."""
        line = self.recipe.one(setting)
        return line.values[option] if line is not None else None

    @cached_property
    def loss(self) -> Chosen:
        return self.head.loss

    @cached_property
    def optimizer(self) -> Chosen:
        return self.chosen("optimizer")

    @cached_property
    def lr(self) -> float:
        return float(self.optimizer.values["lr"])

    @cached_property
    def schedule(self) -> Chosen:
        return self.chosen("schedule")

    @cached_property
    def divergence(self) -> float:
        """The factor on the divergence of each example: the losses are means over the values of the output, with several that
        of the input again."""
        weight = self.optional("kl", "weight")
        head = next((head for head in self.heads if head.task == "input"), self.head)
        return float(weight) / head.type.size if weight else 0.0

    @cached_property
    def epochs(self) -> int:
        return int(self.value("epochs", "n"))

    @cached_property
    def batch(self) -> int:
        """Number of examples per forward pass, over all devices."""
        return int(self.value("batch", "n"))

    @cached_property
    def accumulate(self) -> int:
        return int(self.value("batch", "accumulate"))

    @cached_property
    def seed(self) -> int:
        return int(self.value("seed", "n"))

    @property
    def precision(self) -> str:
        return str(self.value("precision", "kind"))

    @property
    def penalties(self) -> tuple[Chosen, ...]:
        return self.recipe.settings.get("regularize", ())

    @property
    def rates(self) -> tuple[Chosen, ...]:
        return self.recipe.settings.get("rate", ())

    @property
    def unfreezing(self) -> tuple[Chosen, ...]:
        return self.recipe.settings.get("unfreeze", ())

    @property
    def unfreeze_backward(self) -> int | None:
        return self.optional("unfreeze_backward", "every")  # type: ignore[no-any-return]

    @cached_property
    def clip(self) -> float | None:
        return self.optional("clip", "norm")  # type: ignore[no-any-return]

    @cached_property
    def ema(self) -> float | None:
        return self.optional("ema", "decay")  # type: ignore[no-any-return]

    @property
    def sync_bn(self) -> bool:
        return bool(self.value("sync_bn", "on"))

    @property
    def layer_decay(self) -> float | None:
        return self.optional("layer_decay", "factor")  # type: ignore[no-any-return]

    @property
    def sampling(self) -> Chosen | None:
        return self.recipe.one("sampling")

    @cached_property
    def patience(self) -> int | None:
        return self.optional("stop", "patience")  # type: ignore[no-any-return]

    @property
    def validate(self) -> tuple[int, str]:
        """How often a run is evaluated, in which unit: epoch or step."""
        return int(self.value("validate", "every")), str(self.value("validate", "unit"))

    @property
    def best_by(self) -> str | None:
        return self.optional("best", "by")  # type: ignore[no-any-return]

    @property
    def stop_by(self) -> str | None:
        return self.optional("stop", "by")  # type: ignore[no-any-return]

    @property
    def metrics(self) -> tuple[str, ...]:
        """The names of all metrics that are asked for, each once."""
        ranked = [self.measure(name) for name in (self.best_by, self.stop_by) if name is not None]
        asked = [*(line.word for line in self.recipe.settings.get("metric", ())), *ranked]
        return tuple(dict.fromkeys(asked))

    def measure(self, name: str) -> str:
        """A score without the name of one of several outputs."""
        heads = [head.name for head in self.heads] if len(self.heads) > 1 else []
        return next((name.removeprefix(f"{head}_") for head in heads if name.startswith(f"{head}_")), name)

    @property
    def weights(self) -> str | None:
        return self.optional("weights", "file")  # type: ignore[no-any-return]

    @property
    def distill(self) -> Chosen | None:
        return self.recipe.one("distill")

    @property
    def pretrain_epochs(self) -> int | None:
        return self.optional("pretrain", "epochs")  # type: ignore[no-any-return]

    @property
    def pretrain_rbm(self) -> bool:
        """Whether layers are pretrained as restricted Boltzmann machines; if at all, they are autoencoders otherwise."""
        line = self.recipe.one("pretrain")
        return line is not None and line.word == "rbm"

    @cached_property
    def heads(self) -> tuple[Head, ...]:
        """The outputs with a loss each, in the order of the recipe."""
        return heads_of(self.graph, self.recipe.settings.get("loss") or (self.chosen("loss"),))

    @property
    def head(self) -> Head:
        """The first of them: the only one of most nets, and the one that pictures of a run show."""
        return self.heads[0]

    @cached_property
    def auxiliary(self) -> tuple[Head, ...]:
        """The auxiliary heads, which repeat the loss of the output."""
        nodes, head = self.graph.nodes, self.head
        return tuple(Head(head.name, nodes[index], head.loss, weight) for _, index, weight in self.graph.aux)

    @cached_property
    def places(self) -> tuple[tuple[Head, int], ...]:
        """Each head with the place of its output among those that the module returns, auxiliary ones, in training, last."""
        names = [name for name, _ in self.graph.outputs]
        places = [
            *map(names.index, (head.name for head in self.heads)),
            *range(len(names), len(names) + len(self.auxiliary)),
        ]
        return tuple(zip((*self.heads, *self.auxiliary), places, strict=True))

    @property
    def task(self) -> Task:
        return self.head.task

    @property
    def labels(self) -> bool:
        """Whether every output is the logit of a label that holds or not."""
        return self.head.labels

    @property
    def pixelwise(self) -> bool:
        """Whether every pixel of the image has a target, as in a segmentation."""
        return self.covers(self.head)

    def covers(self, head: Head) -> bool:
        """Whether a head has a target for every pixel of the image."""
        return head.covers(tuple(self.inputs.values()))

    @property
    def wanted(self) -> Wanted:
        """What it needs of data."""
        return Wanted(self.inputs, {head.name: head.goal for head in self.heads}, self.vocabularies)

    @property
    def inputs(self) -> dict[str, TensorType]:
        return {name: self.graph.nodes[i].type for name, i in self.graph.inputs}

    @property
    def vocabularies(self) -> dict[str, int]:
        """The number of different ids that each input of ids may hold: the smallest `vocab` of the layers that look them up."""
        from netspec.ops.sequence import Embed

        found: dict[str, int] = {}
        for name, index in self.graph.inputs:
            tables = [n.params[0] for n in self.graph.nodes if isinstance(n.op, Embed) and index in n.inputs]
            sizes = [table.shape[0] for table in tables]
            if sizes:
                found[name] = min(sizes)
        return found

    @property
    def output(self) -> Node:
        return self.head.output

    @property
    def outputs_parameter(self) -> str | None:
        """The parameter of the net that is the number of its outputs, as in `FC-classes -> softmax`."""
        node = self.output
        while "width" not in node.origins and len(node.inputs) == 1 and not node.params:
            node = self.graph.nodes[node.inputs[0]]
        width = node.origins.get("width")
        return width.name if isinstance(width, Name) and width.scope == "net" else None


def _check_points(head: Head, recipe: Recipe) -> None:
    """Raises SpecError (NS604) where points of the image, or pairs of them, cannot be trained."""
    word = f"loss {head.loss.word} target=points"
    if head.pairs and not head.points:
        raise SpecError.of("NS604", "`pairs` are of points, but the targets are none", helps=[f"write `{word}`, or remove `pairs`"])  # fmt: skip
    if not head.points:
        return
    count = head.type.size // 2
    beyond = [number for pair in head.pairs for number in pair if number >= count]
    if beyond:
        raise SpecError.of(
            "NS604", f"`pairs` has a point {beyond[0]}, but the net has the points 0 to {count - 1}",
            helps=["number the points from 0, in the order of the outputs"],
        )  # fmt: skip
    hinders = next((w for w in ("mixup", "cutmix", "randaugment", "trivialaugment") if w in recipe.augment), None)
    if hinders is not None:
        raise SpecError.of(
            "NS604", f"`{hinders}` cannot be combined with `{word}`: points cannot move with these images",
            helps=[f"remove `{hinders}`", "`rotate`, `translate`, `rescale`, `shear`, `stretch` and `jitter` can be combined"],
        )  # fmt: skip
