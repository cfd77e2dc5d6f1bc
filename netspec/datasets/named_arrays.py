"""Which arrays of a file or folder are the inputs and targets of which split, by their names."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from netspec.datasets.arrays import Arrays, ArraySet
from netspec.diagnostics import SpecError
from netspec.graph import TensorType

if TYPE_CHECKING:
    from netspec.datasets.wanted import Wanted

__all__ = ["named_arrays", "names_of_arrays"]

_PARTS = {"train": ("train",), "validation": ("val", "valid", "validation"), "test": ("test",)}
_INPUTS = ("x", "X", "images", "image", "inputs", "input", "data")
_TARGETS = ("y", "Y", "labels", "label", "targets", "target")


def named_arrays(shown: str, stored: Mapping[str, Any], wanted: Wanted) -> ArraySet:
    """Arrays `x` and `y` (or named after the inputs and outputs of the net), unsplit or in splits: `x_train`, `y_train`, `x_val`, `y_val`,
    `x_test`, `y_test`; class names in `classes`. Raises SpecError (NS601)."""
    outputs = list(wanted.stored)
    found = names_of_arrays(shown, list(stored), wanted.inputs, outputs)
    parts = {part: _read(shown, stored, names, outputs[1:]) for part, names in found.items()}
    read = {"classes", *(entry for names in found.values() for entry in names.values())}
    return ArraySet(
        shown, parts, _class_names(stored), tuple(name for name in stored if name not in read) if wanted.free else ()
    )


def names_of_arrays(
    shown: str, stored: Sequence[str], inputs: Mapping[str, TensorType], outputs: Sequence[str] = ()
) -> dict[str, dict[str, str]]:
    """The name of the array of each input and of the targets, by split."""
    found: dict[str, dict[str, str]] = {}
    whole = _named(shown, stored, inputs, outputs, lambda name: [name])
    if whole:
        return {"train": whole}
    for part, words in _PARTS.items():
        names = _named(shown, stored, inputs, outputs, _spelt(words))
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
    shown: str,
    stored: Sequence[str],
    inputs: Mapping[str, TensorType],
    outputs: Sequence[str],
    spelt: Callable[[str], list[str]],
) -> dict[str, str] | None:
    """None without the inputs; "" and the names of further outputs stand for the targets. Raises SpecError (NS601) where one of
    several outputs has no array."""
    names: dict[str, str] = {}
    for name in inputs:
        candidates = (name, *_INPUTS) if len(inputs) == 1 else (name,)
        chosen = next((s for c in candidates for s in spelt(c) if s in stored), None)
        if chosen is None:
            return None
        names[name] = chosen
    free = [name for name in stored if name not in names.values()]
    if len(outputs) > 1:
        targets = {output: next((s for s in spelt(output) if s in free), None) for output in outputs}
        missing = [output for output, entry in targets.items() if entry is None]
        if missing:
            raise SpecError.of(
                "NS601", f"{shown} has no array `{spelt(missing[0])[0]}`, the targets of the output `{missing[0]}`",
                notes=[f"it contains {', '.join(stored[:12])}"], helps=["store an array for each output, under its name"],
            )  # fmt: skip
        return names | {"" if output == outputs[0] else output: str(entry) for output, entry in targets.items()}
    target = next((s for c in (*_TARGETS, *outputs) for s in spelt(c) if s in free), None)
    return names if target is None else names | {"": target}


def _read(shown: str, stored: Mapping[str, Any], names: Mapping[str, str], outputs: Sequence[str]) -> Arrays:
    arrays = {name: stored[entry] for name, entry in names.items()}
    entries = {name or "target": f"`{entry}` of {shown}" for name, entry in names.items()}
    target = arrays.pop("", None)
    further = {output: _whole(arrays.pop(output)) for output in outputs if output in arrays}
    return Arrays(arrays, target if target is None else _whole(target), entries, further)


def _whole(target: Any) -> Any:
    """In memory."""
    return target[:] if target.ndim else target


def _class_names(stored: Mapping[str, Any]) -> tuple[str, ...]:
    """The class names in the array `classes`, if there is one."""
    if "classes" not in stored:
        return ()
    names = stored["classes"]
    return tuple(names[:].tolist()) if names.ndim == 1 and names.dtype.kind == "U" else ()
