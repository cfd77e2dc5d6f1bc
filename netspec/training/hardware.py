"""Devices, processes and arithmetic: Lightning Fabric, set up for a plan."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import Any

from netspec.diagnostics import SpecError
from netspec.training.plan import Plan

__all__ = ["Hardware", "launch"]


@dataclass(frozen=True)
class Hardware:
    """`accelerator` is auto, cpu or cuda; `strategy` auto, ddp or fsdp; `compiled` None: on a GPU."""

    accelerator: str = "auto"
    devices: int = 1
    nodes: int = 1
    strategy: str = "auto"
    compiled: bool | None = None


def launch(hardware: Hardware, plan: Plan) -> Any:
    """A Fabric whose processes run. Raises SpecError (NS502, NS604) where the machine has not what is asked for."""
    try:
        import torch
        from lightning_fabric import Fabric
    except ImportError as error:
        raise SpecError.of(
            "NS502", f"{error.name or 'a package'} is not installed", helps=["install what trains: pip install 'netspec[train]'"]
        ) from None  # fmt: skip
    logging.getLogger("lightning_fabric").setLevel(logging.WARNING)
    cuda = hardware.accelerator != "cpu" and torch.cuda.is_available()
    if hardware.accelerator == "cuda" and not cuda:
        raise SpecError.of("NS604", "there is no GPU that PyTorch can use here", helps=["leave `--accelerator` out"])
    if cuda and hardware.devices > torch.cuda.device_count():
        raise SpecError.of("NS604", f"{hardware.devices} GPUs are asked for, and there are {torch.cuda.device_count()}")
    if hardware.strategy == "fsdp" and not cuda:
        raise SpecError.of("NS604", "fsdp needs GPUs", helps=["`--strategy ddp` runs on CPUs too"])
    if plan.precision == "fp16" and not cuda:
        raise SpecError.of(
            "NS604", "`precision fp16` needs a GPU", helps=["write `precision bf16` or `precision fp32`"]
        )
    several = hardware.devices * hardware.nodes > 1
    if several and plan.optimizer.word == "lbfgs":
        raise SpecError.of("NS604", "`optimizer lbfgs` trains on one device", helps=["leave `--devices` out"])
    if cuda:
        torch.set_float32_matmul_precision("high")
        torch.backends.cudnn.benchmark = True
    fabric = Fabric(
        accelerator="cuda" if cuda else "cpu", devices=hardware.devices, num_nodes=hardware.nodes,
        strategy=hardware.strategy if several or hardware.strategy != "auto" else "auto", precision=_precision(plan, cuda),
    )  # fmt: skip
    fabric.launch()
    return fabric


def _precision(plan: Plan, cuda: bool) -> Any:
    import torch

    kind = plan.precision
    if kind == "auto":
        kind = "bf16" if cuda and torch.cuda.is_bf16_supported() else "fp32"
    return {"fp32": "32-true", "bf16": "bf16-mixed", "fp16": "16-mixed"}[kind]
