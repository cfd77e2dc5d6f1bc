"""Runs of several kinds: transfer, restarts, folds, autoencoders, two inputs; through the Python API of a session."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from running import WHOLE, engine_of, save_examples
from safetensors.torch import load_file

from netspec.datasets import DataOptions
from netspec.diagnostics import SpecError
from netspec.source import SourceFile
from netspec.training.engine import Watcher
from netspec.training.hardware import Hardware
from netspec.training.run_folder import RunFolder
from netspec.training.session import Request, train
from netspec.training.several import fold_requests, keep_best, restart_requests, summary

RANDOM = np.random.default_rng(0)
TEXT = (
    "net N(classes = 3)\ninput 6\nbody: FC-8 act=relu\nhead: FC-classes\ntrain { epochs 2; batch 16; optimizer adam }\n"
)


class Notes(Watcher):
    def __init__(self) -> None:
        self.texts: list[str] = []

    def note(self, text: str) -> None:
        self.texts.append(text)


def request_of(tmp_path: Path, text: str = TEXT, classes: int = 3) -> Request:
    y = RANDOM.integers(0, classes, 90)
    x = (RANDOM.normal(size=(90, 6)) + 3 * np.eye(6)[y]).astype(np.float32)
    where = save_examples(tmp_path / "e.npz", x, y)
    (tmp_path / "spec.net").write_text(text)
    return Request(SourceFile(text, "spec.net", tmp_path / "spec.net"), where, DataOptions(), Hardware("cpu"))


def test_the_head_is_replaced_and_the_rest_taken_over(tmp_path: Path) -> None:
    train(request_of(tmp_path), RunFolder(tmp_path / "first"), Watcher())
    (tmp_path / "start.safetensors").write_bytes((tmp_path / "first" / "best.safetensors").read_bytes())
    text = TEXT.replace("classes = 3", "classes = 4").replace(
        "adam }", 'adam; weights "start.safetensors"; freeze body }'
    )
    notes = Notes()
    train(request_of(tmp_path, text, 4), RunFolder(tmp_path / "second"), notes)
    before, after = (load_file(tmp_path / name / "last.safetensors") for name in ("first", "second"))
    best = load_file(tmp_path / "first" / "best.safetensors")
    assert torch.equal(best["body.weight"], after["body.weight"])
    assert after["head.weight"].shape == (4, 8)
    assert before["head.weight"].shape == (3, 8)
    assert "2 of 4 tensors" in notes.texts[0]
    assert "not loaded: head.weight, head.bias" in notes.texts[0]


def test_weights_outside_the_folder_of_a_spec_are_not_read(tmp_path: Path) -> None:
    (tmp_path / "inner").mkdir()
    train(request_of(tmp_path), RunFolder(tmp_path / "run"), Watcher())
    text = TEXT.replace("adam }", 'adam; weights "../run/best.safetensors" }')
    request = request_of(tmp_path / "inner", text)
    with pytest.raises(SpecError, match="NS004"):
        train(request, RunFolder(tmp_path / "other"), Watcher())
    train(
        replace(request_of(tmp_path / "inner"), weights=tmp_path / "run" / "best.safetensors"),
        RunFolder(tmp_path / "other"),
        Watcher(),
    )


def test_restarts_keep_the_best_and_leave_the_test_examples(tmp_path: Path) -> None:
    requests = restart_requests(request_of(tmp_path), 3)
    assert [r.source.text.count(f"seed {i}") for i, r in enumerate(requests)] == [1, 1, 1]
    outcomes = [train(r, RunFolder(tmp_path / f"r-{i}"), Watcher()) for i, r in enumerate(requests)]
    assert all(o.test is None for o in outcomes)
    weights = [load_file(tmp_path / f"r-{i}" / "last.safetensors")["body.weight"] for i in range(3)]
    assert not torch.equal(weights[0], weights[1])
    best = keep_best(outcomes, RunFolder(tmp_path / "kept"))
    scores = [json.loads((tmp_path / f"r-{i}" / "run.json").read_text())["result"]["validation"] for i in range(3)]
    assert best == max(range(3), key=lambda i: (scores[i]["accuracy"], -scores[i]["loss"]))
    assert (tmp_path / "kept" / "best.safetensors").read_bytes() == (
        tmp_path / f"r-{best}" / "best.safetensors"
    ).read_bytes()
    assert "standard deviation" in summary(outcomes, "restart")


def test_folds_validate_every_example_once(tmp_path: Path) -> None:
    requests = fold_requests(request_of(tmp_path), 4)
    seen: list[bytes] = []
    tests = set()
    for request in requests:
        engine = engine_of(request.source.text, request.data, request.options)
        validation, test = engine.collection.validation, engine.collection.test
        assert validation is not None
        assert test is not None
        seen += [x.numpy().tobytes() for x in validation.batch(range(len(validation))).inputs["input"]]
        tests.add(test.batch(range(len(test))).inputs["input"].numpy().tobytes())
    assert len(seen) == len(set(seen)) == 90 - 18
    assert len(tests) == 1, "the test examples stay apart, the same for every fold"


def test_an_autoencoder_learns_its_input() -> None:
    text = (
        "input 64\nFC-16 act=relu\nFC-64\nsigmoid\ntrain { loss mse target=input; optimizer adam lr=3e-3; epochs 4 }\n"
    )
    engine = engine_of(text, "digits", WHOLE)
    engine.fit(Watcher())
    first, *_, last = engine.at.history
    assert last.train.loss < 0.6 * first.train.loss
    assert last.train.accuracy is None


def test_a_net_with_two_inputs(tmp_path: Path) -> None:
    a, b = (RANDOM.normal(size=(64, 4)).astype(np.float32) for _ in range(2))
    y = ((a * b).sum(1) > 0).astype(np.int64)
    np.savez(tmp_path / "e.npz", left=a, right=b, y=y)
    text = "input left 4\ninput right 4\nmul [ from left; from right ]\nFC-2\ntrain { optimizer adam lr=0.05; epochs 20; batch 16 }\n"
    engine = engine_of(text, str(tmp_path / "e.npz"))
    engine.fit(Watcher())
    accuracy = engine.at.history[-1].train.accuracy
    assert accuracy is not None
    assert accuracy > 0.95


def test_early_stopping_and_the_plateau_watch_validation(tmp_path: Path) -> None:
    text = TEXT.replace(
        "epochs 2; batch 16; optimizer adam",
        "epochs 200; batch 16; optimizer sgd lr=1e-9; stop patience=3; schedule plateau 0.5 patience=0",
    )
    outcome = train(request_of(tmp_path, text), RunFolder(tmp_path / "run"), Watcher())
    assert outcome.finished
    rows = (tmp_path / "run" / "metrics.csv").read_text().splitlines()[1:]
    assert 4 <= len(rows) < 200
    rates = [float(row.split(",")[2]) for row in rows]
    assert rates[-1] < rates[0]


def test_means_of_the_training_set_are_stored_with_the_weights(tmp_path: Path) -> None:
    text = TEXT.replace("input 6\n", "input 6\nnormalize channel\n")
    request = request_of(tmp_path, text)
    engine = engine_of(text, request.data, request.options)
    x = engine.collection.train.batch(range(len(engine.collection.train))).inputs["input"].double()
    state = engine.module.state_dict()
    assert torch.allclose(state["normalize1.mean"].double().flatten(), x.mean(0), atol=1e-6)
    assert torch.allclose(state["normalize1.std"].double().flatten(), x.std(0, correction=0), atol=1e-5)
    train(request, RunFolder(tmp_path / "run"), Watcher())
    assert torch.equal(load_file(tmp_path / "run" / "best.safetensors")["normalize1.mean"], state["normalize1.mean"])


@pytest.mark.parametrize("form", ["pca components=4", "whiten components=4", "zca eps=1e-3"])
def test_principal_components_of_the_training_set_are_stored_with_the_weights(tmp_path: Path, form: str) -> None:
    """As scikit-learn finds them (it divides by one example less); whitened, the covariance is that of the identity."""
    from sklearn.decomposition import PCA

    text = TEXT.replace("input 6\n", f"input 6\nnormalize {form}\n")
    request = request_of(tmp_path, text)
    engine = engine_of(text, request.data, request.options)
    x = engine.collection.train.batch(range(len(engine.collection.train))).inputs["input"].double()
    state = engine.module.state_dict()
    mean, matrix = (state[f"normalize1.{name}"].double() for name in ("mean", "matrix"))
    assert torch.allclose(mean, x.mean(0), atol=1e-6)
    y = (x - mean) @ matrix.T
    covariance = torch.cov(y.T, correction=0)
    found = PCA(y.shape[1]).fit(x.numpy())
    variances = torch.from_numpy(found.explained_variance_) * (len(x) - 1) / len(x)
    if "pca" in form:
        assert torch.allclose(covariance, torch.diag(variances), atol=1e-5)
        alike = (matrix @ torch.from_numpy(found.components_).T).abs()
        assert torch.allclose(alike, torch.eye(4, dtype=torch.float64), atol=1e-4)
    elif "whiten" in form:
        assert torch.allclose(covariance, torch.eye(4, dtype=torch.float64), atol=1e-3)
    else:
        shrunk = torch.from_numpy(found.components_.T * (1 / (variances + 1e-3) ** 0.5).numpy() @ found.components_)
        assert torch.allclose(matrix, shrunk, atol=1e-4)


def test_what_cannot_be_trained(tmp_path: Path) -> None:
    for text, says in (
        (TEXT.replace("adam", "lbfgs; ema 0.9"), "cannot be combined"),
        (TEXT.replace("adam", "lbfgs; layer_decay 0.9"), "with `layer_decay`"),
        (TEXT.replace("adam", "sgd nesterov=yes"), "requires momentum"),
        (TEXT.replace("adam", "adam; freeze body head"), "frozen"),
        (TEXT.replace("adam", "adam; freeze body; train_only head"), "cannot be combined"),
        (TEXT.replace("adam", "adam; augment { flip }"), "requires an image"),
        (TEXT.replace("head:", "output middle\nhead:").replace("train", "output end\ntrain"), "2"),
        ("input 6\nrelu\ntrain { epochs 1 }\n", "no weights"),
    ):
        with pytest.raises(SpecError, match="NS604") as caught:
            train(request_of(tmp_path, text), RunFolder(tmp_path / "run"), Watcher())
        assert says in str(caught.value)
        assert not (tmp_path / "run").exists()


def test_layers_are_pre_trained_one_after_the_other(tmp_path: Path) -> None:
    text = TEXT.replace("epochs 2;", "pretrain layerwise epochs=3; epochs 1;")
    notes = Notes()
    train(request_of(tmp_path, text), RunFolder(tmp_path / "run"), notes)
    assert notes.texts[1:] == ["not pretrained: head (the last layer)"]
    assert notes.texts[0].startswith("pretrained body: mean squared error ")
    train(request_of(tmp_path), RunFolder(tmp_path / "plain"), notes)
    assert len(notes.texts) == 2
