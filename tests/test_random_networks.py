"""Random networks that the language allows: netspec, PyTorch, ONNX and a fourth opinion on shapes agree on each.

The strategy below writes a spec step by step, choosing among the layers that fit the tensor at hand. It knows the
shapes by formulas of its own (after Dumoulin & Visin 2016, and PyTorch's documentation), not by asking netspec.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import lru_cache
from math import prod
from typing import Any, NamedTuple

import onnx
import onnxruntime
import pytest
import torch
from agreement import assert_agreement, random_state
from conftest import explored
from hypothesis import given
from hypothesis import strategies as st

import netspec
from netspec import Model, SpecError
from netspec.analysis.samples import sample_inputs

pytestmark = pytest.mark.slow


class Kind(NamedTuple):
    """A tensor as the strategy knows it: a map, a sequence or a vector."""

    layout: str
    features: int
    spatial: tuple[int, ...] = ()

    @property
    def shape(self) -> tuple[int, ...]:
        return (*self.spatial, self.features) if self.layout == "sequence" else (self.features, *self.spatial)

    @property
    def rank(self) -> int:
        return len(self.spatial)

    @property
    def size(self) -> int:
        return prod(self.shape)

    def wide(self, features: int) -> Kind:
        return self._replace(features=features)

    def sized(self, spatial: tuple[int, ...], features: int | None = None) -> Kind:
        return Kind(self.layout, self.features if features is None else features, spatial)

    @property
    def declared(self) -> str:
        return "x".join(map(str, self.shape)) + (" sequence" if self.layout == "sequence" else "")

    @property
    def modest(self) -> bool:
        return self.size <= 2500 and self.features <= 60 and all(w <= 40 for w in self.spatial)


Grown = tuple[str, Kind]
LAYERS: dict[str, list[Callable[[Writer, Kind], Grown | None]]] = {"map": [], "sequence": [], "vector": []}


def grows(*layouts: str) -> Callable[[Any], Any]:
    """Enters a function that writes a layer behind such a tensor; it returns None where it cannot."""

    def enter(function: Callable[[Writer, Kind], Grown | None]) -> Callable[[Writer, Kind], Grown | None]:
        for layout in layouts:
            LAYERS[layout].append(function)
        return function

    return enter


@lru_cache
def integers(low: int, high: int) -> st.SearchStrategy[int]:
    return st.integers(low, high)


def divisors(n: int) -> list[int]:
    return [d for d in range(1, n + 1) if n % d == 0]


def times(sizes: tuple[int, ...]) -> str:
    return "x".join(map(str, sizes))


class Window(NamedTuple):
    """A window on the spatial axes: what is written, and what follows from it."""

    kernel: tuple[int, ...]
    stride: tuple[int, ...]
    dilation: tuple[int, ...]
    pad: str
    before: tuple[int, ...]
    after: tuple[int, ...]

    @property
    def extent(self) -> tuple[int, ...]:
        return tuple(d * (k - 1) + 1 for k, d in zip(self.kernel, self.dilation, strict=True))


class Writer:
    """Writes one spec. `net` holds the lines before the first layer: parameters, blocks, shared weights, inputs."""

    def __init__(self, draw: Any) -> None:
        self.draw = draw
        self.preamble: list[str] = []
        self.blocks: list[tuple[str, Kind, Kind]] = []
        self.parameter = self.integer(1, 4)
        self.counts: dict[str, int] = {}
        self.pad_by_default = False

    # Choices

    def integer(self, low: int, high: int) -> int:
        return self.draw(integers(low, high)) if high > low else low

    def pick(self, items: Any) -> Any:
        return items[self.integer(0, len(items) - 1)]

    def chance(self, percent: int) -> bool:
        return self.integer(0, 99) >= 100 - percent  # shrinks to no

    def fresh(self, stem: str) -> str:
        self.counts[stem] = self.counts.get(stem, 0) + 1
        return f"{stem}_{self.counts[stem]}"

    def number(self, value: int, x: Kind) -> str:
        """A number as it stands in a slot: itself, or an expression of the net's parameter or of the tensor here."""
        if not self.chance(25):
            return str(value)
        how = self.integer(0, 2)
        if how == 0:
            return f"(min({value}, {value + 5}))"
        other, name = (x.features, "here.features") if how == 1 else (self.parameter, "p")
        return f"({name} + {value - other})" if value >= other else f"({name} - {other - value})"

    def group_norm(self, x: Kind, form: str) -> list[str]:
        """A group normalisation, if there is one: each of its groups has two values or more to standardise."""
        fitting = [g for g in divisors(x.features) if x.size > g]
        return [form.format(self.pick(fitting))] if fitting else []

    # Windows

    def window(self, x: Kind, *, dilated: bool = True, pooling: bool = False) -> Window:
        each = x.layout == "map" and x.rank > 1 and self.chance(30)

        def sizes(low: int, high: int) -> tuple[int, ...]:
            return tuple(self.integer(low, high) for _ in x.spatial) if each else (self.integer(low, high),) * x.rank

        kernel, stride = sizes(1, 4), sizes(1, 3)
        dilation = sizes(1, 2) if dilated and self.chance(25) else (1,) * x.rank
        window = Window(kernel, stride, dilation, "", (0,) * x.rank, (0,) * x.rank)
        if not pooling or set(dilation) == {1}:  # every tap of a dilated window may stand in the padding
            window = self.padded(x, window, pooling)
        if min(slid(x, window)) < 1:  # a window of 1 always fits
            ones = (1,) * x.rank
            window = Window(ones, stride, ones, "pad=0" if self.pad_by_default else "", (0,) * x.rank, (0,) * x.rank)
        return window

    def padded(self, x: Kind, window: Window, pooling: bool) -> Window:
        rule = self.pick(["", "number", "each", "ends", "same", "same_upper", "same_lower"])
        extent = window.extent
        most = [min(3, e - 1) if pooling else 3 for e in extent]  # a window must not lie in the padding altogether
        if rule == "same" and any(e % 2 == 0 for e in extent):
            rule = "same_upper"
        if rule == "number":
            before = after = (self.integer(0, min(most)),) * x.rank
            text = f"pad={before[0]}"
        elif rule == "each" and x.layout == "map" and x.rank > 1:
            before = after = tuple(self.integer(0, m) for m in most)
            text = f"pad={times(before)}"
        elif rule == "ends":
            before, after = (tuple(self.integer(0, m) for m in most) for _ in range(2))
            text = f"pad=({', '.join(map(str, (*before, *after)))})"
        elif rule == "same":
            before = after = tuple((e - 1) // 2 for e in extent)
            text = "pad=same"
        elif rule in ("same_upper", "same_lower"):
            whole = [
                max((-(-w // s) - 1) * s + e - w, 0) for w, s, e in zip(x.spatial, window.stride, extent, strict=True)
            ]
            before, after = tuple(p // 2 for p in whole), tuple(p - p // 2 for p in whole)
            if rule == "same_lower":
                before, after = after, before
            text = f"pad={rule}"
        else:
            return window._replace(pad="pad=0" if self.pad_by_default else "")
        return window._replace(pad=text, before=before, after=after)

    def head(self, name: str, window: Window, width: str = "") -> str:
        """`conv3x2-8/2`, with padding and dilation behind it."""
        kernel, stride = (str(v[0]) if len(set(v)) == 1 else times(v) for v in (window.kernel, window.stride))
        text = f"{name}{kernel}{f'-{width}' if width else ''}"
        if set(window.stride) != {1} or name.endswith("pool"):
            text += f"/{stride}"
        if set(window.dilation) != {1}:
            dilation = window.dilation[0] if len(set(window.dilation)) == 1 else times(window.dilation)
            text += f" dilation={dilation}"
        return f"{text} {window.pad}".rstrip()

    def behind(self, y: Kind) -> Grown:
        """Options that put a normalisation, an activation or no bias behind a layer with weights."""
        text = ""
        if self.chance(15):
            text += " bias=no"
        if self.chance(20):
            norms = ["bn", "ln", "bn(eps=1e-3)", "none", *self.group_norm(y, "gn({})")]
            if y.rank and prod(y.spatial) > 1:
                norms.append("instancenorm")
            text += f" norm={self.pick(norms)}"
        if self.chance(30):
            acts = ["relu", "tanh", "leaky_relu(0.1)", "gelu", "prelu", "softmax", "none"]
            acts += ["glu", "maxout(2)"] if y.features % 2 == 0 else []
            act = self.pick(acts)
            text += f" act={act}"
            if act in ("glu", "maxout(2)"):
                y = y.wide(y.features // 2)
        return text, y

    # Chains of steps

    def layer(self, x: Kind) -> Grown:
        grown = self.pick(LAYERS[x.layout])(self, x)
        return grown if grown is not None and grown[1].modest else ("relu", x)

    def chain(self, x: Kind, steps: int, depth: int, labels: dict[str, Kind], *, flat: bool = False) -> Grown:
        """Steps behind one another; `flat` where a line must not end."""
        texts = []
        for _ in range(steps):
            text, x = self.step(x, depth, labels)
            texts.append(text)
        if not texts:
            return "identity", x
        between = " -> " if flat else self.pick([" -> ", "\n", "; "])
        return between.join(texts), x

    def step(self, x: Kind, depth: int, labels: dict[str, Kind]) -> Grown:
        several = False
        if depth == 0 or not self.chance(40):
            text, y = self.layer(x)
        else:
            structure = self.pick(STRUCTURES)
            text, y = structure(self, x, depth - 1, labels)
            several = structure in SEVERAL_STEPS
        if self.chance(10):
            label = self.fresh("l")
            labels[label] = y
            text = f"{label}: {{ {text} }}" if several else f"{label}: {text}"
        return text, y

    def braced(self, x: Kind, depth: int, labels: dict[str, Kind], most: int = 3) -> Grown:
        """`{ … }`: what is labelled inside stays inside."""
        text, y = self.chain(x, self.integer(1, most), depth, dict(labels))
        return f"{{ {text} }}", y

    def same(self, x: Kind) -> str:
        """A layer that leaves the type as it is."""
        texts = ["relu", "bn", "ln", "tanh", "dropout 0.2", "scale", "identity", "l2norm", "elu 0.5", "prelu"]
        texts += [f"linear-{x.features}", *self.group_norm(x, "gn {}")]
        texts += [f"channel_shuffle {self.pick(divisors(x.features))}"]
        if x.rank:
            pad = " pad=same"
            groups = f" groups={self.pick(divisors(x.features))}"
            texts += [f"conv3-{x.features}{pad}{groups}", f"dwconv3{pad}", f"sepconv3-{x.features}{pad}"]
        if x.layout == "map":
            texts += ["LRN 3", "dropout2d 0.1"]
        if x.layout == "sequence":
            texts += ["pos_embed", f"attention heads={self.pick(divisors(x.features))}"]
        return self.pick(texts)

    def fitted(self, x: Kind, y: Kind) -> str | None:
        """A layer or two that make a tensor x into one like y; None where there is no plain way."""
        if x == y:
            return "identity"
        if y.layout == "vector":
            return f"FC-{y.features}"
        if (x.layout, x.spatial) == (y.layout, y.spatial):
            return f"linear-{y.features}"
        if x.layout == y.layout and x.rank == y.rank:
            sizes = times(y.spatial)
            return f"resize {sizes} -> linear-{y.features}"
        return None


def slid(x: Kind, window: Window, *, ceil: bool = False) -> tuple[int, ...]:
    """Dumoulin & Visin 2016, relationship 15."""
    sizes = []
    for w, e, s, b, a in zip(x.spatial, window.extent, window.stride, window.before, window.after, strict=True):
        room = w + b + a - e
        size = (-(-room // s) if ceil else room // s) + 1
        if ceil and size > 1 and (size - 1) * s >= w + b:
            size -= 1  # PyTorch: the last window starts inside the input or the padding in front of it
        sizes.append(size)
    return tuple(sizes)


# Layers with weights


@grows("map", "sequence")
@grows("map", "sequence")
def conv(w: Writer, x: Kind) -> Grown | None:
    window = w.window(x)
    width = w.integer(1, 8)
    extra = ""
    if w.chance(25):
        groups = w.pick(divisors(x.features))
        width = groups * w.integer(1, 2)
        extra = f" groups={groups}"
    elif w.chance(5):
        rows = [
            sorted({w.integer(0, x.features - 1) for _ in range(w.integer(1, min(3, x.features)))})
            for _ in range(width)
        ]
        extra = f" connections={rows}"
    y = x.sized(slid(x, window), width)
    options, z = w.behind(y)
    return w.head("conv", window, w.number(width, x)) + extra + options, z


@grows("map", "sequence")
def dwconv(w: Writer, x: Kind) -> Grown | None:
    window = w.window(x)
    width = x.features * w.integer(1, 2)
    options, y = w.behind(x.sized(slid(x, window), width))
    return w.head("dwconv", window, str(width) if width != x.features or w.chance(50) else "") + options, y


@grows("map", "sequence")
def sepconv(w: Writer, x: Kind) -> Grown | None:
    window, width = w.window(x), w.integer(1, 8)
    options, y = w.behind(x.sized(slid(x, window), width))
    return w.head("sepconv", window, str(width)) + options, y


@grows("map", "sequence")
def localconv(w: Writer, x: Kind) -> Grown | None:
    window, width = w.window(x, dilated=False), w.integer(1, 3)
    options, y = w.behind(x.sized(slid(x, window), width))
    return w.head("localconv", window, str(width)) + options, y


@grows("map", "sequence")
def conv_transposed(w: Writer, x: Kind) -> Grown | None:
    window = w.window(x)
    extra = w.integer(0, min(window.stride) - 1) if w.chance(40) else 0
    full = [(n - 1) * s + e + extra for n, s, e in zip(x.spatial, window.stride, window.extent, strict=True)]
    if window.pad.startswith("pad=same_"):
        if any(f < n * s for f, n, s in zip(full, x.spatial, window.stride, strict=True)):
            return None
        sizes = tuple(n * s for n, s in zip(x.spatial, window.stride, strict=True))
    else:
        sizes = tuple(f - b - a for f, b, a in zip(full, window.before, window.after, strict=True))
    if min(sizes) < 1:
        return None
    groups, text = 1, w.head("convT", window, "{width}")
    width = w.integer(1, 6)
    if w.chance(20):
        groups = w.pick(divisors(x.features))
        width = groups * w.integer(1, 2)
        text += f" groups={groups}"
    if extra:
        text += f" output_pad={extra}"
    options, y = w.behind(x.sized(sizes, width))
    return text.format(width=w.number(width, x)) + options, y


@grows("map", "sequence", "vector", "vector")
def linear(w: Writer, x: Kind) -> Grown | None:
    width = w.integer(1, 12)
    options, y = w.behind(x.wide(width))
    return f"linear-{w.number(width, x)}{options}", y


@grows("map", "sequence", "vector")
def fully_connected(w: Writer, x: Kind) -> Grown | None:
    width = w.integer(1, 24)
    options, y = w.behind(Kind("vector", width))
    return f"FC-{w.number(width, x)}{options}", y


@grows("map", "sequence", "vector")
def tied(w: Writer, x: Kind) -> Grown | None:
    """There and back with one matrix."""
    label = w.fresh("t")
    return f"{{ {label}: FC-{w.integer(1, 9)} -> tanh -> FC-{x.size} tie={label} }}", Kind("vector", x.size)


@grows("sequence")
@grows("sequence")
def attention(w: Writer, x: Kind) -> Grown | None:
    options = (" causal=yes" if w.chance(30) else "") + (" bias=no" if w.chance(20) else "")
    return f"attention heads={w.pick(divisors(x.features))}{options}", x


@grows("sequence")
@grows("sequence")
def recurrent(w: Writer, x: Kind) -> Grown | None:
    width, both = w.integer(1, 6), w.chance(30)
    options = " bidirectional=yes" if both else ""
    options += (f" layers={w.integer(1, 2)}" if w.chance(20) else "") + (" bias=no" if w.chance(15) else "")
    return f"{w.pick(['rnn', 'lstm', 'gru'])}-{width}{options}", x.wide(width * (2 if both else 1))


@grows("sequence")
def token_embedding(w: Writer, x: Kind) -> Grown | None:
    if w.chance(50):
        return "pos_embed", x
    return "cls_token", x.sized((x.spatial[0] + 1,))


# Pooling


@grows("map", "sequence")
@grows("map", "sequence")
def pooling(w: Writer, x: Kind) -> Grown | None:
    name = w.pick(["maxpool", "avgpool", "lppool"])
    window = w.window(x, dilated=name == "maxpool", pooling=True)
    ceil = name != "lppool" and w.chance(30)
    text = w.head(name, window)
    if ceil:
        text += " round=ceil"
    if name == "avgpool" and w.chance(30):
        text += " count_pad=no"
    if name == "lppool":
        text += f" p={w.integer(1, 3)}"
    return text, x.sized(slid(x, window, ceil=ceil))


@grows("map", "sequence")
def pooling_to_a_size(w: Writer, x: Kind) -> Grown | None:
    name = w.pick(["gap", "gmp", "adaptive_avgpool", "adaptive_maxpool", "maxpool", "subsample"])
    if name in ("gap", "gmp"):
        return name, x.sized((1,) * x.rank)
    if name in ("maxpool", "subsample"):
        if min(x.spatial) < 2:
            return None
        return name, x.sized(tuple(n // 2 for n in x.spatial))
    sizes = tuple(w.integer(1, 6) for _ in x.spatial)
    return f"{name} {times(sizes)}", x.sized(sizes)


# One value at a time, or along the features

ACTIVATIONS = [
    "relu", "relu6", "leaky_relu 0.1", "prelu", "prelu shared=yes", "elu", "elu 0.5", "selu", "celu", "gelu", "gelu approximate=tanh",
    "silu", "mish", "sigmoid", "tanh", "hardsigmoid", "hardswish", "hardtanh low=-0.5 high=2", "softplus", "softsign", "softmax", "log_softmax",
]  # fmt: skip


@grows("map", "sequence", "vector")
@grows("map", "sequence", "vector")
def activation(w: Writer, x: Kind) -> Grown | None:
    return w.pick(ACTIVATIONS), x


@grows("map", "sequence", "vector")
def narrowing(w: Writer, x: Kind) -> Grown | None:
    n = w.pick(divisors(x.features))
    if n == 2 and w.chance(50):
        return "glu", x.wide(x.features // 2)
    if w.chance(50):
        return f"chunk({w.integer(0, n - 1)}, {n})", x.wide(x.features // n)
    return f"maxout {n}", x.wide(x.features // n)


@grows("map", "sequence", "vector")
@grows("map", "sequence", "vector")
def normalisation(w: Writer, x: Kind) -> Grown | None:
    names = [
        "bn",
        "bn affine=no",
        "ln",
        "ln eps=1e-3",
        "l2norm",
        "scale",
        "scale 0.3 bias=yes",
        "normalize channel",
        "normalize image",
        *w.group_norm(x, "gn {}"),
    ]
    names += ["normalize mean=0.5 std=2", f"normalize mean={tuple(range(x.features))} std=3"] if x.features > 1 else []
    if x.size <= 500:
        names.append("normalize zca")
    if x.rank and prod(x.spatial) > 1:
        names += ["instancenorm", "instancenorm affine=yes"]
    if x.layout == "map":
        names += ["LRN", "LRN 3 alpha=0.1 beta=0.5 k=1"]
    return w.pick(names), x


@grows("map", "sequence", "vector")
def only_in_training(w: Writer, x: Kind) -> Grown | None:
    return w.pick(["dropout 0.3", "droppath 0.2", "noise 0.1", "identity", "dropout"]), x


# Shapes


@grows("map", "sequence", "vector")
def reshape(w: Writer, x: Kind) -> Grown | None:
    if w.chance(20):
        return "flatten", Kind("vector", x.size)
    sizes: list[int] = []
    rest = x.size
    for _ in range(w.integer(0, 3)):
        sizes.append(w.pick(divisors(rest)))
        rest //= sizes[-1]
    sizes.append(rest)
    y = Kind("map", sizes[0], tuple(sizes[1:])) if len(sizes) > 1 else Kind("vector", rest)
    return f"reshape {times(tuple(sizes))}", y


@grows("map", "sequence")
def permute(w: Writer, x: Kind) -> Grown | None:
    rest, order = list(range(x.rank + 1)), []
    while rest:
        order.append(rest.pop(w.integer(0, len(rest) - 1)))
    shape = [x.shape[i] for i in order]
    y = Kind("map", shape[0], tuple(shape[1:])) if x.layout == "map" else Kind("sequence", shape[1], (shape[0],))
    return f"permute({', '.join(map(str, order))})", y


@grows("map", "sequence", "vector")
def pad(w: Writer, x: Kind) -> Grown | None:
    front, back = w.integer(0, 2), w.integer(0, 2)
    if x.layout == "vector":
        return f"pad channels=({front}, {back}) value=0.5", x.wide(x.features + front + back)
    mode = w.pick(["constant", "reflect", "replicate"])
    most = [min(2, n - 1) if mode == "reflect" else 2 for n in x.spatial]
    before = tuple(w.integer(0, m) for m in most)
    after = tuple(w.integer(0, m) for m in most)
    text = f"pad({', '.join(map(str, (*before, *after)))})"
    if w.chance(30):
        before = after = (w.integer(0, min(most)),) * x.rank
        text = f"pad {before[0]}"
    y = x.sized(tuple(n + b + a for n, b, a in zip(x.spatial, before, after, strict=True)))
    if mode == "constant":
        if w.chance(30):
            return f"{text} channels=({front}, {back})", y.wide(x.features + front + back)
        return text + (" value=-1.5" if w.chance(30) else ""), y
    return f"{text} mode={mode}", y


@grows("map", "sequence")
def crop(w: Writer, x: Kind) -> Grown | None:
    if x.layout == "map" and x.rank > 1 and w.chance(50):
        sizes = tuple(w.integer(1, n) for n in x.spatial)
        return f"crop {times(sizes)}", x.sized(sizes)
    n = w.integer(0, (min(x.spatial) - 1) // 2)
    return f"crop {n}", x.sized(tuple(s - 2 * n for s in x.spatial))


@grows("map", "sequence")
def resample(w: Writer, x: Kind) -> Grown | None:
    mode = w.pick(["", " mode=bilinear", " mode=nearest"])
    if w.chance(50):
        factors = tuple(w.integer(1, 3) for _ in x.spatial)
        sizes = tuple(n * f for n, f in zip(x.spatial, factors, strict=True))
        return f"upsample {times(factors)}{mode}", x.sized(sizes)
    sizes = tuple(w.integer(1, 9) for _ in x.spatial)
    return f"resize {times(sizes)}{mode}", x.sized(sizes)


@grows("map", "sequence", "vector")
def parts(w: Writer, x: Kind) -> Grown | None:
    axes = {"map": {1: ["length"], 2: ["height", "width"], 3: ["depth", "height", "width"]}.get(x.rank, [])}
    names = ["channels", *axes.get(x.layout, ["tokens"] if x.layout == "sequence" else [])]
    axis = w.integer(0, len(names) - 1)
    size = x.features if axis == 0 else x.spatial[axis - 1]
    start = w.integer(0, size - 1)
    stop = w.integer(start + 1, size)
    text = f"slice({start}, {stop})" + (f" axis={names[axis]}" if axis else "")
    if axis == 0:
        return text, x.wide(stop - start)
    spatial = list(x.spatial)
    spatial[axis - 1] = stop - start
    return text, x.sized(tuple(spatial))


@grows("map", "sequence", "vector")
def shuffle(w: Writer, x: Kind) -> Grown | None:
    if x.layout == "map" and x.rank == 2 and x.features % 4 == 0 and w.chance(70):
        return "pixel_shuffle 2", x.sized((2 * x.spatial[0], 2 * x.spatial[1]), x.features // 4)
    return f"channel_shuffle {w.pick(divisors(x.features))}", x


@grows("map")
def to_tokens(w: Writer, x: Kind) -> Grown | None:
    return "tokens", Kind("sequence", x.features, (prod(x.spatial),))


@grows("sequence")
def from_tokens(w: Writer, x: Kind) -> Grown | None:
    (tokens,) = x.spatial
    if w.chance(40):
        i = w.integer(-tokens, tokens - 1)
        return (f"take {i}" if i >= 0 else f"take({i})"), Kind("vector", x.features)
    sizes = []
    for _ in range(w.integer(0, 2)):
        sizes.append(w.pick(divisors(tokens)))
        tokens //= sizes[-1]
    sizes.append(tokens)
    return f"image {times(tuple(sizes))}", Kind("map", x.features, tuple(sizes))


# Structures

Structure = Callable[[Writer, Kind, int, dict[str, Kind]], Grown]


def residual(w: Writer, x: Kind, depth: int, labels: dict[str, Kind]) -> Grown:
    option = "droppath=0.2 " if w.chance(15) else ""
    body, y = w.braced(x, depth, labels)
    if w.chance(40):
        body, y = f"{{ {w.same(x)} -> {w.same(x)} }}", x
    if y == x:
        return f"residual {option}{body}", y
    shortcut = w.fitted(x, y)
    if shortcut is None or w.chance(20):
        return f"residual {option}{body} else none", y
    return f"residual {option}{body} else {{ {shortcut} }}", y


def branches(w: Writer, x: Kind, depth: int, labels: dict[str, Kind]) -> tuple[list[str], list[Kind]]:
    texts, kinds = [], []
    for _ in range(w.integer(1, 3)):
        start, prefix = x, ""
        if labels and w.chance(30):
            label = w.pick(sorted(labels))
            start, prefix = labels[label], f"from {label} -> "
        text, y = w.chain(start, w.integer(0, 2), depth, dict(labels), flat=True)
        if not prefix and text.startswith(("repeat ", "for ", "if ")):
            text = f"{{ {text} }}"  # a loop that alone is a branch makes branches
        texts.append(prefix + text)
        kinds.append(y)
    return texts, kinds


def concat(w: Writer, x: Kind, depth: int, labels: dict[str, Kind]) -> Grown:
    texts, kinds = branches(w, x, depth, labels)
    first = kinds[0]
    fitting = [w.fitted(y, first.wide(y.features)) for y in kinds]
    if any(f is None for f in fitting):
        fitting = [f"FC-{w.integer(1, 8)}" for _ in kinds]
        kinds = [Kind("vector", int(f.removeprefix("FC-"))) for f in fitting if f]
        first = kinds[0]
    whole = [t if f == "identity" else f"{t} -> {f}" for t, f in zip(texts, fitting, strict=True)]
    between = w.pick(["; ", "\n"])
    if first.layout == "sequence" and all(k.features == first.features for k in kinds) and w.chance(60):
        y = first.sized((first.spatial[0] * len(kinds),))
        return f"concat axis=tokens [ {between.join(whole)} ]", y
    return f"concat [ {between.join(whole)} ]", first.wide(sum(y.features for y in kinds))


def add_or_multiply(w: Writer, x: Kind, depth: int, labels: dict[str, Kind]) -> Grown:
    texts, kinds = branches(w, x, depth, labels)
    first = kinds[0]
    fitting = [w.fitted(y, first) for y in kinds]
    if any(f is None for f in fitting):
        fitting, first = ["FC-6" for _ in kinds], Kind("vector", 6)
    whole = [t if f == "identity" else f"{t} -> {f}" for t, f in zip(texts, fitting, strict=True)]
    if first.layout == "map" and w.chance(30):
        whole.append(f"{whole[-1]} -> gap -> sigmoid")  # Cx1x1 is spread over the map
    between = w.pick(["; ", "\n"])
    return f"{w.pick(['add', 'mul'])} [ {between.join(whole)} ]", first


def dense(w: Writer, x: Kind, depth: int, labels: dict[str, Kind]) -> Grown:
    body, y = w.chain(x, w.integer(1, 2), depth, dict(labels))
    fitted = w.fitted(y, x.wide(y.features))
    if fitted is None or (y.layout == "vector" and x.layout != "vector"):
        body, y = w.same(x), x
    elif fitted != "identity":
        body = f"{body} -> {fitted}"
    return f"dense {{ {body} }}", x.wide(x.features + y.features)


def copies(w: Writer, x: Kind, depth: int, labels: dict[str, Kind]) -> Grown:
    count = w.integer(0, 3)
    how = f"x{count}" if w.chance(60) else f"x(p - {w.parameter - count})"
    if w.chance(50):
        return f"{w.same(x)} {how}", x
    inner = f"{w.fresh('c')}: " if w.chance(40) else ""
    return f"{{ {inner}{w.same(x)} -> {w.same(x)} }} {how}", x


def repeat(w: Writer, x: Kind, depth: int, labels: dict[str, Kind]) -> Grown:
    count = w.integer(0, 3)
    if w.chance(50):
        return f"repeat {count} {{ {w.same(x)}; {w.same(x)} }}", x
    name, low = w.fresh("i"), w.integer(1, 5)
    y = x.wide(low + count - 1) if count else x
    return f"repeat {count} as {name} {{ linear-({low} + {name}) -> relu }}", y


def loop(w: Writer, x: Kind, depth: int, labels: dict[str, Kind]) -> Grown:
    widths = [w.integer(1, 8) for _ in range(w.integer(1, 3))]
    name = w.fresh("w")
    if not x.rank or w.chance(40):
        return f"for {name} in {widths} {{ linear-{name} act=tanh }}", x.wide(widths[-1])
    strides = [w.integer(1, 2) for _ in widths]
    step = w.fresh("s")
    spatial = x.spatial
    for s in strides:
        spatial = tuple((n - 1) // s + 1 for n in spatial)
    pairs = list(zip(widths, strides, strict=True))
    return f"for {name}, {step} in {pairs} {{ conv3-{name}/{step} pad=1 -> relu }}", x.sized(spatial, widths[-1])


def conditional(w: Writer, x: Kind, depth: int, labels: dict[str, Kind]) -> Grown:
    bound = w.integer(1, 4)
    condition, holds = w.pick(
        [
            (f"p > {bound}", w.parameter > bound),
            (f"p == {bound} or no", w.parameter == bound),
            (f"here.features % 2 == 0 and not p < {bound}", x.features % 2 == 0 and w.parameter >= bound),
        ]
    )
    first, y = w.braced(x, depth, labels, 2)
    if not w.chance(60):
        return f"if {condition} {first}", y if holds else x
    second, z = w.braced(x, depth, labels, 2)
    return f"if {condition} {first} else {second}", y if holds else z


def group(w: Writer, x: Kind, depth: int, labels: dict[str, Kind]) -> Grown:
    return w.braced(x, depth, labels)


def block(w: Writer, x: Kind, depth: int, labels: dict[str, Kind]) -> Grown:
    """A call of a block for such a tensor, of an earlier one where there is one; the block is declared on the way."""
    earlier = [(name, y) for name, start, y in w.blocks if start == x]
    if earlier and w.chance(70):
        call, y = w.pick(earlier)
    else:
        name = w.fresh("b")
        width = w.integer(1, 6)
        body, y = w.chain(x, w.integer(1, 3), depth, {})
        if w.chance(50):
            text = f"block {name}(n, extra = {width}) {{ {body}\n linear-(n + extra) }}"
            call, y = f"{name}({width})", y.wide(2 * width)
        else:
            text, call = f"block {name} {{ {body} }}", name
        w.preamble.append(text)
        w.blocks.append((call, x, y))
    if y == x and w.chance(40):
        return f"{call} x{w.integer(1, 2)}", y
    return call, y


def shared(w: Writer, x: Kind, depth: int, labels: dict[str, Kind]) -> Grown:
    """The same weights twice, or one after the other."""
    name = w.fresh("shared")
    body, y = w.chain(x, w.integer(1, 3), depth, {})
    w.preamble.append(f"shared {name} {{ {body} }}")
    w.blocks.append((name, x, y))
    if y == x and w.chance(50):
        return f"{name} -> tanh -> {name}()", y
    return f"add [ {name}; {w.same(x)} -> {name}() ]", y


def back_to_a_label(w: Writer, x: Kind, depth: int, labels: dict[str, Kind]) -> Grown:
    if not labels:
        return "identity", x
    label = w.pick(sorted(labels))
    text, y = w.chain(labels[label], w.integer(1, 2), 0, labels, flat=True)
    return f"from {label} -> {text}", y


STRUCTURES: list[Structure] = [
    residual, residual, concat, concat, add_or_multiply, add_or_multiply, dense, copies, repeat, loop, conditional, group,
    block, block, shared, back_to_a_label,
]  # fmt: skip
SEVERAL_STEPS = (shared, back_to_a_label)


class Network(NamedTuple):
    """A spec, and the shapes of its outputs as the strategy sees them."""

    text: str
    outputs: list[tuple[int, ...]]


def first_tensor(w: Writer) -> Kind:
    layout = w.pick(["map", "map", "sequence", "vector"])
    if layout == "vector":
        return Kind("vector", w.integer(1, 24))
    if layout == "sequence":
        return Kind("sequence", w.integer(1, 12), (w.integer(1, 9),))
    rank = w.pick([2, 2, 1, 3])
    return Kind("map", w.integer(1, 6), tuple(w.integer(1, {1: 16, 2: 10, 3: 6}[rank]) for _ in range(rank)))


@st.composite
def networks(draw: Any, most: int = 7) -> Network:
    w = Writer(draw)
    w.preamble.append(f"net Random(p = {w.parameter})")
    if w.chance(20):
        w.pad_by_default = w.chance(50)
        options = " pad=same" if w.pad_by_default else ""
        options += w.pick([" act=relu", " norm=bn", " bias=no", " norm=bn act=leaky_relu(0.2)"])
        w.preamble.append(f"default conv, dwconv{options}")
    x = first_tensor(w)
    labels: dict[str, Kind] = {}
    start = ""
    if w.chance(10):
        y = first_tensor(w)
        lines = [f"input left {x.declared}", f"input right {y.declared}"]
        fitted = w.fitted(y, x)
        if fitted is None:
            start = "add [ from left -> FC-5; from right -> FC-5 ]"
            labels, x = {"left": x, "right": y}, Kind("vector", 5)
        else:
            start = f"mul [ from left; from right -> {fitted} ]"
            labels = {"left": x, "right": y}
    elif x.layout == "sequence" and w.chance(30):
        lines = [f"input ids {x.spatial[0]} int"]
        start = f"embed-{x.features} vocab={w.integer(1, 12)}"
    else:
        lines = [f"input {x.declared}"]
    text, x = w.layer(x)  # a net of nothing but copies that run zero times has no layers
    body: list[str] = [start, text] if start else [text]
    outputs: list[tuple[int, ...]] = []
    for _ in range(w.integer(1, most)):
        text, x = w.step(x, 2, labels)
        body.append(text)
        if w.chance(5):
            body.append(f"output {w.fresh('out')}")
            outputs.append(x.shape)
        if w.chance(5):
            side, _ = w.chain(x, w.integer(1, 2), 1, dict(labels))
            body.append(f"aux weight=0.3 {{ {side} -> FC-3 }}")
    if outputs:
        body.append("identity\noutput last")
    outputs.append(x.shape)
    return Network("\n".join([*w.preamble, *lines, *body]) + "\n", outputs)


def check(network: Network) -> Model:
    """The spec is accepted, and netspec's shapes are the strategy's."""
    model = netspec.loads(network.text)
    assert [kind.shape for kind in model.outputs.values()] == network.outputs
    return model


@pytest.fixture(scope="module", autouse=True)
def _one_thread() -> Iterator[None]:
    """Tensors as small as these lose time to a second thread."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@explored(400)  # as many again, from another stream, are among what three parties agree on
@given(networks())
def test_shapes_are_the_expected_and_parameters_are_pytorchs(network: Network) -> None:
    model = check(network)
    with torch.device("meta"):
        module = model.to_torch()
    total = model.totals
    assert sum(p.numel() for p in module.parameters()) == total.params + total.aux_params
    assert sum(b.numel() for b in module.buffers()) == total.buffers + total.aux_buffers


@explored(400, stream=1)
@given(networks())
def test_three_parties_agree_on_every_shape(network: Network) -> None:
    assert_agreement(check(network))


@explored(350, stream=2)
@given(networks())
def test_onnx_runtime_agrees_with_pytorch(network: Network) -> None:
    """To 1e-4, or as closely as PyTorch in single precision agrees with itself in double.

    A random network may standardise values that are all but equal: then single precision knows few digits, and
    neither runtime is wrong.
    """
    model = check(network)
    state = random_state(model)
    inputs = sample_inputs(model.graph, 2)
    module = model.to_torch().eval()
    module.load_state_dict(state)
    expected = run_torch(module, inputs)
    for theirs, ours in zip(run_onnx(model, state, inputs), expected, strict=True):
        assert torch.isfinite(ours).all()
        assert theirs.shape == ours.shape
        largest = (theirs - ours).abs().max()
        if not largest <= 1e-4 * ours.abs().max():
            index = [t is ours for t in expected].index(True)
            exact = run_torch(module.double(), inputs, torch.float64)[index]
            strays = (ours - exact).abs().max()
            # equal values standardised with an epsilon of 1e-5 leave rounding errors of some 1e-7 / sqrt(1e-5)
            assert (theirs - exact).abs().max() <= 1e-4 * exact.abs().max() + 5 * strays + 5e-5


@explored(200, stream=3)
@given(
    networks(),
    st.integers(13, 22),
    st.booleans(),
    st.booleans(),
    st.sampled_from([("batch",), ("batch", "height", "width"), ()]),
)
def test_every_export_is_valid_and_loads_or_is_refused(
    network: Network, opset: int, fold: bool, fp16: bool, dynamic: tuple[str, ...]
) -> None:
    model = check(network)
    refused: set[str] = set()
    proto = None
    try:
        proto = model.to_onnx(opset=opset, fold=fold, fp16=fp16, dynamic=dynamic)
    except SpecError as error:
        refused = {d.code for d in error.diagnostics}
    assert refused <= {"NS503", "NS506"}
    if refused:
        return
    assert proto is not None
    onnx.checker.check_model(proto, full_check=True)
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    onnxruntime.InferenceSession(proto.SerializeToString(), options, providers=["CPUExecutionProvider"])


def run_torch(
    module: torch.nn.Module, inputs: dict[str, Any], precision: torch.dtype = torch.float32
) -> tuple[torch.Tensor, ...]:
    tensors = [torch.from_numpy(v) for v in inputs.values()]
    with torch.no_grad():
        result = module(*(t.to(precision) if t.is_floating_point() else t for t in tensors))
    return result if isinstance(result, tuple) else (result,)


def run_onnx(model: Model, state: dict[str, torch.Tensor], inputs: dict[str, Any]) -> list[torch.Tensor]:
    proto = model.to_onnx(weights=state)
    assert proto is not None
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(proto.SerializeToString(), options, providers=["CPUExecutionProvider"])
    return [torch.from_numpy(v) for v in session.run([name for name, _ in model.graph.outputs], inputs)]
