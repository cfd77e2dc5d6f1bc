"""Devices, processes and precision: Lightning Fabric, configured for a plan."""

from __future__ import annotations

import logging
import os
import sys
from dataclasses import dataclass
from typing import Any

from netspec.diagnostics import SpecError
from netspec.optional import not_installed
from netspec.training.compiling import Compiled
from netspec.training.plan import Plan
from netspec.training.rendezvous import join
from netspec.training.sharding import require_shardable, shard_strategy

__all__ = ["Hardware", "device_kind", "launch"]


@dataclass(frozen=True)
class Hardware:
    """`accelerator` is auto, cpu, cuda or mps (the GPU of a Mac); `strategy` auto, ddp or fsdp; `compiled` None: on a
    CUDA GPU, where it works; `graphs`: with CUDA graphs."""

    accelerator: str = "auto"
    devices: int = 1
    nodes: int = 1
    strategy: str = "auto"
    compiled: Compiled | None = None


def _fabric() -> Any:
    """Lightning Fabric, without torchmetrics: to learn its version Fabric would import it whole, and with it scipy and
    matplotlib, which costs more than a short run. Its `SpikeDetection`, which netspec does not use, then misses torchmetrics in
    this process; who wants both imports torchmetrics first."""
    hidden = "torchmetrics" not in sys.modules
    if hidden:
        sys.modules["torchmetrics"] = None  # type: ignore[assignment]
    try:
        from lightning_fabric import Fabric
    finally:
        if hidden:
            del sys.modules["torchmetrics"]
    return Fabric


def launch(hardware: Hardware, plan: Plan) -> Any:
    """A launched Fabric. Raises SpecError (NS502, NS604) if the machine lacks what was requested."""
    try:
        import torch

        Fabric = _fabric()
    except ImportError as error:
        raise not_installed(error.name or "a package", "train") from None
    logging.getLogger("lightning_fabric").setLevel(logging.WARNING)
    kind = device_kind(hardware)
    _require_replayable(hardware, kind)
    cuda = kind == "cuda"
    if cuda and hardware.devices > torch.cuda.device_count():
        raise SpecError.of(
            "NS604", f"{hardware.devices} GPUs requested, but only {torch.cuda.device_count()} available"
        )
    if plan.precision == "fp16" and not cuda:
        raise SpecError.of(
            "NS604", "`precision fp16` requires a CUDA GPU", helps=["write `precision bf16` or `precision fp32`"]
        )
    several = hardware.devices * hardware.nodes > 1
    if hardware.nodes > 1:
        _require_launcher(hardware)
    if several and hardware.strategy == "fsdp":
        require_shardable(plan)
    if several and plan.optimizer.word == "lbfgs":
        raise SpecError.of("NS604", "`optimizer lbfgs` supports only one device", helps=["remove `--devices`"])
    if cuda:
        torch.set_float32_matmul_precision("high")
        torch.backends.cudnn.benchmark = True
    try:
        return _launched(Fabric, hardware, plan, kind, several=several)
    except Exception as error:  # of Lightning, torch.distributed or the cluster's environment, whatever is not as asked
        said = next(iter(str(error).strip().splitlines()), "")[:300]
        raise SpecError.of(
            "NS604", "the processes of this run cannot be started", notes=[f"{type(error).__name__}: {said}"],
            helps=["compare `--devices` and `--nodes` with what the cluster (SLURM, torchrun) has started"],
        ) from None  # fmt: skip


def _require_replayable(hardware: Hardware, kind: str) -> None:
    """Raises SpecError (NS604) where CUDA graphs are asked for and cannot be had."""
    if hardware.compiled != "graphs":
        return
    if hardware.devices * hardware.nodes > 1:
        raise SpecError.of(
            "NS604", "`--cuda-graphs` supports only one device",
            notes=["what devices exchange, and weights that are sharded, are not part of a graph"],
            helps=["remove `--cuda-graphs`, or `--devices`"],
        )  # fmt: skip
    if kind != "cuda":
        raise SpecError.of("NS604", "`--cuda-graphs` requires a CUDA GPU", helps=["remove `--cuda-graphs`"])


def _require_launcher(hardware: Hardware) -> None:
    """Raises SpecError (NS604) if nothing has started the other machines: their processes would be waited for."""
    from lightning_fabric.plugins.environments.lsf import LSFEnvironment
    from lightning_fabric.plugins.environments.mpi import MPIEnvironment
    from lightning_fabric.plugins.environments.slurm import SLURMEnvironment
    from lightning_fabric.plugins.environments.torchelastic import TorchElasticEnvironment

    launchers: tuple[Any, ...] = (TorchElasticEnvironment, SLURMEnvironment, LSFEnvironment, MPIEnvironment)
    by_hand = "MASTER_ADDR" in os.environ and ("NODE_RANK" in os.environ or "GROUP_RANK" in os.environ)
    if by_hand or any(launcher.detect() for launcher in launchers):
        return
    each = (
        f"--nnodes {hardware.nodes} --nproc-per-node {hardware.devices} --rdzv-backend c10d --rdzv-endpoint HOST:29500"
    )
    raise SpecError.of(
        "NS604", f"`--nodes {hardware.nodes}`: nothing has started the processes on the other machines",
        notes=["no launcher was found: neither torchrun, SLURM, LSF nor MPI, nor MASTER_ADDR with NODE_RANK"],
        helps=[f"start it on every machine with `torchrun {each} -m netspec train …`", "or under SLURM with `srun netspec train …`"],
    )  # fmt: skip


def device_kind(hardware: Hardware) -> str:
    """cpu, cuda or mps: what was asked for, or for `auto` the fastest that PyTorch can use. Raises SpecError (NS604)."""
    import torch

    asked, several = hardware.accelerator, hardware.devices * hardware.nodes > 1
    usable = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available(), "cpu": True}
    if asked == "auto":
        return next(kind for kind, found in usable.items() if found and not (several and kind == "mps"))
    if not usable[asked]:
        what = "CUDA GPU" if asked == "cuda" else "Apple GPU (MPS)"
        raise SpecError.of("NS604", f"PyTorch found no usable {what}", helps=["remove `--accelerator`"])
    if asked == "mps" and several:
        raise SpecError.of(
            "NS604", "`--accelerator mps` supports only one device", helps=["remove `--devices`, or use `--accelerator cpu`"]
        )  # fmt: skip
    return asked


def _launched(fabric_class: Any, hardware: Hardware, plan: Plan, kind: str, *, several: bool) -> Any:
    strategy: Any = hardware.strategy
    if strategy == "fsdp":  # one device has all weights
        strategy = shard_strategy(plan, hardware.devices * hardware.nodes) if several else "auto"
    elif several and strategy == "ddp":
        from lightning_fabric.strategies.ddp import DDPStrategy

        strategy = DDPStrategy(**_ddp_options(plan))
    fabric = fabric_class(
        accelerator=kind, devices=hardware.devices, num_nodes=hardware.nodes, strategy=strategy, precision=_precision(plan, cuda=kind == "cuda"),
    )  # fmt: skip
    if several:
        join(fabric)
    fabric.launch()
    return fabric


def _ddp_options(plan: Plan) -> dict[str, Any]:
    """Gradients are reduced where they are, and buffers are not broadcast before every update: each process computes the same
    statistics, or evaluation takes those of the first. Where every backward pass is like the first, DDP knows it: not where gradients
    of several batches are added up, of which only the last reduces them, nor where layers are unfrozen."""
    import inspect

    from torch.nn.parallel import DistributedDataParallel

    names = inspect.signature(DistributedDataParallel).parameters
    quiet = (
        "forward_sync_buffers" if "forward_sync_buffers" in names else "broadcast_buffers"
    )  # its name until torch 2.12
    static = plan.accumulate == 1 and not plan.unfreezing and plan.unfreeze_backward is None
    return {quiet: False, "gradient_as_bucket_view": True, "static_graph": static}


def _precision(plan: Plan, *, cuda: bool) -> Any:
    import torch

    kind = plan.precision
    if kind == "auto":
        kind = "bf16" if cuda and torch.cuda.is_bf16_supported() else "fp32"
    return {"fp32": "32-true", "bf16": "bf16-mixed", "fp16": "16-mixed"}[kind]
