"""Random streams that depend on a seed and a place and nothing else, so that every update can be repeated alone."""

from __future__ import annotations

__all__ = ["place_seed", "seed_update"]


def place_seed(*place: int) -> int:
    """A 63-bit seed for a place, such as (seed, update). Source: splitmix64 (Steele et al. 2014), chained."""
    state = 0x9E3779B97F4A7C15
    for part in place:
        state = (state ^ (part & 0xFFFFFFFFFFFFFFFF)) * 0xBF58476D1CE4E5B9 & 0xFFFFFFFFFFFFFFFF
        state = (state ^ state >> 27) * 0x94D049BB133111EB & 0xFFFFFFFFFFFFFFFF
        state ^= state >> 31
    return state >> 1


def seed_update(seed: int, step: int, *, cuda: bool) -> None:
    """Sets torch's generators for one update: dropout and noise draw from them.

    Alike in every process, each of which draws dropout for the whole batch (see processes.py).
    """
    import torch

    value = place_seed(seed, step)
    torch.default_generator.manual_seed(value)
    if cuda:
        torch.cuda.manual_seed(value)
