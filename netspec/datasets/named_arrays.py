"""Which arrays of a file or folder are the inputs and targets of which split, by their names."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from netspec.datasets.arrays import Arrays, ArraySet
from netspec.diagnostics import SpecError
from netspec.graph import TensorType

__all__ = ["named_arrays", "names_of_arrays"]

_PARTS = {"train": ("train",), "validation": ("val", "valid", "validation"), "test": ("test",)}
_INPUTS = ("x", "X", "images", "image", "inputs", "input", "data")
_TARGETS = ("y", "Y", "labels", "label", "targets", "target")


def named_arrays(shown: str, stored: Mapping[str, Any], inputs: Mapping[str, TensorType]) -> ArraySet:
    """Arrays `x` and `y` (or named after the inputs of the net), unsplit or in splits: `x_train`, `y_train`, `x_val`, `y_val`,
    `x_test`, `y_test`; class names in `classes`. Raises SpecError (NS601)."""
    found = names_of_arrays(shown, list(stored), inputs)
    parts = {part: _read(shown, stored, names) for part, names in found.items()}
    return ArraySet(shown, parts, _class_names(stored))


def names_of_arrays(shown: str, stored: Sequence[str], inputs: Mapping[str, TensorType]) -> dict[str, dict[str, str]]:
    """The name of the array of each input and of the target, by split."""
    found: dict[str, dict[str, str]] = {}
    whole = _named(stored, inputs, lambda name: [name])
    if whole:
        return {"train": whole}
    for part, words in _PARTS.items():
        names = _named(stored, inputs, _spelt(words))
        if names:
            found[part] = names
    if "train" in found:
        if len({tuple(sorted(names)) for names in found.values()}) == 1:
            return found
        raise SpecError.of(
            "NS601", f"the splits of {shown} contain different arrays", notes=[f"{p}: {', '.join(n.values())}" for p, n in found.items()]
        )  # fmt: skip
    wanted = list(inputs) if len(inputs) > 1 else ["x"]
    raise SpecError.of(
        "NS601",
        f"{shown} has no input array",
        notes=[f"it contains {', '.join(stored[:12]) or 'nothing'}"],
        helps=[
            f"name the arrays {', '.join([*wanted, 'y'])}, or for splits {', '.join(f'{n}_train' for n in [*wanted, 'y'])}, …"
        ],
    )


def _spelt(words: Sequence[str]) -> Callable[[str], list[str]]:
    """The names that an array of a split may have."""
    return lambda name: [found for word in words for found in (f"{name}_{word}", f"{word}_{name}")]


def _named(
    stored: Iterable[str], inputs: Mapping[str, TensorType], spelt: Callable[[str], list[str]]
) -> dict[str, str] | None:
    names: dict[str, str] = {}
    for name in inputs:
        candidates = (name, *_INPUTS) if len(inputs) == 1 else (name,)
        chosen = next((s for c in candidates for s in spelt(c) if s in stored), None)
        if chosen is None:
            return None
        names[name] = chosen
    target = next((s for c in _TARGETS for s in spelt(c) if s in stored and s not in names.values()), None)
    return names if target is None else names | {"": target}


def _read(shown: str, stored: Mapping[str, Any], names: Mapping[str, str]) -> Arrays:
    arrays = {name: stored[entry] for name, entry in names.items()}
    entries = {name or "target": f"`{entry}` of {shown}" for name, entry in names.items()}
    target = arrays.pop("", None)
    return Arrays(arrays, target[:] if target is not None and target.ndim else target, entries)


def _class_names(stored: Mapping[str, Any]) -> tuple[str, ...]:
    """The class names in the array `classes`, if there is one."""
    if "classes" not in stored:
        return ()
    names = stored["classes"]
    return tuple(names[:].tolist()) if names.ndim == 1 and names.dtype.kind == "U" else ()
