"""Which form of data stands at a place."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from netspec.diagnostics import SpecError, nearest
from netspec.graph import TensorType

if TYPE_CHECKING:
    from netspec.datasets.examples import DataOptions, Task
    from netspec.datasets.pools import Source

__all__ = ["open_source"]

_WORDS = ("digits", "synthetic")
_FORMS = (
    "the data is one of: digits, synthetic, a folder of images in a folder a class (also train/, val/, test/ on top), "
    "MNIST's IDX files, CIFAR's binaries, an .npz, a Hugging Face dataset saved to disk"
)


def open_source(
    where: str, inputs: Mapping[str, TensorType], output: TensorType, task: Task, options: DataOptions
) -> Source:
    """Raises SpecError (NS502, NS601, NS602, NS603, NS604)."""
    if where == "digits":
        from netspec.datasets.digits import open_digits

        return open_digits(inputs, options)
    if where == "synthetic":
        from netspec.datasets.synthetic import open_synthetic

        return open_synthetic(inputs, output, task, options)
    path = Path(where)
    if not path.exists():
        near = nearest(where, _WORDS)
        raise SpecError.of(
            "NS601", f"there is no data at {where}", helps=[*([f"did you mean `{near}`?"] if near else []), _FORMS]
        )
    if path.is_file() and path.suffix.lower() == ".npz":
        from netspec.datasets.npz import open_npz

        return open_npz(path, inputs, options)
    raise SpecError.of("NS601", f"{where} is no data that netspec reads", helps=[_FORMS])
