"""Devices, processes and precision: Lightning Fabric, configured for a plan."""

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
    """A launched Fabric. Raises SpecError (NS502, NS604) if the machine lacks what was requested."""
    try:
        import torch
        from lightning_fabric import Fabric
    except ImportError as error:
        raise SpecError.of(
            "NS502", f"{error.name or 'a package'} is not installed", helps=["install the training dependencies with `pip install 'netspec[train]'`"]
        ) from None  # fmt: skip
    logging.getLogger("lightning_fabric").setLevel(logging.WARNING)
    cuda = hardware.accelerator != "cpu" and torch.cuda.is_available()
    if hardware.accelerator == "cuda" and not cuda:
        raise SpecError.of("NS604", "PyTorch found no usable GPU", helps=["remove `--accelerator`"])
    if cuda and hardware.devices > torch.cuda.device_count():
        raise SpecError.of(
            "NS604", f"{hardware.devices} GPUs requested, but only {torch.cuda.device_count()} available"
        )
    if hardware.strategy == "fsdp" and not cuda:
        raise SpecError.of("NS604", "fsdp requires GPUs", helps=["`--strategy ddp` also runs on CPUs"])
    if plan.precision == "fp16" and not cuda:
        raise SpecError.of(
            "NS604", "`precision fp16` requires a GPU", helps=["write `precision bf16` or `precision fp32`"]
        )
    several = hardware.devices * hardware.nodes > 1
    if several and plan.optimizer.word == "lbfgs":
        raise SpecError.of("NS604", "`optimizer lbfgs` supports only one device", helps=["remove `--devices`"])
    if cuda:
        torch.set_float32_matmul_precision("high")
        torch.backends.cudnn.benchmark = True
    try:
        return _launched(Fabric, hardware, plan, cuda=cuda, several=several)
    except Exception as error:  # of Lightning, torch.distributed or the cluster's environment, whatever is not as asked
        said = next(iter(str(error).strip().splitlines()), "")[:300]
        raise SpecError.of(
            "NS604", "the processes of this run cannot be started", notes=[f"{type(error).__name__}: {said}"],
            helps=["compare `--devices` and `--nodes` with what the cluster (SLURM, torchrun) has started"],
        ) from None  # fmt: skip


def _launched(fabric_class: Any, hardware: Hardware, plan: Plan, *, cuda: bool, several: bool) -> Any:
    fabric = fabric_class(
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
