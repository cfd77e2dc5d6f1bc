"""`netspec show` on a run, and what it says of wrong input."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import run_netspec

import netspec

pytestmark = pytest.mark.slow

RECIPE = "input 8x8 gray; conv3-4; relu; FC-10; softmax; train { optimizer adam lr=0.01; epochs 1; seed 1 }"


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("show")
    (folder / "small.net").write_text(RECIPE)
    assert run_netspec("train", "small.net", "--folder", "run", cwd=folder).returncode == 0
    return folder / "run"


def show(run: Path, *arguments: str) -> dict[str, object]:
    result = run_netspec("show", str(run), *arguments, "--json", cwd=run.parent)
    assert result.returncode == 0, result.stderr
    found: dict[str, object] = json.loads(result.stdout)
    return found


def test_views_of_a_run(run: Path) -> None:
    from sklearn.datasets import load_digits

    found = show(run, "saliency", "test:3", "-o", "s.svg", "-o", "s.npz")
    assert found["class"] == found["predicted"]
    assert np.load(run.parent / "s.npz")["saliency"].shape == (8, 8)
    show(run, "activations", "train:0", "-o", "a.npz")
    assert np.load(run.parent / "a.npz")["conv1"].shape == (1, 4, 6, 6)
    np.save(run.parent / "x.npy", load_digits().images[:1, None] / 16)
    assert show(run, "gradcam", "x.npy", "--class", "3", "-o", "g.png")["class"] == "3"
    assert (run.parent / "g.png").read_bytes()[:4] == b"\x89PNG"


def test_panel_and_worst_agree_with_eval(run: Path) -> None:
    scores = json.loads(run_netspec("eval", str(run), "--json").stdout)["scores"]["run"]
    worst = show(run, "worst", "--count", "5")
    wrong = round((1 - scores["accuracy"]) * scores["examples"])
    assert (worst["wrong"], worst["examples"]) == (wrong, scores["examples"])
    losses = [m["loss"] for m in worst["mistakes"]]  # type: ignore[attr-defined]
    assert losses == sorted(losses, reverse=True)
    assert len(losses) == 5
    panel = show(run, "panel", "--count", "12")
    right = sum(example["top"][0]["class"] == example["true"] for example in panel["examples"])  # type: ignore[attr-defined]
    assert panel["right"] == right
    assert all(len(example["top"]) == 5 for example in panel["examples"])  # type: ignore[attr-defined]
    assert (run.parent / "panel.svg").is_file()


def layer_of(run: Path, layer: str, part: str, count: int) -> np.ndarray[Any, Any]:
    """What a layer of the compiled module computes for examples of the run, one by one through `activations`."""
    from netspec.training.run_views import RunExamples
    from netspec.training.trained import Trained

    held = RunExamples(Trained.open(run), part)
    inputs, _ = held.batch(range(count))
    model = netspec.load(run / "spec.net")
    return model.trace(inputs[0].numpy(), weights=run)[layer].value


def test_neighbors_are_nearest_in_the_last_hidden_layer(run: Path) -> None:
    found = show(run, "neighbors", "train:5", "--count", "4", "-o", "n.svg", "-o", "n.npz")
    assert found["layer"] == "flatten1"
    neighbors = found["neighbors"]
    assert neighbors[0]["index"] == 5  # type: ignore[index]
    hidden = layer_of(run, "flatten1", "train", 1258).astype(np.float64)
    distances = np.linalg.norm(hidden - hidden[5], axis=1)
    np.testing.assert_array_equal(np.load(run.parent / "n.npz")["indices"], distances.argsort(kind="stable")[:4])


def test_top_examples_excite_a_channel_most(run: Path) -> None:
    found = show(run, "top", "conv1[2]", "--count", "5", "-o", "t.svg")
    best = layer_of(run, "conv1", "train", 1258)[:, 2].reshape(1258, -1).max(1)
    values = [one["value"] for one in found["top"]]  # type: ignore[attr-defined]
    np.testing.assert_allclose(values, np.sort(best)[::-1][:5], rtol=1e-5)


def test_the_embedding_is_that_of_scikit_learn(run: Path) -> None:
    from sklearn.decomposition import PCA

    show(run, "embedding", "-o", "e.npz")
    stored = np.load(run.parent / "e.npz")
    wanted = PCA(2, svd_solver="full").fit_transform(stored["features"])
    np.testing.assert_allclose(abs(stored["places"]), abs(wanted), atol=1e-6)


@pytest.mark.slow
def test_t_sne_is_repeated_by_its_seed(run: Path) -> None:
    first, second, other = (
        show(run, "embedding", "--method", "tsne", "--seed", seed, "-o", "e.svg")["places"] for seed in "112"
    )
    assert first == second != other


def test_the_order_of_the_words_does_not_matter(run: Path) -> None:
    lines = [
        ("filters", str(run)),
        (str(run), "filters"),
        (str(run), "--weights", str(run), "filters"),
        (str(run), "--json", "filters"),
    ]
    found = [run_netspec("show", *line, *(() if "--json" in line else ("--json",)), cwd=run.parent) for line in lines]
    assert [r.returncode for r in found] == [0] * 4
    assert len({r.stdout for r in found}) == 1


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (("saliency", "test:9999"), 1, "there is no test example 9999"),
        (("saliency", "nowhere.png"), 1, "no such file: nowhere.png"),
        (("saliency", "run.json"), 1, "run.json"),
        (("activations", "test:0", "--layer", "conv9"), 1, "did you mean `conv1`?"),
        (("saliency", "test:0", "--class", "ten"), 1, "there is no class `ten`"),
        (("top", "conv1[9]"), 1, "has no unit"),
        (("maximize", "elevn"), 1, "there is no class `elevn`"),
        (("boundary",), 1, "decision regions need a network with two inputs"),
        (("saliensy", "test:0"), 2, "Did you mean `saliency`?"),
        (("filters", "-o", "x.gif"), 1, "x.gif: `filters` is not animated"),
        (("activations", "test:0", "-o", "x.npy"), 1, "x.npy can hold one array"),
    ],
)  # fmt: skip
def test_wrong_input_is_reported(run: Path, arguments: tuple[str, ...], code: int, message: str) -> None:
    result = run_netspec("show", str(run), *arguments, cwd=run)
    assert (result.returncode, "Traceback" in result.stderr) == (code, False)
    assert message in " ".join(result.stderr.split())


def test_a_spec_has_no_data(run: Path) -> None:
    result = run_netspec("show", "small.net", "embedding", cwd=run.parent)
    assert result.returncode == 1
    assert "small.net is not a run" in result.stderr


def test_points_of_the_data_are_drawn(tmp_path: Path) -> None:
    (tmp_path / "net.net").write_text(
        "input 2; FC-2; softmax; train { data blobs; loss cross_entropy; epochs 1; optimizer sgd }".replace(
            "FC-2", "FC-3"
        )
    )
    assert run_netspec("train", "net.net", "--folder", "run", cwd=tmp_path).returncode == 0
    found = json.loads(run_netspec("show", "run", "boundary", "--json", "-o", "b.svg", cwd=tmp_path).stdout)
    drawn = (tmp_path / "b.svg").read_text().count("<path ")
    assert drawn == found["points"] + 3  # and the legend
    assert found["points"] > 400
