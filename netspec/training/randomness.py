"""Random streams that depend only on a seed and a position, so that every update can be repeated on its own."""

from __future__ import annotations

__all__ = ["place_seed", "seed_update"]


def place_seed(*place: int) -> int:
    """A 63-bit seed for a position, such as (seed, update). Source: splitmix64 (Steele et al. 2014), chained."""
    state = 0x9E3779B97F4A7C15
    for part in place:
        state = (state ^ (part & 0xFFFFFFFFFFFFFFFF)) * 0xBF58476D1CE4E5B9 & 0xFFFFFFFFFFFFFFFF
        state = (state ^ state >> 27) * 0x94D049BB133111EB & 0xFFFFFFFFFFFFFFFF
        state ^= state >> 31
    return state >> 1


def seed_update(seed: int, step: int, device: str) -> None:
    """Seeds torch's generators, used by dropout and noise, for one update on a cpu, cuda or mps device.

    All processes use the same seed, since each draws dropout for the whole batch (see processes.py).
    """
    import torch

    value = place_seed(seed, step)
    torch.default_generator.manual_seed(value)
    if device == "cuda":
        torch.cuda.manual_seed(value)
    elif device == "mps":
        torch.mps.manual_seed(value)
