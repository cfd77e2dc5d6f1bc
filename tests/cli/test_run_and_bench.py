"""`netspec run` and `netspec bench`."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from conftest import ROOT, netspec_process, run_netspec
from PIL import Image

import netspec
from netspec.analysis.analysis import Analysis
from netspec.analysis.conditions import Conditions
from netspec.analysis.devices import DEVICES, gpu_named
from netspec.backends import bench
from netspec.backends.bench import Figures, estimates
from netspec.backends.onnx.runtime import open_session

SPEC = "examples/lenet5.net"


@pytest.fixture
def digit(tmp_path: Path) -> Path:
    pixels = np.random.default_rng(0).integers(0, 255, (40, 50), dtype=np.uint8)
    Image.fromarray(pixels).save(tmp_path / "digit.png")
    return tmp_path / "digit.png"


def test_an_image_through_a_spec_and_through_its_model(tmp_path: Path, digit: Path) -> None:
    model = netspec.load(ROOT / SPEC)
    model.to_onnx(tmp_path / "m.onnx", seed=0)
    first = run_netspec("run", SPEC, "--input", str(digit), "--top", "3", "--output", str(tmp_path / "a.npy"))
    assert first.returncode == 0, first.stderr
    assert "ONNX Runtime on cpu" in first.stdout
    second = run_netspec(
        "run", str(tmp_path / "m.onnx"), "--input", str(digit), "--top", "3", "--output", str(tmp_path / "b.npy")
    )
    a, b = np.load(tmp_path / "a.npy"), np.load(tmp_path / "b.npy")
    np.testing.assert_array_equal(a, b)
    assert second.stderr == ""
    with Image.open(digit) as image:
        scaled = image.resize((40, 32), Image.Resampling.BILINEAR).crop((4, 0, 36, 32))
    x = torch.from_numpy(np.asarray(scaled, dtype=np.float32) / 255)[None, None]
    with torch.no_grad():
        np.testing.assert_allclose(a, model.to_torch(seed=0).eval()(x).numpy(), atol=1e-5)
    assert len(first.stdout.strip().splitlines()) == 5


def test_labels_and_arrays(tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", np.zeros((2, 1, 32, 32)))
    (tmp_path / "names.txt").write_text("\n".join(f"digit {i}" for i in range(10)))
    result = run_netspec(
        "run", SPEC, "--input", str(tmp_path / "x.npy"), "--top", "1", "--labels", str(tmp_path / "names.txt")
    )
    assert result.returncode == 0, result.stderr
    assert result.stdout.count("digit") == 2


def test_what_is_no_image_and_what_does_not_fit(tmp_path: Path) -> None:
    (tmp_path / "x.png").write_bytes(b"no image")
    np.save(tmp_path / "x.npy", np.zeros((2, 3, 8, 8)))
    (tmp_path / "names.txt").write_text("one\n")
    np.save(tmp_path / "good.npy", np.zeros((1, 32, 32)))
    for arguments, code in (
        (("--input", str(tmp_path / "x.png")), "NS503"),
        (("--input", str(tmp_path / "x.npy")), "NS503"),
        (("--input", str(tmp_path / "missing.png")), "NS001"),
        (("--input", str(tmp_path / "good.npy"), "--labels", str(tmp_path / "names.txt")), "NS503"),
        (("--input", str(tmp_path / "good.npy"), "--provider", "cuda"), "NS504"),
    ):
        result = run_netspec("run", SPEC, *arguments)
        assert result.returncode == 1, result.stdout
        assert f"error[{code}]" in result.stderr
        assert "Traceback" not in result.stderr
    (tmp_path / "bad.onnx").write_bytes(b"no model")
    assert (
        "error[NS504]" in run_netspec("run", str(tmp_path / "bad.onnx"), "--input", str(tmp_path / "good.npy")).stderr
    )
    (tmp_path / "houses.net").write_text("input 3\nFC-1\n")
    (tmp_path / "houses.csv").write_text("1,2,3\n")
    result = run_netspec("run", str(tmp_path / "houses.net"), "--input", str(tmp_path / "houses.csv"))
    assert result.returncode == 1
    said = " ".join(result.stderr.split())
    assert "houses.csv is not an array, and the model does not take an image" in said
    assert "netspec predict RUN FILE" in said


@pytest.mark.slow
def test_bench_measures_every_engine() -> None:
    result = netspec_process("bench", SPEC, "--batch", "1,4", "--runs", "3", "--no-compile", "--format", "json")
    assert result.returncode == 0, result.stderr
    rows = json.loads(result.stdout)
    assert {(r["engine"], r["batch"]) for r in rows} >= {
        ("torch cpu", 1),
        ("torch cpu", 4),
        ("onnxruntime cpu", 1),
        ("onnxruntime cpu", 4),
    }
    for row in rows:
        assert 0 < row["median_ms"] <= row["p95_ms"]
        assert row["throughput"] == pytest.approx(1e3 * row["batch"] / row["median_ms"])
        assert row["ratio"] == pytest.approx(row["median_ms"] / row["estimate"]["ms"])
        peaks = row["estimate"]
        assert (row["processor"], peaks["device"]) == ("cpu", "measured")
        given = Conditions(row["batch"], device=f"{peaks['flops_per_s']:.0f},{peaks['bytes_per_s']:.0f}")
        assert peaks["ms"] == pytest.approx(1e3 * netspec.load(ROOT / SPEC).figure("time", given))
    table = run_netspec("bench", SPEC, "--runs", "3", "--no-compile", "--device", "100G,10G", COLUMNS="80")
    assert "onnxruntime cpu" in table.stdout
    assert "estimate cpu" in table.stdout
    assert "100 GFLOP/s and 10.0 GB/s (as given)" in " ".join(table.stdout.split())
    assert max(map(len, table.stdout.splitlines())) <= 80
    assert run_netspec("bench", SPEC, "--batch", "0").returncode == 2
    unknown = run_netspec("bench", SPEC, "--device", "abacus")
    assert unknown.returncode == 2
    assert "unknown device" in unknown.stderr


def test_graphs_without_a_gpu_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    refused = run_netspec("bench", SPEC, "--cuda-graphs")
    assert refused.returncode == 1
    assert "error[NS604]: `--cuda-graphs` requires a CUDA GPU" in refused.stderr
    assert "remove `--cuda-graphs`" in refused.stderr


def test_graphs_are_replayed_by_the_compiler(monkeypatch: pytest.MonkeyPatch) -> None:
    log: list[object] = []
    monkeypatch.setattr(torch, "compile", lambda module, **options: log.append(options) or module)
    monkeypatch.setattr(torch.compiler, "cudagraph_mark_step_begin", lambda: log.append("begins"))
    call = bench._replaying(torch, torch.nn.Identity())
    assert call(torch.ones(1)) == call(torch.ones(1)) == 1
    assert log == [{"mode": "reduce-overhead", "dynamic": False}, "begins", "begins"]


def row(processor: str, batch: int) -> Figures:
    return Figures("engine", processor, batch, 10.0, 10.0, 1.0, None)


def test_the_estimate_is_that_of_the_processor_that_ran(monkeypatch: pytest.MonkeyPatch) -> None:
    graph = netspec.load(ROOT / "examples/vgg16.net").graph
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda: "NVIDIA H100 80GB HBM3")
    found = estimates(graph, [row("cuda", 1), row("cuda", 8), row("cpu", 1), row("cpu", 8)])
    assert {case: estimate.device.name for case, estimate in found.items()} == {
        ("cuda", 1): "h100", ("cuda", 8): "h100", ("cpu", 1): "measured", ("cpu", 8): "measured",
    }  # fmt: skip
    seconds = Analysis(graph, Conditions(8, device="h100")).total("time")
    assert found["cuda", 8].ms == pytest.approx(1e3 * seconds)
    assert found["cuda", 8].ratio(row("cuda", 8)) == pytest.approx(10.0 / found["cuda", 8].ms)


def test_a_device_that_is_named_is_that_of_pytorch() -> None:
    graph = netspec.load(ROOT / SPEC).graph
    found = estimates(graph, [row("cuda", 1), row("cpu", 1)], "a100")
    assert [(case, estimate.device.name) for case, estimate in found.items()] == [(("cuda", 1), "a100")]


def test_gpus_by_the_names_of_their_drivers() -> None:
    assert gpu_named("NVIDIA A100-SXM4-80GB") is DEVICES["a100"]
    assert gpu_named("NVIDIA H100 PCIe") is None


def test_the_libraries_of_cuda_are_loaded_first(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Where they are missing, the runtime prints so and takes the CPU."""
    import onnxruntime

    there, loaded = onnxruntime.get_available_providers(), []

    def preload() -> None:
        loaded.append(True)
        print("Failed to load libcublasLt.so.13")

    monkeypatch.setattr(onnxruntime, "get_available_providers", lambda: ["CUDAExecutionProvider", *there])
    monkeypatch.setattr(onnxruntime, "preload_dlls", preload)
    made = netspec.load("input 3; FC-2").to_onnx()
    assert made is not None
    assert open_session(made.SerializeToString())[1] == "cpu"
    assert loaded
    assert capsys.readouterr().out == ""
