"""ONNX Runtime: a session on the first provider that really loads, without the runtime's own noise."""

from __future__ import annotations

import contextlib
import io
from pathlib import Path
from typing import Any

from netspec.diagnostics import SpecError
from netspec.optional import require_onnxruntime

__all__ = ["PROVIDERS", "open_session"]

PROVIDERS = {
    "cuda": "CUDAExecutionProvider",
    "tensorrt": "TensorrtExecutionProvider",
    "cpu": "CPUExecutionProvider",
}


def open_session(model: str | Path | bytes, wanted: list[str] | None = None) -> tuple[Any, str]:
    """(session, name of its provider). Raises SpecError (NS504, NS505) where none of those wanted loads."""
    onnxruntime = require_onnxruntime()
    onnxruntime.set_default_logger_severity(4)
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    there = onnxruntime.get_available_providers()
    _preload(onnxruntime, there)
    source = model if isinstance(model, bytes) else str(model)
    reason = ""
    for name in wanted or PROVIDERS:
        if name not in PROVIDERS:
            raise SpecError.of("NS505", f"there is no provider `{name}`", helps=[f"providers: {', '.join(PROVIDERS)}"])
        if PROVIDERS[name] not in there:
            continue
        try:
            session = onnxruntime.InferenceSession(source, options, providers=[PROVIDERS[name]])
        except Exception as error:  # ONNX Runtime raises classes of its own, all from Exception
            reason = str(error).split("\n")[0][:300]
            continue
        if session.get_providers()[0] == PROVIDERS[name]:  # it falls back silently where a library is missing
            return session, name
    shown = "the model" if isinstance(model, bytes) else str(model)
    raise SpecError.of(
        "NS504",
        f"ONNX Runtime cannot load {shown}",
        notes=[reason] if reason else [f"providers here: {', '.join(there)}"],
    )


def _preload(onnxruntime: Any, there: list[str]) -> None:
    """Loads the libraries of CUDA that pip has installed, which no system path names: without them, and without PyTorch in the
    process, the runtime cannot load its CUDA provider. It prints what it does not find; the session's own error says it."""
    if PROVIDERS["cuda"] in there and hasattr(onnxruntime, "preload_dlls"):
        with contextlib.redirect_stdout(io.StringIO()):
            onnxruntime.preload_dlls()
