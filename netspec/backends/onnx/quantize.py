"""8-bit models through ONNX Runtime's static quantization."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from netspec.backends.onnx.validation import require_valid
from netspec.backends.onnx.verify import run_onnx
from netspec.diagnostics import SpecError
from netspec.graph import Graph
from netspec.optional import require_onnxruntime

if TYPE_CHECKING:
    import numpy as np

__all__ = ["calibration_inputs", "quantize"]

_BATCH = 8


def calibration_inputs(graph: Graph, path: Path) -> list[dict[str, np.ndarray[Any, Any]]]:
    """Batches of inputs from an .npy array (one input) or an .npz of arrays by input name. Raises SpecError (NS503)."""
    import numpy as np

    from netspec.reading.arrays import read_arrays

    inputs = {name: graph.nodes[index].type for name, index in graph.inputs}
    arrays = read_arrays(path)
    if set(arrays) == {""}:
        arrays = {next(iter(inputs)): arrays[""]}
    for name, kind in inputs.items():
        fits = name in arrays and arrays[name].ndim > 0 and arrays[name].shape[1:] == kind.shape
        if not fits or not len(arrays[name]):
            found = "x".join(map(str, arrays[name].shape)) or "a single value" if name in arrays else "nothing"
            raise SpecError.of(
                "NS503", f"{path} does not fit the input `{name}`", notes=[f"wanted N x {kind}, found {found}"]
            )
        if arrays[name].dtype.kind not in "biuf" or not np.isfinite(arrays[name]).all():
            raise SpecError.of("NS503", f"{path} does not hold finite numbers", notes=[f"in the input `{name}`"])
    count = min(len(arrays[name]) for name in inputs)
    dtypes = {name: np.int64 if kind.layout == "ids" else np.float32 for name, kind in inputs.items()}
    return [{n: arrays[n][i : i + _BATCH].astype(dtypes[n]) for n in inputs} for i in range(0, count, _BATCH)]


def quantize(graph: Graph, path: Path, data: Path) -> str:
    """Replaces the file by its 8-bit form; returns what that cost, measured on the calibration data. Raises SpecError
    (NS502, NS503, NS504); the file is as it was then."""
    require_onnxruntime()
    batches = calibration_inputs(graph, data)
    outputs = [name for name, _ in graph.outputs]
    before = [run_onnx(path, batch, outputs) for batch in batches]
    size = path.stat().st_size
    with TemporaryDirectory(dir=path.parent) as folder:
        result = Path(folder) / "int8.onnx"
        try:
            _quantized(path, result, batches, per_channel=not _shares_weights(graph))
        except Exception as error:  # of ONNX Runtime's tools, whatever a model provokes
            said = next(iter(str(error).strip().splitlines()), "")[:300]
            raise SpecError.of(
                "NS504", "ONNX Runtime cannot quantize this network",
                notes=[f"{type(error).__name__}: {said}"], helps=["leave out `--int8`"],
            ) from None  # fmt: skip
        require_valid(result)
        after = [run_onnx(result, batch, outputs) for batch in batches]
        result.replace(path)
    return _cost(before, after, size, path.stat().st_size)


def _shares_weights(graph: Graph) -> bool:
    """Whether one tensor of weights is used twice. Transposed, its channels lie on another axis, so that it can have
    one scale only."""
    return any(node.tied is not None or node.shares is not None for node in graph.nodes)


def _quantized(path: Path, result: Path, batches: list[dict[str, Any]], *, per_channel: bool) -> None:
    from onnxruntime.quantization import CalibrationDataReader, QuantFormat, quantize_static
    from onnxruntime.quantization.shape_inference import quant_pre_process

    class Reader(CalibrationDataReader):  # type: ignore[misc]
        def __init__(self) -> None:
            self.rest = iter(batches)

        def get_next(self) -> dict[str, Any] | None:
            return next(self.rest, None)

    prepared = result.with_name("prepared.onnx")
    quant_pre_process(str(path), str(prepared), skip_symbolic_shape=True)
    quantize_static(str(prepared), str(result), Reader(), quant_format=QuantFormat.QDQ, per_channel=per_channel)


def _cost(before: list[Any], after: list[Any], size: int, now: int) -> str:
    import numpy as np

    a, b = (np.concatenate([batch[0] for batch in runs]) for runs in (before, after))
    largest = float(abs(a - b).max() / max(abs(a).max(), 1e-30))
    text = f"int8: {size / 1e6:,.1f} MB to {now / 1e6:,.1f} MB; on {len(a)} inputs the output moves by at most {largest:.3g} of its scale"
    if a.ndim == 2 and a.shape[1] > 1:
        same = float((a.argmax(1) == b.argmax(1)).mean())
        text += f", and the top class stays the same for {same:.1%}"
    return text
