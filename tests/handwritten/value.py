"""A trained tensor as a module, so that the weights of a network are in the order in which it uses them."""

from __future__ import annotations

import torch
from torch import nn


class Value(nn.Module):
    def __init__(self, *sizes: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(sizes))
