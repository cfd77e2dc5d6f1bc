"""One file through an ONNX model of any origin: what it takes, what is fed to it, what it answers."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from math import prod
from pathlib import Path
from typing import TYPE_CHECKING, Any

from netspec.backends.onnx.options import CLASSES_KEY
from netspec.diagnostics import SpecError

if TYPE_CHECKING:
    import numpy as np

__all__ = ["Answer", "run_on_file"]

_KINDS = {
    "tensor(float)": "float32", "tensor(float16)": "float16", "tensor(double)": "float64", "tensor(int64)": "int64",
    "tensor(int32)": "int32", "tensor(int16)": "int16", "tensor(int8)": "int8", "tensor(uint64)": "uint64",
    "tensor(uint32)": "uint32", "tensor(uint16)": "uint16", "tensor(uint8)": "uint8", "tensor(bool)": "bool",
}  # fmt: skip
_IMAGE_KINDS = ("float32", "float16", "float64")


@dataclass(frozen=True)
class Answer:
    """The first output, the provider that computed it, and the names of the classes in the metadata of the model."""

    values: np.ndarray[Any, Any]
    provider: str
    classes: tuple[str, ...] = ()


@dataclass(frozen=True)
class _Declared:
    """The input of a model: its name, the sizes of one example (numbers, or None where they are left open), the size of
    the batch, its NumPy kind."""

    name: str
    sizes: tuple[int | None, ...]
    batch: int | None
    kind: str

    @property
    def text(self) -> str:
        return "x".join("?" if n is None else str(n) for n in self.sizes) or "a single number"


def run_on_file(model: Path, source: Path, provider: str | None = None) -> Answer:
    """Raises SpecError (NS001, NS502 to NS505)."""
    from netspec.backends.onnx.runtime import open_session

    if not model.is_file():
        raise SpecError.of("NS001", f"no such file: {model}")
    session, used = open_session(model, [provider] if provider else None)
    declared = _declared(session)
    return Answer(_outputs(session, declared, _example(source, declared)), used, _classes(session))


def _classes(session: Any) -> tuple[str, ...]:
    """The names of the classes; none if the metadata, which comes from outside, has no list of texts."""
    try:
        found = json.loads(session.get_modelmeta().custom_metadata_map.get(CLASSES_KEY, "[]"))
    except (ValueError, RecursionError):
        return ()
    return tuple(found) if isinstance(found, list) and all(isinstance(name, str) for name in found) else ()


def _declared(session: Any) -> _Declared:
    inputs = session.get_inputs()
    if len(inputs) != 1:
        count = "no input" if not inputs else f"{len(inputs)} inputs"
        raise SpecError.of("NS505", f"a model with {count} cannot be run on one file")
    (given,) = inputs
    if given.type not in _KINDS or not isinstance(given.shape, (list, tuple)) or not given.shape:
        what = given.type if given.type not in _KINDS else "a single value"
        raise SpecError.of("NS505", "this model cannot be run on a file", notes=[f"its input `{given.name}` is {what}"])
    batch, *sizes = (n if isinstance(n, int) and n > 0 else None for n in given.shape)
    return _Declared(given.name, tuple(sizes), batch, _KINDS[given.type])


def _outputs(session: Any, declared: _Declared, array: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """The first output for the examples of an array, in batches of the size that the model is fixed to."""
    import numpy as np

    step = declared.batch or len(array)
    if len(array) % step:
        raise SpecError.of(
            "NS503", f"the model takes {step} examples at a time, and the file has {len(array)}",
            helps=["export the model with an open batch size"],
        )  # fmt: skip
    found = []
    for start in range(0, len(array), step):
        try:
            first, *_ = session.run(None, {declared.name: array[start : start + step]})
        except Exception as error:  # ONNX Runtime raises classes of its own, all from Exception
            said = next(iter(str(error).strip().splitlines()), type(error).__name__)[:300]
            raise SpecError.of("NS504", "ONNX Runtime cannot run the model on this file", notes=[said]) from None
        if not isinstance(first, np.ndarray) or first.dtype.kind not in "biuf":
            what = "text" if isinstance(first, np.ndarray) else f"a {type(first).__name__}"
            raise SpecError.of(
                "NS505", "the first output of the model is not an array of numbers", notes=[f"it is {what}"]
            )
        found.append(first)
    return found[0] if len(found) == 1 else np.concatenate([np.atleast_1d(one) for one in found])


def _example(source: Path, declared: _Declared) -> np.ndarray[Any, Any]:
    """A batch with one image or with the examples of an array. Raises SpecError (NS001, NS503)."""
    if not source.is_file():
        raise SpecError.of("NS001", f"no such file: {source}")
    if source.suffix != ".npy":
        return _image(source, declared)
    from netspec.reading.arrays import read_array

    array = read_array(source)
    if array.ndim == len(declared.sizes):
        array = array[None]
    pairs = zip(declared.sizes, array.shape[1:], strict=False)
    if array.ndim != len(declared.sizes) + 1 or not len(array) or any(n is not None and n != m for n, m in pairs):
        raise SpecError.of(
            "NS503",
            f"{source} does not fit the model",
            notes=[f"expected {declared.text} or N x {declared.text}, found {'x'.join(map(str, array.shape))}"],
        )
    return _converted(array, declared, source)


def _converted(array: np.ndarray[Any, Any], declared: _Declared, source: Path) -> np.ndarray[Any, Any]:
    """The array in the model's kind of numbers. Raises SpecError (NS503) where that would change the values."""
    import numpy as np

    if array.dtype.kind not in "biuf":
        raise SpecError.of("NS503", f"{source} does not hold numbers", notes=[f"it holds {array.dtype}"])
    with np.errstate(all="ignore"):
        result: np.ndarray[Any, Any] = array.astype(declared.kind)
        if result.dtype.kind == "f":  # rounded, but not turned into infinity
            same = bool((np.isfinite(result) == np.isfinite(array)).all())
        else:
            same = bool((result.astype(array.dtype) == array).all())
    if not same:
        raise SpecError.of("NS503", f"the values of {source} are not {declared.kind}, which the model takes")
    return result


def _image(source: Path, declared: _Declared) -> np.ndarray[Any, Any]:
    """One image as numbers from 0 to 1, its shorter side scaled to the model's input and its center cut out."""
    import numpy as np

    from netspec.datasets.decoding import Frame, decode, measure, require_pillow

    if len(declared.sizes) != 3 or declared.sizes[0] not in (1, 3, None) or declared.kind not in _IMAGE_KINDS:
        raise SpecError.of(
            "NS503", "the model does not take an image", notes=[f"its input is {declared.text} ({declared.kind})"]
        )
    require_pillow()
    try:
        header = measure(str(source), str(source))
        channels = declared.sizes[0] or header.channels
        frame = Frame(channels, declared.sizes[1] or header.height, declared.sizes[2] or header.width, resize=True)
        if prod(frame.shape) > 1 << 28:
            raise SpecError.of("NS503", f"an input of {declared.text} is too large for an image")
        pixels = decode(str(source), frame, str(source))
    except SpecError as error:
        if error.diagnostics[0].code != "NS603":
            raise
        raise SpecError(replace(d, code="NS503", helps=()) for d in error.diagnostics) from None
    return (np.asarray(pixels, dtype=np.float32) / 255).astype(declared.kind)[None]
