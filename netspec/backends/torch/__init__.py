"""PyTorch: the graph as the source of a standalone module, written as a careful person would write it."""

from __future__ import annotations

from netspec.backends.torch.source import named_source, torch_source

__all__ = ["named_source", "torch_source"]
