"""What a command line gives to a network: an image, an array, or numbers for each input, as one batch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from math import prod
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from netspec.diagnostics import SpecError, nearest
from netspec.graph import Graph

if TYPE_CHECKING:
    import numpy as np

__all__ = ["Given", "Wanted", "read_batch", "read_inputs", "wanted_of"]

Given: TypeAlias = "Path | Any"
"""A file, or a number, nested lists of numbers, or an array."""
_IMAGE_KINDS = ("float32", "float16", "float64")
_ANY_NAME = ("x", "X", "images", "image", "inputs", "input", "data")
"""Names under which an `.npz` may hold the only input; as `netspec train` reads it."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """An input: its name, the sizes of one example (numbers, or None where they are left open), its NumPy kind of number."""

    name: str
    sizes: tuple[int | None, ...]
    kind: str

    @property
    def text(self) -> str:
        return "x".join("?" if n is None else str(n) for n in self.sizes) or "a single number"


def wanted_of(graph: Graph) -> list[Wanted]:
    """The inputs of a checked network."""
    types = [(name, graph.nodes[i].type) for name, i in graph.inputs]
    return [Wanted(name, kind.shape, "int64" if kind.layout == "ids" else "float32") for name, kind in types]


def read_inputs(given: Sequence[tuple[str, Given]], wanted: Sequence[Wanted]) -> dict[str, np.ndarray[Any, Any]]:
    """A batch for each input that is given, by name. An item without a name is for the only input, or an `.npz` with an array
    for each. A number is for all examples. Raises SpecError (NS001, NS502, NS503)."""
    known = {one.name: one for one in wanted}
    found: dict[str, np.ndarray[Any, Any]] = {}
    for name, value in given:
        if not name and isinstance(value, Path) and value.suffix == ".npz":
            batches = _from_archive(value, known)
        else:
            batches = {name or _only(known, value): value}
        for key, one in batches.items():
            if key not in known:
                raise _unknown(key, known)
            if key in found:
                raise SpecError.of("NS503", f"the input `{key}` is given twice")
            found[key] = read_batch(one, known[key])
    numbers = {name or next(iter(known)) for name, value in given if isinstance(value, (int, float))}
    counts = {name: len(batch) for name, batch in found.items() if name not in numbers}
    for name in numbers if counts else ():  # a number fills the input of every example
        found[name] = found[name].repeat(max(counts.values()), 0)
    if len(set(counts.values())) > 1:
        notes = [f"{name}: {count}" for name, count in counts.items()]
        raise SpecError.of("NS503", "the inputs have different numbers of examples", notes=notes)
    return found


def _only(known: Mapping[str, Wanted], value: Given) -> str:
    if len(known) == 1:
        return next(iter(known))
    raise SpecError.of(
        "NS503", f"{_shown(value)} has no name, but there are {len(known)} inputs: {', '.join(known)}",
        helps=[f"write `--input NAME=…` for each, such as `--input {next(iter(known), 'x')}={_shown(value)}`"],
    )  # fmt: skip


def _unknown(name: str, known: Mapping[str, Wanted]) -> SpecError:
    near = nearest(name, known)
    helps = [f"did you mean `{near}`?"] if near else []
    return SpecError.of("NS503", f"there is no input `{name}`; there is {', '.join(known)}", helps=helps)


def _from_archive(path: Path, known: Mapping[str, Wanted]) -> dict[str, Any]:
    """The arrays of an `.npz` that are named after inputs; for a net with one input also under the usual names."""
    from netspec.reading.arrays import open_archive

    with open_archive(path) as stored:
        names = {name: name for name in known if name in stored}
        if len(known) == 1 and not names:
            usual = next((n for n in _ANY_NAME if n in stored), next(iter(stored)) if len(stored) == 1 else None)
            names = {next(iter(known)): usual} if usual is not None else {}
        if not names:
            raise SpecError.of(
                "NS503", f"{path} has no array for an input of the model",
                notes=[f"it holds {', '.join(list(stored)[:12]) or 'nothing'}"],
                helps=[f"name the array{'s' if len(known) > 1 else ''} {', '.join(known)}"],
            )  # fmt: skip
        return {name: _Stored(stored[entry], f"`{entry}` of {path}") for name, entry in names.items()}


@dataclass(frozen=True, slots=True)
class _Stored:
    """An array and what a message calls it."""

    array: np.ndarray[Any, Any]
    name: str


def _shown(value: Given) -> str:
    if isinstance(value, _Stored):
        return value.name
    return str(value) if isinstance(value, Path) else f"{value!r:.60}"


def read_batch(given: Given, wanted: Wanted) -> np.ndarray[Any, Any]:
    """The examples of one input, N x its sizes. A number fills the input. Raises SpecError (NS001, NS502, NS503)."""
    if isinstance(given, Path):
        if not given.is_file():
            raise SpecError.of("NS001", f"no such file: {given}")
        if given.suffix not in (".npy", ".npz"):
            return _image(given, wanted)
        given = _Stored(_array_in(given), str(given))
    if not isinstance(given, _Stored):
        given = _Stored(_literal(given, wanted), _shown(given))
    array, name = given.array, given.name
    if array.ndim == len(wanted.sizes):
        array = array[None]
    pairs = zip(wanted.sizes, array.shape[1:], strict=False)
    if array.ndim != len(wanted.sizes) + 1 or not len(array) or any(n is not None and n != m for n, m in pairs):
        raise SpecError.of(
            "NS503",
            f"{name} does not fit the model",
            notes=[f"expected {wanted.text} or N x {wanted.text}, found {'x'.join(map(str, given.array.shape))}"],
        )
    return _converted(array, wanted, name)


def _array_in(path: Path) -> np.ndarray[Any, Any]:
    from netspec.reading.arrays import read_array, read_arrays

    if path.suffix == ".npy":
        return read_array(path)
    arrays = read_arrays(path)
    if len(arrays) == 1:
        return next(iter(arrays.values()))
    raise SpecError.of("NS503", f"{path} holds {len(arrays)} arrays: {', '.join(list(arrays)[:12])}")


def _literal(value: Any, wanted: Wanted) -> np.ndarray[Any, Any]:
    """Numbers as an array: one number fills an example, as many as an example has are laid out as it is."""
    import numpy as np

    try:
        array = np.asarray(value)
    except ValueError:
        raise SpecError.of("NS503", f"{_shown(value)} is ragged", helps=["give every row as many numbers"]) from None
    sizes = [n for n in wanted.sizes if n is not None]
    if array.dtype.kind not in "biuf" or len(sizes) < len(wanted.sizes):
        return array
    if array.ndim == 0:
        return np.full(sizes, array)
    return array.reshape(sizes) if array.ndim == 1 and len(sizes) > 1 and array.size == prod(sizes) else array


def _converted(array: np.ndarray[Any, Any], wanted: Wanted, name: str) -> np.ndarray[Any, Any]:
    """The array in the kind of numbers of the input. Raises SpecError (NS503) where that would change the values."""
    import numpy as np

    if array.dtype.kind not in "biuf":
        raise SpecError.of("NS503", f"{name} does not hold numbers", notes=[f"it holds {array.dtype}"])
    with np.errstate(all="ignore"):
        result: np.ndarray[Any, Any] = array.astype(wanted.kind)
        if result.dtype.kind == "f":  # rounded, but not turned into infinity
            same = bool((np.isfinite(result) == np.isfinite(array)).all())
        else:
            same = bool((result.astype(array.dtype) == array).all())
    if not same:
        raise SpecError.of("NS503", f"the values of {name} are not {wanted.kind}, which the model takes")
    return result


def _image(source: Path, wanted: Wanted) -> np.ndarray[Any, Any]:
    """One image as numbers from 0 to 1, its shorter side scaled to the input and its center cut out."""
    import numpy as np

    from netspec.datasets.decoding import Frame, decode, measure, require_pillow

    if len(wanted.sizes) != 3 or wanted.sizes[0] not in (1, 3, None) or wanted.kind not in _IMAGE_KINDS:
        raise SpecError.of(
            "NS503", f"{source} is not an array, and the model does not take an image",
            notes=[f"its input is {wanted.text} ({wanted.kind})"],
            helps=["give the input as an .npy array, or use `netspec predict RUN FILE`, which reads texts and tables, too"],
        )  # fmt: skip
    require_pillow()
    try:
        header = measure(str(source), str(source))
        channels = wanted.sizes[0] or header.channels
        frame = Frame(channels, wanted.sizes[1] or header.height, wanted.sizes[2] or header.width, resize=True)
        if prod(frame.shape) > 1 << 28:
            raise SpecError.of("NS503", f"an input of {wanted.text} is too large for an image")
        pixels = decode(str(source), frame, str(source))
    except SpecError as error:
        if error.diagnostics[0].code != "NS603":
            raise
        raise SpecError(replace(d, code="NS503", helps=()) for d in error.diagnostics) from None
    return (np.asarray(pixels, dtype=np.float32) / 255).astype(wanted.kind)[None]
