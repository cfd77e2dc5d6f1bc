"""transform: the image where an affine map puts each position of the result, as in spatial transformer networks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from netspec.graph import TensorType
from netspec.ops.convolution import require_map
from netspec.ops.kinds import Choice, Flag, PerAxis, Reference
from netspec.ops.op import Misfit, Op, Option, TorchCode
from netspec.ops.reach import Reach
from netspec.ops.resample import require_moderate
from netspec.ops.windows import per_axis

if TYPE_CHECKING:
    from netspec.ops.emitter import Emitter

__all__ = ["Transform"]

NUMBERS = 6
"""Of an affine map of the plane, a 2x3 matrix."""
TRANSFORM = (
    "AffineTransform",
    '''
class AffineTransform(nn.Module):
    """Reads an image where an affine map of the plane, six numbers for each example, puts the positions of the result."""

    def __init__(
        self,
        size: tuple[int, int] | None = None,
        mode: str = "bilinear",
        padding: str = "zeros",
        align_corners: bool = False,
    ) -> None:
        super().__init__()
        self.size, self.mode, self.padding, self.align_corners = size, mode, padding, align_corners

    def forward(self, x: Tensor, theta: Tensor) -> Tensor:
        size = [*x.shape[:2], *(self.size or x.shape[2:])]
        grid = F.affine_grid(theta.unflatten(1, (2, 3)), size, self.align_corners)
        return F.grid_sample(x, grid, self.mode, self.padding, self.align_corners)
''',
)


class Transform(Op):
    """Reads an image where an affine map puts each position of the result, as spatial transformer networks do (Jaderberg et
    al. 2015). The map is six numbers for each example, the rows of a 2x3 matrix, which another layer gives: `by=` is its label.
    It takes x and y of the result to those of the input, both from -1 to 1; (1, 0, 0, 0, 1, 0) changes nothing. Like all
    interpolation it counts no MACs. ONNX has it from opset 16 on."""

    name, example = "transform", "theta: { flatten -> FC-6 }; from in; transform by=theta"
    lowest_opset = 16
    shape_rule = "same as the input, or as many channels of the given size"
    size = Option(
        PerAxis(gathers=True, most=2), None, slot="value", doc="height and width (default: those of the input)"
    )
    by = Option(Reference(), None, doc="label of the layer that gives the six numbers; required")
    mode = Option(Choice("bilinear", "nearest"), "bilinear", doc="interpolation between the positions of the input")
    padding = Option(
        Choice("zeros", "border", "reflection"),
        "zeros",
        doc="what is outside the input: 0, its border, or its reflection",
    )
    align_corners = Option(
        Flag(), False, doc="whether -1 and 1 are the centers of the corner pixels, not their outer edges"
    )

    def validate(self) -> None:
        if self.by is None:
            helps = ("write `transform by=theta` after `theta: FC-6`",)
            raise Misfit("NS206", "`transform` is missing the label of what gives its map", helps=helps)

    def further_inputs(self) -> tuple[str, ...]:
        return ("by",)

    def output(self, *inputs: TensorType) -> TensorType:
        x, theta = inputs
        require_map(self, x)
        if x.layout != "map" or x.rank != 2:
            raise Misfit("NS307", "transform is for images", label=f"the input is {x.noun}")
        if theta.layout != "vector" or theta.features != NUMBERS:
            raise Misfit(
                "NS307", f"an affine map is a vector of {NUMBERS} numbers, `{self.by}` is {theta.noun}", option="by",
                helps=(f"let `{self.by}` end with `FC-{NUMBERS}`",),
            )  # fmt: skip
        if self.size is None:
            return x
        sizes = per_axis(self.size, 2, "size")
        require_moderate(x.features, sizes)
        return x.with_spatial(x.features, sizes)

    def reach(self, x: TensorType) -> tuple[Reach, ...] | None:
        return None

    def describe(self, x: TensorType) -> str:
        to = "" if self.size is None else f"to {'x'.join(map(str, per_axis(self.size, 2, 'size')))}, "
        corners = ", corners aligned" if self.align_corners else ""
        padding = "" if self.padding == "zeros" else f", {self.padding}"
        return f"{to}by {self.by}, {self.mode}{padding}{corners}"

    def torch(self, *inputs: TensorType) -> TorchCode:
        options = [] if self.size is None else [f"size={per_axis(self.size, 2, 'size')}"]
        options += [f'mode="{self.mode}"'] if self.mode != "bilinear" else []
        options += [f'padding="{self.padding}"'] if self.padding != "zeros" else []
        options += ["align_corners=True"] if self.align_corners else []
        return TorchCode((("", f"AffineTransform({', '.join(options)})"),), "{m}({0}, {1})", (TRANSFORM,))

    def onnx(self, emit: Emitter) -> str:
        """The positions are computed in single precision: half precision cannot tell neighboring pixels apart."""
        from onnx import TensorProto

        x, theta = emit.inputs
        height, width = emit.output.spatial
        if emit.half:
            theta = emit.node("Cast", [theta], to=TensorProto.FLOAT)
        rows = emit.reshape(theta, [-1, 2, 3])
        matrix = emit.node("Transpose", [rows], perm=[0, 2, 1])
        positions = emit.wide_floats(self.positions(height, width), "positions", shape=(height * width, 3))
        places = emit.node("MatMul", [positions, matrix])
        grid = emit.reshape(places, [-1, height, width, 2])
        mode = "linear" if self.mode == "bilinear" and emit.opset >= 20 else self.mode
        return emit.node(
            "GridSample", [x, grid], mode=mode, padding_mode=self.padding, align_corners=int(self.align_corners)
        )

    def positions(self, height: int, width: int) -> list[float]:
        """x, y and 1 of each position of the result, row by row."""
        return [v for y in self.along(height) for x in self.along(width) for v in (x, y, 1.0)]

    def along(self, size: int) -> list[float]:
        if self.align_corners:
            return [2 * i / (size - 1) - 1 for i in range(size)] if size > 1 else [0.0]
        return [(2 * i + 1) / size - 1 for i in range(size)]
