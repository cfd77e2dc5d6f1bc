"""The augmenter as a whole: what depends on what, mixing, parts for testing, statistics, what it refuses."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from augmenting import augmenter, photograph
from torch.nn import functional as F

import netspec
from netspec.training.augment import Mixed, pixel_statistics, ten_crops

ALL: dict[str, Any] = {
    "crop": {"pad": 2}, "flip": {}, "flip_vertical": {}, "rotate": {"high": 20.0}, "translate": {"high": 2.0}, "rescale": {},
    "shear": {}, "stretch": {}, "jitter": {}, "lighting": {}, "erase": {}, "noise": {}, "mixup": {}, "cutmix": {},
}  # fmt: skip
EXACT: dict[str, Any] = {"crop": {"pad": 2}, "flip": {}, "erase": {"p": 1.0}, "noise": {"std": 0.02}, "cutmix": {}}
TOTAL = 24


def everything(section: dict[str, Any], seed: int, step: int, rows: range) -> tuple[torch.Tensor, Mixed]:
    images = torch.rand(TOTAL, 3, 16, 16, generator=torch.Generator().manual_seed(1))[list(rows)]
    made = augmenter((3, 16, 16), (3, 16, 16), seed=seed, colors=torch.eye(3) / 4, **section)
    return made.mix(made.train(images, step, rows, TOTAL), torch.arange(TOTAL)[list(rows)], step, rows, TOTAL)


# What depends on what


@pytest.mark.parametrize("section", [ALL, EXACT], ids=["all", "exact"])
def test_any_division_of_the_batch_gives_the_same_bits(section: dict[str, Any]) -> None:
    """One process, two, three, or steps of accumulation; and the global state of torch and numpy has no say."""
    whole, targets = everything(section, 7, 30, range(TOTAL))
    for each in (12, 8, 2):
        torch.manual_seed(each)
        np.random.seed(each)
        parts = [everything(section, 7, 30, range(i, i + each)) for i in range(0, TOTAL, each)]
        assert torch.equal(torch.cat([images for images, _ in parts]), whole)
        for name in ("target", "other", "share"):
            assert torch.equal(torch.cat([getattr(mixed, name) for _, mixed in parts]), getattr(targets, name))


def test_seeds_steps_and_rows_differ() -> None:
    first, _ = everything(ALL, 7, 30, range(TOTAL))
    for seed, step in ((8, 30), (7, 31)):
        assert not torch.equal(everything(ALL, seed, step, range(TOTAL))[0], first)
    same = torch.rand(1, 3, 16, 16).expand(8, 3, 16, 16)
    rows = augmenter((3, 16, 16), (3, 16, 16), rotate={}).train(same, 0, range(8), 8)
    assert all(not torch.equal(rows[0], row) for row in rows[1:])


def test_one_augmentation_more_leaves_the_others_as_they_are() -> None:
    images = torch.rand(TOTAL, 3, 16, 16)

    def made(**asked: Any) -> torch.Tensor:
        return augmenter((3, 16, 16), (3, 16, 16), **asked).train(images, 3, range(TOTAL), TOTAL)

    plain, erased = made(crop={"pad": 2}, flip={}), made(crop={"pad": 2}, flip={}, erase={"p": 1.0})
    kept = erased != 0
    assert torch.equal(erased[kept], plain[kept])
    assert 0.5 < kept.float().mean() < 1


def test_a_smaller_last_batch_draws_the_same_for_its_rows() -> None:
    made = augmenter((3, 16, 16), (3, 16, 16), rotate={}, flip={}, jitter={})
    images = torch.rand(10, 3, 16, 16)
    assert torch.equal(made.train(images, 0, range(10), 10)[:6], made.train(images[:6], 0, range(6), 6))


def test_rows_that_are_not_of_the_batch() -> None:
    made = augmenter((3, 16, 16), (3, 16, 16), flip={})
    for rows in (range(3), range(22, 26)):
        with pytest.raises(ValueError, match="are not rows"):
            made.train(torch.rand(4, 3, 16, 16), 0, rows, 24)


def test_nothing_asked_changes_nothing() -> None:
    images = torch.rand(5, 3, 16, 16)
    made = augmenter((3, 16, 16), (3, 16, 16))
    assert torch.equal(made.train(images, 0, range(5), 5), images)
    assert torch.equal(made.test(images), images)
    out, mixed = made.mix(images, torch.arange(5), 0, range(5), 5)
    assert out is images
    assert torch.equal(mixed.share, torch.ones(5))
    assert torch.equal(mixed.loss(lambda target: target * 2.0), torch.arange(5) * 2.0)


# Mixing


def test_mixup_is_a_sum_of_neighbors() -> None:
    n = 5
    images, target = torch.rand(n, 3, 8, 8), torch.arange(n)
    out, mixed = augmenter((3, 8, 8), (3, 8, 8), mixup={"alpha": 1.0}).mix(images, target, 2, range(n), n)
    assert mixed.other.tolist() == [1, 0, 3, 2, 3]
    share = mixed.share[:, None, None, None]
    assert torch.allclose(out, share * images + (1 - share) * images[mixed.other], atol=1e-6)
    loss = mixed.loss(lambda labels: labels.float())
    assert torch.allclose(loss, mixed.share * target + (1 - mixed.share) * mixed.other)


def test_cutmix_shares_are_counted_in_pixels() -> None:
    n, h, w = 400, 12, 20
    images = torch.arange(n, dtype=torch.float32)[:, None, None, None].expand(n, 1, h, w) / n
    out, mixed = augmenter((1, h, w), (1, h, w), cutmix={}).mix(images, torch.arange(n), 0, range(n), n)
    theirs = out == images[mixed.other]
    assert torch.equal(theirs, out != images), "every pixel is one or the other's"
    assert torch.allclose(1 - theirs.float().mean((1, 2, 3)), mixed.share)
    rows, columns = theirs[:, 0].any(2).sum(1), theirs[:, 0].any(1).sum(1)
    assert torch.equal(theirs.flatten(1).sum(1), rows * columns), "a rectangle"


@pytest.mark.parametrize("alpha", [0.2, 1.0, 4.0])
def test_shares_come_from_the_beta_distribution(alpha: float) -> None:
    n = 4000
    _, mixed = augmenter((1, 2, 2), (1, 2, 2), mixup={"alpha": alpha}).mix(
        torch.rand(n, 1, 2, 2), torch.zeros(n), 0, range(n), n
    )
    assert abs(float(mixed.share.mean()) - 0.5) < 0.02
    assert abs(float(mixed.share.var()) - 1 / (4 * (2 * alpha + 1))) < 0.008


def test_of_mixup_and_cutmix_each_example_draws_one() -> None:
    n = 400
    images = torch.arange(n, dtype=torch.float32)[:, None, None, None].expand(n, 1, 16, 16)
    out, mixed = augmenter((1, 16, 16), (1, 16, 16), mixup={"alpha": 1.0}, cutmix={}).mix(
        images, torch.arange(n), 0, range(n), n
    )
    pasted = ((out == images) | (out == images[mixed.other])).flatten(1).all(1)
    assert abs(float(pasted.float().mean()) - 0.5) < 0.1
    mean = mixed.share * images[:, 0, 0, 0] + (1 - mixed.share) * images[mixed.other][:, 0, 0, 0]
    assert torch.allclose(out.mean((1, 2, 3)), mean, rtol=1e-5)


def test_a_batch_of_one_is_not_mixed() -> None:
    images = torch.rand(1, 1, 4, 4)
    out, mixed = augmenter((1, 4, 4), (1, 4, 4), mixup={}).mix(images, torch.zeros(1), 0, range(1), 1)
    assert torch.equal(out, images)
    assert mixed.share.tolist() == [1]


def test_vectors_are_mixed_up_too() -> None:
    made = augmenter((64,), (64,), mixup={"alpha": 1.0})
    x = torch.rand(6, 64)
    assert torch.equal(made.train(x, 0, range(6), 6), x)
    out, mixed = made.mix(x, torch.arange(6), 0, range(6), 6)
    share = mixed.share[:, None]
    assert torch.allclose(out, share * x + (1 - share) * x[mixed.other], atol=1e-6)


# Parts for testing


def test_testing_takes_the_center() -> None:
    images = torch.rand(2, 3, 11, 14)
    assert torch.equal(augmenter((3, 11, 14), (3, 8, 8), crop={}).test(images), images[:, :, 1:9, 3:11])
    small = torch.rand(2, 1, 28, 28)
    made = augmenter((1, 28, 28), (1, 32, 32), crop={"pad": 2})  # the digits of MNIST for LeNet-5
    assert torch.equal(made.test(small), F.pad(small, (2, 2, 2, 2)))
    assert torch.equal(made.train(small, 0, range(2), 2), F.pad(small, (2, 2, 2, 2)))
    same = torch.rand(2, 3, 32, 32)
    assert torch.equal(augmenter((3, 32, 32), (3, 32, 32), crop={"pad": 4}, rotate={}).test(same), same)


def test_ten_crops_are_corners_center_and_mirror_images() -> None:
    images = photograph(10, 12)[None]
    crops = ten_crops(images, (3, 6, 8))
    assert len(crops) == 10
    places = [(0, 0), (0, 4), (4, 0), (4, 4), (2, 2)]
    for (y, x), part, mirrored in zip(places, crops[:5], crops[5:], strict=True):
        assert torch.equal(part, images[:, :, y : y + 6, x : x + 8])
        assert torch.equal(mirrored, part.flip(3))
    with pytest.raises(netspec.SpecError, match="cannot be cut out"):
        ten_crops(images, (3, 11, 8))


# Statistics


@pytest.mark.parametrize(("shape", "axis"), [((3, 5, 4), 1), ((7,), 1), ((6, 4), 2), ((2, 9), 1)])
def test_statistics_of_a_training_set(shape: tuple[int, ...], axis: int) -> None:
    """A batch at a time, as of the whole; a mean far from 0 costs no digits."""
    x = 1000 + torch.randn(50, *shape, generator=torch.Generator().manual_seed(0)) * torch.linspace(1, 2, shape[-1])
    found = pixel_statistics((x[i : i + 8] for i in range(0, 50, 8)), axis)
    others = [d for d in range(x.dim()) if d != axis]
    assert found.examples == 50
    assert torch.allclose(found.mean_image, x.double().mean(0).float())
    assert torch.allclose(found.mean, x.double().mean(others).float())
    assert torch.allclose(found.std, x.double().std(others, correction=0).float(), rtol=1e-5)


def test_statistics_of_a_channel_that_never_changes_and_of_nothing() -> None:
    found = pixel_statistics([torch.zeros(4, 2, 3, 3) + torch.tensor([0.5, 0.25])[:, None, None]])
    assert found.mean.tolist() == [0.5, 0.25]
    assert found.std.tolist() == [1, 1]
    with pytest.raises(netspec.SpecError, match="NS601"):
        pixel_statistics([])


# What cannot be carried out


@pytest.mark.parametrize(
    ("stored", "wanted", "section", "says"),
    [
        ((3, 32, 32), (3, 24, 24), {}, "add `crop` to"),
        ((3, 20, 20), (3, 24, 24), {"flip": {}}, "the net expects 24x24"),
        ((1, 32, 32), (3, 32, 32), {}, "write `input 1x32x32`"),
        ((3, 32, 32), (3, 40, 40), {"crop": {"pad": 3}}, "larger than the images (32x32 with padding 3)"),
        ((3, 32, 32), (3, 28, 28), {"crop": {"size": (24,)}}, "outputs 24x24, but the net expects 28x28"),
        ((3, 32, 32), (3, 24, 24), {"crop": {"from": 256}}, "already 32x32"),
        ((3, 32, 32), (3, 32, 32), {"rotate": {"low": 30.0, "high": 10.0}}, "write `rotate low=10 high=30`"),
        ((1, 32, 32), (1, 32, 32), {"jitter": {"hue": 0.2}}, "gray images have no hue"),
        ((1, 32, 32), (1, 32, 32), {"jitter": {"saturation": 0.2}}, "gray images have no saturation"),
        ((4, 32, 32), (4, 32, 32), {"jitter": {}}, "4 channels"),
        ((1, 32, 32), (1, 32, 32), {"lighting": {}}, "needs color images"),
        ((64,), (64,), {"flip": {}}, "applies to images, but the input is 64"),
        ((64,), (64,), {"cutmix": {}}, "applies to images, but the input is 64"),
    ],
)  # fmt: skip
def test_what_cannot_be_carried_out_is_one_finding(
    stored: tuple[int, ...], wanted: tuple[int, ...], section: dict[str, Any], says: str
) -> None:
    with pytest.raises(netspec.SpecError) as caught:
        augmenter(stored, wanted, **section)
    (finding,) = caught.value.diagnostics
    assert finding.code == "NS604"
    assert says in " ".join((finding.message, *finding.helps))


def test_options_of_the_section_are_read() -> None:
    recipe = netspec.loads(
        "input 3x224x224\nconv3-4\ntrain {\naugment {\ncrop 224 from=256\nrotate 15\njitter 0.2 hue=0\n}\n}"
    ).graph.recipe
    assert recipe is not None
    given = {name: value for name, value in recipe.augment["crop"].values.items() if value is not None}
    assert given == {"size": (224,), "pad": 0, "from": 256}
    from netspec.training.augment import Augmenter

    made = Augmenter(recipe.augment, (3, 256, 256), (3, 224, 224), 0)
    assert made.geometry is not None
    assert made.geometry.rotate == (-15, 15)
    assert made.jitter is not None
    assert (made.jitter.brightness, made.jitter.saturation, made.jitter.hue) == (0.2, 0.4, 0)
