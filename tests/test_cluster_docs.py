"""The templates of docs/cluster.md: their YAML is read, and their commands are commands that netspec has."""

from __future__ import annotations

import re
import shlex
from typing import Any

import click
import pytest
import yaml
from conftest import ROOT
from test_docs import fenced

from netspec.cli import main
from netspec.cli.train import command as train

BLOCKS = [block for block in fenced(ROOT / "docs" / "cluster.md") if block.kind != "python"]
LAUNCHER = re.compile(r"(?:torchrun .*?-m netspec|(?:srun )?netspec) (.*)")


def command_lines(text: str) -> list[list[str]]:
    """The arguments of netspec in a script; a variable stands for a number."""
    joined = re.sub(r"\$\([^)]*\)|\$\w+", "2", text.replace("\\\n", " "))
    return [shlex.split(found[1]) for line in joined.splitlines() if (found := LAUNCHER.match(line.strip()))]


def written() -> list[list[str]]:
    found: list[list[str]] = []
    for block in BLOCKS:
        if block.kind != "yaml":
            found += command_lines(block.text)
            continue
        for _, value in strings(yaml.safe_load(block.text)):
            found += command_lines(value)
    return found


def strings(value: Any, name: str = "") -> list[tuple[str, str]]:
    """The texts of a document; a list of words is a command."""
    if isinstance(value, dict):
        return [one for key, inner in value.items() for one in strings(inner, key)]
    if isinstance(value, list) and value and all(isinstance(word, str) for word in value):
        return [(name, shlex.join(value))]
    if isinstance(value, list):
        return [one for inner in value for one in strings(inner, name)]
    return [(name, value)] if isinstance(value, str) else []


def test_there_is_a_command_in_every_template() -> None:
    assert [block.kind for block in BLOCKS].count("yaml") == 2
    assert len(written()) == len(BLOCKS)


@pytest.mark.parametrize("arguments", written(), ids=" ".join)
def test_a_command_is_one(arguments: list[str]) -> None:
    assert arguments[0] in main.list_commands(click.Context(main))
    context = train.make_context("train", arguments[1:], resilient_parsing=False)
    assert context.params["strategy"] == "ddp"
    assert context.params["devices"] > 1
    assert str(context.params["resume"]) == "RUN"


def test_kubernetes_starts_a_process_for_each_gpu() -> None:
    job = next(found for block in BLOCKS if block.kind == "yaml" and "kind" in (found := yaml.safe_load(block.text)))
    worker = job["spec"]["pytorchReplicaSpecs"]["Worker"]
    (container,) = worker["template"]["spec"]["containers"]
    words = container["command"]
    assert (job["apiVersion"], job["kind"], container["name"]) == ("kubeflow.org/v1", "PyTorchJob", "pytorch")
    assert (
        words[words.index("--devices") + 1]
        == job["spec"]["nprocPerNode"]
        == str(container["resources"]["limits"]["nvidia.com/gpu"])
    )
    assert (
        words[words.index("--nodes") + 1] == str(worker["replicas"]) == str(job["spec"]["elasticPolicy"]["minReplicas"])
    )
    mounted = {volume["name"] for volume in worker["template"]["spec"]["volumes"]}
    assert {mount["name"] for mount in container["volumeMounts"]} == mounted
