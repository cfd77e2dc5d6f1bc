"""Texts for nets that take ids: the next character of a text, and texts in one folder per class."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from netspec.datasets.arrays import Arrays, ArraySet
from netspec.datasets.class_folders import PARTS, TEXTS, printable, scanned
from netspec.datasets.fit import only_input
from netspec.datasets.pools import TEST, TRAIN, VALIDATION, Source, Spares, Taken
from netspec.diagnostics import SpecError
from netspec.files import read_bounded

if TYPE_CHECKING:
    import numpy as np

    from netspec.datasets.cutting import Cuts
    from netspec.datasets.wanted import Wanted
    from netspec.graph import TensorType

__all__ = [
    "BYTES", "bytes_of_texts", "character", "content_of", "ids_of_end", "is_corpus", "open_text", "open_text_folder",
    "shown_character", "text_parts",
]  # fmt: skip

BYTES = 256
"""The number of outputs of a net that predicts bytes."""
_LARGEST = 1 << 29
_CODES = {TRAIN: "train", VALIDATION: "validation", TEST: "test"}


# Names of characters


def shown_character(character: str) -> str:
    """The name of a character as a class: itself, or quoted and escaped if it cannot be seen (`"\\n"`)."""
    return character if character.isprintable() and not character.isspace() else json.dumps(character)


def character(name: str) -> str:
    """The character with this name."""
    return str(json.loads(name)) if len(name) > 1 else name


def _byte_names() -> tuple[str, ...]:
    return tuple(shown_character(chr(b)) if b < 128 else f"0x{b:02x}" for b in range(BYTES))


# One text, for a net that predicts the next character


class WindowPool:
    """Windows of a text, as ids: row n begins at `starts[n]`. The target is the id after each one of a window, or only the
    one after its last (`last`)."""

    decodes = False

    def __init__(self, ids: np.ndarray[Any, Any], starts: np.ndarray[Any, Any], name: str, length: int, *, last: bool) -> None:  # fmt: skip
        self._ids, self._starts, self._name, self._length, self._last = ids, starts, name, length, last
        self.shapes: Mapping[str, tuple[int, ...]] = {name: (length,)}

    def __len__(self) -> int:
        return len(self._starts)

    def bounds(self, name: str) -> tuple[int, int]:
        return int(self._ids.min()), int(self._ids.max())

    def parts(self, rows: np.ndarray[Any, Any], cuts: Cuts | None) -> np.ndarray[Any, Any]:
        raise TypeError("a text has no image")

    def shown(self, row: int) -> str:
        start = int(self._starts[row])
        return f"characters {start} to {start + self._length}"

    def take(self, rows: np.ndarray[Any, Any], spares: Spares | None = None, cuts: Cuts | None = None) -> Taken:
        import numpy as np
        import torch

        windows = self._ids[self._starts[rows][:, None] + np.arange(self._length + 1)].astype(np.int64)
        target = windows[:, -1] if self._last else windows[:, 1:]
        inputs = {self._name: torch.from_numpy(np.ascontiguousarray(windows[:, :-1]))}
        return Taken(inputs, rows, target=torch.from_numpy(np.ascontiguousarray(target)))


def open_text(files: Sequence[tuple[Path, int]], wanted: Wanted) -> Source:
    """Windows of a text for a net that predicts the next character; or of several texts, each with its split.

    The vocabulary is the characters of the texts in their order in Unicode, or all bytes if the net has 256 outputs. If
    every token has an output, windows follow one another without overlap; if only the next character is predicted, one
    begins at every character. Raises SpecError (NS601, NS602).
    """
    import numpy as np

    shown = printable(str(files[0][0] if len(files) == 1 else files[0][0].parent))
    name, kind = only_input(wanted.inputs, shown)
    last = _predicts_last(kind, wanted, shown)
    contents = [content_of(path) for path, _ in files]
    ids, classes = _encoded(contents, wanted, shown)
    length = kind.shape[0]
    starts, part, offset = [], [], 0
    for piece, (path, code) in zip(ids, files, strict=True):
        begins = np.arange(0, len(piece) - length, 1 if last else length)
        if not len(begins):
            raise SpecError.of(
                "NS601", f"{printable(str(path))} is too short", notes=[f"it has {len(piece)} characters, and the net takes {length} and predicts the next one"]
            )  # fmt: skip
        starts.append(begins + offset)
        part.append(np.full(len(begins), code, dtype=np.int8))
        offset += len(piece)
    count = sum(map(len, starts))
    digest = hashlib.blake2b(digest_size=16)
    for content in contents:
        digest.update(content + b"\0")
    return Source(
        shown,
        WindowPool(np.concatenate(ids), np.concatenate(starts), name, length, last=last),
        None,
        np.concatenate(part),
        np.arange(count, 0, -1).astype(np.uint64),  # the lowest keys are tested: the end of the text
        f"{digest.hexdigest()} {length} {last}",
        classes,
        read_targets=True,
        in_order=True,
    )


def _predicts_last(kind: TensorType, wanted: Wanted, shown: str) -> bool:
    """Whether the net predicts only the character after its input. Raises SpecError (NS602)."""
    output = wanted.output
    if wanted.task == "class" and output.layout == "vector":
        return True
    if wanted.task == "class" and output.layout == "sequence" and output.shape[0] == kind.shape[0]:
        return False
    raise SpecError.of(
        "NS602", f"the text {shown} does not match the output of the net",
        notes=[f"the net takes {kind.shape[0]} characters, so it predicts the next one of each, or of the last", f"its output is {output.noun}" + ("" if wanted.task == "class" else ", and its loss does not compare classes")],
        helps=["end the net with `linear-N` and `loss cross_entropy`, where N is the number of different characters, or 256 for bytes"],
    )  # fmt: skip


def content_of(path: Path) -> bytes:
    """Raises SpecError (NS601)."""
    try:
        data = read_bounded(path, _LARGEST)
    except OSError as error:
        raise SpecError.of(
            "NS601", f"{printable(str(path))} cannot be read", notes=[error.strerror or str(error)]
        ) from None
    if len(data) > _LARGEST:
        raise SpecError.of("NS601", f"{printable(str(path))} is larger than {_LARGEST:,} bytes", helps=["store windows of ids with np.savez"])  # fmt: skip
    return data


def _encoded(
    contents: Sequence[bytes], wanted: Wanted, shown: str
) -> tuple[list[np.ndarray[Any, Any]], tuple[str, ...]]:
    """The ids of each text, and the names of all ids."""
    import numpy as np

    outputs = wanted.output.features
    if outputs == BYTES:
        return [np.frombuffer(content, dtype=np.uint8) for content in contents], _byte_names()
    try:
        texts = [content.decode("utf-8-sig") for content in contents]
    except UnicodeDecodeError as error:
        raise SpecError.of(
            "NS601", f"{shown} is not text in UTF-8", notes=[f"byte {error.start:,} cannot be decoded"],
            helps=["save it as UTF-8, or give the net 256 ids and outputs: then it is read as bytes"],
        ) from None  # fmt: skip
    points = [np.frombuffer(text.encode("utf-32-le"), dtype="<u4") for text in texts]
    known = np.unique(np.concatenate(points))
    if len(known) != outputs:
        some = "".join(map(chr, known[:60].tolist()))
        raise SpecError.of(
            "NS602", f"{shown} has {len(known)} different characters, but the net has {outputs} outputs",
            notes=[f"they are {json.dumps(some, ensure_ascii=False)}" + (" …" if len(known) > 60 else "")],
            helps=[f"write `vocab={len(known)}` in `embed` and give the last layer {len(known)} outputs", "or 256 in both: then the text is read as bytes"],
        )  # fmt: skip
    small = np.uint8 if len(known) <= BYTES else np.int32
    return [np.searchsorted(known, p).astype(small) for p in points], tuple(
        shown_character(chr(c)) for c in known.tolist()
    )


# Texts of classes


def open_text_folder(folder: Path, wanted: Wanted) -> ArraySet:
    """Text files in one folder per class, optionally inside `train`, `val` and `test`. Raises SpecError (NS601, NS602)."""
    import numpy as np

    shown = printable(str(folder))
    name, kind = only_input(wanted.inputs, shown)
    found, classes = scanned(folder, labeled=wanted.task != "input", kind=TEXTS)
    ids = bytes_of_texts((content_of(folder / file) for file in found.names), kind.shape[0])
    labels, part = np.array(found.labels, dtype=np.int64), np.array(found.parts)
    names = {name: f"the texts of {shown}", "target": f"the classes of {shown}"}
    parts = {
        word: Arrays({name: ids[part == code]}, labels[part == code] if classes else None, names)
        for code, word in _CODES.items()
        if (part == code).any()
    }
    return ArraySet(shown, parts, classes)


def text_parts(folder: Path) -> list[tuple[Path, int]]:
    """The files `train.txt`, `val.txt` and `test.txt` of a folder with their splits, if there is one to train on."""
    files = sorted(p for p in folder.iterdir() if p.suffix.lower() in TEXTS.suffixes and p.stem.lower() in PARTS)
    found = [(p, PARTS[p.stem.lower()]) for p in files if p.is_file()]
    return found if [code for _, code in found].count(TRAIN) == 1 else []


def is_corpus(where: Path) -> bool:
    """Whether data is one text, or one for each split, and not texts of classes."""
    if where.is_dir():
        return bool(text_parts(where))
    return where.suffix.lower() in TEXTS.suffixes


def ids_of_end(content: bytes, names: Sequence[str], length: int, shown: str) -> np.ndarray[Any, Any]:
    """The ids of the last `length` characters, or bytes, of a text; `names` are those of all ids. Raises SpecError (NS602)."""
    import numpy as np

    if len(names) == BYTES:
        return np.frombuffer(content[-length:], dtype=np.uint8).astype(np.int64)
    known = {character(name): index for index, name in enumerate(names)}
    text = content.decode("utf-8-sig", "replace")[-length:]
    strange = next((c for c in text if c not in known), None)
    if strange is not None:
        raise SpecError.of(
            "NS602", f"{shown} has a character that the training text does not have", notes=[f"it is {json.dumps(strange, ensure_ascii=False)}"]
        )  # fmt: skip
    return np.array([known[c] for c in text], dtype=np.int64)


def bytes_of_texts(texts: Iterable[bytes], length: int) -> np.ndarray[Any, Any]:
    """N x length ids: the first bytes of each text in UTF-8; shorter texts are filled up with zeros."""
    import numpy as np

    return np.stack([np.frombuffer(text[:length].ljust(length, b"\0"), dtype=np.uint8) for text in texts]).astype(
        np.int64
    )
