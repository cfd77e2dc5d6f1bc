"""The confusion matrix and the examples most wrong, against what torch and scikit-learn compute of the same run."""

from __future__ import annotations

import base64
import io
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from small_runs import VALUES, conv_run, trained
from torch.nn import functional as F

from netspec.server.run_folders import RunFolders
from netspec.training.review import reviewed
from netspec.training.session import open_data
from netspec.training.trained import Trained


def logits_and_targets(path: Path) -> tuple[torch.Tensor, torch.Tensor, Any]:
    run = Trained.open(path)
    examples = open_data(run.plan, run.request).test
    assert examples is not None
    batch = examples.batch(range(len(examples)))
    with torch.inference_mode():
        images = next(iter(batch.inputs.values()))
        images = images.float() / 255 if images.dtype == torch.uint8 else images
        return run.module(images.reshape(len(images), *next(iter(run.plan.inputs.values())).shape)), batch.target, batch


@pytest.mark.slow
def test_a_classifier() -> None:
    from sklearn.metrics import confusion_matrix

    path = conv_run()
    found = reviewed(path)
    logits, target, batch = logits_and_targets(path)
    predicted = logits.argmax(1)
    assert found["confusion"] == confusion_matrix(target, predicted, labels=range(10)).tolist()
    assert found["wrong"] == int((predicted != target).sum())
    losses = F.cross_entropy(logits, target, reduction="none", label_smoothing=0.05)
    wrong = [i for i in torch.argsort(-losses, stable=True).tolist() if predicted[i] != target[i]]
    mistakes = found["mistakes"]
    assert [m["index"] for m in mistakes] == wrong[:48]
    shares = logits.double().softmax(1)
    for m in mistakes:
        assert m["classes"] == (int(target[m["index"]]), int(predicted[m["index"]]))
        assert m["confidence"] == pytest.approx(float(shares[m["index"]].max()), abs=1e-6)
        assert m["of_truth"] == pytest.approx(float(shares[m["index"], target[m["index"]]]), abs=1e-6)
    image = Image.open(io.BytesIO(base64.b64decode(mistakes[0]["picture"].partition(",")[2])))
    pixels = next(iter(batch.inputs.values()))[mistakes[0]["index"], 0].double()
    scale = 1 if pixels.max() > 1 else 255
    assert np.abs(np.asarray(image) - scale * pixels.numpy()).max() <= 0.5


@pytest.mark.slow
def test_a_process_writes_lines_and_keeps_the_result() -> None:
    path = conv_run()
    command = [sys.executable, "-m", "netspec.training.review", str(path), "validation"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert lines[0]["done"] == 0
    assert lines[-2]["done"] == lines[-2]["of"] == lines[-1]["review"]["examples"]
    kept = RunFolders({"r": path}).state("r")["review"]
    assert kept == lines[-1]["review"]
    (path / "review.json").unlink()


def test_values(tmp_path: Path) -> None:
    generator = np.random.default_rng(1)
    x = generator.normal(size=(60, 4)).astype(np.float32)
    data = tmp_path / "values.npz"
    np.savez(data, x=x, y=x[:, :2])
    found = reviewed(trained("review-values", VALUES, str(data)), "train")
    losses = [m["loss"] for m in found["mistakes"]]
    assert (found["kind"], found["confusion"], found["classes"]) == ("values", None, ["0", "1"])
    assert losses == sorted(losses, reverse=True)
    assert len(found["mistakes"][0]["values"].split()) == 4
    assert len(found["mistakes"][0]["truth"].split()) == 2


def test_labels(tmp_path: Path) -> None:
    generator = np.random.default_rng(1)
    x = generator.normal(size=(60, 4)).astype(np.float32)
    np.savez(tmp_path / "labels.npz", x=x, y=(x[:, :3] > 0).astype(np.float32))
    text = "input 4\nFC-3 act=none\ntrain { loss bce; epochs 1; optimizer sgd lr=1e-4 }\n"
    found = reviewed(trained("review-labels", text, str(tmp_path / "labels.npz")))
    assert found["kind"] == "labels"
    assert len(found["labels"]) == 3
    for mistake in found["mistakes"]:
        assert mistake["truth"] != mistake["predicted"]
        assert mistake["share"] in (1 / 3, 2 / 3, 1.0)


def test_a_class_of_two(tmp_path: Path) -> None:
    generator = np.random.default_rng(1)
    x = generator.normal(size=(60, 4)).astype(np.float32)
    np.savez(tmp_path / "two.npz", x=x, y=(x[:, :1] > 0).astype(np.float32))
    text = "input 4\nFC-1 act=none\ntrain { loss bce; epochs 1; optimizer sgd lr=1e-4 }\n"
    found = reviewed(trained("review-two", text, str(tmp_path / "two.npz")))
    matrix = found["confusion"]
    assert (found["kind"], len(matrix)) == ("classes", 2)
    assert found["wrong"] == matrix[0][1] + matrix[1][0]
    assert all(m["confidence"] >= 0.5 >= m["of_truth"] for m in found["mistakes"])


def test_an_autoencoder_has_its_output_beside_its_input(tmp_path: Path) -> None:
    x = np.random.default_rng(1).integers(0, 256, size=(40, 3, 8, 8), dtype=np.uint8)
    np.savez(tmp_path / "x.npz", x=x)
    text = "input 3x8x8\nconv3-3 pad=1 act=none\ntrain { loss mse target=input; epochs 1 }\n"
    found = reviewed(trained("review-input", text, str(tmp_path / "x.npz")))
    assert found["kind"] == "input"
    for name in ("picture", "output"):
        picture = found["mistakes"][0][name]
        assert Image.open(io.BytesIO(base64.b64decode(picture.partition(",")[2]))).size == (8, 8)


def test_text_is_shown_as_text(tmp_path: Path) -> None:
    (tmp_path / "corpus.txt").write_text("to be or not to be. " * 40)
    vocabulary = len(set("to be or not to be. "))
    text = f"input 16 int\nembed-8 vocab={vocabulary}\nlinear-{vocabulary}\ntrain {{ epochs 1 }}\n"
    found = reviewed(trained("review-text", text, str(tmp_path / "corpus.txt")))
    mistake = found["mistakes"][0]
    assert found["kind"] == "positions"
    assert mistake["values"] in "to be or not to be. " * 40
    assert 0 < mistake["share"] <= 1
