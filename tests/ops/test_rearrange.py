"""rearrange and reduce against einops: the same values for random patterns, and an error wherever einops has one."""

from __future__ import annotations

import random
import warnings
from typing import Any

import einops
import numpy as np
import pytest
import torch

import netspec
from netspec.analysis.samples import sample_inputs

INPUTS = {
    "input 24": (24,),
    "input 8x12": (8, 12),
    "input 8x12x6": (8, 12, 6),
    "input 4x6x4x6": (4, 6, 4, 6),
    "input 12x8 sequence": (12, 8),
}


def random_pattern(draw: random.Random, shape: tuple[int, ...], *, reduces: bool) -> tuple[str, dict[str, int]] | None:
    """A pattern for a shape, and the sizes that it needs; at most four axes on the right, at least one."""
    names = iter("abcdefghijkl")
    left: list[list[str]] = []
    sizes: dict[str, int] = {}
    for size in shape:
        group = [next(names)]
        for divisor in (2, 3):
            if size % divisor == 0 and size > divisor and draw.random() < 0.4:
                name = next(names)
                group.insert(draw.randrange(len(group) + 1), name)
                sizes[name] = divisor
                size //= divisor
        left.append(group)
    axes = [name for group in left for name in group]
    kept = [name for name in axes if not reduces or draw.random() < 0.6] or axes[:1]
    draw.shuffle(kept)
    count = draw.randint(1, min(4, len(kept)))
    cuts = sorted(draw.sample(range(1, len(kept)), count - 1))
    right = [kept[a:b] for a, b in zip([0, *cuts], [*cuts, len(kept)], strict=True)]
    if len(right) < 4 and draw.random() < 0.2:
        right.insert(draw.randrange(len(right) + 1), [])
    return f"{_side(left)} -> {_side(right)}", sizes


def _side(groups: list[list[str]]) -> str:
    return " ".join(group[0] if len(group) == 1 else f"({' '.join(group)})" for group in groups)


def outputs(model: netspec.Model, x: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    with torch.no_grad():
        return model.to_torch()(torch.from_numpy(x)).numpy()  # type: ignore[no-any-return]


@pytest.mark.parametrize("seed", range(60))
def test_random_patterns_give_what_einops_gives(seed: int) -> None:
    draw = random.Random(seed)
    declared, shape = draw.choice(list(INPUTS.items()))
    reduces = bool(seed % 2)
    made = random_pattern(draw, shape, reduces=reduces)
    assert made is not None
    pattern, sizes = made
    how = draw.choice(["mean", "sum", "max", "min", "prod"]) if reduces else ""
    stated = "".join(f" {name}={size}" for name, size in sizes.items())
    model = netspec.loads(f'{declared}\n{"reduce" if reduces else "rearrange"} "{pattern}" {how}{stated}')
    x = np.random.default_rng(seed).standard_normal((2, *shape)).astype(np.float32)
    before, after = pattern.split(" -> ")
    batched = f"zz {before} -> zz {after}"
    expected = einops.reduce(x, batched, how, **sizes) if reduces else einops.rearrange(x, batched, **sizes)
    (output,) = model.outputs.values()
    assert (2, *output.shape) == expected.shape, pattern
    np.testing.assert_allclose(outputs(model, x), expected, rtol=1e-4, atol=1e-5)


def einops_refuses(operation: str, pattern: str, shape: tuple[int, ...], how: str, sizes: dict[str, int]) -> bool:
    """Whether einops raises for a pattern to which the batch is added."""
    before, arrow, after = pattern.partition("->")
    batched = f"zz {before} {arrow} zz {after}" if arrow else f"zz {before}"
    x = np.zeros((1, *shape), dtype=np.float32)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            if operation == "reduce":
                einops.reduce(x, batched, how, **sizes)
            else:
                einops.rearrange(x, batched, **sizes)
        except (einops.EinopsError, ValueError):
            return True
    return False


SYMBOLS = ["a", "b", "c", "h", "w", "(", ")", "->", "...", "1", "2", "3", "_a", ".", ",", "0", "2x"]


@pytest.mark.parametrize("seed", range(300))
def test_what_einops_refuses_is_refused_and_nothing_else(seed: int) -> None:
    """Random texts of the symbols of patterns: valid ones are few, so half of them are valid patterns with one change."""
    draw = random.Random(seed)
    operation, how = draw.choice([("rearrange", ""), ("reduce", "sum")])
    words = draw.choice(["c ( h a ) w -> ( h w ) ( a c )", "... ( a b ) -> b ( a ... )"]).split()
    place = draw.randrange(len(words))
    change = draw.randrange(4)
    if change == 0:
        del words[place]
    elif change == 1:
        words.insert(place, draw.choice(SYMBOLS))
    elif change == 2:
        words[place] = draw.choice(SYMBOLS)
    pattern = " ".join(words)
    sizes = {"a": draw.choice([2, 3, 5])} if draw.random() < 0.8 else {}
    stated = "".join(f" {name}={size}" for name, size in sizes.items())
    found = [d for d in netspec.check(f'input 4x6x5\n{operation} "{pattern}" {how}{stated}').diagnostics if d.is_error]
    ours_alone = any("the result has no axes" in d.message or "a result of" in d.message for d in found)
    assert ours_alone or bool(found) == einops_refuses(operation, pattern, (4, 6, 5), how, sizes), (pattern, found)
    for d in found:
        assert f"`{pattern}`" in d.message, "the message quotes the pattern"
        assert d.span is not None
        assert d.span.start >= len("input 4x6x5\n") + len(operation)


@pytest.mark.parametrize(
    ("layer", "text", "message"),
    [
        ('rearrange "c (h p) w -> h w (p c)" p=4', "(h p)", "a height of 30 by p = 4"),
        ('rearrange "c h w -> c (h v)"', "v", "axis `v` is on the right side only"),
        ('rearrange "c h w -> c h"', "w", "axis `w` is missing on the right side"),
        ('rearrange "b c h w -> b w c h"', "b c h w", "the left side has 4 axes, the input 3"),
        ('rearrange "c (h p) w -> h w (p c)"', "(h p)", "the sizes of `h` and `p` in `(h p)` are both unknown"),
        ('rearrange "c h w -> h w c" q=3', "q=3", "the pattern has no axis `q`"),
        ('rearrange "c h w -> h w c" h=3', "h", "`h` is h = 3, and the height is 30"),
        ('reduce "() h w -> h w" max', "()", "`()` is an axis of size 1, and the channels are 8"),
        ('reduce "c h w -> c" median', "median", "`median` is not one of mean, sum, max, min, prod"),
        ('rearrange "c h w -> c 1 h w 1"', "c 1 h w 1", "a result of 5 axes"),
        ('rearrange "c h w -> (c h) w" kind=vector', "kind=vector", "a vector has one axis, the result has 2: `(c h) w`"),
    ],
)  # fmt: skip
def test_an_error_points_into_the_pattern(layer: str, text: str, message: str) -> None:
    (found,) = (d for d in netspec.check(f"input 8x30x32\n{layer}").diagnostics if d.is_error)
    assert found.span is not None
    assert found.span.text == text
    assert message in found.message


@pytest.mark.parametrize(
    ("declared", "layer", "noun"),
    [
        ("input 8x4x6", '"c h w -> (h w) c"', "a sequence of 24x8 (tokens x features)"),
        ("input 8x4x6", '"(g c) h w -> (h w g) c" g=2', "a sequence of 48x4 (tokens x features)"),
        ("input 8x4x6", '"c h w -> c (h w)"', "a signal of 8x24"),
        ("input 8x4x6", '"c h w -> c (h w)" kind=sequence', "a sequence of 8x24 (tokens x features)"),
        ("input 9x8 sequence", '"t d -> t d" kind=map', "a signal of 9x8"),
        ("input 9x8 sequence", '"(h w) d -> d h w" h=3', "an image of 8x3x3"),
        ("input 24", '"(c h w) -> c h w" h=3 w=4', "an image of 2x3x4"),
        ("input 8x4x6", '"c h w -> (c h w)"', "a vector of 192"),
    ],
)
def test_the_kind_of_the_result_follows_from_the_pattern(declared: str, layer: str, noun: str) -> None:
    assert netspec.loads(f"{declared}\nrearrange {layer}").graph.nodes[-1].type.noun == noun


@pytest.mark.parametrize(
    "layer",
    [
        'rearrange "c (h p) (w q) -> (c p q) h w" p=2 q=2',
        'rearrange "(c p q) h w -> c (h p) (w q)" p=2 q=2',
        'reduce "c (h 2) (w 4) -> c h w" max',
        'reduce "c h w -> c () ()" mean',
        'rearrange "c h w -> w c h" -> rearrange "a b c -> b c a"',
    ],
)
def test_open_heights_and_widths_in_onnx(layer: str) -> None:
    """One model for other sizes than those that it was built at."""
    import onnxruntime

    text = "input 8x16x24\n" + layer
    model = netspec.loads(text)
    if "w c h" in layer:  # open channels are refused
        with pytest.raises(netspec.SpecError, match="NS506"):
            model.to_onnx(dynamic={"batch", "height", "width"})
        return
    proto = model.to_onnx(dynamic={"batch", "height", "width"})
    session = onnxruntime.InferenceSession(proto.SerializeToString(), providers=["CPUExecutionProvider"])
    other = netspec.loads("input 8x12x8\n" + layer)
    inputs = sample_inputs(other.graph, 3, 0)
    (found,) = session.run(None, inputs)
    np.testing.assert_allclose(found, outputs(other, next(iter(inputs.values()))), rtol=1e-5, atol=1e-6)


def test_the_source_follows_the_parameters_of_a_block() -> None:
    text = (
        'block patches(p) {\n  rearrange "c (h p) (w q) -> (c p q) h w" p=p q=p\n  conv1-(in.channels)\n}\n'
        "input 4x32x32\npatches(2)\npatches(4)"
    )
    source = netspec.loads(text).torch_source()
    assert ".unflatten(3, (-1, self.p)).unflatten(2, (-1, self.p))" in source


def test_receptive_fields_of_patterns() -> None:
    field = netspec.loads('input 3x32x32\nconv3-8 pad=1\nrearrange "c (h p) (w q) -> (c p q) h w" p=4 q=2').graph
    from netspec.analysis.fields import fields

    last = fields(field)[-1]
    assert last is not None
    assert [axis.size for axis in last] == [6, 4]
    assert [axis.stride for axis in last] == [4, 2]
