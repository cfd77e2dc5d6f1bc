"""The examples of a run by what the network computes of them: nearest neighbors, maps of the plane, what excites a unit."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from netspec.announcing import announce
from netspec.graph import Node
from netspec.inside.look import Inside
from netspec.inside.unit_field import box_of, parse_unit
from netspec.inside.view import View
from netspec.inside.view_pictures import Band, Box, Points, Tile, plane, sheet
from netspec.training.run_views import RunExamples, noun_of

if TYPE_CHECKING:
    import numpy as np

__all__ = ["embedding", "neighbors", "top"]

_BATCH = 128
_MOST = 10_000
"""So many examples are looked at, the first ones."""
_ROWS = 8


def neighbors(inside: Inside, image: Any, held: RunExamples, count: int = 8) -> View:
    """The examples whose values in the last hidden layer are nearest to those of an image (Euclidean distance).

    Raises SpecError (NS001, NS503)."""
    import numpy as np
    import torch

    batch = inside.example(image)[:1]
    node = inside.hidden
    _, tensors = inside.run(batch)
    wanted = tensors[node.name].reshape(-1).double().numpy()
    features, targets = _features(inside, held)
    distances = np.sqrt(((features - wanted) ** 2).sum(1))
    order = np.argsort(distances, kind="stable")[:count]
    names = _names(held, targets)
    is_class = held.run.plan.task == "class" and not inside.logits.type.spatial
    predicted = inside.classes[inside.predicted(tensors)] if is_class else None
    text = f"nearest {noun_of(held.part)} examples in {node.name}, of {len(features):,}"
    lines = [text, *([f"predicted: {predicted}"] if is_class else []), *inside.notes]
    lines += [f"{held.part}:{i}{names[i] and f' {names[i]}'}, distance {distances[i]:.4g}" for i in order]
    inputs, _ = held.batch(order.tolist())
    given = ("input, predicted:", f"{predicted}") if held.are_images else (f"input, predicted: {predicted}",)
    given = given if is_class else ("input",)
    tiles = [held.tile([torch.from_numpy(batch)], 0, given)]
    tiles += [
        held.tile(inputs, row, (names[i] or f"{held.part}:{i}", f"distance {distances[i]:.3g}"), f"{held.part}:{i}")
        for row, i in enumerate(order)
    ]
    data = {
        "layer": node.name, "predicted": predicted, "part": held.part,
        "neighbors": [{"index": int(i), "class": names[i], "distance": float(distances[i])} for i in order],
    }  # fmt: skip
    return View(
        "neighbors", "\n".join(lines), data, {"indices": order, "distances": distances[order]},
        lambda: sheet(f"{inside.graph.name}: nearest neighbors", [text, *inside.notes], [held.band(tiles, 84.0)]),
    )  # fmt: skip


def embedding(inside: Inside, held: RunExamples, method: str = "pca") -> View:
    """The last hidden layer of the examples in two dimensions: the first two principal components, or t-SNE (van der Maaten &
    Hinton 2008) of scikit-learn, from the seed. Raises SpecError (NS502)."""
    features, targets = _features(inside, held)
    places, axes, words = _tsne(features, inside.seed) if method == "tsne" else _pca(features)
    names = _names(held, targets)
    classes = inside.classes if any(names) else ()
    marks = [classes.index(name) if name in classes else -1 for name in names]
    lines = [f"{len(features):,} {noun_of(held.part)} examples in {inside.hidden.name}: {words}", *inside.notes]
    low, high = places.min(0), places.max(0)
    margin = 0.05 * (high - low) + 1e-9
    extent = tuple(float(v) for axis in (0, 1) for v in (low[axis] - margin[axis], high[axis] + margin[axis]))
    left, right, bottom, top_ = extent
    tips = [f"{held.part}:{i} {name}" for i, name in enumerate(names)]
    data = {
        "layer": inside.hidden.name,
        "method": method,
        "part": held.part,
        "places": places.tolist(),
        "classes": names,
    }
    return View(
        "embedding", "\n".join(lines), data, {"places": places, "features": features, "labels": targets},
        lambda: plane(
            f"{inside.graph.name}: {'t-SNE' if method == 'tsne' else 'PCA'} of {inside.hidden.name}", lines,
            (left, right, bottom, top_), Points(places, marks, tips), classes, None, axes,
        ),
    )  # fmt: skip


def top(inside: Inside, unit: str, held: RunExamples, count: int = 8) -> View:
    """The examples that excite a unit most, with the receptive field of the position that does; for a layer without a channel,
    those of its first 8 channels. Raises SpecError (NS503)."""
    import numpy as np

    chosen = parse_unit(inside, unit)
    node, given = chosen.node, "," in unit
    values = _of_layer(inside, held, node)
    axis = node.type.feature_axis
    moved = np.moveaxis(values, axis, 1).reshape(len(values), node.type.features, -1)  # examples x channels x positions
    channels = [chosen.channel] if chosen.channel is not None else list(range(min(_ROWS, node.type.features)))
    bands, rows = [], []
    for channel in channels:
        each = moved[:, channel]
        at = int(np.ravel_multi_index(chosen.position, node.type.spatial)) if given and chosen.position else None
        places = np.full(len(each), at) if at is not None else each.argmax(1)
        best = each[np.arange(len(each)), places]
        order = np.argsort(-best, kind="stable")[:count]
        inputs, _ = held.batch(order.tolist())
        tiles, cuts, smaller = [], [], False
        for row, i in enumerate(order):
            position = tuple(map(int, np.unravel_index(int(places[i]), node.type.spatial))) if node.type.spatial else ()
            box = _field(inside, chosen, position)
            tile = held.tile(inputs, row, (f"{best[i]:.3g}",), f"{held.part}:{i}", box)
            tiles.append(tile)
            if tile.pixels is not None and box:
                cut = _cut(tile.pixels, *box)
                cuts.append(Tile(cut, tip=f"{held.part}:{i}, its receptive field"))
                smaller = smaller or cut.shape != tile.pixels.shape
            rows.append({"channel": channel, "index": int(i), "value": float(best[i]), "position": list(position)})
        bands.append(held.band(tiles, 84.0, heading=f"{node.name}, channel {channel}"))
        if smaller:
            bands.append(Band("", cuts, 84.0))
    text = f"the {noun_of(held.part)} examples that excite {node.name} most, of {len(values):,}"
    if any(tile.boxes for band in bands for tile in band.tiles):
        text += "; frames: its receptive field" + (", cut out below" if any(not band.heading for band in bands) else "")
    lines = [text, *inside.notes]
    arrays = {name: np.array([row[name] for row in rows]) for name in ("channel", "index", "value")}
    data = {"layer": node.name, "part": held.part, "top": rows}
    return View(
        "top",
        "\n".join(lines),
        data,
        arrays,
        lambda: sheet(f"{inside.graph.name}: examples that excite {unit}", lines, bands),
    )


def _field(inside: Inside, unit: Any, position: tuple[int, ...]) -> tuple[Box, ...]:
    from netspec.inside.unit_field import Unit

    box = box_of(inside, Unit(unit.node, unit.channel, position))
    if len(box) != 2:
        return ()
    (up, down), (left, right) = box
    return (Box(left, up, right + 1, down + 1),)


def _cut(pixels: np.ndarray[Any, Any], box: Box) -> np.ndarray[Any, Any]:
    result: np.ndarray[Any, Any] = pixels[int(box.top) : int(box.bottom), int(box.left) : int(box.right)]
    return result


def _of_layer(inside: Inside, held: RunExamples, layer: Node) -> np.ndarray[Any, Any]:
    """The values of a layer for all examples, at most the first 10,000."""
    import numpy as np
    import torch

    count = min(len(held.examples), _MOST)
    names = [name for name, _ in inside.graph.inputs]
    found = []
    for start in range(0, count, _BATCH):
        announce(f"example {start:,} of {count:,}")
        inputs, _ = held.batch(range(start, min(start + _BATCH, count)))
        batch = {name: value.cpu().numpy() for name, value in zip(names, inputs, strict=True)}
        with torch.no_grad():
            tensors = inside.forward.run(inside.forward.inputs(batch, gradients=False), until=layer)
        found.append(tensors[layer.name].numpy())
    return np.concatenate(found)


def _features(inside: Inside, held: RunExamples) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """The last hidden layer (examples x values, float64) and the classes; -1 where the targets are no classes."""
    import numpy as np

    values = _of_layer(inside, held, inside.hidden)
    targets = held.examples.targets()
    is_class = held.run.plan.task == "class" and targets is not None and targets.ndim == 1
    classes = targets[: len(values)] if is_class and targets is not None else np.full(len(values), -1)
    return values.reshape(len(values), -1).astype(np.float64), classes


def _names(held: RunExamples, targets: np.ndarray[Any, Any]) -> list[str]:
    names = held.run.classes or tuple(map(str, range(held.run.plan.output.type.features)))
    return [names[t] if 0 <= t < len(names) else "" for t in targets.tolist()]


def _pca(features: np.ndarray[Any, Any]) -> tuple[np.ndarray[Any, Any], tuple[str, str], str]:
    import numpy as np

    centered = features - features.mean(0)
    left, sizes, axes = np.linalg.svd(centered, full_matrices=False)
    places = np.zeros((len(features), 2))
    kept = min(2, len(sizes))
    signs = np.sign(
        axes[np.arange(kept), abs(axes[:kept]).argmax(1)]
    )  # the largest weight is positive, on every machine
    places[:, :kept] = left[:, :kept] * sizes[:kept] * signs
    shares = [*(sizes**2 / max(float((sizes**2).sum()), 1e-30)).tolist(), 0.0, 0.0]
    words = f"the first two principal components have {shares[0] + shares[1]:.0%} of the variance"
    return places, (f"first component ({shares[0]:.0%})", f"second component ({shares[1]:.0%})"), words


def _tsne(features: np.ndarray[Any, Any], seed: int) -> tuple[np.ndarray[Any, Any], tuple[str, str], str]:
    """Raises SpecError (NS502)."""
    import numpy as np

    try:
        from sklearn.manifold import TSNE
    except ImportError:
        from netspec.optional import not_installed

        raise not_installed("scikit-learn", "train") from None
    perplexity = min(30.0, max(1.0, (len(features) - 1) / 3))
    made = TSNE(perplexity=perplexity, init="random", random_state=seed).fit_transform(features.astype(np.float32))
    return made.astype(np.float64), ("", ""), f"t-SNE, perplexity {perplexity:.3g}, seed {seed}"
