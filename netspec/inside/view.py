"""What a look inside a network gives: a few words, numbers, and a picture."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from netspec.diagnostics import SpecError
from netspec.files import atomic_write, write_arrays
from netspec.scene.drawing import write
from netspec.scene.figure import Figure
from netspec.scene.gif import as_gif
from netspec.scene.svg import as_svg

if TYPE_CHECKING:
    import numpy as np

__all__ = ["View"]


@dataclass(frozen=True, repr=False)
class View:
    """`name` is that of the sub-command (`filters`), `text` what it prints, `data` its numbers for JSON, `arrays` those for NumPy
    by name, `drawn` makes the picture."""

    name: str
    text: str
    data: Mapping[str, Any]
    arrays: Mapping[str, np.ndarray[Any, Any]]
    drawn: Callable[[], Figure] = field(compare=False)
    frames: Callable[[], list[Figure]] | None = field(default=None, compare=False)
    """The pictures of an animation."""

    def save(self, path: str | Path) -> None:
        """Writes the picture (.svg, .png, .pdf; of an animation .gif), the arrays (.npz, or .npy of a single one) or the numbers
        (.json).

        Raises SpecError (NS501, NS502, NS505)."""
        path = Path(path)
        form = path.suffix.lower()
        if form in (".npz", ".npy"):
            write_arrays(path, self.arrays)
        elif form == ".json":
            text = json.dumps(self.data, indent=2, ensure_ascii=False, allow_nan=False)
            with atomic_write(path) as file:
                file.write(f"{text}\n".encode())
        elif form == ".gif":
            self._save_animation(path)
        else:
            write(path, self.drawn)

    def _save_animation(self, path: Path) -> None:
        if self.frames is None:
            raise SpecError.of(
                "NS505", f"{path.name}: `{self.name}` is not animated", helps=["write .svg, .png or .pdf"]
            )
        data = as_gif(self.frames())
        with atomic_write(path) as file:
            file.write(data)

    def __str__(self) -> str:
        return self.text

    def __repr__(self) -> str:
        return f"<View {self.name}: {self.text.splitlines()[0]}>"

    def _repr_svg_(self) -> str:
        return as_svg(self.drawn())
