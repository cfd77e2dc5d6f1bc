"""What a package needs to add layers (docs/plugins.md): the base class of a layer, and what it is made of."""

from __future__ import annotations

from netspec.graph import Param, TensorType
from netspec.ops.emitter import Emitter
from netspec.ops.kinds import Choice, Flag, Integer, Kind, Number, Numbers, Padding, Pair, PerAxis
from netspec.ops.op import REQUIRED, Change, Leftover, Misfit, Op, Option, TorchCode
from netspec.ops.reach import SAME, Reach, whole

__all__ = [
    "REQUIRED", "SAME", "Change", "Choice", "Emitter", "Flag", "Integer", "Kind", "Leftover", "Misfit", "Number", "Numbers",
    "Op", "Option", "Padding", "Pair", "Param", "PerAxis", "Reach", "TensorType", "TorchCode", "whole",
]  # fmt: skip
