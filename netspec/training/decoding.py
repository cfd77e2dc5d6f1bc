"""Sequences of labels that are read off a sequence of scores, as `loss ctc` trains them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from netspec.datasets.examples import IGNORED

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["decoded", "labels_in", "spelled"]

_FIRST = 0xE000
"""A letter for each label: code points that no text uses, so that error rates of texts can be taken of any labels."""


def decoded(scores: Tensor, blank: int) -> list[list[int]]:
    """The best path (Graves et al. 2006): the likeliest class of each token, repetitions as one, without blanks.

    scores (N, tokens, classes).
    """
    found = []
    for path in scores.argmax(-1).tolist():
        found.append([label for at, label in enumerate(path) if label != blank and (not at or path[at - 1] != label)])
    return found


def labels_in(padded: Tensor) -> list[list[int]]:
    """The labels of each row, without what fills it up."""
    return [[label for label in row if label != IGNORED] for row in padded.tolist()]


def spelled(sequences: Sequence[Sequence[int]]) -> list[str]:
    """Each sequence as a text with a letter for each label."""
    return ["".join(chr(_FIRST + label) for label in sequence) for sequence in sequences]
