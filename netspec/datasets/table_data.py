"""Examples in a table: images or their files, texts, ids or numbers, with a label or values."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from netspec.datasets.arrays import Arrays, ArraySet
from netspec.datasets.class_folders import PARTS, SUFFIXES
from netspec.datasets.fit import only_input
from netspec.datasets.image_folder import ImageFiles, sizes_digest
from netspec.datasets.image_set import ImageSet
from netspec.datasets.names import Names
from netspec.datasets.pools import TEST, TRAIN, VALIDATION
from netspec.datasets.splits import keys_of_names, keys_of_numbers
from netspec.datasets.table import Table
from netspec.datasets.text import bytes_of_texts
from netspec.diagnostics import SpecError

if TYPE_CHECKING:
    import numpy as np

    from netspec.datasets.examples import Goal
    from netspec.datasets.wanted import Wanted
    from netspec.graph import TensorType

__all__ = ["inputs_of_rows", "open_table"]

_LARGEST = 2.0**53
"""Whole numbers up to this are exact as float64."""
_CODES = {TRAIN: "train", VALIDATION: "validation", TEST: "test"}


def open_table(table: Table, folder: Path, wanted: Wanted) -> ImageSet | ArraySet:
    """A table whose files are in a folder as the data of a net. Raises SpecError (NS601, NS602)."""
    part = _parts(table)
    if wanted.takes_ids:
        return _texts(table, part, wanted)
    column = _file_column(table, folder, wanted)
    if column is None:
        return _numbers(table, part, wanted)
    return _images(table, column, part, folder, wanted)


def _parts(table: Table) -> np.ndarray[Any, Any]:
    """The split of every row; TRAIN where no column gives one. Raises SpecError (NS601)."""
    import numpy as np

    split = table.find("split")
    if not split:
        known = table.parts()
        return np.full(len(table), TRAIN, dtype=np.int8) if known is None else known
    words = [word.lower() for word in table.texts(split[0])]
    for row, word in enumerate(words):
        if word not in PARTS:
            raise SpecError.of(
                "NS601", f"{table.place(row)} of {table.shown} has no split", notes=[f"`{table.columns[split[0]]}` is `{word[:60]}`"],
                helps=["write train, val or test"],
            )  # fmt: skip
    return np.array([PARTS[word] for word in words], dtype=np.int8)


# Targets


def _all_targets(
    table: Table, others: Sequence[int], wanted: Wanted
) -> tuple[np.ndarray[Any, Any] | None, tuple[str, ...], dict[str, Any]]:
    """The targets of the first output with the names of its classes, and those of further outputs, in `others`."""
    goals = wanted.stored
    if len(goals) < 2:
        columns = others if len(others) == 1 else _target_columns(table, others, wanted)
        return *_targets(table, columns, wanted.goal), {}
    found = {name: _targets(table, _columns_of(table, name, goal, others), goal) for name, goal in goals.items()}
    first = next(iter(found))
    return *found.pop(first), found


def _columns_of(table: Table, name: str, goal: Goal, others: Sequence[int]) -> list[int]:
    """The column with the name of an output, or those of its values: `box_1`, `box_2`, …. Raises SpecError (NS601)."""
    named = [c for c in others if table.named and table.columns[c].strip().lower() == name.lower()]
    several = [c for c in others if table.named and table.columns[c].strip().lower().startswith(f"{name.lower()}_")]
    if named:
        return named[:1]
    if goal.task == "values" and len(several) == goal.output.size:
        return several
    values = goal.task == "values" and goal.output.size > 1
    raise SpecError.of(
        "NS601", f"{table.shown} has no column `{name}`, the targets of the output `{name}`",
        notes=[f"its columns are {', '.join(f'`{c}`' for c in table.columns[:12])}"],
        helps=[f"name the {goal.output.size} columns of its values `{name}_1`, `{name}_2`, …" if values else "name a column like each output"],
    )  # fmt: skip


def _targets(table: Table, columns: Sequence[int], goal: Goal) -> tuple[np.ndarray[Any, Any] | None, tuple[str, ...]]:
    """Class indices with their names, or numbers: those of one column (N,), or of several (N x columns)."""
    import numpy as np

    if goal.task == "input" or not columns:
        return None, ()
    if len(columns) == 1 and (goal.task == "sequence" or not table.are_numbers(columns[0])):
        names, indices = np.unique(np.array(table.texts(columns[0])), return_inverse=True)
        if "" in names and goal.task != "sequence":
            place = table.place(table.texts(columns[0]).index(""))
            raise SpecError.of(
                "NS601", f"{place} of {table.shown} has no label", helps=["write one, or remove the row"]
            )
        if goal.task == "values" and len(names) != 2 and goal.output.size == 1:
            table.numbers(columns)  # names the cell that is not a number
        return indices.astype(np.int64), tuple(map(str, names))
    numbers = table.numbers(columns)
    if goal.task != "values":
        _require_exact(table, columns, numbers)
    numbers = numbers[:, 0] if numbers.shape[1] == 1 else numbers
    whole = bool((np.abs(numbers) < _LARGEST).all()) and bool((numbers == np.floor(numbers)).all())
    with np.errstate(over="ignore"):  # what is too large is reported as not finite
        return numbers.astype(np.int64 if whole else np.float32), table.class_names(columns[0])


def _require_exact(table: Table, columns: Sequence[int], numbers: np.ndarray[Any, Any]) -> None:
    """Raises SpecError (NS601) for whole numbers that a float64 may have rounded, so that two labels may have become one."""
    import numpy as np

    rows, places = np.nonzero(np.isfinite(numbers) & (np.abs(numbers) >= _LARGEST))
    if len(rows) and bool((numbers == np.floor(numbers)).all()):
        raise SpecError.of(
            "NS601", f"{table.place(int(rows[0]))} of {table.shown} has a label beyond 2^53 in the column `{table.columns[columns[int(places[0])]]}`",
            notes=[f"it is about {numbers[rows[0], places[0]]:.6g}; the labels of a net are the numbers of its classes, from 0"],
            helps=["number the classes from 0, or write their names as text"],
        )  # fmt: skip


def _target_columns(table: Table, others: Sequence[int], wanted: Wanted) -> list[int]:
    """Of the columns that are not used otherwise: those of values, or the one with the label. Raises SpecError (NS601)."""
    if wanted.task == "input" or (wanted.free and not others):
        return []
    named = [column for column in table.find("target") if column in others]
    if wanted.task == "values" and wanted.output.size > 1 and len(named) < wanted.output.size:
        return list(others)
    if named:
        return named[:1]
    if len(others) == 1 or wanted.task == "values":
        return list(others)
    raise table.missing("target", "several columns may be the label" if others else "there is no column for the label")


def _split_columns(table: Table) -> set[int]:
    return set(table.find("split")[:1])


def _free(table: Table, *used: int) -> list[int]:
    """The columns that are neither used nor that of the splits."""
    taken = {*_split_columns(table), *used}
    return [c for c in range(len(table.columns)) if c not in taken]


# Image files


def _file_column(table: Table, folder: Path, wanted: Wanted) -> int | None:
    """The column of images or their files: by its name, or because its first cell is one. None for a table of numbers."""
    named = [column for column in range(len(table.columns)) if table.images(column) is not None] or table.find("file")
    if named:
        return named[0]
    for column in range(len(table.columns)):
        name = table.first(column)
        if name.lower().endswith(SUFFIXES) or (wanted.takes_image and name and _resolved(folder / name) is not None):
            return column
    return None


def _images(table: Table, column: int, part: np.ndarray[Any, Any], folder: Path, wanted: Wanted) -> ImageSet:
    if not wanted.takes_image:
        raise SpecError.of(
            "NS602", f"{table.shown} lists files, which this net does not take", notes=[wanted.described], helps=[wanted.formats]
        )  # fmt: skip
    images = table.images(column)
    digest = hashlib.blake2b(table.digest(), digest_size=16).hexdigest()
    keys = keys_of_numbers(len(table))
    if images is None:
        images = ImageFiles(str(folder), Names(_inner_files(table, column, folder)))
        digest, keys = sizes_digest(digest, images), keys_of_names(images.names)
    others = _free(table, column)
    targets, classes, further = _all_targets(table, others, wanted)
    read = _target_columns(table, others, wanted) if wanted.free else others
    unread = tuple(table.columns[c] for c in others if c not in read)
    return ImageSet(table.shown, images, targets, part, keys, digest, classes, further=further, unread=unread)


def _inner_files(table: Table, column: int, folder: Path) -> tuple[str, ...]:
    """The files that a column names, relative to the folder of the table. A table comes from outside, so no file outside
    of that folder is read, also not through a link. Raises SpecError (NS601)."""
    root = folder.resolve()
    names, missing = [], []
    for row, name in enumerate(table.texts(column)):
        inner = PurePosixPath(name)
        usable = bool(name) and "\0" not in name and not inner.is_absolute() and ".." not in inner.parts
        resolved = _resolved(root / name) if usable else None
        if not usable or (resolved is not None and not resolved.is_relative_to(root)):
            raise SpecError.of(
                "NS601", f"{table.place(row)} of {table.shown} names " + ("a file outside of its folder" if name else "no file"),
                notes=[f"it is `{name[:100]}`", "a table can only name files in its own folder and below"],
                helps=["write paths relative to the table, such as `images/1.png`"],
            )  # fmt: skip
        if resolved is None:
            missing.append((name, table.place(row)))
        names.append(name)
    if missing:
        raise _missing_files(table, missing, root)
    return tuple(names)


def _resolved(path: Path) -> Path | None:
    """The path of a file without links; None where there is none."""
    try:
        found = path.resolve()
        return found if found.is_file() else None
    except (OSError, RuntimeError, ValueError):  # a name that is too long, links in a circle
        return None


def _missing_files(table: Table, missing: Sequence[tuple[str, str]], root: Path) -> SpecError:
    name, place = missing[0]
    helps = ["write paths relative to the table, with their extensions"]
    folders = [root, *sorted(p for p in root.iterdir() if p.is_dir())]
    last = PurePosixPath(name).name
    found = [p for f in folders for suffix in ("", *SUFFIXES) if _resolved(p := f / f"{last}{suffix}") is not None]
    if found:
        helps = [f"it may be `{found[0].relative_to(root).as_posix()}`: {helps[0]}"]
    if "\\" in name:
        helps = ["separate folders with `/`"]
    count = f"{len(missing)} of the {len(table)} files" if len(missing) > 1 else "a file"
    return SpecError.of(
        "NS601", f"{count} in {table.shown} cannot be found", notes=[f"{place} names `{name[:100]}`"], helps=helps
    )


# Texts and numbers


def _texts(table: Table, part: np.ndarray[Any, Any], wanted: Wanted) -> ArraySet:
    name, kind = only_input(wanted.inputs, table.shown)
    tokens = table.ids()
    if tokens is not None:
        column, ids = tokens
        return _arrays(table, {name: ids}, f"`{table.columns[column]}`", _free(table, column), part, wanted)
    column = _text_column(table)
    others = _free(table, column)
    ids = bytes_of_texts([text.encode() for text in table.texts(column)], kind.shape[0])
    return _arrays(table, {name: ids}, f"`{table.columns[column]}`", others, part, wanted)


def _text_column(table: Table) -> int:
    """Raises SpecError (NS601) where no column, or one of several, may hold texts."""
    named, free = table.find("text"), _free(table, *table.find("target")[:1])
    if not named and len(free) > 1:
        raise table.missing("text", "the net takes text, and several columns may hold it")
    if not named and not free:
        raise table.missing("text", "the net takes text")
    return named[0] if named else free[0]


def _numbers(table: Table, part: np.ndarray[Any, Any], wanted: Wanted) -> ArraySet:
    name, kind = only_input(wanted.inputs, table.shown)
    features, chosen = _number_columns(table, wanted)
    if table.width(features) != kind.size and not wanted.free:
        raise _misfit(table, features, chosen, wanted)
    return _arrays(table, {name: _values(table, features, kind)}, "the columns", chosen, part, wanted)


def _number_columns(table: Table, wanted: Wanted) -> tuple[list[int], list[int]]:
    """The columns of the input, and those of the target."""
    free = _free(table)
    if len(wanted.stored) > 1:
        chosen = [c for name, goal in wanted.stored.items() for c in _columns_of(table, name, goal, free)]
        return [c for c in free if c not in chosen], chosen
    named = [c for c in table.find("target") if c in free]
    count = wanted.output.size if wanted.task == "values" else 1
    chosen = [] if wanted.task == "input" else named[:1] if named and count == 1 else free[-count:]
    return [c for c in free if c not in chosen], chosen


def _values(table: Table, columns: Sequence[int], kind: TensorType) -> np.ndarray[Any, Any]:
    """One example for each row; whole numbers from 0 to 255 for an image are its pixels."""
    import numpy as np

    x = table.numbers(columns)
    if kind.layout == "map" and kind.shape:
        x = x.reshape(len(x), *kind.shape)
        if bool(((x >= 0) & (x <= 255) & (x == np.floor(x))).all()) and x.max(initial=0) > 1:
            x = x.astype(np.uint8)
    return x


def inputs_of_rows(table: Table, folder: Path, wanted: Wanted) -> dict[str, np.ndarray[Any, Any]]:
    """The inputs in a table of numbers or texts, one example for each row, with or without columns for the targets.

    Raises SpecError (NS601, NS602).
    """
    name, kind = only_input(wanted.inputs, table.shown)
    if wanted.takes_ids:
        if (tokens := table.ids()) is not None:
            return {name: tokens[1]}
        return {name: bytes_of_texts([text.encode() for text in table.texts(_text_column(table))], kind.shape[0])}
    if _file_column(table, folder, wanted) is not None:
        raise SpecError.of("NS602", f"{table.shown} lists files", helps=["give the files themselves, or their folder"])
    free = _free(table)
    features, chosen = (free, []) if table.width(free) == kind.size else _number_columns(table, wanted)
    if table.width(features) != kind.size:
        raise _misfit(table, features, chosen, wanted)
    return {name: _values(table, features, kind)}


def _misfit(table: Table, features: Sequence[int], chosen: Sequence[int], wanted: Wanted) -> SpecError:
    def listed(columns: Sequence[int]) -> str:
        shown = ", ".join(f"`{table.columns[c]}`" for c in columns[:8])
        return shown + (f" and {len(columns) - 8} more" if len(columns) > 8 else "")

    notes = [
        wanted.described,
        f"there are {table.width(features)} columns of inputs: {listed(features)}".removesuffix(": "),
    ]
    if chosen:
        notes.append(f"the target is {listed(chosen)}")
    helps = [f"write `input {table.width(features)}`, or remove the columns that are no inputs"] if features else []
    helps.append(wanted.formats)
    if wanted.takes_image and not features:
        helps = ["name the column with the image files `file`", wanted.formats]
    return SpecError.of("NS602", f"{table.shown} does not match the input of the net", notes=notes, helps=helps)


def _arrays(
    table: Table, inputs: dict[str, Any], shown: str, targets: Sequence[int], part: np.ndarray[Any, Any],
    wanted: Wanted,
) -> ArraySet:  # fmt: skip
    import numpy as np

    y, classes, others = _all_targets(table, targets, wanted)
    texts = {name: np.array(words)[held] if words else held for name, (held, words) in others.items()}
    names = {**dict.fromkeys(inputs, f"{shown} of {table.shown}"), "target": f"the targets of {table.shown}"}
    names |= {name: f"`{name}` of {table.shown}" for name in texts}
    parts = {
        word: Arrays(
            {n: a[part == code] for n, a in inputs.items()},
            None if y is None else y[part == code],
            names,
            {n: a[part == code] for n, a in texts.items()},
        )
        for code, word in _CODES.items()
        if (part == code).any()
    }
    return ArraySet(table.shown, parts, classes)
