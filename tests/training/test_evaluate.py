"""`netspec eval` against scikit-learn, against the figures of the run itself, and against arithmetic by hand."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pytest
import torch
from safetensors.numpy import load_file, save_file
from sklearn import metrics
from sklearn.datasets import load_digits
from small_runs import VALUES, conv_run, mlp_run, netspec, trained

import netspec as package
from netspec.training.evaluation import Question
from netspec.training.session import open_data
from netspec.training.trained import Trained

pytestmark = pytest.mark.slow


def result_of(run: Path) -> dict[str, Any]:
    return json.loads((run / "run.json").read_text())["result"]


def part_of(run: Path, part: str = "test") -> tuple[np.ndarray, np.ndarray]:
    """The images (0 to 1) and labels of a part, read through the dataset, and found again among scikit-learn's."""
    opened = Trained.open(run)
    examples = getattr(open_data(opened.plan, opened.request), part)
    batch = examples.batch(range(len(examples)))
    images, labels = batch.inputs["input"].numpy().astype(np.float32) / 255, batch.target.numpy()
    digits = load_digits()
    place = {
        np.round(i * 255 / 16).astype(np.uint8).tobytes(): t for i, t in zip(digits.images, digits.target, strict=True)
    }
    assert [place[(i * 255).round().astype(np.uint8).tobytes()] for i in images] == labels.tolist()
    return images, labels


def spec_output(run: Path, images: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """What the spec's own module puts out with the run's best weights; nothing of netspec.training."""
    module = package.load(run / "spec.net").to_torch()
    module.load_state_dict({k: torch.from_numpy(v) for k, v in load_file(run / "best.safetensors").items()})
    with torch.no_grad():
        return module.eval()(torch.from_numpy(images).reshape(-1, *shape)).numpy()


def test_scores_are_those_of_scikit_learn() -> None:
    run = conv_run()
    found = json.loads(netspec("eval", run, "--json").output)
    images, labels = part_of(run)
    probabilities = spec_output(run, images, (1, 8, 8))
    answers = probabilities.argmax(1)
    score = found["scores"][run.name]
    assert found["part"] == "test"
    assert score["examples"] == len(labels)
    assert score["accuracy"] == pytest.approx(metrics.accuracy_score(labels, answers), abs=1e-12)
    top5 = metrics.top_k_accuracy_score(labels, probabilities, k=5)
    assert score["top5"] == pytest.approx(top5, abs=1e-6)
    assert found["confusion"] == metrics.confusion_matrix(labels, answers).tolist()
    precision, recall, _, support = metrics.precision_recall_fscore_support(labels, answers, zero_division=np.nan)
    for one, p, r, n in zip(found["classes"], precision, recall, support, strict=True):
        assert (one["precision"] or np.nan) == pytest.approx(p, nan_ok=True)
        assert one["recall"] == pytest.approx(r)
        assert one["examples"] == n


def test_loss_and_accuracy_are_those_that_training_measured() -> None:
    run = conv_run()
    for part in ("test", "validation"):
        score = json.loads(netspec("eval", run, "--part", part, "--json").output)["scores"][run.name]
        assert score["accuracy"] == result_of(run)[part]["accuracy"]
        assert score["loss"] == pytest.approx(result_of(run)[part]["loss"], rel=1e-5)


def test_an_ensemble_is_the_mean_of_the_probabilities() -> None:
    """Of nets that take an image and a vector, with a softmax of their own and without."""
    runs = [conv_run(), conv_run(2), mlp_run()]
    found = json.loads(netspec("eval", *runs, "--json").output)
    images, labels = part_of(runs[0])
    logits = torch.from_numpy(spec_output(runs[2], images, (64,)))
    each = [spec_output(run, images, (1, 8, 8)) for run in runs[:2]] + [logits.softmax(1).numpy()]
    mean = np.mean(np.stack(each).astype(np.float64), axis=0)
    assert found["ensemble"]["accuracy"] == pytest.approx((mean.argmax(1) == labels).mean(), abs=1e-12)
    assert found["confusion"] == metrics.confusion_matrix(labels, mean.argmax(1)).tolist()
    chosen = -np.log(mean[np.arange(len(labels)), labels])
    smoothed = 0.95 * chosen + 0.05 * -np.log(mean).mean(1)  # the first run's loss has label_smoothing=0.05
    assert found["ensemble"]["loss"] == pytest.approx(smoothed.mean(), rel=1e-4)
    for run, one in zip(runs, each, strict=True):
        assert found["scores"][run.name]["accuracy"] == pytest.approx((one.argmax(1) == labels).mean(), abs=1e-12)


@pytest.mark.parametrize("run", [conv_run, mlp_run], ids=["softmax", "logits"])
def test_the_exported_model_is_as_accurate(run: Any, tmp_path: Path) -> None:
    path = run()
    model = tmp_path / "out.onnx"
    told = netspec("eval", path, "--export", model, "--json")
    assert told.exit_code == 0, told.output
    ours, theirs = json.loads(told.output)["scores"].values()
    assert ours["accuracy"] == theirs["accuracy"]
    assert ours["loss"] == pytest.approx(theirs["loss"], rel=1e-4)
    images, labels = part_of(path)
    session = onnxruntime.InferenceSession(model)
    (declared,) = session.get_inputs()
    (output,) = session.run(None, {declared.name: images.reshape(-1, *declared.shape[1:])})
    assert theirs["accuracy"] == pytest.approx((output.argmax(1) == labels).mean(), abs=1e-12)


def test_another_model_is_measured_and_one_that_was_exported_wrong_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run, other = conv_run(), conv_run(2)
    model = tmp_path / "other.onnx"
    package.load(other / "spec.net").to_onnx(model, other / "best.safetensors")
    scores = json.loads(netspec("eval", run, "--onnx", model, "--json").output)["scores"]
    assert scores["other.onnx"]["accuracy"] == result_of(other)["test"]["accuracy"]

    def wrong(self: Any, path: Path, weights: Any, **_: Any) -> None:
        Path(path).write_bytes(model.read_bytes())

    monkeypatch.setattr("netspec.model.Model.to_onnx", wrong)
    told = netspec("eval", run, "--export", tmp_path / "wrong.onnx")
    if scores["other.onnx"]["accuracy"] != scores[run.name]["accuracy"]:
        assert told.exit_code == 1
        assert "NS504" in told.output


def test_ten_crops_are_ten_windows_averaged() -> None:
    run = conv_run(more="augment { crop pad=1 }")
    score = json.loads(netspec("eval", run, "--ten-crop", "--json").output)["scores"][run.name]
    images, labels = part_of(run)
    padded = np.pad(images, ((0, 0), (0, 0), (1, 1), (1, 1)))
    windows = [padded[:, :, y : y + 8, x : x + 8] for y, x in ((0, 0), (0, 2), (2, 0), (2, 2), (1, 1))]
    parts = [*windows, *(w[..., ::-1].copy() for w in windows)]
    mean = np.mean([spec_output(run, w, (1, 8, 8)) for w in parts], axis=0)
    assert score["accuracy"] == pytest.approx((mean.argmax(1) == labels).mean(), abs=1e-12)
    refused = netspec("eval", conv_run(), "--ten-crop")
    assert refused.exit_code == 1
    assert "NS604" in refused.output


@pytest.fixture(scope="module")
def values_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(300, 4)).astype(np.float32)
    y = np.stack([x[:, 0] + x[:, 1], x[:, 2] * 0.5], 1).astype(np.float32)
    path = tmp_path_factory.mktemp("values") / "values.npz"
    np.savez(path, x=x, y=y)
    return trained("values", VALUES, str(path))


def test_values_are_measured_as_by_scikit_learn(values_run: Path) -> None:
    told = netspec("eval", values_run, "--json")
    score = json.loads(told.output)["scores"]["values"]
    opened = Trained.open(values_run)
    test = open_data(opened.plan, opened.request).test
    assert test is not None
    batch = test.batch(range(len(test)))
    output = spec_output(values_run, batch.inputs["input"].numpy(), (4,))
    target = batch.target.numpy()
    assert score["mse"] == pytest.approx(metrics.mean_squared_error(target, output), rel=1e-5)
    assert score["mae"] == pytest.approx(metrics.mean_absolute_error(target, output), rel=1e-5)
    assert score["r2"] == pytest.approx(metrics.r2_score(target, output), rel=1e-4)
    assert "R2" in netspec("eval", values_run).output


def test_other_data_is_measured_whole(tmp_path: Path) -> None:
    run = conv_run()
    images, labels = part_of(run)
    path = tmp_path / "seen.npz"
    np.savez(path, x=(images * 255).round().astype(np.uint8)[:50], y=labels[:50])
    found = json.loads(netspec("eval", run, "--data", path, "--json").output)
    assert found["scores"][run.name]["examples"] == 50
    answers = spec_output(run, images[:50], (1, 8, 8)).argmax(1)
    assert found["scores"][run.name]["accuracy"] == pytest.approx((answers == labels[:50]).mean())


def test_data_that_changed_is_told(tmp_path: Path) -> None:
    digits = load_digits()
    path = tmp_path / "digits.npz"
    stored = np.round(digits.images * 255 / 16).astype(np.uint8)
    np.savez(path, x=stored, y=digits.target)
    run = trained("changing", CONV_ON_FILE, str(path))
    assert "warning" not in netspec("eval", run).output
    np.savez(path, x=stored[::-1], y=digits.target[::-1])
    told = netspec("eval", run)
    assert told.exit_code == 0
    assert "has changed since training" in " ".join(told.output.split())


CONV_ON_FILE = "input 8x8 gray\nFC-10\ntrain {\n  epochs 1\n}\n"


def test_the_tables_fit_and_the_files_hold_the_matrix(tmp_path: Path) -> None:
    run = conv_run()
    told = netspec("eval", run, "--confusion", tmp_path / "c.csv")
    assert max(map(len, told.output.splitlines())) <= 80
    rows = list(csv.reader((tmp_path / "c.csv").open()))
    matrix = json.loads(netspec("eval", run, "--json").output)["confusion"]
    assert rows[0] == ["class", *"0123456789"]
    assert [[int(n) for n in row[1:]] for row in rows[1:]] == matrix
    assert netspec("eval", run, "--confusion", tmp_path / "c.svg").exit_code == 0
    assert (tmp_path / "c.svg").read_text().startswith("<?xml")


def test_what_is_no_run_is_said(tmp_path: Path) -> None:
    for path in (tmp_path / "nothing", tmp_path):
        told = netspec("eval", path)
        assert told.exit_code == 1
        assert "NS606" in told.output
    run = conv_run()
    assert netspec("eval", run, "--export", "a.onnx", "--onnx", "b.onnx").exit_code == 2
    assert "NS001" in netspec("eval", run, "--onnx", tmp_path / "none.onnx").output
    assert Question().part is None


def test_weights_that_do_not_fit_the_spec_are_said(tmp_path: Path) -> None:
    run = tmp_path / "run"
    run.mkdir()
    for name in ("spec.net", "run.json"):
        (run / name).write_bytes((conv_run() / name).read_bytes())
    assert "has no best weights yet" in netspec("eval", run).output
    save_file({"other": np.zeros(3, np.float32)}, run / "best.safetensors")
    told = netspec("eval", run)
    assert told.exit_code == 1
    assert "does not match" in told.output
