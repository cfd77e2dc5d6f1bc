"""Which tensors have open sizes when height and width are left open, and which layers cannot take them."""

from __future__ import annotations

from netspec.diagnostics import SpecError
from netspec.graph import Graph, Node, TensorType
from netspec.ops.border import Crop
from netspec.ops.conv import SharedConvolution
from netspec.ops.elementwise import Subsample
from netspec.ops.normalize import Normalize
from netspec.ops.pool import AdaptiveAvgPool, GlobalAvgPool, Pool
from netspec.ops.rearrange import AxisLayer
from netspec.ops.resample import Resize
from netspec.ops.transform import Transform
from netspec.ops.transposed_conv import TransposedConv
from netspec.ops.windows import fits_open_sizes

__all__ = ["require_open_sizes"]


def require_open_sizes(graph: Graph, *, train: bool = False) -> None:
    """Raises SpecError (NS506) naming the first layer whose ONNX depends on the sizes that are to be left open; auxiliary heads
    are part of it for training."""
    is_open = {index: graph.nodes[index].type.layout == "map" for _, index in graph.inputs}
    for node in graph.nodes:
        if not node.inputs or (node.aux and not train):
            continue
        opened = any(is_open[i] for i in node.inputs)
        reads = graph.nodes[node.inputs[0]].type
        if opened and not _any_size(node, reads):
            option = _fixing_option(node)
            raise SpecError.of(
                "NS506",
                f"{node.name} needs a fixed size, so height and width cannot be left open",
                span=node.span,
                notes=[f"it reads {reads.noun}", *([f"`{option}` depends on the size"] if option else [])],
                helps=[f"{_remedy(node, option)}, or leave only the batch open"],
            )
        if node.op.measures_second and node.op.further_inputs():  # `like=`
            is_open[node.index] = is_open[node.inputs[1]]
        else:
            is_open[node.index] = opened and not _closes(node, reads)


def _closes(node: Node, reads: TensorType) -> bool:
    """Whether the sizes of what a layer gives are fixed whatever those of its input are."""
    if isinstance(node.op, AxisLayer):
        return not node.op.open_axes(reads)
    return isinstance(node.op, (GlobalAvgPool, AdaptiveAvgPool, Resize, Transform))


def _fixing_option(node: Node) -> str:
    """The option because of which a layer needs a fixed size, where it is one."""
    op = node.op
    if isinstance(op, Pool) and op.rounds_up:
        return "round=ceil"
    if isinstance(op, (SharedConvolution, Pool)):
        return f"pad={op.pad}"
    return op.source if isinstance(op, Normalize) else ""


def _remedy(node: Node, option: str) -> str:
    if option:
        return f"write it without `{option}`"
    if isinstance(node.op, Transform):
        return "give it the size of its result"
    return "pool globally before it (`gap`)"


def _any_size(node: Node, reads: TensorType) -> bool:
    op, rank = node.op, reads.rank
    if op.name == "LRN" and rank != 2:
        return False
    if isinstance(op, Normalize) and (op.source == "image" or op.rotates):
        return False
    if isinstance(op, (SharedConvolution, Pool)):
        return fits_open_sizes(op.geometry(reads), op.pad)
    if isinstance(op, Transform):
        return op.size is not None
    if isinstance(op, Crop) and op.size is not None:
        return op.size[0] == "off"
    if isinstance(op, AxisLayer):
        opened = op.open_axes(reads)
        return not opened or (node.type.layout == "map" and node.type.rank == rank and 0 not in opened)
    return (
        isinstance(op, (GlobalAvgPool, Subsample, TransposedConv))
        or op.any_size
        or (op.measures_second and bool(op.further_inputs()))
    )
