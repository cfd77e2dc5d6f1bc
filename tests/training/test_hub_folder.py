"""`netspec report RUN --hub FOLDER`: what huggingface_hub reads of the card, and what the files are when nothing else is there."""

from __future__ import annotations

import json
import runpy
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import huggingface_hub
import pytest
import torch
from conftest import run_netspec
from safetensors.torch import load_file
from small_runs import CONV, conv_run, netspec

from netspec.training.trained import Trained


@pytest.mark.slow
def test_a_folder_for_a_hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run, folder = conv_run(), tmp_path / "hub"
    uploads: list[Any] = []

    class Api:
        def __init__(self, **options: Any) -> None:
            pass

        def create_repo(self, repo_id: str, *, private: bool, exist_ok: bool) -> Any:
            assert private
            assert exist_ok
            return SimpleNamespace(repo_id=repo_id)

        def upload_folder(self, *, repo_id: str, folder_path: Path, allow_patterns: list[str]) -> None:
            uploads.append((repo_id, folder_path, allow_patterns))

    monkeypatch.setattr(huggingface_hub, "HfApi", Api)
    folder.mkdir()
    (folder / "private.txt").write_text("not of the run")
    said = netspec("report", run, "--hub", folder, "--push", "me/small")
    assert said.exit_code == 0, said.output
    names = ["README.md", "model.safetensors", "model.py", "spec.net"]
    assert uploads == [("me/small", folder, names)]
    assert not (tmp_path / "report.html").exists()

    card = huggingface_hub.ModelCard.load(folder / "README.md")
    tested = json.loads((run / "run.json").read_text())["result"]["test"]
    scores = {result.metric_type: result.metric_value for result in card.data.eval_results}
    assert scores["accuracy"] == pytest.approx(tested["accuracy"])
    assert scores["loss"] == pytest.approx(tested["loss"], abs=1e-6)
    assert (card.data.pipeline_tag, card.data.library_name) == ("image-classification", "netspec")
    assert {(r.dataset_name, r.dataset_split) for r in card.data.eval_results} == {("digits", "test")}
    assert "## Classes" in card.text

    module = runpy.run_path(str(folder / "model.py"))["Small"]()
    module.load_state_dict(load_file(folder / "model.safetensors"))
    x = torch.rand(4, 1, 8, 8)
    assert torch.allclose(module.eval()(x).double(), Trained.open(run).output([x]), atol=1e-6)
    assert (folder / "spec.net").read_text() == CONV.format(seed=1, more="")


def test_pushing_needs_a_folder() -> None:
    assert run_netspec("report", "run", "--push", "me/small").returncode == 2
