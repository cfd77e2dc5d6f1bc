"""`train { … }`: read and validated."""

from __future__ import annotations

import pytest

import netspec

NET = "input 3x8x8\nstem: conv3-4\nhead: FC-2\n"
ALEXNET = """train {
  loss cross_entropy label_smoothing=0.1
  optimizer sgd lr=0.01 momentum=0.9 weight_decay=5e-4
  schedule plateau 0.1 patience=5 warmup=2
  epochs 90
  batch 128 accumulate=2
  init gaussian 0.01
  init bias 1
  regularize l2 5e-4
  augment {
    crop 24x24 pad=4
    flip
    rotate low=0 high=360
    translate low=-10 high=10
    rescale 1.6
    shear low=-20 high=20
    stretch 1.3
  }
  weights "start.safetensors"
  freeze stem
  stop patience=10
  precision bf16
  seed 3
}
"""


def test_a_recipe_is_read() -> None:
    recipe = netspec.loads(NET + ALEXNET).graph.recipe
    assert recipe is not None
    optimizer = recipe.one("optimizer")
    assert optimizer is not None
    assert optimizer.word == "sgd"
    assert dict(optimizer.values) == {
        "lr": 0.01,
        "weight_decay": 5e-4,
        "momentum": 0.9,
        "nesterov": False,
        "decay": "weights",
    }
    assert [i.word for i in recipe.settings["init"]] == ["gaussian", "bias"]
    assert recipe.augment["rescale"].values == {"high": 1.6}
    assert recipe.augment["crop"].values == {
        "size": (24, 24),
        "pad": 4,
        "from": None,
        "scale": None,
        "ratio": None,
    }
    freeze = recipe.one("freeze")
    assert freeze is not None
    assert freeze.labels == ("stem",)


@pytest.mark.parametrize(
    ("line", "code", "says"),
    [
        ("optimiser sgd", "NS403", "did you mean `optimizer`"),
        ("optimizer sdg", "NS403", "did you mean `sgd`"),
        ("optimizer", "NS206", "adamw"),
        ("optimizer sgd momentun=0.9", "NS202", "did you mean `momentum`"),
        ("optimizer sgd lr=-1", "NS205", "more than 0"),
        ("optimizer sgd momentum=1.5", "NS205", "less than 1"),
        ("epochs 0", "NS205", "at least 1"),
        ("epochs many", "NS204", "a whole number"),
        ("epochs 3\nepochs 4", "NS203", "twice"),
        ("epochs 3 4", "NS207", "does not take this value"),
        ("schedule multistep at=[60, 30]", "NS205", "must be increasing"),
        ("precision fp8", "NS205", "one of auto, fp32"),
        ("freeze sten", "NS208", "did you mean `stem`"),
        ("freeze", "NS206", "missing labels"),
        ("augment { flop }", "NS403", "did you mean `flip`"),
        ("loss mse { flip }", "NS403", "does not take a section"),
        ("weights start", "NS204", "double quotes"),
        ("seed -1", "NS101", "`seed` cannot be negative"),
    ],
)
def test_a_mistake_in_a_recipe_is_one_diagnostic(line: str, code: str, says: str) -> None:
    with pytest.raises(netspec.SpecError) as caught:
        netspec.loads(f"{NET}train {{\n{line}\n}}\n")
    (finding,) = caught.value.diagnostics
    assert finding.code == code
    assert says in str(caught.value)


@pytest.mark.parametrize(
    ("last", "loss", "warned"),
    [
        ("softmax", "cross_entropy", False), ("sigmoid", "cross_entropy", True), ("tanh", "hinge", True), ("softmax", "hinge", False),
        ("sigmoid", "bce", False), ("softmax", "bce", True), ("relu", "cross_entropy", True), ("tanh", "mse", False),
    ],
)  # fmt: skip
def test_squashing_before_a_loss_on_logits_is_warned_of(last: str, loss: str, warned: bool) -> None:
    model = netspec.loads(f"{NET}{last}\ntrain {{ loss {loss} }}")
    assert [d.code for d in model.diagnostics] == (["NS901"] if warned else [])


def test_two_recipes_are_one_too_many() -> None:
    with pytest.raises(netspec.SpecError, match="one `train` section already"):
        netspec.loads(f"{NET}train {{ epochs 3 }}\ntrain {{ epochs 3 }}")


def test_the_documentation_of_the_recipe_is_up_to_date() -> None:
    from conftest import ROOT

    from netspec.settings.reference import markdown

    assert (ROOT / "docs" / "recipe.md").read_text() == markdown()


def test_layers_without_a_label_are_frozen_by_their_names() -> None:
    """Also blocks; a label goes before an automatic name."""
    text = "block b(w) { conv3-w pad=1 }\ninput 3x8x8\nconv3-4 pad=1 act=relu\nb(4)\nhead: FC-2\ntrain {\n  freeze conv1 b1\n}\n"
    model = netspec.loads(text)
    recipe = model.graph.recipe
    assert recipe is not None
    assert recipe.one("freeze").labels == ("conv1", "b1")  # type: ignore[union-attr]
    assert (model.figure("frozen"), model.figure("trainable")) == (4 * 28 + 4 * 37, 4 * 64 * 2 + 2)
    with pytest.raises(netspec.SpecError, match="did you mean `conv1`"):
        netspec.loads(text.replace("freeze conv1", "freeze conv2"))
