"""The net of a run, ready for inference: its weights, its inputs, and the meaning of its outputs."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from netspec.diagnostics import SpecError
from netspec.model import Model
from netspec.settings import LIKELIHOODS
from netspec.training.heads import Head
from netspec.training.inputs import Inputs
from netspec.training.learner import logits_module, outputs_of, probabilities
from netspec.training.plan import Plan
from netspec.training.precision import doubled
from netspec.training.request import Request
from netspec.training.run_folder import RunFolder

if TYPE_CHECKING:
    import torch
    from torch import Tensor

__all__ = ["Net", "OnnxNet", "Trained", "answers", "logits_of", "views"]


@dataclass(frozen=True)
class Net(ABC):
    """A net for inference: a module here, an ONNX model in `OnnxNet`."""

    name: str
    plan: Plan

    @property
    def device(self) -> Any:
        return "cpu"

    @abstractmethod
    def outputs(self, inputs: Sequence[Tensor]) -> list[Tensor]:
        """The output of each head as in the spec, in float64 on the CPU."""

    def output(self, inputs: Sequence[Tensor]) -> Tensor:
        """That of the first."""
        return self.outputs(inputs)[0]


@dataclass(frozen=True)
class Trained(Net):
    """A run and its module, which always computes in fp32, like the exported model."""

    folder: RunFolder
    info: dict[str, Any]
    request: Request
    model: Model
    weights: Path
    module: torch.nn.Module

    @classmethod
    def open(cls, path: Path, weights: str = "best") -> Trained:
        """Raises SpecError (NS502, NS606, and errors of the spec)."""
        from netspec.model import check
        from netspec.optional import require_torch
        from netspec.training.checkpoint_files import read_weights
        from netspec.training.continuation import request_of
        from netspec.training.hardware import Hardware, device_kind

        require_torch()
        folder = RunFolder(path)
        info = folder.read_info()
        request = request_of(folder, Hardware())
        model = check(request.source).lenient().model()
        plan = Plan.of(model.graph)
        classes = info["data"].get("classes") or []
        if plan.task == "class" and classes and len(classes) != plan.output.type.features:
            raise SpecError.of(
                "NS606", f"{folder.info} does not fit {folder.spec}",
                notes=[f"it names {len(classes)} classes, and the network has {plan.output.type.features} outputs"],
            )  # fmt: skip
        file = folder.best if weights == "best" else folder.last
        if not file.is_file():
            helps = ["use `--weights last` for the last checkpoint"] if folder.last.is_file() else []
            raise SpecError.of("NS606", f"{path} has no {weights} weights yet", helps=helps)
        state = read_weights(file)
        module = logits_module(plan, model.to_torch())
        try:
            module.load_state_dict(state)
        except RuntimeError as error:
            lines = [line.strip() for line in str(error).splitlines()[1:]]
            raise SpecError.of(
                "NS606", f"{file} does not match {folder.spec}", notes=[n[:200] for n in lines[:4]]
            ) from None
        module.eval().to(device_kind(Hardware()))
        return cls(path.resolve().name, plan, folder, info, request, model, file, module)

    @property
    def device(self) -> Any:
        return next(self.module.parameters()).device

    @property
    def classes(self) -> tuple[str, ...]:
        """The names of the classes of the first output."""
        return tuple(self.info["data"].get("classes", ()))

    @property
    def names(self) -> dict[str, tuple[str, ...]]:
        """The names of the classes of every output."""
        further = self.info["data"].get("outputs", {})
        first, *others = self.plan.heads
        return {first.name: self.classes, **{head.name: tuple(further.get(head.name, ())) for head in others}}

    def outputs(self, inputs: Sequence[Tensor]) -> list[Tensor]:
        import torch

        with torch.inference_mode():
            found = outputs_of(self.plan, self.module(*inputs))
            return [probabilities(head, doubled(output)).cpu() for head, output in found]


@dataclass(frozen=True)
class OnnxNet(Net):
    """The ONNX model of a run, in ONNX Runtime."""

    session: Any
    provider: str

    @classmethod
    def open(cls, path: Path, plan: Plan) -> OnnxNet:
        """Raises SpecError (NS001, NS502, NS503, NS504)."""
        from netspec.backends.onnx.runtime import open_session

        if not path.is_file():
            raise SpecError.of("NS001", f"no such file: {path}")
        session, provider = open_session(path)
        found = [i.name for i in session.get_inputs()]
        if sorted(found) != sorted(plan.inputs):
            raise SpecError.of(
                "NS503", f"{path} is not a model of this net",
                notes=[f"its inputs are {', '.join(found)}, but those of the net are {', '.join(plan.inputs)}"],
            )  # fmt: skip
        return cls(path.name, plan, session, provider)

    def outputs(self, inputs: Sequence[Tensor]) -> list[Tensor]:
        import torch

        declared = {i.name: i for i in self.session.get_inputs()}
        fed = {}
        for name, value in zip(self.plan.inputs, inputs, strict=True):
            half = "float16" in declared[name].type
            fed[name] = value.cpu().numpy().astype("float16" if half else value.cpu().numpy().dtype)
        try:
            results = self.session.run([head.name for head in self.plan.heads], fed)
        except Exception as error:  # ONNX Runtime raises its own exceptions, all derived from Exception
            said = str(error).split("\n")[0][:300]
            raise SpecError.of("NS503", f"{self.name} does not accept the inputs of this net", notes=[said]) from None
        for head, result in zip(self.plan.heads, results, strict=True):
            if result.shape[1:] != head.type.shape:
                raise SpecError.of(
                    "NS503", f"{self.name} is not a model of this net",
                    notes=[f"it outputs {'x'.join(map(str, result.shape[1:]))}, but the net outputs {head.type}"],
                )  # fmt: skip
        return [torch.from_numpy(result).double() for result in results]


def answers(head: Head, output: Tensor) -> Tensor:
    """Converts outputs to the values that are averaged and shown: probabilities for cross_entropy, focal, dice and bce, whether or not
    the spec ends in them, and otherwise the output itself (scores of the hinge loss, values)."""
    node, squashed = head.output, head.squashed
    if head.loss.word in LIKELIHOODS:
        if squashed:
            return output if node.op.name == "softmax" else output.exp()
        return output.softmax(node.type.feature_axis)
    if head.loss.word == "bce" and not squashed:
        return output.sigmoid()
    return output


def logits_of(head: Head, given: Tensor) -> Tensor:
    """Converts `answers` to the inputs of the loss."""
    if head.loss.word == "bce":
        return given.logit(1e-12)
    softmax = head.squashed and head.output.op.name == "softmax"
    if head.loss.word in LIKELIHOODS or softmax:
        return given.clamp(min=1e-300).log()
    return given


class _Part:
    """A crop of every image: the center, or one of ten crops after zero padding."""

    mixes = False

    def __init__(self, wanted: tuple[int, ...], number: int | None = None, pad: int = 0) -> None:
        self.wanted, self.number, self.pad = wanted, number, pad

    def test(self, images: Tensor) -> Tensor:
        from torch.nn import functional as F

        from netspec.training.crops import center, ten_crops

        _, height, width = self.wanted
        if self.number is None:
            return center(images.float(), (height, width))
        padded = F.pad(images.float(), [self.pad] * 4)
        return ten_crops(padded, (images.shape[1], height, width))[self.number]


def views(net: Net, shapes: Any, *, ten_crop: bool = False) -> list[Inputs]:
    """How examples of these shapes are passed to the net; several views if its outputs are averaged over crops.

    Raises SpecError (NS604) if ten crops are impossible.
    """
    plan = net.plan
    image = next((name for name, shape in shapes.items() if len(shape) == 3), None)
    kind = plan.inputs[image] if image is not None else None
    is_map = kind is not None and kind.layout == "map" and kind.rank == 2
    if not ten_crop:
        part: Any = _Part(kind.shape) if kind is not None and is_map and kind.shape != shapes[image] else None
        return [Inputs(plan, image, part, net.device)]
    if kind is None or not is_map:
        raise SpecError.of("NS604", "`--ten-crop` requires an image input, but the net has none")
    if any(head.type.layout == "map" for head in plan.heads):
        raise SpecError.of(
            "NS604", "`--ten-crop` averages predictions for whole images, but the net predicts one for each pixel"
        )
    if any(head.points for head in plan.heads):
        raise SpecError.of("NS604", "`--ten-crop` averages predictions, but points are elsewhere in each crop")
    crop = plan.recipe.augment.get("crop")
    pad = int(crop.values.get("pad") or 0) if crop is not None else 0
    if shapes[image][1:] == kind.shape[1:] and not pad:
        size = "x".join(map(str, kind.shape[1:]))
        raise SpecError.of(
            "NS604", f"ten crops of {size} from images of {size} would all be the same",
            notes=["each of them would be the whole image"], helps=["train with larger images, or with `crop pad=…` in `augment`"],
        )  # fmt: skip
    parts: list[Any] = [_Part(kind.shape, number, pad) for number in range(10)]
    return [Inputs(plan, image, part, net.device) for part in parts]
