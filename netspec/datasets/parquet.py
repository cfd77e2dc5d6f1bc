"""Parquet tables: columns of numbers, lists of them, texts, image files, or images as Hugging Face stores them."""

from __future__ import annotations

import io
import json
import threading
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from netspec.datasets.class_folders import part_of_file, printable
from netspec.datasets.pools import TRAIN
from netspec.datasets.table import Table
from netspec.diagnostics import SpecError
from netspec.optional import not_installed

if TYPE_CHECKING:
    import numpy as np

    from netspec.datasets.images import StoredImages

__all__ = ["parquet_in", "read_parquet"]

_IDS = ("input_ids", "ids", "tokens", "x", "input")
_KEPT = 1 << 28
"""Bytes of images that a process keeps of what it has read."""


def parquet_in(folder: Path) -> list[Path]:
    """The Parquet files directly in a folder."""
    return sorted(file for file in folder.iterdir() if file.suffix.lower() == ".parquet" and file.is_file())


def read_parquet(files: Sequence[Path], folder: Path | None = None) -> ParquetTable:
    """Files with the same columns as one table; one whose name begins with train, val or test has rows of that part. Raises
    SpecError (NS502, NS601)."""
    try:
        import pyarrow.parquet as parquet
    except ImportError:
        raise not_installed("the pyarrow package, which reads Parquet,", "parquet") from None
    shown = printable(str(files[0] if folder is None else folder))
    opened, schema = [], None
    for file in files:
        try:
            with parquet.ParquetFile(file) as one:
                columns = [(column.name, column.type) for column in one.schema_arrow]
                groups = [one.metadata.row_group(i).num_rows for i in range(one.metadata.num_row_groups)]
                metadata = one.schema_arrow.metadata or {}
        except (OSError, ValueError) as error:  # pyarrow's errors are of these kinds
            raise _unreadable(str(file), error) from None
        if schema is not None and columns != schema:
            raise SpecError.of("NS601", f"{printable(str(file))} has other columns than {printable(str(files[0]))}")
        schema = columns
        opened.append(_File(str(file), file.stat().st_size, tuple(groups), part_of_file(file.name)))
    assert schema is not None
    if not any(sum(file.groups) for file in opened):
        raise SpecError.of("NS601", f"{shown} has no rows")
    return ParquetTable(shown, tuple(name for name, _ in schema), (), (), True, tuple(opened), tuple(kind for _, kind in schema), _features(metadata))  # fmt: skip


def _unreadable(shown: str, error: Exception) -> SpecError:
    said = str(error).strip().split("\n")[0][:200]
    return SpecError.of("NS601", f"{printable(shown)} cannot be read as Parquet", notes=[said])


def _features(metadata: dict[bytes, bytes]) -> dict[str, Any]:
    """What Hugging Face says of the columns."""
    try:
        found = json.loads(metadata.get(b"huggingface", b"{}"))["info"]["features"]
        return found if isinstance(found, dict) else {}
    except (ValueError, LookupError, TypeError, RecursionError):
        return {}


@dataclass(frozen=True)
class _File:
    """A file, its size, the rows of its row groups, and its split."""

    path: str
    size: int
    groups: tuple[int, ...]
    part: int


@dataclass(frozen=True)
class ParquetTable(Table):
    """The rows of all files, one after another; columns are read when they are needed."""

    files: tuple[_File, ...] = ()
    kinds: tuple[Any, ...] = ()
    features: dict[str, Any] = field(default_factory=dict)

    def __len__(self) -> int:
        return sum(sum(file.groups) for file in self.files)

    def place(self, row: int) -> str:
        return f"row {row}"

    def first(self, column: int) -> str:
        import pyarrow as arrow

        kind = self.kinds[column]
        if not (arrow.types.is_string(kind) or arrow.types.is_large_string(kind)):
            return ""
        return self._read(column, first=True)[0].as_py() or ""

    def digest(self) -> bytes:
        return repr((self.columns, [(Path(f.path).name, f.size, f.groups) for f in self.files])).encode(
            "utf-8", "surrogatepass"
        )

    def parts(self) -> np.ndarray[Any, Any] | None:
        import numpy as np

        if all(file.part == TRAIN for file in self.files):
            return None
        return np.repeat([f.part for f in self.files], [sum(f.groups) for f in self.files]).astype(np.int8)

    def class_names(self, column: int) -> tuple[str, ...]:
        said = self.features.get(self.columns[column])
        names = said.get("names") if isinstance(said, dict) else None
        return tuple(map(str, names)) if isinstance(names, list) else ()

    def images(self, column: int) -> StoredImages | None:
        import pyarrow as arrow

        kind = self.kinds[column]
        inner = arrow.types.is_struct(kind) and any(kind.field(i).name == "bytes" for i in range(kind.num_fields))
        if inner or arrow.types.is_binary(kind) or arrow.types.is_large_binary(kind):
            return _Images(self.shown, self.columns[column], self.files, inner=inner)
        return None

    def ids(self) -> tuple[int, np.ndarray[Any, Any]] | None:
        import numpy as np
        import pyarrow as arrow

        lists = [c for c, kind in enumerate(self.kinds) if _is_list(kind) and arrow.types.is_integer(kind.value_type)]
        named = [c for name in _IDS for c in lists if self.columns[c].lower() == name] or (
            lists if len(lists) == 1 else []
        )
        return (named[0], self.numbers(named[:1]).astype(np.int64)) if named else None

    def width(self, columns: Sequence[int]) -> int:
        return self.numbers(columns).shape[1] if any(_is_list(self.kinds[c]) for c in columns) else len(columns)

    def texts(self, column: int) -> list[str]:
        return ["" if value is None else str(value).strip() for value in self._read(column).to_pylist()]

    def numbers(self, columns: Sequence[int]) -> np.ndarray[Any, Any]:
        import numpy as np

        found = [self._numbers(column) for column in columns]
        return np.concatenate(found, axis=1) if found else np.empty((len(self), 0))

    def _numbers(self, column: int) -> np.ndarray[Any, Any]:
        """N x 1, or N x length of lists, rounded to float64. Raises SpecError (NS601)."""
        import numpy as np
        import pyarrow as arrow
        import pyarrow.compute as compute

        values, kind = self._read(column), self.kinds[column]
        inner = kind.value_type if _is_list(kind) else kind
        numeric = arrow.types.is_integer(inner) or arrow.types.is_floating(inner) or arrow.types.is_boolean(inner)
        if not numeric or values.null_count:
            missing = compute.is_null(values).to_pylist().index(True) if values.null_count else 0
            raise SpecError.of(
                "NS601", f"{self.place(missing)} of {self.shown} has no number in the column `{self.columns[column]}`",
                notes=["it is empty" if values.null_count else f"the type of the column is {kind}"],
                helps=["remove the column or the row, or write a number"],
            )  # fmt: skip
        if not _is_list(kind):
            return np.asarray(values.cast(arrow.float64(), safe=False))[:, None]
        lengths = np.asarray(compute.list_value_length(values))
        flat = compute.list_flatten(values)
        if len(set(lengths.tolist())) != 1 or flat.null_count:
            raise SpecError.of(
                "NS601", f"the lists in the column `{self.columns[column]}` of {self.shown} have different lengths",
                notes=[f"from {lengths.min()} to {lengths.max()}"], helps=["cut or fill them up to one length"],
            )  # fmt: skip
        return np.asarray(flat.cast(arrow.float64(), safe=False)).reshape(len(values), -1)

    def _read(self, column: int, *, first: bool = False) -> Any:
        import pyarrow as arrow
        import pyarrow.parquet as parquet

        pieces = []
        for file in [next(file for file in self.files if sum(file.groups))] if first else self.files:
            try:
                with parquet.ParquetFile(file.path) as opened:
                    name = self.columns[column]
                    group = next(number for number, rows in enumerate(file.groups) if rows) if first else None
                    read = opened.read([name]) if group is None else opened.read_row_group(group, [name])
                    pieces += read.column(0).chunks
            except (OSError, ValueError) as error:
                raise _unreadable(file.path, error) from None
        return arrow.chunked_array(pieces, self.kinds[column])

    def are_numbers(self, column: int) -> bool:
        import pyarrow as arrow

        kind = self.kinds[column]
        inner = kind.value_type if _is_list(kind) else kind
        return bool(arrow.types.is_integer(inner) or arrow.types.is_floating(inner) or arrow.types.is_boolean(inner))


def _is_list(kind: Any) -> bool:
    import pyarrow as arrow

    return bool(arrow.types.is_list(kind) or arrow.types.is_large_list(kind) or arrow.types.is_fixed_size_list(kind))


class _Images:
    """The images of a column. Rows are stored in groups, which are read whole; the last ones are kept."""

    def __init__(self, shown: str, column: str, files: Sequence[_File], *, inner: bool) -> None:
        import numpy as np

        self._shown, self._column, self._inner = shown, column, inner
        self._groups = [(file.path, number) for file in files for number in range(len(file.groups))]
        self._ends = np.cumsum([rows for file in files for rows in file.groups])
        self._reset()

    def _reset(self) -> None:
        self._kept: OrderedDict[int, Any] = OrderedDict()
        self._lock = threading.Lock()

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in self.__dict__.items() if name not in ("_kept", "_lock")}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._reset()

    def __len__(self) -> int:
        return int(self._ends[-1])

    def shown(self, row: int) -> str:
        return f"row {row} of {self._shown}"

    def stored(self, row: int) -> io.BytesIO:
        import numpy as np

        number = int(np.searchsorted(self._ends, row, side="right"))
        start = int(self._ends[number - 1]) if number else 0
        value = self._group(number)[row - start].as_py()
        if self._inner:
            value = (value or {}).get("bytes")
        return io.BytesIO(value or b"")

    def _group(self, number: int) -> Any:
        import pyarrow.parquet as parquet

        with self._lock:
            if number not in self._kept:
                path, inner = self._groups[number]
                try:
                    with parquet.ParquetFile(path) as file:
                        read = file.read_row_group(inner, [self._column]).column(0).combine_chunks()
                except (OSError, ValueError) as error:
                    raise _unreadable(path, error) from None
                self._kept[number] = read
                while len(self._kept) > 1 and sum(group.nbytes for group in self._kept.values()) > _KEPT:
                    self._kept.popitem(last=False)
            self._kept.move_to_end(number)
            return self._kept[number]
