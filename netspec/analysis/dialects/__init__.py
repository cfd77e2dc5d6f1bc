"""How other tools count multiply-accumulates: one file per tool, each verified against the tool itself."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from netspec.analysis.dialects.dialect import Dialect
from netspec.analysis.dialects.fvcore import FVCORE
from netspec.analysis.dialects.ptflops import PTFLOPS
from netspec.analysis.dialects.thop import THOP
from netspec.analysis.dialects.torchinfo import TORCHINFO

__all__ = ["DIALECTS"]

DIALECTS: Mapping[str, Dialect] = MappingProxyType({d.name: d for d in (FVCORE, THOP, TORCHINFO, PTFLOPS)})
