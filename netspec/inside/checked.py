"""The outcome of a check of gradients: each value, each tensor, and all of them."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import Literal, TypeAlias

__all__ = ["TOLERANCE", "Checked", "CheckedTensor", "CheckedTensors", "Verdict"]

TOLERANCE = 1e-5
"""The relative error up to which a gradient is right."""
Verdict: TypeAlias = Literal["ok", "kink", "wrong"]


@dataclass(frozen=True, slots=True)
class Checked:
    """One value of a tensor: its place, the gradient of PyTorch, the finite difference, their relative error, and the step
    for which that is the error. A `direction` is a random direction through all values of the tensor, of length 1."""

    tensor: str
    place: tuple[int, ...]
    analytic: float
    numeric: float
    error: float
    step: float
    verdict: Verdict
    direction: bool = False

    @property
    def text(self) -> str:
        where = "along a random direction" if self.direction else f"[{', '.join(map(str, self.place))}]"
        return (
            f"{self.tensor} {where}: analytic {self.analytic:.6g}, numeric {self.numeric:.6g}, error {self.error:.1e}"
        )


@dataclass(frozen=True, slots=True)
class CheckedTensor:
    """A parameter or an input: how many of its values were checked, and the worst of them first."""

    name: str
    shape: tuple[int, ...]
    values: tuple[Checked, ...]

    @property
    def size(self) -> int:
        return prod(self.shape)

    @property
    def checked(self) -> int:
        return sum(not value.direction for value in self.values)

    @property
    def worst(self) -> Checked:
        return self.values[0]

    @property
    def verdict(self) -> Verdict:
        """Wrong if any value is, else a kink if any value is at one."""
        found = {value.verdict for value in self.values}
        return "wrong" if "wrong" in found else "kink" if "kink" in found else "ok"


@dataclass(frozen=True, slots=True, repr=False)
class CheckedTensors:
    """The tensors in the order of the spec, and what was differentiated."""

    network: str
    tensors: tuple[CheckedTensor, ...]
    step: float
    objective: str

    @property
    def ok(self) -> bool:
        return all(tensor.verdict != "wrong" for tensor in self.tensors)

    @property
    def wrong(self) -> list[Checked]:
        """Every value whose gradient is wrong, the worst first."""
        found = [value for tensor in self.tensors for value in tensor.values if value.verdict == "wrong"]
        return sorted(found, key=lambda value: -value.error)

    def __repr__(self) -> str:
        return f"<GradientCheck of {self.network}: {'ok' if self.ok else f'{len(self.wrong)} wrong'}>"
