"""Targets that are sequences of classes of any length, as `loss ctc` compares them: texts, or padded class indices."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from netspec.datasets.examples import IGNORED
from netspec.diagnostics import SpecError

if TYPE_CHECKING:
    import numpy as np

    from netspec.datasets.examples import Goal
    from netspec.datasets.pools import Source

__all__ = ["sequence_targets"]


def sequence_targets(source: Source, goal: Goal) -> tuple[np.ndarray[Any, Any], tuple[str, ...]]:
    """Class indices, N x the longest, filled up with IGNORED, and the names of the classes, "" for the blank.

    Texts are sequences of characters: their classes are the characters in order, with the blank among them. Raises SpecError
    (NS602).
    """
    texts = _texts(source)
    if texts is not None:
        alphabet = source.classes if _is_text(source.targets) and source.classes else sorted(set("".join(texts)))
        classes = (*alphabet[: goal.blank], "", *alphabet[goal.blank :])
        _require_alphabet(source, goal, classes, texts)
        padded = _padded([[classes.index(c) for c in text] for text in texts])
    else:
        padded = _indices(source, goal)
        classes = source.classes or tuple("" if i == goal.blank else str(i) for i in range(goal.output.features))
    _require_room(source, padded, goal.output.shape[0])
    return padded, tuple(classes)


def _is_text(targets: np.ndarray[Any, Any] | None) -> bool:
    return targets is not None and targets.dtype.kind == "U"


def _texts(source: Source) -> list[str] | None:
    """The texts of the rows, where the targets are texts; different texts may have been numbered as classes."""
    targets = source.targets
    if targets is None:
        raise SpecError.of("NS602", f"{source.name} has no targets", helps=["give each example a text, or a sequence of class indices"])  # fmt: skip
    if _is_text(targets):
        return list(map(str, targets.reshape(-1).tolist()))
    if targets.ndim == 1 and source.classes:
        return [source.classes[index] for index in targets.tolist()]
    return None


def _padded(rows: list[list[int]]) -> np.ndarray[Any, Any]:
    import numpy as np

    found = np.full((len(rows), max(1, *map(len, rows))), IGNORED, dtype=np.int64)
    for place, row in enumerate(rows):
        found[place, : len(row)] = row
    return found


def _require_alphabet(source: Source, goal: Goal, classes: tuple[str, ...], texts: list[str]) -> None:
    unknown = sorted(set("".join(texts)) - set(classes))
    if unknown:
        raise SpecError.of("NS602", f"the texts of {source.name} have characters that are no classes", notes=[f"they are {' '.join(unknown[:8])}"])  # fmt: skip
    if len(classes) != goal.output.features:
        raise SpecError.of(
            "NS602", f"the texts of {source.name} have {len(classes) - 1} different characters, but the net has {goal.output.features} outputs",
            notes=["there is one output for each character, and one for the blank", f"the characters are {''.join(classes)[:80]}"],
            helps=[f"give the last layer {len(classes)} outputs, such as `linear-{len(classes)}`", "or store the whole alphabet as the array `classes` of an .npz file"],
        )  # fmt: skip


def _indices(source: Source, goal: Goal) -> np.ndarray[Any, Any]:
    """The stored class indices, what is negative replaced by IGNORED and moved to the end."""
    import numpy as np

    targets, features = source.targets, goal.output.features
    assert targets is not None
    if targets.ndim != 2 or targets.dtype.kind == "f":
        raise SpecError.of(
            "NS602", f"the targets of {source.name} are not sequences of classes",
            notes=["`loss ctc` compares a text, or class indices, N x the longest sequence, filled up with -1"],
        )  # fmt: skip
    wrong = np.argwhere((targets == goal.blank) | (targets >= features))
    if len(wrong):
        row, place = wrong[0].tolist()
        what = (
            "is the blank"
            if targets[row, place] == goal.blank
            else f"is no class of the net, which has {features} outputs"
        )
        raise SpecError.of(
            "NS602", f"a label of {source.name} {what}", notes=[f"label {place} of example {row} is {targets[row, place]}"],
            helps=[f"number the classes from 0 to {features - 1}, without the blank, {goal.blank}", "fill up short sequences with -1"],
        )  # fmt: skip
    padded = targets[:, : max(1, targets.shape[1])].astype(np.int64)
    order = np.argsort(padded < 0, axis=1, kind="stable")
    found: np.ndarray[Any, Any] = np.take_along_axis(np.where(padded < 0, IGNORED, padded), order, 1)
    return found


def _require_room(source: Source, padded: np.ndarray[Any, Any], steps: int) -> None:
    """Raises SpecError (NS602) if a sequence has no alignment: it needs a token for each label, and a blank between equal ones."""
    import numpy as np

    counted = padded != IGNORED
    twice = ((padded[:, 1:] == padded[:, :-1]) & counted[:, 1:]).sum(1)
    needed = counted.sum(1) + twice
    row = int(needed.argmax())
    if needed[row] > steps:
        many = int(np.count_nonzero(needed > steps))
        raise SpecError.of(
            "NS602", f"the output of the net has {steps} tokens, too few for the labels of {source.name}",
            notes=[
                f"example {row} has {int(counted[row].sum())} labels"
                + (f", {int(twice[row])} of them the same as the one before, which needs a blank between them" if twice[row] else "")
                + f": it needs {int(needed[row])} tokens",
                *([f"this affects {many:,} examples"] if many > 1 else []),
            ],
            helps=["give the net wider inputs or fewer strides, or shorten the labels"],
        )  # fmt: skip
