"""Points move with their images: a bright blob is drawn at each point and found again after every augmentation."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from augmenting import augmenter
from PIL import Image
from running import engine_of, save_examples
from torch import Tensor

import netspec
from netspec.datasets import DataOptions
from netspec.datasets.draws import Draws
from netspec.diagnostics import SpecError
from netspec.model import check
from netspec.source import SourceFile
from netspec.training.engine import Watcher
from netspec.training.plan import Plan
from netspec.training.prediction import Predictor
from netspec.training.sanity_data import check_targets
from netspec.training.trained import Trained

COUNT, SIZE = 24, (40, 56)
NET = """input 3x{side}x{side}
gap
FC-{outputs}
train {{
  loss {loss}
  epochs 2
  batch 6
  {augment}
}}"""


def blob(x: float, y: float, size: tuple[int, int], width: float = 1.5) -> Any:
    rows, columns = np.mgrid[: size[0], : size[1]]
    return np.exp(-((columns - x) ** 2 + (rows - y) ** 2) / (2 * width**2))


def drawn(points: Any, size: tuple[int, int] = SIZE) -> Any:
    """3 x H x W bytes: the first point in the first channel, and so on."""
    return np.stack([blob(x, y, size) for x, y in points.reshape(3, 2)]) * 255


def scattered(count: int, size: tuple[int, int] = SIZE, margin: float = 0.35) -> Any:
    """Three points for each example, away from the edges, which are blobs of channels: N x 6."""
    random = np.random.default_rng(7)
    low, high = np.array([size[1], size[0]]) * margin, np.array([size[1], size[0]]) * (1 - margin)
    return random.uniform(low, high, (count, 3, 2)).reshape(count, 6).astype(np.float32)


def found(images: Tensor) -> Any:
    """The center of the light of each channel: N x 3 x 2, x and y; NaN where less than a whole blob is seen."""
    light = images.double().numpy()
    light = np.where(light > 0.05 * max(light.max(), 1e-9), light, 0)
    total = light.sum((2, 3))
    rows, columns = np.mgrid[: light.shape[2], : light.shape[3]]
    edge = np.concatenate([light[:, :, 0], light[:, :, -1], light[:, :, :, 0], light[:, :, :, -1]], 2).max(2)
    seen = (total > 0) & (edge == 0)
    places = np.stack([(light * columns).sum((2, 3)), (light * rows).sum((2, 3))], 2)
    return np.where(seen[:, :, None], places / np.maximum(total, 1e-9)[:, :, None], np.nan)


def require_together(images: Tensor, points: Tensor, least: float = 0.6) -> None:
    there = found(images)
    given = points.double().numpy().reshape(len(there), 3, 2)
    inside = ~np.isnan(there)
    assert inside.mean() > least, "most blobs are seen whole"
    assert np.abs(there - given)[inside].max() < 0.5


MOVES: dict[str, dict[str, Any]] = {
    "crop": {"crop": {"pad": 3}},
    "flip": {"flip": {}},
    "flip_vertical": {"flip_vertical": {}},
    "rotate": {"rotate": {"high": 60.0}},
    "translate": {"translate": {"high": 6.0}},
    "rescale": {"rescale": {"high": 1.3}},
    "shear": {"shear": {"high": 20.0}},
    "stretch": {"stretch": {"high": 1.8}},
}
MOVES["all"] = {name: options for each in MOVES.values() for name, options in each.items()}


@pytest.mark.parametrize("name", MOVES)
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_points_move_like_their_images(name: str, seed: int) -> None:
    points = scattered(COUNT)
    images = torch.from_numpy(np.stack([drawn(p) for p in points])).float() / 255
    wanted = (36, 44) if "crop" in MOVES[name] else SIZE
    made = augmenter((3, *SIZE), (3, *wanted), seed=seed, **MOVES[name])
    shown = made.train(images, 5, range(COUNT), COUNT)
    moved = made.train_points(torch.from_numpy(points), (), 5, range(COUNT), COUNT)
    require_together(shown, moved)
    assert np.abs(moved.numpy() - points).max() > 1, "something moved"
    halves = [
        made.train_points(torch.from_numpy(points[rows.start :: 2]), (), 5, rows, COUNT)
        for rows in (range(0, COUNT, 2), range(1, COUNT, 2))
    ]
    assert torch.equal(torch.stack(halves, 1).reshape(COUNT, 6), moved), "each process moves its own alike"


def test_pairs_change_places_in_mirror_images_only() -> None:
    points = torch.from_numpy(scattered(64))
    made = augmenter((3, *SIZE), (3, *SIZE), flip={}, flip_vertical={}, rotate={"high": 5.0})
    plain = made.train_points(points, (), 3, range(64), 64).reshape(64, 3, 2)
    paired = made.train_points(points, ((0, 2),), 3, range(64), 64).reshape(64, 3, 2)
    assert made.geometry is not None
    across, down = made.geometry.mirrored(Draws(0, 3, range(64), 64))
    turned = torch.from_numpy(across != down)
    assert 10 < int(turned.sum()) < 54
    assert torch.equal(paired[~turned], plain[~turned])
    assert torch.equal(paired[turned], plain[turned][:, [2, 1, 0]])


def table(place: Path, kind: str = "png") -> str:
    """Images of different sizes, and where their points are."""
    lines, random = ["file,x1,y1,x2,y2,x3,y3"], np.random.default_rng(3)
    for number in range(COUNT):
        height, width = random.integers(60, 120, 2).tolist()
        points = scattered(COUNT, (height, width), 0.42)[number]
        pixels = np.stack([blob(x, y, (height, width), 3.0) for x, y in points.reshape(3, 2)], 2) * 255
        Image.fromarray(pixels.round().astype(np.uint8)).save(place / f"{number}.{kind}", quality=95, subsampling=0)
        lines.append(",".join([f"{number}.{kind}", *map(str, points.tolist())]))
    (place / "points.csv").write_text("\n".join(lines))
    return str(place / "points.csv")


def arrays(place: Path) -> str:
    points = scattered(COUNT, (80, 100), 0.42)
    pixels = np.stack(
        [np.stack([blob(x, y, (80, 100), 3.0) for x, y in p.reshape(3, 2)]) * 255 for p in points]
    ).round()
    return save_examples(place / "points.npz", pixels.astype(np.uint8), points)


def jpegs(place: Path) -> str:
    return table(place, "jpg")


def two_parts(place: Path) -> str:
    """Training and test examples in arrays of their own."""
    held = np.load(arrays(place))
    x, y, some = held["x"], held["y"], COUNT // 2
    first = np.concatenate([x[:some], x]), np.concatenate([y[:some], y])
    np.savez(place / "parts.npz", x_train=first[0], y_train=first[1], x_test=x, y_test=y)
    return str(place / "parts.npz")


def on_disk(place: Path) -> str:
    held = np.load(arrays(place))
    (place / "stored").mkdir()
    for name in ("x", "y"):
        np.save(place / "stored" / f"{name}.npy", held[name])
    return str(place / "stored")


RESIZE = DataOptions(validation=0.0, test=0.0, resize=True)
LINES = [
    "",
    "augment { flip; rotate 20 }",
    "augment { crop from=56; flip }",
    "augment { crop scale=(0.6, 1); flip }",
    "augment { crop scale=(0.6, 1) from=56; rotate 20 }",
]


@pytest.mark.slow
@pytest.mark.parametrize("line", LINES)
@pytest.mark.parametrize("data", [table, jpegs, arrays, two_parts, on_disk])
def test_points_move_as_images_are_read_and_augmented(
    tmp_path: Path, data: Any, line: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if data is on_disk:
        monkeypatch.setattr("netspec.datasets.arrays.LARGE", 1)
    text = NET.format(side=48, outputs=6, loss="mse target=points", augment=line)
    engine = engine_of(text, data(tmp_path), RESIZE)
    inputs, train = engine.inputs, engine.collection.train
    rows = range(COUNT)
    for place in (0, 7):
        batch = train.batch(rows, inputs.cut(place, rows, COUNT))
        (images,), targets, _ = inputs.train(batch, place, rows, COUNT)
        assert images.shape[2:] == (48, 48)
        require_together(images, targets["output"], 0.5)
        for mine in (range(0, COUNT, 2), range(1, COUNT, 2)):  # the rows of a process
            batch = train.batch(mine, inputs.cut(place, mine, COUNT))
            (its,), its_targets, _ = inputs.train(batch, place, mine, COUNT)
            assert torch.equal(its, images[mine.start :: 2])
            assert torch.equal(its_targets["output"], targets["output"][mine.start :: 2])
    (images,), target = inputs.test(train.batch(rows))
    require_together(images, target, 0.5)
    if data is two_parts:
        assert engine.collection.test is not None
        (images,), target = inputs.test(engine.collection.test.batch(rows))
        require_together(images, target, 0.5)


@pytest.mark.slow
@pytest.mark.parametrize("line", ["progressive 24 stages=2; flip", "progressive 24 stages=2; crop scale=(0.6, 1)"])
def test_points_of_smaller_stages_are_in_pixels_of_the_input(tmp_path: Path, line: str) -> None:
    text = NET.format(side=48, outputs=6, loss="mse target=points", augment=f"augment {{ {line} }}")
    engine = engine_of(text, table(tmp_path), RESIZE)
    rows = range(COUNT)
    for place, side in ((0, 24), (4, 48)):
        batch = engine.collection.train.batch(rows, engine.inputs.cut(place, rows, COUNT))
        (images,), targets, _ = engine.inputs.train(batch, place, rows, COUNT)
        assert images.shape[2:] == (side, side)
        require_together(images, (targets["output"] + 0.5) * (side / 48) - 0.5, 0.5)


@pytest.mark.slow
def test_workers_give_the_same_points(tmp_path: Path) -> None:
    text = NET.format(side=48, outputs=6, loss="mse target=points pairs=[[0, 1]]", augment=LINES[3])
    losses = []
    for workers in (0, 2):
        options = DataOptions(validation=0.0, test=0.0, resize=True, workers=workers)
        engine = engine_of(text, table(tmp_path), options)
        engine.fit(Watcher())
        losses.append([p.detach().clone() for p in engine.module.parameters()])
    assert all(torch.equal(a, b) for a, b in zip(*losses, strict=True))


@pytest.mark.parametrize(
    ("outputs", "loss", "augment", "said"),
    [
        (6, "mse pairs=[[0, 1]]", "", "`pairs` are of points"),
        (6, "mse target=points pairs=[[0, 3]]", "", "has a point 3, but the net has the points 0 to 2"),
        (6, "l1 target=points", "augment { mixup 0.2 }", "`mixup` cannot be combined"),
        (6, "huber target=points", "augment { cutmix }", "`cutmix` cannot be combined"),
        (6, "mse target=points", "augment { randaugment }", "`randaugment` cannot be combined"),
    ],
)
def test_what_points_cannot_be_combined_with(outputs: int, loss: str, augment: str, said: str) -> None:
    text = NET.format(side=48, outputs=outputs, loss=loss, augment=augment)
    graph = check(SourceFile(text, "spec.net")).model().graph
    with pytest.raises(SpecError) as error:
        Plan.of(graph)
    assert error.value.diagnostics[0].code == "NS604"
    assert said in str(error.value)


@pytest.mark.parametrize(
    ("outputs", "loss", "said"),
    [
        (5, "mse target=points", "needs two outputs for each point"),
        (6, "mse target=points pairs=[[0, 1], [1, 2]]", "a point stands twice"),
        (6, "mse target=points pairs=[0, 1]", "pairs of points"),
        (6, "bce target=points", "target"),
    ],
)
def test_check_names_the_mistake(outputs: int, loss: str, said: str) -> None:
    found = check(SourceFile(NET.format(side=48, outputs=outputs, loss=loss, augment=""), "spec.net"))
    assert any(said in d.message for d in found.diagnostics if d.is_error)


def test_sanity_measures_points_as_the_net_sees_them(tmp_path: Path) -> None:
    points = np.full((12, 6), 200, np.float32)
    where = save_examples(tmp_path / "e.npz", np.zeros((12, 3, 400, 400), np.uint8), points)
    engine = engine_of(NET.format(side=8, outputs=6, loss="mse target=points", augment=""), where, RESIZE)
    (said,) = check_targets(SimpleNamespace(plan=engine.plan, collection=engine.collection))  # type: ignore[arg-type]
    assert said.measured == "mean 3.51, standard deviation 0"
    assert not said.fault


def test_classes_are_no_points(tmp_path: Path) -> None:
    x = np.zeros((12, 3, 8, 8), np.uint8)
    where = save_examples(tmp_path / "e.npz", x, np.arange(12) % 6)
    with pytest.raises(SpecError, match=r"are\s+classes,\s+but\s+`target=points`\s+needs"):
        engine_of(NET.format(side=8, outputs=6, loss="mse target=points", augment=""), where)


@pytest.mark.slow
def test_predicted_points_are_those_of_the_stored_image(tmp_path: Path) -> None:
    """The shorter side, 40 pixels, is scaled to 30, and the center of 24x24 is what the net sees."""
    points = scattered(8)
    where = save_examples(tmp_path / "e.npz", np.stack([drawn(p) for p in points]).astype(np.uint8), points)
    text = NET.format(side=24, outputs=6, loss="mse target=points", augment="augment { crop from=30 }")
    outcome = netspec.train(
        text, where, folder=tmp_path / "run", accelerator="cpu", validation=0, test_share=0, show=False
    )
    predictor = Predictor(Trained.open(outcome.path))
    image = drawn(points[0]).astype(np.uint8)
    Image.fromarray(image.transpose(1, 2, 0)).save(tmp_path / "a.png")
    np.save(tmp_path / "b.npy", image)
    read = predictor._arrays(tmp_path / "a.png")["input"]
    np.save(tmp_path / "seen.npy", read[0, :, (read.shape[2] - 24) // 2 :, (read.shape[3] - 24) // 2 :][:, :24, :24])
    of_file, of_array, seen = (
        np.array(next(predictor.predictions(tmp_path / name)).values).reshape(3, 2)
        for name in ("a.png", "b.npy", "seen.npy")
    )
    assert of_file == pytest.approx((seen + np.array([9.5, 3.5])) * 4 / 3 - 0.5, abs=1e-4)
    assert of_array == pytest.approx(of_file, abs=1e-2)
