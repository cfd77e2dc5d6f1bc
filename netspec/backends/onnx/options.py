"""What an export may be asked for."""

from __future__ import annotations

from dataclasses import dataclass

from netspec.diagnostics import SpecError

__all__ = ["AXES", "CLASSES_KEY", "HIGHEST_OPSET", "LOWEST_OPSET", "ExportOptions"]

LOWEST_OPSET, HIGHEST_OPSET = 13, 22
CLASSES_KEY = "netspec.classes"
"""The key of the class names in the metadata of a model: a JSON list."""
AXES = ("batch", "height", "width", "length", "depth")
_IR_VERSIONS = {13: 7, 14: 7, 15: 8, 16: 8, 17: 8, 18: 8, 19: 9, 20: 9, 21: 10, 22: 10}


@dataclass(frozen=True, slots=True)
class ExportOptions:
    """`dynamic` names the axes whose sizes are left open: batch, and height and width (length, depth) where the network
    allows it. `fold` puts batch norms into the layers before them. `train` keeps dropout, batch statistics and
    auxiliary heads. `half` stores weights and computes in float16, with float32 at both ends. `classes` are the names of
    the classes, which the metadata of the model keeps.
    """

    opset: int = 17
    dynamic: frozenset[str] = frozenset({"batch"})
    fold: bool = True
    train: bool = False
    half: bool = False
    classes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not LOWEST_OPSET <= self.opset <= HIGHEST_OPSET:
            raise SpecError.of(
                "NS505",
                f"opset {self.opset} cannot be written",
                helps=[f"opsets {LOWEST_OPSET} to {HIGHEST_OPSET} can"],
            )
        unknown = self.dynamic - set(AXES)
        if unknown:
            raise SpecError.of(
                "NS505", f"there is no axis {min(unknown)} to leave open", helps=[f"axes: {', '.join(AXES)}"]
            )

    @property
    def ir_version(self) -> int:
        """The IR version of the opset's time: the onnx package's own default is newer than ONNX Runtime accepts."""
        return _IR_VERSIONS[self.opset]
