"""An ONNX model of any origin on what is given to it: what it takes, what it is fed, what it gives."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from netspec.backends.onnx.options import CLASSES_KEY
from netspec.datasets.given_inputs import Given, Wanted, read_inputs
from netspec.diagnostics import SpecError

if TYPE_CHECKING:
    import numpy as np

__all__ = ["Answer", "run_on_inputs"]

_KINDS = {
    "tensor(float)": "float32", "tensor(float16)": "float16", "tensor(double)": "float64", "tensor(int64)": "int64",
    "tensor(int32)": "int32", "tensor(int16)": "int16", "tensor(int8)": "int8", "tensor(uint64)": "uint64",
    "tensor(uint32)": "uint32", "tensor(uint16)": "uint16", "tensor(uint8)": "uint8", "tensor(bool)": "bool",
}  # fmt: skip


@dataclass(frozen=True)
class Answer:
    """Every output by name, for all examples; the provider that computed them; the names of the classes in the metadata."""

    outputs: Mapping[str, np.ndarray[Any, Any]]
    provider: str
    classes: tuple[str, ...] = ()


def run_on_inputs(model: Path, given: Sequence[tuple[str, Given]], provider: str | None = None) -> Answer:
    """Raises SpecError (NS001, NS502 to NS505)."""
    from netspec.backends.onnx.runtime import open_session

    if not model.is_file():
        raise SpecError.of("NS001", f"no such file: {model}")
    session, used = open_session(model, [provider] if provider else None)
    wanted, batch = _declared(session)
    feed = read_inputs(given, wanted)
    missing = [one.name for one in wanted if one.name not in feed]
    if missing:
        raise SpecError.of(
            "NS503", f"nothing is given for the input{'s' if len(missing) > 1 else ''} {', '.join(missing)}",
            helps=[f"add `--input {missing[0]}=FILE`"],
        )  # fmt: skip
    return Answer(_outputs(session, feed, batch), used, _classes(session))


def _classes(session: Any) -> tuple[str, ...]:
    """The names of the classes; none if the metadata, which comes from outside, has no list of texts."""
    try:
        found = json.loads(session.get_modelmeta().custom_metadata_map.get(CLASSES_KEY, "[]"))
    except (ValueError, RecursionError):
        return ()
    return tuple(found) if isinstance(found, list) and all(isinstance(name, str) for name in found) else ()


def _declared(session: Any) -> tuple[list[Wanted], int | None]:
    """The inputs of a model, and the size of the batch where it is fixed."""
    inputs = session.get_inputs()
    if not inputs:
        raise SpecError.of("NS505", "a model with no input cannot be run on a file")
    wanted: list[Wanted] = []
    batches: set[int] = set()
    for given in inputs:
        if given.type not in _KINDS or not isinstance(given.shape, (list, tuple)) or not given.shape:
            what = given.type if given.type not in _KINDS else "a single value"
            note = f"its input `{given.name}` is {what}"
            raise SpecError.of("NS505", "this model cannot be run on a file", notes=[note])
        batch, *sizes = (n if isinstance(n, int) and n > 0 else None for n in given.shape)
        wanted.append(Wanted(given.name, tuple(sizes), _KINDS[given.type]))
        batches |= {batch} if batch is not None else set()
    if len(batches) > 1:
        raise SpecError.of("NS505", "the inputs of this model have batches of different sizes")
    return wanted, next(iter(batches), None)


def _outputs(
    session: Any, feed: Mapping[str, np.ndarray[Any, Any]], batch: int | None
) -> dict[str, np.ndarray[Any, Any]]:
    """The outputs for all examples, in batches of the size that the model is fixed to."""
    import numpy as np

    count = len(next(iter(feed.values())))
    step = batch or count
    if count % step:
        raise SpecError.of(
            "NS503", f"the model takes {step} examples at a time, and {count} are given",
            helps=["export the model with an open batch size"],
        )  # fmt: skip
    names = [output.name for output in session.get_outputs()]
    pieces: list[list[np.ndarray[Any, Any]]] = []
    for start in range(0, count, step):
        try:
            found = session.run(None, {name: array[start : start + step] for name, array in feed.items()})
        except Exception as error:  # ONNX Runtime raises classes of its own, all from Exception
            said = next(iter(str(error).strip().splitlines()), type(error).__name__)[:300]
            raise SpecError.of("NS504", "ONNX Runtime cannot run the model on this file", notes=[said]) from None
        for name, one in zip(names, found, strict=True):
            if not isinstance(one, np.ndarray) or one.dtype.kind not in "biuf":
                what = "text" if isinstance(one, np.ndarray) else f"a {type(one).__name__}"
                raise SpecError.of(
                    "NS505", f"the output `{name}` of the model is not an array of numbers", notes=[f"it is {what}"]
                )
        pieces.append(found)
    columns = zip(*pieces, strict=True)
    return {
        name: column[0] if len(column) == 1 else np.concatenate([np.atleast_1d(one) for one in column])
        for name, column in zip(names, columns, strict=True)
    }
