"""`netspec sizes`: what it prints, and networks whose sizes depend on each other."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from netspec.cli import main
from netspec.model import loads

ROOT = Path(__file__).parents[2]


def _run(*arguments: str, spec: str | None = None, columns: int = 80) -> Result:
    return CliRunner(env={"COLUMNS": str(columns)}).invoke(main, ["sizes", *arguments], input=spec)


def _data(spec: str, *arguments: str) -> dict[str, Any]:
    result = _run("-", "--format", "json", *arguments, spec=spec)
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)  # type: ignore[no-any-return]


def _answers(spec: str, *arguments: str) -> dict[str, str]:
    """The lines with answers, by their titles."""
    result = _run("-", *arguments, spec=spec, columns=300)
    lines = [line.split(maxsplit=1) for line in result.stdout.splitlines()[2:] if line[:1].strip()]
    return {words[0]: words[1] for words in lines if len(words) == 2}


def test_a_vgg_takes_32_or_more_and_tiles_multiples_of_32() -> None:
    result = _run(str(ROOT / "examples/vgg16.net"))
    assert result.exit_code == 0
    assert "VGG16   input 3xHxW" in result.stdout
    for line in (
        "takes      H and W: 32 or more",
        "smallest   3x32x32",
        "tiles      H and W: multiples of 32 from 32",
        "for 3x224x224 fit H and W: 224 to 255",
        "512x⌊H/32⌋x⌊W/32⌋",
    ):
        assert line in result.stdout
    assert max(map(len, result.stdout.splitlines())) <= 80


def test_joins_say_which_sizes_they_need() -> None:
    answers = _answers((ROOT / "examples/unet_padded.net").read_text())
    assert answers["takes"] == "H and W: multiples of 16 from 16"
    assert answers["weights"] == "fit every size that it takes"
    result = _run(str(ROOT / "examples/unet_padded.net"), columns=160)
    assert "concat4 (line 22, column 16) needs H and W: even sizes from 2" in result.stdout


def test_the_document_has_forms_that_evaluate_to_the_shapes() -> None:
    spec = "input 3x64x64\nconv3-8/2 pad=1\nmaxpool3/2\nconv3-8 pad=same_upper\n"
    data = _data(spec)
    at = {"H": 37, "W": 90}
    layers = [
        [size if isinstance(size, int) else eval(size, {}, at) for size in layer["output"]] for layer in data["layers"]
    ]
    model = loads(spec.replace("64x64", "37x90"))
    assert layers == [list(layer.output) for layer in model.layers]
    assert data["sizes"] == {"H": 64, "W": 64}
    assert data["smallest"] == {"H": 5, "W": 5}


def test_signals_and_sequences_have_one_size() -> None:
    assert _answers("input 40x100\nconv5-8\nmaxpool2\n")["takes"] == "L: 6 or more"
    assert _answers("input ids 20 int\nembed-8 vocab=9\ntake 4\nFC-2\n")["takes"] == "T: 5 or more"


def test_a_parameter_of_the_size_is_left_open_itself() -> None:
    spec = "net V(size = 64, patch = 8)\ninput 3x(size)x(size)\nconv(patch)-16/(patch)\ntokens\nimage(size // patch, size // patch)\n"
    answers = _answers(spec)
    assert answers["takes"] == "size: 8 or more"
    assert _answers(spec, "-D", "patch=4")["takes"] == "size: 4 or more"


def test_inputs_of_one_size_keep_one_size() -> None:
    spec = "input left 1x28x28\ninput right 1x28x28\nconcat [ from left -> conv3-8; from right -> conv5-8 pad=1 ]\n"
    assert _answers(spec)["takes"] == "H and W: 3 or more"
    spec = spec.replace("right 1x28x28", "right 1x14x14").replace("from right", "from right -> upsample 2")
    assert _answers(spec)["takes"] == "H and W: 3 or more; H2 and W2: 2 or more; H = 2·H2; W = 2·W2"


def test_axes_that_are_joined_crosswise_must_be_equal() -> None:
    spec = "input 3x8x8\nconcat [ identity; permute(0, 2, 1) ]\n"
    answers = _answers(spec)
    assert answers["takes"] == "H = W"
    assert answers["because"] == "concat1 (line 2, column 1) needs H = W"


def test_a_join_by_value_repeats_axes_of_size_1() -> None:
    takes = _answers("input 3x8x8\nadd [ identity; permute(0, 2, 1) ]\n")["takes"]
    assert takes == "H = W | H: 2 or more; W: 1; H ≠ W | H: 1; W: 2 or more; H ≠ W"


@pytest.mark.parametrize(
    ("layers", "takes"),
    [
        ("maxpool2\nupsample 2\nadd [ identity; from input ]", "H and W: even sizes from 2"),
        ("fit exact\nmaxpool3/2", "H and W: odd sizes from 3"),
        ("crop 24x24", "H and W: 24 or more"),
        ("instancenorm", "H: 2 or more | H: 1; W: 2 or more"),
        ("residual { conv3-3/2 pad=1 } else none", "any size"),
    ],
)
def test_rules_that_are_not_windows(layers: str, takes: str) -> None:
    assert _answers(f"input 3x32x32\n{layers}\n")["takes"] == takes


def test_a_product_of_sizes_is_told_as_it_is() -> None:
    answers = _answers("input 3x6x6\nconv3-8 -> flatten -> reshape 8x4x4\n")
    assert answers["takes"] == "H and W: 3 or more; H·W = 2H + 2W + 12"
    assert answers["smallest"] == "3x6x6"


def test_conditions_on_sizes_are_followed() -> None:
    data = _data("input 3x32x32\nif in.height > 8 { conv3-4/2 pad=1 } else { conv3-4 pad=1 }\ngap\n")
    assert data["takes"][0]["text"] == "any size"
    assert [boxes[0]["text"] for boxes in data["other_networks"]] == ["H: 1 to 8"]


def test_a_number_of_layers_that_depends_on_the_size_is_undecided_in_the_end() -> None:
    data = _data("input 3x32x32\nrepeat (in.height // 8) { conv3-3 pad=1 }\ngap\n")
    assert data["undecided"]
    assert data["takes"][0]["axes"]["W"] == {"below": [], "start": 1, "period": 1, "cycle": [1]}


def test_a_spec_that_takes_no_size_is_an_error() -> None:
    result = _run("-", spec="input 3x32x32\nadd [ conv3-8; identity ]\n")
    assert result.exit_code == 1
    assert "NS306" in result.stderr


def test_a_vector_has_no_sizes_that_can_change() -> None:
    assert _answers("input 784\nFC-10\n")["takes"].startswith("exactly this input")


def test_a_library_has_no_sizes() -> None:
    result = _run(str(ROOT / "examples/resnet_blocks.net"))
    assert result.exit_code == 1
    assert "NS103" in result.stderr


def test_options_that_depend_on_the_size_are_those_of_each_size() -> None:
    """A slice up to the height: what it takes is not judged with the end of another sample."""
    halve = "slice(1, here.height, axis=height)"
    spec = f"input 1x8x8\nconv3-4/2 pad=1\nif here.height > 1 {{\n  {halve}\n}}\nif here.height > 2 {{\n  {halve}\n}}\nconv2-4\n"
    answers = _answers(spec)
    assert answers["takes"] == "H: 5 or more; W: 3 or more"
    assert answers["because"].startswith("conv (line 9, column 1) refuses H: 1 to 4: ")
    assert "slice" not in _run("-", spec=spec, columns=300).stdout.split("because")[1].split("\n\n")[0]
