"""Local contrast normalization, which is not a layer but the blocks of examples/lcn_blocks.net."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from agreement import largest_difference
from conftest import ROOT
from scipy.ndimage import uniform_filter

import netspec
from netspec.source import SourceFile

TEXT = 'use "lcn_blocks.net"\ninput 3x14x11\nlcn(3)\n'


def model() -> netspec.Model:
    return netspec.check(SourceFile(TEXT, "snippet.net", ROOT / "examples" / "snippet.net")).model()


def window(x: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """The mean of a 3x3 window inside of the image, twice."""
    for _ in range(2):
        inside = uniform_filter(np.ones_like(x), 3, mode="constant")
        x = uniform_filter(x, 3, mode="constant") / inside
    return x


def normalized(x: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """As Jarrett et al. write it (2009, section 2): v / max(mean of s, s), with s the deviation of v within the window."""
    v = x - window(x.mean(0))
    s = np.sqrt(window((v**2).mean(0)) + 1e-8)
    return v / np.maximum(s, s.mean())


def test_it_is_the_formula_of_the_paper() -> None:
    x = np.random.default_rng(0).random((3, 14, 11))
    module = model().to_torch().double()
    found = module(torch.from_numpy(x)[None])[0].numpy()
    assert np.allclose(found, normalized(x), atol=1e-10)
    assert largest_difference(model()) <= 1e-4


def test_brightness_and_contrast_of_the_image_do_not_matter() -> None:
    x = torch.rand(1, 3, 14, 11, dtype=torch.float64)
    module = model().to_torch().double()
    assert torch.allclose(module(5 * x - 2), module(x), atol=1e-4)
    assert torch.equal(module(torch.full_like(x, 0.25)), torch.zeros_like(x))
