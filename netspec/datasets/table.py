"""Tables in CSV files: their rows and columns, and which column holds what."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from netspec.diagnostics import SpecError, nearest
from netspec.files import read_bounded

if TYPE_CHECKING:
    import numpy as np

    from netspec.datasets.images import StoredImages

__all__ = ["Table", "read_table"]

_LARGEST = 1 << 30
_DELIMITERS = ",;\t|"
NAMES: Mapping[str, tuple[str, ...]] = {
    "file": ("file", "filename", "file_name", "filepath", "file_path", "path", "image", "image_path", "image_file", "img"),
    "text": ("text", "sentence", "review", "content", "message", "comment", "document", "tweet", "body"),
    "target": ("label", "labels", "class", "class_name", "target", "category", "y", "value", "score", "species", "sentiment"),
    "split": ("split", "subset", "partition"),
}  # fmt: skip
"""The usual names of columns, most telling first."""
_INDEX = ("", "unnamed: 0")
"""The name of the column in which pandas writes the numbers of rows."""


@dataclass(frozen=True)
class Table:
    """Rows of equal length; `lines` are their places in the file, and `named` says whether the columns have names.

    Tables of other formats are subclasses, which need no rows of text.
    """

    shown: str
    columns: tuple[str, ...]
    rows: Sequence[Sequence[str]]
    lines: Sequence[int]
    named: bool
    commas: bool = field(default=False, kw_only=True)
    """Whether a comma may stand for the decimal point: in files that are separated by semicolons."""

    def __len__(self) -> int:
        return len(self.rows)

    def place(self, row: int) -> str:
        """Where a row is."""
        return f"line {self.lines[row]}"

    def first(self, column: int) -> str:
        """The text of a column in the first row."""
        return self.rows[0][column].strip()

    def digest(self) -> bytes:
        """Changes if the content changes."""
        return repr((self.columns, self.rows)).encode("utf-8", "surrogatepass")

    def images(self, column: int) -> StoredImages | None:
        """The images of a column that holds them and not their names."""
        return None

    def ids(self) -> tuple[int, np.ndarray[Any, Any]] | None:
        """The column that holds ids of tokens, and them, N x length."""
        return None

    def class_names(self, column: int) -> tuple[str, ...]:
        """Names of the classes that a column of numbers means."""
        return ()

    def parts(self) -> np.ndarray[Any, Any] | None:
        """The split of every row, where the files of the table say it."""
        return None

    def width(self, columns: Sequence[int]) -> int:
        """How many numbers each row has in some columns."""
        return len(columns)

    def find(self, role: str) -> list[int]:
        """The columns with a usual name of a role (see NAMES), the most telling first."""
        found = [
            index
            for name in NAMES[role]
            for index, column in enumerate(self.columns)
            if self.named and column.strip().lower() == name
        ]
        return found

    def texts(self, column: int) -> list[str]:
        return [row[column].strip() for row in self.rows]

    def numbers(self, columns: Sequence[int]) -> np.ndarray[Any, Any]:
        """rows x columns, float64. Raises SpecError (NS601) for a cell that is not a number."""
        import numpy as np

        try:
            return np.array(
                [[_value(row[c], commas=self.commas) for c in columns] for row in self.rows], dtype=np.float64
            )
        except ValueError:
            raise self._not_a_number(columns) from None

    def are_numbers(self, column: int) -> bool:
        try:
            self.numbers([column])
        except SpecError:
            return False
        return True

    def _not_a_number(self, columns: Sequence[int]) -> SpecError:
        for number, row in enumerate(self.rows):
            for column in columns:
                try:
                    _value(row[column], commas=self.commas)
                except ValueError:
                    cell = row[column].strip()
                    return SpecError.of(
                        "NS601", f"{self.place(number)} of {self.shown} has no number in the column `{self.columns[column]}`",
                        notes=[f"it is `{cell[:60]}`" if cell else "it is empty"],
                        helps=["remove the column or the row, or write a number"],
                    )  # fmt: skip
        raise AssertionError("every cell is a number")

    def missing(self, role: str, why: str) -> SpecError:
        """The error that no column has this role."""
        near = next((n for c in self.columns if (n := nearest(c.strip().lower(), NAMES[role]))), None)
        return SpecError.of(
            "NS601", f"{self.shown} has no column `{NAMES[role][0]}`",
            notes=[why, f"its columns are {', '.join(f'`{c}`' for c in self.columns[:12])}" if self.named else "its columns have no names"],
            helps=[f"rename a column to `{near}`" if near else f"name the column `{NAMES[role][0]}` in the first line"],
        )  # fmt: skip


def read_table(path: Path) -> Table:
    """A CSV file in UTF-8, separated by commas, semicolons, tabs or bars; its first line may name the columns.

    It does if it has a usual name, or a cell that is not a number where the next line has one. Raises SpecError (NS601).
    """
    shown = str(path)
    text = _text(path, shown)
    first = text.split("\n", 1)[0]
    delimiter = max(_DELIMITERS, key=lambda d: (first.count(d), -_DELIMITERS.index(d)))
    rows, lines = [], []
    try:
        reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
        for row in reader:
            if any(cell.strip() for cell in row):
                rows.append(row)
                lines.append(reader.line_num)
    except csv.Error as error:
        where = f"the row after line {lines[-1]}" if lines else "the first row"
        raise SpecError.of("NS601", f"{shown} cannot be read as CSV", notes=[f"{where}: {str(error)[:200]}"]) from None
    if not rows:
        raise SpecError.of("NS601", f"{shown} is empty")
    commas = delimiter == ";"
    named = _is_header(rows, commas=commas)
    columns = tuple(cell.strip() for cell in rows[0]) if named else tuple(f"{i + 1}" for i in range(len(rows[0])))
    if len(rows) == named:
        raise SpecError.of("NS601", f"{shown} has no rows", notes=["its only line names the columns"])
    for row, line in zip(rows, lines, strict=True):
        if len(row) != len(columns):
            raise SpecError.of(
                "NS601", f"line {line} of {shown} has {len(row)} columns, but the first line has {len(columns)}",
                helps=["put cells that contain the separator into double quotes"],
            )  # fmt: skip
    if named:
        rows, lines = rows[1:], lines[1:]
    return _without_index(Table(shown, columns, rows, lines, named, commas=commas))


def _text(path: Path, shown: str) -> str:
    try:
        data = read_bounded(path, _LARGEST)
    except OSError as error:
        raise SpecError.of("NS601", f"{shown} cannot be read", notes=[error.strerror or str(error)]) from None
    if len(data) > _LARGEST:
        raise SpecError.of("NS601", f"{shown} is larger than {_LARGEST:,} bytes", helps=["store arrays with np.savez"])
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise SpecError.of(
            "NS601", f"{shown} is not text in UTF-8", notes=[f"byte {error.start:,} is {data[error.start]:#04x}"],
            helps=["save it as UTF-8"],
        ) from None  # fmt: skip


def _value(cell: str, *, commas: bool) -> float:
    """The number in a cell. Raises ValueError."""
    return float(cell.replace(",", ".") if commas and cell.count(",") == 1 and "." not in cell else cell)


def _is_header(rows: Sequence[Sequence[str]], *, commas: bool) -> bool:
    first = [cell.strip().lower() for cell in rows[0]]
    if any(cell in names for names in NAMES.values() for cell in first):
        return True
    if len(rows) < 2:
        return False
    return any(
        _number(below, commas=commas) and not _number(cell, commas=commas)
        for cell, below in zip(first, rows[1], strict=False)
    )


def _number(cell: str, *, commas: bool) -> bool:
    try:
        _value(cell, commas=commas)
    except ValueError:
        return False
    return True


def _without_index(table: Table) -> Table:
    """Without a first column that only numbers the rows."""
    if not table.named or table.columns[0].lower() not in _INDEX or len(table.columns) < 2:
        return table
    return replace(table, columns=table.columns[1:], rows=[row[1:] for row in table.rows])
