"""A trained run as a folder of a model hub: weights, spec, module, and a card whose front matter the Hugging Face Hub reads."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from netspec.diagnostics import SpecError
from netspec.files import atomic_write, cannot_write
from netspec.optional import install_command, not_installed
from netspec.training.model_card import as_card
from netspec.training.run_folder import used_by
from netspec.training.run_report import RunReport, report_of
from netspec.training.trained import Trained

__all__ = ["push", "write_hub_folder"]


def write_hub_folder(
    run: Path, folder: Path, weights: Literal["best", "last"] = "best", part: str | None = None
) -> list[str]:
    """Writes the folder and returns the names of its files. Raises SpecError as `report_of` does, and NS501."""
    report, trained = report_of(run, weights, part), Trained.open(run, weights)
    name = type(trained.model.to_torch()).__name__
    files = {
        "README.md": f"{_front_matter(report, trained)}{as_card(report)}\n{_usage(name)}".encode(),
        "model.safetensors": trained.weights.read_bytes(),
        "model.py": trained.model.torch_source().encode(),
        "spec.net": trained.folder.spec.read_bytes(),
    }
    files |= {str(relative): origin.read_bytes() for relative, origin in used_by(trained.request.source).items()}
    try:
        for relative in files:
            (folder / relative).parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise cannot_write(folder, error) from None
    for relative, content in files.items():
        with atomic_write(folder / relative) as file:
            file.write(content)
    return list(files)


def push(folder: Path, files: list[str], repository: str) -> str:
    """Uploads the files of a folder to the Hugging Face Hub, to a repository that is made, private, if there is none; its address.

    Raises SpecError (NS502) without huggingface_hub, NS501 where the hub refuses."""
    try:
        from huggingface_hub import HfApi
    except ImportError:
        raise not_installed("huggingface_hub", "hub") from None
    try:
        client: Any = HfApi(library_name="netspec")
        made = client.create_repo(repository, private=True, exist_ok=True)
        client.upload_folder(repo_id=made.repo_id, folder_path=folder, allow_patterns=files)
    except Exception as error:  # of the client, of requests to the hub, of the network
        said = next(iter(str(error).strip().splitlines()), "")[:200]
        raise SpecError.of(
            "NS501", f"{repository} cannot be uploaded", notes=[f"{type(error).__name__}: {said}"],
            helps=["log in with `hf auth login`, or set HF_TOKEN", f"{folder} is complete: `hf upload` takes it, too"],
        ) from None  # fmt: skip
    return str(made)


def _front_matter(report: RunReport, trained: Trained) -> str:
    """YAML, whose values are written as JSON."""
    task, data = _pipeline(trained), Path(trained.info["data"]["where"]).name
    metrics = [{"type": name, "value": value} for name, value in report.scores.items()]
    result = {
        "task": {"type": task or "other"},
        "dataset": {"name": data, "type": data, "split": report.part},
        "metrics": metrics,
    }
    values: Mapping[str, Any] = {
        "library_name": "netspec", **({"pipeline_tag": task} if task else {}), "tags": ["netspec", "pytorch"],
        "model-index": [{"name": report.network, "results": [result]}],
    }  # fmt: skip
    lines = [f"{name}: {json.dumps(value, ensure_ascii=True)}\n" for name, value in values.items()]
    return f"---\n{''.join(lines)}---\n\n"


def _pipeline(trained: Trained) -> str | None:
    """The name of the task on the hub, if it has one."""
    plan = trained.plan
    image = any(kind.layout == "map" and kind.rank == 2 for kind in plan.inputs.values())
    if plan.pixelwise:
        return "image-segmentation"
    if plan.output.type.layout != "vector" or plan.task == "input":
        return None
    if plan.task == "class" or plan.labels:
        return f"{'image' if image else 'text' if plan.vocabularies else 'tabular'}-classification"
    return None if image or plan.vocabularies else "tabular-regression"


def _usage(name: str) -> str:
    return f"""## Use

```python
from safetensors.torch import load_file

from model import {name}

net = {name}()
net.load_state_dict(load_file("model.safetensors"))
net.eval()
```

`model.py` was written by `netspec compile spec.net -o model.py` ({install_command()}); inputs are as in the spec, pixels from 0 to 1.
"""
