"""Engines and runs for the tests of training."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from netspec.datasets import DataOptions
from netspec.model import check
from netspec.source import SourceFile
from netspec.training.engine import Engine
from netspec.training.hardware import Hardware, launch
from netspec.training.plan import Plan
from netspec.training.session import Request, build_engine, open_data

WHOLE = DataOptions(validation=0.0, test=0.0)
"""Every example trains."""


def engine_of(text: str, where: str, options: DataOptions = WHOLE, **more: Any) -> Engine:
    """The engine of a spec, at its start."""
    request = Request(SourceFile(text, "spec.net"), where, options, Hardware("cpu"), **more)
    model = check(request.source).model()
    plan = Plan.of(model.graph)
    return build_engine(model, plan, open_data(plan, request), launch(request.hardware, plan), request)


def save_examples(path: Path, x: Any, y: Any) -> str:
    np.savez(path, x=x, y=y)
    return str(path)


_RANDOM = np.random.default_rng(0)
X, Y = _RANDOM.normal(size=(24, 6)).astype(np.float32), _RANDOM.integers(0, 3, 24)
"""Examples of three classes."""
