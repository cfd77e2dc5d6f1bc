"""`.npz` files of NumPy arrays. Nothing is ever unpickled."""

from __future__ import annotations

import zipfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from netspec.datasets.arrays import Arrays, array_source
from netspec.diagnostics import SpecError
from netspec.graph import TensorType

if TYPE_CHECKING:
    import numpy as np

    from netspec.datasets.examples import DataOptions
    from netspec.datasets.pools import Source

__all__ = ["inputs_of_npz", "open_npz"]

_PARTS = {"train": ("train",), "validation": ("val", "valid", "validation"), "test": ("test",)}
_INPUTS = ("x", "X", "images", "image", "inputs", "input", "data")
_TARGETS = ("y", "Y", "labels", "label", "targets", "target")


def open_npz(path: Path, inputs: Mapping[str, TensorType], options: DataOptions) -> Source:
    """Arrays `x` and `y` (or named after the inputs of the net), unsplit or in splits: `x_train`, `y_train`, `x_val`,
    `y_val`, `x_test`, `y_test`. Raises SpecError (NS601, NS602, NS603)."""
    from netspec.reading.arrays import open_archive

    if path.suffix == ".npy" or not zipfile.is_zipfile(path):
        _refuse_single(path)
    with open_archive(path, "NS601") as stored:
        found = _find(path, list(stored), inputs)
        parts = {part: _read(path, stored, names) for part, names in found.items()}
        classes = _class_names(stored)
    return array_source(str(path), parts, inputs, options, classes)


def inputs_of_npz(path: Path, inputs: Mapping[str, TensorType]) -> dict[str, np.ndarray[Any, Any]]:
    """The inputs alone, of all splits one after the other. Raises SpecError (NS601)."""
    import numpy as np

    from netspec.reading.arrays import open_archive

    with open_archive(path, "NS601") as stored:
        found = _find(path, list(stored), inputs)
        return {name: np.concatenate([np.asarray(stored[names[name]]) for names in found.values()]) for name in inputs}


def _refuse_single(path: Path) -> None:
    """Raises SpecError (NS601) for a file with one array."""
    from netspec.reading.arrays import read_array

    read_array(path, "NS601")
    raise SpecError.of(
        "NS601", f"{path} contains a single array", helps=["store x and y in one file: np.savez(…, x=x, y=y)"]
    )


def _find(path: Path, stored: list[str], inputs: Mapping[str, TensorType]) -> dict[str, dict[str, str]]:
    """The name of the array of each input and of the target, by split."""
    found: dict[str, dict[str, str]] = {}
    whole = _named(stored, inputs, lambda name: [name])
    if whole:
        return {"train": whole}
    for part, words in _PARTS.items():
        names = _named(
            stored, inputs, lambda name, words=words: [f for w in words for f in (f"{name}_{w}", f"{w}_{name}")]
        )
        if names:
            found[part] = names
    if "train" in found:
        if len({tuple(sorted(names)) for names in found.values()}) == 1:
            return found
        raise SpecError.of(
            "NS601", f"the splits of {path} contain different arrays", notes=[f"{p}: {', '.join(n.values())}" for p, n in found.items()]
        )  # fmt: skip
    wanted = list(inputs) if len(inputs) > 1 else ["x"]
    raise SpecError.of(
        "NS601",
        f"{path} has no input array",
        notes=[f"it contains {', '.join(stored[:12]) or 'nothing'}"],
        helps=[
            f"name the arrays {', '.join([*wanted, 'y'])}, or for splits {', '.join(f'{n}_train' for n in [*wanted, 'y'])}, …"
        ],
    )


def _named(stored: Iterable[str], inputs: Mapping[str, TensorType], spelt: Any) -> dict[str, str] | None:
    names: dict[str, str] = {}
    for name in inputs:
        candidates = (name, *_INPUTS) if len(inputs) == 1 else (name,)
        chosen = next((s for c in candidates for s in spelt(c) if s in stored), None)
        if chosen is None:
            return None
        names[name] = chosen
    target = next((s for c in _TARGETS for s in spelt(c) if s in stored and s not in names.values()), None)
    return names if target is None else names | {"": target}


def _read(path: Path, stored: Any, names: Mapping[str, str]) -> Arrays:
    arrays: dict[str, np.ndarray[Any, Any]] = {name: stored[entry] for name, entry in names.items()}
    shown = {name or "target": f"`{entry}` of {path}" for name, entry in names.items()}
    target = arrays.pop("", None)
    return Arrays(arrays, target, shown)


def _class_names(stored: Any) -> tuple[str, ...]:
    """The class names in the array `classes`, if there is one."""
    if "classes" not in stored:
        return ()
    names = stored["classes"]
    return tuple(names.tolist()) if names.ndim == 1 and names.dtype.kind == "U" else ()
