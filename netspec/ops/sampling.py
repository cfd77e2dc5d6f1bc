"""sample: a draw from a normal distribution whose mean and variance come in, as in variational autoencoders."""

from __future__ import annotations

from typing import TYPE_CHECKING

from netspec.graph import TensorType
from netspec.ops.dense import require_numbers
from netspec.ops.op import Misfit, Op, TorchCode

if TYPE_CHECKING:
    from netspec.ops.emitter import Emitter

__all__ = ["Sample"]

SAMPLE = (
    "Sample",
    '''
class Sample(nn.Module):
    """Draws from a normal distribution in training, given its mean and log variance; in inference it gives the mean.

    `divergence` is, for each example, that of the distribution from the standard normal one (Kingma & Welling 2014).
    """

    def __init__(self, dim: int = 1) -> None:
        super().__init__()
        self.dim = dim
        self.divergence: Tensor | None = None

    def forward(self, x: Tensor) -> Tensor:
        mean, log_variance = x.chunk(2, dim=self.dim)
        if not self.training:
            return mean
        terms = mean.square() + log_variance.exp() - 1 - log_variance
        self.divergence = 0.5 * terms.flatten(1).sum(1)
        return mean + (0.5 * log_variance).exp() * torch.randn_like(mean)
''',
)


class Sample(Op):
    """Draws from a normal distribution: the first half of the features is its mean, the second its log variance. In inference
    the result is the mean. `kl` in a recipe adds the divergence from the standard normal distribution to the loss (Kingma &
    Welling 2014)."""

    any_size = True
    name, example = "sample", "sample"
    shape_rule = "half of the features"

    def output(self, *inputs: TensorType) -> TensorType:
        (x,) = inputs
        require_numbers(self, x)
        if x.features % 2:
            raise Misfit(
                "NS304", f"{x.features} features are not means and log variances", label=f"the input is {x.noun}",
                helps=(f"give the layer before twice the size of what is drawn: {x.features + 1}",), indivisible=(x.features, 2),
            )  # fmt: skip
        return x.with_features(x.features // 2)

    def describe(self, x: TensorType) -> str:
        return "the mean in inference"

    def torch(self, *inputs: TensorType) -> TorchCode:
        axis = inputs[0].feature_axis
        return TorchCode((("", f"Sample({'' if axis == 1 else f'dim={axis}'})"),), None, (SAMPLE,))

    def onnx(self, emit: Emitter) -> str:
        (x,) = emit.types
        half = x.features // 2
        mean = emit.slice(emit.inputs[0], x.feature_axis, 0, half)
        if not emit.train:
            return mean
        log_variance = emit.slice(emit.inputs[0], x.feature_axis, half, x.features)
        deviation = emit.node("Exp", [emit.node("Mul", [log_variance, emit.scalar(0.5, "half")])])
        noise = emit.node("RandomNormalLike", [mean])
        return emit.node("Add", [mean, emit.node("Mul", [deviation, noise])])
