"""The environment of a run."""

from __future__ import annotations

import platform
import sys
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from netspec.optional import DISTRIBUTION

__all__ = ["environment"]

_PACKAGES = (DISTRIBUTION, "torch", "numpy", "lightning-fabric", "torchmetrics", "safetensors")


def environment(fabric: Any) -> dict[str, Any]:
    """Versions, machine and devices, for JSON."""
    import torch

    device = fabric.device
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else platform.processor() or platform.machine()
    return {
        "python": platform.python_version(),
        "platform": platform.platform(),
        "packages": {package: found for package in _PACKAGES if (found := _version(package))},
        "device": f"{device.type}: {name}",
        "processes": fabric.world_size,
        "threads": torch.get_num_threads(),
        "command": sys.argv[1:],
    }


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None
