"""Many names in little memory: their bytes one after another, and where each ends."""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import overload

__all__ = ["Listing", "Names"]


class Names(Sequence[str]):
    """Names of files, in 8 bytes and their own length each; bytes that are no text are kept."""

    def __init__(self, names: Iterable[str] = ()) -> None:
        self.content, self.ends = bytearray(), array("Q")
        for name in names:
            self.append(name)

    @classmethod
    def of(cls, content: bytearray, ends: array[int]) -> Names:
        """Names from their bytes and where each ends."""
        names = cls()
        names.content, names.ends = content, ends
        return names

    def append(self, name: str) -> None:
        self.content += name.encode("utf-8", "surrogateescape")
        self.ends.append(len(self.content))

    def __len__(self) -> int:
        return len(self.ends)

    @overload
    def __getitem__(self, row: int) -> str: ...
    @overload
    def __getitem__(self, row: slice) -> list[str]: ...
    def __getitem__(self, row: int | slice) -> str | list[str]:
        if isinstance(row, slice):
            return [self[i] for i in range(*row.indices(len(self)))]
        row = row + len(self) if row < 0 else row
        if not 0 <= row < len(self):
            raise IndexError(row)
        start = self.ends[row - 1] if row else 0
        return self.content[start : self.ends[row]].decode("utf-8", "surrogateescape")

    def __iter__(self) -> Iterator[str]:
        return (self[row] for row in range(len(self)))


@dataclass
class Listing:
    """Files: their relative paths, splits, and classes (-1: none)."""

    names: Names = field(default_factory=Names)
    parts: array[int] = field(default_factory=lambda: array("b"))
    labels: array[int] = field(default_factory=lambda: array("i"))

    def add(self, name: str, part: int, label: int) -> None:
        self.names.append(name)
        self.parts.append(part)
        self.labels.append(label)

    def __len__(self) -> int:
        return len(self.names)
