"""PyTorch: the graph as the source of a standalone module, written as a careful person would write it."""

from __future__ import annotations

from netspec.backends.torch.source_file import module_paths, named_source, torch_source

__all__ = ["module_paths", "named_source", "torch_source"]
